/* What a list asks for as SQL: the right rows, in the right order. */
#include "model_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_actions.h"

static void each_row_says_which_fields_may_be_read(void **state)
{
    struct things *things = *state;
    SCOPED(query_free) struct query query;
    SCOPED(sql_free) struct sql sql = {0};
    SCOPED(thing_request_free) struct request *request = thing_request(OWNER, false, "{}");
    things_add(things, 1, "mine", value_int(1));
    SCOPED(row_free) struct row *row = thing_row(things->model, 2, "hers");
    row_put(row, THING_OPEN, value_int(1));
    row_put(row, THING_OWNER, value_int(OTHER));
    things_insert(things, row);
    assert_int_equal(query_read(request, things->model, &query), STATUS_OK);
    struct asker asker = request_asker(request);

    query_sql(&query, &asker, false, &sql);

    struct rows *rows = sql_query(&sql, things->db);
    assert_true(rows_next(rows));
    assert_int_equal(rows_int(rows, THING_FIELDS), 1);     /* note: one's own */
    assert_int_equal(rows_int(rows, THING_FIELDS + 1), 0); /* salary: no right */
    assert_true(rows_next(rows));
    assert_int_equal(rows_int(rows, THING_FIELDS), 0);
    assert_int_equal(rows_int(rows, THING_FIELDS + 1), 0);
    assert_false(rows_next(rows));
    assert_int_equal(rows_end(rows), STATUS_OK);
}

static void only_rows_that_the_rule_allows_are_listed_and_counted(void **state)
{
    struct things *things = *state;
    for (int64_t id = 1; id <= 6; id++) {
        SCOPED(row_free) struct row *row = thing_row(things->model, id, "x");
        row_put(row, THING_OPEN, value_int(id % 2));
        row_put(row, THING_OWNER, value_int(id <= 3 ? OWNER : OTHER));
        things_insert(things, row);
    }
    things_check(things, 0, true, "{}", "1,3,5");
    things_check(things, OWNER, true, "{}", "1,2,3,5");
    things_check(things, OTHER, true, "{}", "1,3,4,5,6");
    SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{'count':'true','limit':'2'}");
    SCOPED(page_free) struct page page;
    things_ask(things, request, &page);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.total, 4);
}

/* ---- filters ---- */

static void filters_choose_rows(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    things_check(things, OWNER, true, "{'number':'3'}", "1,5");
    things_check(things, OWNER, true, "{'number[ne]':'3'}", "2,3,4"); /* what is empty is not 3 */
    things_check(things, OWNER, true, "{'number[lt]':'3'}", "3");
    things_check(things, OWNER, true, "{'number[lte]':'3'}", "1,3,5");
    things_check(things, OWNER, true, "{'number[gt]':'3'}", "");
    things_check(things, OWNER, true, "{'number[gte]':'3','id[gt]':'1'}", "5");
    things_check(things, OWNER, true, "{'number[in]':'1,7'}", "3");
    things_check(things, OWNER, false, "{'number[in]':[]}", "");
    things_check(things, OWNER, true, "{'number[null]':'true'}", "2,4");
    things_check(things, OWNER, true, "{'number[null]':'false'}", "1,3,5");
    things_check(things, OWNER, true, "{'labels[null]':'true'}", "");
    things_check(things, OWNER, true, "{'name':'three'}", "");
    things_check(things, OWNER, true, "{'name[in]':'one,two'}", "1,2");
}

static void only_a_star_stands_for_something_else(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    things_check(things, OWNER, true, "{'name[like]':'t*'}", "2,3");
    things_check(things, OWNER, true, "{'name[like]':'*E'}", "1,3");
    things_check(things, OWNER, true, "{'name[like]':'*'}", "1,2,3,4,5");
    things_check(things, OWNER, true, "{'name[like]':''}", "");
    things_check(things, OWNER, true, "{'name[like]':'f%*'}", "4");
    things_check(things, OWNER, true, "{'name[like]':'f_*'}", "5");
    things_check(things, OWNER, true, "{'name[like]':'*\\\\'}", "5");
    things_check(things, OWNER, true, "{'name[like]':'f_ve'}", "");
    things_check(things, OWNER, true, "{'name[like]':'f?ur'}", "");
}

static void values_never_become_sql(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    static const char evil[] = "x' OR 1=1 --\"; DROP TABLE thing";
    static const char *const names[] = {"name", "name[ne]", "name[like]", "name[in]", "name[gt]", "q"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        SCOPED(query_free) struct query query;
        SCOPED(sql_free) struct sql sql = {0};
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{}");
        cJSON_AddStringToObject(request->params, names[i], evil);
        assert_int_equal(query_read(request, things->model, &query), STATUS_OK);
        struct asker asker = request_asker(request);
        query_sql(&query, &asker, false, &sql);
        assert_null(strstr(sql.text.bytes, "DROP"));
        assert_null(strchr(sql.text.bytes, ';'));
        SCOPED(page_free) struct page page;
        things_select(things, &query, &asker, &page);
        assert_int_equal(page.count, strcmp(names[i], "name[ne]") == 0 ? 5 : 0);
    }
    things_check(things, OWNER, true, "{}", "1,2,3,4,5");
}

/* ---- search ---- */

static void a_search_finds_words_newest_first(void **state)
{
    struct things *things = *state;
    things_add(things, 1, "red apple", value_int(2));
    things_add(things, 2, "green apples", value_int(1));
    things_add(things, 3, "Gr\xc3\xbcner Apfel", value_int(3));
    SCOPED(row_free) struct row *row = thing_row(things->model, 4, "hidden apple");
    row_put(row, THING_OWNER, value_int(OTHER));
    things_insert(things, row);
    things_check(things, OWNER, true, "{'q':'appl*'}", "2,1"); /* a star: the word may go on */
    things_check(things, OWNER, true, "{'q':'apple red'}", "1");
    things_check(things, OWNER, true, "{'q':'app red'}", "");
    things_check(things, OWNER, true, "{'q':'gruner'}", "3");
    things_check(things, OWNER, true, "{'q':'app*','sort':'number'}", "2,1");
    things_check(things, OWNER, true, "{'q':'app*','number[gt]':'1'}", "1");
    things_check(things, OTHER, true, "{'q':'app*'}", "4,2,1");
    things_check(things, OWNER, true, "{'q':'nothing'}", "");
}

static void a_search_for_no_word_is_empty(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    things_check(things, OWNER, true, "{'q':''}", "");
    things_check(things, OWNER, true, "{'q':' -- * '}", "");
    things_check(things, OWNER, true, "{'q':'\xe2\x80\xa6'}", "");
}

static void words_of_the_search_are_no_operators(void **state)
{
    struct things *things = *state;
    things_add(things, 1, "one NOT two", value_int(1));
    things_add(things, 2, "one", value_int(1));
    static const char *const evil[] = {"one NOT two",
                                       "one\\\" OR \\\"two",
                                       "NEAR(one two)",
                                       "name:one",
                                       "^one",
                                       "one*",
                                       "(one",
                                       "{name body}:one",
                                       "one + two",
                                       "AND",
                                       "OR OR",
                                       "*",
                                       "-one",
                                       "'one'",
                                       ":",
                                       "\\\\"};
    things_check(things, OWNER, true, "{'q':'one NOT two'}", "1"); /* a word like others */
    for (size_t i = 0; i < ARRAY_LENGTH(evil); i++) {
        SCOPED(thing_request_free) struct request *request = thing_request(OWNER, true, "{}");
        SCOPED(page_free) struct page page;
        cJSON_AddStringToObject(request->params, "q", evil[i]);
        things_ask(things, request, &page);
        assert_int_equal(page.status, STATUS_OK);
    }
}

/* ---- order ---- */

static void empty_fields_come_first_and_the_id_decides(void **state)
{
    struct things *things = *state;
    things_add_five(things);
    things_check(things, OWNER, true, "{'sort':'number'}", "2,4,3,1,5");
    things_check(things, OWNER, true, "{'sort':'-number'}", "5,1,3,4,2");
    things_check(things, OWNER, true, "{'sort':'-number,id'}", "1,5,3,2,4");
    things_check(things, OWNER, true, "{'sort':'number,-name'}", "2,4,3,1,5");
    things_check(things, OWNER, true, "{'sort':'-id,number'}", "5,4,3,2,1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, things_begin, things_end)
    const struct CMUnitTest tests[] = {
        TEST(each_row_says_which_fields_may_be_read),
        TEST(only_rows_that_the_rule_allows_are_listed_and_counted),
        TEST(filters_choose_rows),
        TEST(only_a_star_stands_for_something_else),
        TEST(values_never_become_sql),
        TEST(a_search_finds_words_newest_first),
        TEST(a_search_for_no_word_is_empty),
        TEST(words_of_the_search_are_no_operators),
        TEST(empty_fields_come_first_and_the_id_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
