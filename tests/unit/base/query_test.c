/* What a list asks for: parameters read, or refused in words that tell nothing of what one may not see. */
#include "model_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_actions.h"

/* The parameters of user @user_id are refused with this detail. */
static void check_refused(const struct things *things, int64_t user_id, bool is_query, const char *params,
                          const char *detail)
{
    SCOPED(thing_request_free) struct request *request = thing_request(user_id, is_query, params);
    enum status status = things_read(things, request);
    if (status != STATUS_MALFORMED || !request->detail || strcmp(request->detail, detail) != 0)
        fail_msg("%s: got %s: %s", params, status_code(status), request->detail ? request->detail : "no detail");
}

/* ---- reading ---- */

static void nothing_asked_is_the_first_page(void **state)
{
    struct things *things = *state;
    SCOPED(query_free) struct query query;
    SCOPED(thing_request_free) struct request *request = thing_request(0, true, "{}");

    assert_int_equal(query_read(request, things->model, &query), STATUS_OK);

    assert_int_equal(query.limit, 50);
    assert_int_equal(query.filters_count, 0);
    assert_int_equal(query.sort_count, 1);
    assert_int_equal(query.sort[0].field, FIELD_ID);
    assert_false(query.sort[0].is_descending || query.has_after || query.wants_count || query.search);
    /* All that may be seen in some row; what is never shown, or not to this asker, is not among them. */
    uint64_t all = (UINT64_C(1) << THING_FIELDS) - 1;
    assert_true(query.fields == (all & ~(UINT64_C(1) << THING_SECRET | UINT64_C(1) << THING_SALARY)));
    assert_true(query.expand == 0);
}

static void both_doors_read_the_same(void **state)
{
    struct things *things = *state;
    SCOPED(query_free) struct query one, other;
    SCOPED(sql_free) struct sql one_sql = {0}, other_sql = {0};
    SCOPED(thing_request_free)
    struct request *texts = thing_request(
        0, true,
        "{'limit':'7','count':'true','sort':'-created_at,name','fields':'id,name','expand':'owner','number[in]':'1,-2',"
        "'ratio[gte]':'0.5','open':'true','due[lt]':'2026-01-31T10:00:00Z','day':'2026-01-31','code[null]':'false'}");
    SCOPED(thing_request_free)
    struct request *json =
        thing_request(0, false,
                      "{'code[null]':false,'day':'2026-01-31','due[lt]':'2026-01-31T11:00:00+01:00','open':true,"
                      "'ratio[gte]':0.5,'number[in]':[1,-2],'expand':['owner'],'fields':['id','name'],"
                      "'sort':['-created_at','name'],'count':true,'limit':7}");

    assert_int_equal(query_read(texts, things->model, &one), STATUS_OK);
    assert_int_equal(query_read(json, things->model, &other), STATUS_OK);

    struct asker asker = request_asker(texts);
    query_sql(&one, &asker, false, &one_sql);
    query_sql(&other, &asker, false, &other_sql);
    assert_string_equal(one_sql.text.bytes, other_sql.text.bytes);
    assert_int_equal(one_sql.count, other_sql.count);
    for (size_t i = 0; i < one_sql.count; i++)
        assert_int_equal(value_compare(&one_sql.values[i], &other_sql.values[i]), 0);
    assert_true(one.limit == 7 && other.limit == 7 && one.wants_count && other.wants_count);
    assert_true(one.fields == other.fields && one.expand == other.expand);
    assert_true(one.fields == (1 << FIELD_ID | 1 << THING_NAME | UINT64_C(1) << THING_OWNER));
    assert_true(one.expand == UINT64_C(1) << THING_OWNER);
    assert_true(one.sort[0].is_descending && !one.sort[1].is_descending && !one.sort[2].is_descending);
}

static void what_is_unknown_is_named(void **state)
{
    struct things *things = *state;
    static const struct {
        const char *params, *detail;
    } cases[] = {
        {"{'foo':'1'}", "There is no parameter or field \"foo\"."},
        {"{'Limit':'1'}", "There is no parameter or field \"Limit\"."},
        {"{'pay':'1'}", "There is no parameter or field \"pay\"."},
        {"{'':'1'}", "There is no parameter or field \"\"."},
        {"{'foo[gt]':'1'}", "There is no field \"foo\" for the parameter \"foo[gt]\"."},
        {"{'[gt]':'1'}", "There is no field \"\" for the parameter \"[gt]\"."},
        {"{'sort':'-foo'}", "There is no field \"foo\" for the parameter \"sort\"."},
        {"{'sort':''}", "There is no field \"\" for the parameter \"sort\"."},
        {"{'sort':'name,'}", "There is no field \"\" for the parameter \"sort\"."},
        {"{'sort':'--name'}", "There is no field \"-name\" for the parameter \"sort\"."},
        {"{'fields':'id,name,foo'}", "There is no field \"foo\" for the parameter \"fields\"."},
        {"{'fields':'name '}", "There is no field \"name \" for the parameter \"fields\"."},
        {"{'expand':'foo'}", "There is no field \"foo\" for the parameter \"expand\"."},
        {"{'name[foo]':'x'}",
         "The parameter \"name[foo]\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
        {"{'name[eq]':'x'}",
         "The parameter \"name[eq]\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
        {"{'name[gt':'x'}",
         "The parameter \"name[gt\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
        {"{'name[gt]]':'x'}",
         "The parameter \"name[gt]]\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
        {"{'name[gt][lt]':'x'}",
         "The parameter \"name[gt][lt]\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
        {"{'name[]':'x'}",
         "The parameter \"name[]\" is not right: The operators are ne, lt, lte, gt, gte, like, in and null."},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        check_refused(things, OWNER, true, cases[i].params, cases[i].detail);
}

static void a_long_unknown_name_is_cut(void **state)
{
    struct things *things = *state;
    SCOPED(thing_request_free) struct request *request = thing_request(OWNER, false, "{}");
    char name[4000] = "";
    for (int i = 0; i < 900; i++)
        strcat(name, "\xf0\x9f\x91\x8d");
    cJSON_AddStringToObject(request->params, name, "1");
    assert_int_equal(things_read(things, request), STATUS_MALFORMED);
    assert_true(strlen(request->detail) < 200);

    cJSON_DeleteItemFromObject(request->params, name);
    cJSON_AddStringToObject(request->params, "sort", name);
    assert_int_equal(things_read(things, request), STATUS_MALFORMED);
    assert_true(strlen(request->detail) < 200);
    assert_non_null(strstr(request->detail, "\xf0\x9f\x91\x8d\" for the parameter \"sort\"."));
}

static void wrong_values_are_refused(void **state)
{
    struct things *things = *state;
    static const struct {
        bool is_query;
        const char *params, *detail;
    } cases[] = {
        {true, "{'limit':'0'}", "limit\" is not right: This must be a whole number from 1 to 200."},
        {true, "{'limit':'201'}", "limit\" is not right: This must be a whole number from 1 to 200."},
        {true, "{'limit':''}", "limit\" is not right: This must be a whole number."},
        {false, "{'limit':'5'}", "limit\" is not right: This must be a whole number."},
        {false, "{'limit':null}", "limit\" is not right: This cannot be null."},
        {true, "{'count':'1'}", "count\" is not right: This must be true or false."},
        {true, "{'number':'x'}", "number\" is not right: This must be a whole number."},
        {true, "{'number':'null'}", "number\" is not right: This must be a whole number."},
        {false, "{'number':null}", "number\" is not right: This cannot be null."},
        {false, "{'number':[1]}", "number\" is not right: This must be a whole number."},
        {false, "{'number':{'gt':1}}", "number\" is not right: This must be a whole number."},
        {false, "{'name':5}", "name\" is not right: This must be a text."},
        {true, "{'due[gt]':'2026-01-31'}", "due[gt]\" is not right: This must be a time like 2026-01-31T10:00:00Z."},
        {true, "{'day[gt]':'2026-02-30'}", "day[gt]\" is not right: This must be a date like 2026-01-31."},
        {true, "{'number[like]':'1*'}", "number[like]\" is not right: The field cannot be compared in this way."},
        {true, "{'open[gt]':'true'}", "open[gt]\" is not right: The field cannot be compared in this way."},
        {true, "{'labels':'a'}", "labels\" is not right: The field cannot be compared in this way."},
        {true, "{'labels[in]':'a'}", "labels[in]\" is not right: The field cannot be compared in this way."},
        {true, "{'code[null]':'yes'}", "code[null]\" is not right: This must be true or false."},
        {true, "{'number[in]':''}", "number[in]\" is not right: This must be a whole number."},
        {true, "{'number[in]':'1,'}", "number[in]\" is not right: This must be a whole number."},
        {false, "{'number[in]':[1,null]}", "number[in]\" is not right: This cannot be null."},
        {false, "{'number[in]':5}", "number[in]\" is not right: This must be a list."},
        {true, "{'name[like]':'******'}", "name[like]\" is not right: This has more than 5 stars."},
        {true, "{'name[like]':'123456789012345678901234567890123456789012345678901'}",
         "name[like]\" is not right: This has more than 50 characters."},
        {true, "{'sort':'name,-name'}", "sort\" is not right: A field is there twice."},
        {true, "{'sort':'labels'}", "sort\" is not right: Lists have no order."},
        {true, "{'sort':'name,body,number,ratio,open'}", "sort\" is not right: These are too many fields."},
        {false, "{'sort':[1]}", "sort\" is not right: This must be a list of fields."},
        {false, "{'fields':true}", "fields\" is not right: This must be a list of fields."},
        {true, "{'expand':'name'}", "expand\" is not right: Only references can be expanded."},
        {false, "{'q':1}", "q\" is not right: This must be a text."},
        {true, "{'q':'a b c d e f g h i j k l m n o p q r s t u'}", "q\" is not right: This has more than 20 words."},
        {false, "{'cursor':1}", "cursor\" is not right: This must be a text."},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char detail[300];
        snprintf(detail, sizeof detail, "The parameter \"%s", cases[i].detail);
        check_refused(things, OWNER, cases[i].is_query, cases[i].params, detail);
    }
    things->model->search_count = 0;
    check_refused(things, OWNER, true, "{'q':'x'}",
                  "The parameter \"q\" is not right: There is nothing to search in here.");
}

static void there_is_a_bound_for_everything(void **state)
{
    struct things *things = *state;
    static const char *const operators[] = {"", "[ne]", "[lt]", "[lte]", "[gt]", "[gte]", "[in]"};
    static const size_t fields[] = {FIELD_ID, THING_NUMBER, THING_PARENT};
    SCOPED(thing_request_free) struct request *filters = thing_request(OWNER, false, "{}");
    SCOPED(thing_request_free) struct request *values = thing_request(OWNER, false, "{}");
    for (size_t i = 0; i < 21; i++) {
        char name[80];
        assert_int_equal(things_read(things, filters), STATUS_OK);
        snprintf(name, sizeof name, "%s%s", things->model->fields[fields[i / 7]].name, operators[i % 7]);
        if (i % 7 == 6)
            cJSON_AddItemToObject(filters->params, name, cJSON_CreateArray());
        else
            cJSON_AddNumberToObject(filters->params, name, 1);
    }
    assert_int_equal(things_read(things, filters), STATUS_MALFORMED);
    assert_string_equal(filters->detail, "The parameter \"parent[in]\" is not right: These are too many filters.");

    cJSON *list = cJSON_AddArrayToObject(values->params, "number[in]");
    for (int i = 0; i < 100; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
    assert_int_equal(things_read(things, values), STATUS_OK);
    static const char *const others[] = {"id[in]", "parent[in]", "owner[in]"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        cJSON_AddItemToObject(values->params, others[i], cJSON_Duplicate(list, true));
        assert_int_equal(things_read(things, values), STATUS_OK);
    }
    cJSON *more = cJSON_AddArrayToObject(values->params, "version[in]");
    cJSON_AddItemToArray(more, cJSON_CreateNumber(1));
    assert_int_equal(things_read(things, values), STATUS_MALFORMED); /* 401 in all */
    cJSON_DeleteItemFromObject(values->params, "version[in]");
    cJSON_DeleteItemFromObject(values->params, "id[in]");
    cJSON_AddItemToArray(list, cJSON_CreateNumber(100));
    assert_int_equal(things_read(things, values), STATUS_MALFORMED); /* 101 in one */
}

/* ---- what one may not see ---- */

/* @text with @name wherever "absent" stands in it. */
static void rename_absent(const char *text, const char *name, struct buffer *renamed)
{
    const char *found;
    for (; (found = strstr(text, "absent")); text = found + strlen("absent")) {
        buffer_append(renamed, text, (size_t)(found - text));
        buffer_text(renamed, name);
    }
    buffer_text(renamed, text);
}

static void a_hidden_field_is_as_unknown_as_one_that_is_not_there(void **state)
{
    struct things *things = *state;
    static const char *const hidden[] = {"salary", "secret", "note"};
    static const char *const uses[] = {"{'absent':'1'}",          "{'absent[gt]':'x'}",     "{'absent[foo]':'1'}",
                                       "{'absent[null]':'true'}", "{'absent[like]':'*'}",   "{'absent[in]':'1,2'}",
                                       "{'sort':'-absent'}",      "{'sort':'name,absent'}", "{'fields':'absent'}",
                                       "{'expand':'absent'}"};
    for (size_t f = 0; f < ARRAY_LENGTH(hidden); f++) {
        for (size_t u = 0; u < ARRAY_LENGTH(uses); u++) {
            SCOPED(buffer_free) struct buffer params = {0};
            SCOPED(buffer_free) struct buffer wanted = {0};
            bool is_shown_in_some_rows = strcmp(hidden[f], "note") == 0 && u >= 8;
            if (is_shown_in_some_rows)
                continue;
            SCOPED(thing_request_free) struct request *absent = thing_request(OWNER, true, uses[u]);
            assert_int_equal(things_read(things, absent), STATUS_MALFORMED);
            rename_absent(uses[u], hidden[f], &params);
            rename_absent(absent->detail, hidden[f], &wanted);
            check_refused(things, OWNER, true, params.bytes, wanted.bytes);
        }
    }
}

static void who_may_read_a_field_may_use_it(void **state)
{
    struct things *things = *state;
    static const char *const fine[] = {"{'salary[gt]':1,'sort':'salary','fields':'salary'}", "{'fields':'note'}"};
    static const char *const privileged[] = {"{'salary[gt]':1,'sort':'salary'}", "{'note[like]':'x*','sort':'note'}"};
    for (size_t i = 0; i < ARRAY_LENGTH(fine); i++) {
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, false, fine[i]);
        request->rights |= RIGHT_DELETE;
        assert_int_equal(things_read(things, request), STATUS_OK);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(privileged); i++) {
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, false, privileged[i]);
        request->is_privileged = true;
        assert_int_equal(things_read(things, request), STATUS_OK);
    }
    SCOPED(thing_request_free) struct request *secret = thing_request(OWNER, false, "{'fields':'secret'}");
    secret->is_privileged = true;
    assert_int_equal(things_read(things, secret), STATUS_MALFORMED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, things_begin, things_end)
    const struct CMUnitTest tests[] = {
        TEST(nothing_asked_is_the_first_page),
        TEST(both_doors_read_the_same),
        TEST(what_is_unknown_is_named),
        TEST(a_long_unknown_name_is_cut),
        TEST(wrong_values_are_refused),
        TEST(there_is_a_bound_for_everything),
        TEST(a_hidden_field_is_as_unknown_as_one_that_is_not_there),
        TEST(who_may_read_a_field_may_use_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
