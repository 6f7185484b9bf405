/* net/http_query.c: what applications read out of a request: headers, cookies, parameters. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/utf8.h"
#include "net/http.h"
#include "net/http_parse.h"

static bool query_decode(const char *text, size_t length, struct buffer *out);

const char *http_method_text(enum http_method method)
{
    static const char *const texts[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return texts[method];
}

const char *http_header(const struct http_request *request, const char *name)
{
    const struct http_headers *headers = request->headers;
    for (size_t i = 0; i < headers->count; i++)
        if (strcasecmp(headers->base + headers->fields[i].name, name) == 0)
            return headers->base + headers->fields[i].value;
    return NULL;
}

bool http_cookie(const struct http_request *request, const char *name, char *value, size_t size)
{
    const char *at = http_known(request->headers, HTTP_KNOWN_COOKIE);
    size_t name_length = strlen(name);
    const char *found = NULL;
    size_t found_length = 0;
    while (at && *at) {
        at += strspn(at, " \t;");
        size_t length = strcspn(at, ";");
        const char *equals = memchr(at, '=', length);
        if (equals && (size_t)(equals - at) == name_length && memcmp(at, name, name_length) == 0) {
            if (found) /* whichever we took, somebody may have planted it */
                return false;
            found = equals + 1;
            found_length = (size_t)(at + length - found);
        }
        at += length;
    }
    while (found_length > 0 && (found[found_length - 1] == ' ' || found[found_length - 1] == '\t'))
        found_length--;
    if (!found || found_length >= size)
        return false;
    memcpy(value, found, found_length);
    value[found_length] = '\0';
    return true;
}

bool http_query(const char *query, const char *name, struct buffer *out)
{
    SCOPED(buffer_free) struct buffer found = {0};
    bool is_bad = false;
    buffer_clear(out);
    while (http_query_next(&query, &found, out, &is_bad))
        if (found.bytes && strcmp(found.bytes, name) == 0)
            return true;
    buffer_clear(out);
    return false;
}

bool http_query_next(const char **query, struct buffer *name, struct buffer *value, bool *is_bad)
{
    const char *at = *query + strspn(*query, "&");
    size_t length = strcspn(at, "&");
    *query = at + length;
    if (length == 0)
        return false;
    size_t name_length = strcspn(at, "=&");
    size_t value_at = name_length < length ? name_length + 1 : length;
    if (query_decode(at, name_length, name) && query_decode(at + value_at, length - value_at, value))
        return true;
    *is_bad = true;
    return false;
}

static bool query_decode(const char *text, size_t length, struct buffer *out)
{
    buffer_clear(out);
    if (!buffer_reserve(out, length + 1))
        return false;
    buffer_append(out, text, length);
    out->bytes[length] = '\0'; /* also when nothing was appended */
    if (!http_percent_decode(out->bytes, true))
        return false;
    out->length = strlen(out->bytes);
    return utf8_is_valid(out->bytes, out->length);
}
