/* accounts/login_handlers.c: registering, signing in and out, the first administrator. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/state.h"
#include "lib/clock.h"
#include "lib/log.h"

static void insert_hashed(struct request *request);
static enum status insert_work(struct request *request, struct db *db);
static void insert_done(struct request *request);
static enum status login_select_work(struct request *request, struct db *db);
static void login_selected(struct request *request);
static void login_verified(struct request *request);
static enum status login_work(struct request *request, struct db *db);
static void login_done(struct request *request);

/* ---- what they share ---- */

void account_request_free(struct request *request)
{
    struct account_request *account = account_request(request);
    sodium_memzero(account->hash.password, sizeof account->hash.password);
    sodium_memzero(account->token, sizeof account->token);
    user_clear(&account->user);
    row_change_free(&account->change);
}

bool password_read(struct request *request, const char *name, bool is_new)
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    size_t least = is_new ? (size_t)accounts->settings->account_password_min : 1;
    const char *password = NULL;
    if (!param_text(request, name, PARAM_REQUIRED, least, PASSWORD_BYTES_MAX, &password))
        return false;
    size_t length = strlen(password);
    if (length > PASSWORD_BYTES_MAX) {
        char pointer[PARAM_POINTER_SIZE];
        request_invalid(request, param_pointer(name, pointer), "This is longer than %d bytes.", PASSWORD_BYTES_MAX);
        return false;
    }
    memcpy(account->hash.password, password, length + 1);
    cJSON *item = cJSON_GetObjectItemCaseSensitive(request->params, name);
    sodium_memzero(item->valuestring, length);
    return true;
}

bool account_may_try(struct request *request, const char *account)
{
    struct accounts *accounts = request->app;
    char folded[NAME_SIZE];
    name_fold(account ? account : "", folded);
    int64_t wait_s;
    if (request->actor.is_shell ||
        throttle_take(accounts->throttle, request->peer, account ? folded : NULL, clock_monotonic_ms(), &wait_s))
        return true;
    request->retry_after_s = wait_s;
    request_refuse(request, STATUS_TOO_MANY, "Too many tries from here: wait %lld s and try again.", (long long)wait_s);
    request_finish(request, STATUS_TOO_MANY);
    return false;
}

static void hash_done(struct hash_job *job)
{
    struct account_request *account = container_of(job, struct account_request, hash);
    if (!job->has_run)
        request_finish(&account->request, STATUS_UNAVAILABLE);
    else if (!job->expected[0] && !job->is_fine)
        request_finish(&account->request, FAULT("no memory to hash a password (account.hash_memory_kib)"));
    else
        account->hashed(&account->request);
}

void account_hash(struct request *request, void (*hashed)(struct request *request))
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    account->hashed = hashed;
    account->hash.done = hash_done;
    if (hasher_submit(accounts->hasher, &account->hash))
        return;
    request->retry_after_s = 1;
    request_refuse(request, STATUS_TOO_MANY, "Many people are signing in just now: try again in a moment.");
    request_finish(request, STATUS_TOO_MANY);
}

void session_prepare(struct account_request *account, int64_t user_id, const char *name)
{
    struct accounts *accounts = account->request.app;
    int64_t now_ms = clock_wall_ms();
    random_token(account->token);
    account->session = (struct session){.user_id = user_id,
                                        .created_ms = now_ms,
                                        .used_ms = now_ms,
                                        .stored_ms = now_ms,
                                        .expires_ms = now_ms + accounts->settings->account_session_s * 1000};
    digest_text(account->token, strlen(account->token), account->session.digest);
    memmove(account->name, name, strlen(name) + 1);
    account->session.name = account->name;
}

void user_print(struct buffer *json, int64_t id, const char *name, bool is_superuser)
{
    buffer_printf(json, "{\"id\":%lld,", (long long)id);
    buffer_json_member(json, "name", name);
    buffer_printf(json, ",\"superuser\":%s}", is_superuser ? "true" : "false");
}

enum status session_begin(struct account_request *account, bool is_superuser)
{
    struct request *request = &account->request;
    char csrf[RANDOM_TOKEN_SIZE];
    if (!sessions_add(request_sessions(request), &account->session))
        return FAULT("no memory for a session");
    request->session_token = strdup(account->token);
    struct buffer *json = request_result(request);
    buffer_text(json, "{\"user\":");
    user_print(json, account->session.user_id, account->name, is_superuser);
    buffer_char(json, ',');
    buffer_json_member(json, "csrf", session_csrf(account->token, csrf));
    buffer_char(json, '}');
    return request->session_token ? STATUS_OK : FAULT("no memory");
}

/* ---- registering, and the first administrator ---- */

/* Only what surely is none: mail servers decide the rest. */
static bool email_is_possible(const char *email)
{
    const char *at = strchr(email, '@');
    for (const char *c = email; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("<>,;", *c))
            return false;
    return at && at != email && at[1];
}

static bool new_user_read(struct request *request, const char *const *names)
{
    struct account_request *account = account_request(request);
    const char *name = NULL;
    bool is_fine = params_only(request, names);
    if (param_text(request, "name", PARAM_REQUIRED, 1, 200, &name)) {
        const char *why = name_check_new(name);
        if (why) {
            request_invalid(request, "/name", "%s", why);
            is_fine = false;
        } else {
            strcpy(account->name, name);
        }
    } else {
        is_fine = false;
    }
    if (param_text(request, "email", PARAM_OPTIONAL, 3, 254, &account->email)) {
        if (account->email && !email_is_possible(account->email)) {
            request_invalid(request, "/email", "This is not an e-mail address.");
            is_fine = false;
        }
    } else {
        is_fine = false;
    }
    return password_read(request, "password", true) && is_fine;
}

void register_start(struct request *request)
{
    struct accounts *accounts = request->app;
    if (strcmp(accounts->settings->account_registration, "open") != 0) {
        request_refuse(request, STATUS_FORBIDDEN, "Registration is closed: ask an administrator for an account.");
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    static const char *const names[] = {"name", "password", "email", NULL};
    if (!new_user_read(request, names)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    account_request(request)->has_signed_in = true;
    if (account_may_try(request, NULL))
        account_hash(request, insert_hashed);
}

static bool setup_is_open(struct accounts *accounts, const char *token)
{
    return token && accounts->setup_token[0] && clock_monotonic_ms() < accounts->setup_until_ms &&
           digest_equal(token, accounts->setup_token);
}

void setup_detail_start(struct request *request)
{
    static const char *const names[] = {"token", NULL};
    const char *token = json_get_text(request->params, "token");
    if (!params_only(request, names))
        request_finish(request, STATUS_INVALID);
    else
        request_finish(request, setup_is_open(request->app, token) ? STATUS_NO_CONTENT : STATUS_NOT_FOUND);
}

void setup_create_start(struct request *request)
{
    struct account_request *account = account_request(request);
    if (!account_may_try(request, "setup"))
        return;
    if (!setup_is_open(request->app, json_get_text(request->params, "token"))) {
        request_finish(request, STATUS_NOT_FOUND);
        return;
    }
    static const char *const names[] = {"name", "password", "email", "token", NULL};
    if (!new_user_read(request, names)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    account->is_superuser = account->sets_superuser = account->has_signed_in = true;
    account_hash(request, insert_hashed);
}

void user_create_start(struct request *request)
{
    static const char *const names[] = {"name", "password", "email", "superuser", NULL};
    struct account_request *account = account_request(request);
    bool is_fine = new_user_read(request, names);
    if (param_bool(request, "superuser", PARAM_OPTIONAL, &account->is_superuser) && is_fine)
        account_hash(request, insert_hashed);
    else
        request_finish(request, STATUS_INVALID);
}

static void insert_hashed(struct request *request)
{
    request_write(request, insert_work, insert_done);
}

/* Who registers by himself has no more rights than anybody; all other ways to make an account are recorded. */
static enum status insert_audit(struct request *request, struct db *db, int64_t user_id)
{
    const struct account_request *account = account_request(request);
    if (account->has_signed_in && !account->is_superuser)
        return STATUS_OK;
    struct user made = {.id = user_id, .is_superuser = account->is_superuser};
    memcpy(made.name, account->name, sizeof made.name);
    return audit_user(db, account->has_signed_in ? user_id : request->actor.user_id,
                      account->has_signed_in ? "setup" : "user.create", NULL, &made, true);
}

static enum status insert_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    int64_t user_id = 0, others = 0;
    enum status status = request_recheck(request, db);
    /* The set-up link makes one administrator, whoever raced for it. */
    if (status == STATUS_OK && account->sets_superuser && account->has_signed_in) {
        status = superusers_count(db, 0, &others);
        if (status == STATUS_OK && others)
            return STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        status = row_change_before(&account->change, request, db, "user", 0);
    if (status == STATUS_OK)
        status = user_insert(db, account->name, account->email, account->hash.hash, account->is_superuser, &user_id);
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "This name or e-mail address is taken: choose another.");
    if (status == STATUS_OK)
        status = insert_audit(request, db, user_id);
    if (status == STATUS_OK)
        status = row_change_after(&account->change, db, user_id);
    if (status != STATUS_OK)
        return status;
    if (account->is_superuser)
        db_acl_changed(db);
    account->user.id = user_id;
    if (!account->has_signed_in)
        return STATUS_OK;
    session_prepare(account, user_id, account->name);
    return session_insert(db, &account->session, request->peer, request->agent);
}

static void insert_done(struct request *request)
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    if (account->is_superuser) {
        if (!permissions_set_superuser(request_permissions(request), account->user.id, true))
            log_error("account.memory", "an administrator has no rights before the next start: no memory");
        accounts->setup_token[0] = '\0';
    }
    row_change_announce(&account->change, request->dispatch);
    enum status status = STATUS_OK;
    if (account->has_signed_in) {
        status = session_begin(account, account->is_superuser);
    } else {
        request->created_id = account->user.id;
        user_print(request_result(request), account->user.id, account->name, account->is_superuser);
    }
    request_finish(request, status == STATUS_OK ? STATUS_CREATED : status);
}

/* ---- signing in ---- */

void login_start(struct request *request)
{
    static const char *const names[] = {"name", "password", NULL};
    struct account_request *account = account_request(request);
    const char *name = NULL;
    if (!params_only(request, names) || !param_text(request, "name", PARAM_REQUIRED, 1, 200, &name) ||
        !password_read(request, "password", false)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    /* A name that cannot exist goes the same way as one that does not. */
    strcpy(account->name, name_check(name) ? "" : name);
    if (account_may_try(request, name))
        request_read(request, login_select_work, login_selected);
}

static enum status login_select_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    user_clear(&account->user);
    enum status status = user_select(db, account->name, &account->user);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void login_selected(struct request *request)
{
    struct accounts *accounts = request->app;
    struct account_request *account = account_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    bool has_password = account->user.id && !account->user.is_disabled && account->user.password_hash[0];
    snprintf(account->hash.expected, sizeof account->hash.expected, "%s",
             has_password ? account->user.password_hash : accounts->dummy_hash);
    account->has_password = has_password;
    account_hash(request, login_verified);
}

static void login_verified(struct request *request)
{
    struct account_request *account = account_request(request);
    if (account->hash.is_fine && account->has_password) {
        request_write(request, login_work, login_done);
        return;
    }
    request_refuse(request, STATUS_UNAUTHENTICATED, "This name and password do not belong together.");
    request_finish(request, STATUS_UNAUTHENTICATED);
}

static enum status login_work(struct request *request, struct db *db)
{
    struct account_request *account = account_request(request);
    struct user now = {0};
    enum status status = user_select_id(db, account->user.id, &now);
    /* Disabled, or the password was changed, while it was compared. */
    bool is_same =
        status == STATUS_OK && !now.is_disabled && strcmp(now.password_hash, account->user.password_hash) == 0;
    account->user.is_superuser = now.is_superuser;
    user_clear(&now);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (!is_same)
        return request_refuse(request, STATUS_UNAUTHENTICATED, "This name and password do not belong together.");
    if (account->hash.hash[0]) {
        status =
            db_run(db, "UPDATE user SET password_hash = ?2 WHERE id = ?1", "it", account->user.id, account->hash.hash);
        if (status != STATUS_OK)
            return status;
    }
    if (request->actor.session_id && !request->actor.is_token) {
        db_acl_changed(db);
        status = db_run(db, "DELETE FROM session WHERE id = ?1", "i", request->actor.session_id);
        if (status != STATUS_OK)
            return status;
    }
    session_prepare(account, account->user.id, account->user.name);
    return session_insert(db, &account->session, request->peer, request->agent);
}

/* The session whose cookie came with the request: the new one takes its place. An API token stays what it is. */
static void session_end(struct request *request)
{
    struct accounts *accounts = request->app;
    if (!request->actor.session_id || request->actor.is_token)
        return;
    sessions_remove(request_sessions(request), request->actor.session_id);
    hub_disconnect(accounts->hub, request->actor.user_id, request->actor.session_id, 3507, SESSION_OVER);
}

static void login_done(struct request *request)
{
    struct account_request *account = account_request(request);
    enum status status = request->status;
    if (status == STATUS_OK) {
        session_end(request);
        status = session_begin(account, account->user.is_superuser);
    }
    request_finish(request, status);
}

/* ---- signing out ---- */

static enum status logout_work(struct request *request, struct db *db)
{
    db_acl_changed(db);
    return db_run(db, "DELETE FROM session WHERE id = ?1", "i", request->actor.session_id);
}

static void logout_done(struct request *request)
{
    if (request->status == STATUS_OK) {
        session_end(request);
        request->session_token = strdup("");
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void logout_start(struct request *request)
{
    if (!params_only(request, NULL)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (request->actor.session_id) {
        request_write(request, logout_work, logout_done);
        return;
    }
    request->session_token = strdup("");
    request_finish(request, STATUS_NO_CONTENT);
}
