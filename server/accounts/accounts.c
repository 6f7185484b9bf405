/* accounts/accounts.c: the application: its routes, what it loads, what it does now and then. */
#include "accounts/accounts.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/state.h"
#include "base/scopes.h"
#include "lib/clock.h"
#include "lib/log.h"

#define SETUP_MS       (60 * 60 * 1000)
#define USED_WRITE_MS  60000
#define USED_WRITE_MAX 1000 /* sessions written in one transaction */

const struct route account_routes[] = {
    {"account.register", HTTP_M_POST, "register", ROUTE_OPEN | ROUTE_HTTP_ONLY, NULL, 0, register_start,
     sizeof(struct account_request), account_request_free},
    {"account.login", HTTP_M_POST, "login", ROUTE_OPEN | ROUTE_HTTP_ONLY, NULL, 0, login_start,
     sizeof(struct account_request), account_request_free},
    {"account.logout", HTTP_M_POST, "logout", ROUTE_SIGNED_IN | ROUTE_HTTP_ONLY, NULL, 0, logout_start, 0, NULL},
    {"account.password", HTTP_M_POST, "me/password", ROUTE_SIGNED_IN, NULL, 0, password_start,
     sizeof(struct account_request), account_request_free},
    {"setup.detail", HTTP_M_GET, "setup", ROUTE_OPEN | ROUTE_HTTP_ONLY, NULL, 0, setup_detail_start, 0, NULL},
    {"setup.create", HTTP_M_POST, "setup", ROUTE_OPEN | ROUTE_HTTP_ONLY, NULL, 0, setup_create_start,
     sizeof(struct account_request), account_request_free},
    {"me.detail", HTTP_M_GET, "me", ROUTE_SIGNED_IN | ROUTE_TOKEN_OK, NULL, 0, me_start, 0, NULL},
    {"session.list", HTTP_M_GET, "session", ROUTE_SIGNED_IN, NULL, 0, session_list_start, 0, NULL},
    {"session.delete", HTTP_M_DELETE, "session/:id", ROUTE_SIGNED_IN, NULL, 0, session_delete_start,
     sizeof(struct account_request), account_request_free},
    {"user_session.list", HTTP_M_GET, "user/:id/session", ROUTE_SUPERUSER, NULL, 0, user_session_list_start,
     sizeof(struct account_request), account_request_free},
    {"user_session.delete", HTTP_M_DELETE, "user/:id/session/:session", ROUTE_SUPERUSER, NULL, 0,
     user_session_delete_start, sizeof(struct account_request), account_request_free},
    {"user_session.delete_all", HTTP_M_DELETE, "user/:id/session", ROUTE_SUPERUSER, NULL, 0,
     user_session_delete_all_start, sizeof(struct account_request), account_request_free},
    {"user.create", HTTP_M_POST, "user", ROUTE_SUPERUSER, NULL, 0, user_create_start, sizeof(struct account_request),
     account_request_free},
    {"user.update", HTTP_M_PATCH, "user/:id", ROUTE_SUPERUSER, NULL, 0, user_update_start,
     sizeof(struct account_request), account_request_free},
};
const size_t account_routes_count = ARRAY_LENGTH(account_routes);

static enum status feed_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static void used_fire(uv_timer_t *timer);

static const struct channel_kind feed_kind = {
    .prefix = "user:", .is_server_side_only = true, .authorize = feed_authorize};

struct accounts *accounts_new(struct dispatch *dispatch, struct hub *hub, uv_loop_t *loop)
{
    struct accounts *accounts = calloc(1, sizeof *accounts);
    if (!accounts)
        return NULL;
    accounts->dispatch = dispatch;
    accounts->hub = hub;
    accounts->loop = loop;
    accounts->settings = dispatch_settings(dispatch);
    accounts->hasher = hasher_new(loop, accounts->settings);
    accounts->throttle = throttle_new();
    if (!accounts->hasher || !accounts->throttle) {
        hasher_free(accounts->hasher);
        throttle_free(accounts->throttle);
        free(accounts);
        return NULL;
    }
    uv_timer_init(loop, &accounts->used_timer);
    accounts->used_timer.data = accounts;
    if (!dispatch_is_edge(dispatch))
        uv_timer_start(&accounts->used_timer, used_fire, USED_WRITE_MS, USED_WRITE_MS);
    dispatch_add(dispatch, account_routes, account_routes_count, accounts);
    dispatch_add(dispatch, token_routes, token_routes_count, accounts);
    hub_add_kind(hub, &feed_kind, accounts);
    return accounts;
}

void accounts_close(struct accounts *accounts)
{
    if (!accounts)
        return;
    hasher_stop(accounts->hasher);
    uv_close((uv_handle_t *)&accounts->used_timer, NULL);
}

void accounts_free(struct accounts *accounts)
{
    if (!accounts)
        return;
    hasher_free(accounts->hasher);
    throttle_free(accounts->throttle);
    sodium_memzero(accounts->setup_token, sizeof accounts->setup_token);
    free(accounts);
}

enum status accounts_load(struct accounts *accounts, struct db *db)
{
    int64_t now_ms = clock_wall_ms(), count = 0;
    /* As costly as a real one, so that a wrong name takes as long as a wrong password. */
    if (crypto_pwhash_str_alg(
            accounts->dummy_hash, "nobody", 6, (unsigned long long)accounts->settings->account_hash_passes,
            (size_t)accounts->settings->account_hash_memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return FAULT("no memory for a password hash (account.hash_memory_kib)");
    struct rows *rows = db_query(db, "SELECT id FROM user WHERE superuser = 1 AND disabled = 0", "");
    if (!rows)
        return STATUS_FAULT;
    bool is_fine = true;
    while (rows_next(rows))
        is_fine =
            permissions_set_superuser(dispatch_permissions(accounts->dispatch), rows_int(rows, 0), true) && is_fine;
    enum status status = rows_end(rows);
    rows = status == STATUS_OK && is_fine
               ? db_query(db,
                          "SELECT session.id, user_id, session.created_at, expires_at, used_at, token_digest, "
                          "user.name, scopes FROM session JOIN user ON user.id = user_id WHERE expires_at > ?1 AND "
                          "disabled = 0",
                          "i", now_ms)
               : NULL;
    if (!rows)
        return FAULT("the sessions could not be read");
    while (rows_next(rows)) {
        struct session session = {.id = rows_int(rows, 0),
                                  .user_id = rows_int(rows, 1),
                                  .created_ms = rows_int(rows, 2),
                                  .expires_ms = rows_int(rows, 3),
                                  .used_ms = rows_int(rows, 4),
                                  .stored_ms = rows_int(rows, 4),
                                  .name = (char *)rows_text(rows, 6, NULL)};
        strncpy(session.digest, rows_text(rows, 5, NULL), sizeof session.digest - 1);
        const char *text = rows_text(rows, 7, NULL);
        SCOPED(scopes_free) struct scopes *scopes = text ? scopes_parse(text) : NULL;
        if (text && !scopes) {
            log_warning("token.damaged", "the API token %lld is not taken: its scopes cannot be read",
                        (long long)session.id);
            continue;
        }
        session.scopes = scopes;
        is_fine = sessions_add(dispatch_sessions(accounts->dispatch), &session) && is_fine;
    }
    status = rows_end(rows);
    if (status == STATUS_OK)
        status = superusers_count(db, 0, &count);
    if (status == STATUS_OK && !count) {
        random_token(accounts->setup_token);
        accounts->setup_until_ms = clock_monotonic_ms() + SETUP_MS;
    }
    if (!is_fine)
        return FAULT("no memory");
    return status;
}

const char *accounts_setup_token(struct accounts *accounts)
{
    return accounts->setup_token[0] ? accounts->setup_token : NULL;
}

static enum status feed_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    (void)app;
    (void)top;
    char own[24];
    snprintf(own, sizeof own, "%lld", (long long)actor->user_id);
    return actor->user_id && !actor->is_token && strcmp(own, rest) == 0 ? STATUS_OK : STATUS_FORBIDDEN;
}

/* ---- when sessions were last used: known in memory at once, written now and then; what has expired is ended ---- */

struct used {
    struct store_job job;
    struct accounts *accounts;
    size_t count;
    struct {
        int64_t id, used_ms; /* 0: it is over */
    } items[USED_WRITE_MAX];
};

static enum status used_work(struct store_job *job, struct db *db)
{
    struct used *used = container_of(job, struct used, job);
    enum status status = db_run(db, "DELETE FROM session WHERE expires_at <= ?1", "i", clock_wall_ms());
    for (size_t i = 0; i < used->count && status == STATUS_OK; i++)
        if (used->items[i].used_ms)
            status = db_run(db, "UPDATE session SET used_at = ?2 WHERE id = ?1", "ii", used->items[i].id,
                            used->items[i].used_ms);
        else
            status = db_run(db, "DELETE FROM session WHERE id = ?1", "i", used->items[i].id);
    return status;
}

static void used_done(struct store_job *job)
{
    struct used *used = container_of(job, struct used, job);
    struct accounts *accounts = used->accounts;
    bool has_more = job->status == STATUS_OK && used->count == USED_WRITE_MAX;
    accounts->is_writing_used = false;
    free(used);
    if (has_more)
        used_fire(&accounts->used_timer);
}

static void used_collect(struct accounts *accounts, struct used *used)
{
    struct sessions *sessions = dispatch_sessions(accounts->dispatch);
    int64_t now_ms = clock_wall_ms();
    size_t cursor = 0;
    struct session *session;
    while (used->count < USED_WRITE_MAX && (session = sessions_next(sessions, &cursor))) {
        bool is_over = sessions_is_over(sessions, session, now_ms);
        if (!is_over && session->used_ms == session->stored_ms)
            continue;
        used->items[used->count].id = session->id;
        used->items[used->count++].used_ms = is_over ? 0 : session->used_ms;
        session->stored_ms = session->used_ms;
        if (!is_over)
            continue;
        bool is_lent = session->id >= SESSION_LENT;
        hub_disconnect(accounts->hub, session->user_id, session->id, is_lent ? 3011 : 3507,
                       is_lent ? SESSION_LENT_OVER : SESSION_OVER);
        sessions_remove(sessions, session->id);
    }
}

static void used_fire(uv_timer_t *timer)
{
    struct accounts *accounts = timer->data;
    struct store *store = dispatch_store(accounts->dispatch);
    if (accounts->is_writing_used || !store)
        return;
    struct used *used = calloc(1, sizeof *used);
    if (!used)
        return;
    used_collect(accounts, used);
    used->accounts = accounts;
    used->job.work = used_work;
    used->job.done = used_done;
    accounts->is_writing_used = true;
    store_write(store, &used->job);
}
