/* Both compilers of rules against each other: random rules, rows and askers. What SELECT … WHERE rule_sql() finds is
 * what rule_allows() lets through; and as a column, rule_sql() is 0 or 1, never null. RULE_SEED=7 rule_property_test
 * another run; every run begins with seed 1 and goes on with a new one */
#include "rule_world.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS      150
#define RULES     1200
#define DEPTH_MAX 5
#define NOW_MS    INT64_C(1769853600000) /* 2026-01-31T10:00:00Z */

static uint64_t seed;

/* splitmix64: the same numbers from the same seed everywhere. */
static uint64_t next(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t pick(size_t count)
{
    return (size_t)(next() % count);
}

/* What fields hold, and how rules say it (NULL: JSON cannot). Few values of each kind, so that many are equal. */
struct sample {
    struct value value;
    const char *json;
};
#define INT(n, json)                                                                                                   \
    {                                                                                                                  \
        {.kind = VALUE_INT, .number = n}, json                                                                         \
    }
#define REAL(n, json)                                                                                                  \
    {                                                                                                                  \
        {.kind = VALUE_REAL, .real = n}, json                                                                          \
    }
#define TEXT(t, json)                                                                                                  \
    {                                                                                                                  \
        {.kind = VALUE_TEXT, .text = t, .length = sizeof(t) - 1}, json                                                 \
    }

static const struct sample integers[] = {
    INT(0, "0"),
    INT(1, "1"),
    INT(2, "2"),
    INT(3, "3"),
    INT(7, "7"),
    INT(-1, "-1"),
    INT(INT64_C(9007199254740991), "9007199254740991"),
    INT(-INT64_C(9007199254740991), "-9007199254740991"),
    INT(INT64_C(9007199254740993), NULL),
    INT(INT64_MAX, NULL),
    INT(INT64_MIN, NULL),
};
static const struct sample numbers[] = {
    REAL(0, "0"),
    REAL(-0.0, NULL),
    REAL(1, "1"),
    REAL(0.5, "0.5"),
    REAL(-0.5, "-0.5"),
    REAL(0.1 + 0.2, "0.30000000000000004"),
    REAL(0.3, "0.3"),
    REAL(1e300, "1e300"),
    REAL(-1e300, "-1e300"),
    REAL(5e-324, "5e-324"),
    REAL(9007199254740991.0, "9007199254740991"),
    REAL(1.7976931348623157e308, "1.7976931348623157e308"),
};
static const struct sample texts[] = {
    TEXT("", "\"\""),
    TEXT("a", "\"a\""),
    TEXT("A", "\"A\""),
    TEXT("b", "\"b\""),
    TEXT("a ", "\"a \""),
    TEXT("aa", "\"aa\""),
    TEXT("10", "\"10\""),
    TEXT("9", "\"9\""),
    TEXT("null", "\"null\""),
    TEXT("'; --", "\"\\u0027; --\""),
    TEXT("\xc3\xa9", "\"\xc3\xa9\""),
    TEXT("e\xcc\x81", "\"e\\u0301\""),
    TEXT("\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\""),
    TEXT("\xef\xbf\xbd", "\"\xef\xbf\xbd\""),
    TEXT("\xc3\x9f", "\"\xc3\x9f\""),
    TEXT("$me", NULL),
};
static const struct sample states[] = {TEXT("open", "\"open\""), TEXT("closed", "\"closed\"")};
static const struct sample booleans[] = {INT(0, "false"), INT(1, "true")};
static const struct sample days[] = {TEXT("2026-01-31", "\"2026-01-31\""), TEXT("2026-02-01", "\"2026-02-01\""),
                                     TEXT("0001-01-01", "\"0001-01-01\""), TEXT("9999-12-31", "\"9999-12-31\"")};
static const struct sample times[] = {
    INT(NOW_MS, "\"2026-01-31T10:00:00Z\""),         INT(NOW_MS + 1, "\"2026-01-31T12:00:00.001+02:00\""),
    INT(NOW_MS - 1, "\"2026-01-31T09:59:59.999Z\""), INT(0, "\"1970-01-01T00:00:00Z\""),
    INT(-1, "\"1969-12-31T23:59:59.999Z\""),         INT(INT64_MAX, NULL),
};
static const struct sample label_lists[] = {
    TEXT("[]", NULL),
    TEXT("[\"a\"]", NULL),
    TEXT("[\"b\",\"A\",\"\"]", NULL),
    TEXT("[\"\\u00e9\",\"\\ud83d\\ude00\",\"10\"]", NULL),
};
static const struct sample people_lists[] = {
    TEXT("[]", NULL),
    TEXT("[1,2]", NULL),
    TEXT("[7]", NULL),
    TEXT("[9007199254740991,-1,0]", NULL),
};
static const struct sample number_lists[] = {
    TEXT("[]", NULL),
    TEXT("[0.5,1]", NULL),
    TEXT("[1e300,0.30000000000000004]", NULL),
    TEXT("[0.3,-0.5,5e-324]", NULL),
};
static const struct sample truth_lists[] = {TEXT("[]", NULL), TEXT("[true]", NULL), TEXT("[false,true]", NULL),
                                            TEXT("[false]", NULL)};

/* What each field of a thing may hold, and of lists what they may contain. */
#define SAMPLES(array) array, ARRAY_LENGTH(array)
static const struct kind {
    const char *name;
    const struct sample *values;
    size_t count;
    const struct sample *items;
    size_t items_count;
} kinds[THING_FIELDS] = {
    [FIELD_ID] = {"id", SAMPLES(integers), NULL, 0},
    [FIELD_CREATED_AT] = {"created_at", SAMPLES(times), NULL, 0},
    [FIELD_UPDATED_AT] = {"updated_at", SAMPLES(times), NULL, 0},
    [FIELD_VERSION] = {"version", SAMPLES(integers), NULL, 0},
    [THING_OWNER] = {"owner", SAMPLES(integers), NULL, 0},
    [THING_RANK] = {"rank", SAMPLES(integers), NULL, 0},
    [THING_SCORE] = {"score", SAMPLES(numbers), NULL, 0},
    [THING_TITLE] = {"title", SAMPLES(texts), NULL, 0},
    [THING_STATE] = {"state", SAMPLES(states), NULL, 0},
    [THING_DONE] = {"done", SAMPLES(booleans), NULL, 0},
    [THING_DAY] = {"day", SAMPLES(days), NULL, 0},
    [THING_DUE] = {"due", SAMPLES(times), NULL, 0},
    [THING_LABELS] = {"labels", SAMPLES(label_lists), SAMPLES(texts)},
    [THING_PEOPLE] = {"people", SAMPLES(people_lists), SAMPLES(integers)},
    [THING_SCORES] = {"scores", SAMPLES(number_lists), SAMPLES(numbers)},
    [THING_FLAGS] = {"flags", SAMPLES(truth_lists), SAMPLES(booleans)},
};

/* ---- making rules ---- */

static void make_rule(struct buffer *json, size_t depth);
static void make_condition(struct buffer *json, size_t field, size_t depth);

static bool is_integer(size_t field)
{
    return kinds[field].values == integers || kinds[field].items == integers;
}

static void make_literal(struct buffer *json, const struct sample *samples, size_t count)
{
    const char *text;
    while (!(text = samples[pick(count)].json))
        ;
    buffer_text(json, text);
}

/* @may_be_null: for equality. */
static void make_operand(struct buffer *json, size_t field, bool may_be_null)
{
    const struct kind *kind = &kinds[field];
    if (may_be_null && pick(6) == 0)
        buffer_text(json, "null");
    else if (is_integer(field) && pick(3) == 0)
        buffer_text(json, "\"$me\"");
    else if (kind->values == times && pick(3) == 0)
        buffer_text(json, "\"$now\"");
    else if (kind->items)
        make_literal(json, kind->items, kind->items_count);
    else
        make_literal(json, kind->values, kind->count);
}

static void make_comparison(struct buffer *json, size_t field, size_t depth, size_t which)
{
    static const char *const orders[] = {"gt", "gte", "lt", "lte"};
    const struct kind *kind = &kinds[field];
    if (which == 0 && depth < DEPTH_MAX) {
        buffer_text(json, "\"not\":");
        make_condition(json, field, depth + 1);
    } else if (kind->items) {
        buffer_text(json, "\"contains\":");
        make_operand(json, field, false);
    } else if (which <= 1 || kind->values == booleans) {
        buffer_text(json, "\"in\":[");
        for (size_t i = 0, count = 1 + pick(4); i < count; i++) {
            buffer_text(json, i ? "," : "");
            make_operand(json, field, true);
        }
        buffer_char(json, ']');
    } else if (which == 2 && kind->values == integers) {
        buffer_text(json, "\"in\":\"$sets\"");
    } else {
        buffer_printf(json, "\"%s\":", orders[pick(4)]);
        make_operand(json, field, false);
    }
}

/* What stands behind a field's name. */
static void make_condition(struct buffer *json, size_t field, size_t depth)
{
    if (pick(3) == 0) {
        if (kinds[field].items)
            buffer_text(json, "null");
        else
            make_operand(json, field, true);
        return;
    }
    buffer_char(json, '{');
    make_comparison(json, field, depth, pick(6));
    if (depth < DEPTH_MAX && pick(5) == 0 && !kinds[field].items) {
        /* A second one under another name: "between". */
        size_t length = json->length;
        buffer_char(json, ',');
        size_t name = json->length;
        make_comparison(json, field, depth + 1, kinds[field].values == booleans ? 1 : 5);
        size_t name_length = strcspn(json->bytes + name, ":") + 1;
        char second[16];
        snprintf(second, sizeof second, "%.*s", (int)name_length, json->bytes + name);
        const char *same = strstr(json->bytes, second);
        /* Twice the same name is no JSON; what was written before @length counts generously. */
        if (same && same < json->bytes + length) {
            json->length = length;
            json->bytes[length] = '\0';
        }
    }
    buffer_char(json, '}');
}

static void make_member(struct buffer *json, size_t field, size_t depth)
{
    buffer_printf(json, "\"%s\":", kinds[field].name);
    make_condition(json, field, depth);
}

static void make_list(struct buffer *json, const char *word, size_t depth)
{
    buffer_printf(json, "{\"%s\":[", word);
    for (size_t i = 0, count = 1 + pick(depth > 2 ? 3 : 6); i < count; i++) {
        buffer_text(json, i ? "," : "");
        make_rule(json, depth + 1);
    }
    buffer_text(json, "]}");
}

static void make_rule(struct buffer *json, size_t depth)
{
    static const char *const rights[] = {"read", "write", "delete"};
    size_t which = depth < DEPTH_MAX ? pick(12) : 6 + pick(6);
    if (which < 2) {
        make_list(json, "all", depth);
    } else if (which < 4) {
        make_list(json, "any", depth);
    } else if (which < 6) {
        buffer_text(json, "{\"not\":");
        make_rule(json, depth + 1);
        buffer_char(json, '}');
    } else if (which == 6 && pick(3) == 0) {
        buffer_text(json, pick(2) ? "true" : "false");
    } else if (which == 7 && pick(2) == 0) {
        buffer_printf(json, "{\"$right\":\"%s\"}", rights[pick(3)]);
    } else {
        size_t first = pick(THING_FIELDS), second = first + 1 + pick(3);
        buffer_char(json, '{');
        make_member(json, first, depth);
        if (which == 8 && second < THING_FIELDS) {
            buffer_char(json, ',');
            make_member(json, second, depth);
        }
        buffer_char(json, '}');
    }
}

/* ---- asking both ---- */

static const struct actor people[] = {{.user_id = 0}, {.user_id = 1}, {.user_id = 2}, {.user_id = 7}};

static struct row *make_row(struct world *world, int64_t id)
{
    struct row *row = world_row(world, id);
    for (size_t field = FIELD_CREATED_AT; field < THING_FIELDS; field++)
        if (pick(5))
            row_put(row, field, kinds[field].values[pick(kinds[field].count)].value);
    world_insert(world, row);
    return row;
}

/* The rows that SELECT … WHERE finds, as truths by their place. */
static void select_rows(struct world *world, const struct rule *rule, const struct asker *asker, bool found[ROWS])
{
    SCOPED(sql_free) struct sql sql = {0};
    memset(found, 0, ROWS * sizeof *found);
    sql_text(&sql, "SELECT id FROM thing AS t WHERE ");
    rule_sql(rule, "t", asker, &sql);
    struct rows *rows = sql_query(&sql, world->db);
    while (rows_next(rows))
        found[rows_int(rows, 0) - 1] = true;
    if (rows_end(rows) != STATUS_OK)
        fail_msg("%s", sql.text.bytes);
}

/* Every row's answer as a column. */
static void select_answers(struct world *world, const struct rule *rule, const struct asker *asker, int found[ROWS])
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "SELECT id, ");
    rule_sql(rule, "t", asker, &sql);
    sql_text(&sql, " FROM thing AS t");
    struct rows *rows = sql_query(&sql, world->db);
    while (rows_next(rows))
        found[rows_int(rows, 0) - 1] = rows_is_null(rows, 1) ? -1 : (int)rows_int(rows, 1);
    if (rows_end(rows) != STATUS_OK)
        fail_msg("%s", sql.text.bytes);
}

static size_t compare(struct world *world, const char *json, const struct rule *rule, const struct asker *asker,
                      struct row *const rows[ROWS])
{
    bool found[ROWS];
    int answers[ROWS];
    size_t allowed = 0;
    select_rows(world, rule, asker, found);
    select_answers(world, rule, asker, answers);
    for (size_t i = 0; i < ROWS; i++) {
        bool is_allowed = rule_allows(rule, rows[i], asker);
        allowed += is_allowed;
        if (is_allowed == found[i] && answers[i] == is_allowed)
            continue;
        SCOPED(buffer_free) struct buffer row = {0};
        row_print(rows[i], UINT64_MAX, &row);
        fail_msg("user %lld%s, rights %u: rule_allows() says %d, WHERE %d, the column %d\n%s\n%s",
                 (long long)asker->actor->user_id, asker->is_privileged ? " (privileged)" : "", asker->rights,
                 is_allowed, found[i], answers[i], json, row.bytes);
    }
    return allowed;
}

/* What was printed is read as the same rule, and explained as it was judged. */
static void compare_prints(struct world *world, const struct rule *rule, const struct asker *asker,
                           const struct row *row)
{
    SCOPED(buffer_free) struct buffer printed = {0}, story = {0};
    rule_print(rule, &printed);
    SCOPED(rule_free) struct rule *again = world_rule(world, printed.bytes);
    assert_int_equal(rule_allows(again, row, asker), rule_allows(rule, row, asker));
    assert_true(rule_fields(again) == rule_fields(rule));
    rule_explain(rule, row, asker, UINT64_MAX, &story);
    SCOPED(json_free) cJSON *json = json_parse(story.bytes, story.length, NULL);
    if (json) /* a long rule's story is more than one text may have values */
        assert_int_equal(json_get_bool(json, "holds"), rule_allows(rule, row, asker));
}

static void run(struct world *world, uint64_t first_seed)
{
    size_t allowed = 0, asked = 0;
    struct row *rows[ROWS];
    seed = first_seed;
    print_message("seed %" PRIu64 "\n", first_seed);
    assert_int_equal(db_run(world->db, "DELETE FROM thing", ""), STATUS_OK);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = make_row(world, (int64_t)i + 1);
    for (size_t i = 0; i < RULES; i++) {
        SCOPED(buffer_free) struct buffer json = {0};
        make_rule(&json, 1);
        SCOPED(rule_free) struct rule *rule = world_rule(world, json.bytes);
        for (size_t j = 0; j < ARRAY_LENGTH(people); j++) {
            struct asker asker = {&people[j], (unsigned)pick(RIGHT_ALL + 1), pick(12) == 0, NOW_MS};
            allowed += compare(world, json.bytes, rule, &asker, rows);
            asked += ROWS;
            compare_prints(world, rule, &asker, rows[pick(ROWS)]);
        }
    }
    print_message("%zu answers, %zu of them yes\n", asked, allowed);
    assert_in_range(allowed, asked / 5, asked * 4 / 5); /* else the rules are too alike to show anything */
    for (size_t i = 0; i < ROWS; i++)
        row_free(rows[i]);
}

static void both_compilers_answer_alike(void **state)
{
    run(*state, 1);
}

static void both_compilers_answer_alike_whatever_the_seed(void **state)
{
    const char *text = getenv("RULE_SEED");
    run(*state, text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_compilers_answer_alike, world_begin, world_end),
        cmocka_unit_test_setup_teardown(both_compilers_answer_alike_whatever_the_seed, world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
