/* base/model_along.c: what hangs on a row: how many rows of which models refer to it, and what would become of them if
 * it went. */
#include <string.h>
#include "base/model_request.h"

#define ROWS_MAX 1000 /* counted of a model */

static const char *const on_delete_words[] = {
    [ON_DELETE_RESTRICT] = "restrict", [ON_DELETE_CASCADE] = "cascade", [ON_DELETE_SET_NULL] = "set-null"};

static request_work along_work;
static enum status hanging_print(struct model_request *asked, struct db *db, size_t index, enum on_delete on_delete);
static enum status hanging_count(struct db *db, const struct model *model, const struct model *referred,
                                 enum on_delete on_delete, int64_t id, int64_t *count);

void model_along_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    struct model_request *asked = model_request_of(request);
    const struct models *models = dispatch_models(request->dispatch);
    if (!params_only(request, names)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (!model_request_id(asked))
        return;
    memset(asked->named, 0, sizeof asked->named);
    for (size_t i = 0; i < models_count(models); i++)
        if (permissions_of(request_permissions(request), &request->actor, models_at(models, i)->name) & RIGHT_READ)
            asked->named[i / 64] |= UINT64_C(1) << i % 64;
    request_read(request, along_work, model_read_done);
}

static enum status along_work(struct request *request, struct db *db)
{
    struct model_request *asked = model_request_of(request);
    const struct models *models = dispatch_models(request->dispatch);
    struct asker asker = request_asker(request);
    SCOPED(view_free) struct view view = {0};
    enum status status = view_select(db, model_of(request), &asker, asked->id, &view);
    if (status == STATUS_OK && !view.is_visible)
        return STATUS_NOT_FOUND; /* as if there were none */
    buffer_text(request_result(request), "{\"items\":[");
    /* Those without a name come last: their place among the others would tell of it. */
    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < models_count(models); i++)
            for (int kind = ON_DELETE_RESTRICT; kind <= ON_DELETE_SET_NULL && status == STATUS_OK; kind++)
                if ((int)(asked->named[i / 64] >> i % 64 & 1) == named)
                    status = hanging_print(asked, db, i, (enum on_delete)kind);
    buffer_text(&request->result, "]}");
    return status;
}

static enum status hanging_print(struct model_request *asked, struct db *db, size_t index, enum on_delete on_delete)
{
    struct request *request = &asked->request;
    const struct model *model = models_at(dispatch_models(request->dispatch), index);
    struct buffer *json = &request->result;
    int64_t count = 0;
    enum status status = hanging_count(db, model, model_of(request), on_delete, asked->id, &count);
    if (status != STATUS_OK || !count)
        return status;
    bool is_named = asked->named[index / 64] >> index % 64 & 1, has_more = count > ROWS_MAX;
    buffer_text(json, json->bytes[json->length - 1] == '[' ? "{" : ",{");
    buffer_json_member(json, "model", is_named ? model->name : NULL);
    buffer_printf(json, ",\"rows\":%lld,\"more\":%s,\"on_delete\":\"%s\"}", (long long)(has_more ? ROWS_MAX : count),
                  has_more ? "true" : "false", on_delete_words[on_delete]);
    return STATUS_OK;
}

/* Rows of @model that refer to row @id of @referred by any field of this kind, up to one more than are counted. As when
 * a row is deleted, built-in models are their applications' business. */
static enum status hanging_count(struct db *db, const struct model *model, const struct model *referred,
                                 enum on_delete on_delete, int64_t id, int64_t *count)
{
    SCOPED(sql_free) struct sql sql = {0};
    bool has_any = false;
    sql_text(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    sql_name(&sql, model->table);
    for (size_t i = FIELDS_OWN; i < model->fields_count && !model->is_builtin; i++) {
        const struct field *field = &model->fields[i];
        if (!field->references || field->on_delete != on_delete || strcmp(field->references, referred->name) != 0)
            continue;
        sql_text(&sql, has_any ? " OR " : " WHERE ");
        sql_name(&sql, field->column);
        sql_text(&sql, " = ");
        sql_int(&sql, id);
        has_any = true;
    }
    if (!has_any)
        return STATUS_OK;
    sql_text(&sql, " LIMIT ");
    sql_int(&sql, ROWS_MAX + 1);
    sql_text(&sql, ")");
    struct rows *rows = sql_query(&sql, db);
    int64_t found = rows_next(rows) ? rows_int(rows, 0) : 0;
    enum status status = rows_end(rows);
    if (status == STATUS_OK)
        *count = found;
    return status;
}
