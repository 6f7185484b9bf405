/* Fuzz test of rules: whatever the bytes, reading them ends without harm; what is taken is printed as a rule that is
 * taken again, SQLite takes its SQL, and both compilers say the same of a row.
 *   clang -fsanitize=fuzzer,address,undefined: libFuzzer    with standalone.c: the files named, or standard input
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rule.h"
#include "store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char thing_file[] =
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]},\"b\":{\"type\":[\"string\",\"null\"]"
    "},"
    "\"n\":{\"type\":[\"number\",\"null\"]},\"t\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
    "\"d\":{\"type\":[\"string\",\"null\"],\"format\":\"date\"},\"l\":{\"type\":[\"array\",\"null\"],"
    "\"items\":{\"type\":\"string\"}}}}";

static struct models *models;
static const struct model *thing;
static struct db *db;
static char path[] = "/tmp/rule-fuzz-XXXXXX";
static struct row *rows[2]; /* the first is full, the second empty */

static void require(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "rule_fuzz: %s\n", what);
    abort();
}

static bool is_in_set(void *app, const struct actor *actor, int64_t id)
{
    (void)app;
    return actor->user_id == 7 && id == 1;
}

static void insert(struct row *row)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "INSERT INTO thing VALUES (");
    for (size_t i = 0; i < thing->fields_count; i++) {
        sql_text(&sql, i ? "," : "");
        sql_value(&sql, &row->values[i]);
    }
    sql_text(&sql, ")");
    require(sql_run(&sql, db) == STATUS_OK, "cannot insert a row");
}

static void finish(void)
{
    for (int i = 0; i < 2; i++)
        row_free(rows[i]);
    models_free(models);
    db_close(db);
    unlink(path);
}

static void start(void)
{
    static const struct relation sets = {"$sets", "SELECT 1 WHERE ? = 7", is_in_set, NULL};
    char why[512] = "";
    models = models_new();
    relation_add(models, &sets);
    require(models_read(models, "thing", thing_file, sizeof thing_file - 1, false, why, sizeof why), why);
    require(models_finish(models, why, sizeof why), why);
    thing = models_find(models, "thing");
    db_library_start();
    close(mkstemp(path));
    db = db_open(path, DB_WRITER, DB_SYNCHRONOUS_OFF, why, sizeof why);
    atexit(finish);
    require(db, why);
    require(db_run(db, "CREATE TABLE thing(id, created_at, updated_at, version, a, b, n, t, d, l)", "") == STATUS_OK,
            "cannot make the table");
    const struct value values[] = {value_int(1), value_text("b", 1),           {.kind = VALUE_REAL, .real = 0.5},
                                   value_int(0), value_text("2026-01-31", 10), value_text("[\"l\",\"\"]", 8)};
    for (int i = 0; i < 2; i++) {
        rows[i] = row_new(thing);
        struct value id = value_int(i + 1);
        bool is_fine = row_set(rows[i], FIELD_ID, &id);
        for (size_t j = 0; j < ARRAY_LENGTH(values) && i == 0; j++)
            is_fine = row_set(rows[i], FIELDS_OWN + j, &values[j]) && is_fine;
        require(is_fine, "no memory");
        insert(rows[i]);
    }
}

static void compare(const struct rule *rule, int64_t user_id)
{
    const struct actor actor = {.user_id = user_id};
    const struct asker asker = {.actor = &actor, .rights = RIGHT_READ, .now_ms = 1};
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "SELECT ");
    rule_sql(rule, "t", &asker, &sql);
    sql_text(&sql, " FROM thing AS t ORDER BY id");
    struct rows *found = sql_query(&sql, db);
    for (int i = 0; i < 2; i++) {
        require(rows_next(found) && !rows_is_null(found, 0), "SQLite does not say yes or no");
        require(rule_allows(rule, rows[i], &asker) == rows_int(found, 0), "the two compilers differ");
    }
    require(rows_end(found) == STATUS_OK, "SQLite does not take it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[512], again_why[512];
    if (!db)
        start();
    SCOPED(json_free) cJSON *json = json_parse((const char *)data, size, NULL);
    if (!json)
        return 0;
    SCOPED(rule_free) struct rule *rule = rule_parse(json, thing, models, why, sizeof why);
    require(rule || strlen(why) > 10, "it is refused without a reason");
    if (!rule)
        return 0;
    SCOPED(buffer_free) struct buffer printed = {0}, story = {0};
    rule_print(rule, &printed);
    SCOPED(json_free) cJSON *copy = json_parse(printed.bytes, printed.length, NULL);
    SCOPED(rule_free) struct rule *again = rule_parse(copy, thing, models, again_why, sizeof again_why);
    require(again && rule_fields(again) == rule_fields(rule), "what was printed is another rule");
    compare(rule, 0);
    compare(rule, 7);
    const struct actor actor = {.user_id = 7};
    const struct asker asker = {.actor = &actor};
    rule_explain(rule, rows[0], &asker, UINT64_MAX, &story);
    require(!story.has_failed && story.length > 0, "it cannot be explained");
    return 0;
}
