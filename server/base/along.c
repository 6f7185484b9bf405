/* base/along.c: references that are followed when a row goes. */
#include "base/along.h"
#include <string.h>
#include "base/model_request.h"
#include "lib/clock.h"

static enum status referrers_follow(struct along *along, struct request *request, struct db *db,
                                    const struct model *model, int64_t id, bool is_asked_for);
static enum status referrer_follow(struct along *along, struct request *request, struct db *db, size_t index,
                                   size_t field, int64_t id);
static enum status along_select(struct along *along, struct db *db, const struct model *model, size_t field,
                                int64_t id);
static bool along_add(struct along *along, struct row **row, bool is_emptied);
static void along_forget_rows(struct along *along);
static enum status reference_empty(struct db *db, const struct model *model, size_t field, int64_t id);
static void along_mark(struct along *along, const struct models *models, size_t index);

enum status along_follow(struct along *along, struct request *request, struct db *db, const struct model *model,
                         int64_t id)
{
    along_clear(along);
    if (!model || !dispatch_models(request->dispatch))
        return STATUS_OK;
    along->model = model;
    along->id = id;
    enum status status = referrers_follow(along, request, db, model, id, true);
    /* What goes along is referred to in turn, until nothing new is found. */
    for (size_t i = 0; status == STATUS_OK && !along->is_too_much && i < along->count; i++)
        if (!along->rows[i].is_emptied)
            status = referrers_follow(along, request, db, along->rows[i].before->model, row_id(along->rows[i].before),
                                      false);
    return status;
}

enum status along_finish(struct along *along, struct db *db)
{
    if (along->is_too_much) {
        along_forget_rows(along);
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    memset(along->models, 0, sizeof along->models);
    for (size_t i = 0; status == STATUS_OK && i < along->count; i++) {
        struct along_row *row = &along->rows[i];
        if (row->is_emptied)
            status = model_select(db, row->before->model, row_id(row->before), &row->after);
    }
    return status;
}

void along_announce(const struct along *along, struct dispatch *dispatch)
{
    for (size_t i = 0; i < along->count; i++)
        model_announce(dispatch, along->rows[i].before->model, along->rows[i].before, along->rows[i].after);
    const struct models *models = dispatch_models(dispatch);
    for (size_t i = 0; models && i < models_count(models); i++)
        if (along->models[i / 64] >> i % 64 & 1)
            model_announce(dispatch, models_at(models, i), NULL, NULL);
}

/* All fields of all models that refer to the row of @id, which is to go. */
static enum status referrers_follow(struct along *along, struct request *request, struct db *db,
                                    const struct model *model, int64_t id, bool is_asked_for)
{
    const struct models *models = dispatch_models(request->dispatch);
    for (size_t i = 0; i < models_count(models); i++)
        for (size_t j = 0; !models_at(models, i)->is_builtin && j < models_at(models, i)->fields_count; j++) {
            const char *references = models_at(models, i)->fields[j].references;
            if (!references || strcmp(references, model->name) != 0)
                continue;
            /* That something refers to what goes along is said in words when the data base refuses. */
            if (!is_asked_for && models_at(models, i)->fields[j].on_delete == ON_DELETE_RESTRICT)
                continue;
            enum status status = referrer_follow(along, request, db, i, j, id);
            if (status != STATUS_OK)
                return status;
        }
    return STATUS_OK;
}

/* A field of the model at @index refers to the row of @id. */
static enum status referrer_follow(struct along *along, struct request *request, struct db *db, size_t index,
                                   size_t field, int64_t id)
{
    const struct models *models = dispatch_models(request->dispatch);
    const struct model *model = models_at(models, index);
    struct value value = value_int(id);
    bool has_any = false;
    enum status status = row_is_there(db, model, field, &value, 0, &has_any);
    if (status != STATUS_OK || !has_any)
        return status;
    if (model->fields[field].on_delete == ON_DELETE_RESTRICT)
        return request_refuse(request, STATUS_CONFLICT,
                              "Something of \"%s\" refers to this: change or delete that first.", model->name);
    along_mark(along, models, index);
    if (!along->is_too_much)
        status = along_select(along, db, model, field, id);
    if (status == STATUS_OK && model->fields[field].on_delete == ON_DELETE_SET_NULL)
        status = reference_empty(db, model, field, id);
    return status; /* the rows of a CASCADE are deleted by the data base */
}

/* Note the rows of @model whose @field is @id, as they are. */
static enum status along_select(struct along *along, struct db *db, const struct model *model, size_t field, int64_t id)
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
    while (has_memory && !along->is_too_much && rows_next(rows)) {
        SCOPED(row_free) struct row *row = row_read(rows, model);
        has_memory = row;
        if (row)
            along->is_too_much = !along_add(along, &row, model->fields[field].on_delete == ON_DELETE_SET_NULL);
    }
    enum status status = rows_end(rows);
    if (!has_memory)
        return FAULT("no memory");
    return status;
}

/* Takes the row, unless it is known already. False: too much to tell. */
static bool along_add(struct along *along, struct row **row, bool is_emptied)
{
    if ((*row)->model == along->model && row_id(*row) == along->id)
        return true;
    for (size_t i = 0; i < along->count; i++) {
        const struct along_row *known = &along->rows[i];
        /* One that was emptied and then goes after all would have to be followed from there: too rare to be told. */
        if (known->before->model == (*row)->model && row_id(known->before) == row_id(*row))
            return !known->is_emptied || is_emptied;
    }
    if (along->count == ALONG_MAX)
        return false;
    along->rows[along->count++] = (struct along_row){.before = TAKE(*row), .is_emptied = is_emptied};
    return true;
}

static void along_forget_rows(struct along *along)
{
    for (size_t i = 0; i < along->count; i++) {
        row_free(along->rows[i].before);
        row_free(along->rows[i].after);
    }
    memset(along->rows, 0, sizeof along->rows);
    along->count = 0;
}

void along_clear(struct along *along)
{
    along_forget_rows(along);
    along->is_too_much = false;
    memset(along->models, 0, sizeof along->models);
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
static void along_mark(struct along *along, const struct models *models, size_t index)
{
    uint64_t *word = &along->models[index / 64], bit = UINT64_C(1) << index % 64;
    if (*word & bit)
        return;
    *word |= bit;
    for (size_t i = 0; i < models_count(models); i++)
        for (size_t j = 0; j < models_at(models, i)->fields_count; j++) {
            const struct field *field = &models_at(models, i)->fields[j];
            if (field->references && strcmp(field->references, models_at(models, index)->name) == 0 &&
                field->on_delete != ON_DELETE_RESTRICT)
                along_mark(along, models, i);
        }
}
