/* base/model_show.c: rows for those who may see them: a page of a list, one by itself, and the rows that they refer
 * to. */
#include <stdlib.h>
#include "base/model_request.h"
#include "lib/hash.h"

/* The rows that the fields of a page refer to, each read once. */
struct expansion {
    struct model_request *asked;
    struct db *db;
    struct int_map *texts[MODEL_FIELDS_MAX]; /* id → what stands for it: a row, or just the id */
};

/* A page as it is put together. */
struct page {
    struct expansion expansion;
    struct buffer *json;
    struct row *last; /* the newest on the page */
    int64_t count;
    size_t bytes_max;
    bool has_more;
};

static request_work list_work, detail_work;
static bool has_lost_rights(struct model_request *asked);
static enum status page_fill(struct page *page, struct rows *rows);
static enum status row_show(struct page *page, struct rows *rows, const struct row *row);
static enum status row_expand(struct page *page, const struct row *row, uint64_t fields);
static enum status expanded_print(struct expansion *expansion, size_t field, int64_t id, struct buffer *json);
static char *expanded_make(struct expansion *expansion, size_t field, int64_t id, enum status *status);
static void expansion_free(struct expansion *expansion);
static enum status count_print(struct request *request, struct db *db, const struct asker *asker);

/* ---- list ---- */

void model_list_start(struct request *request)
{
    struct model_request *list = model_request_of(request);
    enum status status = query_read(request, model_of(request), &list->query);
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    model_request_look_around(list);
    list->settable = list->query.wants_may ? may_settable(request) : 0;
    request_read(request, list_work, model_read_done);
}

static enum status list_work(struct request *request, struct db *db)
{
    struct model_request *list = model_request_of(request);
    struct asker asker = request_asker(request);
    SCOPED(sql_free) struct sql sql = {0};
    /* One answer must leave room for others in the queue of its connection. */
    struct page page = {.expansion = {.asked = list, .db = db},
                        .json = request_result(request),
                        .bytes_max = (size_t)dispatch_settings(request->dispatch)->realtime_queue_bytes_max / 2};
    buffer_text(page.json, "{\"items\":[");
    query_sql(&list->query, &asker, false, &sql);
    struct rows *rows = sql_query(&sql, db);
    enum status status = page_fill(&page, rows), end = rows_end(rows);
    buffer_text(page.json, "],\"next\":");
    if (page.has_more) {
        SCOPED(buffer_free) struct buffer cursor = {0};
        query_cursor(&list->query, page.last, &cursor);
        page.json->has_failed |= cursor.has_failed;
        buffer_json(page.json, cursor.bytes ? cursor.bytes : "", cursor.length);
    } else {
        buffer_text(page.json, "null");
    }
    if (status == STATUS_OK && end == STATUS_OK && list->query.wants_count)
        status = count_print(request, db, &asker);
    buffer_char(page.json, '}');
    row_free(page.last);
    expansion_free(&page.expansion);
    return end == STATUS_OK ? status : end;
}

static enum status page_fill(struct page *page, struct rows *rows)
{
    const struct model_request *list = page->expansion.asked;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && rows_next(rows)) {
        page->has_more = page->count == list->query.limit || page->json->length > page->bytes_max;
        if (page->has_more)
            break;
        struct row *row = row_read(rows, list->query.model);
        if (!row)
            return FAULT("no memory");
        status = row_show(page, rows, row);
        row_free(page->last);
        page->last = row;
        page->count++;
    }
    return status;
}

/* The fields that were asked for and that this row lets the asker read; with `may`, what else it lets him do. */
static enum status row_show(struct page *page, struct rows *rows, const struct row *row)
{
    struct model_request *list = page->expansion.asked;
    const struct model *model = row->model;
    int column = (int)model->fields_count;
    uint64_t fields = list->query.fields;
    for (size_t i = 0; i < model->fields_count; i++)
        if (model->fields[i].read && rows_int(rows, column++) != 1)
            fields &= ~(UINT64_C(1) << i);
    if (page->count)
        buffer_char(page->json, ',');
    enum status status = STATUS_OK;
    if (fields & list->query.expand)
        status = row_expand(page, row, fields);
    else
        row_print(row, fields, page->json);
    if (status == STATUS_OK && list->query.wants_may)
        may_print(list, may_read(model, rows, column), page->json);
    return status;
}

static enum status row_expand(struct page *page, const struct row *row, uint64_t fields)
{
    const struct query *query = &page->expansion.asked->query;
    const struct model *model = row->model;
    enum status status = STATUS_OK;
    const char *comma = "";
    buffer_char(page->json, '{');
    for (size_t i = 0; status == STATUS_OK && i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        const struct value *value = &row->values[i];
        if (!(fields >> i & 1) || field->is_write_only)
            continue;
        buffer_printf(page->json, "%s\"%s\":", comma, field->name);
        comma = ",";
        if (query->expand >> i & 1 && value->kind == VALUE_INT)
            status = expanded_print(&page->expansion, i, value->number, page->json);
        else
            field_print(field, value, page->json);
    }
    buffer_char(page->json, '}');
    return status;
}

static enum status expanded_print(struct expansion *expansion, size_t field, int64_t id, struct buffer *json)
{
    struct int_map **texts = &expansion->texts[field];
    if (!*texts && !(*texts = int_map_new()))
        return FAULT("no memory");
    char *text = int_map_get(*texts, (uint64_t)id);
    if (!text) {
        enum status status = STATUS_OK;
        text = expanded_make(expansion, field, id, &status);
        if (status != STATUS_OK)
            return status;
        if (!text || !int_map_set(*texts, (uint64_t)id, text)) {
            free(text);
            return FAULT("no memory");
        }
    }
    buffer_text(json, text);
    return STATUS_OK;
}

/* The row, as far as it may be seen; if not at all, its id. NULL: no memory, or *@status says what. */
static char *expanded_make(struct expansion *expansion, size_t field, int64_t id, enum status *status)
{
    struct model_request *asked = expansion->asked;
    const struct models *models = dispatch_models(asked->request.dispatch);
    const struct model *model = models_find(models, asked->query.model->fields[field].references);
    struct asker asker = asker_beside(asked, field);
    SCOPED(view_free) struct view view = {0};
    SCOPED(buffer_free) struct buffer json = {0};
    enum status found = model ? view_select(expansion->db, model, &asker, id, &view) : STATUS_NOT_FOUND;
    if (found != STATUS_OK && found != STATUS_NOT_FOUND) {
        *status = found;
        return NULL;
    }
    if (view.is_visible)
        row_print(view.row, view.readable, &json);
    else
        buffer_int(&json, id);
    return buffer_take(&json, NULL);
}

static void expansion_free(struct expansion *expansion)
{
    for (size_t i = 0; i < MODEL_FIELDS_MAX; i++) {
        void *text;
        size_t cursor = 0;
        while (expansion->texts[i] && int_map_next(expansion->texts[i], &cursor, NULL, &text))
            free(text);
        int_map_free(expansion->texts[i]);
    }
}

static enum status count_print(struct request *request, struct db *db, const struct asker *asker)
{
    SCOPED(sql_free) struct sql sql = {0};
    query_sql(&model_request_of(request)->query, asker, true, &sql);
    struct rows *rows = sql_query(&sql, db);
    int64_t count = rows_next(rows) ? rows_int(rows, 0) : 0;
    buffer_text(&request->result, ",\"count\":");
    buffer_int(&request->result, count);
    return rows_end(rows);
}

/* ---- detail ---- */

void model_detail_start(struct request *request)
{
    static const char *const names[] = {"id", "may", NULL};
    struct model_request *detail = model_request_of(request);
    if (!params_only(request, names) || !param_bool(request, "may", PARAM_OPTIONAL, &detail->query.wants_may)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (!model_request_id(detail))
        return;
    detail->settable = detail->query.wants_may ? may_settable(request) : 0;
    request_read(request, detail_work, model_read_done);
}

static enum status detail_work(struct request *request, struct db *db)
{
    const struct model_request *detail = model_request_of(request);
    struct asker asker = request_asker(request);
    SCOPED(view_free) struct view view = {0};
    enum status status = view_select(db, model_of(request), &asker, detail->id, &view);
    if (status == STATUS_OK && !view.is_visible)
        return STATUS_NOT_FOUND; /* as if there were none */
    if (status != STATUS_OK)
        return status;
    request->version = row_version(view.row);
    /* What one may do changes without the row. */
    if (!detail->query.wants_may)
        status = request_if_none_match(request, request->version);
    if (status != STATUS_OK)
        return status;
    row_print(view.row, view.readable, request_result(request));
    struct may may = {view.allows[RULE_UPDATE], view.allows[RULE_DELETE], view.writable};
    if (detail->query.wants_may)
        may_print(detail, may, &request->result);
    return STATUS_OK;
}

/* Meanwhile a right may have gone, and whoever took it away may know by now: then it is asked for from the beginning.
 */
void model_read_done(struct request *request)
{
    struct model_request *asked = model_request_of(request);
    if (!status_is_ok(request->status) || !has_lost_rights(asked)) {
        request_finish(request, request->status);
        return;
    }
    query_free(&asked->query);
    request_result(request);
    request->version = 0;
    dispatch_start(request);
}

/* Has less been granted than what the rows were read with? */
static bool has_lost_rights(struct model_request *asked)
{
    struct request *request = &asked->request;
    const struct permissions *permissions = request_permissions(request);
    const struct model *model = model_of(request);
    if (request->is_privileged && !permissions_is_superuser(permissions, &request->actor))
        return true;
    unsigned lost = request->rights & ~permissions_of(permissions, &request->actor, model->name);
    for (size_t i = 0; i < model->fields_count; i++)
        if (asked->query.expand >> i & 1)
            lost |= asked->rights[i] & ~permissions_of(permissions, &request->actor, model->fields[i].references);
    if (asked->people_rights)
        lost |= asked->people_rights & ~permissions_of(permissions, &request->actor, "user");
    const struct models *models = dispatch_models(request->dispatch);
    for (size_t i = 0; models && i < models_count(models); i++)
        if (asked->named[i / 64] >> i % 64 & 1)
            lost |= RIGHT_READ & ~permissions_of(permissions, &request->actor, models_at(models, i)->name);
    return lost;
}
