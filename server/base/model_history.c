/* base/model_history.c: who changed which row, and how: written in the transaction of each change, and shown to whoever
 * may read the row now: of each change what that person might have read then. */
#include <stdlib.h>
#include <string.h>
#include "base/form.h"
#include "base/model_request.h"
#include "lib/clock.h"
#include "lib/utf8.h"

#define ENTRIES_MAX    200 /* of one row; the oldest go */
#define CHARACTERS_MAX 200 /* of a value; a longer one is cut, and ends in the mark */
#define CUT_MARK       "\xE2\x80\xA6"

/* The row between two changes, and what the asker may see of it. */
struct past {
    struct row *row; /* owned; NULL: it was not there, or nobody needs to look at it */
    uint64_t fields; /* bits of those that may be read */
    bool is_visible;
};
/* One change, as it is kept. */
struct change {
    const char *action;
    cJSON *fields;     /* {"title":["old","new"]} */
    uint64_t from, to; /* bits of the fields whose old and new values may be shown */
};

static void changes_write(const struct row *before, const struct row *after, struct buffer *json);
static void value_write(const struct field *field, const struct value *value, struct buffer *json);
static bool cursor_read(struct model_request *asked);
static request_work history_work;
static enum status past_begin(struct model_request *asked, struct db *db, struct past *past);
static enum status page_print(struct model_request *asked, struct db *db, struct rows *rows, struct past *past);
static enum status past_before(struct request *request, struct db *db, const struct change *change,
                               const struct past *past, struct past *before);
static bool change_undo(const struct change *change, struct row *row);
static bool value_undo(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold);
static void entry_print(const struct model_request *asked, struct rows *rows, const struct change *change,
                        struct buffer *json);
static void person_print(const struct model_request *asked, struct rows *rows, struct buffer *json);
static void changes_print(const struct model *model, const struct change *change, struct buffer *json);
static void member_print(const char *name, const cJSON *value, struct buffer *json);

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

static void past_free(struct past *past)
{
    row_free(past->row);
    *past = (struct past){0};
}

static enum status history_work(struct request *request, struct db *db)
{
    struct model_request *asked = model_request_of(request);
    struct past past = {0};
    request_result(request);
    enum status status = past_begin(asked, db, &past);
    if (status != STATUS_OK) {
        past_free(&past);
        return status;
    }
    /* From the newest on, also for a later page: that is the way back to what the row was. */
    struct rows *rows = db_query(db,
                                 "SELECT h.id, h.version, h.at, h.action, h.changes, h.user_id, u.name FROM history AS "
                                 "h LEFT JOIN user AS u ON u.id = h.user_id WHERE h.model = ?1 AND h.row = ?2 "
                                 "ORDER BY h.id DESC LIMIT ?3",
                                 "tii", model_of(request)->name, asked->id, (int64_t)ENTRIES_MAX);
    status = page_print(asked, db, rows, &past);
    past_free(&past);
    enum status end = rows_end(rows);
    return end == STATUS_OK ? status : end;
}

/* What the asker may see of the row as it is now. One that is gone is for who may see everything. */
static enum status past_begin(struct model_request *asked, struct db *db, struct past *past)
{
    const struct request *request = &asked->request;
    const struct model *model = model_of(request);
    struct asker asker = request_asker(request);
    SCOPED(view_free) struct view view = {0};
    int64_t last = 0;
    enum status status = view_select(db, model, &asker, asked->id, &view);
    if (status == STATUS_OK && !view.is_visible)
        return STATUS_NOT_FOUND; /* as if there were none */
    *past = (struct past){.fields = view.readable, .is_visible = true};
    if (status == STATUS_OK)
        past->row = TAKE(view.row);
    if (status != STATUS_NOT_FOUND || !request->is_privileged)
        return status;
    for (size_t i = 0; i < model->fields_count; i++)
        if (!model->fields[i].is_write_only)
            past->fields |= UINT64_C(1) << i;
    return db_get_int(db, &last, "SELECT id FROM history WHERE model = ?1 AND row = ?2 LIMIT 1", "ti", model->name,
                      asked->id);
}

static enum status page_print(struct model_request *asked, struct db *db, struct rows *rows, struct past *past)
{
    struct request *request = &asked->request;
    struct buffer *json = &request->result;
    /* One answer must leave room for others in the queue of its connection. */
    size_t bytes_max = (size_t)dispatch_settings(request->dispatch)->realtime_queue_bytes_max / 2;
    int64_t count = 0, last = 0;
    bool has_more = false;
    enum status status = STATUS_OK;
    buffer_text(json, "{\"items\":[");
    while (status == STATUS_OK && !has_more && rows_next(rows)) {
        struct change change = {.action = rows_text(rows, 3, NULL), .fields = cJSON_Parse(rows_text(rows, 4, NULL))};
        struct past before = {0};
        status = past_before(request, db, &change, past, &before);
        bool is_shown = rows_int(rows, 0) < asked->below && (past->is_visible || before.is_visible);
        change.from = before.fields;
        change.to = past->fields;
        has_more = is_shown && (count == asked->limit || json->length > bytes_max);
        if (status == STATUS_OK && is_shown && !has_more) {
            last = rows_int(rows, 0);
            buffer_text(json, count++ ? "," : "");
            entry_print(asked, rows, &change, json);
        }
        cJSON_Delete(change.fields);
        past_free(past);
        *past = before;
    }
    buffer_text(json, "],\"next\":");
    if (has_more)
        buffer_printf(json, "\"%lld\"}", (long long)last);
    else
        buffer_text(json, "null}");
    return status;
}

/* What the asker would have seen in front of @change, of which @past is what came out. What a rule kept from somebody,
 * such as a draft, is not shown later because the row is for all by then. */
static enum status past_before(struct request *request, struct db *db, const struct change *change,
                               const struct past *past, struct past *before)
{
    struct asker asker = request_asker(request);
    SCOPED(view_free) struct view view = {0};
    if (!change->fields)
        return FAULT("no memory");
    if (strcmp(change->action, "create") == 0)
        return STATUS_OK; /* there was none */
    if (request->is_privileged) {
        *before = (struct past){.fields = past->fields, .is_visible = true};
        return STATUS_OK;
    }
    SCOPED(row_free) struct row *row = past->row ? row_copy(past->row) : NULL;
    if (past->row && !row)
        return FAULT("no memory");
    if (!row || !change_undo(change, row))
        return STATUS_OK; /* nobody knows what it was */
    enum status status = view_imagine(db, row, &asker, &view);
    if (status == STATUS_OK)
        *before = (struct past){.row = TAKE(row), .fields = view.readable, .is_visible = view.is_visible};
    return status;
}

/* The model may have other fields by now: what it does not have is left out. */
static bool change_undo(const struct change *change, struct row *row)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    const cJSON *item;
    cJSON_ArrayForEach (item, change->fields) {
        const struct field *field = model_field(row->model, item->string);
        struct value value = {0};
        if (!field)
            continue;
        if (!value_undo(field, cJSON_GetArrayItem(item, 0), &value, &hold) ||
            !row_set(row, field_index(row->model, field), &value))
            return false;
    }
    return true;
}

/* A long text or list was cut, so it need not be right any more. */
static bool value_undo(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold)
{
    const char *text = json_text(item), *why = NULL;
    buffer_clear(hold);
    if (!item)
        return false;
    if (cJSON_IsNull(item))
        return true;
    if (!text || (field->kind != FIELD_TEXT && field->kind != FIELD_LIST))
        return form_value(field, item, value, hold, &why);
    *value = value_text(text, strlen(text));
    return true;
}

static void entry_print(const struct model_request *asked, struct rows *rows, const struct change *change,
                        struct buffer *json)
{
    static const struct field at = {.kind = FIELD_TIME};
    const struct value time = value_int(rows_int(rows, 2));
    buffer_printf(json, "{\"id\":%lld,\"version\":%lld,\"at\":", (long long)rows_int(rows, 0),
                  (long long)rows_int(rows, 1));
    field_print(&at, &time, json);
    buffer_text(json, ",\"user\":");
    person_print(asked, rows, json);
    buffer_char(json, ',');
    buffer_json_member(json, "action", change->action);
    buffer_text(json, ",\"changes\":{");
    changes_print(model_of(&asked->request), change, json);
    buffer_text(json, "}}");
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

static void changes_print(const struct model *model, const struct change *change, struct buffer *json)
{
    bool has_from = strcmp(change->action, "create") != 0, has_to = strcmp(change->action, "delete") != 0;
    const char *comma = "";
    const cJSON *item;
    cJSON_ArrayForEach (item, change->fields) {
        const struct field *field = model_field(model, item->string);
        size_t index = field ? field_index(model, field) : 0;
        bool shows_from = field && has_from && change->from >> index & 1;
        bool shows_to = field && has_to && change->to >> index & 1;
        if (!shows_from && !shows_to)
            continue;
        buffer_printf(json, "%s\"%s\":{", comma, field->name);
        if (shows_from)
            member_print("from", cJSON_GetArrayItem(item, 0), json);
        buffer_text(json, shows_from && shows_to ? "," : "");
        if (shows_to)
            member_print("to", cJSON_GetArrayItem(item, has_from ? 1 : 0), json);
        buffer_char(json, '}');
        comma = ",";
    }
}

static void member_print(const char *name, const cJSON *value, struct buffer *json)
{
    char *text = json_print(value);
    buffer_printf(json, "\"%s\":", name);
    buffer_text(json, text ? text : "null");
    if (!text)
        json->has_failed = true;
    free(text);
}
