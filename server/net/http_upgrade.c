/* net/http_upgrade.c: from a request to a WebSocket (RFC 6455, section 4.2). All checks are made here, with
 * real HTTP answers; what goes on to libwebsockets is a request of our own making. */
#include <string.h>
#include <strings.h>

#include "net/http_connection.h"

#define KEY_LENGTH 24 /* 16 bytes in base64 */

static const struct http_refusal other_upgrade = {400, "malformed", "The only upgrade is to websocket."};
static const struct http_refusal not_here = {404, "not_found", "There is no WebSocket at this address."};
static const struct http_refusal no_upgrade = {426, "upgrade_required", "Ask for a WebSocket, version 13, here."};
static const struct http_refusal bad_handshake = {400, "malformed", "The WebSocket handshake is malformed."};
static const struct http_refusal bad_origin = {403, "forbidden", "Pages of this origin may not connect."};
static const struct http_refusal too_many = {503, "busy", "There are too many connections from this address."};
static const struct http_refusal is_closing = {503, "busy", "The server is stopping."};

static const struct http_refusal *upgrade_check(const struct http_connection *connection);
static bool key_is_valid(const char *key);
static const char *protocol_pick(const struct http_headers *headers);
static bool query_has(const char *query, const char *parameter);

void http_upgrade(struct http_connection *connection)
{
    struct http *http = connection->http;
    const struct http_request *request = &connection->request;
    const struct http_refusal *refusal = upgrade_check(connection);
    if (!refusal && connection->is_proxied && !gate_admit_forwarded(http->gate, request->peer, &connection->address))
        refusal = &too_many;
    if (refusal) {
        http->stats.refused++;
        http_answer_refuse(connection, refusal);
        return;
    }

    const char *protocol = protocol_pick(request->headers);
    struct websocket_upgrade upgrade = {
        .key = http_known(request->headers, HTTP_KNOWN_WEBSOCKET_KEY),
        .protocol = protocol,
        .rest = connection->in.bytes + connection->raw,
        .rest_length = connection->in.length - connection->raw,
        .received = connection->received - (connection->in.length - connection->raw),
    };
    struct websocket_hello hello = {
        .peer = request->peer,
        .cookie = request->has_origin ? http_known(request->headers, HTTP_KNOWN_COOKIE) : NULL,
        .origin = http_known(request->headers, HTTP_KNOWN_ORIGIN),
        .agent = http_header(request, "User-Agent"),
        .query = request->query,
        .is_secure = request->is_secure,
        .wants_protobuf = (protocol && strcmp(protocol, "centrifuge-protobuf") == 0) ||
                          query_has(request->query, "cf_protocol=protobuf") ||
                          query_has(request->query, "format=protobuf"),
        .wants_frame_ping = query_has(request->query, "cf_ws_frame_ping_pong=true"),
    };
    http->stats.upgrades++;
    /* The poll handle lets go of the socket before libwebsockets makes one of its own for it. */
    uv_poll_stop(&connection->poll);
    int fd = connection->fd;
    connection->fd = -1;
    websockets_adopt(http->websockets, fd, &upgrade, &hello, connection->address);
    http_connection_close(connection);
}

static const struct http_refusal *upgrade_check(const struct http_connection *connection)
{
    const struct http *http = connection->http;
    const struct http_request *request = &connection->request;
    const struct http_headers *headers = request->headers;
    const char *upgrade = http_known(headers, HTTP_KNOWN_UPGRADE);
    const char *version = http_known(headers, HTTP_KNOWN_WEBSOCKET_VERSION);
    const char *key = http_known(headers, HTTP_KNOWN_WEBSOCKET_KEY);
    if (upgrade && strcasecmp(upgrade, "websocket") != 0)
        return &other_upgrade;
    if (strcmp(request->path, http->websocket_path) != 0)
        return &not_here;
    if (!upgrade)
        return &no_upgrade;
    /* The administration socket serves requests only. Answers that wait in front would come behind the 101.
     */
    bool is_plain = request->method == HTTP_M_GET && !connection->head.is_old && request->body_length == 0 &&
                    !connection->is_shell && connection->out.length == 0 && connection->tail_length == 0;
    if (!is_plain || !http_list_has(headers, HTTP_KNOWN_CONNECTION, "upgrade"))
        return &bad_handshake;
    if (!version || strcmp(version, "13") != 0)
        return &no_upgrade;
    if (!key || !key_is_valid(key))
        return &bad_handshake;
    if (http->is_closed)
        return &is_closing;
    /* The Origin alone decides: a page of an allowed origin is cross-site to the browser. */
    return connection->origin_is_allowed ? NULL : &bad_origin;
}

/* 16 bytes in base64: 22 characters, the last of which carries two bits, and two signs of padding. */
static bool key_is_valid(const char *key)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strlen(key) == KEY_LENGTH && strspn(key, alphabet) == KEY_LENGTH - 2 &&
           strcmp(key + KEY_LENGTH - 2, "==") == 0 && strchr("AQgw", key[KEY_LENGTH - 3]);
}

/* The first offered subprotocol that is known; unknown ones are not echoed. */
static const char *protocol_pick(const struct http_headers *headers)
{
    static const char *const known[] = {"centrifuge-json", "centrifuge-protobuf"};
    size_t cursor = 0, length;
    const char *item;
    while (http_list_next(headers, HTTP_KNOWN_WEBSOCKET_PROTOCOL, &cursor, &item, &length))
        for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
            if (length == strlen(known[i]) && memcmp(item, known[i], length) == 0)
                return known[i];
    return NULL;
}

/* A whole "name=value" among the parameters. */
static bool query_has(const char *query, const char *parameter)
{
    size_t length = strlen(parameter);
    for (const char *at = query; *at; at += strcspn(at, "&")) {
        at += strspn(at, "&");
        if (strncmp(at, parameter, length) == 0 && (at[length] == '&' || at[length] == '\0'))
            return true;
    }
    return false;
}
