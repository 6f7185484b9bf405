/* base/model_write.c: the statements that change rows of models, and what else they meet: values that must be the only
 * ones, and rows that refer to others. Writer thread. */
#include <string.h>
#include "base/model_request.h"
#include "lib/clock.h"

static enum status is_visible(const struct model_request *asked, struct db *db, size_t field, int64_t id, bool *answer);
static enum status reference_refuse(struct request *request, const struct field *field);
enum status row_insert(struct db *db, const struct row *row, int64_t *id)
{
    SCOPED(sql_free) struct sql sql = {0};
    const struct model *model = row->model;
    sql_text(&sql, "INSERT INTO ");
    sql_name(&sql, model->table);
    for (size_t i = FIELD_ID + 1; i < model->fields_count; i++) {
        sql_text(&sql, i == FIELD_ID + 1 ? "(" : ",");
        sql_name(&sql, model->fields[i].column);
    }
    sql_text(&sql, ") VALUES ");
    for (size_t i = FIELD_ID + 1; i < model->fields_count; i++) {
        sql_text(&sql, i == FIELD_ID + 1 ? "(" : ",");
        sql_value(&sql, &row->values[i]);
    }
    sql_text(&sql, ")");
    enum status status = sql_run(&sql, db);
    if (status == STATUS_OK)
        *id = db_last_id(db);
    return status;
}

enum status row_update(struct db *db, const struct row *row)
{
    SCOPED(sql_free) struct sql sql = {0};
    const struct model *model = row->model;
    sql_text(&sql, "UPDATE ");
    sql_name(&sql, model->table);
    for (size_t i = FIELD_ID + 1; i < model->fields_count; i++) {
        sql_text(&sql, i == FIELD_ID + 1 ? " SET " : ",");
        sql_name(&sql, model->fields[i].column);
        sql_text(&sql, " = ");
        sql_value(&sql, &row->values[i]);
    }
    sql_text(&sql, " WHERE ");
    sql_name(&sql, model->fields[FIELD_ID].column);
    sql_text(&sql, " = ");
    sql_int(&sql, row_id(row));
    return sql_run(&sql, db);
}

/* ---- what it refers to ---- */

enum status references_check(struct model_request *asked, struct db *db, const struct row *row, uint64_t fields)
{
    enum status result = STATUS_OK;
    for (size_t i = 0; i < row->model->fields_count; i++) {
        const struct field *field = &row->model->fields[i];
        bool is_fine = false;
        if (!field->references || !(fields >> i & 1) || row->values[i].kind != VALUE_INT)
            continue;
        enum status status = is_visible(asked, db, i, row->values[i].number, &is_fine);
        if (status != STATUS_OK)
            return status;
        if (!is_fine)
            result = reference_refuse(&asked->request, field);
    }
    return result;
}

static enum status is_visible(const struct model_request *asked, struct db *db, size_t field, int64_t id, bool *answer)
{
    const struct model *model = model_of(&asked->request);
    const struct model *other = models_find(dispatch_models(asked->request.dispatch), model->fields[field].references);
    struct asker asker = asker_beside(asked, field);
    SCOPED(view_free) struct view view = {0};
    enum status status =
        other ? request_rights_left(&asked->request, db, other->name, &asker.rights) : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = view_select(db, other, &asker, id, &view);
    *answer = status == STATUS_OK && view.is_visible;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* One and the same for a row that is not there and for one that is not to be seen. */
static enum status reference_refuse(struct request *request, const struct field *field)
{
    char pointer[PARAM_POINTER_SIZE];
    return request_invalid(request, param_pointer(field->name, pointer), "There is no such %s that you may see.",
                           field->references);
}

enum status conflict_explain(struct request *request, struct db *db, const struct row *row)
{
    enum status result = STATUS_CONFLICT;
    bool is_explained = false;
    for (size_t i = 0; i < row->model->fields_count; i++) {
        const struct field *field = &row->model->fields[i];
        bool is_taken = false;
        char pointer[PARAM_POINTER_SIZE];
        if (!field->is_unique || row->values[i].kind == VALUE_NULL)
            continue;
        enum status status = row_is_there(db, row->model, i, &row->values[i], row_id(row), &is_taken);
        if (status != STATUS_OK)
            return status;
        if (!is_taken)
            continue;
        request_invalid(request, param_pointer(field->name, pointer), "Another %s has this already.", row->model->name);
        is_explained = true;
    }
    /* Not a value that the client sent, but one that the server put there: what it refers to is gone. */
    for (size_t i = 0; !is_explained && i < row->model->fields_count; i++) {
        const struct field *field = &row->model->fields[i];
        const struct model *other =
            field->references ? models_find(dispatch_models(request->dispatch), field->references) : NULL;
        bool is_fine = true;
        enum status status = STATUS_OK;
        if (other && row->values[i].kind == VALUE_INT)
            status = row_is_there(db, other, FIELD_ID, &row->values[i], 0, &is_fine);
        if (status != STATUS_OK)
            return status;
        if (!is_fine)
            result = reference_refuse(request, field);
    }
    return result;
}

enum status row_is_there(struct db *db, const struct model *model, size_t field, const struct value *value,
                         int64_t except_id, bool *answer)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "SELECT 1 FROM ");
    sql_name(&sql, model->table);
    sql_text(&sql, " WHERE ");
    sql_name(&sql, model->fields[field].column);
    sql_text(&sql, " = ");
    sql_value(&sql, value);
    sql_text(&sql, " AND ");
    sql_name(&sql, model->fields[FIELD_ID].column);
    sql_text(&sql, " <> ");
    sql_int(&sql, except_id);
    sql_text(&sql, " LIMIT 1");
    struct rows *rows = sql_query(&sql, db);
    *answer = rows_next(rows);
    return rows_end(rows);
}

enum status row_delete(struct model_request *asked, struct db *db)
{
    struct request *request = &asked->request;
    const struct model *model = model_of(request);
    enum status status = along_follow(&asked->along, request, db, model, asked->id);
    if (status != STATUS_OK)
        return status;
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "DELETE FROM ");
    sql_name(&sql, model->table);
    sql_text(&sql, " WHERE ");
    sql_name(&sql, model->fields[FIELD_ID].column);
    sql_text(&sql, " = ");
    sql_int(&sql, asked->id);
    status = sql_run(&sql, db);
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "Something else refers to what would go along with this.");
    return status == STATUS_OK ? along_finish(&asked->along, db) : status;
}
