/* base/model_history.c: who changed which row, and how: written in the transaction of each change, and shown to whoever
 * may read the row now. */
#include <stdlib.h>
#include <string.h>
#include "base/model_request.h"
#include "lib/clock.h"
#include "lib/utf8.h"

#define ENTRIES_MAX    200 /* of one row; the oldest go */
#define CHARACTERS_MAX 200 /* of a value; a longer one is cut, and ends in the mark */
#define CUT_MARK       "\xE2\x80\xA6"

static void changes_write(const struct row *before, const struct row *after, struct buffer *json);
static void value_write(const struct field *field, const struct value *value, struct buffer *json);
static bool cursor_read(struct model_request *asked);
static request_work history_work;
static enum status readable_find(struct model_request *asked, struct db *db, uint64_t *fields, bool *is_gone);
static enum status page_print(struct model_request *asked, struct rows *rows, uint64_t fields);
static bool entry_print(const struct model_request *asked, struct rows *rows, uint64_t fields, struct buffer *json);
static void person_print(const struct model_request *asked, struct rows *rows, struct buffer *json);
static bool changes_print(const struct model *model, uint64_t fields, const char *action, const char *text,
                          struct buffer *json);
static bool member_print(const char *name, const cJSON *value, struct buffer *json);

/* ---- writing ---- */

enum status history_add(const struct request *request, struct db *db, const struct row *before, const struct row *after)
{
    const struct row *row = after ? after : before;
    const struct model *model = row->model;
    SCOPED(buffer_free) struct buffer changes = {0};
    if (!model->has_history)
        return STATUS_OK;
    changes_write(before, after, &changes);
    if (changes.has_failed)
        return FAULT("no memory");
    enum status status =
        db_run(db,
               "INSERT INTO history(model, row, version, at, user_id, action, changes) "
               "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7)",
               "tiiiits", model->name, row_id(row), row_version(row), clock_wall_ms(), request->actor.user_id,
               !before ? "create"
               : after ? "update"
                       : "delete",
               changes.bytes, changes.length);
    /* Each entry has a version of its own, so younger rows cannot have too many. */
    if (status == STATUS_OK && row_version(row) > ENTRIES_MAX)
        status = db_run(db,
                        "DELETE FROM history WHERE model = ?1 AND row = ?2 AND id <= (SELECT id FROM history WHERE "
                        "model = ?1 AND row = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
                        "tii", model->name, row_id(row), (int64_t)ENTRIES_MAX);
    return status;
}

/* {"title":["old","new"]}; of a new row only the new values that there are, of one that is gone the old ones. What is
 * never shown is not kept here either. */
static void changes_write(const struct row *before, const struct row *after, struct buffer *json)
{
    const struct model *model = after ? after->model : before->model;
    const char *comma = "";
    buffer_char(json, '{');
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        const struct value *from = before ? &before->values[i] : NULL, *to = after ? &after->values[i] : NULL;
        bool is_changed = from && to ? value_compare(from, to) != 0 : (from ? from : to)->kind != VALUE_NULL;
        if (field->is_write_only || !is_changed)
            continue;
        buffer_printf(json, "%s\"%s\":[", comma, field->name);
        if (from)
            value_write(field, from, json);
        if (from && to)
            buffer_char(json, ',');
        if (to)
            value_write(field, to, json);
        buffer_char(json, ']');
        comma = ",";
    }
    buffer_char(json, '}');
}

/* A long list is kept as the beginning of its text. */
static void value_write(const struct field *field, const struct value *value, struct buffer *json)
{
    if (value->kind != VALUE_TEXT || utf8_count(value->text, value->length) <= CHARACTERS_MAX) {
        field_print(field, value, json);
        return;
    }
    SCOPED(buffer_free) struct buffer cut = {0};
    const char *end = value->text;
    for (size_t i = 0; i < CHARACTERS_MAX; i++)
        utf8_next(&end);
    buffer_append(&cut, value->text, (size_t)(end - value->text));
    buffer_text(&cut, CUT_MARK);
    json->has_failed |= cut.has_failed;
    buffer_json(json, cut.bytes ? cut.bytes : "", cut.length);
}

/* ---- reading ---- */

void model_history_start(struct request *request)
{
    static const char *const names[] = {"id", "limit", "cursor", NULL};
    struct model_request *asked = model_request_of(request);
    asked->limit = QUERY_LIMIT;
    asked->below = INT64_MAX;
    if (!params_only(request, names) ||
        !param_int(request, "limit", PARAM_OPTIONAL, 1, QUERY_LIMIT_MAX, &asked->limit)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (!cursor_read(asked)) {
        request_finish(request, request_refuse(request, STATUS_MALFORMED, "This is no cursor."));
        return;
    }
    if (!model_request_id(asked))
        return;
    asked->people_rights = permissions_of(request_permissions(request), &request->actor, "user");
    request_read(request, history_work, model_read_done);
}

/* The id of the last entry of the page before, as a text: to clients a cursor is nothing to count with. */
static bool cursor_read(struct model_request *asked)
{
    const cJSON *item = json_get(asked->request.params, "cursor");
    const char *text = json_text(item);
    int64_t below = 0;
    if (!item)
        return true;
    size_t length = text ? strlen(text) : 0;
    if (!length || length > 18 || strspn(text, "0123456789") < length)
        return false;
    for (; *text; text++)
        below = below * 10 + (*text - '0');
    asked->below = below;
    return true;
}

static enum status history_work(struct request *request, struct db *db)
{
    struct model_request *asked = model_request_of(request);
    uint64_t fields = 0;
    bool is_gone = false;
    request_result(request);
    enum status status = readable_find(asked, db, &fields, &is_gone);
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(db,
                                 "SELECT h.id, h.version, h.at, h.action, h.changes, h.user_id, u.name FROM history AS "
                                 "h LEFT JOIN user AS u ON u.id = h.user_id WHERE h.model = ?1 AND h.row = ?2 AND "
                                 "h.id < ?3 ORDER BY h.id DESC LIMIT ?4",
                                 "tiii", model_of(request)->name, asked->id, asked->below, asked->limit + 1);
    status = page_print(asked, rows, fields);
    enum status end = rows_end(rows);
    return end == STATUS_OK ? status : end;
}

/* What the asker may see of the row as it is now. One that is gone is for who may see everything. */
static enum status readable_find(struct model_request *asked, struct db *db, uint64_t *fields, bool *is_gone)
{
    const struct request *request = &asked->request;
    const struct model *model = model_of(request);
    struct asker asker = request_asker(request);
    SCOPED(view_free) struct view view = {0};
    int64_t last = 0;
    enum status status = view_select(db, model, &asker, asked->id, &view);
    if (status == STATUS_OK && !view.is_visible)
        return STATUS_NOT_FOUND; /* as if there were none */
    *fields = view.readable;
    *is_gone = status == STATUS_NOT_FOUND && request->is_privileged;
    if (!*is_gone)
        return status;
    for (size_t i = 0; i < model->fields_count; i++)
        if (!model->fields[i].is_write_only)
            *fields |= UINT64_C(1) << i;
    return db_get_int(db, &last, "SELECT id FROM history WHERE model = ?1 AND row = ?2 LIMIT 1", "ti", model->name,
                      asked->id);
}

static enum status page_print(struct model_request *asked, struct rows *rows, uint64_t fields)
{
    struct buffer *json = &asked->request.result;
    /* One answer must leave room for others in the queue of its connection. */
    size_t bytes_max = (size_t)dispatch_settings(asked->request.dispatch)->realtime_queue_bytes_max / 2;
    int64_t count = 0, last = 0;
    bool has_more = false;
    buffer_text(json, "{\"items\":[");
    while (rows_next(rows)) {
        has_more = count == asked->limit || json->length > bytes_max;
        if (has_more)
            break;
        last = rows_int(rows, 0);
        buffer_text(json, count++ ? "," : "");
        if (!entry_print(asked, rows, fields, json))
            return FAULT("no memory");
    }
    buffer_text(json, "],\"next\":");
    if (has_more)
        buffer_printf(json, "\"%lld\"}", (long long)last);
    else
        buffer_text(json, "null}");
    return STATUS_OK;
}

static bool entry_print(const struct model_request *asked, struct rows *rows, uint64_t fields, struct buffer *json)
{
    static const struct field at = {.kind = FIELD_TIME};
    const struct value time = value_int(rows_int(rows, 2));
    const char *action = rows_text(rows, 3, NULL), *changes = rows_text(rows, 4, NULL);
    buffer_printf(json, "{\"id\":%lld,\"version\":%lld,\"at\":", (long long)rows_int(rows, 0),
                  (long long)rows_int(rows, 1));
    field_print(&at, &time, json);
    buffer_text(json, ",\"user\":");
    person_print(asked, rows, json);
    buffer_char(json, ',');
    buffer_json_member(json, "action", action);
    buffer_text(json, ",\"changes\":{");
    bool is_fine = changes_print(model_of(&asked->request), fields, action, changes, json);
    buffer_text(json, "}}");
    return is_fine;
}

/* Names are for those who may read people; one's own is no news. */
static void person_print(const struct model_request *asked, struct rows *rows, struct buffer *json)
{
    const char *name = rows_is_null(rows, 6) ? NULL : rows_text(rows, 6, NULL);
    int64_t id = rows_int(rows, 5);
    bool is_known = asked->people_rights & RIGHT_READ || (id && id == asked->request.actor.user_id);
    if (!name || !is_known) {
        buffer_text(json, "null");
        return;
    }
    buffer_printf(json, "{\"id\":%lld,", (long long)id);
    buffer_json_member(json, "name", name);
    buffer_char(json, '}');
}

/* The model may have other fields by now: what it does not have is left out. False: no memory. */
static bool changes_print(const struct model *model, uint64_t fields, const char *action, const char *text,
                          struct buffer *json)
{
    SCOPED(json_free) cJSON *changes = cJSON_Parse(text); /* our own */
    const char *comma = "";
    const cJSON *change;
    if (!changes)
        return false;
    cJSON_ArrayForEach (change, changes) {
        const struct field *field = model_field(model, change->string);
        if (!field || !(fields >> field_index(model, field) & 1))
            continue;
        const cJSON *from = strcmp(action, "create") == 0 ? NULL : cJSON_GetArrayItem(change, 0);
        const cJSON *to = strcmp(action, "delete") == 0 ? NULL : cJSON_GetArrayItem(change, from ? 1 : 0);
        buffer_printf(json, "%s\"%s\":{", comma, field->name);
        if (from && !member_print("from", from, json))
            return false;
        buffer_text(json, from && to ? "," : "");
        if (to && !member_print("to", to, json))
            return false;
        buffer_char(json, '}');
        comma = ",";
    }
    return true;
}

static bool member_print(const char *name, const cJSON *value, struct buffer *json)
{
    char *text = json_print(value);
    buffer_printf(json, "\"%s\":", name);
    buffer_text(json, text ? text : "null");
    bool is_fine = text;
    free(text);
    return is_fine;
}
