/* base/rest_answer.c: answers of requests as HTTP. */
#include <stdio.h>
#include <string.h>
#include "base/rest_parts.h"

#define PREFLIGHT_S "600" /* how long a browser remembers what pages of another origin may ask */

static void preflight_write(const struct http_request *http_request, const char *allow, struct buffer *headers);

void rest_answer_methods(struct http *http, const struct http_request *http_request, struct buffer *allow)
{
    SCOPED(buffer_free) struct buffer headers = {0};
    SCOPED(buffer_free) struct buffer problem = {0};
    struct http_answer answer = {.status = 204};
    buffer_text(allow, ", OPTIONS");
    if (!allow->has_failed)
        http_answer_header(&headers, "Allow", allow->bytes);
    if (http_request->method == HTTP_M_OPTIONS && http_request->listed_origin && !allow->has_failed)
        preflight_write(http_request, allow->bytes, &headers);
    answer.headers = headers.bytes;
    if (http_request->method != HTTP_M_OPTIONS) {
        problem_print(STATUS_METHOD_NOT_ALLOWED, NULL, NULL, http_request->request_id, NULL, &problem);
        answer.status = status_http(STATUS_METHOD_NOT_ALLOWED);
        answer.content_type = "application/problem+json";
        answer.body = problem.bytes;
        answer.body_length = problem.length;
    }
    http_answer(http, http_request->id, &answer);
}

/* A browser asks before a page of a listed origin may send what a form could not. The front tells the origin itself. */
static void preflight_write(const struct http_request *http_request, const char *allow, struct buffer *headers)
{
    if (!http_header(http_request, "Access-Control-Request-Method"))
        return;
    http_answer_header(headers, "Access-Control-Allow-Methods", allow);
    http_answer_header(headers, "Access-Control-Allow-Headers",
                       "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-CSRF-Token, "
                       "X-Request-Id");
    http_answer_header(headers, "Access-Control-Max-Age", PREFLIGHT_S);
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
    snprintf(text, sizeof text, REST_PREFIX "%.*s/%lld", length, request->route->name, (long long)request->created_id);
    http_answer_header(headers, "Location", text);
}

void rest_reply(struct request *request)
{
    struct rest *rest = request->door;
    SCOPED(buffer_free) struct buffer headers = {0};
    SCOPED(buffer_free) struct buffer problem = {0};
    struct http_answer answer = {.status = status_http(request->status)};
    char text[64];
    if (request->session_token)
        cookie_write(&headers, request->session_token, request->door_tag & REST_TAG_SECURE,
                     rest->settings->account_session_s);
    if (answer.status == 429 || answer.status == 503) {
        snprintf(text, sizeof text, "%lld", request->retry_after_s ? (long long)request->retry_after_s : 1LL);
        http_answer_header(&headers, "Retry-After", text);
    }
    if (request->status == STATUS_UNAUTHENTICATED)
        http_answer_header(&headers, "WWW-Authenticate", "Bearer");
    if (request->status == STATUS_CREATED && request->created_id)
        location_write(rest, request, &headers);
    if (request->version && status_is_ok(request->status)) {
        snprintf(text, sizeof text, "\"%lld\"", (long long)request->version);
        http_answer_header(&headers, "ETag", text);
    }
    if (request->is_replayed && status_is_ok(request->status))
        http_answer_header(&headers, "Idempotency-Replayed", "true");
    if (request->status == STATUS_MEDIA_TYPE && request->route->method == HTTP_M_PATCH)
        http_answer_header(&headers, "Accept-Patch", "application/merge-patch+json, application/json");
    if (!status_is_ok(request->status)) {
        request_problem(request, &problem);
        answer.content_type = "application/problem+json";
        answer.body = problem.bytes;
        answer.body_length = problem.length;
    } else if (request->result.length && request->status != STATUS_NOT_MODIFIED) {
        answer.content_type = "application/json";
        answer.body = request->result.bytes;
        answer.body_length = request->result.length;
    } else if (request->status != STATUS_NOT_MODIFIED) {
        answer.status = 204;
    }
    answer.headers = headers.bytes;
    http_answer(rest->http, request->door_id, &answer);
}
