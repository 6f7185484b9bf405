/* pages/openapi_operation.c: one route as an operation: who may ask, with what, and what the answers are. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "pages/openapi_draft.h"

#define PATH_MAX_LENGTH 160

/* The parameters that are headers, by the names of their components. */
static const struct {
    const char *word, *name, *pattern, *description;
} headers[] = {
    {"IfMatch", "If-Match", NULL, "Only if the row still has this version: its ETag. Otherwise 412."},
    {"IfNoneMatch", "If-None-Match", NULL, "Only if the row has another version than this ETag. Otherwise 304."},
    {"IdempotencyKey", "Idempotency-Key", "^[!-~]{1,127}$",
     "One's own for this request: sent again within a day, it is not done again but answered again."},
};
/* What is said no with, by the door or by the action. */
static const struct {
    int status;
    const char *word, *description;
} refusals[] = {
    {400, "malformed", "The request is malformed; `detail` says where."},
    {401, "unauthenticated", "Sign in first, or the session has ended."},
    {403, "forbidden", "You may not do this; `detail` says what is missing."},
    {404, "not_found", "There is nothing here that you may see."},
    {409, "conflict", "This is in conflict with what is there."},
    {411, "length_required", "The request has a body of unknown length."},
    {412, "precondition_failed", "It was changed by somebody else meanwhile."},
    {413, "too_large", "The request is too large."},
    {415, "media_type", "The body is not JSON."},
    {422, "invalid", "Some fields are not right; `errors` names each."},
    {429, "too_many_requests", "Too many requests: try again after `Retry-After` seconds."},
    {500, "fault", "The server failed, and noted it."},
    {503, "busy", "The server is busy or cannot do this right now: try again soon."},
    {507, "no_space", "The server's disk is full: nothing was saved."},
};

static bool path_print(const char *path, char *text);
static void security_put(struct draft *draft, cJSON *operation, const struct route *route);
static void needs_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action);
static bool params_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action, char *why,
                       size_t why_size);
static void body_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action,
                     const cJSON *params);
static void answers_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action);

/* What deletes takes its parameters in the address, as what reads does. */
static bool may_have_body(const struct route *route)
{
    return route->method != HTTP_M_GET && route->method != HTTP_M_DELETE;
}

static bool has_verb(const struct route *route, const char *verb)
{
    return strcmp(route->name + strcspn(route->name, "."), verb) == 0;
}

static bool is_read(const struct route *route)
{
    return route->method == HTTP_M_GET;
}

/* Who comes to sign in has nothing yet that the answer could be kept for. */
static bool is_sign_in(const struct route *route)
{
    return route->flags & ROUTE_OPEN && route->flags & ROUTE_HTTP_ONLY;
}

static bool is_idempotent(const struct route *route)
{
    return route->method == HTTP_M_POST && !is_sign_in(route) && !(route->flags & ROUTE_SECRET) &&
           (route->flags & ROUTE_IDEMPOTENT || has_verb(route, ".create"));
}

bool draft_operation(struct draft *draft, const struct route *route, const cJSON *action, const char *tag, char *why,
                     size_t why_size)
{
    char path[PATH_MAX_LENGTH], method[8];
    if (!json_get_text(action, "summary") || !json_get(action, "params") ||
        cJSON_GetArraySize(json_get(action, "statuses")) < 1 || !path_print(route->path, path)) {
        snprintf(why, why_size, "schema/api/actions.json: %s needs a summary, params and statuses", route->name);
        return false;
    }
    cJSON *item = cJSON_GetObjectItemCaseSensitive(draft->paths, path);
    if (!item)
        item = draft_object(draft, draft->paths, path);
    snprintf(method, sizeof method, "%s", http_method_text(route->method));
    for (char *c = method; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    cJSON *operation = draft_object(draft, item, method);
    draft_text(draft, operation, "operationId", route->name);
    if (!(route->flags & ROUTE_HTTP_ONLY))
        draft_text(draft, operation, "x-rpc", route->name);
    draft_text(draft, draft_array(draft, operation, "tags"), NULL, tag);
    draft_text(draft, operation, "summary", json_get_text(action, "summary"));
    needs_put(draft, operation, route, action);
    security_put(draft, operation, route);
    if (!params_put(draft, operation, route, action, why, why_size))
        return false;
    answers_put(draft, operation, route, action);
    return true;
}

/* "room/:id/member/:user" to "/api/v1/room/{id}/member/{user}" */
static bool path_print(const char *path, char *text)
{
    size_t length = (size_t)snprintf(text, PATH_MAX_LENGTH, "/api/v1/");
    bool is_param = false;
    for (;; path++) {
        if (length + 3 >= PATH_MAX_LENGTH)
            return false;
        if (is_param && (*path == '/' || !*path)) {
            text[length++] = '}';
            is_param = false;
        }
        if (*path == ':') {
            text[length++] = '{';
            is_param = true;
        } else if (*path != '*') {
            text[length++] = *path;
        }
        if (!*path)
            return true;
    }
}

static void needs_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action)
{
    const char *description = json_get_text(action, "description");
    const char *right = route->needs & RIGHT_READ ? "read" : route->needs & RIGHT_WRITE ? "write" : "delete";
    char text[1024];
    int length = snprintf(text, sizeof text, "%s%s", description ? description : "", description ? " " : "");
    char *rest = text + length;
    size_t left = length < (int)sizeof text ? sizeof text - (size_t)length : 0;
    if (route->flags & ROUTE_MODEL) {
        snprintf(rest, left, "Needs the right `%s` on `%s`.", right, route->model);
        cJSON *needs = draft_object(draft, operation, "x-needs");
        draft_text(draft, needs, "model", route->model);
        draft_text(draft, needs, "right", right);
    } else if (route->flags & ROUTE_SUPERUSER) {
        snprintf(rest, left, "For administrators.");
    } else if (route->flags & ROUTE_SIGNED_IN) {
        snprintf(rest, left, "For everybody who is signed in.");
    } else {
        snprintf(rest, left, "For everybody.");
    }
    draft_text(draft, operation, "description", text);
}

/* Rights may be granted to everyone, signed in or not, so those of models ask for no credentials by themselves. */
static void security_put(struct draft *draft, cJSON *operation, const struct route *route)
{
    cJSON *ways = draft_array(draft, operation, "security");
    if (!is_sign_in(route)) {
        cJSON *cookie = draft_object(draft, ways, NULL);
        draft_array(draft, cookie, "cookie");
        if (!is_read(route))
            draft_array(draft, cookie, "csrf");
        draft_array(draft, draft_object(draft, ways, NULL), "bearer");
    }
    if (route->flags & (ROUTE_OPEN | ROUTE_MODEL))
        draft_object(draft, ways, NULL);
}

/* Does ":name" or ":name*" stand in the route's path? */
static bool is_in_path(const struct route *route, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(route->path, ':'); at; at = strchr(at + 1, ':'))
        if (strncmp(at + 1, name, length) == 0 && strchr("*/", at[1 + length]))
            return true;
    return false;
}

static size_t path_params(const struct route *route)
{
    size_t count = 0;
    for (const char *at = route->path; *at; at++)
        count += *at == ':';
    return count;
}

static bool list_has(const cJSON *list, const char *word)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, list)
        if (json_text(item) && strcmp(json_text(item), word) == 0)
            return true;
    return false;
}

static void param_put(struct draft *draft, cJSON *list, const cJSON *schema, bool is_path, bool is_required)
{
    cJSON *param = draft_object(draft, list, NULL);
    draft_text(draft, param, "name", schema->string);
    draft_text(draft, param, "in", is_path ? "path" : "query");
    if (is_path || is_required)
        draft_true(draft, param, "required");
    const char *type = json_get_text(schema, "type");
    if (type && strcmp(type, "array") == 0) {
        draft_text(draft, param, "style", "form");
        draft_put(draft, param, "explode", cJSON_CreateFalse());
    }
    cJSON *copy = cJSON_Duplicate(schema, true);
    cJSON *description = cJSON_DetachItemFromObjectCaseSensitive(copy, "description");
    draft_put(draft, param, "schema", copy);
    if (description)
        draft_put(draft, param, "description", description);
}

static bool params_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action, char *why,
                       size_t why_size)
{
    const cJSON *params = json_get(action, "params"), *schema;
    cJSON *list = draft_array(draft, operation, "parameters");
    size_t in_path = 0;
    cJSON_ArrayForEach (schema, json_get(params, "properties")) {
        bool is_path = is_in_path(route, schema->string);
        in_path += is_path;
        if (is_path || !may_have_body(route))
            param_put(draft, list, schema, is_path, list_has(json_get(params, "required"), schema->string));
    }
    if (in_path != path_params(route)) {
        snprintf(why, why_size, "schema/api/actions.json: %s: the params must name those of the address, %s",
                 route->name, route->path);
        return false;
    }
    bool has_version = json_get_bool(action, "has_version");
    if (has_version && (has_verb(route, ".update") || has_verb(route, ".delete")))
        draft_ref(draft, list, NULL, "parameters", "IfMatch");
    if (has_version && has_verb(route, ".detail"))
        draft_ref(draft, list, NULL, "parameters", "IfNoneMatch");
    if (is_idempotent(route))
        draft_ref(draft, list, NULL, "parameters", "IdempotencyKey");
    if (may_have_body(route))
        body_put(draft, operation, route, action, params);
    return true;
}

static bool has_body(const struct route *route, const cJSON *action)
{
    int fields = cJSON_GetArraySize(json_get(json_get(action, "params"), "properties"));
    return may_have_body(route) && (json_get(action, "body") || fields > (int)path_params(route));
}

/* What is not in the address. */
static cJSON *body_schema(struct draft *draft, const struct route *route, const cJSON *params)
{
    cJSON *schema = cJSON_Duplicate(params, true);
    cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties"), *next = NULL;
    for (cJSON *item = properties ? properties->child : NULL; item; item = next) {
        next = item->next;
        if (is_in_path(route, item->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(properties, item));
    }
    cJSON *required = cJSON_GetObjectItemCaseSensitive(schema, "required");
    for (cJSON *item = required ? required->child : NULL; item; item = next) {
        next = item->next;
        if (is_in_path(route, json_text(item)))
            cJSON_Delete(cJSON_DetachItemViaPointer(required, item));
    }
    if (!cJSON_GetArraySize(required))
        cJSON_DeleteItemFromObjectCaseSensitive(schema, "required");
    if (schema)
        draft_put(draft, schema, "additionalProperties", cJSON_CreateFalse());
    return schema;
}

static void body_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action,
                     const cJSON *params)
{
    if (!has_body(route, action))
        return;
    cJSON *body = draft_object(draft, operation, "requestBody");
    cJSON *schema =
        json_get(action, "body") ? cJSON_Duplicate(json_get(action, "body"), true) : body_schema(draft, route, params);
    draft_true(draft, body, "required");
    cJSON *types = draft_object(draft, body, "content");
    if (route->method == HTTP_M_PATCH)
        draft_copy(draft, draft_object(draft, types, "application/merge-patch+json"), "schema", schema);
    draft_put(draft, draft_object(draft, types, "application/json"), "schema", schema);
}

/* ---- answers ---- */

static void success_put(struct draft *draft, cJSON *answers, const struct route *route, const cJSON *action, int status)
{
    char text[8];
    snprintf(text, sizeof text, "%d", status);
    cJSON *answer = draft_object(draft, answers, text);
    const cJSON *schema = json_get(action, "answer");
    draft_text(draft, answer, "description",
               status == 201   ? "It was made."
               : status == 204 ? "It was done."
               : status == 304 ? "The version you have is the newest."
                               : "Here it is.");
    if ((status == 200 || status == 201) && schema && !cJSON_IsNull(schema))
        draft_copy(draft, draft_object(draft, draft_object(draft, answer, "content"), "application/json"), "schema",
                   schema);
    bool has_version = json_get_bool(action, "has_version") && status != 204 && !has_verb(route, ".list");
    if (status != 201 && !has_version && !is_idempotent(route))
        return;
    cJSON *list = draft_object(draft, answer, "headers");
    if (has_version)
        draft_ref(draft, list, "ETag", "headers", "ETag");
    if (status == 201)
        draft_ref(draft, list, "Location", "headers", "Location");
    if (is_idempotent(route))
        draft_ref(draft, list, "Idempotency-Replayed", "headers", "IdempotencyReplayed");
}

/* What the door and the store may say to any request of this kind. */
static bool may_refuse(const struct route *route, const cJSON *action, int status)
{
    bool is_open_read = route->flags & ROUTE_OPEN && is_read(route);
    switch (status) {
    case 400:
    case 401:
    case 422:
    case 500:
    case 503:
        return true;
    case 403:
        return !is_open_read;
    case 404:
        return path_params(route) > 0;
    case 411:
    case 413:
    case 415:
        return has_body(route, action);
    case 429:
        return has_verb(route, ".list");
    case 507:
        return !is_read(route);
    default:
        return false;
    }
}

static void answers_put(struct draft *draft, cJSON *operation, const struct route *route, const cJSON *action)
{
    cJSON *answers = draft_object(draft, operation, "responses");
    const cJSON *item, *statuses = json_get(action, "statuses");
    cJSON_ArrayForEach (item, statuses)
        if (item->valuedouble < 400)
            success_put(draft, answers, route, action, (int)item->valuedouble);
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
        bool is_named = false;
        char text[8];
        cJSON_ArrayForEach (item, statuses)
            is_named |= (int)item->valuedouble == refusals[i].status;
        snprintf(text, sizeof text, "%d", refusals[i].status);
        if (is_named || may_refuse(route, action, refusals[i].status))
            draft_ref(draft, answers, text, "responses", refusals[i].word);
    }
}

/* ---- what they refer to ---- */

static void header_put(struct draft *draft, cJSON *list, const char *name, const char *type, const char *description)
{
    cJSON *header = draft_object(draft, list, name);
    draft_text(draft, header, "description", description);
    draft_text(draft, draft_object(draft, header, "schema"), "type", type);
}

static void ways_put(struct draft *draft, cJSON *components)
{
    static const struct {
        const char *word, *type, *in, *name, *scheme, *description;
    } ways[] = {
        {"cookie", "apiKey", "cookie", "sid", NULL, "The session's cookie, set by signing in. Behind TLS: __Host-sid."},
        {"csrf", "apiKey", "header", "X-CSRF-Token", NULL,
         "With the cookie, for all that writes: `csrf` of /api/v1/me or of signing in."},
        {"bearer", "http", NULL, NULL, "bearer", "An API token."},
    };
    cJSON *list = draft_object(draft, components, "securitySchemes");
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        cJSON *way = draft_object(draft, list, ways[i].word);
        draft_text(draft, way, "type", ways[i].type);
        if (ways[i].in) {
            draft_text(draft, way, "in", ways[i].in);
            draft_text(draft, way, "name", ways[i].name);
        } else {
            draft_text(draft, way, "scheme", ways[i].scheme);
        }
        draft_text(draft, way, "description", ways[i].description);
    }
}

void draft_components(struct draft *draft, cJSON *components)
{
    ways_put(draft, components);
    cJSON *list = draft_object(draft, components, "headers");
    header_put(draft, list, "ETag", "string", "The row's version, in quotes.");
    header_put(draft, list, "Location", "string", "Where it can be read, if it can be read alone.");
    header_put(draft, list, "IdempotencyReplayed", "boolean", "It was done before, with the same Idempotency-Key.");
    header_put(draft, list, "RetryAfter", "integer", "Seconds.");
    list = draft_object(draft, components, "parameters");
    for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
        cJSON *param = draft_object(draft, list, headers[i].word);
        draft_text(draft, param, "name", headers[i].name);
        draft_text(draft, param, "in", "header");
        draft_text(draft, param, "description", headers[i].description);
        cJSON *schema = draft_object(draft, param, "schema");
        draft_text(draft, schema, "type", "string");
        if (headers[i].pattern)
            draft_text(draft, schema, "pattern", headers[i].pattern);
    }
    list = draft_object(draft, components, "responses");
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
        cJSON *answer = draft_object(draft, list, refusals[i].word);
        draft_text(draft, answer, "description", refusals[i].description);
        cJSON *content = draft_object(draft, answer, "content");
        draft_ref(draft, draft_object(draft, content, "application/problem+json"), "schema", "schemas", "Problem");
        if (refusals[i].status == 429 || refusals[i].status == 503)
            draft_ref(draft, draft_object(draft, answer, "headers"), "Retry-After", "headers", "RetryAfter");
    }
}
