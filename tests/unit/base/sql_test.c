/* SQL that is put together: names are quoted, values are bound, mistakes are faults. */
#include "rule_world.h"
#include <string.h>

static void values_are_bound_in_the_order_they_came(void **state)
{
    struct world *world = *state;
    SCOPED(sql_free) struct sql sql = {0};
    const struct value text = value_text("'; DROP TABLE thing; --", 23), none = {.kind = VALUE_NULL};
    const struct value real = {.kind = VALUE_REAL, .real = 0.5}, empty = value_text("", 0);
    const struct value *const values[] = {&text, &none, &real, &empty};
    sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        sql_value(&sql, values[i]);
        sql_text(&sql, ", ");
    }
    for (int i = 0; i < 40; i++) { /* more than fit at first */
        sql_int(&sql, i == 39 ? INT64_MIN : i);
        sql_text(&sql, i == 39 ? "" : ", ");
    }

    struct rows *rows = sql_query(&sql, world->db);

    assert_true(rows_next(rows));
    assert_string_equal(rows_text(rows, 0, NULL), text.text);
    assert_true(rows_is_null(rows, 1));
    assert_true(rows_double(rows, 2) > 0.4 && rows_double(rows, 2) < 0.6);
    assert_false(rows_is_null(rows, 3));
    assert_true(rows_int(rows, 4) == 0 && rows_int(rows, 42) == 38 && rows_int(rows, 43) == INT64_MIN);
    assert_int_equal(rows_end(rows), STATUS_OK);
}

static void a_name_stays_a_name_whatever_is_in_it(void **state)
{
    struct world *world = *state;
    SCOPED(sql_free) struct sql make = {0}, look = {0};
    sql_text(&make, "CREATE TABLE ");
    sql_name(&make, "select");
    sql_text(&make, "(");
    sql_name(&make, "a\"b");
    sql_text(&make, " INTEGER)");
    sql_text(&look, "SELECT ");
    sql_column(&look, "r", "a\"b");
    sql_text(&look, " FROM \"select\" AS r");

    assert_int_equal(sql_run(&make, world->db), STATUS_OK);
    assert_int_equal(sql_run(&look, world->db), STATUS_OK);
}

static void another_number_of_values_is_a_fault(void **state)
{
    struct world *world = *state;
    const struct value values[] = {value_int(1), value_int(2)};
    SCOPED(sql_free) struct sql empty = {0}, failed = {.has_failed = true};
    sql_text(&failed, "SELECT 1");

    assert_int_equal(rows_end(db_query_values(world->db, "SELECT ?", values, 2)), STATUS_FAULT);
    assert_int_equal(rows_end(db_query_values(world->db, "SELECT ?", values, 0)), STATUS_FAULT);
    assert_int_equal(rows_end(db_query_values(world->db, "no such words", NULL, 0)), STATUS_FAULT);
    assert_int_equal(rows_end(sql_query(&empty, world->db)), STATUS_FAULT);
    assert_int_equal(sql_run(&failed, world->db), STATUS_FAULT);
}

static void the_same_words_are_prepared_once(void **state)
{
    struct world *world = *state;
    size_t before = db_statements_count(world->db);
    for (int64_t i = 0; i < 5; i++) {
        SCOPED(sql_free) struct sql sql = {0};
        sql_text(&sql, "SELECT id FROM thing WHERE id = ");
        sql_int(&sql, i);
        assert_int_equal(sql_run(&sql, world->db), STATUS_OK);
    }
    assert_int_equal(db_statements_count(world->db), before + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(values_are_bound_in_the_order_they_came),
        TEST(a_name_stays_a_name_whatever_is_in_it),
        TEST(another_number_of_values_is_a_fault),
        TEST(the_same_words_are_prepared_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
