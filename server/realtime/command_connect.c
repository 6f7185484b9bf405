/* realtime/command_connect.c: the first command, and the one that prolongs it. Between the home's answer and the reply
 * stand the subscriptions that the client did not ask for: its own feed, and what its token names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/jwt.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "realtime/internal.h"

/* What a connect still has to do between the home's answer and the reply. */
struct opening {
    uint32_t id, left;  /* of the command; subscriptions without an answer */
    struct buffer json; /* the reply so far */
    const char *comma;
};

static void connect_reply(struct request *request);
static bool connect_allowed(struct connection *connection, const struct request *request);
static void persona_take(struct connection *connection, struct request *request);
static bool opening_start(struct connection *connection, const struct request *request, const cJSON *result);
static void opening_next(struct connection *connection);
static void opening_add(struct opening *opening, const char *name, const char *json);
static bool own_feed_start(struct connection *connection);
static bool token_sub_start(struct connection *connection, const cJSON *item, const cJSON *wanted);
static struct subscription *server_side_new(struct connection *connection, const char *name, bool *is_fine);
static bool opening_takes(const struct connection *connection, const struct request *answer);
static void unrecovered_print(const struct request *answer, struct buffer *json);
static void refreshes_add(cJSON *params, const struct connection *connection);
static void refresh_reply(struct request *request);

void command_connect(struct connection *connection, uint32_t id, const cJSON *body)
{
    if (connection->is_connected || connection->is_connecting) {
        connection_close(connection, 3501, "bad request: a second connect");
        return;
    }
    const char *token = json_get_text(body, "token");
    struct request *request = command_request(connection, id, "connection.open", connect_reply);
    if (!request) {
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    memcpy(request->credential, connection->credential, sizeof request->credential);
    if (token && jwt_looks_like(token)) {
        const cJSON *subs = json_get(body, "subs");
        cJSON_AddStringToObject(request->params, "jwt", token);
        if (subs) /* what it had of those that the token names */
            cJSON_AddItemToObject(request->params, "subs", cJSON_Duplicate(subs, true));
    } else if (token && token[0]) {
        char digest[DIGEST_TEXT_SIZE];
        digest_text(token, strlen(token), digest);
        cJSON_AddStringToObject(request->params, "token", digest);
    }
    connection->is_connecting = true;
    dispatch_start(request);
}

static void connect_reply(struct request *request)
{
    struct connection *connection = command_answered(request);
    if (!connection || connection->is_closing || !connect_allowed(connection, request))
        return;
    struct hub *hub = connection->hub;
    connection->actor = request->actor;
    persona_take(connection, request);
    /* Longer than what strangers may send, and made by the home itself. */
    SCOPED(json_free) cJSON *result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
    int64_t ttl_s = json_get_int(result, "ttl", 0);
    connection->expires_ms =
        ttl_s ? clock_wall_ms() + (ttl_s + hub->settings->token_grace_s) * 1000 : json_get_int(result, "expires_at", 0);
    if (hub_same_count(connection) >= (uint32_t)hub->settings->realtime_user_connections_max) {
        connection_close(connection, 3504, "connection limit: you have too many connections open");
        return;
    }
    connection->credential[0] = '\0';
    if (connection_identify(connection) && opening_start(connection, request, result))
        opening_next(connection);
    else
        connection_close(connection, 3004, "server error: no memory, try again");
}

/* True: the connection goes on. */
static bool connect_allowed(struct connection *connection, const struct request *request)
{
    switch (request->status) {
    case STATUS_OK:
        return true;
    case STATUS_UNAUTHENTICATED:
        connection_close(connection, 3500, "invalid token: sign in again");
        return false;
    case STATUS_TOKEN_INVALID:
        command_fail(connection, request->door_tag, request);
        return false;
    case STATUS_LIMIT:
        connection_close(connection, 3505, "channel limit: the token names more channels than one may have");
        return false;
    case STATUS_FORBIDDEN:
        connection_close(connection, 3507, "permission denied: sign in first, nothing here is open to everyone");
        return false;
    default:
        command_fail(connection, request->door_tag, request);
        connection->is_connecting = false;
        buffer_clear(&connection->held); /* what was sent behind it counted on it */
        return false;
    }
}

static void persona_take(struct connection *connection, struct request *request)
{
    if (!request->persona_is_new)
        return;
    free(connection->persona);
    connection->persona = TAKE(request->persona);
}

/* ---- what is under way until the reply ---- */

static bool opening_start(struct connection *connection, const struct request *request, const cJSON *result)
{
    struct opening *opening = connection->opening = calloc(1, sizeof *opening);
    struct buffer *json = opening ? &opening->json : NULL;
    const cJSON *item;
    int64_t ttl_s = json_get_int(result, "ttl", 0);
    if (!opening)
        return false;
    opening->id = request->door_tag;
    opening->comma = ",\"subs\":{";
    opening->left = 1; /* until all have been asked for */
    buffer_char(json, '{');
    buffer_json_member(json, "client", connection->client);
    buffer_text(json, ",\"version\":\"" PARLEY_VERSION "\"");
    if (!connection->pings_by_frame)
        buffer_printf(json, ",\"ping\":%lld,\"pong\":true",
                      (long long)((connection->hub->settings->realtime_ping_ms + 999) / 1000));
    if (connection->emulation)
        emulation_print(connection, json);
    if (ttl_s)
        buffer_printf(json, ",\"expires\":true,\"ttl\":%lld", (long long)ttl_s);
    /* One's own feed tells of rooms and people; an API token is for what its scopes name. */
    bool is_fine = !connection->actor.user_id || connection->actor.is_token || own_feed_start(connection);
    cJSON_ArrayForEach (item, json_get(result, "subs"))
        is_fine = is_fine && token_sub_start(connection, item, json_get(request->params, "subs"));
    return is_fine;
}

static void opening_add(struct opening *opening, const char *name, const char *json)
{
    buffer_text(&opening->json, opening->comma);
    buffer_json(&opening->json, name, strlen(name));
    buffer_char(&opening->json, ':');
    buffer_text(&opening->json, json);
    opening->comma = ",";
}

/* A user's own feed is subscribed to without being asked. */
static bool own_feed_start(struct connection *connection)
{
    char name[40];
    bool is_fine;
    snprintf(name, sizeof name, "user:%lld", (long long)connection->actor.user_id);
    if (server_side_new(connection, name, &is_fine))
        opening_add(connection->opening, name, "{}");
    return is_fine;
}

/* What the token names: [name, persona there]. Of namespaces it is the token's to give; rooms are asked for as always.
 * @wanted is what the client had of them before. */
static bool token_sub_start(struct connection *connection, const cJSON *item, const cJSON *wanted)
{
    const char *name = json_text(cJSON_GetArrayItem(item, 0)), *persona = json_text(cJSON_GetArrayItem(item, 1));
    const struct kind_entry *kind = name && name[0] ? kind_find(connection->hub, name) : NULL;
    bool is_fine = true;
    if (!kind || strlen(name) > CHANNEL_NAME_MAX || kind->kind->is_server_side_only ||
        subscription_find(connection, name))
        return true;
    SCOPED(json_free)
    cJSON *command = json_get(wanted, name) ? cJSON_Duplicate(json_get(wanted, name), true) : cJSON_CreateObject();
    cJSON_DeleteItemFromObjectCaseSensitive(command, "channel");
    cJSON_DeleteItemFromObjectCaseSensitive(command, "token");
    if (!cJSON_IsObject(command) || !cJSON_AddStringToObject(command, "channel", name))
        return cJSON_IsObject(command) ? false : true;
    struct subscription *subscription = server_side_new(connection, name, &is_fine);
    if (!subscription)
        return is_fine;
    subscription->command_id = connection->opening->id;
    subscription->by_token = kind->kind->takes_tokens;
    if (persona && !(subscription->persona = strdup(persona)))
        return false;
    connection->opening->left++;
    command_subscribe_send(subscription, command, false); /* refused at once, it is gone by now */
    return true;
}

/* A subscription that the client did not ask for. NULL: no memory, or no application offers it (*is_fine then). */
static struct subscription *server_side_new(struct connection *connection, const char *name, bool *is_fine)
{
    enum status status = STATUS_OK;
    struct channel *channel = channel_get(connection->hub, name, strlen(name), &status);
    struct subscription *subscription = channel ? subscription_new(connection, channel) : NULL;
    *is_fine = subscription || status == STATUS_NOT_FOUND;
    if (channel && !subscription)
        channel_release(channel);
    if (subscription)
        subscription->is_server_side = true;
    return subscription;
}

/* It subscribes to what its token named: whether it may is not asked, unless what happened is none of its rights. */
void opening_answered(struct subscription *subscription, const struct request *request)
{
    struct connection *connection = subscription->connection;
    struct opening *opening = connection->opening;
    if (!status_is_ok(request->status) && status_is_temporary(request->status)) {
        connection_close(connection, 3004, "server error: not all of the channels could be opened, try again");
        return;
    }
    if (status_is_ok(request->status)) {
        SCOPED(buffer_free) struct buffer bare = {0};
        bool is_bare = !opening_takes(connection, request);
        if (is_bare)
            unrecovered_print(request, &bare);
        opening->json.has_failed |= bare.has_failed;
        subscription->position = request->position.offset;
        opening_add(opening, subscription->channel->name, is_bare ? bare.bytes : request->result.bytes);
    } else {
        subscription_free(subscription);
    }
    opening_next(connection);
}

/* All answers leave in one reply, which must not be more than a queue takes. A quarter is left for those that tell no
 * more than positions: they are always taken. */
static bool opening_takes(const struct connection *connection, const struct request *answer)
{
    size_t most = (size_t)connection->hub->settings->realtime_queue_bytes_max / 4 * 3;
    bool has_missed = json_get_bool(answer->params, "recover") &&
                      answer->position.offset > (uint64_t)json_get_int(answer->params, "offset", 0);
    return !has_missed || connection->opening->json.length + answer->result.length <= most;
}

/* What was missed is too much: the client is to read anew, and goes on from where the channel is now. */
static void unrecovered_print(const struct request *answer, struct buffer *json)
{
    buffer_text(json, "{\"recoverable\":true,\"positioned\":true,");
    buffer_json_member(json, "epoch", answer->position.epoch);
    buffer_printf(json, ",\"offset\":%llu,\"was_recovering\":true}", (unsigned long long)answer->position.offset);
}

/* One of the subscriptions was answered; with the last of them the reply leaves. */
static void opening_next(struct connection *connection)
{
    struct opening *opening = connection->opening;
    if (connection->is_closing || --opening->left)
        return;
    connection->opening = NULL;
    connection->is_connecting = false;
    connection->is_connected = true;
    buffer_text(&opening->json, opening->comma[1] ? "}" : "}}");
    connection_send(connection, opening->json.has_failed
                                    ? NULL
                                    : codec_reply(opening->id, "connect", opening->json.bytes, opening->json.length));
    opening_free(opening);
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        subscription_start(subscription, subscription->position);
        if (!subscription->channel->kind->is_server_side_only)
            subscription_announce(subscription);
    }
    /* The first ping at a random point, so that many clients that came at once do not answer at once. */
    connection_ping_first(connection);
    if (connection->held.length) {
        struct buffer held = connection->held;
        connection->held = (struct buffer){0};
        /* Perhaps several messages, each with a number of commands of its own; its bytes were bounded. */
        if (!held.has_failed)
            commands_read(connection, held.bytes, held.length, INT64_MAX);
        else
            connection_close(connection, 3004, "server error: no memory, try again");
        buffer_free(&held);
    }
}

void opening_free(struct opening *opening)
{
    if (opening)
        buffer_free(&opening->json);
    free(opening);
}

/* ---- refresh ---- */

void command_refresh(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *token = json_get_text(body, "token");
    struct request *request = command_request(connection, id, "connection.refresh", refresh_reply);
    if (!request) {
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    if (token && jwt_looks_like(token)) {
        cJSON_AddStringToObject(request->params, "jwt", token);
        refreshes_add(request->params, connection);
    } else {
        digest_text(token ? token : "", token ? strlen(token) : 0, request->credential);
        cJSON_AddNumberToObject(request->params, "user", (double)connection->actor.user_id);
    }
    request->actor = (struct actor){0}; /* whoever the token says */
    dispatch_start(request);
}

/* Whose connection it is, as its token called him. */
static void refreshes_add(cJSON *params, const struct connection *connection)
{
    SCOPED(buffer_free) struct buffer json = {0};
    char user[24];
    snprintf(user, sizeof user, "%.0lld", (long long)connection->actor.user_id); /* nothing for 0 */
    if (connection->persona)
        buffer_printf(&json, "{%s}", connection->persona);
    SCOPED(json_free) cJSON *persona = json.length ? json_parse(json.bytes, json.length, NULL) : NULL;
    cJSON_AddStringToObject(params, "refreshes", persona ? json_get_text(persona, "user") : user);
}

static void refresh_reply(struct request *request)
{
    struct connection *connection = command_answered(request);
    if (!connection)
        return;
    if (request->status == STATUS_TOKEN_EXPIRED) {
        connection_close(connection, 3005, "expired: so is the new token");
        return;
    }
    if (!status_is_ok(request->status)) {
        command_fail(connection, request->door_tag, request);
        return;
    }
    SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
    /* Another session may have other rights, and the home chooses by the one that it knows. */
    if (connection->actor.session_id != request->actor.session_id)
        judged_lost_connection(connection, NULL);
    connection->actor = request->actor;
    int64_t ttl_s = json_get_int(result, "ttl", 0);
    bool is_ours = !json_get(request->params, "jwt");
    connection->expires_ms = ttl_s || is_ours ? clock_wall_ms() + ttl_s * 1000 : 0;
    if (ttl_s && !is_ours)
        connection->expires_ms += connection->hub->settings->token_grace_s * 1000;
    persona_take(connection, request);
    connection_send(connection,
                    codec_reply(request->door_tag, "refresh", request->result.bytes, request->result.length));
}
