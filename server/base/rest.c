/* base/rest.c: HTTP to requests: who (cookie or bearer token, with its CSRF check), which route, which parameters. */
#include "base/rest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/rest_parts.h"
#include "lib/utf8.h"

static enum status who_read(const struct http_request *http_request, struct request *request);
static enum status conditions_read(const struct http_request *http_request, struct request *request);
static void copy(char *to, size_t size, const char *from);

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
    if (strncmp(http_request->path, REST_PREFIX, strlen(REST_PREFIX)) == 0)
        request = dispatch_request_http(rest->dispatch, http_request->method, http_request->path + strlen(REST_PREFIX),
                                        &status, &allow);
    if (!request && status == STATUS_METHOD_NOT_ALLOWED) {
        rest_answer_methods(rest->http, http_request, &allow);
        return true;
    }
    if (!request) {
        http_answer_problem(rest->http, http_request->id, status, NULL);
        return true;
    }
    request->reply = rest_reply;
    request->door = rest;
    request->door_id = http_request->id;
    request->door_tag = http_request->is_secure ? REST_TAG_SECURE : 0;
    copy(request->id, sizeof request->id, http_request->request_id);
    status = who_read(http_request, request);
    if (status == STATUS_OK)
        status = conditions_read(http_request, request);
    if (status == STATUS_OK)
        status = rest_read_params(http_request, request);
    if (status == STATUS_OK)
        dispatch_start(request);
    else
        request_finish(request, status);
    return true;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static enum status who_read(const struct http_request *http_request, struct request *request)
{
    copy(request->peer, sizeof request->peer, http_request->peer);
    /* A header may hold any byte, but this one is stored and shown. */
    utf8_copy(request->agent, sizeof request->agent, http_header(http_request, "User-Agent"));
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

static bool condition_copy(const struct http_request *http_request, const char *name, char *to, size_t size)
{
    const char *value = http_header(http_request, name);
    copy(to, size, value);
    return !value || strlen(value) < size;
}

static enum status conditions_read(const struct http_request *http_request, struct request *request)
{
    const char *wrong =
        !condition_copy(http_request, "If-Match", request->if_match, sizeof request->if_match) ? "If-Match"
        : !condition_copy(http_request, "If-None-Match", request->if_none_match, sizeof request->if_none_match)
            ? "If-None-Match"
        : !condition_copy(http_request, "Idempotency-Key", request->idempotency_key, sizeof request->idempotency_key)
            ? "Idempotency-Key"
            : NULL;
    return wrong ? request_refuse(request, STATUS_MALFORMED, "The header %s is too long.", wrong) : STATUS_OK;
}
