/* accounts/token_handlers.c: API tokens: for programs that act for somebody, with less than that person's rights. They
 * are sessions that nobody signed in to: the same table, the same memory, the same ways to end. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/state.h"
#include "base/form.h"
#include "base/scopes.h"
#include "lib/clock.h"

#define TOKEN_PREFIX         "parley_" /* so that one that was published by mistake is found */
#define TOKEN_SIZE           (sizeof TOKEN_PREFIX + RANDOM_TOKEN_SIZE)
#define TOKENS_MAX           100 /* of one person */
#define TOKEN_CHARACTERS_MAX 100 /* of its name */

struct token_request {
    struct request request;
    struct session session;
    struct scopes *scopes;
    const char *name;
    char token[TOKEN_SIZE];
    int64_t id; /* to be deleted */
};

static void token_list_start(struct request *request);
static void token_create_start(struct request *request);
static void token_delete_start(struct request *request);
static void token_request_free(struct request *request);
static enum status token_create_work(struct request *request, struct db *db);
static void token_create_done(struct request *request);
static enum status token_list_work(struct request *request, struct db *db);
static enum status token_delete_work(struct request *request, struct db *db);
static void token_delete_done(struct request *request);

const struct route token_routes[] = {
    {"token.list", HTTP_M_GET, "token", ROUTE_SIGNED_IN, NULL, 0, token_list_start, 0, NULL},
    {"token.create", HTTP_M_POST, "token", ROUTE_SIGNED_IN | ROUTE_SECRET, NULL, 0, token_create_start,
     sizeof(struct token_request), token_request_free},
    {"token.delete", HTTP_M_DELETE, "token/:id", ROUTE_SIGNED_IN, NULL, 0, token_delete_start,
     sizeof(struct token_request), token_request_free},
};
const size_t token_routes_count = ARRAY_LENGTH(token_routes);

static struct token_request *token_request(struct request *request)
{
    return container_of(request, struct token_request, request);
}

static void token_request_free(struct request *request)
{
    struct token_request *token = token_request(request);
    sodium_memzero(token->token, sizeof token->token);
    scopes_free(token->scopes);
}

/* ---- create ---- */

/* Nobody makes a token that may do more than he; what he loses later, the token loses with him. */
static bool scopes_are_own(struct request *request, const struct scopes *scopes)
{
    const struct models *models = dispatch_models(request->dispatch);
    const char *model;
    unsigned rights;
    bool is_fine = true;
    for (size_t cursor = 0; scopes_next(scopes, &cursor, &model, &rights);) {
        char pointer[PARAM_POINTER_SIZE], place[PARAM_POINTER_SIZE + sizeof "/scopes"];
        if (strcmp(model, "*") == 0)
            continue; /* whatever the owner may, at every moment */
        snprintf(place, sizeof place, "/scopes%s", param_pointer(model, pointer));
        unsigned own = permissions_of(request_permissions(request), &request->actor, model);
        if (models && !models_find(models, model))
            is_fine = request_invalid(request, place, "There is no such model.") == STATUS_OK;
        else if (rights & ~own)
            is_fine = request_invalid(request, place, "You may not do all of this yourself.") == STATUS_OK;
    }
    return is_fine;
}

static bool scopes_param(struct request *request)
{
    struct token_request *token = token_request(request);
    char pointer[PARAM_POINTER_SIZE], place[PARAM_POINTER_SIZE + sizeof "/scopes"];
    const char *why;
    token->scopes = scopes_read(json_get(request->params, "scopes"), &why, pointer, sizeof pointer);
    if (token->scopes)
        return scopes_are_own(request, token->scopes);
    snprintf(place, sizeof place, "/scopes%s", pointer);
    request_invalid(request, place, "%s", why);
    return false;
}

static bool expiry_param(struct request *request)
{
    const struct accounts *accounts = request->app;
    struct token_request *token = token_request(request);
    int64_t now_ms = clock_wall_ms(), most_ms = accounts->settings->account_token_s * 1000;
    const char *text = NULL;
    token->session.created_ms = token->session.used_ms = token->session.stored_ms = now_ms;
    token->session.expires_ms = now_ms + most_ms;
    if (!param_text(request, "expires_at", PARAM_OPTIONAL, 1, 40, &text))
        return false;
    int64_t expires_ms = 0;
    if (!text)
        return true;
    if (!time_read(text, &expires_ms) || expires_ms <= now_ms || expires_ms > now_ms + most_ms) {
        request_invalid(request, "/expires_at",
                        "This must be a moment to come, such as 2030-01-31T12:00:00Z, within the next %lld days.",
                        (long long)(accounts->settings->account_token_s / 86400));
        return false;
    }
    token->session.expires_ms = expires_ms;
    return true;
}

static void token_create_start(struct request *request)
{
    static const char *const names[] = {"name", "scopes", "expires_at", NULL};
    struct token_request *token = token_request(request);
    if (request->actor.is_shell) {
        request_refuse(request, STATUS_FORBIDDEN, "The shell needs no token: sign in as the one who does.");
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    /* It would outlive the token of the other system, which alone says that this is so-and-so. */
    if (request->actor.session_id >= SESSION_LENT) {
        request_refuse(request, STATUS_FORBIDDEN, "A connection token makes no API tokens: sign in.");
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "name", PARAM_REQUIRED, 1, TOKEN_CHARACTERS_MAX, &token->name);
    is_fine &= scopes_param(request);
    is_fine &= expiry_param(request);
    if (is_fine)
        request_write(request, token_create_work, token_create_done);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status token_insert(struct request *request, struct db *db, const char *scopes)
{
    struct token_request *token = token_request(request);
    struct session *session = &token->session;
    enum status status =
        db_run(db,
               "INSERT INTO session(user_id, token_digest, name, scopes, created_at, used_at, expires_at, peer, agent) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
               "itttiiitt", session->user_id, session->digest, token->name, scopes, session->created_ms,
               session->used_ms, session->expires_ms, request->peer, request->agent);
    session->id = db_last_id(db);
    return status;
}

static enum status token_audit(struct request *request, struct db *db, const char *action, const char *name,
                               const char *scopes)
{
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"token\":%lld,", (long long)token_request(request)->session.id);
    buffer_json_member(&detail, "name", name);
    buffer_printf(&detail, ",\"scopes\":%s}", scopes);
    return audit_insert(db, request->actor.user_id, action, &detail);
}

static enum status token_create_work(struct request *request, struct db *db)
{
    struct token_request *token = token_request(request);
    SCOPED(buffer_free) struct buffer scopes = {0};
    char text[RANDOM_TOKEN_SIZE];
    int64_t count = 0;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_get_int(db, &count, "SELECT count(*) FROM session WHERE user_id = ?1 AND scopes IS NOT NULL", "i",
                            request->actor.user_id);
    if (status == STATUS_OK && count >= TOKENS_MAX)
        return request_refuse(request, STATUS_LIMIT, "You have %d tokens: delete one first.", TOKENS_MAX);
    if (status != STATUS_OK)
        return status;
    snprintf(token->token, sizeof token->token, TOKEN_PREFIX "%s", random_token(text));
    sodium_memzero(text, sizeof text);
    digest_text(token->token, strlen(token->token), token->session.digest);
    token->session.user_id = request->actor.user_id;
    scopes_print(token->scopes, &scopes);
    if (scopes.has_failed)
        return FAULT("no memory for a token");
    status = token_insert(request, db, scopes.bytes);
    return status == STATUS_OK ? token_audit(request, db, "token.create", token->name, scopes.bytes) : status;
}

/* {"id":…,"name":…,"scopes":{…},"created_at":…,"used_at":…,"expires_at":…: the closing brace is the caller's. */
static void token_print(struct buffer *json, const struct session *session, const char *name, const char *scopes)
{
    char at[CLOCK_TEXT_SIZE];
    buffer_printf(json, "{\"id\":%lld,", (long long)session->id);
    buffer_json_member(json, "name", name);
    buffer_printf(json, ",\"scopes\":%s,", scopes);
    buffer_json_member(json, "created_at", clock_text(session->created_ms, at));
    buffer_char(json, ',');
    buffer_json_member(json, "used_at", clock_text(session->used_ms, at));
    buffer_char(json, ',');
    buffer_json_member(json, "expires_at", clock_text(session->expires_ms, at));
}

static void token_create_done(struct request *request)
{
    struct token_request *token = token_request(request);
    struct buffer *json = request_result(request);
    SCOPED(buffer_free) struct buffer scopes = {0};
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    token->session.name = request->actor.name;
    token->session.scopes = token->scopes;
    if (!sessions_add(request_sessions(request), &token->session)) {
        request_finish(request, FAULT("no memory for a token"));
        return;
    }
    scopes_print(token->scopes, &scopes);
    token_print(json, &token->session, token->name, scopes.bytes ? scopes.bytes : "{}");
    buffer_char(json, ',');
    buffer_json_member(json, "token", token->token); /* this once, and never again */
    buffer_char(json, '}');
    request->created_id = token->session.id;
    request_finish(request, STATUS_CREATED);
}

/* ---- list ---- */

static enum status token_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    SCOPED(rows_end)
    struct rows *rows = db_query(db,
                                 "SELECT id, created_at, used_at, expires_at, name, scopes FROM session "
                                 "WHERE user_id = ?1 AND scopes IS NOT NULL AND expires_at > ?2 ORDER BY id DESC",
                                 "ii", request->actor.user_id, clock_wall_ms());
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        struct session session = {.id = rows_int(rows, 0),
                                  .created_ms = rows_int(rows, 1),
                                  .used_ms = rows_int(rows, 2),
                                  .expires_ms = rows_int(rows, 3)};
        buffer_text(json, comma);
        token_print(json, &session, rows_text(rows, 4, NULL), rows_text(rows, 5, NULL));
        buffer_char(json, '}');
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

static void token_list_start(struct request *request)
{
    if (params_only(request, NULL))
        request_read(request, token_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- delete ---- */

static void token_delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &token_request(request)->id))
        request_write(request, token_delete_work, token_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status token_delete_work(struct request *request, struct db *db)
{
    struct token_request *token = token_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM session WHERE id = ?1 AND user_id = ?2 AND scopes IS NOT NULL", "ii",
                        token->id, request->actor.user_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        token->session.id = token->id;
        status = token_audit(request, db, "token.delete", NULL, "null");
    }
    db_acl_changed(db);
    return status;
}

static void token_delete_done(struct request *request)
{
    struct accounts *accounts = request->app;
    if (request->status == STATUS_OK) {
        sessions_remove(request_sessions(request), token_request(request)->id);
        hub_disconnect(accounts->hub, request->actor.user_id, token_request(request)->id, 3507, SESSION_OVER);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}
