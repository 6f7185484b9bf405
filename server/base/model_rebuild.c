/* base/model_rebuild.c: the table of a model: made, or made again with the rows it has. What the rows have and the
 * file does not, and what the file asks and the rows do not have, stops it. */
#include <stdio.h>
#include <string.h>
#include "base/model_plan.h"
#include "base/model_table.h"

#define COLUMNS_MAX 200 /* more than a model can have: migrations may add some */

struct column {
    char name[2 * MODEL_NAME_MAX];
    char type[16];
};
/* The table as it is. */
struct table {
    struct column columns[COLUMNS_MAX];
    size_t count;
    int64_t rows;
};

static enum status table_read(struct plan *plan, const struct model *model, struct table *table);
static enum status check_name(struct plan *plan, const struct model *model, const struct table *table);
static enum status check_columns(struct plan *plan, const struct model *model, const struct table *table);
static enum status check_field(struct plan *plan, const struct model *model, const struct table *table,
                               const struct field *field);
static enum status check_type(struct plan *plan, const struct model *model, const struct column *column,
                              const struct field *field);
static enum status converted(struct plan *plan, const struct model *model, const struct column *column,
                             const struct field *field, struct buffer *value);
static enum status check_new(struct plan *plan, const struct model *model, const struct field *field);
static enum status check_nulls(struct plan *plan, const struct model *model, const struct field *field);
static enum status check_condition(struct plan *plan, const struct model *model, const struct field *field);
static enum status rebuild(struct plan *plan, const struct model *model, const struct table *table);
static const struct column *column_find(const struct table *table, const char *name);
static bool has_field(const struct model *model, const char *column);
static bool has_start_value(const struct field *field);
static void start_value(const struct field *field, struct buffer *sql);
static enum status own_objects(struct plan *plan, const struct model *model, struct buffer *sql);
static void change_words(const struct model *model, const struct table *table, struct buffer *words);

enum status plan_table(struct plan *plan, const struct model *model, bool *is_made)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    int64_t is_there = 0, is_same = 0;
    table_sql(plan->models, model, model->table, &sql);
    enum status status = sql.has_failed ? FAULT("no memory") : STATUS_OK;
    if (status == STATUS_OK)
        status =
            db_get_int(plan->db, &is_there, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", "t", model->table);
    if (status == STATUS_OK)
        status = db_get_int(plan->db, &is_same, "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND sql = ?2", "tt",
                            model->table, sql.bytes);
    *is_made = status == STATUS_OK && !is_same;
    if (status != STATUS_OK || is_same)
        return status;
    if (!is_there) {
        table_changes_add(&plan->changes, &sql, "make the table of %s", model->name);
        return STATUS_OK;
    }
    struct table table = {0};
    status = table_read(plan, model, &table);
    if (status == STATUS_OK)
        status = check_name(plan, model, &table);
    if (status == STATUS_OK && table.rows)
        status = check_columns(plan, model, &table);
    return status == STATUS_OK ? rebuild(plan, model, &table) : status;
}

static enum status table_read(struct plan *plan, const struct model *model, struct table *table)
{
    struct rows *rows =
        db_query(plan->db, "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid", "t", model->table);
    while (table->count < COLUMNS_MAX && rows_next(rows)) {
        struct column *column = &table->columns[table->count++];
        snprintf(column->name, sizeof column->name, "%s", rows_text(rows, 0, NULL));
        snprintf(column->type, sizeof column->type, "%s", rows_text(rows, 1, NULL));
    }
    enum status status = rows_end(rows);
    return status == STATUS_OK && table->count
               ? plan_int(plan, &table->rows, "SELECT count(*) FROM \"%s\"", model->table)
               : status;
}

/* A table that was there before the model, and that is not one of ours renamed by a migration, is the program's. */
static enum status check_name(struct plan *plan, const struct model *model, const struct table *table)
{
    static const char *const own[] = {"id", "created_at", "updated_at", "version"};
    int64_t is_seen = 0;
    enum status status =
        db_get_int(plan->db, &is_seen, "SELECT count(*) FROM model_seen WHERE name = ?1", "t", model->name);
    bool is_ours = is_seen || table->count >= ARRAY_LENGTH(own);
    for (size_t i = 0; i < ARRAY_LENGTH(own) && is_ours && !is_seen; i++)
        is_ours = strcmp(table->columns[i].name, own[i]) == 0;
    if (status != STATUS_OK || is_ours)
        return status;
    snprintf(plan->why, plan->why_size,
             "%s/%s.json: the data base has a table %s that was not made from a model: give the model another name",
             plan->folder, model->name, model->table);
    return STATUS_PRECONDITION;
}

static enum status check_columns(struct plan *plan, const struct model *model, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->columns[i].name;
        if (has_field(model, name))
            continue;
        SCOPED(buffer_free) struct buffer statement = {0};
        buffer_printf(&statement, "ALTER TABLE \"%s\" DROP COLUMN \"%s\"", model->table, name);
        return plan_refuse(plan, model->table, name, &statement,
                           "%s/%s.json has no \"%s\" any more, but the table has it in %lld row%s; put it back, or",
                           plan->folder, model->name, name, (long long)table->rows, plural(table->rows));
    }
    enum status status = STATUS_OK;
    for (size_t i = FIELDS_OWN; i < model->fields_count && status == STATUS_OK; i++)
        status = check_field(plan, model, table, &model->fields[i]);
    return status;
}

static enum status check_field(struct plan *plan, const struct model *model, const struct table *table,
                               const struct field *field)
{
    const struct column *column = column_find(table, field->column);
    if (!column)
        return check_new(plan, model, field);
    enum status status = check_type(plan, model, column, field);
    if (status == STATUS_OK)
        status = check_nulls(plan, model, field);
    return status == STATUS_OK ? check_condition(plan, model, field) : status;
}

static enum status check_type(struct plan *plan, const struct model *model, const struct column *column,
                              const struct field *field)
{
    SCOPED(buffer_free) struct buffer statement = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    if (strcmp(column->type, field_type(field)) == 0)
        return STATUS_OK;
    enum status status = converted(plan, model, column, field, &value);
    if (status != STATUS_OK)
        return status;
    replace_sql(model->table, column->name, field_type(field), value.bytes ? value.bytes : "", &statement);
    return plan_refuse(plan, model->table, field->name, &statement,
                       "model %s: \"%s\" is stored as %s and is to be %s, and there are rows;", model->name,
                       field->name, column->type, field_type(field));
}

/* What the values are in the new type, if that is plain for every row. Otherwise the word VALUE, so that a person
 * decides: of text that is no number a CAST makes 0, and says nothing. */
static enum status converted(struct plan *plan, const struct model *model, const struct column *column,
                             const struct field *field, struct buffer *value)
{
    int64_t others = 1; /* rows for which it is not plain */
    const char *name = column->name;
    bool is_text = strcmp(column->type, "TEXT") == 0;
    enum status status = STATUS_OK;
    if (is_text && field->kind == FIELD_TIME) {
        /* A day of the calendar in front, because SQLite also reads '2026', 'now' and '10:00' as times, and
         * '2026-02-30' as the 2nd of March; and no fractions, which would be cut off. */
        status = plan_int(
            plan, &others,
            "SELECT count(*) FROM \"%s\" WHERE \"%s\" IS NOT NULL AND (instr(\"%s\", '.') > 0 OR "
            "unixepoch(\"%s\") IS NULL OR substr(\"%s\", 1, 10) IS NOT date(substr(\"%s\", 1, 10), '+0 days'))",
            model->table, name, name, name, name, name);
        buffer_printf(value, "unixepoch(\"%s\") * 1000", name);
    } else if (!is_text && field->kind != FIELD_TIME && field->kind != FIELD_DATE && field->kind != FIELD_LIST) {
        status = plan_int(plan, &others, "SELECT count(*) FROM \"%s\" WHERE CAST(\"%s\" AS %s) <> \"%s\"", model->table,
                          name, field_type(field), name);
        buffer_printf(value, "CAST(\"%s\" AS %s)", name, field_type(field));
    }
    if (others) {
        buffer_clear(value);
        buffer_printf(value, "CASE WHEN \"%s\" IS NOT NULL THEN VALUE END", name);
    }
    if (value->has_failed)
        return FAULT("no memory");
    return status;
}

void replace_sql(const char *table, const char *column, const char *type, const char *value, struct buffer *sql)
{
    buffer_printf(sql,
                  "ALTER TABLE \"%s\" ADD COLUMN \"%s.new\" %s; UPDATE \"%s\" SET \"%s.new\" = %s; "
                  "ALTER TABLE \"%s\" DROP COLUMN \"%s\"; ALTER TABLE \"%s\" RENAME COLUMN \"%s.new\" TO \"%s\"",
                  table, column, type, table, column, value, table, column, table, column, column);
}

void add_sql(const char *table, const char *column, const char *type, struct buffer *sql)
{
    buffer_printf(sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s; UPDATE \"%s\" SET \"%s\" = VALUE", table, column, type,
                  table, column);
}

void update_sql(const char *table, const char *column, const char *value, const char *condition, struct buffer *sql)
{
    buffer_printf(sql,
                  "PRAGMA ignore_check_constraints = ON; UPDATE \"%s\" SET \"%s\" = %s WHERE %s; "
                  "PRAGMA ignore_check_constraints = OFF",
                  table, column, value, condition);
}

static enum status check_new(struct plan *plan, const struct model *model, const struct field *field)
{
    if (field->is_nullable || has_start_value(field))
        return STATUS_OK;
    SCOPED(buffer_free) struct buffer statement = {0};
    add_sql(model->table, field->column, field_type(field), &statement);
    return plan_refuse(plan, model->table, field->name, &statement,
                       "model %s: \"%s\" is new and must not be empty, but there are rows; give it a default, or",
                       model->name, field->name);
}

static enum status check_nulls(struct plan *plan, const struct model *model, const struct field *field)
{
    int64_t count = 0;
    if (field->is_nullable)
        return STATUS_OK;
    enum status status =
        plan_int(plan, &count, "SELECT count(*) FROM \"%s\" WHERE \"%s\" IS NULL", model->table, field->column);
    if (status != STATUS_OK || !count)
        return status;
    SCOPED(buffer_free) struct buffer statement = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    char condition[2 * MODEL_NAME_MAX + 16];
    if (has_start_value(field))
        start_value(field, &value);
    snprintf(condition, sizeof condition, "\"%s\" IS NULL", field->column);
    update_sql(model->table, field->column, value.bytes ? value.bytes : "VALUE", condition, &statement);
    return plan_refuse(plan, model->table, field->name, &statement,
                       "model %s: \"%s\" must not be empty, but is in %lld row%s; fill it:", model->name, field->name,
                       (long long)count, plural(count));
}

static enum status check_condition(struct plan *plan, const struct model *model, const struct field *field)
{
    SCOPED(buffer_free) struct buffer condition = {0};
    SCOPED(buffer_free) struct buffer broken = {0};
    SCOPED(buffer_free) struct buffer sql = {0};
    int64_t count = 0;
    field_condition(field, &condition);
    if (!condition.length)
        return STATUS_OK;
    buffer_printf(&broken, "NOT (%s)", condition.bytes);
    buffer_printf(&sql, "SELECT count(*) FROM \"%s\" WHERE %s", model->table, broken.bytes ? broken.bytes : "");
    if (sql.has_failed || condition.has_failed || broken.has_failed)
        return FAULT("no memory");
    enum status status = db_get_int(plan->db, &count, sql.bytes, "");
    if (status != STATUS_OK || !count)
        return status;
    SCOPED(buffer_free) struct buffer statement = {0};
    update_sql(model->table, field->column, "VALUE", broken.bytes, &statement);
    return plan_refuse(plan, model->table, field->name, &statement,
                       "model %s: what the file says of \"%s\" does not hold in %lld row%s; change them:", model->name,
                       field->name, (long long)count, plural(count));
}

enum status plan_duplicates(struct plan *plan, const struct model *model, const struct field *field, int64_t *count,
                            bool *is_new)
{
    int64_t is_there = 0, is_column = 0;
    enum status status =
        db_get_int(plan->db, &is_there, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", "t", model->table);
    if (status == STATUS_OK)
        status = db_get_int(plan->db, &is_column, "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2", "tt",
                            model->table, field->column);
    *count = 0;
    *is_new = !is_column;
    if (status != STATUS_OK || !is_there)
        return status;
    if (is_column)
        return plan_int(plan, count,
                        "SELECT ifnull(sum(n), 0) FROM (SELECT count(*) AS n FROM \"%s\" WHERE \"%s\" IS NOT NULL "
                        "GROUP BY \"%s\" HAVING count(*) > 1)",
                        model->table, field->column, field->column);
    /* All rows begin with the same default. */
    if (has_start_value(field))
        status = plan_int(plan, count, "SELECT count(*) FROM \"%s\"", model->table);
    if (*count == 1)
        *count = 0;
    return status;
}

/* ---- making it again ---- */

static enum status rebuild(struct plan *plan, const struct model *model, const struct table *table)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    SCOPED(buffer_free) struct buffer words = {0};
    char name[TABLE_PART_NAME_SIZE];
    const char *old = model->table;
    snprintf(name, sizeof name, "%s.new", old);
    table_sql(plan->models, model, name, &sql);
    buffer_printf(&sql, ";\nINSERT INTO \"%s\"(", name);
    for (size_t i = 0; i < model->fields_count; i++)
        buffer_printf(&sql, "%s\"%s\"", i ? ", " : "", model->fields[i].column);
    buffer_text(&sql, ") SELECT ");
    for (size_t i = 0; i < model->fields_count; i++) {
        buffer_text(&sql, i ? ", " : "");
        if (column_find(table, model->fields[i].column))
            buffer_printf(&sql, "\"%s\"", model->fields[i].column);
        else
            start_value(&model->fields[i], &sql);
    }
    buffer_printf(&sql, " FROM \"%s\";\n", old);
    /* The id of a row that is gone is never given out again. */
    buffer_printf(&sql,
                  "DELETE FROM sqlite_sequence WHERE name = '%s';\n"
                  "INSERT INTO sqlite_sequence(name, seq) SELECT '%s', seq FROM sqlite_sequence WHERE name = '%s';\n",
                  name, name, old);
    /* Only with this switch does the renaming leave views and triggers that name the old table alone. */
    buffer_printf(&sql,
                  "DROP TABLE \"%s\";\nPRAGMA legacy_alter_table = ON;\nALTER TABLE \"%s\" RENAME TO \"%s\";\n"
                  "PRAGMA legacy_alter_table = OFF",
                  old, name, old);
    enum status status = own_objects(plan, model, &sql);
    change_words(model, table, &words);
    if (words.has_failed)
        return FAULT("no memory");
    plan->rewrites = true;
    table_changes_add(&plan->changes, &sql, "make the table of %s again, with its rows%s", model->name,
                      words.bytes ? words.bytes : "");
    return status;
}

static const struct column *column_find(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

static bool has_field(const struct model *model, const char *column)
{
    for (size_t i = 0; i < model->fields_count; i++)
        if (strcmp(model->fields[i].column, column) == 0)
            return true;
    return false;
}

static bool has_start_value(const struct field *field)
{
    return field->default_kind == DEFAULT_NOW ||
           (field->default_kind == DEFAULT_VALUE && field->default_value.kind != VALUE_NULL);
}

/* What a new column has in rows that were there before: the default, and for "$now" the time the row was made. */
static void start_value(const struct field *field, struct buffer *sql)
{
    if (!has_start_value(field))
        buffer_text(sql, "NULL");
    else if (field->default_kind == DEFAULT_VALUE)
        value_literal(&field->default_value, sql);
    else
        buffer_text(sql, field->kind == FIELD_DATE ? "date(created_at / 1000, 'unixepoch')" : "created_at");
}

/* Indexes and triggers that a migration of the folder has put on the table go with it, and come back. */
static enum status own_objects(struct plan *plan, const struct model *model, struct buffer *sql)
{
    struct rows *rows = db_query(plan->db,
                                 "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 AND type IN ('index', 'trigger') "
                                 "AND sql IS NOT NULL AND instr(name, '.') = 0 ORDER BY rowid",
                                 "t", model->table);
    while (rows_next(rows))
        buffer_printf(sql, ";\n%s", rows_text(rows, 0, NULL));
    return rows_end(rows);
}

static void change_words(const struct model *model, const struct table *table, struct buffer *words)
{
    const char *gap = ": new ";
    for (size_t i = 0; i < model->fields_count; i++)
        if (!column_find(table, model->fields[i].column)) {
            buffer_printf(words, "%s%s", gap, model->fields[i].name);
            gap = ", ";
        }
    gap = words->length ? "; without " : ": without ";
    for (size_t i = 0; i < table->count; i++)
        if (!has_field(model, table->columns[i].name)) {
            buffer_printf(words, "%s%s", gap, table->columns[i].name);
            gap = ", ";
        }
    if (!words->length)
        buffer_text(words, ": other checks");
}
