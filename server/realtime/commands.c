/* realtime/commands.c: what clients may say: commands to requests, and the requests' answers to replies. Those that
 * begin and end something have files of their own: command_connect.c and command_subscribe.c. */
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/json.h"
#include "realtime/internal.h"

#define REFUSALS_MAX 200 /* commands over the rate before the connection is closed */

struct command {
    const char *name;
    void (*run)(struct connection *connection, uint32_t id, const cJSON *body);
};

static void command_run(struct connection *connection, cJSON *command);
static const char *command_wait(struct connection *connection);
static void publish_run(struct connection *connection, uint32_t id, const cJSON *body);
static void history_run(struct connection *connection, uint32_t id, const cJSON *body);
static void presence_run(struct connection *connection, uint32_t id, const cJSON *body);
static void presence_stats_run(struct connection *connection, uint32_t id, const cJSON *body);
static void rpc_run(struct connection *connection, uint32_t id, const cJSON *body);
static void unavailable_run(struct connection *connection, uint32_t id, const cJSON *body);
static void granted_set(cJSON *params, const struct subscription *subscription);

static const struct command commands[] = {
    {"publish", publish_run},         {"rpc", rpc_run},
    {"subscribe", command_subscribe}, {"unsubscribe", command_unsubscribe},
    {"connect", command_connect},     {"history", history_run},
    {"presence", presence_run},       {"presence_stats", presence_stats_run},
    {"refresh", command_refresh},     {"sub_refresh", command_sub_refresh},
    {"ping", unavailable_run},
};

/* The reply's key, kept in the request as the door's tag knows only the id. */
enum { REPLY_PUBLISH, REPLY_RPC, REPLY_HISTORY, REPLY_PRESENCE, REPLY_PRESENCE_STATS };
static const char *const reply_keys[] = {"publish", "rpc", "history", "presence", "presence_stats"};

void commands_handle(struct connection *connection, char *text, size_t length)
{
    commands_read(connection, text, length, connection->hub->settings->realtime_commands_max);
}

void commands_read(struct connection *connection, char *text, size_t length, int64_t commands_max)
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
    if (!connection->is_connected && (!command || command->run != command_connect || !has_id)) {
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
    if (!wait || command->run == command_unsubscribe) {
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

struct request *command_request(struct connection *connection, uint32_t id, const char *name,
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

struct connection *command_answered(struct request *request)
{
    struct connection *connection = connection_find(request->door, request->door_id);
    if (connection)
        connection->pending--;
    return connection;
}

void command_fail(struct connection *connection, uint32_t id, const struct request *request)
{
    if (request->status == STATUS_TOKEN_INVALID) {
        char reason[120];
        snprintf(reason, sizeof reason, "invalid token: %.90s", request->detail ? request->detail : "get another one");
        connection_close(connection, 3500, reason);
        return;
    }
    SCOPED(buffer_free) struct buffer problem = {0};
    request_problem(request, &problem);
    connection->hub->stats.errors++;
    connection_send(connection,
                    codec_error(id, status_realtime(request->status), problem.bytes ? problem.bytes : "error",
                                status_is_temporary(request->status)));
}

void command_refuse(struct connection *connection, uint32_t id, int code, const char *words)
{
    connection->hub->stats.errors++;
    connection_send(connection, codec_error(id, code, words, false));
}

static void plain_reply(struct request *request)
{
    struct connection *connection = command_answered(request);
    if (!connection)
        return;
    uint32_t id = request->door_tag;
    if (!status_is_ok(request->status)) {
        command_fail(connection, id, request);
        return;
    }
    switch (request->reply_kind) {
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

struct request *command_request_like(struct connection *connection, uint32_t id, const char *name, const cJSON *body,
                                     const struct subscription *subscription, void (*reply)(struct request *request))
{
    struct request *request = command_request(connection, id, name, reply);
    cJSON *params = cJSON_Duplicate(body, true);
    if (!request || !params) {
        cJSON_Delete(params);
        if (request)
            connection->pending--;
        request_free(request);
        connection_close(connection, 3004, "server error: no memory, try again");
        return NULL;
    }
    granted_set(params, subscription);
    request_take_params(request, params);
    return request;
}

/* Whether a token opened the channel is said by the node that has the connection, and never by its client. */
static void granted_set(cJSON *params, const struct subscription *subscription)
{
    cJSON_DeleteItemFromObjectCaseSensitive(params, "granted");
    if (subscription && subscription->by_token)
        cJSON_AddTrueToObject(params, "granted");
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
        command_refuse(connection, id, 107, "bad request: publish needs a channel and data");
        return;
    }
    if (!entry) {
        command_refuse(connection, id, 102, "unknown channel: there is no channel of this kind");
        return;
    }
    if (!entry->kind->publish_route) {
        command_refuse(connection, id, 103, "permission denied: nobody may publish here");
        return;
    }
    cJSON *params = publish_params(connection, entry->kind, name, data);
    if (!params) {
        command_refuse(connection, id, 107, "bad request: the channel does not take such data");
        return;
    }
    struct request *request = command_request(connection, id, entry->kind->publish_route, plain_reply);
    if (!request) {
        cJSON_Delete(params);
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    request_take_params(request, params);
    request->reply_kind = REPLY_PUBLISH;
    dispatch_start(request);
}

/* Start @name with a copy of the command's body as parameters. */
static void forward(struct connection *connection, uint32_t id, const char *name, const cJSON *body, int reply_kind)
{
    const char *channel = json_get_text(body, "channel");
    struct request *request = command_request_like(
        connection, id, name, body, channel ? subscription_find(connection, channel) : NULL, plain_reply);
    if (!request)
        return;
    request->reply_kind = (uint8_t)reply_kind;
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
    struct request *request = method ? command_request(connection, id, method, plain_reply) : NULL;
    if (request && request->route->flags & (ROUTE_NODE | ROUTE_HTTP_ONLY)) {
        connection->pending--;
        request_free(request);
        request = NULL;
    }
    if (!request) {
        command_refuse(connection, id, 108, "not available: there is no such method");
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
    command_refuse(connection, id, 107, "bad request: the parameters must be an object");
}

static void unavailable_run(struct connection *connection, uint32_t id, const cJSON *body)
{
    (void)body;
    command_refuse(connection, id, 108, "not available");
}
