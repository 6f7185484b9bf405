/* Ten thousand made-up lists against a naive reader of the same rows, ten thousand cursors that were tampered with,
 * and ten thousand requests that nobody in his right mind would send. The seed is printed. */
#include "model_world.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_actions.h"
#include "lib/clock.h"

#define ROWS    70
#define ROUNDS  10000
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static struct row *all[ROWS]; /* as they were inserted */
static unsigned seed = 20261122;

static size_t below(size_t bound)
{
    return (size_t)rand_r(&seed) % bound;
}

/* ---- rows ---- */

static const char *const words[] = {"",    "a",        "A",        "ab",   "aB", "b%",    "_b",
                                    "a*c", "\xc3\xa4", "\xc3\x84", "x\\y", "'",  "\"q\"", "\xf0\x9f\x91\x8d",
                                    "zz"};
static const char *const days[] = {"0001-01-01", "2026-01-31", "2026-02-01", "9999-12-31"};
static const int64_t times[] = {-1, 0, 1, INT64_C(1769846400250), INT64_C(1769846400251)};
static const double reals[] = {0, 0.1, 0.2, 0.30000000000000004, 1.5, -1e-300};
static char long_words[4][400];

/* Few different ones, so that many rows are alike. */
static struct value make_value(const struct field *field)
{
    if (field->is_nullable && below(4) == 0)
        return (struct value){0};
    switch (field->kind) {
    case FIELD_INTEGER:
        return value_int(below(20) ? (int64_t)below(5) - 1 : INT64_C(9007199254740991));
    case FIELD_NUMBER:
        return real_value(reals[below(ARRAY_LENGTH(reals))]);
    case FIELD_BOOLEAN:
        return value_int((int64_t)below(2));
    case FIELD_DATE:
        return text_value(days[below(ARRAY_LENGTH(days))]);
    case FIELD_TIME:
        return value_int(times[below(ARRAY_LENGTH(times))]);
    case FIELD_LIST:
        return text_value("[]");
    case FIELD_TEXT:
        break;
    }
    bool is_short = field->length_max >= 0 || below(5);
    return text_value(is_short ? words[below(ARRAY_LENGTH(words))] : long_words[below(ARRAY_LENGTH(long_words))]);
}

static int begin(void **state)
{
    things_begin(state);
    struct things *things = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(long_words); i++) {
        memset(long_words[i], 'l', sizeof long_words[i] - 1);
        long_words[i][i < 2 ? 210 : 198] = (char)('a' + i); /* before or behind the place where it is cut */
    }
    for (size_t i = 0; i < ROWS; i++) {
        all[i] = thing_row(things->model, (int64_t)i + 1, "");
        for (size_t field = FIELD_CREATED_AT; field < THING_FIELDS; field++)
            row_put(all[i], field, make_value(&things->model->fields[field]));
        things_insert(things, all[i]);
    }
    return 0;
}

static int end(void **state)
{
    for (size_t i = 0; i < ROWS; i++)
        row_free(all[i]);
    return things_end(state);
}

/* ---- what is asked, at random ---- */

struct asked {
    struct filter filters[6];
    struct value values[6][5];
    char like[6][20]; /* the pattern with its stars */
    size_t filters_count;
    struct {
        size_t field;
        bool is_descending;
    } sort[4];
    size_t sort_count;
    int64_t limit;
};

static bool may_compare(const struct request *request, size_t field)
{
    if (field == THING_SALARY)
        return request->is_privileged || request->rights & RIGHT_DELETE;
    return field != THING_SECRET && (field != THING_NOTE || request->is_privileged);
}

static enum operator pick_operator(enum field_kind kind)
{
    static const enum operator of_text[] = {OP_EQ, OP_NE, OP_LT, OP_LTE, OP_GT, OP_GTE, OP_IN, OP_NULL, OP_LIKE};
    static const enum operator of_boolean[] = {OP_EQ, OP_NE, OP_IN, OP_NULL};
    if (kind == FIELD_LIST)
        return OP_NULL;
    if (kind == FIELD_BOOLEAN)
        return of_boolean[below(ARRAY_LENGTH(of_boolean))];
    return of_text[below(ARRAY_LENGTH(of_text) - (kind != FIELD_TEXT))];
}

static void make_filter(const struct model *model, const struct request *request, struct asked *asked)
{
    size_t n = asked->filters_count, field = below(THING_FIELDS);
    struct filter *filter = &asked->filters[n];
    if (!may_compare(request, field))
        return;
    struct field wanted = model->fields[field];
    wanted.is_nullable = false;
    *filter = (struct filter){.field = field, .operator= pick_operator(wanted.kind), .values = asked->values[n]};
    for (size_t i = 0; i < n; i++) /* a name can be there only once */
        if (asked->filters[i].field == field && asked->filters[i].operator== filter->operator)
            return;
    filter->count = filter->operator== OP_IN ? 1 + below(5) : 1;
    for (size_t i = 0; i < filter->count; i++)
        filter->values[i] = make_value(&wanted);
    if (filter->operator== OP_NULL)
        filter->values[0] = value_int((int64_t)below(2));
    if (filter->operator== OP_LIKE) {
        static const char signs[] = "***aAb_%\\clz";
        size_t length = below(8), stars = 0;
        for (size_t i = 0; i < length; i++) {
            char sign = signs[below(sizeof signs - 1)];
            stars += sign == '*';
            asked->like[n][i] = stars > 5 ? 'a' : sign;
        }
        asked->like[n][length] = '\0';
        filter->values[0] = text_value(asked->like[n]);
    }
    asked->filters_count++;
}

static void make_asked(const struct model *model, const struct request *request, struct asked *asked)
{
    memset(asked, 0, sizeof *asked);
    asked->limit = (int64_t)(below(4) ? 10 + below(80) : 1 + below(12));
    for (size_t i = below(4); i > 0; i--)
        make_filter(model, request, asked);
    for (size_t i = below(5); i > 0; i--) {
        size_t field = below(3) ? THING_NUMBER + below(4) : below(THING_FIELDS);
        bool is_fine = may_compare(request, field) && model->fields[field].kind != FIELD_LIST;
        for (size_t s = 0; s < asked->sort_count; s++)
            is_fine &= asked->sort[s].field != field;
        if (!is_fine)
            continue;
        asked->sort[asked->sort_count].field = field;
        asked->sort[asked->sort_count++].is_descending = below(2);
    }
}

/* ---- what is asked, as parameters ---- */

static void add_value(cJSON *list, const struct field *field, const struct value *value)
{
    SCOPED(buffer_free) struct buffer json = {0};
    field_print(field, value, &json);
    cJSON_AddItemToArray(list, json_parse(json.bytes, json.length, NULL));
}

/* "a,b" */
static void print_value(struct buffer *text, const struct field *field, const struct value *value)
{
    SCOPED(buffer_free) struct buffer json = {0};
    char time[CLOCK_TEXT_SIZE];
    if (value->kind == VALUE_TEXT) {
        buffer_append(text, value->text, value->length);
    } else if (field->kind == FIELD_TIME) {
        buffer_text(text, clock_text(value->number, time));
    } else {
        field_print(field, value, &json);
        buffer_append(text, json.bytes, json.length);
    }
}

static void add_filter(struct request *request, const struct model *model, const struct filter *filter)
{
    static const char *const operators[] = {"", "[ne]", "[lt]", "[lte]", "[gt]", "[gte]", "[like]", "[in]", "[null]"};
    static const struct field truth = {.kind = FIELD_BOOLEAN};
    const struct field *field = filter->operator== OP_NULL ? &truth : & model->fields[filter->field];
    char name[80];
    snprintf(name, sizeof name, "%s%s", model->fields[filter->field].name, operators[filter->operator]);
    if (request->is_query) {
        SCOPED(buffer_free) struct buffer text = {0};
        for (size_t i = 0; i < filter->count; i++) {
            buffer_text(&text, i ? "," : "");
            print_value(&text, field, &filter->values[i]);
        }
        cJSON_AddStringToObject(request->params, name, text.length ? text.bytes : "");
        return;
    }
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < filter->count; i++)
        add_value(list, field, &filter->values[i]);
    if (filter->operator== OP_IN) {
        cJSON_AddItemToObject(request->params, name, list);
    } else {
        cJSON_AddItemToObject(request->params, name, cJSON_DetachItemFromArray(list, 0));
        cJSON_Delete(list);
    }
}

static void add_asked(struct request *request, const struct model *model, const struct asked *asked)
{
    SCOPED(buffer_free) struct buffer sort = {0};
    char limit[24];
    for (size_t i = 0; i < asked->filters_count; i++)
        add_filter(request, model, &asked->filters[i]);
    for (size_t i = 0; i < asked->sort_count; i++)
        buffer_printf(&sort, "%s%s%s", i ? "," : "", asked->sort[i].is_descending ? "-" : "",
                      model->fields[asked->sort[i].field].name);
    if (sort.length)
        cJSON_AddStringToObject(request->params, "sort", sort.bytes);
    snprintf(limit, sizeof limit, "%lld", (long long)asked->limit);
    if (request->is_query) {
        cJSON_AddStringToObject(request->params, "limit", limit);
        cJSON_AddStringToObject(request->params, "count", "true");
    } else {
        cJSON_AddNumberToObject(request->params, "limit", (double)asked->limit);
        cJSON_AddBoolToObject(request->params, "count", true);
    }
}

static struct request *random_asker(void)
{
    struct request *request = thing_request((int64_t)below(4), below(2), "{}");
    request->is_privileged = below(5) == 0;
    if (below(2))
        request->rights |= RIGHT_DELETE;
    return request;
}

/* ---- the naive reader ---- */

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_like(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return is_like(pattern + 1, text) || (*text && is_like(pattern, text + 1));
    if (!*pattern || !*text)
        return !*pattern && !*text;
    return folded(*pattern) == folded(*text) && is_like(pattern + 1, text + 1);
}

static bool holds(const struct filter *filter, const struct value *value)
{
    bool is_null = value->kind == VALUE_NULL;
    int order = value_compare(value, &filter->values[0]);
    switch (filter->operator) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return !is_null && order < 0;
    case OP_LTE:
        return !is_null && order <= 0;
    case OP_GT:
        return !is_null && order > 0;
    case OP_GTE:
        return !is_null && order >= 0;
    case OP_LIKE:
        return !is_null && is_like(filter->values[0].text, value->text);
    case OP_IN:
        for (size_t i = 0; i < filter->count; i++)
            if (value_compare(value, &filter->values[i]) == 0)
                return true;
        return false;
    case OP_NULL:
        return is_null == (filter->values[0].number != 0);
    }
    return false;
}

static bool is_listed(const struct row *row, const struct request *request, const struct asked *asked)
{
    int64_t user_id = request->actor.user_id;
    bool is_mine = user_id && row->values[THING_OWNER].number == user_id;
    if (!request->is_privileged && !row->values[THING_OPEN].number && !is_mine)
        return false;
    for (size_t i = 0; i < asked->filters_count; i++)
        if (!holds(&asked->filters[i], &row->values[asked->filters[i].field]))
            return false;
    return true;
}

/* The texts here have one byte a character where they are long. */
static struct value cut(struct value value)
{
    if (value.kind == VALUE_TEXT && value.length > 200)
        value.length = 200;
    return value;
}

/* How @row stands to the values @other of the fields that are sorted by, the id last. */
static int order_of(const struct row *row, const struct value *other, const struct asked *asked)
{
    for (size_t i = 0; i < asked->sort_count; i++) {
        struct value one = cut(row->values[asked->sort[i].field]);
        int order = value_compare(&one, &other[i]);
        if (order)
            return asked->sort[i].is_descending ? -order : order;
    }
    bool is_descending = asked->sort_count && asked->sort[asked->sort_count - 1].is_descending;
    int order = value_compare(&row->values[FIELD_ID], &other[asked->sort_count]);
    return is_descending ? -order : order;
}

static const struct asked *sorted_by; /* qsort() takes no context */
static int compare_rows(const void *a, const void *b)
{
    const struct row *one = *(const struct row *const *)a, *other = *(const struct row *const *)b;
    struct value values[5];
    for (size_t i = 0; i < sorted_by->sort_count; i++)
        values[i] = cut(other->values[sorted_by->sort[i].field]);
    values[sorted_by->sort_count] = other->values[FIELD_ID];
    return order_of(one, values, sorted_by);
}

static size_t naive_list(const struct request *request, const struct asked *asked, const struct row *list[ROWS])
{
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (is_listed(all[i], request, asked))
            list[count++] = all[i];
    sorted_by = asked;
    qsort(list, count, sizeof *list, compare_rows);
    return count;
}

/* ---- the tests ---- */

static void fail_list(const struct request *request, const char *why)
{
    char *params = json_print(request->params);
    fail_msg("user %lld%s: %s: %s (%s)", (long long)request->actor.user_id,
             request->is_privileged ? ", privileged" : "", params, why, request->detail ? request->detail : "");
    free(params);
}

static void put_cursor(struct request *request, const char *cursor)
{
    cJSON_DeleteItemFromObject(request->params, "cursor");
    cJSON_AddStringToObject(request->params, "cursor", cursor);
}

static void joined_pages_are_what_a_naive_reader_finds(void **state)
{
    struct things *things = *state;
    for (int round = 0; round < ROUNDS; round++) {
        SCOPED(thing_request_free) struct request *request = random_asker();
        const struct row *list[ROWS];
        struct asked asked;
        make_asked(things->model, request, &asked);
        add_asked(request, things->model, &asked);
        size_t count = naive_list(request, &asked, list), found = 0;
        for (bool is_end = false; !is_end;) {
            SCOPED(page_free) struct page page;
            things_ask(things, request, &page);
            if (page.status != STATUS_OK)
                fail_list(request, "refused");
            if (page.total != (int64_t)count)
                fail_list(request, "wrong count");
            for (size_t i = 0; i < page.count; i++, found++)
                if (found >= count || row_id(page.rows[i]) != row_id(list[found]))
                    fail_list(request, "wrong rows");
            is_end = !page.next;
            if (page.next)
                put_cursor(request, page.next);
        }
        if (found != count)
            fail_list(request, "rows are missing");
    }
}

/* The cursor's own letters, or its values with the digest left as it was. */
static void tamper(const char *cursor, struct buffer *out)
{
    static const char letters[] = "ABCabc019-_=+/. %\xc3";
    static const char *const values[] = {"null",
                                         "0",
                                         "1",
                                         "-1",
                                         "3",
                                         "1.5",
                                         "0.1",
                                         "\"a\"",
                                         "\"\"",
                                         "true",
                                         "[]",
                                         "{}",
                                         "9007199254740991",
                                         "1e300",
                                         "\"2026-01-31\"",
                                         "1769846400250"};
    buffer_clear(out);
    if (below(3) == 0) {
        buffer_text(out, cursor);
        for (size_t i = below(4); i > 0; i--)
            out->bytes[below(out->length)] = letters[below(sizeof letters - 1)];
        if (below(4) == 0) {
            out->length = below(out->length);
            out->bytes[out->length] = '\0';
        }
        if (!out->length || strchr(out->bytes, '\xc3')) /* the door lets no broken UTF-8 through */
            buffer_text(out, "\xa4");
        return;
    }
    char bytes[8000], encoded[12000];
    size_t length = 0;
    assert_int_equal(sodium_base642bin((unsigned char *)bytes, sizeof bytes - 1, cursor, strlen(cursor), NULL, &length,
                                       NULL, VARIANT),
                     0);
    bytes[length] = '\0';
    SCOPED(json_free) cJSON *list = json_parse(bytes, length, NULL);
    size_t count = (size_t)cJSON_GetArraySize(list);
    const char *value = values[below(ARRAY_LENGTH(values))];
    if (below(8) == 0)
        cJSON_AddItemToArray(list, json_parse(value, strlen(value), NULL));
    else if (below(8) == 0)
        cJSON_DeleteItemFromArray(list, (int)below(count));
    else
        cJSON_ReplaceItemInArray(list, (int)(count - 1 - below(count - (count > 1))),
                                 json_parse(value, strlen(value), NULL));
    char *text = json_print(list);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)text, strlen(text), VARIANT);
    buffer_text(out, encoded);
    free(text);
}

static void check_place(struct things *things, struct request *request, const struct asked *asked)
{
    SCOPED(query_free) struct query query;
    const struct row *list[ROWS];
    enum status status = query_read(request, things->model, &query);
    if (status == STATUS_MALFORMED)
        return;
    if (status != STATUS_OK)
        fail_list(request, status_code(status));
    SCOPED(page_free) struct page page;
    struct asker asker = request_asker(request);
    things_select(things, &query, &asker, &page);
    size_t count = naive_list(request, asked, list), found = 0;
    for (size_t i = 0; i < count && found < page.count; i++)
        if (order_of(list[i], query.after, asked) > 0 && row_id(page.rows[found++]) != row_id(list[i]))
            fail_list(request, "wrong rows behind the cursor");
}

static void a_cursor_that_was_tampered_with_is_refused_or_right(void **state)
{
    struct things *things = *state;
    SCOPED(buffer_free) struct buffer cursor = {0};
    for (int round = 0; round < ROUNDS;) {
        SCOPED(thing_request_free) struct request *request = random_asker();
        SCOPED(page_free) struct page page;
        struct asked asked;
        make_asked(things->model, request, &asked);
        for (size_t i = 0; i < asked.sort_count; i++) /* behind the id nothing counts, and the cursor has no more */
            if (asked.sort[i].field == FIELD_ID)
                asked.sort_count = i;
        asked.limit = 5;
        add_asked(request, things->model, &asked);
        things_ask(things, request, &page);
        assert_int_equal(page.status, STATUS_OK);
        for (int i = 0; i < 20 && page.next; i++, round++) {
            tamper(page.next, &cursor);
            put_cursor(request, cursor.bytes);
            check_place(things, request, &asked);
        }
    }
}

static void anything_else_is_refused_or_answered(void **state)
{
    struct things *things = *state;
    static const char *const names[] = {"limit", "cursor", "sort",   "fields",   "expand", "q",     "count",
                                        "name",  "number", "ratio",  "open",     "day",    "due",   "labels",
                                        "note",  "salary", "secret", "owner",    "id",     "rowid", "",
                                        "pay",   "thing",  "*",      "\xc3\xa4", "\"",     "--"};
    static const char *const tails[] = {"",  "",  "",   "[gt]", "[like]", "[in]", "[null]", "[ne]",
                                        "[", "]", "[]", "[gt",  "[[gt]]", " ",    ";"};
    static const char *const pieces[] = {"1",   "-",     "name", "number",     ",",          "owner",
                                         "\"",  "'",     " ",    "*",          "%",          "_",
                                         "\\",  "null",  "true", "2026-01-31", "T10:00:00Z", "9999999999999999999",
                                         "0x1", "(",     "OR",   "NEAR",       ":",          "\xf0\x9f\x91\x8d",
                                         "id",  "[1,2]", "1e5",  "0.5",        ";"};
    for (int round = 0; round < ROUNDS; round++) {
        SCOPED(thing_request_free) struct request *request = random_asker();
        SCOPED(page_free) struct page page;
        for (size_t i = 1 + below(3); i > 0; i--) {
            SCOPED(buffer_free) struct buffer text = {0};
            char name[80];
            snprintf(name, sizeof name, "%s%s", names[below(ARRAY_LENGTH(names))], tails[below(ARRAY_LENGTH(tails))]);
            for (size_t n = below(5); n > 0; n--)
                buffer_text(&text, pieces[below(ARRAY_LENGTH(pieces))]);
            cJSON *item = below(4) && text.length ? json_parse(text.bytes, text.length, NULL) : NULL;
            if (!item || request->is_query) {
                cJSON_Delete(item);
                item = cJSON_CreateString(text.length ? text.bytes : "");
            }
            if (json_get(request->params, name))
                cJSON_Delete(item);
            else
                cJSON_AddItemToObject(request->params, name, item);
        }
        things_ask(things, request, &page);
        if (page.status != STATUS_OK && (page.status != STATUS_MALFORMED || !request->detail))
            fail_list(request, status_code(page.status));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(joined_pages_are_what_a_naive_reader_finds),
        TEST(a_cursor_that_was_tampered_with_is_refused_or_right),
        TEST(anything_else_is_refused_or_answered),
    };
    const char *wanted = getenv("QUERY_SEED");
    if (wanted)
        seed = (unsigned)strtoul(wanted, NULL, 10);
    printf("QUERY_SEED=%u\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
