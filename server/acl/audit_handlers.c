/* acl/audit_handlers.c: the record of changes, for administrators: read it, and check that it is whole. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "base/form.h"
#include "lib/clock.h"

/* Entries checked in one job of a reader: a long record must not keep others waiting. */
#define VERIFY_PIECE 5000
/* Entries looked at for one page: a filter that fits few of them must not read the whole of a long record at once. */
#define LOOK_MAX 50000

struct list_request {
    struct request request;
    const char *action, *model, *subject_name; /* these point into params; NULL: any */
    bool has_subject;
    enum subject subject;
    int64_t subject_id, row_id; /* whom it is about; row 0: any */
    int64_t user_id;            /* who did it; -1: anybody */
    int64_t since_ms, until_ms;
    int64_t after, before, limit; /* ids */
};

struct verify_request {
    struct request request;
    struct audit_check check, next;
};

static void list_start(struct request *request);
static enum status list_work(struct request *request, struct db *db);
static void verify_start(struct request *request);
static enum status verify_work(struct request *request, struct db *db);
static void verify_done(struct request *request);

const struct route audit_routes[] = {
    {"audit.list", HTTP_M_GET, "audit", ROUTE_SUPERUSER, NULL, 0, list_start, sizeof(struct list_request), NULL},
    {"audit.verify", HTTP_M_GET, "audit/verify", ROUTE_SUPERUSER, NULL, 0, verify_start, sizeof(struct verify_request),
     NULL},
};
const size_t audit_routes_count = ARRAY_LENGTH(audit_routes);

/* ---- list ---- */

static bool time_param(struct request *request, const char *name, int64_t *at_ms)
{
    char pointer[PARAM_POINTER_SIZE];
    const char *text = NULL;
    if (!param_text(request, name, PARAM_OPTIONAL, 1, 64, &text))
        return false;
    return !text || time_read(text, at_ms) ||
           request_invalid(request, param_pointer(name, pointer), "This must be a time as in 2027-01-31T12:00:00Z.") ==
               STATUS_OK;
}

static void list_start(struct request *request)
{
    static const char *const names[] = {"action", "user",  "subject", "model", "row", "since",
                                        "until",  "after", "before",  "limit", NULL};
    struct list_request *list = container_of(request, struct list_request, request);
    list->user_id = -1;
    list->until_ms = list->before = INT64_MAX;
    list->limit = 50;
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "action", PARAM_OPTIONAL, 1, 64, &list->action);
    is_fine &= param_int(request, "user", PARAM_OPTIONAL, 0, INT64_MAX, &list->user_id);
    /* Also a model, a person or a group that is gone. */
    is_fine &= param_text(request, "model", PARAM_OPTIONAL, 1, MODEL_NAME_MAX, &list->model);
    is_fine &= param_int(request, "row", PARAM_OPTIONAL, 1, INT64_MAX, &list->row_id);
    list->has_subject = param_is_given(request, "subject");
    if (list->has_subject && !subject_read(json_get(request->params, "subject"), &list->subject, &list->subject_name))
        is_fine = request_invalid(request, "/subject", SUBJECT_WORDS) == STATUS_OK;
    is_fine &= time_param(request, "since", &list->since_ms);
    is_fine &= time_param(request, "until", &list->until_ms);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, INT64_MAX, &list->after);
    is_fine &= param_int(request, "before", PARAM_OPTIONAL, 1, INT64_MAX, &list->before);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, 200, &list->limit);
    if (is_fine)
        request_read(request, list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* Who did it, if it was nobody with an account. */
static const char *nobody_name(const char *action)
{
    return strcmp(action, "expired") == 0 ? "server" : "shell";
}

/* Nobody of that name: an id that no entry has. */
static enum status subject_id_find(struct list_request *list, struct db *db)
{
    if (!list->subject_name)
        return STATUS_OK;
    if (name_is_number(list->subject_name)) {
        list->subject_id = strtoll(list->subject_name, NULL, 10);
        return STATUS_OK;
    }
    enum status status = subject_find(db, list->subject, list->subject_name, &list->subject_id);
    if (status != STATUS_NOT_FOUND)
        return status;
    list->subject_id = -1;
    return STATUS_OK;
}

static void entry_print(struct rows *rows, struct buffer *json)
{
    char at[CLOCK_TEXT_SIZE];
    const char *action = rows_text(rows, 4, NULL);
    buffer_printf(json, "{\"id\":%lld,", (long long)rows_int(rows, 0));
    buffer_json_member(json, "at", clock_text(rows_int(rows, 1), at));
    buffer_char(json, ',');
    if (!rows_is_null(rows, 2))
        buffer_printf(json, "\"user\":%lld,", (long long)rows_int(rows, 2));
    buffer_json_member(json, "name", rows_is_null(rows, 2) ? nobody_name(action) : rows_text(rows, 3, NULL));
    buffer_char(json, ',');
    buffer_json_member(json, "action", action);
    buffer_printf(json, ",\"detail\":%s}", rows_text(rows, 5, NULL));
}

static enum status list_work(struct request *request, struct db *db)
{
    struct list_request *list = container_of(request, struct list_request, request);
    struct buffer *json = request_result(request);
    int64_t top = 0, count = 0, last = 0;
    enum status status = subject_id_find(list, db);
    if (status == STATUS_OK)
        status = db_get_int(db, &top, "SELECT ifnull(max(id), 0) + 1 FROM audit", "");
    if (status != STATUS_OK)
        return status;
    if (list->before < top)
        top = list->before;
    int64_t floor = top > LOOK_MAX ? top - LOOK_MAX : 1;
    if (floor <= list->after)
        floor = list->after + 1;
    /* What an entry is about stands in its detail: {"subject":"user","id":3,"model":…} of a grant, {"user":3,…} of an
     * account, {"group":2,"user":3,…} of a group. */
    struct rows *rows =
        db_query(db,
                 "SELECT audit.id, at, audit.user_id, user.name, action, detail FROM audit LEFT JOIN user "
                 "ON user.id = audit.user_id WHERE audit.id < ?1 AND audit.id >= ?2 AND (?3 IS NULL OR action = ?3) "
                 "AND (?4 < 0 OR ifnull(audit.user_id, 0) = ?4) AND at >= ?5 AND at < ?6 "
                 "AND ((?7 IS NULL AND (?8 = 0 OR ?8 IN (detail ->> 'row', detail ->> 'user', detail ->> 'group'))) "
                 "OR (detail ->> 'model' = ?7 AND (?8 = 0 OR detail ->> 'row' = ?8)) "
                 "OR (?8 > 0 AND ?7 IN ('user', 'group') AND detail ->> ?7 = ?8)) "
                 "AND (?9 IS NULL OR (detail ->> 'subject' = ?9 AND detail ->> 'id' = ?10) "
                 "OR (?10 > 0 AND detail ->> ?9 = ?10)) ORDER BY audit.id DESC LIMIT ?11",
                 "iitiiititii", top, floor, list->action, list->user_id, list->since_ms, list->until_ms, list->model,
                 list->row_id, list->has_subject ? subject_word(list->subject) : NULL, list->subject_id, list->limit);
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",", count++) {
        last = rows_int(rows, 0);
        buffer_text(json, comma);
        entry_print(rows, json);
    }
    bool is_end = count < list->limit && floor <= list->after + 1;
    if (is_end)
        buffer_text(json, "],\"next\":null}");
    else
        buffer_printf(json, "],\"next\":%lld}", (long long)(count == list->limit ? last : floor));
    return rows_end(rows);
}

/* ---- verify ---- */

static void verify_start(struct request *request)
{
    if (params_only(request, NULL))
        request_read(request, verify_work, verify_done);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status verify_work(struct request *request, struct db *db)
{
    struct verify_request *verify = container_of(request, struct verify_request, request);
    verify->next = verify->check;
    return audit_verify(db, &verify->next, VERIFY_PIECE);
}

static void verify_done(struct request *request)
{
    struct verify_request *verify = container_of(request, struct verify_request, request);
    struct audit_check *check = &verify->check;
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    *check = verify->next;
    if (!check->is_done) {
        request_read(request, verify_work, verify_done);
        return;
    }
    struct buffer *json = request_result(request);
    buffer_printf(json, "{\"entries\":%lld,\"is_whole\":%s,", (long long)check->count,
                  check->broken_id ? "false" : "true");
    if (check->broken_id)
        buffer_printf(json, "\"broken\":%lld,", (long long)check->broken_id);
    buffer_json_member(json, "digest", check->digest);
    buffer_char(json, '}');
    request_finish(request, STATUS_OK);
}
