/* base/rest_params.c: the parameters of an HTTP request: of its address or of its body, never of both. */
#include <string.h>
#include <strings.h>
#include "base/rest_parts.h"

/* Is a Content-Type (NULL: none) this one, whatever parameters it has? */
static bool type_is(const char *type, const char *wanted)
{
    size_t length = type ? strcspn(type, ";") : 0;
    while (length && (type[length - 1] == ' ' || type[length - 1] == '\t'))
        length--;
    return length == strlen(wanted) && strncasecmp(type, wanted, length) == 0;
}

static enum status body_read(const struct http_request *http_request, struct request *request)
{
    if (!http_request->body_length)
        return STATUS_OK;
    const char *type = http_header(http_request, "Content-Type");
    bool is_patch = http_request->method == HTTP_M_PATCH;
    if (!type_is(type, "application/json") && !(is_patch && type_is(type, "application/merge-patch+json")))
        return is_patch ? request_refuse(request, STATUS_MEDIA_TYPE,
                                         "Send the body as application/merge-patch+json or application/json.")
                        : STATUS_MEDIA_TYPE;
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

enum status rest_read_params(const struct http_request *http_request, struct request *request)
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
