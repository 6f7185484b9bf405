/* Rules: what they say of a row, by both compilers; what is no rule, and why; what SQLite makes of them. */
#include "rule_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1769853600000) /* 2026-01-31T10:00:00Z */

static const struct actor nobody = {0}, ann = {.user_id = 1}, bob = {.user_id = 2};

static struct asker asks(const struct actor *actor)
{
    return (struct asker){.actor = actor, .rights = RIGHT_READ, .now_ms = NOW_MS};
}

/* Row 1: ann's, and everything is set. Row 2: only the id. */
static void insert_rows(struct world *world, struct row *rows[2])
{
    rows[0] = world_row(world, 1);
    rows[1] = world_row(world, 2);
    row_put(rows[0], THING_OWNER, value_int(1));
    row_put(rows[0], THING_RANK, value_int(3));
    row_put(rows[0], THING_SCORE, (struct value){.kind = VALUE_REAL, .real = 0.5});
    row_put(rows[0], THING_TITLE, value_text("News", 4));
    row_put(rows[0], THING_STATE, value_text("open", 4));
    row_put(rows[0], THING_DONE, value_int(1));
    row_put(rows[0], THING_DAY, value_text("2026-01-31", 10));
    row_put(rows[0], THING_DUE, value_int(NOW_MS));
    row_put(rows[0], THING_LABELS, value_text("[\"red\",\"\\u00e9\"]", 16));
    row_put(rows[0], THING_PEOPLE, value_text("[1,7]", 5));
    world_insert(world, rows[0]);
    world_insert(world, rows[1]);
}

/* ---- what rules say ---- */

static const struct {
    const char *rule;
    const struct actor *actor;
    bool is_full, is_empty; /* the answer for row 1, for row 2 */
} answers[] = {
    {"true", &nobody, true, true},
    {"false", &ann, false, false},
    {"{'owner':1}", &nobody, true, false},
    {"{'owner':2}", &nobody, false, false},
    {"{'owner':null}", &nobody, false, true},
    {"{'owner':{'not':null}}", &nobody, true, false},
    {"{'owner':'$me'}", &ann, true, false},
    {"{'owner':'$me'}", &bob, false, false},
    {"{'owner':'$me'}", &nobody, false, false},
    {"{'owner':{'not':'$me'}}", &ann, false, true},
    {"{'owner':{'not':'$me'}}", &nobody, true, true},
    {"{'not':{'owner':'$me'}}", &bob, true, true},
    {"{'owner':{'in':[2,1]}}", &nobody, true, false},
    {"{'owner':{'in':[2,null]}}", &nobody, false, true},
    {"{'owner':{'in':[2,'$me']}}", &ann, true, false},
    {"{'owner':{'in':[2,'$me']}}", &nobody, false, false},
    {"{'owner':{'in':['$me']}}", &nobody, false, false},
    {"{'owner':{'not':{'in':['$me']}}}", &nobody, true, true},
    {"{'rank':{'in':'$sets'}}", &ann, true, false},
    {"{'rank':{'in':'$sets'}}", &nobody, false, false},
    {"{'rank':{'not':{'in':'$sets'}}}", &nobody, true, true},
    {"{'rank':{'not':{'in':'$sets'}}}", &bob, false, true},
    {"{'rank':{'gt':2}}", &nobody, true, false},
    {"{'rank':{'gt':3}}", &nobody, false, false},
    {"{'rank':{'gte':3,'lt':4}}", &nobody, true, false},
    {"{'rank':{'gte':3,'lt':3}}", &nobody, false, false},
    {"{'rank':{'not':{'gt':3}}}", &nobody, true, true},
    {"{'score':{'lte':0.5}}", &nobody, true, false},
    {"{'score':1}", &nobody, false, false},
    {"{'title':'News'}", &nobody, true, false},
    {"{'title':'news'}", &nobody, false, false},
    {"{'title':{'lt':'a'}}", &nobody, true, false},
    {"{'state':'open'}", &nobody, true, false},
    {"{'done':true}", &nobody, true, false},
    {"{'done':false}", &nobody, false, false},
    {"{'day':{'lt':'2026-02-01'}}", &nobody, true, false},
    {"{'due':'2026-01-31T11:00:00+01:00'}", &nobody, true, false},
    {"{'due':{'lte':'$now'}}", &nobody, true, false},
    {"{'due':{'lt':'$now'}}", &nobody, false, false},
    {"{'labels':{'contains':'red'}}", &nobody, true, false},
    {"{'labels':{'contains':'\\u00e9'}}", &nobody, true, false},
    {"{'labels':{'contains':'re'}}", &nobody, false, false},
    {"{'labels':null}", &nobody, false, true},
    {"{'labels':{'not':{'contains':'red'}}}", &nobody, false, true},
    {"{'people':{'contains':'$me'}}", &ann, true, false},
    {"{'people':{'contains':'$me'}}", &nobody, false, false},
    {"{'$right':'read'}", &nobody, true, true},
    {"{'$right':'write'}", &ann, false, false},
    {"{'not':{'$right':'write'}}", &ann, true, true},
    {"{'owner':1,'rank':3}", &nobody, true, false},
    {"{'owner':1,'rank':4}", &nobody, false, false},
    {"{'all':[{'owner':1},{'rank':4}]}", &nobody, false, false},
    {"{'any':[{'owner':2},{'rank':3}]}", &nobody, true, false},
    {"{'any':[{'owner':2},{'rank':{'not':3}}]}", &nobody, false, true},
    {"{'any':[{'owner':2},{'not':{'all':[{'rank':3},{'done':false}]}}]}", &nobody, true, true},
};

static void rules_say_the_same_of_a_row_in_memory_and_in_sql(void **state)
{
    struct world *world = *state;
    struct row *rows[2];
    insert_rows(world, rows);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        SCOPED(rule_free) struct rule *rule = world_rule(world, answers[i].rule);
        struct asker asker = asks(answers[i].actor);
        for (int j = 0; j < 2; j++) {
            bool expected = j == 0 ? answers[i].is_full : answers[i].is_empty;
            int by_sql = world_answer(world, rule, &asker, j + 1);
            bool by_row = rule_allows(rule, rows[j], &asker);
            if (by_row != expected || by_sql != expected)
                fail_msg("%s, user %lld, row %d: rule_allows() says %d, SQL %d", answers[i].rule,
                         (long long)asker.actor->user_id, j + 1, by_row, by_sql);
        }
    }
    row_free(rows[0]);
    row_free(rows[1]);
}

static void who_is_privileged_passes_every_rule_and_no_rule_stops_nobody(void **state)
{
    struct world *world = *state;
    SCOPED(row_free) struct row *row = world_row(world, 1);
    SCOPED(rule_free) struct rule *rule = world_rule(world, "{'all':[false,{'owner':'$me'}]}");
    struct asker asker = asks(&nobody);
    world_insert(world, row);

    assert_true(rule_allows(NULL, NULL, &asker));
    assert_int_equal(world_answer(world, NULL, &asker, 1), 1);
    asker.is_privileged = true;

    assert_true(rule_allows(rule, row, &asker));
    assert_int_equal(world_answer(world, rule, &asker, 1), 1);
}

static void a_list_that_is_no_json_contains_nothing(void **state)
{
    struct world *world = *state;
    SCOPED(row_free) struct row *row = world_row(world, 1);
    SCOPED(rule_free) struct rule *rule = world_rule(world, "{'labels':{'contains':'red'}}");
    struct asker asker = asks(&nobody);
    row_put(row, THING_LABELS, value_text("[\"red\"", 6));
    world_insert(world, row);

    assert_false(rule_allows(rule, row, &asker));
    assert_int_equal(world_answer(world, rule, &asker, 1), 0);
}

static void a_rule_tells_which_fields_it_looks_at(void **state)
{
    static const struct {
        const char *rule;
        uint64_t fields;
    } cases[] = {
        {"true", 0},
        {"{'$right':'write'}", 0},
        {"{'any':[{'$right':'write'},{'not':{'$right':'read'}}]}", 0},
        {"{'id':'$me'}", 1 << FIELD_ID},
        {"{'owner':{'not':{'in':[1]}},'any':[{'rank':1},{'done':{'not':true}}]}",
         1 << THING_OWNER | 1 << THING_RANK | 1 << THING_DONE},
        {"{'due':{'gt':'$now','lt':'2027-01-01T00:00:00Z'}}", 1 << THING_DUE},
    };
    struct asker asker = asks(&ann);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        SCOPED(rule_free) struct rule *rule = world_rule(*state, cases[i].rule);
        assert_true(rule_fields(rule) == cases[i].fields);
        assert_int_equal(rule_needs_row(rule), cases[i].fields != 0);
        if (!cases[i].fields)
            (void)rule_allows(rule, NULL, &asker); /* must not look */
    }
    assert_true(rule_fields(NULL) == 0);
    assert_false(rule_needs_row(NULL));
}

/* ---- what is no rule ---- */

static const struct {
    const char *json, *why; /* the beginning of it */
} mistakes[] = {
    {"null", ": a rule is an object"},
    {"[]", ": a rule is an object"},
    {"'$me'", ": a rule is an object"},
    {"{}", ": an empty object says nothing"},
    {"{'ownr':1}", "/ownr: thing has no field of this name"},
    {"{'a/b~c':1}", "/a~1b~0c: thing has no field"},
    {"{'$me':1}", "/$me: thing has no field"},
    {"{'all':[]}", "/all: an empty list"},
    {"{'any':{'owner':1}}", "/any: this takes a list"},
    {"{'any':[true,{'all':[{'owner':1},{'x':1}]}]}", "/any/1/all/1/x: thing has no field"},
    {"{'any':[true,3]}", "/any/1: a rule is an object"},
    {"{'not':1}", "/not: a rule is an object"},
    {"{'owner':{}}", "/owner: an empty object"},
    {"{'owner':[1]}", "/owner: a list does not equal"},
    {"{'owner':'1'}", "/owner: This must be a whole number"},
    {"{'owner':1.5}", "/owner: This must be a whole number"},
    {"{'owner':true}", "/owner: This must be a whole number"},
    {"{'owner':'$you'}", "/owner: a text with $"},
    {"{'owner':'$sets'}", "/owner: a text with $"},
    {"{'owner':'$now'}", "/owner: $now is a moment"},
    {"{'title':'$me'}", "/title: $me is a person's id"},
    {"{'title':5}", "/title: This must be a text"},
    {"{'score':'1'}", "/score: This must be a number"},
    {"{'done':1}", "/done: This must be true or false"},
    {"{'done':{'gt':false}}", "/done/gt: true and false have no order"},
    {"{'day':'2026-02-30'}", "/day: This must be a date"},
    {"{'day':'2026-01-31T00:00:00Z'}", "/day: This must be a date"},
    {"{'due':'2026-01-31'}", "/due: This must be a time"},
    {"{'due':1769853600000}", "/due: This must be a time"},
    {"{'state':'opne'}", "/state: This must be one of"},
    {"{'state':{'in':['open','opne']}}", "/state/in/1: This must be one of"},
    {"{'owner':{'gt':null}}", "/owner/gt: null is neither"},
    {"{'owner':{'eq':1}}", "/owner/eq: there is no such comparison"},
    {"{'owner':{'all':[]}}", "/owner/all: there is no such comparison"},
    {"{'owner':{'contains':1}}", "/owner/contains: only a list"},
    {"{'owner':{'in':[]}}", "/owner/in: an empty list is nobody"},
    {"{'owner':{'in':1}}", "/owner/in: this takes a list"},
    {"{'owner':{'in':[1,'$sets']}}", "/owner/in/1: a text with $"},
    {"{'owner':{'in':'$groups'}}", "/owner/in: there is no relation"},
    {"{'owner':{'in':'$me'}}", "/owner/in: there is no relation"},
    {"{'title':{'in':'$sets'}}", "/title/in: a relation is a set of ids"},
    {"{'labels':'red'}", "/labels: a list can only"},
    {"{'labels':{'in':['red']}}", "/labels/in: a list can only"},
    {"{'labels':{'gt':'red'}}", "/labels/gt: a list can only"},
    {"{'labels':{'contains':1}}", "/labels/contains: This must be a text"},
    {"{'labels':{'contains':null}}", "/labels/contains: null is neither"},
    {"{'labels':{'contains':['red']}}", "/labels/contains: This must be a text"},
    {"{'$right':'own'}", "/$right: there is no such right"},
    {"{'$right':1}", "/$right: there is no such right"},
};

static void what_is_no_rule_is_refused_with_its_place_and_the_reason(void **state)
{
    char why[512];
    for (size_t i = 0; i < ARRAY_LENGTH(mistakes); i++)
        if (strncmp(world_why(*state, mistakes[i].json, why), mistakes[i].why, strlen(mistakes[i].why)) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", mistakes[i].json, why, mistakes[i].why);
}

/* @count times @part with @glue between, in @json. */
static void repeat(struct buffer *json, const char *part, const char *glue, int count)
{
    for (int i = 0; i < count; i++) {
        buffer_text(json, i ? glue : "");
        buffer_text(json, part);
    }
}

static void a_rule_has_bounds(void **state)
{
    char why[512];
    SCOPED(buffer_free) struct buffer deep = {0}, wide = {0}, values = {0};
    repeat(&deep, "{'not':", "", 16);
    buffer_text(&deep, "true}}}}}}}}}}}}}}}}");
    buffer_text(&wide, "{'all':[");
    repeat(&wide, "{'rank':{'not':1}}", ",", 100);
    buffer_text(&wide, "]}");
    buffer_text(&values, "{'rank':{'in':[");
    repeat(&values, "1", ",", 200);
    buffer_text(&values, "]}}");

    assert_non_null(strstr(world_why(*state, deep.bytes, why), "/not: a rule is at most 16 levels deep"));
    assert_non_null(strstr(world_why(*state, wide.bytes, why), "a rule has at most 200 parts"));
    assert_non_null(strstr(world_why(*state, values.bytes, why), "a rule has at most 200 parts"));
}

/* ---- what SQLite makes of them ---- */

/* The widest and deepest shapes, beside what else may stand in a list's WHERE. */
static void sqlite_takes_the_largest_rules(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *begin, *part, *glue, *end; /* each as often as its count */
        int begins, parts, ends;
    } shapes[] = {
        {"{'any':[", "{'rank':{'gt':1}}", ",", "]}", 1, 199, 1},
        {"{'not':", "{'all':[{'rank':{'gt':1}},{'rank':{'in':'$sets'}}]}", "", "}", 14, 1, 14},
        {"{'any':[", "{'all':[{'rank':{'gt':1}},{'owner':{'not':'$me'}}]}", ",", "]}", 1, 49, 1},
        {"{'any':[", "{'not':{'not':{'rank':{'gt':1}}}}", ",", "]}", 1, 66, 1},
        {"{'any':[{'rank':{'gt':1}},{'not':", "{'labels':{'contains':'a'}}", "", "}]}", 7, 1, 7},
        {"{'all':[{'rank':1,'owner':2},{'any':[false,{'rank':7},{'all':[true,{'score':{'lt':2}},",
         "{'any':[{'rank':1},true]}", ",", "]}]}]}", 4, 40, 4},
        {"{'any':[{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},"
         "{'rank':1},{'rank':1},{'all':[{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},{'rank':1},",
         "{'rank':{'gte':3}}", ",", "]}]}", 7, 50, 7},
    };
    struct asker asker = asks(&ann);
    for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
        SCOPED(buffer_free) struct buffer json = {0};
        SCOPED(sql_free) struct sql sql = {0};
        repeat(&json, shapes[i].begin, "", shapes[i].begins);
        repeat(&json, shapes[i].part, shapes[i].glue, shapes[i].parts);
        repeat(&json, shapes[i].end, "", shapes[i].ends);
        SCOPED(rule_free) struct rule *rule = world_rule(world, json.bytes);
        sql_text(&sql, "SELECT id, ");
        rule_sql(rule, "t", &asker, &sql);
        sql_text(&sql, " FROM thing AS t WHERE ");
        rule_sql(rule, "t", &asker, &sql);
        for (int j = 0; j < 20; j++)
            sql_text(&sql, " AND t.\"rank\" IN (1, 2, 3)");
        sql_text(&sql, " AND (rank > 1 OR (rank IS 1 AND (owner > 1 OR (owner IS 1 AND id > 3))))");
        struct rows *rows = sql_query(&sql, world->db);
        while (rows_next(rows))
            ;
        if (rows_end(rows) != STATUS_OK)
            fail_msg("shape %zu is too much for SQLite:\n%s", i, json.bytes);
    }
}

static void lists_find_their_rows_by_index(void **state)
{
    struct world *world = *state;
    static const char *const rules[] = {
        "{'owner':'$me'}",
        "{'owner':{'in':[1,2]}}",
        "{'owner':{'in':'$sets'}}",
        "{'title':{'gte':'m'}}",
        "{'score':0.5}",
        "{'owner':'$me','done':true}",
        "{'all':[{'not':{'done':true}},{'owner':null}]}",
        "{'any':[{'owner':'$me'},{'rank':{'in':'$sets'}},{'title':{'in':['a','b']}}]}",
    };
    struct asker asker = asks(&ann);
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        SCOPED(rule_free) struct rule *rule = world_rule(world, rules[i]);
        SCOPED(sql_free) struct sql sql = {0};
        bool is_searched = false, is_scanned = false;
        sql_text(&sql, "EXPLAIN QUERY PLAN SELECT id FROM thing AS t WHERE ");
        rule_sql(rule, "t", &asker, &sql);
        struct rows *rows = sql_query(&sql, world->db);
        while (rows_next(rows)) {
            const char *detail = rows_text(rows, 3, NULL);
            is_searched |= strncmp(detail, "SEARCH t USING", 14) == 0;
            is_scanned |= strcmp(detail, "SCAN t") == 0;
        }
        assert_int_equal(rows_end(rows), STATUS_OK);
        if (!is_searched || is_scanned)
            fail_msg("%s reads every row", rules[i]);
    }
}

/* ---- telling ---- */

static void a_rule_is_printed_as_it_was_written(void **state)
{
    static const char json[] = "{\"any\":[{\"owner\":\"$me\",\"rank\":{\"gte\":9007199254740991,\"lt\":3}},"
                               "{\"title\":{\"not\":{\"in\":[\"\xc3\xa9\",null]}}},{\"$right\":\"write\"}]}";
    SCOPED(rule_free) struct rule *rule = world_rule(*state, json);
    SCOPED(buffer_free) struct buffer printed = {0}, none = {0};

    rule_print(rule, &printed);
    rule_print(NULL, &none);

    assert_string_equal(printed.bytes, json);
    assert_string_equal(none.bytes, "true");
}

static void a_rule_explains_each_part_but_shows_no_hidden_value(void **state)
{
    struct world *world = *state;
    SCOPED(row_free) struct row *row = world_row(world, 1);
    SCOPED(rule_free)
    struct rule *rule = world_rule(world, "{'any':[{'owner':'$me'},{'not':{'title':{'in':['a','b']}}},"
                                          "{'due':{'gt':'$now'}},{'rank':{'in':'$sets'}},{'$right':'write'}]}");
    SCOPED(buffer_free) struct buffer story = {0};
    struct asker asker = asks(&ann);
    row_put(row, THING_OWNER, value_int(2));
    row_put(row, THING_TITLE, value_text("a secret", 8));
    row_put(row, THING_DUE, value_int(NOW_MS));

    rule_explain(rule, row, &asker, UINT64_MAX & ~(UINT64_C(1) << THING_TITLE), &story);

    assert_string_equal(
        story.bytes,
        "{\"rule\":{\"any\":[{\"owner\":\"$me\"},{\"not\":{\"title\":{\"in\":[\"a\",\"b\"]}}},{\"due\":{\"gt\":\"$"
        "now\"}},"
        "{\"rank\":{\"in\":\"$sets\"}},{\"$right\":\"write\"}]},\"holds\":true,\"parts\":["
        "{\"rule\":{\"owner\":\"$me\"},\"holds\":false,\"field\":\"owner\",\"op\":\"eq\",\"wanted\":1,\"found\":2},"
        "{\"rule\":{\"not\":{\"title\":{\"in\":[\"a\",\"b\"]}}},\"holds\":true,\"parts\":["
        "{\"rule\":{\"title\":{\"in\":[\"a\",\"b\"]}},\"holds\":false,\"field\":\"title\",\"op\":\"in\","
        "\"wanted\":[\"a\",\"b\"]}]},"
        "{\"rule\":{\"due\":{\"gt\":\"$now\"}},\"holds\":false,\"field\":\"due\",\"op\":\"gt\","
        "\"wanted\":\"2026-01-31T10:00:00.000Z\",\"found\":\"2026-01-31T10:00:00.000Z\"},"
        "{\"rule\":{\"rank\":{\"in\":\"$sets\"}},\"holds\":false,\"field\":\"rank\",\"op\":\"in\",\"wanted\":\"$sets\","
        "\"found\":null},"
        "{\"rule\":{\"$right\":\"write\"},\"holds\":false}]}");
}

static void a_rule_that_does_not_matter_says_so(void **state)
{
    SCOPED(rule_free) struct rule *rule = world_rule(*state, "{'owner':'$me'}");
    SCOPED(buffer_free) struct buffer story = {0}, none = {0}, anonymous = {0};
    SCOPED(row_free) struct row *row = world_row(*state, 1);
    struct asker asker = asks(&nobody);

    rule_explain(rule, row, &asker, 0, &anonymous);
    rule_explain(NULL, NULL, &asker, 0, &none);
    asker.is_privileged = true;
    rule_explain(rule, row, &asker, 0, &story);

    assert_string_equal(anonymous.bytes,
                        "{\"rule\":{\"owner\":\"$me\"},\"holds\":false,\"field\":\"owner\",\"op\":\"eq\","
                        "\"wanted\":null}");
    assert_string_equal(none.bytes, "{\"rule\":true,\"holds\":true}");
    assert_string_equal(story.bytes, "{\"rule\":{\"owner\":\"$me\"},\"holds\":true,\"is_privileged\":true}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(rules_say_the_same_of_a_row_in_memory_and_in_sql),
        TEST(who_is_privileged_passes_every_rule_and_no_rule_stops_nobody),
        TEST(a_list_that_is_no_json_contains_nothing),
        TEST(a_rule_tells_which_fields_it_looks_at),
        TEST(what_is_no_rule_is_refused_with_its_place_and_the_reason),
        TEST(a_rule_has_bounds),
        TEST(sqlite_takes_the_largest_rules),
        TEST(lists_find_their_rows_by_index),
        TEST(a_rule_is_printed_as_it_was_written),
        TEST(a_rule_explains_each_part_but_shows_no_hidden_value),
        TEST(a_rule_that_does_not_matter_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
