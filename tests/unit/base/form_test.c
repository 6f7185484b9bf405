/* What a client sent, checked against a model: what is right becomes a row, every wrong field gets its words. */
#include "model_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/form.h"
#include "lib/clock.h"
#include "lib/pattern.h"

static int setup(void **state)
{
    *state = thing_model();
    return 0;
}

static int teardown(void **state)
{
    thing_model_free(*state);
    return 0;
}

/* The form of a new thing of user 7; @error: the only error that it must have, as "/pointer detail"; NULL: none. */
static void check_create(const struct model *model, const char *params, const char *error)
{
    SCOPED(thing_request_free) struct request *request = thing_request(7, false, params);
    SCOPED(row_free) struct row *row = NULL;
    SCOPED(buffer_free) struct buffer wanted = {0};
    enum status status = form_create(request, model, &row);
    if (error) {
        size_t pointer = strcspn(error, " ");
        buffer_printf(&wanted, "{\"pointer\":\"%.*s\",\"detail\":", (int)pointer, error);
        buffer_json(&wanted, error + pointer + 1, strlen(error + pointer + 1));
        buffer_char(&wanted, '}');
    }
    if (strcmp(errors_of(request), wanted.bytes ? wanted.bytes : "") != 0)
        fail_msg("%s: got %s, not %s", params, errors_of(request), wanted.bytes ? wanted.bytes : "no error");
    assert_int_equal(status, error ? STATUS_INVALID : STATUS_OK);
    assert_true((row != NULL) == (status == STATUS_OK));
}

static void check_text(const struct row *row, size_t field, const char *text)
{
    assert_int_equal(row->values[field].kind, VALUE_TEXT);
    assert_string_equal(row->values[field].text, text);
    assert_int_equal(row->values[field].length, strlen(text));
}

static void check_int(const struct row *row, size_t field, int64_t number)
{
    assert_int_equal(row->values[field].kind, VALUE_INT);
    assert_int_equal(row->values[field].number, number);
}

static void what_is_right_becomes_a_row(void **state)
{
    SCOPED(thing_request_free)
    struct request *request =
        thing_request(7, false,
                      "{'name':'gr\xc3\xbcn','body':'','number':-1000,'ratio':1.5,'open':false,'day':'2028-02-29',"
                      "'due':'2026-01-31T10:00:00.25+02:00','labels':['a','b'],'scores':[],'state':'gone','code':'AB',"
                      "'email':'a.b@example.org','link':'https://example.org/?q=%20#x','parent':3,'secret':'s',"
                      "'key':'123e4567-E89b-12d3-a456-426614174000','note':'mine'}");
    SCOPED(row_free) struct row *row = NULL;

    enum status status = form_create(request, *state, &row);

    assert_string_equal(errors_of(request), "");
    assert_int_equal(status, STATUS_OK);
    check_text(row, THING_NAME, "gr\xc3\xbcn");
    check_text(row, THING_BODY, "");
    check_int(row, THING_NUMBER, -1000);
    assert_int_equal(row->values[THING_RATIO].kind, VALUE_REAL);
    assert_true(row->values[THING_RATIO].real == 1.5);
    check_int(row, THING_OPEN, 0);
    check_text(row, THING_DAY, "2028-02-29");
    check_int(row, THING_DUE, INT64_C(1769846400250));
    check_text(row, THING_LABELS, "[\"a\",\"b\"]");
    check_text(row, THING_SCORES, "[]");
    check_text(row, THING_STATE, "gone");
    check_int(row, THING_OWNER, 7);
    check_int(row, THING_PARENT, 3);
    check_text(row, THING_SECRET, "s");
    check_text(row, THING_NOTE, "mine");
    for (size_t i = 0; i < FIELDS_OWN; i++) /* not the form's */
        assert_int_equal(row->values[i].kind, VALUE_NULL);
}

static void what_is_absent_gets_its_default(void **state)
{
    SCOPED(thing_request_free) struct request *request = thing_request(7, false, "{'name':'x'}");
    SCOPED(row_free) struct row *row = NULL;
    char before[CLOCK_TEXT_SIZE], after[CLOCK_TEXT_SIZE];
    clock_text(clock_wall_ms(), before)[10] = '\0';

    assert_int_equal(form_create(request, *state, &row), STATUS_OK);

    clock_text(clock_wall_ms(), after)[10] = '\0';
    check_text(row, THING_BODY, "");
    check_int(row, THING_OPEN, 1);
    check_text(row, THING_LABELS, "[]");
    check_text(row, THING_STATE, "new");
    check_int(row, THING_OWNER, 7);
    assert_true(strcmp(row->values[THING_SINCE].text, before) >= 0);
    assert_true(strcmp(row->values[THING_SINCE].text, after) <= 0);
    assert_int_equal(row->values[THING_NUMBER].kind, VALUE_NULL);
    assert_int_equal(row->values[THING_NOTE].kind, VALUE_NULL);
}

static void who_is_not_signed_in_is_nobodys_default(void **state)
{
    struct model *model = *state;
    SCOPED(thing_request_free) struct request *request = thing_request(0, false, "{'name':'x'}");
    SCOPED(row_free) struct row *row = NULL;

    assert_int_equal(form_create(request, model, &row), STATUS_UNAUTHENTICATED);
    assert_null(row);

    model->fields[THING_OWNER].is_required = false;
    model->fields[THING_OWNER].is_nullable = true;
    assert_int_equal(form_create(request, model, &row), STATUS_OK);
    assert_int_equal(row->values[THING_OWNER].kind, VALUE_NULL);
}

static void every_wrong_value_gets_its_words(void **state)
{
    static const struct {
        const char *params, *error;
    } cases[] = {
        {"{}", "/name This is required."},
        {"{'name':null}", "/name This cannot be null."},
        {"{'name':''}", "/name This must have at least 1 character."},
        {"{'name':'123456789012345678901'}", "/name This has 21 characters; at most 20 are allowed."},
        {"{'name':5}", "/name This must be a text."},
        {"{'name':['x']}", "/name This must be a text."},
        {"{'name':{'x':1}}", "/name This must be a text."},
        {"{'name':'x','Name':'x'}", "/Name There is no such field."},
        {"{'name':'x','a/b~c':1}", "/a~1b~0c There is no such field."},
        {"{'name':'x','':1}", "/ There is no such field."},
        {"{'name':'x','id':1}", "/id This is set by the server."},
        {"{'name':'x','version':1}", "/version This is set by the server."},
        {"{'name':'x','created_at':'2026-01-31T10:00:00Z'}", "/created_at This is set by the server."},
        {"{'name':'x','owner':7}", "/owner This is set by the server."},
        {"{'name':'x','pay':7}", "/pay There is no such field."}, /* a column's name is not a field's */
        {"{'name':'x','number':1001}", "/number This must be a whole number from -1000 to 1000."},
        {"{'name':'x','number':-1001}", "/number This must be a whole number from -1000 to 1000."},
        {"{'name':'x','number':0.1}", "/number This must be a whole number."},
        {"{'name':'x','number':-0}", "/number This must be a whole number."},
        {"{'name':'x','number':1e300}", "/number This must be a whole number."},
        {"{'name':'x','number':'5'}", "/number This must be a whole number."},
        {"{'name':'x','number':true}", "/number This must be a whole number."},
        {"{'name':'x','ratio':1.6}", "/ratio This must be a number from 0 to 1.5."},
        {"{'name':'x','ratio':-0.001}", "/ratio This must be a number from 0 to 1.5."},
        {"{'name':'x','ratio':'1'}", "/ratio This must be a number."},
        {"{'name':'x','open':1}", "/open This must be true or false."},
        {"{'name':'x','open':'true'}", "/open This must be true or false."},
        {"{'name':'x','open':null}", "/open This cannot be null."},
        {"{'name':'x','day':'2026-02-29'}", "/day This must be a date like 2026-01-31."},
        {"{'name':'x','day':20260131}", "/day This must be a date like 2026-01-31."},
        {"{'name':'x','due':'2026-01-31'}", "/due This must be a time like 2026-01-31T10:00:00Z."},
        {"{'name':'x','due':1769846400250}", "/due This must be a time like 2026-01-31T10:00:00Z."},
        {"{'name':'x','labels':[]}", "/labels This must have at least 1 item."},
        {"{'name':'x','labels':['a','b','c','d']}", "/labels This has 4 items; at most 3 are allowed."},
        {"{'name':'x','labels':['a',5]}", "/labels Item 2: This must be a text."},
        {"{'name':'x','labels':['a',null]}", "/labels Item 2: This cannot be null."},
        {"{'name':'x','labels':['12345678901']}", "/labels Item 1: This has 11 characters; at most 10 are allowed."},
        {"{'name':'x','labels':'a'}", "/labels This must be a list."},
        {"{'name':'x','labels':{'a':1}}", "/labels This must be a list."},
        {"{'name':'x','scores':[1,[2]]}", "/scores Item 2: This must be a whole number."},
        {"{'name':'x','state':'New'}", "/state This must be one of: \"new\", \"old\", \"gone\"."},
        {"{'name':'x','code':'aB'}", "/code This does not have the form that is asked for."},
        {"{'name':'x','email':'a@b@c'}", "/email This is not an e-mail address."},
        {"{'name':'x','link':'javascript:alert(1)'}",
         "/link This must be an address that begins with http, https or mailto."},
        {"{'name':'x','key':'123e4567e89b12d3a456426614174000'}", "/key This must be a UUID."},
        {"{'name':'12345678901234567890'}", NULL},
        {"{'name':'\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d'}",
         NULL}, /* characters are counted, not bytes */
        {"{'name':'x','number':null,'ratio':null,'day':null,'due':null,'scores':null,'code':null}", NULL},
        {"{'name':'x','number':1e3,'ratio':1}", NULL},
        {"{'name':'x','ratio':-0.0}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        check_create(*state, cases[i].params, cases[i].error);
}

static void all_errors_come_at_once(void **state)
{
    SCOPED(thing_request_free)
    struct request *request = thing_request(7, false, "{'number':'x','foo':1,'version':2,'open':null}");
    SCOPED(row_free) struct row *row = NULL;

    assert_int_equal(form_create(request, *state, &row), STATUS_INVALID);

    assert_null(row);
    assert_string_equal(errors_of(request), "{\"pointer\":\"/number\",\"detail\":\"This must be a whole number.\"},"
                                            "{\"pointer\":\"/foo\",\"detail\":\"There is no such field.\"},"
                                            "{\"pointer\":\"/version\",\"detail\":\"This is set by the server.\"},"
                                            "{\"pointer\":\"/open\",\"detail\":\"This cannot be null.\"},"
                                            "{\"pointer\":\"/name\",\"detail\":\"This is required.\"}");
}

static void a_patch_holds_what_is_there(void **state)
{
    SCOPED(thing_request_free)
    struct request *request = thing_request(7, false, "{'id':5,'version':3,'number':null,'body':'b','note':'n'}");
    SCOPED(row_free) struct row *row = NULL;
    uint64_t changed = 0;

    assert_int_equal(form_update(request, *state, &row, &changed), STATUS_OK);

    assert_true(changed == (UINT64_C(1) << THING_NUMBER | UINT64_C(1) << THING_BODY | UINT64_C(1) << THING_NOTE));
    check_text(row, THING_BODY, "b");
    assert_int_equal(row->values[THING_NUMBER].kind, VALUE_NULL);
    assert_int_equal(row->values[THING_OPEN].kind, VALUE_NULL); /* no defaults */
    assert_int_equal(row->values[FIELD_ID].kind, VALUE_NULL);
}

static void a_patch_may_be_empty_but_not_wrong(void **state)
{
    SCOPED(thing_request_free) struct request *empty = thing_request(7, false, "{}");
    SCOPED(thing_request_free)
    struct request *request = thing_request(7, false, "{'id':5,'name':null,'updated_at':1,'x':1}");
    SCOPED(row_free) struct row *row = NULL;
    uint64_t changed = 99;

    assert_int_equal(form_update(request, *state, &row, &changed), STATUS_INVALID);
    assert_null(row);
    assert_true(changed == 99);
    assert_string_equal(errors_of(request), "{\"pointer\":\"/name\",\"detail\":\"This cannot be null.\"},"
                                            "{\"pointer\":\"/updated_at\",\"detail\":\"This is set by the server.\"},"
                                            "{\"pointer\":\"/x\",\"detail\":\"There is no such field.\"}");

    assert_int_equal(form_update(empty, *state, &row, &changed), STATUS_OK);
    assert_true(changed == 0);
}

static void a_field_that_one_may_never_read_is_unknown(void **state)
{
    struct model *model = *state;
    static const char params[] = "{'name':'x','salary':5,'salery':5}";
    SCOPED(thing_request_free) struct request *request = thing_request(7, false, params);
    SCOPED(thing_request_free) struct request *boss = thing_request(8, false, "{'name':'x','salary':5}");
    SCOPED(thing_request_free) struct request *admin = thing_request(0, false, "{'name':'x','salary':5}");
    SCOPED(row_free) struct row *row = NULL, *second = NULL;
    boss->rights |= RIGHT_DELETE;
    admin->is_privileged = true;
    admin->actor.user_id = 9;

    assert_int_equal(form_create(request, model, &row), STATUS_INVALID);
    assert_string_equal(errors_of(request), "{\"pointer\":\"/salary\",\"detail\":\"There is no such field.\"},"
                                            "{\"pointer\":\"/salery\",\"detail\":\"There is no such field.\"}");
    assert_int_equal(form_create(boss, model, &row), STATUS_OK);
    assert_int_equal(form_create(admin, model, &second), STATUS_OK);
    check_int(row, THING_SALARY, 5);
}

static void the_caller_learns_which_fields_were_sent(void **state)
{
    SCOPED(thing_request_free) struct request *request = thing_request(7, false, "{'name':'x','note':null,'foo':1}");
    assert_true(form_sent(request, *state) == (UINT64_C(1) << THING_NAME | UINT64_C(1) << THING_NOTE));
}

/* ---- formats ---- */

static bool value_is_fine(const struct field *field, const char *text)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    struct value value;
    const char *why = "unset";
    bool is_fine = form_value_text(field, text, &value, &hold, &why);
    assert_true(is_fine == (why == NULL));
    return is_fine;
}

static void check_texts(const struct field *field, const char *const *texts, size_t count, bool is_fine)
{
    for (size_t i = 0; i < count; i++)
        if (value_is_fine(field, texts[i]) != is_fine)
            fail_msg("%s: \"%s\" is %s", field->name, texts[i], is_fine ? "refused" : "taken");
}

static void addresses_are_checked_for_what_surely_is_none(void **state)
{
    const struct field *fields = ((struct model *)*state)->fields;
    static const char *const emails[] = {"a@b", "first.last+tag@mail.example.org", "\xc3\xbc@\xc3\xb6.example"};
    static const char *const no_emails[] = {"",       "a",    "@",      "a@",   "@b",    "a@b@c",   "a b@c",  "a@b c",
                                            "a\tb@c", "a@.b", "a@b..c", "a@b.", "<a@b>", "a@b,c@d", ".a@\x7f"};
    static const char *const links[] = {"http://a", "https://example.org:8443/x?y=%C3%BC#z", "HTTP://[::1]/",
                                        "mailto:a@b?subject=x", "https://user@host/"};
    static const char *const no_links[] = {"",
                                           "example.org",
                                           "//a",
                                           "ftp://a",
                                           "javascript:x",
                                           "http:",
                                           "http://",
                                           "http:///x",
                                           "http://?x",
                                           "http://u@/",
                                           "http://a b",
                                           "http://a/%2",
                                           "http://a/%zz",
                                           "http://a/\xc3\xbc",
                                           "mailto:a",
                                           "data:text/html,x",
                                           " http://a",
                                           "http://a\n",
                                           "http://a@b@c/",
                                           "http://:80/",
                                           "http://a/<b>"};
    static const char *const keys[] = {"123e4567-e89b-12d3-a456-426614174000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"};
    static const char *const no_keys[] = {"",
                                          "123e4567-e89b-12d3-a456-42661417400",
                                          "{23e4567-e89b-12d3-a456-426614174000",
                                          "123e4567-e89b-12d3-a456-4266141740000",
                                          "123e4567_e89b_12d3_a456_426614174000",
                                          "g23e4567-e89b-12d3-a456-426614174000"};
    char long_email[300];
    memset(long_email, 'a', sizeof long_email);
    strcpy(long_email + 252, "@b");
    check_texts(&fields[THING_EMAIL], emails, ARRAY_LENGTH(emails), true);
    check_texts(&fields[THING_EMAIL], no_emails, ARRAY_LENGTH(no_emails), false);
    assert_true(value_is_fine(&fields[THING_EMAIL], long_email)); /* 254 bytes */
    strcpy(long_email + 252, "a@b");
    assert_false(value_is_fine(&fields[THING_EMAIL], long_email));
    check_texts(&fields[THING_LINK], links, ARRAY_LENGTH(links), true);
    check_texts(&fields[THING_LINK], no_links, ARRAY_LENGTH(no_links), false);
    check_texts(&fields[THING_KEY], keys, ARRAY_LENGTH(keys), true);
    check_texts(&fields[THING_KEY], no_keys, ARRAY_LENGTH(no_keys), false);
}

static void dates_are_days_that_there_are(void **state)
{
    const struct field *field = &((struct model *)*state)->fields[THING_DAY];
    static const char *const dates[] = {"0001-01-01", "9999-12-31", "2000-02-29", "2024-02-29", "2026-12-31"};
    static const char *const no_dates[] = {
        "",           "0000-01-01", "10000-01-01", "1900-02-29",  "2026-02-29",  "2026-04-31",
        "2026-00-10", "2026-13-10", "2026-01-00",  "2026-01-32",  "2026-1-01",   "2026-01-1",
        "26-01-01",   "2026/01/01", "2026-01-01 ", " 2026-01-01", "2026-01-01T", "-026-01-01",
        "2026-0a-01", "2026-01"};
    check_texts(field, dates, ARRAY_LENGTH(dates), true);
    check_texts(field, no_dates, ARRAY_LENGTH(no_dates), false);
}

static void times_in_any_zone_become_one_number(void **state)
{
    const struct field *field = &((struct model *)*state)->fields[THING_DUE];
    static const struct {
        const char *text;
        int64_t wall_ms;
    } times[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T01:30:00+01:30", 0},
        {"1969-12-31T23:59:59.999-00:00", -1},
        {"1969-12-31T00:00:00.001-23:59", -59999},
        {"2000-02-29T23:59:59.9999999Z", INT64_C(951868799999)},
        {"2026-01-31T10:00:00.5Z", INT64_C(1769853600500)},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    static const char *const no_times[] = {
        "",
        "2026-01-31",
        "2026-01-31T10:00:00",
        "2026-01-31 10:00:00Z",
        "2026-01-31T10:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T10:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-01-31T10:00:00.Z",
        "2026-01-31T10:00:00,5Z",
        "2026-01-31T10:00:00+0200",
        "2026-01-31T10:00:00+24:00",
        "2026-01-31T10:00:00+02:60",
        "2026-01-31T10:00:00Zx",
        "2026-01-31T10:00:00Z ",
        "2026-02-30T10:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0000-12-31T23:59:59-23:00",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        int64_t wall_ms = 77;
        assert_true(time_read(times[i].text, &wall_ms));
        assert_int_equal(wall_ms, times[i].wall_ms);
    }
    for (int64_t day = -719162; day <= 2932896; day += 97) { /* our calendar is the clock's */
        char text[CLOCK_TEXT_SIZE];
        int64_t wall_ms = 0, wanted = day * 86400000 + 12345;
        assert_true(time_read(clock_text(wanted, text), &wall_ms));
        assert_int_equal(wall_ms, wanted);
    }
    check_texts(field, no_times, ARRAY_LENGTH(no_times), false);
}

static void texts_of_a_query_become_values(void **state)
{
    const struct field *fields = ((struct model *)*state)->fields;
    static const char *const numbers[] = {"0", "-5", "1000"};
    static const char *const no_numbers[] = {"",    " 5",  "5 ",   "+5",    "05",
                                             "0x5", "5.5", "1001", "true",  "null",
                                             "-",   "-0",  "[5]",  "\"5\"", "99999999999999999999",
                                             "5,6"};
    static const char *const no_ratios[] = {"", "NaN", "Infinity", "1e999", ".5", "1.", "null", "1 "};
    static const char *const truths[] = {"true", "false"};
    static const char *const no_truths[] = {"", "1", "True", "null", "true ", "\"true\""};
    SCOPED(buffer_free) struct buffer hold = {0};
    struct value value;
    const char *why;
    check_texts(&fields[THING_NUMBER], numbers, ARRAY_LENGTH(numbers), true);
    check_texts(&fields[THING_NUMBER], no_numbers, ARRAY_LENGTH(no_numbers), false);
    check_texts(&fields[THING_RATIO], no_ratios, ARRAY_LENGTH(no_ratios), false);
    check_texts(&fields[THING_OPEN], truths, ARRAY_LENGTH(truths), true);
    check_texts(&fields[THING_OPEN], no_truths, ARRAY_LENGTH(no_truths), false);
    assert_true(form_value_text(&fields[THING_RATIO], "0.25", &value, &hold, &why));
    assert_true(value.kind == VALUE_REAL && value.real == 0.25);
    assert_true(form_value_text(&fields[THING_LABELS], "[ \"a\" ]", &value, &hold, &why));
    assert_string_equal(value.text, "[\"a\"]");
    assert_false(form_value_text(&fields[THING_LABELS], "a", &value, &hold, &why));
    assert_string_equal(why, "This must be a list.");
}

/* A hundred thousand texts made of pieces of dates, addresses and numbers: never a fault, and what is taken keeps to
 * its field. */
static void made_up_texts_do_no_harm(void **state)
{
    const struct model *model = *state;
    static const char *const pieces[] = {"2026-01-31",
                                         "T",
                                         "10:00:00",
                                         "Z",
                                         ".5",
                                         "+02:00",
                                         "-",
                                         ":",
                                         "0",
                                         "9999",
                                         "@",
                                         "a",
                                         ".",
                                         "http://",
                                         "mailto:",
                                         "%",
                                         "%20",
                                         "[",
                                         "]",
                                         "\"",
                                         ",",
                                         "{",
                                         "}",
                                         "null",
                                         "true",
                                         "1e",
                                         "\xc3\xbc",
                                         " ",
                                         "123e4567-e89b-12d3",
                                         "AB",
                                         "99"};
    srand(4711);
    for (int round = 0; round < 100000; round++) {
        SCOPED(buffer_free) struct buffer hold = {0};
        SCOPED(buffer_free) struct buffer text = {0};
        const struct field *field = &model->fields[(size_t)rand() % model->fields_count];
        struct value value;
        const char *why = NULL;
        buffer_text(&text, "");
        buffer_reserve(&text, 1);
        for (int count = rand() % 7; count > 0; count--)
            buffer_text(&text, pieces[(size_t)rand() % ARRAY_LENGTH(pieces)]);
        if (!form_value_text(field, text.bytes, &value, &hold, &why)) {
            assert_non_null(why);
            continue;
        }
        assert_null(why);
        if (field->kind == FIELD_TIME)
            assert_true(value.kind == VALUE_INT && value.number < INT64_C(253402300800000));
        else if (value.kind == VALUE_TEXT)
            assert_int_equal(strlen(value.text), value.length);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_right_becomes_a_row),
        TEST(what_is_absent_gets_its_default),
        TEST(who_is_not_signed_in_is_nobodys_default),
        TEST(every_wrong_value_gets_its_words),
        TEST(all_errors_come_at_once),
        TEST(a_patch_holds_what_is_there),
        TEST(a_patch_may_be_empty_but_not_wrong),
        TEST(a_field_that_one_may_never_read_is_unknown),
        TEST(the_caller_learns_which_fields_were_sent),
        TEST(addresses_are_checked_for_what_surely_is_none),
        TEST(dates_are_days_that_there_are),
        TEST(times_in_any_zone_become_one_number),
        TEST(texts_of_a_query_become_values),
        TEST(made_up_texts_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
