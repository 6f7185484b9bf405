/* The migrations in the folder of models: in order, once, whole or not at all. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/scope.h"
#include "table_world.h"

static void migrations_are_applied_once_in_the_order_of_their_names(void **state)
{
    struct world *world = *state;
    write_migration(world, "0002-second.sql", "INSERT INTO own VALUES (2)");
    write_migration(world, "0001-first.sql", "this one travels in the program, so it is not applied again");
    write_migration(world, "0001-own.sql", "CREATE TABLE own(id INTEGER PRIMARY KEY); -- and more\n");
    write_migration(world, "notes.txt", "not a migration");
    must_start(world, NULL, NULL);
    must_start(world, NULL, NULL);
    assert_int_equal(world->changes, 0);
    write_migration(world, "0003-third.sql", "INSERT INTO own VALUES (3)");
    must_start(world, NULL, NULL);
    assert_int_equal(world->changes, 1);
    assert_string_equal(ask(world, "SELECT group_concat(id) FROM own"), "2,3");
    assert_string_equal(ask(world, "SELECT group_concat(name) FROM schema_migration"),
                        "0001-own,0002-second,0003-third");
}

static void a_migration_that_was_changed_is_refused(void **state)
{
    struct world *world = *state;
    write_migration(world, "0001-own.sql", "CREATE TABLE own(id INTEGER PRIMARY KEY)");
    must_start(world, NULL, NULL);
    write_migration(world, "0001-own.sql", "CREATE TABLE own(id INTEGER PRIMARY KEY, more TEXT)");
    must_refuse(world, NULL, NULL, "0001-own.sql was changed after it was applied");
}

static void a_migration_that_fails_is_undone_and_named(void **state)
{
    struct world *world = *state;
    write_migration(world, "0001-own.sql", "CREATE TABLE own(id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1)");
    assert_int_not_equal(start(world, NULL, NULL), STATUS_OK);
    assert_non_null(strstr(world->why, "0001-own.sql failed and was undone: no such table: nowhere"));
    write_migration(world, "0001-own.sql", "CREATE TABLE own(id INTEGER PRIMARY KEY); COMMIT");
    assert_int_not_equal(start(world, NULL, NULL), STATUS_OK);
    assert_non_null(strstr(world->why, "must not end the transaction"));
    assert_string_equal(ask(world, "SELECT count(*) FROM schema_migration"), "0");
}

static void files_that_are_no_migrations_are_refused(void **state)
{
    struct world *world = *state;
    const char *const names[] = {"1-short.sql", "0001-Upper.sql", "0001.sql", "0001-.sql", "0001 x.sql"};
    char path[400];
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        write_migration(world, names[i], "SELECT 1");
        must_refuse(world, NULL, NULL, "a migration is named NNNN-name.sql");
        snprintf(path, sizeof path, "%s/migrations/%s", world->folder, names[i]);
        unlink(path);
    }
    write_migration(world, "0001-empty.sql", " \n");
    must_refuse(world, NULL, NULL, "it is empty");
}

static void a_table_that_a_migration_renames_is_taken_over(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"], \"x-grants\": {\"members\": [\"read\"]}"));
    run(world, INSERT_NEWS "'one')");
    write_migration(world, "0001-article.sql",
                    "-- needs news\nALTER TABLE news RENAME TO article;"
                    "UPDATE model_seen SET name = 'article' WHERE name = 'news';"
                    "UPDATE \"grant\" SET model = 'article' WHERE model = 'news'");
    must_start(world, "article", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    assert_string_equal(ask(world, "SELECT count(*) FROM article_search('one')"), "1");
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'news%'"), "0");
    assert_string_equal(ask(world, "SELECT group_concat(model) FROM \"grant\" WHERE model IN ('news', 'article')"),
                        "article");
    must_start(world, "article", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    assert_int_equal(world->changes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(migrations_are_applied_once_in_the_order_of_their_names),
        TEST(a_migration_that_was_changed_is_refused),
        TEST(a_migration_that_fails_is_undone_and_named),
        TEST(files_that_are_no_migrations_are_refused),
        TEST(a_table_that_a_migration_renames_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
