/* base/model_plan.c: what has to be done so that tables follow their files: tables that are gone, indexes, search
 * indexes, and the permissions a model begins with. The tables themselves are in model_rebuild.c. */
#include "base/model_plan.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_follow.h"
#include "base/model_table.h"
#include "lib/clock.h"

static enum status plan_gone(struct plan *plan);
static enum status plan_orphans(struct plan *plan);
static enum status plan_gone_model(struct plan *plan, const char *name);
static enum status plan_parts(struct plan *plan, const struct model *model, bool is_made);
static enum status plan_index(struct plan *plan, const struct model *model, const struct table_part *part,
                              bool is_made);
static enum status plan_stale_indexes(struct plan *plan, const struct model *model, const struct table_parts *parts);
static enum status plan_search(struct plan *plan, const struct model *model, const struct table_parts *parts,
                               bool is_made);
static enum status search_check_name(struct plan *plan, const struct model *model, const char *name);
static enum status search_is_ours(struct plan *plan, const char *table, const char *name, int64_t *is_ours);
static void search_drop_sql(const char *table, struct buffer *sql);
static enum status plan_search_gone(struct plan *plan, const char *table);
static enum status plan_seen(struct plan *plan, const struct model *model);
static void grant_sql(const struct model *model, const char *subject, unsigned rights, int64_t now, struct buffer *sql);
static enum status look_at_grants(struct plan *plan, const struct model *model);
static enum status grant_differs(struct plan *plan, const struct model *model, const char *subject, unsigned rights,
                                 bool *differs);
static enum status part_is_same(struct plan *plan, const struct table_part *part, bool *is_same);

enum status plan_make(struct plan *plan)
{
    bool is_made[MODELS_MAX] = {false};
    size_t count = models_count(plan->models);
    enum status status = plan->folder[0] ? plan_gone(plan) : STATUS_OK;
    /* First all tables, then what stands on them. */
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (!models_at(plan->models, i)->is_builtin)
            status = plan_table(plan, models_at(plan->models, i), &is_made[i]);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = plan_parts(plan, models_at(plan->models, i), is_made[i]);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (!models_at(plan->models, i)->is_builtin)
            status = plan_seen(plan, models_at(plan->models, i));
    if (status == STATUS_OK && (plan->changes.has_failed || plan->hints.has_failed))
        status = STATUS_UNAVAILABLE;
    if (status != STATUS_OK && status != STATUS_PRECONDITION)
        snprintf(plan->why, plan->why_size, "the tables cannot be compared with the files of their models: %s",
                 plan->changes.has_failed ? "no memory" : "see the lines above");
    return status;
}

/* ---- models whose file is gone ---- */

static enum status plan_gone(struct plan *plan)
{
    enum status status = STATUS_OK;
    struct rows *rows = db_query(plan->db, "SELECT name FROM model_seen ORDER BY name", "");
    while (status == STATUS_OK && rows_next(rows))
        if (!models_find(plan->models, rows_text(rows, 0, NULL)))
            status = plan_gone_model(plan, rows_text(rows, 0, NULL));
    enum status ended = rows_end(rows);
    if (status == STATUS_OK)
        status = ended;
    return status == STATUS_OK ? plan_orphans(plan) : status;
}

/* Search indexes whose table a migration has renamed or dropped. */
static enum status plan_orphans(struct plan *plan)
{
    enum status status = STATUS_OK;
    struct rows *rows = db_query(plan->db,
                                 "SELECT substr(name, 1, length(name) - length('_search')) AS base FROM sqlite_schema "
                                 "WHERE name LIKE '%\\_search' ESCAPE '\\' AND sql LIKE 'CREATE VIRTUAL TABLE %' "
                                 "AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS other WHERE other.name = base)",
                                 "");
    while (status == STATUS_OK && rows_next(rows))
        status = plan_search_gone(plan, rows_text(rows, 0, NULL));
    enum status ended = rows_end(rows);
    return status == STATUS_OK ? ended : status;
}

static enum status plan_gone_model(struct plan *plan, const char *name)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    int64_t is_there = 0, count = 0;
    enum status status = db_get_int(plan->db, &is_there,
                                    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1", "t", name);
    if (status == STATUS_OK && is_there)
        status = plan_int(plan, &count, "SELECT count(*) FROM \"%s\"", name);
    if (status != STATUS_OK || !is_there)
        return status;
    buffer_printf(&sql, "DROP TABLE \"%s\"", name);
    if (count)
        return plan_refuse(plan, name, "gone", &sql,
                           "%s/%s.json is gone, but its table has %lld row%s; put it back, or", plan->folder, name,
                           (long long)count, plural(count));
    status = plan_search_gone(plan, name);
    plan->rewrites = true;
    table_changes_add(&plan->changes, &sql, "drop the table %s, which is empty and has no file any more", name);
    return status;
}

/* ---- indexes ---- */

static enum status plan_parts(struct plan *plan, const struct model *model, bool is_made)
{
    SCOPED(table_parts_free) struct table_parts parts = {0};
    table_parts(model, &parts);
    if (parts.has_failed)
        return FAULT("no memory");
    enum status status = is_made ? STATUS_OK : plan_stale_indexes(plan, model, &parts);
    for (size_t i = 0; i < parts.count && status == STATUS_OK; i++)
        if (parts.items[i].kind == PART_INDEX)
            status = plan_index(plan, model, &parts.items[i], is_made);
    if (status == STATUS_OK && model->search_count)
        status = plan_search(plan, model, &parts, is_made);
    if (status == STATUS_OK && !model->search_count)
        status = plan_search_gone(plan, model->table);
    return status;
}

static enum status plan_index(struct plan *plan, const struct model *model, const struct table_part *part, bool is_made)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    bool is_same = false;
    const struct field *field = &model->fields[part->field];
    enum status status = is_made ? STATUS_OK : part_is_same(plan, part, &is_same);
    if (status != STATUS_OK || is_same)
        return status;
    if (!is_made)
        buffer_printf(&sql, "DROP INDEX IF EXISTS \"%s\";\n", part->name);
    buffer_text(&sql, part->sql);
    int64_t count = 0;
    bool is_new = false;
    if (field->is_unique)
        status = plan_duplicates(plan, model, field, &count, &is_new);
    if (status != STATUS_OK)
        return status;
    if (count) {
        SCOPED(buffer_free) struct buffer statement = {0};
        char condition[8 * MODEL_NAME_MAX + 64];
        snprintf(condition, sizeof condition, "\"%s\" IN (SELECT \"%s\" FROM \"%s\" GROUP BY 1 HAVING count(*) > 1)",
                 field->column, field->column, model->table);
        if (is_new)
            add_sql(model->table, field->column, field_type(field), &statement);
        else
            update_sql(model->table, field->column, "VALUE", condition, &statement);
        return plan_refuse(plan, model->table, field->name, &statement,
                           "model %s: \"%s\" is to be unique, but %lld row%s share%s it with others; make them differ:",
                           model->name, field->name, (long long)count, plural(count), count == 1 ? "s" : "");
    }
    table_changes_add(&plan->changes, &sql, "make the %sindex of %s by %s", field->is_unique ? "unique " : "",
                      model->name, field->name);
    return STATUS_OK;
}

/* Ours (they have a dot in their names) that no field asks for any more. */
static enum status plan_stale_indexes(struct plan *plan, const struct model *model, const struct table_parts *parts)
{
    struct rows *rows = db_query(
        plan->db, "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND instr(name, '.') > 0", "t",
        model->table);
    while (rows_next(rows)) {
        const char *name = rows_text(rows, 0, NULL);
        bool is_wanted = false;
        for (size_t i = 0; i < parts->count; i++)
            is_wanted |= strcmp(parts->items[i].name, name) == 0;
        if (is_wanted)
            continue;
        SCOPED(buffer_free) struct buffer sql = {0};
        buffer_printf(&sql, "DROP INDEX \"%s\"", name);
        table_changes_add(&plan->changes, &sql, "drop the index %s", name);
    }
    return rows_end(rows);
}

static enum status part_is_same(struct plan *plan, const struct table_part *part, bool *is_same)
{
    int64_t count = 0;
    enum status status = db_get_int(plan->db, &count, "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND sql = ?2",
                                    "tt", part->name, part->sql);
    *is_same = count == 1;
    return status;
}

/* ---- search ---- */

/* If anything of it differs it is made anew and filled from the table, so that it never lacks what was written while
 * a trigger was missing. */
static enum status plan_search(struct plan *plan, const struct model *model, const struct table_parts *parts,
                               bool is_made)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    bool is_same = !is_made;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < parts->count && status == STATUS_OK && is_same; i++)
        if (parts->items[i].kind != PART_INDEX)
            status = part_is_same(plan, &parts->items[i], &is_same);
    if (status != STATUS_OK || is_same)
        return status;
    char name[TABLE_PART_NAME_SIZE];
    table_search_name(model->table, name);
    status = search_check_name(plan, model, name);
    if (status != STATUS_OK)
        return status;
    search_drop_sql(model->table, &sql);
    for (size_t i = 0; i < parts->count; i++)
        if (parts->items[i].kind != PART_INDEX)
            buffer_printf(&sql, "%s;\n", parts->items[i].sql);
    buffer_printf(&sql, "INSERT INTO \"%s\"(\"%s\") VALUES ('rebuild')", name, name);
    table_changes_add(&plan->changes, &sql, "make the search index of %s", model->name);
    return STATUS_OK;
}

/* What stands where it is to be made must be an older one of it. */
static enum status search_check_name(struct plan *plan, const struct model *model, const char *name)
{
    int64_t is_there = 0, is_ours = 0;
    enum status status =
        db_get_int(plan->db, &is_there, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", "t", name);
    if (status == STATUS_OK)
        status = search_is_ours(plan, model->table, name, &is_ours);
    if (status != STATUS_OK || !is_there || is_ours)
        return status;
    snprintf(plan->why, plan->why_size,
             "model %s: its x-search needs the name %s, which another table has: rename one of them", model->name,
             name);
    return STATUS_PRECONDITION;
}

static enum status search_is_ours(struct plan *plan, const char *table, const char *name, int64_t *is_ours)
{
    return db_get_int(plan->db, is_ours,
                      "SELECT count(*) FROM sqlite_schema WHERE name = ?2 AND "
                      "instr(sql, 'USING fts5(') > 0 AND instr(sql, 'content=\"' || ?1 || '\"') > 0",
                      "tt", table, name);
}

static void search_drop_sql(const char *table, struct buffer *sql)
{
    static const char *const events[] = {"insert", "update", "delete"};
    char name[TABLE_PART_NAME_SIZE];
    table_search_name(table, name);
    for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
        buffer_printf(sql, "DROP TRIGGER IF EXISTS \"%s.search_%s\";\n", table, events[i]);
    buffer_printf(sql, "DROP TABLE IF EXISTS \"%s\";\n", name);
}

static enum status plan_search_gone(struct plan *plan, const char *table)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    char name[TABLE_PART_NAME_SIZE];
    int64_t count = 0;
    table_search_name(table, name);
    enum status status = search_is_ours(plan, table, name, &count);
    if (status != STATUS_OK || !count)
        return status;
    search_drop_sql(table, &sql);
    table_changes_add(&plan->changes, &sql, "drop the search index of %s", table);
    return STATUS_OK;
}

/* ---- permissions ---- */

/* Its default permissions, once: what an administrator takes away later does not come back. */
static enum status plan_seen(struct plan *plan, const struct model *model)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    int64_t count = 0, now = clock_wall_ms();
    enum status status =
        db_get_int(plan->db, &count, "SELECT count(*) FROM model_seen WHERE name = ?1", "t", model->name);
    if (status == STATUS_OK && count)
        return look_at_grants(plan, model);
    if (status != STATUS_OK)
        return status;
    buffer_printf(&sql, "INSERT INTO model_seen(name, at) VALUES ('%s', %lld)", model->name, (long long)now);
    grant_sql(model, "everyone", model->everyone_rights, now, &sql);
    grant_sql(model, "members", model->members_rights, now, &sql);
    table_changes_add(&plan->changes, &sql, "give the default permissions of %s, which is new", model->name);
    plan->given[plan->given_count++] = model;
    return STATUS_OK;
}

/* Somebody may have changed the file and wonder why nothing happens. */
static enum status look_at_grants(struct plan *plan, const struct model *model)
{
    SCOPED(buffer_free) struct buffer none = {0};
    bool everyone = false, members = false;
    enum status status = grant_differs(plan, model, "everyone", model->everyone_rights, &everyone);
    if (status == STATUS_OK)
        status = grant_differs(plan, model, "members", model->members_rights, &members);
    if (status != STATUS_OK || (!everyone && !members))
        return status;
    buffer_text(&none, "");
    table_changes_add(&plan->hints, &none,
                      "x-grants of %s are not what %s may do now; they only count when a model is new, and change no "
                      "grant: see parley grant --help",
                      model->name,
                      !members   ? "everyone"
                      : everyone ? "everyone and the members"
                                 : "the members");
    return STATUS_OK;
}

/* A grant that an administrator has put in the place of the default is not talked about. One that was taken away is:
 * nothing tells it from one that is new in the file. */
static enum status grant_differs(struct plan *plan, const struct model *model, const char *subject, unsigned rights,
                                 bool *differs)
{
    int64_t count = 0;
    enum status status = db_get_int(plan->db, &count,
                                    "SELECT count(*) FROM \"grant\" WHERE subject = ?1 AND model = ?2 AND "
                                    "(reason <> 'default' OR rights = ?3)",
                                    "tti", subject, model->name, (int64_t)rights);
    if (status == STATUS_OK && !count && !rights)
        status = db_get_int(plan->db, &count, "SELECT count(*) = 0 FROM \"grant\" WHERE subject = ?1 AND model = ?2",
                            "tt", subject, model->name);
    *differs = status == STATUS_OK && !count;
    return status;
}

static void grant_sql(const struct model *model, const char *subject, unsigned rights, int64_t now, struct buffer *sql)
{
    if (rights)
        buffer_printf(sql,
                      ";\nINSERT INTO \"grant\"(subject, model, rights, reason, created_at, updated_at) VALUES ('%s', "
                      "'%s', %u, 'default', %lld, %lld) ON CONFLICT DO NOTHING",
                      subject, model->name, rights, (long long)now, (long long)now);
}

/* ---- references ---- */

enum status plan_check_references(struct plan *plan)
{
    SCOPED(rows_end)
    struct rows *rows = db_query(
        plan->db,
        "SELECT broken.\"table\", key.\"from\", broken.parent, count(*), column.\"notnull\", column.type "
        "FROM pragma_foreign_key_check AS broken JOIN pragma_foreign_key_list(broken.\"table\") AS key "
        "ON key.id = broken.fkid JOIN pragma_table_info(broken.\"table\") AS column ON column.name = key.\"from\" "
        "GROUP BY 1, 2, 3 LIMIT 1",
        "");
    if (!rows_next(rows)) /* a fault in it is found again by db_change() */
        return STATUS_OK;
    SCOPED(buffer_free) struct buffer statement = {0};
    const char *table = rows_text(rows, 0, NULL), *column = rows_text(rows, 1, NULL), *to = rows_text(rows, 2, NULL);
    int64_t count = rows_int(rows, 3);
    if (rows_int(rows, 4))
        buffer_printf(&statement, "DELETE FROM \"%s\" WHERE \"%s\" NOT IN (SELECT id FROM \"%s\")", table, column, to);
    else { /* the column may have been NOT NULL */
        char value[8 * MODEL_NAME_MAX + 64];
        snprintf(value, sizeof value, "CASE WHEN \"%s\" IN (SELECT id FROM \"%s\") THEN \"%s\" END", column, to,
                 column);
        replace_sql(table, column, rows_text(rows, 5, NULL), value, &statement);
    }
    return plan_refuse(plan, table, column, &statement,
                       "model %s: %lld row%s refer%s by \"%s\" to rows of %s that are not there; change them:", table,
                       (long long)count, plural(count), count == 1 ? "s" : "", column, to);
}

/* ---- helpers ---- */

enum status plan_int(struct plan *plan, int64_t *value, const char *format, ...)
{
    char text[1024]; /* names are short */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return db_get_int(plan->db, value, text, "");
}

enum status plan_refuse(struct plan *plan, const char *table, const char *word, const struct buffer *statement,
                        const char *format, ...)
{
    char reason[512];
    va_list arguments;
    int newest = migrations_newest(plan->folder, plan->why, plan->why_size);
    if (newest < 0)
        return STATUS_PRECONDITION;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(plan->why, plan->why_size, "%s write %s/migrations/%04d-%s-%s.sql: /* needs %s */ %s;", reason,
             plan->folder, newest + 1, table, word, table, statement->bytes ? statement->bytes : "");
    return STATUS_PRECONDITION;
}

void table_changes_add(struct table_changes *changes, struct buffer *sql, const char *format, ...)
{
    char *words = NULL, *text = buffer_take(sql, NULL);
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&words, format, arguments) < 0)
        words = NULL;
    va_end(arguments);
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity ? 2 * changes->capacity : 16;
        void *items = realloc(changes->items, capacity * sizeof *changes->items);
        changes->items = items ? items : changes->items;
        changes->capacity = items ? capacity : changes->capacity;
    }
    if (!words || !text || changes->count == changes->capacity) {
        changes->has_failed = true;
        free(words);
        free(text);
        return;
    }
    changes->items[changes->count++] = (struct table_change){words, text};
}

void table_changes_free(struct table_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->items[i].words);
        free(changes->items[i].sql);
    }
    free(changes->items);
    *changes = (struct table_changes){0};
}
