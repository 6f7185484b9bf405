/* accounts/session_handlers.c: sessions: one's own, and what administrators do with those of others. */
#include <string.h>
#include "accounts/state.h"
#include "lib/clock.h"

/* ---- one's own ---- */

/* Those that @user_id is signed in with; API tokens are no such sessions. */
static enum status sessions_select(struct request *request, struct db *db, int64_t user_id)
{
    struct accounts *accounts = request->app;
    struct buffer *json = request_result(request);
    char at[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_wall_ms();
    SCOPED(rows_end)
    struct rows *rows = db_query(db,
                                 "SELECT id, created_at, used_at, expires_at, peer, agent FROM session "
                                 "WHERE user_id = ?1 AND scopes IS NULL AND expires_at > ?2 AND (used_at > ?3 OR id = "
                                 "?4) ORDER BY id DESC LIMIT 200",
                                 "iiii", user_id, now_ms, now_ms - accounts->settings->account_session_idle_s * 1000,
                                 request->actor.session_id);
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)rows_int(rows, 0));
        buffer_json_member(json, "created_at", clock_text(rows_int(rows, 1), at));
        buffer_char(json, ',');
        buffer_json_member(json, "used_at", clock_text(rows_int(rows, 2), at));
        buffer_char(json, ',');
        buffer_json_member(json, "expires_at", clock_text(rows_int(rows, 3), at));
        buffer_char(json, ',');
        buffer_json_member(json, "peer", rows_text(rows, 4, NULL));
        buffer_char(json, ',');
        buffer_json_member(json, "agent", rows_text(rows, 5, NULL));
        buffer_printf(json, ",\"current\":%s}", rows_int(rows, 0) == request->actor.session_id ? "true" : "false");
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

static enum status session_list_work(struct request *request, struct db *db)
{
    return sessions_select(request, db, request->actor.user_id);
}

void session_list_start(struct request *request)
{
    if (params_only(request, NULL))
        request_read(request, session_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status session_delete_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM session WHERE id = ?1 AND user_id = ?2 AND scopes IS NULL", "ii",
                        account->target_id, request->actor.user_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return STATUS_NOT_FOUND;
    db_acl_changed(db);
    return status;
}

/* It ended in the data base: now in memory, for open sockets, and for the cookie of who asks. */
static void session_end(struct request *request, int64_t user_id, int64_t id)
{
    struct accounts *accounts = request->app;
    sessions_remove(request_sessions(request), id);
    hub_disconnect(accounts->hub, user_id, id, 3507, SESSION_OVER);
    if (id == request->actor.session_id)
        request->session_token = strdup("");
}

static void session_delete_done(struct request *request)
{
    if (request->status == STATUS_OK)
        session_end(request, request->actor.user_id, account_request(request)->target_id);
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void session_delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account_request(request)->target_id))
        request_write(request, session_delete_work, session_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- somebody's (administrators) ---- */

static enum status user_session_list_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    user_clear(&account->user);
    enum status status = user_select_id(db, account->target_id, &account->user);
    return status == STATUS_OK ? sessions_select(request, db, account->target_id) : status;
}

void user_session_list_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account_request(request)->target_id))
        request_read(request, user_session_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* @what: "session" and its id, or "sessions" and how many. */
static enum status session_audit(struct request *request, struct db *db, const char *what, int64_t number)
{
    const struct user *user = &account_request(request)->user;
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"user\":%lld,", (long long)user->id);
    buffer_json_member(&detail, "name", user->name);
    buffer_printf(&detail, ",\"%s\":%lld}", what, (long long)number);
    return audit_insert(db, request->actor.user_id, "session.delete", &detail);
}

static enum status user_session_delete_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    int64_t id = account->session.id; /* 0: all */
    enum status status = request_recheck(request, db);
    user_clear(&account->user);
    if (status == STATUS_OK)
        status = user_select_id(db, account->target_id, &account->user);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM session WHERE user_id = ?1 AND scopes IS NULL AND (?2 = 0 OR id = ?2)", "ii",
                        account->target_id, id);
    if (status != STATUS_OK)
        return status;
    int64_t count = db_changes(db);
    if (!count)
        return id ? STATUS_NOT_FOUND : STATUS_OK; /* nothing to record */
    db_acl_changed(db);
    return id ? session_audit(request, db, "session", id) : session_audit(request, db, "sessions", count);
}

static void user_session_delete_done(struct request *request)
{
    const struct account_request *account = account_request(request);
    struct sessions *sessions = request_sessions(request);
    if (request->status == STATUS_OK && account->session.id) {
        session_end(request, account->target_id, account->session.id);
    } else if (request->status == STATUS_OK) {
        const struct session *session;
        size_t cursor = 0;
        /* The one just returned may be removed. */
        while ((session = sessions_next(sessions, &cursor)))
            if (session->user_id == account->target_id && !session->scopes)
                session_end(request, account->target_id, session->id);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void user_session_delete_start(struct request *request)
{
    static const char *const names[] = {"id", "session", NULL};
    struct account_request *account = account_request(request);
    if (params_only(request, names) && param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account->target_id) &&
        param_int(request, "session", PARAM_REQUIRED, 1, INT64_MAX, &account->session.id))
        request_write(request, user_session_delete_work, user_session_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}

void user_session_delete_all_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account_request(request)->target_id))
        request_write(request, user_session_delete_work, user_session_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}
