/* A model with every kind of field, made by hand, requests about it, and its table in a data base. */
#include "model_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/model_actions.h"
#include "base/model_request.h"
#include "lib/pattern.h"
#include "lib/random.h"
#include "store/db.h"

static const char *const tables[] = {
    "CREATE TABLE thing(id INTEGER PRIMARY KEY, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version "
    "INTEGER NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, number INTEGER, ratio REAL, open INTEGER NOT NULL, day "
    "TEXT, due INTEGER, labels TEXT NOT NULL, scores TEXT, state TEXT NOT NULL, code TEXT, email TEXT, link TEXT, key "
    "TEXT, owner INTEGER NOT NULL, since TEXT NOT NULL, note TEXT, pay INTEGER, secret TEXT, parent INTEGER) STRICT",
    "CREATE INDEX thing_number ON thing(number)",
    "CREATE INDEX thing_name ON thing(name)",
    "CREATE VIRTUAL TABLE thing_search USING fts5(name, body, content='thing', content_rowid='id', "
    "tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
    "CREATE TRIGGER thing_found AFTER INSERT ON thing BEGIN INSERT INTO thing_search(rowid, name, body) VALUES "
    "(new.id, new.name, new.body); END",
};

struct value real_value(double number)
{
    return (struct value){.kind = VALUE_REAL, .real = number};
}

struct value text_value(const char *text)
{
    return value_text(text, strlen(text));
}

static struct field *field_add(struct model *model, const char *name, enum field_kind kind, bool is_nullable)
{
    struct field *field = &model->fields[model->fields_count++];
    *field = (struct field){
        .name = name, .column = name, .kind = kind, .is_nullable = is_nullable, .length_min = -1, .length_max = -1};
    return field;
}

static void own_fields_add(struct model *model)
{
    static const char *const names[] = {"id", "created_at", "updated_at", "version"};
    for (size_t i = 0; i < FIELDS_OWN; i++) {
        bool is_time = i == FIELD_CREATED_AT || i == FIELD_UPDATED_AT;
        field_add(model, names[i], is_time ? FIELD_TIME : FIELD_INTEGER, false)->is_read_only = true;
    }
}

static void default_set(struct field *field, struct value value)
{
    field->default_kind = DEFAULT_VALUE;
    field->default_value = value;
}

static void plain_fields_add(struct model *model)
{
    struct field *field = field_add(model, "name", FIELD_TEXT, false);
    field->is_required = field->is_unique = true;
    field->length_min = 1;
    field->length_max = 20;
    default_set(field_add(model, "body", FIELD_TEXT, false), text_value(""));
    field = field_add(model, "number", FIELD_INTEGER, true);
    field->has_minimum = field->has_maximum = true;
    field->minimum = value_int(-1000);
    field->maximum = value_int(1000);
    field = field_add(model, "ratio", FIELD_NUMBER, true);
    field->has_minimum = field->has_maximum = true;
    field->minimum = value_int(0);
    field->maximum = real_value(1.5);
    default_set(field_add(model, "open", FIELD_BOOLEAN, false), value_int(1));
    field_add(model, "day", FIELD_DATE, true);
    field_add(model, "due", FIELD_TIME, true);
}

static void lists_add(struct model *model)
{
    struct field *field = field_add(model, "labels", FIELD_LIST, false);
    field->length_min = 1;
    field->length_max = 3;
    default_set(field, text_value("[]"));
    field->items = calloc(1, sizeof *field->items);
    *field->items = (struct field){.kind = FIELD_TEXT, .length_min = -1, .length_max = 10};
    field = field_add(model, "scores", FIELD_LIST, true);
    field->items = calloc(1, sizeof *field->items);
    *field->items = (struct field){.kind = FIELD_INTEGER, .length_min = -1, .length_max = -1};
}

static void special_fields_add(struct model *model)
{
    static const char *const states[] = {"new", "old", "gone"};
    char why[200];
    struct field *field = field_add(model, "state", FIELD_TEXT, false);
    default_set(field, text_value("new"));
    field->choices_count = ARRAY_LENGTH(states);
    field->choices = calloc(field->choices_count, sizeof *field->choices);
    for (size_t i = 0; i < field->choices_count; i++)
        field->choices[i] = text_value(states[i]);
    field_add(model, "code", FIELD_TEXT, true)->pattern = pattern_new("^[A-Z]+$", why, sizeof why);
    field_add(model, "email", FIELD_TEXT, true)->format = FORMAT_EMAIL;
    field_add(model, "link", FIELD_TEXT, true)->format = FORMAT_URI;
    field_add(model, "key", FIELD_TEXT, true)->format = FORMAT_UUID;
    field = field_add(model, "owner", FIELD_INTEGER, false);
    field->is_required = field->is_read_only = true;
    field->default_kind = DEFAULT_ME;
    field->references = "user";
    field = field_add(model, "since", FIELD_DATE, false);
    field->is_read_only = true;
    field->default_kind = DEFAULT_NOW;
}

static void guarded_fields_add(struct model *model)
{
    field_add(model, "note", FIELD_TEXT, true);
    field_add(model, "salary", FIELD_INTEGER, true)->column = "pay";
    field_add(model, "secret", FIELD_TEXT, true)->is_write_only = true;
    field_add(model, "parent", FIELD_INTEGER, true)->references = "thing";
}

static struct rule *rule(const struct model *model, const char *words)
{
    char why[200] = "";
    SCOPED(json_free) cJSON *json = json_parse(words, strlen(words), NULL);
    struct rule *rule = rule_parse(json, model, NULL, why, sizeof why);
    if (!rule)
        fail_msg("%s: %s", words, why);
    return rule;
}

struct model *thing_model(void)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->name = model->table = model->title = "thing";
    model->fields = calloc(THING_FIELDS, sizeof *model->fields);
    assert_non_null(model->fields);
    own_fields_add(model);
    plain_fields_add(model);
    lists_add(model);
    special_fields_add(model);
    guarded_fields_add(model);
    assert_int_equal(model->fields_count, THING_FIELDS);
    model->search[model->search_count++] = THING_NAME;
    model->search[model->search_count++] = THING_BODY;
    model->label = THING_NAME;
    model->rules[RULE_READ] = rule(model, "{\"any\":[{\"open\":true},{\"owner\":\"$me\"}]}");
    model->fields[THING_NOTE].read = rule(model, "{\"owner\":\"$me\"}");
    model->fields[THING_NOTE].write = rule(model, "{\"owner\":\"$me\"}");
    model->fields[THING_SALARY].read = rule(model, "{\"$right\":\"delete\"}");
    return model;
}

void thing_model_free(struct model *model)
{
    for (size_t i = 0; i < model->fields_count; i++) {
        struct field *field = &model->fields[i];
        pattern_free(field->pattern);
        free(field->choices);
        free(field->items);
        rule_free(field->read);
        rule_free(field->write);
    }
    for (size_t i = 0; i < MODEL_RULES; i++)
        rule_free(model->rules[i]);
    free(model->fields);
    free(model);
}

struct request *thing_request(int64_t user_id, bool is_query, const char *params)
{
    struct request *request = calloc(1, sizeof *request);
    char *copy = strdup(params);
    const char *why = "";
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    request->params = json_parse(copy, strlen(copy), &why);
    if (!request->params)
        fail_msg("%s: %s", params, why);
    free(copy);
    request->actor.user_id = user_id;
    request->is_query = is_query;
    request->rights = RIGHT_READ | RIGHT_WRITE;
    return request;
}

void thing_request_free(struct request *request)
{
    if (!request)
        return;
    cJSON_Delete(request->params);
    buffer_free(&request->errors);
    buffer_free(&request->result);
    free(request->detail);
    free(request);
}

const char *errors_of(const struct request *request)
{
    return request->errors.length ? request->errors.bytes : "";
}

/* ---- a table of things ---- */

int things_begin(void **state)
{
    char why[512] = "";
    struct things *things = *state = calloc(1, sizeof *things);
    assert_non_null(things);
    assert_true(random_open());
    things->model = thing_model();
    snprintf(things->path, sizeof things->path, "/tmp/query-test-XXXXXX");
    int file = mkstemp(things->path);
    assert_true(file >= 0);
    close(file);
    db_library_start();
    things->db = db_open(things->path, DB_WRITER, DB_SYNCHRONOUS_OFF, why, sizeof why);
    if (!things->db)
        fail_msg("%s", why);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        assert_int_equal(db_run(things->db, tables[i], ""), STATUS_OK);
    return 0;
}

int things_end(void **state)
{
    struct things *things = *state;
    db_close(things->db);
    thing_model_free(things->model);
    unlink(things->path);
    free(things);
    return 0;
}

struct row *thing_row(const struct model *model, int64_t id, const char *name)
{
    static const size_t numbers[] = {FIELD_CREATED_AT, FIELD_UPDATED_AT, FIELD_VERSION, THING_OPEN};
    struct row *row = row_new(model);
    assert_non_null(row);
    row_put(row, FIELD_ID, value_int(id));
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        row_put(row, numbers[i], value_int(0));
    row_put(row, THING_NAME, text_value(name));
    row_put(row, THING_BODY, text_value(""));
    row_put(row, THING_LABELS, text_value("[]"));
    row_put(row, THING_STATE, text_value("new"));
    row_put(row, THING_OWNER, value_int(1));
    row_put(row, THING_SINCE, text_value("2026-01-31"));
    return row;
}

void row_put(struct row *row, size_t field, struct value value)
{
    assert_true(row_set(row, field, &value));
}

void things_insert(struct things *things, const struct row *row)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "INSERT INTO thing VALUES (");
    for (size_t i = 0; i < THING_FIELDS; i++) {
        sql_text(&sql, i ? "," : "");
        sql_value(&sql, &row->values[i]);
    }
    sql_text(&sql, ")");
    assert_int_equal(sql_run(&sql, things->db), STATUS_OK);
}

void things_ask(struct things *things, struct request *request, struct page *page)
{
    SCOPED(query_free) struct query query;
    *page = (struct page){.total = -1};
    page->status = query_read(request, things->model, &query);
    struct asker asker = request_asker(request);
    if (page->status == STATUS_OK)
        things_select(things, &query, &asker, page);
}

void things_select(struct things *things, const struct query *query, const struct asker *asker, struct page *page)
{
    SCOPED(sql_free) struct sql sql = {0};
    *page = (struct page){.total = -1};
    query_sql(query, asker, false, &sql);
    struct rows *rows = sql_query(&sql, things->db);
    while (rows_next(rows)) {
        assert_true(page->count <= (size_t)query->limit);
        page->rows[page->count] = row_read(rows, things->model);
        assert_non_null(page->rows[page->count]);
        page->count++;
    }
    if (rows_end(rows) != STATUS_OK)
        fail_msg("this is no SQL: %s", sql.text.bytes);
    if (page->count > (size_t)query->limit) {
        SCOPED(buffer_free) struct buffer cursor = {0};
        row_free(page->rows[--page->count]);
        query_cursor(query, page->rows[page->count - 1], &cursor);
        page->next = buffer_take(&cursor, NULL);
        assert_non_null(page->next);
    }
    if (query->wants_count) {
        SCOPED(sql_free) struct sql count = {0};
        query_sql(query, asker, true, &count);
        struct rows *counted = sql_query(&count, things->db);
        assert_true(rows_next(counted));
        page->total = rows_int(counted, 0);
        assert_int_equal(rows_end(counted), STATUS_OK);
    }
}

void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        row_free(page->rows[i]);
    free(page->next);
    *page = (struct page){0};
}

enum status things_read(const struct things *things, struct request *request)
{
    SCOPED(query_free) struct query query;
    return query_read(request, things->model, &query);
}

void things_check(struct things *things, int64_t user_id, bool is_query, const char *params, const char *wanted)
{
    SCOPED(buffer_free) struct buffer ids = {0};
    SCOPED(thing_request_free) struct request *request = thing_request(user_id, is_query, params);
    SCOPED(page_free) struct page page;
    things_ask(things, request, &page);
    if (page.status != STATUS_OK)
        fail_msg("%s: %s", params, request->detail ? request->detail : status_code(page.status));
    for (size_t i = 0; i < page.count; i++)
        buffer_printf(&ids, "%s%lld", i ? "," : "", (long long)row_id(page.rows[i]));
    if (strcmp(ids.length ? ids.bytes : "", wanted) != 0)
        fail_msg("%s: got %s, not %s", params, ids.length ? ids.bytes : "none", wanted);
}

void things_add(struct things *things, int64_t id, const char *name, struct value number)
{
    SCOPED(row_free) struct row *row = thing_row(things->model, id, name);
    row_put(row, THING_OPEN, value_int(1));
    row_put(row, THING_NUMBER, number);
    things_insert(things, row);
}

void things_add_five(struct things *things)
{
    things_add(things, 1, "one", value_int(3));
    things_add(things, 2, "two", (struct value){0});
    things_add(things, 3, "Three", value_int(1));
    things_add(things, 4, "f%ur", (struct value){0});
    things_add(things, 5, "f_ve\\", value_int(3));
}
