/* accounts/user_handlers.c: one's own account, and what administrators do with accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/state.h"
#include "lib/clock.h"
#include "lib/log.h"

#define OLD_IS_WRONG "This is not your present password."

/* ---- me ---- */

void me_start(struct request *request)
{
    const struct permissions *permissions = request_permissions(request);
    struct buffer *json = request_result(request);
    if (!params_only(request, NULL)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    buffer_text(json, "{\"user\":");
    user_print(json, request->actor.user_id, request->actor.name,
               permissions_is_superuser(permissions, &request->actor));
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
        hub_disconnect(accounts->hub, user_id, 0, 3507, SESSION_OVER);
    } else {
        while ((session = sessions_next(sessions, &cursor)))
            if (session->user_id == user_id && session->id != except_id)
                hub_disconnect(accounts->hub, user_id, session->id, 3507, SESSION_OVER);
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
    struct user now = {0};
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = user_select_id(db, request->actor.user_id, &now);
    /* Two changes at once began with the same old password: it is right for the first only. */
    bool is_same = status == STATUS_OK && strcmp(now.password_hash, account->user.password_hash) == 0;
    user_clear(&now);
    if (status == STATUS_OK && !is_same)
        return request_invalid(request, "/old", OLD_IS_WRONG);
    if (status == STATUS_OK)
        status = row_change_before(&account->change, request, db, "user", request->actor.user_id);
    if (status == STATUS_OK)
        status = db_run(db, "UPDATE user SET password_hash = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1",
                        "iti", request->actor.user_id, account->hash.hash, clock_wall_ms());
    if (status == STATUS_OK)
        status = row_change_after(&account->change, db, request->actor.user_id);
    if (status == STATUS_OK)
        status = sessions_delete(db, request->actor.user_id, request->actor.session_id);
    if (status == STATUS_OK)
        status = audit_user(db, request->actor.user_id, "user.password", &account->user, &account->user, true);
    if (status == STATUS_OK)
        db_acl_changed(db);
    return status;
}

static void password_done(struct request *request)
{
    if (request->status == STATUS_OK) {
        sessions_end(request, request->actor.user_id, request->actor.session_id);
        row_change_announce(&account_request(request)->change, request->dispatch);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

static void password_hashed(struct request *request)
{
    request_write(request, password_work, password_done);
}

static void password_verified(struct request *request)
{
    struct account_request *account = account_request(request);
    if (!account->hash.is_fine) {
        request_invalid(request, "/old", OLD_IS_WRONG);
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
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    /* An account without a password has none that could be right; an empty hash would mean to make one. */
    const char *expected = account->user.password_hash[0] ? account->user.password_hash : accounts->dummy_hash;
    snprintf(account->hash.expected, sizeof account->hash.expected, "%s", expected);
    account_hash(request, password_verified);
}

void password_start(struct request *request)
{
    static const char *const names[] = {"old", "new", NULL};
    const struct accounts *accounts = request->app;
    const char *password;
    bool is_fine = params_only(request, names);
    /* The new one is looked at first, as the old one is hashed for nothing otherwise; it is read when its turn comes.
     */
    is_fine &= param_text(request, "new", PARAM_REQUIRED, (size_t)accounts->settings->account_password_min,
                          PASSWORD_BYTES_MAX, &password);
    is_fine &= password_read(request, "old", false);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (account_may_try(request, request->actor.name))
        request_read(request, password_select_work, password_selected);
}

/* ---- change an account (administrators) ---- */

/* The session that an administrator who sets his own password goes on with; 0: none. */
static int64_t session_kept(const struct request *request, const struct user *user)
{
    return user->id == request->actor.user_id && !user->is_disabled ? request->actor.session_id : 0;
}

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
    const struct user before = *user;
    /* Who has no password cannot sign in, and is no administrator to rely on. */
    bool was_admin = user->is_superuser && !user->is_disabled && user->password_hash[0];
    if (account->sets_superuser)
        user->is_superuser = account->is_superuser;
    if (account->sets_disabled)
        user->is_disabled = account->is_disabled;
    if (was_admin && !others && (!user->is_superuser || user->is_disabled))
        return STATUS_LAST_ADMINISTRATOR;
    status = row_change_before(&account->change, request, db, "user", id);
    if (status != STATUS_OK)
        return status;
    status = db_run(
        db,
        "UPDATE user SET superuser = ?2, disabled = ?3, password_hash = CASE WHEN ?4 THEN ?5 ELSE password_hash END, "
        "updated_at = ?6, version = version + 1 WHERE id = ?1",
        "iiiiti", id, (int64_t)user->is_superuser, (int64_t)user->is_disabled, (int64_t)account->has_password,
        account->hash.hash, clock_wall_ms());
    if (status == STATUS_OK)
        status = row_change_after(&account->change, db, id);
    if (status == STATUS_OK && (user->is_disabled || account->has_password))
        status = sessions_delete(db, id, session_kept(request, user));
    if (status == STATUS_OK)
        status = audit_user(db, request->actor.user_id, "user.update", &before, user, account->has_password);
    db_acl_changed(db);
    return status;
}

/* What the person listens to is looked at again, and the person's own windows show what is possible now. */
static void rights_changed(struct accounts *accounts, int64_t user_id)
{
    static const char event[] = "{\"event\":\"permissions\"}";
    char feed[40];
    snprintf(feed, sizeof feed, "user:%lld", (long long)user_id);
    hub_recheck(accounts->hub, user_id);
    hub_publish(accounts->hub, feed, 0, event, sizeof event - 1);
}

static void user_update_done(struct request *request)
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    const struct user *user = &account->user;
    bool is_admin = user->is_superuser && !user->is_disabled;
    if (request->status == STATUS_OK) {
        if (!permissions_set_superuser(request_permissions(request), user->id, is_admin))
            log_error("account.memory",
                      "a change of an administrator is not in force before the next start: no memory");
        if (is_admin)
            accounts->setup_token[0] = '\0';
        if (user->is_disabled || account->has_password)
            sessions_end(request, user->id, session_kept(request, user));
        if (account->sets_superuser)
            rights_changed(accounts, user->id);
        row_change_announce(&account->change, request->dispatch);
        user_print(request_result(request), user->id, user->name, user->is_superuser);
    }
    request_finish(request, request->status);
}

static void user_update_hashed(struct request *request)
{
    request_write(request, user_update_work, user_update_done);
}

void user_update_start(struct request *request)
{
    static const char *const names[] = {"id", "disabled", "superuser", "password", NULL};
    struct account_request *account = account_request(request);
    bool is_fine = params_only(request, names);
    account->sets_disabled = param_is_given(request, "disabled");
    account->sets_superuser = param_is_given(request, "superuser");
    account->has_password = param_is_given(request, "password");
    is_fine &= param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &account->target_id);
    is_fine &= param_bool(request, "disabled", PARAM_OPTIONAL, &account->is_disabled);
    is_fine &= param_bool(request, "superuser", PARAM_OPTIONAL, &account->is_superuser);
    if (account->has_password)
        is_fine &= password_read(request, "password", true);
    if (!account->sets_disabled && !account->sets_superuser && !account->has_password)
        is_fine = request_invalid(request, "", "Say what to change: disabled, superuser or password.") == STATUS_OK;
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (account->has_password)
        account_hash(request, user_update_hashed);
    else
        request_write(request, user_update_work, user_update_done);
}
