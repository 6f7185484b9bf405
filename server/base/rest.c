/* base/rest.c: HTTP to requests: who (cookie or bearer token, with its CSRF check), which route, which parameters. */
#include "base/rest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "lib/utf8.h"

#define PREFIX "/api/v1/"

/* What the answer must still know of its HTTP request. */
enum { TAG_SECURE = 1 };

struct rest {
    struct dispatch *dispatch;
    const struct settings *settings;
    struct http *http;
};

static void rest_reply(struct request *request);
static enum status who_read(const struct http_request *http_request, struct request *request);
static enum status params_read(const struct http_request *http_request, struct request *request);
static void methods_answer(struct rest *rest, const struct http_request *http_request, struct buffer *allow);

struct rest *rest_new(struct dispatch *dispatch, const struct settings *settings)
{
    struct rest *rest = calloc(1, sizeof *rest);
    if (rest) {
        rest->dispatch = dispatch;
        rest->settings = settings;
    }
    return rest;
}

void rest_set_http(struct rest *rest, struct http *http)
{
    rest->http = http;
}

void rest_free(struct rest *rest)
{
    free(rest);
}

bool rest_handle(struct rest *rest, const struct http_request *http_request)
{
    if (strncmp(http_request->path, "/api/", 5) != 0)
        return false;
    SCOPED(buffer_free) struct buffer allow = {0};
    enum status status = STATUS_NOT_FOUND;
    struct request *request = NULL;
    if (strncmp(http_request->path, PREFIX, strlen(PREFIX)) == 0)
        request = dispatch_request_http(rest->dispatch, http_request->method, http_request->path + strlen(PREFIX),
                                        &status, &allow);
    if (!request && status == STATUS_METHOD_NOT_ALLOWED) {
        methods_answer(rest, http_request, &allow);
        return true;
    }
    if (!request) {
        http_answer_problem(rest->http, http_request->id, status, NULL);
        return true;
    }
    request->reply = rest_reply;
    request->door = rest;
    request->door_id = http_request->id;
    request->door_tag = http_request->is_secure ? TAG_SECURE : 0;
    status = who_read(http_request, request);
    if (status == STATUS_OK)
        status = params_read(http_request, request);
    if (status == STATUS_OK)
        dispatch_start(request);
    else
        request_finish(request, status);
    return true;
}

/* The address is there, but does not take this method, or the question was which it takes. */
static void methods_answer(struct rest *rest, const struct http_request *http_request, struct buffer *allow)
{
    SCOPED(buffer_free) struct buffer headers = {0};
    SCOPED(buffer_free) struct buffer problem = {0};
    struct http_answer answer = {.status = 204};
    buffer_text(allow, ", OPTIONS");
    if (!allow->has_failed)
        http_answer_header(&headers, "Allow", allow->bytes);
    answer.headers = headers.bytes;
    if (http_request->method != HTTP_M_OPTIONS) {
        problem_print(STATUS_METHOD_NOT_ALLOWED, NULL, NULL, &problem);
        answer.status = status_http(STATUS_METHOD_NOT_ALLOWED);
        answer.content_type = "application/problem+json";
        answer.body = problem.bytes;
        answer.body_length = problem.length;
    }
    http_answer(rest->http, http_request->id, &answer);
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

/* A header may hold any byte, but this one is stored and shown: what is not UTF-8 becomes "?". */
static void agent_copy(char *to, size_t size, const char *from)
{
    size_t length = 0, left = from ? strlen(from) : 0;
    while (left) {
        size_t step = utf8_step(from, left), taken = step ? step : 1;
        if (length + taken >= size)
            break;
        memcpy(to + length, step ? from : "?", taken);
        length += taken;
        from += taken;
        left -= taken;
    }
    to[length] = '\0';
}

static enum status who_read(const struct http_request *http_request, struct request *request)
{
    copy(request->peer, sizeof request->peer, http_request->peer);
    agent_copy(request->agent, sizeof request->agent, http_header(http_request, "User-Agent"));
    if (http_request->is_shell) {
        request->actor.is_shell = true;
        copy(request->actor.name, sizeof request->actor.name, "shell");
        return STATUS_OK;
    }
    bool is_write = http_request->method != HTTP_M_GET && http_request->method != HTTP_M_HEAD &&
                    http_request->method != HTTP_M_OPTIONS;
    const char *authorization = http_header(http_request, "Authorization");
    if (authorization) {
        if (strncasecmp(authorization, "Bearer ", 7) != 0 || strlen(authorization) > 200)
            return request_refuse(request, STATUS_UNAUTHENTICATED,
                                  "Send the token as \"Authorization: Bearer TOKEN\".");
        digest_text(authorization + 7, strlen(authorization + 7), request->credential);
        return STATUS_OK;
    }
    if (is_write && !http_request->is_own_origin)
        return request_refuse(request, STATUS_FORBIDDEN, "This came from a page of another site; it was not done.");
    char token[80];
    if (!http_cookie(http_request, http_request->is_secure ? SESSION_COOKIE_SECURE : SESSION_COOKIE, token,
                     sizeof token))
        return STATUS_OK;
    digest_text(token, strlen(token), request->credential);
    session_csrf(token, request->csrf);
    /* Signing in needs no token of a session that one may not have; everything else that writes does. */
    if (is_write && !(request->route->flags & ROUTE_HTTP_ONLY && request->route->flags & ROUTE_OPEN)) {
        const char *sent = http_header(http_request, "X-CSRF-Token");
        if (!sent || !digest_equal(sent, request->csrf))
            return request_refuse(
                request, STATUS_FORBIDDEN,
                "The header X-CSRF-Token is missing or old: reload the page (it is \"csrf\" of /api/v1/me).");
    }
    return STATUS_OK;
}

static enum status body_read(const struct http_request *http_request, struct request *request)
{
    if (!http_request->body_length)
        return STATUS_OK;
    const char *type = http_header(http_request, "Content-Type");
    size_t length = type ? strcspn(type, ";") : 0;
    while (length && (type[length - 1] == ' ' || type[length - 1] == '\t'))
        length--;
    if (length != strlen("application/json") || strncasecmp(type, "application/json", length) != 0)
        return STATUS_MEDIA_TYPE;
    const char *why;
    SCOPED(json_free) cJSON *body = json_parse(http_request->body, http_request->body_length, &why);
    if (!body)
        return request_refuse(request, STATUS_MALFORMED, "The body is not valid JSON: %s.", why);
    if (!cJSON_IsObject(body))
        return request_refuse(request, STATUS_MALFORMED, "The body must be a JSON object.");
    char pointer[PARAM_POINTER_SIZE];
    cJSON *item;
    while ((item = body->child)) {
        cJSON_DetachItemViaPointer(body, item);
        if (json_get(request->params, item->string)) {
            request_refuse(request, STATUS_MALFORMED, "\"%s\" is given by the address already.",
                           param_pointer(item->string, pointer) + 1);
            cJSON_Delete(item);
            return STATUS_MALFORMED;
        }
        /* The item keeps its own name. */
        cJSON_AddItemToArray(request->params, item);
    }
    return STATUS_OK;
}

static enum status query_read(const struct http_request *http_request, struct request *request)
{
    SCOPED(buffer_free) struct buffer name = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    const char *query = http_request->query;
    char pointer[PARAM_POINTER_SIZE];
    bool is_bad = false;
    int count = 0;
    while (http_query_next(&query, &name, &value, &is_bad)) {
        const char *key = name.bytes ? name.bytes : "";
        if (++count > JSON_KEYS_MAX)
            return request_refuse(request, STATUS_MALFORMED, "There are too many parameters.");
        if (json_get(request->params, key))
            return request_refuse(request, STATUS_MALFORMED, "The parameter \"%s\" is there twice.",
                                  param_pointer(key, pointer) + 1);
        if (!cJSON_AddStringToObject(request->params, key, value.bytes ? value.bytes : ""))
            return FAULT("no memory");
    }
    if (is_bad)
        return request_refuse(request, STATUS_MALFORMED, "The part of the address behind \"?\" is badly encoded.");
    request->is_query = true;
    return STATUS_OK;
}

static enum status params_read(const struct http_request *http_request, struct request *request)
{
    switch (http_request->method) {
    case HTTP_M_GET:
    case HTTP_M_HEAD:
    case HTTP_M_OPTIONS:
        return query_read(http_request, request);
    case HTTP_M_DELETE:
        if (http_request->query[0])
            return query_read(http_request, request);
        return body_read(http_request, request);
    default:
        if (http_request->query[0])
            return request_refuse(request, STATUS_MALFORMED, "Send the parameters in the body, not in the address.");
        return body_read(http_request, request);
    }
}

/* A session's cookie: for the browser's own use only, never for scripts. */
static void cookie_write(struct buffer *headers, const char *token, bool is_secure, int64_t lifetime_s)
{
    SCOPED(buffer_free) struct buffer cookie = {0};
    buffer_printf(&cookie, "%s=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
                  is_secure ? SESSION_COOKIE_SECURE : SESSION_COOKIE, token, token[0] ? (long long)lifetime_s : 0LL,
                  is_secure ? "; Secure" : "");
    if (cookie.bytes)
        http_answer_header(headers, "Set-Cookie", cookie.bytes);
}

/* Where what was made can be read, if it can be read alone. */
static void location_write(const struct rest *rest, const struct request *request, struct buffer *headers)
{
    int length = (int)strcspn(request->route->name, ".");
    char text[64];
    snprintf(text, sizeof text, "%.*s.detail", length, request->route->name);
    if (!dispatch_knows(rest->dispatch, text))
        return;
    snprintf(text, sizeof text, PREFIX "%.*s/%lld", length, request->route->name, (long long)request->created_id);
    http_answer_header(headers, "Location", text);
}

static void rest_reply(struct request *request)
{
    struct rest *rest = request->door;
    SCOPED(buffer_free) struct buffer headers = {0};
    SCOPED(buffer_free) struct buffer problem = {0};
    struct http_answer answer = {.status = status_http(request->status)};
    char text[64];
    if (request->session_token)
        cookie_write(&headers, request->session_token, request->door_tag & TAG_SECURE,
                     rest->settings->account_session_s);
    if (request->retry_after_s) {
        snprintf(text, sizeof text, "%lld", (long long)request->retry_after_s);
        http_answer_header(&headers, "Retry-After", text);
    }
    if (request->status == STATUS_UNAUTHENTICATED)
        http_answer_header(&headers, "WWW-Authenticate", "Bearer");
    if (request->status == STATUS_CREATED && request->created_id)
        location_write(rest, request, &headers);
    if (!status_is_ok(request->status)) {
        request_problem(request, &problem);
        answer.content_type = "application/problem+json";
        answer.body = problem.bytes;
        answer.body_length = problem.length;
    } else if (request->result.length) {
        answer.content_type = "application/json";
        answer.body = request->result.bytes;
        answer.body_length = request->result.length;
    } else {
        answer.status = 204;
    }
    answer.headers = headers.bytes;
    http_answer(rest->http, request->door_id, &answer);
}
