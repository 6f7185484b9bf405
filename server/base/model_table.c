/* base/model_table.c: what a model looks like in SQL. */
#include "base/model_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rule.h"

static void column_sql(const struct models *models, const struct field *field, struct buffer *sql);
static void reference_sql(const struct models *models, const struct field *field, struct buffer *sql);
static void and_text(struct buffer *sql, size_t start);
static void range_sql(const char *what, bool has_least, bool has_most, const struct value *least,
                      const struct value *most, struct buffer *sql);
static void choices_sql(const struct field *field, struct buffer *sql);
static void index_add(const struct model *model, size_t field, struct table_parts *parts);
static void search_add(const struct model *model, struct table_parts *parts);
static void trigger_add(const struct model *model, const char *event, bool removes, bool adds,
                        struct table_parts *parts);
static void search_columns(const struct model *model, const char *row, struct buffer *sql);
static void part_add(struct table_parts *parts, enum table_part_kind kind, const char *name, size_t field,
                     struct buffer *sql);

void table_sql(const struct models *models, const struct model *model, const char *name, struct buffer *sql)
{
    buffer_printf(sql, "CREATE TABLE \"%s\" (\n", name);
    buffer_text(sql, "    \"id\" INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                     "    \"created_at\" INTEGER NOT NULL,\n"
                     "    \"updated_at\" INTEGER NOT NULL,\n"
                     "    \"version\" INTEGER NOT NULL DEFAULT 1");
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        buffer_text(sql, ",\n    ");
        column_sql(models, &model->fields[i], sql);
    }
    buffer_text(sql, "\n) STRICT");
}

/* Without DEFAULT: forms fill in what is missing, so a new default need not rebuild the table. Without UNIQUE: an
 * index of its own can come and go without rebuilding it. */
static void column_sql(const struct models *models, const struct field *field, struct buffer *sql)
{
    SCOPED(buffer_free) struct buffer condition = {0};
    buffer_printf(sql, "\"%s\" %s", field->column, field_type(field));
    if (!field->is_nullable)
        buffer_text(sql, " NOT NULL");
    field_condition(field, &condition);
    if (condition.length)
        buffer_printf(sql, " CHECK (%s)", condition.bytes);
    if (field->references)
        reference_sql(models, field, sql);
    sql->has_failed |= condition.has_failed;
}

static void reference_sql(const struct models *models, const struct field *field, struct buffer *sql)
{
    static const char *const actions[] = {
        [ON_DELETE_RESTRICT] = "RESTRICT",
        [ON_DELETE_CASCADE] = "CASCADE",
        [ON_DELETE_SET_NULL] = "SET NULL",
    };
    const struct model *target = models_find(models, field->references);
    if (target) /* models_finish() made sure of it */
        buffer_printf(sql, " REFERENCES \"%s\"(\"%s\") ON DELETE %s", target->table, target->fields[FIELD_ID].column,
                      actions[field->on_delete]);
}

const char *field_type(const struct field *field)
{
    switch (field->kind) {
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
    case FIELD_TIME:
        return "INTEGER";
    case FIELD_NUMBER:
        return "REAL";
    case FIELD_TEXT:
    case FIELD_DATE:
    case FIELD_LIST:
        break;
    }
    return "TEXT";
}

void field_condition(const struct field *field, struct buffer *sql)
{
    size_t start = sql->length;
    char what[MODEL_NAME_MAX + 32];
    snprintf(what, sizeof what, "\"%s\"", field->column);
    if (field->kind == FIELD_BOOLEAN)
        buffer_printf(sql, "%s IN (0, 1)", what);
    if (field->kind == FIELD_DATE) /* only a step makes it look at the calendar */
        buffer_printf(sql, "%s IS date(%s, '+0 days')", what, what);
    if (field->kind == FIELD_LIST) /* of a null it says no */
        buffer_printf(sql, "(%s IS NULL OR json_valid(%s))", what, what);
    if (field->choices_count) {
        and_text(sql, start);
        choices_sql(field, sql);
    }
    if (field->has_minimum || field->has_maximum) {
        and_text(sql, start);
        range_sql(what, field->has_minimum, field->has_maximum, &field->minimum, &field->maximum, sql);
    }
    if ((field->kind == FIELD_TEXT || field->kind == FIELD_LIST) && (field->length_min > 0 || field->length_max >= 0)) {
        struct value least = value_int(field->length_min), most = value_int(field->length_max);
        snprintf(what, sizeof what, field->kind == FIELD_LIST ? "json_array_length(\"%s\")" : "length(\"%s\")",
                 field->column);
        and_text(sql, start);
        range_sql(what, field->length_min > 0, field->length_max >= 0, &least, &most, sql);
    }
}

static void and_text(struct buffer *sql, size_t start)
{
    if (sql->length > start)
        buffer_text(sql, " AND ");
}

static void range_sql(const char *what, bool has_least, bool has_most, const struct value *least,
                      const struct value *most, struct buffer *sql)
{
    buffer_printf(sql, "%s %s ", what, has_least && has_most ? "BETWEEN" : has_least ? ">=" : "<=");
    if (has_least)
        value_literal(least, sql);
    if (has_least && has_most)
        buffer_text(sql, " AND ");
    if (has_most)
        value_literal(most, sql);
}

static void choices_sql(const struct field *field, struct buffer *sql)
{
    const char *gap = "";
    buffer_printf(sql, "\"%s\" IN (", field->column);
    for (size_t i = 0; i < field->choices_count; i++) {
        if (field->choices[i].kind == VALUE_NULL) /* a null passes every check */
            continue;
        buffer_text(sql, gap);
        value_literal(&field->choices[i], sql);
        gap = ", ";
    }
    buffer_char(sql, ')');
}

void value_literal(const struct value *value, struct buffer *sql)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_text(sql, "NULL");
        break;
    case VALUE_INT:
        buffer_int(sql, value->number);
        break;
    case VALUE_REAL:
        buffer_printf(sql, "%.17g", value->real);
        break;
    case VALUE_TEXT:
        buffer_char(sql, '\'');
        for (size_t i = 0; i < value->length; i++) {
            if (value->text[i] == '\'')
                buffer_char(sql, '\'');
            buffer_char(sql, value->text[i]);
        }
        buffer_char(sql, '\'');
        break;
    }
}

/* ---- what stands beside the table ---- */

void table_parts(const struct model *model, struct table_parts *parts)
{
    /* Only reading looks for rows; the other rules judge one that is known. */
    uint64_t asked = model->rules[RULE_READ] ? rule_fields(model->rules[RULE_READ]) : 0;
    parts->count = 0;
    parts->has_failed = false;
    for (size_t i = FIELDS_OWN; i < model->fields_count && !model->is_builtin; i++) {
        const struct field *field = &model->fields[i];
        /* An index of a few values ({"any": [{"published": true}, …]}) would have SQLite collect half the table and
         * sort it for a page of fifty. "x-index" makes one all the same. */
        bool is_asked =
            (asked >> i & 1) && field->kind != FIELD_LIST && field->kind != FIELD_BOOLEAN && !field->choices;
        if (field->is_unique || field->is_indexed || field->references || is_asked)
            index_add(model, i, parts);
    }
    if (model->search_count)
        search_add(model, parts);
}

void table_parts_free(struct table_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free(parts->items[i].sql);
    parts->count = 0;
}

static void index_add(const struct model *model, size_t field, struct table_parts *parts)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    char name[TABLE_PART_NAME_SIZE];
    const char *column = model->fields[field].column;
    snprintf(name, sizeof name, "%s.%s", model->table, column);
    buffer_printf(&sql, "CREATE %sINDEX \"%s\" ON \"%s\"(\"%s\")", model->fields[field].is_unique ? "UNIQUE " : "",
                  name, model->table, column);
    part_add(parts, PART_INDEX, name, field, &sql);
}

void table_search_name(const char *table, char name[TABLE_PART_NAME_SIZE])
{
    snprintf(name, TABLE_PART_NAME_SIZE, "%s_search", table);
}

/* The words are kept in the index, the texts only in the model's table: triggers carry over what changes. */
static void search_add(const struct model *model, struct table_parts *parts)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    char name[TABLE_PART_NAME_SIZE];
    table_search_name(model->table, name);
    buffer_printf(&sql, "CREATE VIRTUAL TABLE \"%s\" USING fts5(", name);
    search_columns(model, NULL, &sql);
    buffer_printf(&sql,
                  ", content=\"%s\", content_rowid=\"%s\", tokenize=\"unicode61 remove_diacritics 2\", prefix=\"2 3\")",
                  model->table, model->fields[FIELD_ID].column);
    part_add(parts, PART_SEARCH, name, 0, &sql);
    trigger_add(model, "insert", false, true, parts);
    trigger_add(model, "update", true, true, parts);
    trigger_add(model, "delete", true, false, parts);
}

static void trigger_add(const struct model *model, const char *event, bool removes, bool adds,
                        struct table_parts *parts)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    char name[TABLE_PART_NAME_SIZE], search[TABLE_PART_NAME_SIZE];
    const char *id = model->fields[FIELD_ID].column;
    table_search_name(model->table, search);
    snprintf(name, sizeof name, "%s.search_%s", model->table, event);
    buffer_printf(&sql, "CREATE TRIGGER \"%s\" AFTER ", name);
    if (removes && adds) {
        buffer_text(&sql, "UPDATE OF ");
        search_columns(model, NULL, &sql);
    } else {
        buffer_text(&sql, adds ? "INSERT" : "DELETE");
    }
    buffer_printf(&sql, " ON \"%s\" BEGIN", model->table);
    if (removes) {
        buffer_printf(&sql, " INSERT INTO \"%s\"(\"%s\", rowid, ", search, search);
        search_columns(model, NULL, &sql);
        buffer_printf(&sql, ") VALUES ('delete', old.\"%s\", ", id);
        search_columns(model, "old", &sql);
        buffer_text(&sql, ");");
    }
    if (adds) {
        buffer_printf(&sql, " INSERT INTO \"%s\"(rowid, ", search);
        search_columns(model, NULL, &sql);
        buffer_printf(&sql, ") VALUES (new.\"%s\", ", id);
        search_columns(model, "new", &sql);
        buffer_text(&sql, ");");
    }
    buffer_text(&sql, " END");
    part_add(parts, PART_TRIGGER, name, 0, &sql);
}

static void search_columns(const struct model *model, const char *row, struct buffer *sql)
{
    for (size_t i = 0; i < model->search_count; i++)
        buffer_printf(sql, "%s%s%s\"%s\"", i ? ", " : "", row ? row : "", row ? "." : "",
                      model->fields[model->search[i]].column);
}

static void part_add(struct table_parts *parts, enum table_part_kind kind, const char *name, size_t field,
                     struct buffer *sql)
{
    char *text = buffer_take(sql, NULL);
    if (!text) {
        parts->has_failed = true;
        return;
    }
    struct table_part *part = &parts->items[parts->count++];
    *part = (struct table_part){.kind = kind, .sql = text, .field = field};
    snprintf(part->name, sizeof part->name, "%s", name);
}
