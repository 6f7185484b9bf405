/* The tables of models follow their files: what is made, what is refused and how one goes on, and what stays whatever
 * happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/scope.h"
#include "table_world.h"

/* ---- what is made ---- */

static void a_new_model_gets_a_table_that_checks_for_itself(void **state)
{
    struct world *world = *state;
    must_start(world, "thing",
               NEWS("\"name\": {\"type\": \"string\", \"minLength\": 2, \"maxLength\": 4, \"x-unique\": true},"
                    "\"kind\": {\"type\": \"string\", \"enum\": [\"a\", \"it's\"]},"
                    "\"done\": {\"type\": \"boolean\", \"default\": false},"
                    "\"size\": {\"type\": \"integer\", \"minimum\": -1, \"maximum\": 9},"
                    "\"rate\": {\"type\": \"number\", \"minimum\": 0.5},"
                    "\"day\": {\"type\": \"string\", \"format\": \"date\"},"
                    "\"tags\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"maxItems\": 2},"
                    "\"owner\": {\"type\": \"integer\", \"x-references\": \"user\", \"x-on-delete\": \"cascade\"}",
                    ""));
#define THING(column, value) "INSERT INTO thing(created_at, updated_at, done, " column ") VALUES (1, 1, 0, " value ")"
    const char *const bad[] = {THING("name", "'x'"),
                               THING("name", "'häuser'"),
                               THING("kind", "'b'"),
                               THING("size", "10"),
                               THING("size", "'many'"),
                               THING("rate", "0.4"),
                               THING("day", "'2026-02-30'"),
                               THING("tags", "'[1'"),
                               THING("tags", "'[1,2,3]'"),
                               THING("owner", "77"),
                               "INSERT INTO thing(created_at, updated_at, done) VALUES (1, 1, 2)",
                               "INSERT INTO thing(created_at, updated_at) VALUES (1, 1)"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        if (!refuses(world, bad[i]))
            fail_msg("%s is accepted", bad[i]);
    const char *const good[] = {THING("name", "'häus'"),      THING("kind", "'it''s'"),         THING("rate", "0.5"),
                                THING("day", "'2024-02-29'"), THING("tags", "'[\"x\",\"y\"]'"), THING("name", "NULL")};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        run(world, good[i]);
    assert_true(refuses(world, THING("name", "'häus'")));
    assert_string_equal(ask(world, "SELECT version FROM thing"), "1");
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'thing.owner'"), "1");
    assert_false(has_file(world, ".before-models"));
}

static void starting_again_changes_nothing(void **state)
{
    struct world *world = *state;
    const char *const files[][2] = {
        {"news", NEWS(TITLE, ", \"x-search\": [\"title\"], \"x-rules\": {\"read\": {\"title\": \"x\"}}")},
        {"task", NEWS("\"parent\": {\"type\": \"integer\", \"x-references\": \"task\"}", "")},
    };
    assert_int_equal(start_in(world, world->folder, files, 2), STATUS_OK);
    assert_true(world->changes > 0);
    assert_int_equal(start_in(world, world->folder, files, 2), STATUS_OK);
    assert_int_equal(world->changes, 0);
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'news.title'"), "1");
}

static void a_table_that_was_made_again_is_as_one_that_was_made_new(void **state)
{
    struct world *world = *state;
    const char *later = NEWS(TITLE "," STARS ", \"parent\": {\"type\": \"integer\", \"x-references\": \"news\"}",
                             ", \"x-search\": [\"title\"]");
    must_start(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    run(world, INSERT_NEWS "'one'), (1, 1, 'two'); DELETE FROM news WHERE id = 2");
    must_start(world, "news", later);
    assert_string_equal(ask(world, "SELECT stars || ' ' || title FROM news WHERE parent IS NULL"), "0 one");
    assert_string_equal(ask(world, "SELECT rowid FROM news_search('one')"), "1");
    run(world, INSERT_STARS "'three')"); /* which gets no id that was in use before */
    assert_string_equal(ask(world, "SELECT id FROM news WHERE title = 'three'"), "3");
    assert_string_equal(ask(world, "SELECT rowid FROM news_search('thr*')"), "3");
    assert_true(has_file(world, ".before-models"));
    must_start(world, "news", later);
    assert_int_equal(world->changes, 0);
    assert_true(refuses(world, "UPDATE news SET parent = 99"));
}

static void an_index_comes_and_goes_without_the_table(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'one'), (1, 1, 'two')");
    must_start(world, "news",
               NEWS("\"title\": {\"type\": \"string\", \"maxLength\": 200, \"default\": \"\", "
                    "\"x-unique\": true}",
                    ""));
    assert_string_equal(world->words, "make the unique index of news by title\n");
    assert_true(refuses(world, INSERT_NEWS "'one')"));
    must_start(world, "news", NEWS(TITLE, ", \"x-rules\": {\"read\": {\"title\": \"one\"}}"));
    run(world, INSERT_NEWS "'one')");
    must_start(world, "news", NEWS(TITLE, ""));
    assert_string_equal(world->words, "drop the index news.title\n");
    assert_false(has_file(world, ".before-models"));
}

static void search_follows_every_write(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'Café one')");
    must_start(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('cafe')"), "1");
    run(world, "UPDATE news SET title = 'tea'");
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('cafe')"), "0");
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('te*')"), "1");
    run(world, "DELETE FROM news");
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('tea')"), "0");
    run(world, "DROP TRIGGER \"news.search_insert\"; " INSERT_NEWS "'missed')");
    must_start(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('missed')"), "1");
    must_start(world, "news", NEWS(TITLE, ""));
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'news_search%' OR "
                                   "name LIKE 'news.search%'"),
                        "0");
}

static void default_permissions_are_given_once(void **state)
{
    struct world *world = *state;
    const char *text = NEWS(TITLE, ", \"x-grants\": {\"everyone\": [\"read\"], \"members\": [\"read\", \"write\"]}");
    const char *count = "SELECT group_concat(subject || rights || reason) FROM \"grant\" WHERE model = 'news'";
    must_start(world, "news", text);
    assert_string_equal(ask(world, count), "everyone1default,members3default");
    run(world, "DELETE FROM \"grant\" WHERE model = 'news'");
    must_start(world, "news", text);
    assert_string_equal(ask(world, count), "(none)");
}

static void default_permissions_that_are_others_than_the_grants_are_told(void **state)
{
    struct world *world = *state;
#define GRANTS(text) NEWS(TITLE, ", \"x-grants\": {" text "}")
    const char *const same = GRANTS("\"members\": [\"read\"]");
    must_start(world, "news", same);
    assert_string_equal(world->hints, "");
    must_start(world, "news", same);
    assert_string_equal(world->hints, "");
    must_start(world, "news", GRANTS("\"members\": [\"read\", \"write\"]"));
    assert_int_equal(world->changes, 0);
    assert_non_null(strstr(world->hints, "x-grants of news are not what the members may do now;"));
    must_start(world, "news", GRANTS("\"everyone\": [\"read\"]"));
    assert_non_null(strstr(world->hints, "x-grants of news are not what everyone and the members may do now;"));
    must_start(world, "news", NEWS(TITLE, ""));
    assert_non_null(strstr(world->hints, "what the members may do now;"));
    /* An administrator's decision. */
    run(world, "UPDATE \"grant\" SET reason = '', rights = 15 WHERE model = 'news'");
    must_start(world, "news", same);
    assert_string_equal(world->hints, "");
}

/* ---- what is refused ---- */

static void a_field_that_is_gone_is_refused_until_a_migration_drops_it(void **state)
{
    struct world *world = *state;
    const char *old = NEWS(TITLE ", \"stars\": {\"type\": \"string\", \"default\": \"\"}",
                           ", \"x-search\": [\"title\", \"stars\"], \"x-rules\": {\"read\": {\"stars\": \"1\"}}");
    const char *now = NEWS(TITLE, ", \"x-search\": [\"title\"]");
    must_start(world, "news", old);
    run(world, "INSERT INTO news(created_at, updated_at, title, stars) VALUES (1, 1, 'one', '7')");
    must_refuse(world, "news", now, "news.json has no \"stars\" any more, but the table has it in 1 row;");
    assert_non_null(strstr(world->why, "/migrations/0001-news-stars.sql: /* needs news */ ALTER TABLE \"news\" DROP"));
    assert_string_equal(ask(world, "SELECT stars FROM news"), "7");
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('one')"), "1");

    obey(world, "");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT title FROM news"), "one");
    assert_string_equal(ask(world, "SELECT count(*) FROM news_search('one')"), "1");
    assert_true(has_file(world, ".before-0001-news-stars"));
    must_start(world, "news", now);
    assert_int_equal(world->changes, 0);

    /* A new data base never had it. */
    unlink(world->path);
    must_start(world, "news", now);
    assert_non_null(strstr(world->words, "the table it needs is not here"));
}

static void a_model_that_is_gone_is_refused_until_a_migration_drops_it(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"]"));
    run(world, INSERT_NEWS "'one'), (1, 1, 'two')");
    must_refuse(world, NULL, NULL, "news.json is gone, but its table has 2 rows;");
    obey(world, "");
    must_start(world, NULL, NULL);
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'news%'"), "0");
}

static void a_changed_type_is_refused_until_a_migration_says_how(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'12')");
    const char *now = NEWS("\"title\": {\"type\": \"integer\", \"default\": 0}", "");
    must_refuse(world, "news", now, "\"title\" is stored as TEXT and is to be INTEGER");
    assert_null(strstr(world->why, "CAST")); /* which makes 0 of every word */
    obey(world, "length(title)");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT typeof(title) || title FROM news"), "integer2");
    must_start(world, "news", now);
    assert_int_equal(world->changes, 0);
}

/* From the field @before with @value to the field @after: what is printed is applied, with @filler for VALUE, and
 * leaves @result. */
static void change_type(struct world *world, const char *before, const char *value, const char *after,
                        const char *filler, const char *result)
{
    char text[512], sql[512];
    snprintf(text, sizeof text, NEWS("\"due\": {%s}", ""), before);
    must_start(world, "news", text);
    snprintf(sql, sizeof sql, "INSERT INTO news(created_at, updated_at, due) VALUES (1, 1, %s), (1, 1, NULL)", value);
    run(world, sql);
    snprintf(text, sizeof text, NEWS("\"due\": {%s}", ""), after);
    must_refuse(world, "news", text, "\"due\" is stored as ");
    if ((filler[0] != '\0') != (strstr(world->why, "VALUE") != NULL))
        fail_msg("%s from %s to %s: \"%s\"", value, before, after, world->why);
    obey(world, filler);
    must_start(world, "news", text);
    assert_string_equal(ask(world, "SELECT due FROM news WHERE id = 1"), result);
    assert_string_equal(ask(world, "SELECT due FROM news WHERE id = 2"), "(none)");
    remove_folder(world->dir);
    char migrations[200];
    snprintf(migrations, sizeof migrations, "%s/migrations", world->folder);
    assert_int_equal(mkdir(world->dir, 0700) + mkdir(world->folder, 0700) + mkdir(migrations, 0700), 0);
}

static void a_changed_type_loses_no_value_without_a_person_who_says_so(void **state)
{
#define TEXT    "\"type\": [\"string\", \"null\"]"
#define DATE    TEXT ", \"format\": \"date\""
#define TIME    TEXT ", \"format\": \"date-time\""
#define INTEGER "\"type\": [\"integer\", \"null\"]"
#define NUMBER  "\"type\": [\"number\", \"null\"]"
    struct world *world = *state;
    change_type(world, TEXT, "'2026-01-31'", TIME, "", "1769817600000");
    change_type(world, DATE, "'2026-01-31'", TIME, "", "1769817600000");
    change_type(world, TEXT, "'2026-01-31T10:00:00+02:00'", TIME, "", "1769846400000");
    /* Not read as a time, read as another one, or only in part. */
    const char *const others[] = {
        "'soon'", "'2026'", "'now'", "'10:00'", "'2026-02-30'", "'2026-01-31 at ten'", "'2026-01-31T10:00:00.5Z'"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        change_type(world, TEXT, others[i], TIME, "7", "7");
    change_type(world, TEXT, "'abc'", INTEGER, "3", "3");
    change_type(world, TEXT, "'12'", NUMBER, "1.5", "1.5");
    change_type(world, NUMBER, "2.0", INTEGER, "", "2");
    change_type(world, NUMBER, "2.5", INTEGER, "3", "3");
    change_type(world, INTEGER, "2", NUMBER, "", "2.0");
    change_type(world, INTEGER, "9007199254740993", NUMBER, "1.0", "1.0");
    change_type(world, INTEGER, "12", TEXT, "", "12");
    change_type(world, NUMBER, "0.1", TEXT, "", "0.1");
    change_type(world, TIME, "86400000", DATE, "date(due / 1000, 'unixepoch')", "1970-01-02");
}

static void a_field_that_must_be_there_is_refused_until_a_migration_fills_it(void **state)
{
    struct world *world = *state;
    const char *now =
        NEWS(TITLE ", \"place\": {\"type\": \"string\", \"minLength\": 1}", ", \"required\": [\"place\"]");
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'one')");
    must_refuse(world, "news", now, "\"place\" is new and must not be empty");
    obey(world, "'here'");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT place FROM news"), "here");
    assert_true(refuses(world, "UPDATE news SET place = NULL"));
}

static void an_empty_value_is_refused_until_a_migration_fills_it(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE ", \"place\": {\"type\": [\"string\", \"null\"]}", ""));
    run(world, INSERT_NEWS "'one')");
    const char *now = NEWS(TITLE ", \"place\": {\"type\": \"string\", \"default\": \"it's\"}", "");
    must_refuse(world, "news", now, "\"place\" must not be empty, but is in 1 row;");
    obey(world, "");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT place FROM news"), "it's");
}

#define KIND(type, choices, more) "\"kind\": {\"type\": " type ", \"enum\": [" choices "]" more "}"

static void choices_that_have_none_of_the_old_are_taken_over_by_the_migration_that_is_printed(void **state)
{
    struct world *world = *state;
    const char *now = NEWS(TITLE "," KIND("\"string\"", "\"x\", \"y\"", ", \"default\": \"y\""), "");
    must_start(world, "news", NEWS(TITLE "," KIND("[\"string\", \"null\"]", "\"a\", \"b\", null", ""), ""));
    write_migration(world, "0001-own.sql",
                    "CREATE VIEW kinds AS SELECT kind FROM news; CREATE INDEX own ON news(kind)");
    run(world, "INSERT INTO news(created_at, updated_at, title, kind) VALUES (1, 1, '', 'a'), (1, 1, '', NULL)");
    /* The default is not among the old choices. */
    must_refuse(world, "news", now, "\"kind\" must not be empty, but is in 1 row;");
    obey(world, "");
    must_refuse(world, "news", now, "what the file says of \"kind\" does not hold in 1 row;");
    obey(world, "'x'");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT group_concat(kind) FROM kinds"), "x,y");
    assert_true(refuses(world, "UPDATE news SET kind = 'a'"));
}

static void a_check_that_rows_do_not_pass_is_refused_with_their_number(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE "," STARS, ""));
    run(world, "INSERT INTO news(created_at, updated_at, title, stars) VALUES (1, 1, 'a', 5), (1, 1, 'b', 6), "
               "(1, 1, 'c', 1)");
    const char *now = NEWS(TITLE ", \"stars\": {\"type\": \"integer\", \"maximum\": 4, \"default\": 0}", "");
    must_refuse(world, "news", now, "\"stars\" does not hold in 2 rows;");
    obey(world, "4");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT group_concat(stars) FROM news"), "4,4,1");
    must_start(world, "news", NEWS(TITLE "," STARS, "")); /* a looser one needs nothing */
}

static void a_unique_field_that_is_not_is_refused_with_the_number_of_rows(void **state)
{
    struct world *world = *state;
#define UNIQUE(name) "\"" name "\": {\"type\": \"string\", \"maxLength\": 200, \"default\": \"\", \"x-unique\": true}"
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'a'), (1, 1, 'a'), (1, 1, 'b')");
    must_refuse(world, "news", NEWS(UNIQUE("title"), ""), "\"title\" is to be unique, but 2 rows share it");
    obey(world, "title || id");
    must_start(world, "news", NEWS(UNIQUE("title"), ""));
    assert_string_equal(ask(world, "SELECT group_concat(title) FROM news"), "a1,a2,b");
    must_refuse(world, "news", NEWS(UNIQUE("title") "," UNIQUE("other"), ""), "\"other\" is to be unique, but 3 rows");
    obey(world, "'other' || id");
    must_start(world, "news", NEWS(UNIQUE("title") "," UNIQUE("other"), ""));
    assert_string_equal(ask(world, "SELECT group_concat(other) FROM news"), "other1,other2,other3");
}

static void a_field_that_becomes_unique_may_get_values_that_were_not_allowed_before(void **state)
{
    struct world *world = *state;
    const char *now =
        NEWS("\"stars\": {\"type\": \"integer\", \"minimum\": 0, \"default\": 0, \"x-unique\": true}", "");
    must_start(world, "news",
               NEWS("\"stars\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 1, \"default\": 0}", ""));
    run(world, "INSERT INTO news(created_at, updated_at, stars) VALUES (1, 1, 1), (1, 1, 1), (1, 1, 1)");
    must_refuse(world, "news", now, "\"stars\" is to be unique, but 3 rows share it");
    obey(world, "id");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT group_concat(stars) FROM news"), "1,2,3");
}

static void a_reference_to_nothing_is_refused_with_the_number_of_rows(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE ", \"author\": {\"type\": [\"integer\", \"null\"]}", ""));
    run(world, "INSERT INTO news(created_at, updated_at, title, author) VALUES (1, 1, 'a', 99)");
    const char *now = NEWS(TITLE ", \"author\": {\"type\": [\"integer\", \"null\"], \"x-references\": \"user\"}", "");
    must_refuse(world, "news", now, "1 row refers by \"author\" to rows of user that are not there");
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'news.author'"), "0");
    obey(world, "");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT count(*) FROM news WHERE author IS NULL"), "1");
}

static void a_row_that_may_not_lose_its_reference_to_nothing_is_deleted_by_the_migration_that_is_printed(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE ", \"author\": {\"type\": \"integer\", \"default\": 0}", ""));
    run(world, "INSERT INTO news(created_at, updated_at, title, author) VALUES (1, 1, 'a', 99)");
    const char *now =
        NEWS(TITLE ", \"author\": {\"type\": \"integer\", \"x-references\": \"user\"}", ", \"required\": [\"author\"]");
    must_refuse(world, "news", now, "1 row refers by \"author\" to rows of user that are not there");
    obey(world, "");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT count(*) FROM news"), "0");
}

static void a_reference_to_nothing_may_become_empty_although_it_was_required(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE ", \"author\": {\"type\": \"integer\", \"default\": 0}", ""));
    run(world, "INSERT INTO news(created_at, updated_at, title, author) VALUES (1, 1, 'a', 99)");
    const char *now = NEWS(TITLE ", \"author\": {\"type\": [\"integer\", \"null\"], \"x-references\": \"user\"}", "");
    must_refuse(world, "news", now, "1 row refers by \"author\"");
    obey(world, "");
    must_start(world, "news", now);
    assert_string_equal(ask(world, "SELECT count(*) FROM news WHERE author IS NULL"), "1");
}

static void a_table_without_rows_may_change_freely(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE "," STARS, ", \"x-search\": [\"title\"]"));
    run(world, INSERT_STARS "'one'); DELETE FROM news");
    must_start(world, "news", NEWS("\"title\": {\"type\": \"integer\"}", ", \"required\": [\"title\"]"));
    run(world, INSERT_NEWS "5)");
    assert_string_equal(ask(world, "SELECT id FROM news"), "2");
    run(world, "DELETE FROM news");
    must_start(world, NULL, NULL);
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'news%'"), "0");
}

static void names_that_are_taken_are_refused(void **state)
{
    struct world *world = *state;
    write_migration(world, "0001-own.sql", "CREATE TABLE mine(id INTEGER PRIMARY KEY); INSERT INTO mine VALUES (1)");
    write_migration(world, "0002-own.sql", "CREATE TABLE news_search(id INTEGER PRIMARY KEY)");
    must_refuse(world, "mine", NEWS(TITLE, ""), "a table mine that was not made from a model");
    must_refuse(world, "news", NEWS(TITLE, ", \"x-search\": [\"title\"]"), "needs the name news_search");
    assert_string_equal(ask(world, "SELECT count(*) FROM mine"), "1");
}

/* ---- all or nothing ---- */

static void a_change_that_fails_in_the_middle_leaves_everything_as_it_was(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE "," STARS, ""));
    run(world, "CREATE INDEX own ON news(stars)"); /* which cannot come back without its column */
    char *before = strdup(ask(world, "SELECT group_concat(name || ifnull(sql, '')) FROM sqlite_schema"));
    const char *const files[][2] = {{"early", NEWS(TITLE, "")}, {"news", NEWS(TITLE, "")}, {"other", NEWS(TITLE, "")}};
    assert_int_not_equal(start_in(world, world->folder, files, 3), STATUS_OK);
    assert_non_null(strstr(world->why, "cannot make the table of news again"));
    assert_non_null(strstr(world->why, "nothing was changed"));
    assert_string_equal(ask(world, "SELECT group_concat(name || ifnull(sql, '')) FROM sqlite_schema"), before);
    free(before);
    run(world, "DROP INDEX own");
    assert_int_equal(start_in(world, world->folder, files, 3), STATUS_OK);
    assert_string_equal(ask(world, "SELECT count(*) FROM model_seen"), "3");
}

static void what_migrations_put_on_a_table_stays_when_it_is_made_again(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'one')");
    write_migration(world, "0001-own.sql",
                    "CREATE TABLE copy(title TEXT); CREATE VIEW titles AS SELECT title FROM news;"
                    "CREATE INDEX own ON news(created_at);"
                    "CREATE TRIGGER keep AFTER INSERT ON news BEGIN INSERT INTO copy VALUES (new.title); END");
    must_start(world, "news", NEWS(TITLE "," STARS, ""));
    run(world, INSERT_STARS "'two')");
    assert_string_equal(ask(world, "SELECT group_concat(title) FROM copy"), "two");
    assert_string_equal(ask(world, "SELECT count(*) FROM titles"), "2");
    assert_string_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'own'"), "1");
}

static void other_tables_go_on_referring_to_one_that_was_made_again(void **state)
{
    struct world *world = *state;
    const char *comment = NEWS("\"news\": {\"type\": \"integer\", \"x-references\": \"news\", \"x-on-delete\": "
                               "\"cascade\"}",
                               "");
    const char *const before[][2] = {{"news", NEWS(TITLE, "")}, {"comment", comment}};
    const char *const after[][2] = {{"news", NEWS(TITLE "," STARS, "")}, {"comment", comment}};
    assert_int_equal(start_in(world, world->folder, before, 2), STATUS_OK);
    run(world, INSERT_NEWS "'one'); INSERT INTO comment(created_at, updated_at, news) VALUES (1, 1, 1)");
    assert_int_equal(start_in(world, world->folder, after, 2), STATUS_OK);
    assert_string_equal(ask(world, "SELECT count(*) FROM comment"), "1");
    run(world, "PRAGMA foreign_keys = ON; DELETE FROM news");
    assert_string_equal(ask(world, "SELECT count(*) FROM comment"), "0");
}

static void without_a_folder_tables_of_models_are_left_alone(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'one')");
    assert_int_equal(start_in(world, "", NULL, 0), STATUS_OK);
    assert_int_equal(world->changes, 0);
    assert_string_equal(ask(world, "SELECT title FROM news"), "one");
}

static void a_rehearsal_says_the_same_and_changes_nothing(void **state)
{
    struct world *world = *state;
    must_start(world, "news", NEWS(TITLE, ""));
    run(world, INSERT_NEWS "'one')");
    write_migration(world, "0001-own.sql", "CREATE TABLE mine(id INTEGER PRIMARY KEY)");
    char *before = strdup(ask(world, "SELECT group_concat(name || ifnull(sql, '')) FROM sqlite_schema"));
    world->is_rehearsal = true;
    must_start(world, "news", NEWS(TITLE "," STARS, ""));
    char words[sizeof world->words];
    memcpy(words, world->words, sizeof words);
    must_refuse(world, "news", NEWS(STARS, ""), "has no \"title\" any more");
    assert_string_equal(ask(world, "SELECT group_concat(name || ifnull(sql, '')) FROM sqlite_schema"), before);
    free(before);
    const char *const endings[] = {".dry-run", ".dry-run-wal", ".dry-run.lock", ".before-models", ".before-0001-own"};
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++)
        assert_false(has_file(world, endings[i]));
    world->is_rehearsal = false;
    must_start(world, "news", NEWS(TITLE "," STARS, ""));
    assert_string_equal(world->words, words);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_new_model_gets_a_table_that_checks_for_itself),
        TEST(starting_again_changes_nothing),
        TEST(a_table_that_was_made_again_is_as_one_that_was_made_new),
        TEST(an_index_comes_and_goes_without_the_table),
        TEST(search_follows_every_write),
        TEST(default_permissions_are_given_once),
        TEST(default_permissions_that_are_others_than_the_grants_are_told),
        TEST(a_field_that_is_gone_is_refused_until_a_migration_drops_it),
        TEST(a_model_that_is_gone_is_refused_until_a_migration_drops_it),
        TEST(a_changed_type_is_refused_until_a_migration_says_how),
        TEST(a_changed_type_loses_no_value_without_a_person_who_says_so),
        TEST(a_field_that_must_be_there_is_refused_until_a_migration_fills_it),
        TEST(an_empty_value_is_refused_until_a_migration_fills_it),
        TEST(choices_that_have_none_of_the_old_are_taken_over_by_the_migration_that_is_printed),
        TEST(a_check_that_rows_do_not_pass_is_refused_with_their_number),
        TEST(a_unique_field_that_is_not_is_refused_with_the_number_of_rows),
        TEST(a_field_that_becomes_unique_may_get_values_that_were_not_allowed_before),
        TEST(a_reference_to_nothing_is_refused_with_the_number_of_rows),
        TEST(a_row_that_may_not_lose_its_reference_to_nothing_is_deleted_by_the_migration_that_is_printed),
        TEST(a_reference_to_nothing_may_become_empty_although_it_was_required),
        TEST(a_table_without_rows_may_change_freely),
        TEST(names_that_are_taken_are_refused),
        TEST(a_change_that_fails_in_the_middle_leaves_everything_as_it_was),
        TEST(what_migrations_put_on_a_table_stays_when_it_is_made_again),
        TEST(other_tables_go_on_referring_to_one_that_was_made_again),
        TEST(without_a_folder_tables_of_models_are_left_alone),
        TEST(a_rehearsal_says_the_same_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
