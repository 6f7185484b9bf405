/* A model with every kind of field, its table in a data base, and a relation, for tests of rules. */
#include "rule_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char thing_file[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"owner\":{\"type\":[\"integer\",\"null\"]},\"rank\":{\"type\":[\"integer\",\"null\"]},"
    "\"score\":{\"type\":[\"number\",\"null\"]},\"title\":{\"type\":[\"string\",\"null\"]},"
    "\"state\":{\"type\":[\"string\",\"null\"],\"enum\":[\"open\",\"closed\",null]},"
    "\"done\":{\"type\":[\"boolean\",\"null\"]},\"day\":{\"type\":[\"string\",\"null\"],\"format\":\"date\"},"
    "\"due\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
    "\"labels\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"}},"
    "\"people\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"integer\"}},"
    "\"scores\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"number\"}},"
    "\"flags\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"boolean\"}}}}";

static const char *const tables[] = {
    "CREATE TABLE thing(id INTEGER PRIMARY KEY, created_at INTEGER, updated_at INTEGER, version INTEGER, owner "
    "INTEGER, "
    "rank INTEGER, score REAL, title TEXT, state TEXT, done INTEGER, day TEXT, due INTEGER, labels TEXT, people TEXT, "
    "scores TEXT, flags TEXT) STRICT",
    "CREATE INDEX thing_owner ON thing(owner)",
    "CREATE INDEX thing_rank ON thing(rank)",
    "CREATE INDEX thing_score ON thing(score)",
    "CREATE INDEX thing_title ON thing(title)",
    "CREATE TABLE belongs(user_id INTEGER NOT NULL, set_id INTEGER NOT NULL) STRICT",
};

const struct belongs belongs[] = {{1, 1}, {1, 3}, {2, 2}, {2, 3}, {2, -1}, {7, INT64_MAX}};
const size_t belongs_count = ARRAY_LENGTH(belongs);

static bool belongs_has(void *app, const struct actor *actor, int64_t id)
{
    (void)app;
    for (size_t i = 0; i < belongs_count; i++)
        if (belongs[i].user_id == actor->user_id && belongs[i].set_id == id)
            return true;
    return false;
}

static const struct relation sets = {"$sets", "SELECT set_id FROM belongs WHERE user_id = ?", belongs_has, NULL};

int world_begin(void **state)
{
    char why[512] = "";
    struct world *world = *state = calloc(1, sizeof *world);
    assert_non_null(world);
    world->models = models_new();
    assert_non_null(world->models);
    relation_add(world->models, &sets);
    if (!models_read(world->models, "thing", thing_file, sizeof thing_file - 1, false, why, sizeof why) ||
        !models_finish(world->models, why, sizeof why))
        fail_msg("%s", why);
    world->thing = models_find(world->models, "thing");
    assert_int_equal(world->thing->fields_count, THING_FIELDS);
    snprintf(world->path, sizeof world->path, "/tmp/rule-test-XXXXXX");
    int file = mkstemp(world->path);
    assert_true(file >= 0);
    close(file);
    db_library_start();
    world->db = db_open(world->path, DB_WRITER, DB_SYNCHRONOUS_OFF, why, sizeof why);
    if (!world->db)
        fail_msg("%s", why);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        assert_int_equal(db_run(world->db, tables[i], ""), STATUS_OK);
    for (size_t i = 0; i < belongs_count; i++)
        assert_int_equal(
            db_run(world->db, "INSERT INTO belongs VALUES (?1, ?2)", "ii", belongs[i].user_id, belongs[i].set_id),
            STATUS_OK);
    return 0;
}

int world_end(void **state)
{
    struct world *world = *state;
    db_close(world->db);
    models_free(world->models);
    unlink(world->path);
    free(world);
    return 0;
}

static struct rule *parse(const struct world *world, const char *json, char why[512])
{
    char *text = strdup(json);
    assert_non_null(text);
    bool has_quotes = strchr(text, '"') != NULL;
    for (char *c = text; *c && !has_quotes; c++)
        if (*c == '\'')
            *c = '"';
    const char *wrong = NULL;
    SCOPED(json_free) cJSON *tree = json_parse(text, strlen(text), &wrong);
    if (!tree)
        fail_msg("%s: %s", text, wrong);
    free(text);
    return rule_parse(tree, world->thing, world->models, why, 512);
}

struct rule *world_rule(const struct world *world, const char *json)
{
    char why[512] = "";
    struct rule *rule = parse(world, json, why);
    if (!rule)
        fail_msg("%s: %s", json, why);
    return rule;
}

const char *world_why(const struct world *world, const char *json, char why[512])
{
    why[0] = '\0';
    SCOPED(rule_free) struct rule *rule = parse(world, json, why);
    if (rule)
        fail_msg("%s is a rule", json);
    return why;
}

struct row *world_row(const struct world *world, int64_t id)
{
    struct row *row = row_new(world->thing);
    assert_non_null(row);
    row_put(row, FIELD_ID, value_int(id));
    return row;
}

void row_put(struct row *row, size_t field, struct value value)
{
    assert_true(row_set(row, field, &value));
}

void world_insert(struct world *world, const struct row *row)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "INSERT INTO thing VALUES (");
    for (size_t i = 0; i < THING_FIELDS; i++) {
        sql_text(&sql, i ? "," : "");
        sql_value(&sql, &row->values[i]);
    }
    sql_text(&sql, ")");
    assert_int_equal(sql_run(&sql, world->db), STATUS_OK);
}

int world_answer(struct world *world, const struct rule *rule, const struct asker *asker, int64_t id)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "SELECT ");
    rule_sql(rule, "t", asker, &sql);
    sql_text(&sql, " FROM thing AS t WHERE id = ");
    sql_int(&sql, id);
    struct rows *rows = sql_query(&sql, world->db);
    assert_true(rows_next(rows));
    int answer = rows_is_null(rows, 0) ? -1 : (int)rows_int(rows, 0);
    assert_int_equal(rows_end(rows), STATUS_OK);
    return answer;
}
