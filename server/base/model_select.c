/* base/model_select.c: one row of a model as it is in the data base, and what its rules say about it. The rules are
 * asked in the same statement, so that row and answer belong together. Store threads. */
#include <string.h>
#include "base/model_request.h"

#define ALIAS "r"

static void view_sql(const struct model *model, const struct asker *asker, struct sql *sql);
static enum status view_query(const struct sql *sql, struct db *db, const struct model *model,
                              const struct asker *asker, struct view *view);
static bool view_read(struct rows *rows, const struct model *model, const struct asker *asker, struct view *view);

enum status model_select(struct db *db, const struct model *model, int64_t id, struct row **out)
{
    SCOPED(sql_free) struct sql sql = {0};
    if (!model->fields[FIELD_ID].column)
        return STATUS_NOT_FOUND; /* its rows have no numbers */
    sql_text(&sql, "SELECT ");
    sql_fields(&sql, model, ALIAS);
    sql_text(&sql, " FROM ");
    sql_name(&sql, model->table);
    sql_text(&sql, " AS " ALIAS " WHERE ");
    sql_column(&sql, ALIAS, model->fields[FIELD_ID].column);
    sql_text(&sql, " = ");
    sql_int(&sql, id);
    struct rows *rows = sql_query(&sql, db);
    bool is_there = rows_next(rows);
    SCOPED(row_free) struct row *row = is_there ? row_read(rows, model) : NULL;
    enum status status = rows_end(rows);
    if (status == STATUS_OK && is_there && !row)
        return FAULT("no memory");
    if (status == STATUS_OK && !is_there)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *out = TAKE(row);
    return status;
}

enum status view_select(struct db *db, const struct model *model, const struct asker *asker, int64_t id,
                        struct view *view)
{
    SCOPED(sql_free) struct sql sql = {0};
    view_sql(model, asker, &sql);
    sql_name(&sql, model->table);
    sql_text(&sql, " AS " ALIAS " WHERE ");
    sql_column(&sql, ALIAS, model->fields[FIELD_ID].column);
    sql_text(&sql, " = ");
    sql_int(&sql, id);
    return view_query(&sql, db, model, asker, view);
}

enum status view_imagine(struct db *db, const struct row *row, const struct asker *asker, struct view *view)
{
    SCOPED(sql_free) struct sql sql = {0};
    const struct model *model = row->model;
    view_sql(model, asker, &sql);
    for (size_t i = 0; i < model->fields_count; i++) {
        sql_text(&sql, i ? "," : "(SELECT ");
        sql_value(&sql, &row->values[i]);
        sql_text(&sql, " AS ");
        sql_name(&sql, model->fields[i].column);
    }
    sql_text(&sql, ") AS " ALIAS);
    return view_query(&sql, db, model, asker, view);
}

static enum status view_query(const struct sql *sql, struct db *db, const struct model *model,
                              const struct asker *asker, struct view *view)
{
    SCOPED(view_free) struct view found = {0};
    struct rows *rows = sql_query(sql, db);
    bool is_there = rows_next(rows);
    bool is_read = is_there && view_read(rows, model, asker, &found);
    enum status status = rows_end(rows);
    if (status == STATUS_OK && is_there && !is_read)
        return FAULT("no memory");
    if (status == STATUS_OK && !is_there)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        view_free(view);
        *view = found;
        found = (struct view){0};
    }
    return status;
}

/* The fields, then what each rule says, then for each field who may read and who may write it. Ends behind "FROM". */
static void view_sql(const struct model *model, const struct asker *asker, struct sql *sql)
{
    sql_text(sql, "SELECT ");
    sql_fields(sql, model, ALIAS);
    for (size_t i = 0; i < MODEL_RULES; i++) {
        sql_text(sql, ",");
        rule_sql(model->rules[i], ALIAS, asker, sql);
    }
    for (size_t i = 0; i < model->fields_count; i++) {
        if (!model->fields[i].read && !model->fields[i].write)
            continue;
        sql_text(sql, ",");
        rule_sql(model->fields[i].read, ALIAS, asker, sql);
        sql_text(sql, ",");
        rule_sql(model->fields[i].write, ALIAS, asker, sql);
    }
    sql_text(sql, " FROM ");
}

static bool view_read(struct rows *rows, const struct model *model, const struct asker *asker, struct view *view)
{
    int column = (int)model->fields_count;
    view->row = row_read(rows, model);
    for (size_t i = 0; i < MODEL_RULES; i++)
        view->allows[i] = rows_int(rows, column++) == 1;
    view->is_visible = asker->rights & RIGHT_READ && view->allows[RULE_READ];
    for (size_t i = 0; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        bool has_rule = field->read || field->write;
        bool may_read = has_rule ? rows_int(rows, column++) == 1 : true;
        bool may_write = has_rule ? rows_int(rows, column++) == 1 : true;
        if (view->is_visible && may_read && !field->is_write_only)
            view->readable |= UINT64_C(1) << i;
        if (may_write)
            view->writable |= UINT64_C(1) << i;
    }
    return view->row;
}

void view_free(struct view *view)
{
    row_free(view->row);
    *view = (struct view){0};
}

void sql_fields(struct sql *sql, const struct model *model, const char *alias)
{
    for (size_t i = 0; i < model->fields_count; i++) {
        sql_text(sql, i ? "," : "");
        if (model->fields[i].column)
            sql_column(sql, alias, model->fields[i].column);
        else /* the program's own tables need not have it */
            sql_text(sql, "NULL");
    }
}

struct row *row_read(struct rows *rows, const struct model *model)
{
    SCOPED(row_free) struct row *row = row_new(model);
    for (size_t i = 0; row && i < model->fields_count; i++) {
        struct value value = {0};
        if (!rows_is_null(rows, (int)i))
            switch (model->fields[i].kind) {
            case FIELD_INTEGER:
            case FIELD_BOOLEAN:
            case FIELD_TIME:
                value = value_int(rows_int(rows, (int)i));
                break;
            case FIELD_NUMBER:
                value = (struct value){.kind = VALUE_REAL, .real = rows_double(rows, (int)i)};
                break;
            case FIELD_TEXT:
            case FIELD_DATE:
            case FIELD_LIST:
                value.kind = VALUE_TEXT;
                value.text = rows_text(rows, (int)i, &value.length);
                break;
            }
        if (!row_set(row, i, &value))
            return NULL;
    }
    return TAKE(row);
}
