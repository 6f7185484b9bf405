/* base/model_write.c: the statements that change rows of models, and what else they meet: values that must be the only
 * ones, and rows that refer to others. Writer thread. */
#include <string.h>
#include "base/model_request.h"
#include "lib/clock.h"

static enum status is_there(struct db *db, const struct model *model, size_t field, const struct value *value,
                            int64_t except_id, bool *answer);
static enum status is_visible(const struct model_request *asked, struct db *db, size_t field, int64_t id, bool *answer);
static enum status reference_refuse(struct request *request, const struct field *field);
static enum status referrers_follow(struct model_request *asked, struct db *db, const struct model *model, int64_t id,
                                    bool is_asked_for, bool *is_too_much);
static enum status referrer_follow(struct model_request *asked, struct db *db, size_t index, size_t field, int64_t id,
                                   bool *is_too_much);
static enum status along_select(struct model_request *asked, struct db *db, const struct model *model, size_t field,
                                int64_t id, bool *is_too_much);
static bool along_add(struct model_request *asked, struct row **row, bool is_emptied);
static enum status along_finish(struct model_request *asked, struct db *db);
static void along_forget_rows(struct model_request *asked);
static enum status reference_empty(struct db *db, const struct model *model, size_t field, int64_t id);
static void along_mark(struct model_request *asked, size_t index);

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
        enum status status = is_there(db, row->model, i, &row->values[i], row_id(row), &is_taken);
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
            status = is_there(db, other, FIELD_ID, &row->values[i], 0, &is_fine);
        if (status != STATUS_OK)
            return status;
        if (!is_fine)
            result = reference_refuse(request, field);
    }
    return result;
}

/* Is there a row of @model, other than @except_id, whose @field is @value? */
static enum status is_there(struct db *db, const struct model *model, size_t field, const struct value *value,
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

/* ---- what refers to it ---- */

enum status row_delete(struct model_request *asked, struct db *db)
{
    struct request *request = &asked->request;
    const struct model *model = model_of(request);
    bool is_too_much = false;
    enum status status = referrers_follow(asked, db, model, asked->id, true, &is_too_much);
    /* What goes along is referred to in turn, until nothing new is found. */
    for (size_t i = 0; status == STATUS_OK && !is_too_much && i < asked->along_count; i++)
        if (!asked->along[i].is_emptied)
            status = referrers_follow(asked, db, asked->along[i].before->model, row_id(asked->along[i].before), false,
                                      &is_too_much);
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
    if (status == STATUS_OK && is_too_much)
        along_forget_rows(asked);
    else if (status == STATUS_OK)
        status = along_finish(asked, db);
    return status;
}

/* All fields of all models that refer to the row of @id, which is to go. */
static enum status referrers_follow(struct model_request *asked, struct db *db, const struct model *model, int64_t id,
                                    bool is_asked_for, bool *is_too_much)
{
    const struct models *models = dispatch_models(asked->request.dispatch);
    for (size_t i = 0; i < models_count(models); i++)
        for (size_t j = 0; j < models_at(models, i)->fields_count; j++) {
            const char *references = models_at(models, i)->fields[j].references;
            if (!references || strcmp(references, model->name) != 0)
                continue;
            /* That something refers to what goes along is said in words when the data base refuses. */
            if (!is_asked_for && models_at(models, i)->fields[j].on_delete == ON_DELETE_RESTRICT)
                continue;
            enum status status = referrer_follow(asked, db, i, j, id, is_too_much);
            if (status != STATUS_OK)
                return status;
        }
    return STATUS_OK;
}

/* A field of the model at @index refers to the row of @id. */
static enum status referrer_follow(struct model_request *asked, struct db *db, size_t index, size_t field, int64_t id,
                                   bool *is_too_much)
{
    const struct model *model = models_at(dispatch_models(asked->request.dispatch), index);
    struct value value = value_int(id);
    bool has_any = false;
    enum status status = is_there(db, model, field, &value, 0, &has_any);
    if (status != STATUS_OK || !has_any)
        return status;
    if (model->fields[field].on_delete == ON_DELETE_RESTRICT)
        return request_refuse(&asked->request, STATUS_CONFLICT,
                              "Something of \"%s\" refers to this: change or delete that first.", model->name);
    along_mark(asked, index);
    if (!*is_too_much)
        status = along_select(asked, db, model, field, id, is_too_much);
    if (status == STATUS_OK && model->fields[field].on_delete == ON_DELETE_SET_NULL)
        status = reference_empty(db, model, field, id);
    return status; /* the rows of a CASCADE are deleted by the data base */
}

/* Note the rows of @model whose @field is @id, as they are. */
static enum status along_select(struct model_request *asked, struct db *db, const struct model *model, size_t field,
                                int64_t id, bool *is_too_much)
{
    SCOPED(sql_free) struct sql sql = {0};
    sql_text(&sql, "SELECT ");
    sql_fields(&sql, model, "r");
    sql_text(&sql, " FROM ");
    sql_name(&sql, model->table);
    sql_text(&sql, " AS r WHERE ");
    sql_column(&sql, "r", model->fields[field].column);
    sql_text(&sql, " = ");
    sql_int(&sql, id);
    struct rows *rows = sql_query(&sql, db);
    bool has_memory = true;
    while (has_memory && !*is_too_much && rows_next(rows)) {
        SCOPED(row_free) struct row *row = row_read(rows, model);
        has_memory = row;
        if (row)
            *is_too_much = !along_add(asked, &row, model->fields[field].on_delete == ON_DELETE_SET_NULL);
    }
    enum status status = rows_end(rows);
    if (!has_memory)
        return FAULT("no memory");
    return status;
}

/* Takes the row, unless it is known already. False: too much to tell. */
static bool along_add(struct model_request *asked, struct row **row, bool is_emptied)
{
    if ((*row)->model == model_of(&asked->request) && row_id(*row) == asked->id)
        return true;
    for (size_t i = 0; i < asked->along_count; i++) {
        const struct along *known = &asked->along[i];
        /* One that was emptied and then goes after all would have to be followed from there: too rare to be told. */
        if (known->before->model == (*row)->model && row_id(known->before) == row_id(*row))
            return !known->is_emptied || is_emptied;
    }
    if (asked->along_count == ALONG_MAX)
        return false;
    asked->along[asked->along_count++] = (struct along){.before = TAKE(*row), .is_emptied = is_emptied};
    return true;
}

/* Everything can be told one by one: what stays, as it is now. */
static enum status along_finish(struct model_request *asked, struct db *db)
{
    enum status status = STATUS_OK;
    memset(asked->along_models, 0, sizeof asked->along_models);
    for (size_t i = 0; status == STATUS_OK && i < asked->along_count; i++) {
        struct along *along = &asked->along[i];
        if (along->is_emptied)
            status = model_select(db, along->before->model, row_id(along->before), &along->after);
    }
    return status;
}

static void along_forget_rows(struct model_request *asked)
{
    for (size_t i = 0; i < asked->along_count; i++) {
        row_free(asked->along[i].before);
        row_free(asked->along[i].after);
    }
    memset(asked->along, 0, sizeof asked->along);
    asked->along_count = 0;
}

void along_clear(struct model_request *asked)
{
    along_forget_rows(asked);
    memset(asked->along_models, 0, sizeof asked->along_models);
}

/* The data base would do it too, but the rows would be others under the same version. */
static enum status reference_empty(struct db *db, const struct model *model, size_t field, int64_t id)
{
    SCOPED(sql_free) struct sql sql = {0};
    const char *version = model->fields[FIELD_VERSION].column;
    sql_text(&sql, "UPDATE ");
    sql_name(&sql, model->table);
    sql_text(&sql, " SET ");
    sql_name(&sql, model->fields[field].column);
    sql_text(&sql, " = NULL,");
    sql_name(&sql, version);
    sql_text(&sql, " = ");
    sql_name(&sql, version);
    sql_text(&sql, " + 1,");
    sql_name(&sql, model->fields[FIELD_UPDATED_AT].column);
    sql_text(&sql, " = ");
    sql_int(&sql, clock_wall_ms());
    sql_text(&sql, " WHERE ");
    sql_name(&sql, model->fields[field].column);
    sql_text(&sql, " = ");
    sql_int(&sql, id);
    return sql_run(&sql, db);
}

/* Its rows changed, and those of the models behind it may have. */
static void along_mark(struct model_request *asked, size_t index)
{
    const struct models *models = dispatch_models(asked->request.dispatch);
    uint64_t *word = &asked->along_models[index / 64], bit = UINT64_C(1) << index % 64;
    if (*word & bit)
        return;
    *word |= bit;
    for (size_t i = 0; i < models_count(models); i++)
        for (size_t j = 0; j < models_at(models, i)->fields_count; j++) {
            const struct field *field = &models_at(models, i)->fields[j];
            if (field->references && strcmp(field->references, models_at(models, index)->name) == 0 &&
                field->on_delete != ON_DELETE_RESTRICT)
                along_mark(asked, i);
        }
}
