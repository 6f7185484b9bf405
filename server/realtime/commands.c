/* realtime/commands.c: what clients may say: commands to requests, and the requests' answers to replies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/jwt.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/utf8.h"
#include "realtime/internal.h"

#define WITHDRAWN    "unsubscribed before the answer came"
#define REFUSALS_MAX 200 /* commands over the rate before the connection is closed */

struct command {
    const char *name;
    void (*run)(struct connection *connection, uint32_t id, const cJSON *body);
};

static void commands_read(struct connection *connection, char *text, size_t length, int64_t commands_max);
static void command_run(struct connection *connection, cJSON *command);
static const char *command_wait(struct connection *connection);
static void connect_run(struct connection *connection, uint32_t id, const cJSON *body);
static void connect_reply(struct request *request);
static void subscribe_run(struct connection *connection, uint32_t id, const cJSON *body);
static void subscribe_reply(struct request *request);
static void unsubscribe_run(struct connection *connection, uint32_t id, const cJSON *body);
static void publish_run(struct connection *connection, uint32_t id, const cJSON *body);
static void history_run(struct connection *connection, uint32_t id, const cJSON *body);
static void presence_run(struct connection *connection, uint32_t id, const cJSON *body);
static void presence_stats_run(struct connection *connection, uint32_t id, const cJSON *body);
static void rpc_run(struct connection *connection, uint32_t id, const cJSON *body);
static void refresh_run(struct connection *connection, uint32_t id, const cJSON *body);
static void unavailable_run(struct connection *connection, uint32_t id, const cJSON *body);
static void sub_refresh_run(struct connection *connection, uint32_t id, const cJSON *body);
static void refreshes_add(cJSON *params, const struct connection *connection);
static void persona_take(struct connection *connection, struct request *request);
static void token_refuse(struct connection *connection, const struct request *request);
static bool channel_name_is_fine(const char *name);
static void plain_reply(struct request *request);
static void granted_set(cJSON *params, const struct subscription *subscription);
static void announce_joined(const struct subscription *subscription);
static void subscription_expires(struct subscription *subscription, int64_t ttl_s);

static const struct command commands[] = {
    {"publish", publish_run},     {"rpc", rpc_run},
    {"subscribe", subscribe_run}, {"unsubscribe", unsubscribe_run},
    {"connect", connect_run},     {"history", history_run},
    {"presence", presence_run},   {"presence_stats", presence_stats_run},
    {"refresh", refresh_run},     {"sub_refresh", sub_refresh_run},
    {"ping", unavailable_run},
};

/* The reply's key, kept in the request as the door's tag knows only the id. */
enum {
    REPLY_PUBLISH,
    REPLY_RPC,
    REPLY_HISTORY,
    REPLY_PRESENCE,
    REPLY_PRESENCE_STATS,
    REPLY_REFRESH,
    REPLY_SUB_REFRESH
};
static const char *const reply_keys[] = {"publish",        "rpc",     "history",    "presence",
                                         "presence_stats", "refresh", "sub_refresh"};

void commands_handle(struct connection *connection, char *text, size_t length)
{
    commands_read(connection, text, length, connection->hub->settings->realtime_commands_max);
}

static void commands_read(struct connection *connection, char *text, size_t length, int64_t commands_max)
{
    char *end = text + length;
    int64_t count = 0;
    bool has_any = false;
    while (text < end && !connection->is_closing) {
        char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end)
            line_end = end;
        size_t line_length = (size_t)(line_end - text);
        if (strspn(text, " \t\r") >= line_length) {
            text = line_end + 1;
            continue;
        }
        has_any = true;
        if (++count > commands_max) {
            connection_close(connection, 3013, "too many requests: too many commands in one message");
            return;
        }
        const char *why = NULL;
        SCOPED(json_free) cJSON *command = json_parse(text, line_length, &why);
        if (!command || !cJSON_IsObject(command)) {
            char reason[120];
            snprintf(reason, sizeof reason, "bad request: not a JSON object: %.80s", why ? why : "wrong kind of value");
            connection_close(connection, 3501, reason);
            return;
        }
        command_run(connection, command);
        text = line_end + 1;
        if (connection->is_connecting && text < end) {
            buffer_append(&connection->held, text, (size_t)(end - text));
            return;
        }
    }
    if (!has_any && !connection->is_closing)
        connection_close(connection, 3501, "bad request: a message without a command");
}

static void command_run(struct connection *connection, cJSON *object)
{
    struct hub *hub = connection->hub;
    const struct command *command = NULL;
    const cJSON *body = NULL;
    int64_t id = 0;
    bool is_send = false;
    hub->stats.commands++;
    for (const cJSON *item = object->child; item; item = item->next) {
        for (size_t i = 0; !command && i < ARRAY_LENGTH(commands); i++)
            if (strcmp(item->string, commands[i].name) == 0) {
                command = &commands[i];
                body = item;
            }
        is_send |= strcmp(item->string, "send") == 0;
    }
    bool has_id = json_int(json_get(object, "id"), &id) && id > 0 && id <= UINT32_MAX;
    if (!connection->is_connected && (!command || command->run != connect_run || !has_id)) {
        connection_close(connection, 3501, "bad request: the first command must be connect");
        return;
    }
    if (!object->child) {
        if (!connection->awaits_pong || connection->pings_by_frame) {
            connection_close(connection, 3501, "bad request: a pong without a ping");
            return;
        }
        connection_pong(connection);
        return;
    }
    if (is_send && !command) {
        connection_close(connection, 3508, "not available: nothing here takes messages sent without an id");
        return;
    }
    if (!command || !has_id || !cJSON_IsObject(body)) {
        connection_close(connection, 3501,
                         !command  ? "bad request: an unknown command"
                         : !has_id ? "bad request: a command needs an id above 0"
                                   : "bad request: a command's content must be an object");
        return;
    }
    const char *wait = command_wait(connection);
    if (connection->is_closing)
        return;
    /* An unsubscribe must not fail: to the SDK that is a broken connection. It costs next to nothing. */
    if (!wait || command->run == unsubscribe_run) {
        command->run(connection, (uint32_t)id, body);
        return;
    }
    hub->stats.errors++;
    connection_send(connection, codec_error((uint32_t)id, 111, wait, true));
}

/* Why this command comes too soon; NULL: it does not. */
static const char *command_wait(struct connection *connection)
{
    const struct settings *settings = connection->hub->settings;
    float per_second = (float)settings->realtime_commands_per_s;
    if (!bucket_take(&connection->commands, clock_monotonic_ms(), per_second, per_second * 4)) {
        if (++connection->refusals == REFUSALS_MAX)
            connection_close(connection, 3013, "too many requests: slow down and connect again");
        return "too many requests: wait a moment";
    }
    if (connection->pending >= (uint32_t)settings->realtime_pending_max)
        return "too many requests: wait for the answers";
    return NULL;
}

/* ---- requests and replies ---- */

static struct request *request_begin(struct connection *connection, uint32_t id, const char *name,
                                     void (*reply)(struct request *request))
{
    struct request *request = dispatch_request(connection->hub->dispatch, name);
    if (!request)
        return NULL;
    request->actor = connection->actor;
    if (connection->persona && !(request->persona = strdup(connection->persona))) {
        request_free(request);
        return NULL;
    }
    memcpy(request->client, connection->client, sizeof request->client);
    memcpy(request->peer, connection->peer, sizeof request->peer);
    request->reply = reply;
    request->door = connection->hub;
    request->door_id = connection->id;
    request->door_tag = id;
    snprintf(request->id, sizeof request->id, "%s-%lu", connection->client, (unsigned long)id);
    connection->pending++;
    return request;
}

/* The connection that asked, if it is still there. */
static struct connection *reply_begin(struct request *request)
{
    struct connection *connection = connection_find(request->door, request->door_id);
    if (connection)
        connection->pending--;
    return connection;
}

static void reply_error(struct connection *connection, uint32_t id, const struct request *request)
{
    SCOPED(buffer_free) struct buffer problem = {0};
    request_problem(request, &problem);
    connection->hub->stats.errors++;
    connection_send(connection,
                    codec_error(id, status_realtime(request->status), problem.bytes ? problem.bytes : "error",
                                status_is_temporary(request->status)));
}

static void refuse(struct connection *connection, uint32_t id, int code, const char *words)
{
    connection->hub->stats.errors++;
    connection_send(connection, codec_error(id, code, words, false));
}

static void plain_reply(struct request *request)
{
    struct connection *connection = reply_begin(request);
    if (!connection)
        return;
    uint32_t id = request->door_tag;
    if (request->status == STATUS_TOKEN_INVALID) {
        token_refuse(connection, request);
        return;
    }
    if (request->status == STATUS_TOKEN_EXPIRED && request->reply_kind == REPLY_REFRESH) {
        connection_close(connection, 3005, "expired: so is the new token");
        return;
    }
    if (!status_is_ok(request->status)) {
        reply_error(connection, id, request);
        return;
    }
    switch (request->reply_kind) {
    case REPLY_REFRESH: {
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
        connection_send(connection, codec_reply(id, "refresh", request->result.bytes, request->result.length));
        break;
    }
    case REPLY_SUB_REFRESH: {
        const char *name = json_get_text(request->params, "channel");
        struct subscription *subscription = name ? subscription_find(connection, name) : NULL;
        SCOPED(json_free) cJSON *result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
        if (subscription)
            subscription_expires(subscription, json_get_int(result, "ttl", 0));
        connection_send(connection, codec_reply(id, "sub_refresh", request->result.bytes, request->result.length));
        break;
    }
    case REPLY_PUBLISH:
        connection_send(connection, codec_reply(id, "publish", "{}", 2));
        break;
    case REPLY_RPC: {
        SCOPED(buffer_free) struct buffer json = {0};
        buffer_text(&json, "{\"data\":");
        buffer_text(&json, request->result.length ? request->result.bytes : "{}");
        buffer_char(&json, '}');
        connection_send(connection, json.has_failed ? NULL : codec_reply(id, "rpc", json.bytes, json.length));
        break;
    }
    default:
        connection_send(connection, codec_reply(id, reply_keys[request->reply_kind], request->result.bytes,
                                                request->result.length));
    }
}

static void request_take_params(struct request *request, cJSON *params)
{
    cJSON_Delete(request->params);
    request->params = params;
}

/* Start @name with a copy of the command's body as parameters. */
static void forward(struct connection *connection, uint32_t id, const char *name, const cJSON *body, int reply_kind)
{
    struct request *request = request_begin(connection, id, name, plain_reply);
    cJSON *params = cJSON_Duplicate(body, true);
    if (!request || !params) {
        cJSON_Delete(params);
        if (request)
            connection->pending--;
        request_free(request);
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    const char *channel = json_get_text(params, "channel");
    granted_set(params, channel ? subscription_find(connection, channel) : NULL);
    request_take_params(request, params);
    request->reply_kind = (uint8_t)reply_kind;
    dispatch_start(request);
}

/* ---- connect ---- */

static void connect_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    if (connection->is_connected || connection->is_connecting) {
        connection_close(connection, 3501, "bad request: a second connect");
        return;
    }
    const char *token = json_get_text(body, "token");
    struct request *request = request_begin(connection, id, "connection.open", connect_reply);
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

/* What a connect still has to do between the home's answer and the reply. */
struct opening {
    uint32_t id, left;  /* of the command; subscriptions without an answer */
    struct buffer json; /* the reply so far */
    const char *comma;
};

void opening_free(struct opening *opening)
{
    if (opening)
        buffer_free(&opening->json);
    free(opening);
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
            announce_joined(subscription);
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

/* The token is of no use: the client is not to try it again. */
static void token_refuse(struct connection *connection, const struct request *request)
{
    char reason[120];
    snprintf(reason, sizeof reason, "invalid token: %.90s", request->detail ? request->detail : "get another one");
    connection_close(connection, 3500, reason);
}

static void persona_take(struct connection *connection, struct request *request)
{
    if (!request->persona_is_new)
        return;
    free(connection->persona);
    connection->persona = TAKE(request->persona);
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
        token_refuse(connection, request);
        return false;
    case STATUS_LIMIT:
        connection_close(connection, 3505, "channel limit: the token names more channels than one may have");
        return false;
    case STATUS_FORBIDDEN:
        connection_close(connection, 3507, "permission denied: sign in first, nothing here is open to everyone");
        return false;
    default:
        reply_error(connection, request->door_tag, request);
        connection->is_connecting = false;
        buffer_clear(&connection->held); /* what was sent behind it counted on it */
        return false;
    }
}

static void connect_reply(struct request *request)
{
    struct connection *connection = reply_begin(request);
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
    if (connection->actor.user_id &&
        hub_user_count(hub, connection->actor.user_id) >= (uint32_t)hub->settings->realtime_user_connections_max) {
        connection_close(connection, 3504, "connection limit: you have too many connections open");
        return;
    }
    connection->credential[0] = '\0';
    if (connection_identify(connection) && opening_start(connection, request, result))
        opening_next(connection);
    else
        connection_close(connection, 3004, "server error: no memory, try again");
}

/* ---- subscribe ---- */

static bool channel_name_is_fine(const char *name)
{
    return name && name[0] && strlen(name) <= CHANNEL_NAME_MAX;
}

static void subscribe_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    struct hub *hub = connection->hub;
    const char *name = json_get_text(body, "channel");
    const struct kind_entry *kind = name ? kind_find(hub, name) : NULL;
    if (!channel_name_is_fine(name))
        refuse(connection, id, 107, "bad request: a channel has a name of 1 to 255 bytes");
    else if (!kind)
        refuse(connection, id, 102, "unknown channel: there is no channel of this kind");
    else if (subscription_find(connection, name))
        refuse(connection, id, 105, "already subscribed");
    else if (kind->kind->is_server_side_only)
        refuse(connection, id, 103, "permission denied: the server subscribes you to this channel itself");
    else if (connection->subscriptions_count >= (uint32_t)hub->settings->realtime_channels_max)
        refuse(connection, id, 106, "limit exceeded: unsubscribe from other channels first");
    else {
        enum status status;
        struct channel *channel = channel_get(hub, name, strlen(name), &status);
        struct subscription *subscription = channel ? subscription_new(connection, channel) : NULL;
        if (!subscription) {
            if (channel)
                channel_release(channel);
            refuse(connection, id, 100, "internal error: no memory");
            return;
        }
        subscription->command_id = id;
        subscription->wants_join_leave = json_get_bool(body, "join_leave");
        command_subscribe_send(subscription, body, true);
    }
}

/* Ask the home. On an edge the bus must listen first, so that nothing falls between the log and the live events;
 * until then the command waits with its subscription. */
void command_subscribe_send(struct subscription *subscription, const cJSON *command, bool leaves_out)
{
    struct connection *connection = subscription->connection;
    struct hub *hub = connection->hub;
    struct channel *channel = subscription->channel;
    if (channel->listen != LISTEN_ON) {
        subscription->waiting = cJSON_Duplicate(command, true);
        if (!subscription->waiting)
            connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    struct request *request = request_begin(connection, subscription->command_id, "channel.subscribe", subscribe_reply);
    cJSON *params = cJSON_Duplicate(command, true);
    if (!request || !params) {
        cJSON_Delete(params);
        if (request)
            connection->pending--;
        request_free(request);
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    granted_set(params, subscription);
    /* The home tells others who listens here. */
    if (subscription->persona) {
        free(request->persona);
        request->persona = strdup(subscription->persona);
    }
    request_take_params(request, params);
    /* Whatever the client called so is none of its business. */
    while (json_get(params, "leaves_out"))
        cJSON_DeleteItemFromObjectCaseSensitive(params, "leaves_out");
    if (leaves_out && !subscription->is_server_side && dispatch_is_edge(hub->dispatch) &&
        hub->settings->realtime_recent_events && json_get_bool(params, "recover"))
        cJSON_AddTrueToObject(params, "leaves_out");
    dispatch_start(request);
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

/* It subscribes to what its token named: whether it may is not asked, unless what happened is none of its rights. */
static void server_side_answered(struct subscription *subscription, const struct request *request)
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

/* Whether a token opened the channel is said by the node that has the connection, and never by its client. */
static void granted_set(cJSON *params, const struct subscription *subscription)
{
    cJSON_DeleteItemFromObjectCaseSensitive(params, "granted");
    if (subscription && subscription->by_token)
        cJSON_AddTrueToObject(params, "granted");
}

static void announce_joined(const struct subscription *subscription)
{
    struct client_info info = subscription_info(subscription);
    channel_announce(subscription->channel, true, &info); /* on an edge the home does it */
}

static void token_noted(struct subscription *subscription, struct request *request)
{
    const char *token = json_get_text(request->params, "token");
    if (!token || !token[0] || !subscription->channel->kind->takes_tokens)
        return;
    SCOPED(json_free) cJSON *result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
    subscription->by_token = true;
    subscription_expires(subscription, json_get_int(result, "ttl", 0));
    if (request->persona_is_new)
        subscription->persona = TAKE(request->persona);
}

static void subscription_expires(struct subscription *subscription, int64_t ttl_s)
{
    int64_t grace_s = subscription->connection->hub->settings->token_grace_s;
    subscription->expires_ms = ttl_s ? clock_wall_ms() + (ttl_s + grace_s) * 1000 : 0;
}

static void subscribe_reply(struct request *request)
{
    struct connection *connection = reply_begin(request);
    if (!connection || connection->is_closing)
        return;
    uint32_t id = request->door_tag;
    const char *name = json_get_text(request->params, "channel");
    struct subscription *subscription = subscription_find(connection, name);
    if (!subscription || subscription->is_live || subscription->command_id != id) {
        refuse(connection, id, 103, WITHDRAWN);
        return;
    }
    if (!status_is_ok(request->status) && !subscription->is_server_side) {
        if (request->status == STATUS_TOKEN_INVALID)
            token_refuse(connection, request);
        else
            reply_error(connection, id, request);
        subscription_free(subscription);
        return;
    }
    struct channel *channel = subscription->channel;
    if (request->position.is_positioned && !channel->is_synced) {
        memcpy(channel->epoch, request->position.epoch, sizeof channel->epoch);
        if (request->position.offset > channel->offset)
            channel->offset = request->position.offset;
        channel->is_synced = true;
    }
    if (subscription->is_server_side) {
        server_side_answered(subscription, request);
        return;
    }
    token_noted(subscription, request);
    if (!edge_recover(subscription, request))
        command_subscribed(subscription, request->result.bytes, request->result.length, request->position.offset);
}

void command_subscribed(struct subscription *subscription, const char *json, size_t length, uint64_t position)
{
    struct connection *connection = subscription->connection;
    connection_send(connection, codec_reply(subscription->command_id, "subscribe", json, length));
    subscription_start(subscription, position);
    announce_joined(subscription);
}

/* While the home is asked, its answer is still to come, and finds that out by itself. */
void command_subscribe_withdraw(struct subscription *subscription)
{
    if (subscription->waiting || subscription->recovery)
        refuse(subscription->connection, subscription->command_id, 103, WITHDRAWN);
}

static void unsubscribe_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *name = json_get_text(body, "channel");
    if (!channel_name_is_fine(name)) {
        refuse(connection, id, 107, "bad request: a channel has a name of 1 to 255 bytes");
        return;
    }
    struct subscription *subscription = subscription_find(connection, name);
    if (subscription)
        command_subscribe_withdraw(subscription);
    connection_send(connection, codec_reply(id, "unsubscribe", "{}", 2));
    if (subscription)
        subscription_free(subscription);
}

/* ---- the others ---- */

/* The parameters of what publishing is in this channel. NULL: it does not take such data. */
static cJSON *publish_params(struct connection *connection, const struct channel_kind *kind, const char *name,
                             const cJSON *data)
{
    cJSON *copy = cJSON_Duplicate(data, true);
    if (copy && kind->publish_params) {
        cJSON *params = kind->publish_params(name + strlen(kind->prefix), copy);
        cJSON_Delete(copy);
        return params;
    }
    const struct subscription *subscription = subscription_find(connection, name);
    SCOPED(json_free) cJSON *params = cJSON_CreateObject();
    if (!copy || !params || !cJSON_AddItemToObject(params, "data", copy)) {
        cJSON_Delete(copy);
        return NULL;
    }
    bool is_fine = cJSON_AddStringToObject(params, "channel", name) &&
                   cJSON_AddBoolToObject(params, "is_subscribed", subscription && subscription->is_live);
    return is_fine ? TAKE(params) : NULL;
}

static void publish_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *name = json_get_text(body, "channel");
    const cJSON *data = json_get(body, "data");
    const struct kind_entry *entry = name ? kind_find(connection->hub, name) : NULL;
    if (!channel_name_is_fine(name) || !data) {
        refuse(connection, id, 107, "bad request: publish needs a channel and data");
        return;
    }
    if (!entry) {
        refuse(connection, id, 102, "unknown channel: there is no channel of this kind");
        return;
    }
    if (!entry->kind->publish_route) {
        refuse(connection, id, 103, "permission denied: nobody may publish here");
        return;
    }
    cJSON *params = publish_params(connection, entry->kind, name, data);
    if (!params) {
        refuse(connection, id, 107, "bad request: the channel does not take such data");
        return;
    }
    struct request *request = request_begin(connection, id, entry->kind->publish_route, plain_reply);
    if (!request) {
        cJSON_Delete(params);
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    request_take_params(request, params);
    request->reply_kind = REPLY_PUBLISH;
    dispatch_start(request);
}

static void history_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    forward(connection, id, "channel.history", body, REPLY_HISTORY);
}
static void presence_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    forward(connection, id, "channel.presence", body, REPLY_PRESENCE);
}
static void presence_stats_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    forward(connection, id, "channel.presence_stats", body, REPLY_PRESENCE_STATS);
}

static void rpc_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *method = json_get_text(body, "method");
    const cJSON *data = json_get(body, "data");
    struct request *request = method ? request_begin(connection, id, method, plain_reply) : NULL;
    if (request && request->route->flags & (ROUTE_NODE | ROUTE_HTTP_ONLY)) {
        connection->pending--;
        request_free(request);
        request = NULL;
    }
    if (!request) {
        refuse(connection, id, 108, "not available: there is no such method");
        return;
    }
    cJSON *params = data && cJSON_IsObject(data) ? cJSON_Duplicate(data, true) : NULL;
    if (params)
        request_take_params(request, params);
    request->reply_kind = REPLY_RPC;
    bool is_object = params || !data || cJSON_IsNull(data);
    if (is_object && !request_take_conditions(request)) {
        request_finish(request, STATUS_MALFORMED);
        return;
    }
    if (is_object) {
        dispatch_start(request);
        return;
    }
    connection->pending--;
    request_free(request);
    refuse(connection, id, 107, "bad request: the parameters must be an object");
}

static void refresh_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *token = json_get_text(body, "token");
    struct request *request = request_begin(connection, id, "connection.refresh", plain_reply);
    if (!request) {
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    request->reply_kind = REPLY_REFRESH;
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

/* A new token for what an older one opened. */
static void sub_refresh_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *name = json_get_text(body, "channel"), *token = json_get_text(body, "token");
    const struct subscription *subscription = name ? subscription_find(connection, name) : NULL;
    if (!channel_name_is_fine(name) || !token || !token[0])
        refuse(connection, id, 107, "bad request: sub_refresh needs a channel and a token");
    else if (!subscription || !subscription->is_live)
        refuse(connection, id, 103, "permission denied: you are not subscribed to this channel");
    else if (!subscription->by_token || subscription->is_server_side)
        refuse(connection, id, 108, "not available: no token of its own opened this subscription");
    else
        forward(connection, id, "channel.refresh", body, REPLY_SUB_REFRESH);
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

static void unavailable_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    (void)body;
    refuse(connection, id, 108, "not available");
}
