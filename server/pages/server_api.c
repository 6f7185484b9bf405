/* pages/server_api.c: the server API for back ends. Any node checks the key and hands the call to the home, where it
 * is one of the channels' own actions, done for the one who is trusted like the shell. */
#include "pages/server_api.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/node_name.h"
#include "base/remote.h"

#define PREFIX           "/api/"
#define REASON_BYTES_MAX 100 /* of a close frame, which takes 123 */
#define MODE_TRANSPORT   1   /* request->door_tag: errors are told by the HTTP status too */

struct method {
    const char *name, *action; /* NULL: run does it */
    void (*run)(struct request *request, const cJSON *body);
};

static void call_start(struct request *request);
static void unsubscribe_run(struct request *request, const cJSON *body);
static void disconnect_run(struct request *request, const cJSON *body);
static void info_run(struct request *request, const cJSON *body);
static void call_answered(struct request *request);
static void child_answered(struct request *child);

static const struct method methods[] = {
    {"publish", "channel.publish", NULL},   {"broadcast", "channel.broadcast", NULL},
    {"history", "channel.history", NULL},   {"history_remove", "channel.history_remove", NULL},
    {"presence", "channel.presence", NULL}, {"presence_stats", "channel.presence_stats", NULL},
    {"channels", "channel.list", NULL},     {"unsubscribe", NULL, unsubscribe_run},
    {"disconnect", NULL, disconnect_run},   {"info", NULL, info_run},
};

static const struct route api_routes[] = {{.name = "api.call", .flags = ROUTE_NODE, .start = call_start}};

void server_api_add(struct dispatch *dispatch, struct ops *ops)
{
    dispatch_add(dispatch, api_routes, ARRAY_LENGTH(api_routes), ops);
}

/* ---- at the door ---- */

static const struct method *method_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LENGTH(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

static bool key_is_right(const struct http_request *request, const char *key)
{
    const char *sent = http_header(request, "X-API-Key"), *authorization = http_header(request, "Authorization");
    if (!sent && authorization && strncasecmp(authorization, "apikey ", 7) == 0)
        sent = authorization + 7;
    return sent && digest_equal(sent, key);
}

static void answer_send(struct http *http, uint64_t id, int status, const struct buffer *json)
{
    struct http_answer answer = {
        .status = status, .content_type = "application/json", .body = json->bytes, .body_length = json->length};
    if (json->has_failed)
        http_answer_problem(http, id, STATUS_UNAVAILABLE, NULL);
    else
        http_answer(http, id, &answer);
}

bool server_api_answer(struct dispatch *dispatch, struct http *http, const struct http_request *http_request)
{
    const struct settings *settings = dispatch_settings(dispatch);
    if (strncmp(http_request->path, PREFIX, strlen(PREFIX)) != 0 || !settings->api_key[0])
        return false;
    const char *name = http_request->path + strlen(PREFIX), *why = NULL;
    if (!method_find(name))
        return false;
    if (!key_is_right(http_request, settings->api_key)) {
        http_answer_problem(http, http_request->id, STATUS_UNAUTHENTICATED,
                            "Send the key of the server API as \"X-API-Key: KEY\".");
        return true;
    }
    if (http_request->method != HTTP_M_POST) {
        http_answer_problem(http, http_request->id, STATUS_METHOD_NOT_ALLOWED, "The server API takes POST only.");
        return true;
    }
    const char *text = http_request->body_length ? http_request->body : "{}";
    cJSON *body = json_parse(text, http_request->body_length ? http_request->body_length : 2, &why);
    if (!cJSON_IsObject(body)) {
        cJSON_Delete(body);
        http_answer_problem(http, http_request->id, STATUS_MALFORMED, why ? why : "The body must be a JSON object.");
        return true;
    }
    struct request *request = dispatch_request(dispatch, "api.call");
    bool is_made = request && cJSON_AddStringToObject(request->params, "method", name);
    if (!is_made || !cJSON_AddItemToObject(request->params, "body", body)) {
        cJSON_Delete(body);
        request_free(request);
        http_answer_problem(http, http_request->id, STATUS_UNAVAILABLE, NULL);
        return true;
    }
    const char *mode = http_header(http_request, "X-Centrifugo-Error-Mode");
    request->reply = call_answered;
    request->door = http;
    request->door_id = http_request->id;
    request->door_tag = mode && strcmp(mode, "transport") == 0 ? MODE_TRANSPORT : 0;
    snprintf(request->id, sizeof request->id, "%s", http_request->request_id);
    dispatch_start(request);
    return true;
}

static void call_answered(struct request *request)
{
    SCOPED(buffer_free) struct buffer json = {0};
    bool is_fine = status_is_ok(request->status), is_transport = request->door_tag == MODE_TRANSPORT;
    if (is_fine) {
        buffer_printf(&json, "{\"result\":%s}", request->result.length ? request->result.bytes : "{}");
    } else {
        buffer_printf(&json, "{\"error\":{\"code\":%d,", status_realtime(request->status));
        buffer_json_member(&json, "message", request->detail ? request->detail : status_words(request->status));
        buffer_text(&json, "}}");
    }
    answer_send(request->door, request->door_id, is_fine || !is_transport ? 200 : status_http(request->status), &json);
}

/* ---- at the home ---- */

/* Rooms and feeds tell of what is in the data base, and only what is committed there is told. */
static bool is_durable(const char *channel)
{
    static const char *const prefixes[] = {"room:", "user:", "model:"};
    for (size_t i = 0; channel && i < ARRAY_LENGTH(prefixes); i++)
        if (strncmp(channel, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void call_start(struct request *request)
{
    const struct method *method = method_find(json_get_text(request->params, "method"));
    cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(request->params, "body");
    if (!method || !cJSON_IsObject(body)) {
        cJSON_Delete(body);
        request_finish(request, STATUS_UNKNOWN_METHOD);
        return;
    }
    if (method->run) {
        method->run(request, body);
        cJSON_Delete(body);
        return;
    }
    struct request *child = NULL;
    if (strcmp(method->name, "publish") == 0 && is_durable(json_get_text(body, "channel")))
        request_refuse(request, STATUS_UNKNOWN_METHOD,
                       "Nothing is published here: what is said in a room is a message (POST "
                       "/api/v1/room/ID/message), and the server writes its feeds itself.");
    else
        child = dispatch_request(request->dispatch, method->action);
    if (!child) {
        cJSON_Delete(body);
        request_finish(request, STATUS_UNKNOWN_METHOD);
        return;
    }
    cJSON_Delete(child->params);
    child->params = body;
    child->actor = (struct actor){.is_shell = true};
    memcpy(child->id, request->id, sizeof child->id);
    child->reply = child_answered;
    child->door = request;
    dispatch_start(child);
}

static void child_answered(struct request *child)
{
    struct request *request = child->door;
    struct buffer *json = request_result(request);
    if (child->detail)
        request_refuse(request, child->status, "%s", child->detail);
    buffer_append(json, child->result.bytes, child->result.length);
    request_finish(request, child->status);
}

/* Whom `user` and `client` name. False: it was refused. A user is never left out by mistake: that would be everybody.
 */
static bool who_read(struct request *request, const cJSON *body, struct hub_who *who)
{
    const char *user = json_get_text(body, "user"), *client = json_get_text(body, "client");
    const char *unknown = json_get(body, "session") ? "session" : json_get(body, "whitelist") ? "whitelist" : NULL;
    bool is_user = user && user[0] && strlen(user) <= PERSON_BYTES_MAX;
    bool is_client = !json_get(body, "client") || (client && client[0] && strlen(client) < RANDOM_ID_SIZE);
    if (unknown)
        request_refuse(request, STATUS_MALFORMED,
                       "%s is not known here: name one connection with client, or leave it out for all.", unknown);
    else if (!is_user)
        request_refuse(request, STATUS_MALFORMED,
                       "user must be the id of a user here, as a text such as \"17\", or "
                       "what the tokens of another system call him.");
    else if (!is_client)
        request_refuse(request, STATUS_MALFORMED, "client must be the id of a connection, as a text.");
    if (unknown || !is_user || !is_client) {
        request_finish(request, STATUS_MALFORMED);
        return false;
    }
    *who = hub_who_named(user);
    who->client = client;
    return true;
}

static void unsubscribe_run(struct request *request, const cJSON *body)
{
    const struct ops *ops = request->app;
    const char *channel = json_get_text(body, "channel");
    struct hub_who who;
    if (!who_read(request, body, &who))
        return;
    if (!channel || !channel[0] || strlen(channel) > 255) {
        request_refuse(request, STATUS_MALFORMED, "A channel has a name of 1 to 255 bytes.");
        request_finish(request, STATUS_MALFORMED);
        return;
    }
    hub_unsubscribe_who(ops->hub, &who, channel);
    request_finish(request, STATUS_OK);
}

static void disconnect_run(struct request *request, const cJSON *body)
{
    const struct ops *ops = request->app;
    const cJSON *how = json_get(body, "disconnect") ? json_get(body, "disconnect") : body;
    const char *reason = json_get_text(how, "reason");
    int64_t code = json_get_int(how, "code", 3503);
    struct hub_who who;
    if (!who_read(request, body, &who))
        return;
    if (code < 3000 || code > 4999 || (reason && (!reason[0] || strlen(reason) > REASON_BYTES_MAX))) {
        request_refuse(request, STATUS_MALFORMED, "code is 3000 to 4999, reason a text of 1 to %d bytes.",
                       REASON_BYTES_MAX);
        request_finish(request, STATUS_MALFORMED);
        return;
    }
    hub_disconnect_who(ops->hub, &who, (uint16_t)code, reason ? reason : "force disconnect");
    request_finish(request, STATUS_OK);
}

static void node_print(struct buffer *json, const char *name, int64_t clients)
{
    buffer_char(json, '{');
    buffer_json_member(json, "uid", name);
    buffer_char(json, ',');
    buffer_json_member(json, "name", name);
    buffer_printf(json, ",\"version\":\"" PARLEY_VERSION "\",\"num_clients\":%lld", (long long)clients);
}

static void info_run(struct request *request, const cJSON *body)
{
    (void)body;
    const struct ops *ops = request->app;
    struct buffer *json = request_result(request);
    struct hub_stats stats;
    struct remote_node node;
    size_t cursor = 0;
    hub_stats(ops->hub, &stats);
    buffer_text(json, "{\"nodes\":[");
    node_print(json, node_name(), (int64_t)stats.connections);
    buffer_printf(json, ",\"num_users\":%zu,\"num_channels\":%zu,\"num_subs\":%zu}", stats.users, stats.channels,
                  stats.subscriptions);
    while (ops->remote && remote_node_next(ops->remote, &cursor, &node)) {
        buffer_char(json, ',');
        node_print(json, node.name, node.connections);
        buffer_char(json, '}');
    }
    buffer_text(json, "]}");
    request_finish(request, STATUS_OK);
}
