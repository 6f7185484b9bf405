/* realtime/tokens.c: connection and subscription tokens that another system made: whom they make of a connection, and
 * which channels they open. At the home, which alone has to know their secret. Loop thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/jwt.h"
#include "lib/clock.h"
#include "realtime/internal.h"

#define INFO_BYTES_MAX 4096  /* it is told to all others in a channel, again and again */
#define LENT_SPARE_MS  60000 /* a lent session outlives the connections with its token, which end by themselves */

static enum status claims_read(struct request *request, const char *token, cJSON **claims);
static int64_t claims_expires_ms(const cJSON *claims);
static enum status user_work(struct request *request, struct db *db);
static void user_done(struct request *request);
static void user_known(struct request *request);
static void open_answer(struct request *request);
static enum status persona_set(struct request *request, const char *user, const cJSON *info);
static enum status persona_add(struct request *request, const cJSON *info);
static char *persona_more(const struct request *request, const cJSON *info);
static enum status info_check(struct request *request, const cJSON *info);
static enum status subs_check(struct request *request, const cJSON *claims);
static enum status subs_print(struct request *request, const cJSON *claims, struct buffer *json);

static struct open_request *open_request(struct request *request)
{
    return container_of(request, struct open_request, request);
}

void open_request_free(struct request *request)
{
    cJSON_Delete(open_request(request)->claims);
}

/* ---- connect and refresh ---- */

void token_open_start(struct request *request, const char *token)
{
    struct open_request *open = open_request(request);
    enum status status = claims_read(request, token, &open->claims);
    const char *user = json_get_text(open->claims, "sub");
    if (status == STATUS_OK && json_get(open->claims, "channel"))
        status = request_refuse(request, STATUS_TOKEN_INVALID, "a subscription token opens no connection");
    if (status == STATUS_OK && user && strlen(user) > PERSON_BYTES_MAX)
        status = request_refuse(request, STATUS_TOKEN_INVALID, "its sub has more than %d bytes", PERSON_BYTES_MAX);
    if (status == STATUS_OK)
        status = subs_check(request, open->claims);
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    request->actor = (struct actor){.is_person = user && user[0]};
    if (!user || !user_id_read(user, &open->user_id)) {
        open_answer(request);
        return;
    }
    /* Of somebody who has a lent session it is known that he is there and not disabled: it would have ended with that.
     */
    const struct session *session = sessions_get(request_sessions(request), SESSION_LENT + open->user_id);
    open->ended = sessions_ended(request_sessions(request));
    if (session) {
        snprintf(open->name, sizeof open->name, "%s", session->name);
        user_known(request);
    } else {
        request_read(request, user_work, user_done);
    }
}

static enum status user_work(struct request *request, struct db *db)
{
    struct open_request *open = open_request(request);
    struct rows *rows = db_query(db, "SELECT name FROM user WHERE id = ?1 AND disabled = 0", "i", open->user_id);
    if (!rows)
        return STATUS_FAULT;
    bool is_there = rows_next(rows);
    if (is_there)
        snprintf(open->name, sizeof open->name, "%s", rows_text(rows, 0, NULL));
    enum status status = rows_end(rows);
    if (status == STATUS_OK && !is_there)
        return request_refuse(request, STATUS_TOKEN_INVALID, "its sub is no user here, or one who is disabled");
    return status;
}

static void user_done(struct request *request)
{
    struct open_request *open = open_request(request);
    uint64_t ended = sessions_ended(request_sessions(request));
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
    } else if (open->ended != ended) {
        /* Somebody's sessions ended meanwhile: if they were this one's, what was read is too old. */
        open->ended = ended;
        request_read(request, user_work, user_done);
    } else {
        user_known(request);
    }
}

static void user_known(struct request *request)
{
    const struct open_request *open = open_request(request);
    const struct settings *settings = dispatch_settings(request->dispatch);
    int64_t now_ms = clock_wall_ms(), expires_ms = claims_expires_ms(open->claims);
    int64_t until_ms = expires_ms ? expires_ms + settings->token_grace_s * 1000 + LENT_SPARE_MS
                                  : now_ms + settings->account_session_s * 1000;
    const struct session *session =
        sessions_lend(request_sessions(request), open->user_id, open->name, until_ms, now_ms);
    if (!session) {
        request_finish(request, FAULT("no memory"));
        return;
    }
    session_actor(session, &request->actor);
    open_answer(request);
}

static void open_answer(struct request *request)
{
    struct open_request *open = open_request(request);
    const struct actor *actor = &request->actor;
    int64_t expires_ms = claims_expires_ms(open->claims);
    const cJSON *info = json_get(open->claims, "info");
    const char *user = json_get_text(open->claims, "sub");
    enum status status = STATUS_OK;
    if (!actor->user_id && !actor->is_person && !open_to_everyone(request))
        status = STATUS_FORBIDDEN;
    if (status == STATUS_OK && (actor->is_person || info))
        status = persona_set(request, user ? user : "", info);
    struct buffer *json = request_result(request);
    buffer_char(json, '{');
    buffer_json_member(json, "client", request->client);
    buffer_text(json, ",\"version\":\"" PARLEY_VERSION "\"");
    token_print(expires_ms, json);
    if (status == STATUS_OK && !json_get(request->params, "refreshes"))
        status = subs_print(request, open->claims, json);
    buffer_char(json, '}');
    request_finish(request, status);
}

void token_refresh_start(struct request *request, const char *token)
{
    SCOPED(json_free) cJSON *claims = NULL;
    enum status status = claims_read(request, token, &claims);
    const char *user = json_get_text(claims, "sub"), *was = json_get_text(request->params, "refreshes");
    if (status == STATUS_OK && (!was || strcmp(user ? user : "", was) != 0))
        status = request_refuse(request, STATUS_TOKEN_INVALID, "it is not for the user of this connection");
    if (status == STATUS_OK)
        token_open_start(request, token);
    else
        request_finish(request, status);
}

/* ---- subscriptions ---- */

/* As the system that made the token calls whoever has this connection. False: no memory. */
static bool user_text(const struct request *request, char *text, size_t size)
{
    SCOPED(buffer_free) struct buffer json = {0};
    if (request->actor.user_id || !request->persona) {
        snprintf(text, size, "%.0lld", (long long)request->actor.user_id); /* nothing for 0 */
        return true;
    }
    buffer_printf(&json, "{%s}", request->persona);
    SCOPED(json_free) cJSON *persona = json.has_failed ? NULL : json_parse(json.bytes, json.length, NULL);
    const char *user = json_get_text(persona, "user");
    snprintf(text, size, "%s", user ? user : "");
    return user != NULL;
}

enum status token_subscribe(struct request *request, const char *channel, int64_t *expires_ms)
{
    SCOPED(json_free) cJSON *claims = NULL;
    char user[PERSON_BYTES_MAX + 1];
    const char *token = json_get_text(request->params, "token");
    enum status status = claims_read(request, token ? token : "", &claims);
    /* A wrong signature is a no like others; a right one on what is for others is somebody's mischief. */
    if (status == STATUS_TOKEN_INVALID)
        return STATUS_FORBIDDEN;
    if (status != STATUS_OK)
        return status;
    const char *named = json_get_text(claims, "channel"), *client = json_get_text(claims, "client");
    const char *subject = json_get_text(claims, "sub");
    if (!named || strcmp(named, channel) != 0)
        return request_refuse(request, STATUS_TOKEN_INVALID, "it is for another channel");
    if (client && client[0] && strcmp(client, request->client) != 0)
        return request_refuse(request, STATUS_TOKEN_INVALID, "it is for another client");
    if (!user_text(request, user, sizeof user))
        return FAULT("no memory");
    if (strcmp(subject ? subject : "", user) != 0)
        return request_refuse(request, STATUS_TOKEN_INVALID, "it is for another user");
    *expires_ms = claims_expires_ms(claims);
    const cJSON *info = json_get(claims, "info");
    return info ? persona_add(request, info) : STATUS_OK;
}

void token_sub_refresh_start(struct request *request)
{
    const char *channel = json_get_text(request->params, "channel");
    int64_t expires_ms = 0;
    enum status status = channel ? token_subscribe(request, channel, &expires_ms) : STATUS_MALFORMED;
    request->persona_is_new = false; /* what others were told at its beginning stays */
    struct buffer *json = request_result(request);
    buffer_char(json, '{');
    token_print(expires_ms, json);
    buffer_char(json, '}');
    request_finish(request, status);
}

/* ---- what a token says ---- */

static enum status claims_read(struct request *request, const char *token, cJSON **claims)
{
    const struct settings *settings = dispatch_settings(request->dispatch);
    struct jwt_rules rules = {
        .secret = settings->token_hmac_secret, .audience = settings->token_audience, .issuer = settings->token_issuer};
    const char *why = NULL;
    switch (jwt_verify(token, &rules, clock_wall_ms(), claims, &why)) {
    case JWT_FINE:
        return STATUS_OK;
    case JWT_EXPIRED:
        return STATUS_TOKEN_EXPIRED;
    default:
        return request_refuse(request, STATUS_TOKEN_INVALID, "%s", why);
    }
}

/* When what was begun with the token ends; 0: never. `expire_at` says it where that is not when the token does. */
static int64_t claims_expires_ms(const cJSON *claims)
{
    return jwt_time_ms(claims, json_get(claims, "expire_at") ? "expire_at" : "exp");
}

void token_print(int64_t expires_ms, struct buffer *json)
{
    int64_t left_s = (expires_ms - clock_wall_ms()) / 1000;
    if (!expires_ms || !json->length)
        return;
    buffer_printf(json, "%s\"expires\":true,\"ttl\":%lld", json->bytes[json->length - 1] == '{' ? "" : ",",
                  (long long)(left_s > 0 ? left_s : 1)); /* 0 would be left out, and never come */
}

static enum status info_check(struct request *request, const cJSON *info)
{
    char *text = info ? json_print(info) : NULL;
    size_t length = text ? strlen(text) : 0;
    free(text);
    if (info && !text)
        return FAULT("no memory");
    return length <= INFO_BYTES_MAX
               ? STATUS_OK
               : request_refuse(request, STATUS_TOKEN_INVALID, "its info has more than %d bytes", INFO_BYTES_MAX);
}

static enum status persona_set(struct request *request, const char *user, const cJSON *info)
{
    struct buffer json = {0};
    enum status status = info_check(request, info);
    if (status != STATUS_OK)
        return status;
    buffer_json_member(&json, "user", user);
    char *text = info ? json_print(info) : NULL;
    if (text)
        buffer_printf(&json, ",\"conn_info\":%s", text);
    free(text);
    free(request->persona);
    request->persona = buffer_take(&json, NULL);
    request->persona_is_new = true;
    return request->persona ? STATUS_OK : FAULT("no memory");
}

/* The persona of whoever asks, and @info about him in one channel. NULL: no memory. */
static char *persona_more(const struct request *request, const cJSON *info)
{
    struct buffer json = {0};
    char *text = json_print(info);
    if (request->persona) {
        buffer_text(&json, request->persona);
    } else {
        buffer_printf(&json, "\"user\":\"%.0lld\"", (long long)request->actor.user_id);
        if (request->actor.name[0]) {
            buffer_text(&json, ",\"conn_info\":{");
            buffer_json_member(&json, "name", request->actor.name);
            buffer_char(&json, '}');
        }
    }
    buffer_printf(&json, ",\"chan_info\":%s", text ? text : "null");
    free(text);
    return buffer_take(&json, NULL);
}

static enum status persona_add(struct request *request, const cJSON *info)
{
    enum status status = info_check(request, info);
    char *persona = status == STATUS_OK ? persona_more(request, info) : NULL;
    if (status != STATUS_OK)
        return status;
    free(request->persona);
    request->persona = persona;
    request->persona_is_new = true;
    return persona ? STATUS_OK : FAULT("no memory");
}

/* `channels` is a list of names, `subs` an object of them that may say more about each. */
static enum status subs_check(struct request *request, const cJSON *claims)
{
    const cJSON *channels = json_get(claims, "channels"), *subs = json_get(claims, "subs"), *item;
    bool is_fine = (!channels || cJSON_IsArray(channels)) && (!subs || cJSON_IsObject(subs));
    int64_t count = cJSON_GetArraySize(channels) + cJSON_GetArraySize(subs);
    if (is_fine && channels)
        cJSON_ArrayForEach (item, channels)
            is_fine = is_fine && json_text(item);
    if (is_fine && subs)
        cJSON_ArrayForEach (item, subs)
            is_fine = is_fine && cJSON_IsObject(item);
    if (!is_fine)
        return request_refuse(request, STATUS_TOKEN_INVALID, "channels is a list of names, subs an object of objects");
    /* On its way back the client sends an object with one member for each. */
    if (count >= dispatch_settings(request->dispatch)->realtime_channels_max || count > JSON_KEYS_MAX)
        return request_refuse(request, STATUS_LIMIT, "its channels are more than one connection may have");
    return STATUS_OK;
}

/* ,"subs":[["channel","persona in it" or null],…] */
static enum status subs_print(struct request *request, const cJSON *claims, struct buffer *json)
{
    const char *comma = "";
    const cJSON *item;
    enum status status = STATUS_OK;
    buffer_text(json, ",\"subs\":[");
    cJSON_ArrayForEach (item, json_get(claims, "channels")) {
        buffer_printf(json, "%s[", comma);
        buffer_json(json, json_text(item), strlen(json_text(item)));
        buffer_text(json, ",null]");
        comma = ",";
    }
    cJSON_ArrayForEach (item, json_get(claims, "subs")) {
        const cJSON *info = json_get(item, "info");
        char *persona = info && (status = info_check(request, info)) == STATUS_OK ? persona_more(request, info) : NULL;
        if (status != STATUS_OK)
            return status;
        buffer_printf(json, "%s[", comma);
        buffer_json(json, item->string, strlen(item->string));
        buffer_char(json, ',');
        if (persona)
            buffer_json(json, persona, strlen(persona));
        else
            buffer_text(json, "null");
        buffer_char(json, ']');
        free(persona);
        comma = ",";
    }
    buffer_char(json, ']');
    return STATUS_OK;
}
