/* Statements: binding, reading, faults, and how they are kept. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/db.h"

/* A connection on this thread: cmocka's checks may only fail where the test runs. */
struct alone {
    struct world world;
    struct db *db;
};

static int begin(void **state)
{
    static struct alone alone;
    *state = &alone;
    world_begin(&alone.world);
    db_library_start();
    fclose(fopen(alone.world.path, "w"));
    alone.db = db_open(alone.world.path, DB_WRITER, DB_SYNCHRONOUS_OFF, alone.world.why, WHY_SIZE);
    assert_non_null(alone.db);
    assert_int_equal(
        db_run(alone.db, "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT", ""), STATUS_OK);
    return 0;
}

static int end(void **state)
{
    struct alone *alone = *state;
    db_close(alone->db);
    world_end(&alone->world);
    return 0;
}

static void values_come_back_as_they_were_bound(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    enum status status = db_run(db, "CREATE TABLE bound(a, b, c, d, e, f, g, h)", "");
    assert_int_equal(status, STATUS_OK);
    status = db_run(db, "INSERT INTO bound VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "itsbdntb", INT64_MIN, "whole",
                    "cut here", (size_t)3, "\0\1", (size_t)2, 0.5, (const char *)NULL, "", (size_t)0);
    assert_int_equal(status, STATUS_OK);
    size_t length = 99;
    struct rows *rows = db_query(db, "SELECT * FROM bound", "");
    assert_true(rows_next(rows));
    assert_true(rows_int(rows, 0) == INT64_MIN);
    assert_string_equal(rows_text(rows, 1, NULL), "whole");
    assert_string_equal(rows_text(rows, 2, &length), "cut");
    assert_int_equal(length, 3);
    assert_memory_equal(rows_text(rows, 3, &length), "\0\1", 2);
    assert_int_equal(length, 2);
    assert_true(rows_double(rows, 4) > 0.4 && rows_double(rows, 4) < 0.6);
    assert_true(rows_is_null(rows, 5));
    assert_null(rows_text(rows, 6, &length));
    assert_int_equal(length, 0);
    assert_false(rows_is_null(rows, 7));
    assert_non_null(rows_text(rows, 7, &length));
    assert_int_equal(length, 0);
    assert_false(rows_next(rows));
    assert_int_equal(rows_end(rows), STATUS_OK);
}

static void a_query_may_run_within_itself(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    static const char sql[] = "SELECT id FROM note WHERE id >= ?1 ORDER BY id";
    for (int64_t id = 1; id <= 3; id++)
        assert_int_equal(db_run(db, "INSERT INTO note VALUES (?1, 'n' || ?1)", "i", id), STATUS_OK);
    assert_int_equal(db_changes(db), 1);
    assert_int_equal(db_last_id(db), 3);
    int pairs = 0;
    size_t before = db_statements_count(db);
    struct rows *outer = db_query(db, sql, "i", (int64_t)1);
    while (rows_next(outer)) {
        struct rows *inner = db_query(db, sql, "i", rows_int(outer, 0));
        while (rows_next(inner))
            pairs++;
        assert_int_equal(rows_end(inner), STATUS_OK);
    }
    assert_int_equal(pairs, 6);
    assert_int_equal(rows_end(outer), STATUS_OK);
    assert_int_equal(db_statements_count(db), before + 1); /* the inner ones were not kept */
}

static void a_query_keeps_its_own_copy_of_texts(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    char *text = strdup("short-lived");
    struct rows *rows = db_query(db, "SELECT ?1", "t", text);
    memset(text, 'x', strlen(text));
    free(text);
    assert_true(rows_next(rows));
    assert_string_equal(rows_text(rows, 0, NULL), "short-lived");
    assert_int_equal(rows_end(rows), STATUS_OK);
}

static void mistakes_are_faults_and_leave_results_alone(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    int64_t value = 5;
    assert_int_equal(db_run(db, "no such words", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "-- nothing", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "SELECT ?1", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "SELECT 1", "i", (int64_t)1), STATUS_FAULT);
    assert_int_equal(db_run(db, "SELECT ?1", "?", (int64_t)1), STATUS_FAULT);
    assert_int_equal(db_run(db, "SELECT \"no_string\"", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "ATTACH ':memory:' AS other", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "INSERT INTO note VALUES (1, NULL)", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "INSERT INTO note VALUES ('one', 'text')", ""), STATUS_FAULT);
    assert_int_equal(db_run(db, "INSERT INTO note VALUES (1, zeroblob(33554432))", ""), STATUS_TOO_LARGE);
    assert_int_equal(db_get_int(db, &value, "SELECT id FROM note", ""), STATUS_NOT_FOUND);
    assert_int_equal(db_get_int(db, &value, "SELECT nothing FROM note", ""), STATUS_FAULT);
    assert_int_equal(value, 5);
    assert_false(rows_next(NULL));
    assert_int_equal(rows_end(NULL), STATUS_FAULT);
    struct rows *rows = db_query(db, "no such words", "");
    assert_non_null(rows);
    assert_false(rows_next(rows));
    assert_int_equal(rows_end(rows), STATUS_FAULT);
}

static void statements_are_kept_by_their_words_and_in_bounds(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    char here[32], there[32];
    snprintf(here, sizeof here, "SELECT 'same'");
    snprintf(there, sizeof there, "SELECT 'same'");
    assert_int_equal(db_run(db, here, ""), STATUS_OK);
    size_t one = db_statements_count(db);
    assert_int_equal(db_run(db, there, ""), STATUS_OK);
    assert_int_equal(db_run(db, here, ""), STATUS_OK);
    assert_int_equal(db_statements_count(db), one);
    /* Other words at the same address are another statement. */
    int64_t value = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(here, sizeof here, "SELECT %d", i);
        assert_int_equal(db_get_int(db, &value, here, ""), STATUS_OK);
        assert_int_equal(value, i);
        assert_true(db_statements_count(db) <= 513);
    }
}

static void a_query_survives_the_end_of_the_collection(void **state)
{
    struct db *db = ((struct alone *)*state)->db;
    char sql[64];
    struct rows *rows = db_query(db, "SELECT 1 UNION SELECT 2 UNION SELECT 3", "");
    int64_t sum = 0;
    while (rows_next(rows)) {
        sum += rows_int(rows, 0);
        for (int i = 0; i < 600; i++) {
            snprintf(sql, sizeof sql, "SELECT %d + %d", i, (int)sum);
            assert_int_equal(db_run(db, sql, ""), STATUS_OK);
        }
    }
    assert_int_equal(sum, 6);
    assert_int_equal(rows_end(rows), STATUS_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_as_they_were_bound),
        TEST(a_query_may_run_within_itself),
        TEST(a_query_keeps_its_own_copy_of_texts),
        TEST(mistakes_are_faults_and_leave_results_alone),
        TEST(statements_are_kept_by_their_words_and_in_bounds),
        TEST(a_query_survives_the_end_of_the_collection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
