/* accounts/user_handlers.c: one's own account and sessions, and what administrators do with accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/state.h"
#include "lib/clock.h"

/* ---- me ---- */

void me_start(struct request *request)
{
    const struct permissions *permissions = request_permissions(request);
    struct buffer *json = request_result(request);
    buffer_text(json, "{\"user\":");
    user_print(json, request->actor.user_id, request->actor.name, permissions_is_superuser(permissions, &request->actor));
    buffer_text(json, ",\"permissions\":");
    permissions_print(permissions, &request->actor, json);
    buffer_char(json, ',');
    buffer_json_member(json, "csrf", request->csrf);
    buffer_char(json, '}');
    request_finish(request, STATUS_OK);
}

static void sessions_end(struct request *request, int64_t user_id, int64_t except_id)
{
    struct accounts *accounts = request->app;
    struct sessions *sessions = request_sessions(request);
    size_t cursor = 0;
    struct session *session;
    if (!except_id) {
        hub_disconnect(accounts->hub, user_id, 0, 3507, "your session has ended, sign in again");
    } else {
        while ((session = sessions_next(sessions, &cursor)))
            if (session->user_id == user_id && session->id != except_id)
                hub_disconnect(accounts->hub, user_id, session->id, 3507, "your session has ended, sign in again");
    }
    sessions_remove_user(sessions, user_id, except_id);
}

/* ---- change one's password: the old one is compared, then the new one hashed ---- */

static enum status password_select_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    user_clear(&account->user);
    return user_select_id(db, request->actor.user_id, &account->user);
}

static enum status password_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "UPDATE user SET password_hash = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1", "iti",
                        request->actor.user_id, account->hash.hash, clock_wall_ms());
    if (status == STATUS_OK)
        status = sessions_delete(db, request->actor.user_id, request->actor.session_id);
    if (status == STATUS_OK)
        db_acl_changed(db);
    return status;
}

static void password_done(struct request *request)
{
    if (request->status == STATUS_OK)
        sessions_end(request, request->actor.user_id, request->actor.session_id);
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

static void password_hashed(struct hash_job *job)
{
    struct request *request = &container_of(job, struct account_request, hash)->request;
    if (job->is_fine)
        request_write(request, password_work, password_done);
    else
        request_finish(request, FAULT("a password could not be hashed"));
}

static void password_verified(struct hash_job *job)
{
    struct request *request = &container_of(job, struct account_request, hash)->request;
    struct account_request *account = account_request(request);
    if (!job->is_fine) {
        request_invalid(request, "/old", "This is not your present password.");
        request_finish(request, STATUS_INVALID);
        return;
    }
    account->hash.expected[0] = '\0';
    if (!password_read(request, "new", true))
        request_finish(request, STATUS_INVALID);
    else
        account_hash(request, password_hashed);
}

static void password_selected(struct request *request)
{
    struct account_request *account = account_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    snprintf(account->hash.expected, sizeof account->hash.expected, "%s", account->user.password_hash);
    account_hash(request, password_verified);
}

void password_start(struct request *request)
{
    static const char *const names[] = {"old", "new", NULL};
    if (!params_only(request, names) || !password_read(request, "old", false))
        request_finish(request, STATUS_INVALID);
    else if (account_may_try(request, request->actor.name))
        request_read(request, password_select_work, password_selected);
}

/* ---- sessions ---- */

static enum status session_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    char at[CLOCK_TEXT_SIZE];
    SCOPED(rows_end)
    struct rows *rows = db_query(db,
                                 "SELECT id, created_at, used_at, expires_at, peer, agent FROM session "
                                 "WHERE user_id = ?1 AND expires_at > ?2 ORDER BY id DESC LIMIT 200",
                                 "ii", request->actor.user_id, clock_wall_ms());
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

void session_list_start(struct request *request)
{
    request_read(request, session_list_work, NULL);
}

static enum status session_delete_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM session WHERE id = ?1 AND user_id = ?2", "ii", account->target_id,
                        request->actor.user_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return STATUS_NOT_FOUND;
    db_acl_changed(db);
    return status;
}

static void session_delete_done(struct request *request)
{
    struct accounts *accounts = request->app;
    if (request->status == STATUS_OK) {
        int64_t id = account_request(request)->target_id;
        sessions_remove(request_sessions(request), id);
        hub_disconnect(accounts->hub, request->actor.user_id, id, 3507, "your session has ended, sign in again");
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void session_delete_start(struct request *request)
{
    if (param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account_request(request)->target_id))
        request_write(request, session_delete_work, session_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- people ---- */

static enum status user_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    const char *prefix = json_get_text(request->params, "q");
    int64_t limit = 20, last_id = 0;
    bool sees_all = account_request(request)->is_superuser;
    char folded[NAME_SIZE], after[NAME_SIZE + 1];
    param_int(request, "limit", PARAM_OPTIONAL, 1, 50, &limit);
    name_fold(prefix ? prefix : "", folded);
    /* Names are ASCII, so this ends behind everything that begins with the prefix. */
    snprintf(after, sizeof after, "%s\x7f", folded);
    SCOPED(rows_end)
    struct rows *rows = db_query(db,
                                 "SELECT id, name, superuser, disabled FROM user WHERE name_folded >= ?1 AND name_folded < ?2 "
                                 "AND (?3 OR disabled = 0) ORDER BY name_folded LIMIT ?4",
                                 "ttii", folded, after, (int64_t)sees_all, limit);
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        last_id = rows_int(rows, 0);
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)last_id);
        buffer_json_member(json, "name", rows_text(rows, 1, NULL));
        if (sees_all)
            buffer_printf(json, ",\"superuser\":%s,\"disabled\":%s", rows_int(rows, 2) ? "true" : "false",
                          rows_int(rows, 3) ? "true" : "false");
        buffer_char(json, '}');
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

void user_list_start(struct request *request)
{
    static const char *const names[] = {"q", "limit", NULL};
    const char *prefix = NULL;
    int64_t limit = 20;
    account_request(request)->is_superuser = permissions_is_superuser(request_permissions(request), &request->actor);
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "q", PARAM_OPTIONAL, 0, NAME_CHARACTERS_MAX, &prefix);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, 50, &limit);
    if (is_fine)
        request_read(request, user_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- change an account (administrators) ---- */

static enum status user_update_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    struct user *user = &account->user;
    int64_t others = 0, id = account->target_id;
    enum status status = request_recheck(request, db);
    user_clear(user);
    if (status == STATUS_OK)
        status = user_select_id(db, id, user);
    if (status == STATUS_OK)
        status = superusers_count(db, id, &others);
    if (status != STATUS_OK)
        return status;
    bool was_admin = user->is_superuser && !user->is_disabled;
    if (account->sets_superuser)
        user->is_superuser = account->is_superuser;
    if (account->sets_disabled)
        user->is_disabled = account->is_disabled;
    if (was_admin && !others && (!user->is_superuser || user->is_disabled))
        return request_refuse(request, STATUS_CONFLICT, "This is the last administrator: make another one first.");
    status = db_run(db,
                    "UPDATE user SET superuser = ?2, disabled = ?3, password_hash = CASE WHEN ?4 THEN ?5 ELSE password_hash END, "
                    "updated_at = ?6, version = version + 1 WHERE id = ?1",
                    "iiiiti", id, (int64_t)user->is_superuser, (int64_t)user->is_disabled, (int64_t)account->has_password,
                    account->hash.hash, clock_wall_ms());
    if (status == STATUS_OK && (user->is_disabled || account->has_password))
        status = sessions_delete(db, id, account->has_password && id == request->actor.user_id ? request->actor.session_id : 0);
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"user\":%lld,\"superuser\":%s,\"disabled\":%s,\"password\":%s}", (long long)id,
                  user->is_superuser ? "true" : "false", user->is_disabled ? "true" : "false",
                  account->has_password ? "true" : "false");
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO audit(at, user_id, action, detail) VALUES (?1, nullif(?2, 0), 'user.update', ?3)", "iit",
                        clock_wall_ms(), request->actor.user_id, detail.bytes);
    db_acl_changed(db);
    return status;
}

static void user_update_done(struct request *request)
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    const struct user *user = &account->user;
    if (request->status == STATUS_OK) {
        permissions_set_superuser(request_permissions(request), user->id, user->is_superuser && !user->is_disabled);
        if (user->is_disabled)
            sessions_end(request, user->id, 0);
        else if (account->has_password)
            sessions_end(request, user->id, user->id == request->actor.user_id ? request->actor.session_id : 0);
        if (account->sets_superuser)
            hub_recheck(accounts->hub, user->id);
        user_print(request_result(request), user->id, user->name, user->is_superuser);
    }
    request_finish(request, request->status);
}

static void user_update_hashed(struct hash_job *job)
{
    struct request *request = &container_of(job, struct account_request, hash)->request;
    if (job->is_fine)
        request_write(request, user_update_work, user_update_done);
    else
        request_finish(request, FAULT("a password could not be hashed"));
}

void user_update_start(struct request *request)
{
    static const char *const names[] = {"id", "disabled", "superuser", "password", NULL};
    struct account_request *account = account_request(request);
    bool is_fine = params_only(request, names);
    account->sets_disabled = json_get(request->params, "disabled") != NULL;
    account->sets_superuser = json_get(request->params, "superuser") != NULL;
    account->has_password = json_get(request->params, "password") != NULL;
    is_fine &= param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account->target_id);
    is_fine &= param_bool(request, "disabled", PARAM_OPTIONAL, &account->is_disabled);
    is_fine &= param_bool(request, "superuser", PARAM_OPTIONAL, &account->is_superuser);
    if (account->has_password)
        is_fine &= password_read(request, "password", true);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (account->has_password)
        account_hash(request, user_update_hashed);
    else
        request_write(request, user_update_work, user_update_done);
}
