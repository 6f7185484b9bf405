/* acl/audit_handlers.c: the record of changes, for administrators: read it, and check that it is whole. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"

/* Entries checked in one job of a reader: a long record must not keep others waiting. */
#define VERIFY_PIECE 5000

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
    {"audit.list", HTTP_M_GET, "audit", ROUTE_SUPERUSER, NULL, 0, list_start, 0, NULL},
    {"audit.verify", HTTP_M_GET, "audit/verify", ROUTE_SUPERUSER, NULL, 0, verify_start, sizeof(struct verify_request),
     NULL},
};
const size_t audit_routes_count = ARRAY_LENGTH(audit_routes);

/* ---- list ---- */

static void list_start(struct request *request)
{
    static const char *const names[] = {"action", "user", "since", "before", "limit", NULL};
    int64_t number;
    const char *text;
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "action", PARAM_OPTIONAL, 1, 64, &text);
    is_fine &= param_int(request, "user", PARAM_OPTIONAL, 0, INT64_MAX, &number);
    is_fine &= param_int(request, "since", PARAM_OPTIONAL, 0, INT64_MAX, &number);
    is_fine &= param_int(request, "before", PARAM_OPTIONAL, 1, INT64_MAX, &number);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, 200, &number);
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

static enum status list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    int64_t user = -1, since = 0, before = INT64_MAX, limit = 50, last = 0, count = 0;
    char at[CLOCK_TEXT_SIZE];
    param_int(request, "user", PARAM_OPTIONAL, 0, INT64_MAX, &user);
    param_int(request, "since", PARAM_OPTIONAL, 0, INT64_MAX, &since);
    param_int(request, "before", PARAM_OPTIONAL, 1, INT64_MAX, &before);
    param_int(request, "limit", PARAM_OPTIONAL, 1, 200, &limit);
    struct rows *rows =
        db_query(db,
                 "SELECT audit.id, at, audit.user_id, user.name, action, detail FROM audit LEFT JOIN user "
                 "ON user.id = audit.user_id WHERE audit.id < ?1 AND audit.id > ?2 AND (?3 IS NULL OR action = ?3) "
                 "AND (?4 < 0 OR ifnull(audit.user_id, 0) = ?4) ORDER BY audit.id DESC LIMIT ?5",
                 "iitii", before, since, json_get_text(request->params, "action"), user, limit);
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",", count++) {
        const char *action = rows_text(rows, 4, NULL);
        last = rows_int(rows, 0);
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)last);
        buffer_json_member(json, "at", clock_text(rows_int(rows, 1), at));
        buffer_char(json, ',');
        if (!rows_is_null(rows, 2))
            buffer_printf(json, "\"user\":%lld,", (long long)rows_int(rows, 2));
        buffer_json_member(json, "name", rows_is_null(rows, 2) ? nobody_name(action) : rows_text(rows, 3, NULL));
        buffer_char(json, ',');
        buffer_json_member(json, "action", action);
        buffer_printf(json, ",\"detail\":%s}", rows_text(rows, 5, NULL));
    }
    if (count == limit)
        buffer_printf(json, "],\"next\":%lld}", (long long)last);
    else
        buffer_text(json, "],\"next\":null}");
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
