/* net/http_answer.c: answers as bytes. All headers of all answers are written here. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/clock.h"
#include "net/http_connection.h"

/* A static body above this is written from where it lies; a smaller one is cheaper to copy. */
#define COPY_MAX 8192

static bool is_shared(const char *path);
static const char *reason(int status);
static const char *date_text(struct http *http);
static bool is_token(const char *text);
static bool is_field_value(const char *text);
static bool headers_have(const char *headers, const char *name);
static void cors_write(const struct http_connection *connection, struct buffer *out);
static void problem_write(struct buffer *body, int status, const char *code, const char *detail, const char *id);

bool http_answer_header(struct buffer *headers, const char *name, const char *value)
{
    size_t length = headers->length;
    if (!is_token(name) || !is_field_value(value))
        return false;
    buffer_text(headers, name);
    buffer_append(headers, ": ", 2);
    buffer_text(headers, value);
    buffer_append(headers, "\r\n", 2);
    if (!headers->has_failed)
        return true;
    headers->length = length; /* half a line must not go out */
    return false;
}

void http_answer(struct http *http, uint64_t id, const struct http_answer *answer)
{
    struct http_connection *connection = http_connection_find(http, id);
    if (!connection)
        return;
    http_answer_compose(connection, answer);
    http_connection_answered(connection);
}

void http_answer_problem(struct http *http, uint64_t id, enum status status, const char *detail)
{
    struct http_connection *connection = http_connection_find(http, id);
    SCOPED(buffer_free) struct buffer body = {0};
    int code = status_http(status);
    if (!connection)
        return;
    problem_write(&body, code, status_code(status), detail ? detail : status_words(status), connection->request_id);
    struct http_answer answer = {
        .status = code,
        .content_type = "application/problem+json",
        .body = body.has_failed ? "" : body.bytes,
        .body_length = body.has_failed ? 0 : body.length,
        .headers = code == 429 || code == 503 ? "Retry-After: 1\r\n" : NULL,
    };
    http_answer(http, id, &answer);
}

void http_answer_refuse(struct http_connection *connection, const struct http_refusal *refusal)
{
    SCOPED(buffer_free) struct buffer body = {0};
    bool is_read = connection->state == HTTP_WORKING;
    if (!is_read)
        http_request_id_set(connection, NULL);
    problem_write(&body, refusal->status, refusal->code, refusal->detail, connection->request_id);
    struct http_answer answer = {
        .status = refusal->status,
        .content_type = "application/problem+json",
        .body = body.has_failed ? "" : body.bytes,
        .body_length = body.has_failed ? 0 : body.length,
        .headers = refusal->status == 405   ? "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
                   : refusal->status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   : refusal->status == 503 ? "Retry-After: 1\r\n"
                                            : NULL,
        .closes = true,
    };
    if (connection->state == HTTP_READING_HEAD)
        connection->head.method = HTTP_M_GET; /* its own may not be known */
    if (!is_read) {                           /* what is there is still of the request before */
        connection->request.path = "";
        connection->request.listed_origin = NULL;
    }
    http_answer_compose(connection, &answer);
}

void http_answer_compose(struct http_connection *connection, const struct http_answer *answer)
{
    struct buffer *out = &connection->out;
    bool has_body = answer->status >= 200 && answer->status != 204 && answer->status != 304;
    bool is_api = is_shared(connection->request.path ? connection->request.path : "");
    const char *headers = answer->headers ? answer->headers : "";
    if (answer->closes || answer->is_endless || !connection->head.keeps_alive || connection->http->is_stopping)
        connection->closes = true;
    connection->http->stats.errors += answer->status >= 500;

    buffer_append(out, "HTTP/1.1 ", 9);
    buffer_int(out, answer->status);
    buffer_char(out, ' ');
    buffer_text(out, reason(answer->status));
    buffer_text(out, "\r\nDate: ");
    buffer_text(out, date_text(connection->http));
    buffer_text(out, "\r\nX-Request-Id: ");
    buffer_text(out, connection->request_id);
    buffer_text(out, "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n");
    if (answer->content_type && has_body) {
        buffer_text(out, "Content-Type: ");
        buffer_text(out, answer->content_type);
        buffer_append(out, "\r\n", 2);
    }
    if (has_body && !answer->is_endless) {
        buffer_text(out, "Content-Length: ");
        buffer_int(out, (int64_t)answer->body_length);
        buffer_append(out, "\r\n", 2);
    }
    if (is_api && !headers_have(headers, "Cache-Control"))
        buffer_text(out, "Cache-Control: no-store\r\n");
    if (is_api)
        cors_write(connection, out);
    if (connection->closes && answer->status != 426)
        buffer_text(out, "Connection: close\r\n");
    else if (answer->status == 426)
        buffer_text(out, "Connection: upgrade, close\r\n");
    buffer_text(out, headers);
    buffer_append(out, "\r\n", 2);
    if (!has_body || connection->head.method == HTTP_M_HEAD || answer->body_length == 0)
        return;
    if (answer->is_static && answer->body_length > COPY_MAX) {
        connection->tail = answer->body;
        connection->tail_length = answer->body_length;
    } else {
        buffer_append(out, answer->body, answer->body_length);
    }
}

/* The API and the realtime doors: nothing there is for a cache, and pages of listed origins may ask. */
static bool is_shared(const char *path)
{
    return strncmp(path, "/api", 4) == 0 || strncmp(path, "/connection/", 12) == 0 || strcmp(path, "/emulation") == 0;
}

/* Pages of listed origins may read the answer; a cache must not give it to those of others. */
static void cors_write(const struct http_connection *connection, struct buffer *out)
{
    const char *origin = connection->request.listed_origin;
    if (gate_has_listed_origins(connection->http->gate))
        buffer_text(out, "Vary: Origin\r\n");
    if (!origin)
        return;
    buffer_text(out, "Access-Control-Allow-Origin: ");
    buffer_text(out, origin);
    buffer_text(out, "\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: "
                     "ETag, Location, Retry-After, Idempotency-Replayed, X-Request-Id\r\n");
}

/* RFC 9457. */
static void problem_write(struct buffer *body, int status, const char *code, const char *detail, const char *id)
{
    buffer_text(body, "{\"type\":\"about:blank\",");
    buffer_json_member(body, "title", reason(status));
    buffer_text(body, ",\"status\":");
    buffer_int(body, status);
    buffer_char(body, ',');
    buffer_json_member(body, "detail", detail);
    buffer_char(body, ',');
    buffer_json_member(body, "code", code);
    buffer_char(body, ',');
    buffer_json_member(body, "request_id", id);
    buffer_char(body, '}');
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {202, "Accepted"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

/* Made once a second. */
static const char *date_text(struct http *http)
{
    int64_t now_s = clock_wall_ms() / 1000;
    if (now_s != http->date_s) {
        time_t now = (time_t)now_s;
        struct tm parts;
        gmtime_r(&now, &parts);
        strftime(http->date, sizeof http->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        http->date_s = now_s;
    }
    return http->date;
}

static bool is_token(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return length > 0 && text[length] == '\0';
}

static bool is_field_value(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c < ' ' && *c != '\t') || *c == 0x7f)
            return false;
    return true;
}

static bool headers_have(const char *headers, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = headers; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return true;
    return false;
}
