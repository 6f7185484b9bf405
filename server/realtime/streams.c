/* realtime/streams.c: the doors for those whose WebSocket does not get through: a stream that is opened by its first
 * commands, and requests that bring the further ones. */
#include <stdlib.h>
#include <string.h>
#include "base/rest.h"
#include "realtime/internal.h"

#define NODE_TEXT_MAX    64
#define SESSION_TEXT_MAX 64

struct door {
    const char *path;
    enum http_method method;
    void (*run)(struct hub *hub, struct http *http, const struct http_request *request);
};

static void lines_open(struct hub *hub, struct http *http, const struct http_request *request);
static void events_open(struct hub *hub, struct http *http, const struct http_request *request);
static void connection_open(struct hub *hub, struct http *http, const struct http_request *request,
                            enum stream_kind kind, struct buffer *commands);
static bool may_use_cookie(const struct http_request *request);
static void commands_take(struct hub *hub, struct http *http, const struct http_request *request);
static bool is_name(const char *text, size_t length_max);
static void writable(void *peer);
static void closed(void *peer);

static const struct door doors[] = {
    {"/connection/http_stream", HTTP_M_POST, lines_open},
    {"/connection/sse", HTTP_M_GET, events_open},
    {"/emulation", HTTP_M_POST, commands_take},
};
static const struct stream_handlers handlers = {writable, closed};

bool hub_answer(struct hub *hub, struct http *http, const struct http_request *request)
{
    for (size_t i = 0; i < ARRAY_LENGTH(doors); i++) {
        const struct door *door = &doors[i];
        if (strcmp(request->path, door->path) != 0)
            continue;
        SCOPED(buffer_free) struct buffer allow = {0};
        buffer_text(&allow, http_method_text(door->method));
        if (request->method != door->method)
            rest_answer_methods(http, request, &allow);
        else if (!request->is_own_origin)
            http_answer_problem(http, request->id, STATUS_FORBIDDEN, "Pages of this origin may not connect.");
        else
            door->run(hub, http, request);
        return true;
    }
    return false;
}

/* ---- streams ---- */

static void lines_open(struct hub *hub, struct http *http, const struct http_request *request)
{
    SCOPED(buffer_free) struct buffer commands = {0};
    buffer_append(&commands, request->body, request->body_length);
    connection_open(hub, http, request, STREAM_LINES, &commands);
}

static void events_open(struct hub *hub, struct http *http, const struct http_request *request)
{
    SCOPED(buffer_free) struct buffer commands = {0};
    if (http_query(request->query, "cf_connect", &commands))
        connection_open(hub, http, request, STREAM_EVENTS, &commands);
    else
        http_answer_problem(http, request->id, STATUS_MALFORMED,
                            "The commands, connect first, belong into the parameter cf_connect.");
}

static void connection_open(struct hub *hub, struct http *http, const struct http_request *request,
                            enum stream_kind kind, struct buffer *commands)
{
    if (commands->length > (size_t)hub->settings->realtime_message_bytes_max) {
        http_answer_problem(http, request->id, STATUS_TOO_LARGE, "These are more commands than one message may hold.");
        return;
    }
    const struct websocket_hello hello = {
        .peer = request->peer,
        .cookie = may_use_cookie(request) ? http_header(request, "Cookie") : NULL,
        .agent = http_header(request, "User-Agent"),
        .query = request->query,
        .is_secure = request->is_secure,
    };
    struct connection *connection = commands->has_failed ? NULL : connection_new(hub, &hello);
    if (!connection || !emulation_start(connection, kind)) {
        if (connection)
            connection_gone(connection);
        http_answer_problem(http, request->id, STATUS_UNAVAILABLE, "There is not enough memory: try again soon.");
        return;
    }
    struct stream_options options = {.kind = kind, .handlers = &handlers, .peer = connection};
    connection->emulation->stream = stream_open(http, request->id, &options);
    if (!connection->emulation->stream) {
        connection_gone(connection);
        return;
    }
    connection_greet(connection, &hello);
    connection_message(connection, commands->bytes ? commands->bytes : (char[]){""}, commands->length);
}

/* A browser sends the cookie with whatever asks, also when somebody follows a link to a stream whose first commands are
 * another's; so it only counts if a script of an allowed page asked. The Origin says that, and where there is none, as
 * with an EventSource of our own page, how the browser says that it was asked. */
static bool may_use_cookie(const struct http_request *request)
{
    const char *site = http_header(request, "Sec-Fetch-Site"), *mode = http_header(request, "Sec-Fetch-Mode");
    return request->has_origin || (site && strcmp(site, "same-origin") == 0 && mode && strcmp(mode, "navigate") != 0 &&
                                   strcmp(mode, "no-cors") != 0);
}

static void writable(void *peer)
{
    fanout_connection(peer);
}

static void closed(void *peer)
{
    struct connection *connection = peer;
    connection->emulation->stream = NULL;
    connection_gone(connection);
}

/* ---- what they say later ---- */

/* The answer is the same whether there is such a session or not, and what it says is answered in its stream. */
static void commands_take(struct hub *hub, struct http *http, const struct http_request *request)
{
    const char *why = NULL;
    SCOPED(json_free) cJSON *object = json_parse(request->body, request->body_length, &why);
    const char *session = json_get_text(object, "session"), *node = json_get_text(object, "node");
    const char *text = json_get_text(object, "data");
    size_t length = text ? strlen(text) : 0;
    if (!is_name(session, SESSION_TEXT_MAX) || !is_name(node, NODE_TEXT_MAX) || !text)
        http_answer_problem(
            http, request->id, STATUS_MALFORMED,
            "Send {\"session\", \"node\", \"data\"}: the first two as the reply to connect had them, and "
            "the commands as a text.");
    else if (length > (size_t)hub->settings->realtime_message_bytes_max)
        http_answer_problem(http, request->id, STATUS_TOO_LARGE, "These are more commands than one message may hold.");
    else if (!emulation_send(hub, session, node, text, length))
        http_answer_problem(http, request->id, STATUS_UNAVAILABLE,
                            "This node cannot reach the one that holds the stream: connect again.");
    else
        http_answer(http, request->id, &(struct http_answer){.status = 204});
}

static bool is_name(const char *text, size_t length_max)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = text ? strlen(text) : 0;
    return length > 0 && length <= length_max && strspn(text, alphabet) == length;
}
