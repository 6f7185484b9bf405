/* net/http_parse.c: the only file that knows http_parser. */
#include "net/http_parse.h"

/* http_parser has an enum http_method of its own. */
#define http_method http_parser_method
#include <http_parser.h>
#undef http_method
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/utf8.h"

#define LENGTH_DIGITS_MAX 15

const struct http_refusal HTTP_REFUSE_BAD_BYTE = {400, "malformed", "A byte that may not stand in a request's head."};
const struct http_refusal HTTP_REFUSE_HEAD_TOO_LARGE = {431, "too_large", "The request's headers are too large."};
const struct http_refusal HTTP_REFUSE_BODY_TOO_LARGE = {413, "too_large", "The request's body is too large."};
const struct http_refusal HTTP_REFUSE_BAD_CHUNK = {400, "malformed", "The chunked body is malformed."};
const struct http_refusal HTTP_REFUSE_TOO_SLOW = {408, "timeout", "The request took too long to arrive."};
const struct http_refusal HTTP_REFUSE_FAULT = {500, "fault", "The server failed, and noted it."};

static const struct http_refusal bad_grammar = {400, "malformed", "This is not an HTTP/1.1 request."};
static const struct http_refusal bad_target = {400, "malformed", "The request's address is malformed."};
static const struct http_refusal bad_host = {400, "malformed", "Exactly one valid Host header is needed."};
static const struct http_refusal bad_length = {400, "malformed", "The Content-Length is not one plain number."};
static const struct http_refusal bad_repeat = {400, "malformed", "A header that may come once came twice."};
static const struct http_refusal bad_framing = {
    400, "malformed", "Transfer-Encoding and Content-Length, or Transfer-Encoding in HTTP/1.0."};
static const struct http_refusal bad_body = {400, "malformed", "A GET or HEAD request carries no body."};
static const struct http_refusal dot_segment = {404, "not_found", "There is nothing here that you may see."};
static const struct http_refusal unknown_method = {501, "not_implemented", "This method is not known here."};
static const struct http_refusal refused_method = {405, "method_not_allowed", "This method is not taken here."};
static const struct http_refusal unknown_coding = {501, "not_implemented",
                                                   "The only transfer coding taken is chunked."};
static const struct http_refusal unknown_version = {505, "version", "Speak HTTP/1.1."};
static const struct http_refusal unknown_expectation = {417, "expectation",
                                                        "The only expectation taken is 100-continue."};
static const struct http_refusal no_length = {411, "length_required", "Send a Content-Length."};
static const struct http_refusal encoded_body = {415, "media_type", "Send the body without a Content-Encoding."};

static const char *const known_names[HTTP_KNOWN_COUNT] = {
    [HTTP_KNOWN_HOST] = "host",
    [HTTP_KNOWN_CONTENT_LENGTH] = "content-length",
    [HTTP_KNOWN_TRANSFER_ENCODING] = "transfer-encoding",
    [HTTP_KNOWN_CONTENT_ENCODING] = "content-encoding",
    [HTTP_KNOWN_CONTENT_TYPE] = "content-type",
    [HTTP_KNOWN_EXPECT] = "expect",
    [HTTP_KNOWN_UPGRADE] = "upgrade",
    [HTTP_KNOWN_ORIGIN] = "origin",
    [HTTP_KNOWN_COOKIE] = "cookie",
    [HTTP_KNOWN_AUTHORIZATION] = "authorization",
    [HTTP_KNOWN_SEC_FETCH_SITE] = "sec-fetch-site",
    [HTTP_KNOWN_WEBSOCKET_KEY] = "sec-websocket-key",
    [HTTP_KNOWN_WEBSOCKET_VERSION] = "sec-websocket-version",
    [HTTP_KNOWN_FORWARDED_PROTO] = "x-forwarded-proto",
    [HTTP_KNOWN_CONNECTION] = "connection",
    [HTTP_KNOWN_FORWARDED_FOR] = "x-forwarded-for",
    [HTTP_KNOWN_WEBSOCKET_PROTOCOL] = "sec-websocket-protocol",
};

/* What http_parser's callbacks fill in. */
struct parse {
    http_parser parser;
    struct http_head *head;
    char *bytes;
    size_t headers_max;
    const char *target;
    size_t target_length;
    const struct http_refusal *refusal; /* found by a callback */
};

static bool request_line_is_strict(const char *bytes, size_t length);
static int on_url(http_parser *parser, const char *at, size_t length);
static int on_header_field(http_parser *parser, const char *at, size_t length);
static int on_header_value(http_parser *parser, const char *at, size_t length);
static int on_headers_complete(http_parser *parser);
static bool headers_reserve(struct http_headers *headers, size_t headers_max);
static const struct http_refusal *grammar_refusal(const struct parse *parse, const char *bytes);
static const struct http_refusal *method_read(struct http_head *head, unsigned method);
static const struct http_refusal *headers_read(struct http_head *head, char *bytes);
static enum http_known known_find(const char *name);
static const struct http_refusal *host_read(const struct http_head *head, const char *bytes);
static bool host_is_valid(const char *host);
static const struct http_refusal *body_read(struct http_head *head, const char *bytes, size_t body_bytes_max);
static bool length_read(const char *text, size_t *length);
static const struct http_refusal *target_read(struct http_head *head, char *bytes, char *target, size_t length);
static char *target_path(struct http_head *head, char *bytes, char *target);
static bool path_has_dot_segment(const char *path);
static int hex_value(char c);

static const http_parser_settings parser_settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

enum http_scanned http_scan(struct http_scan *scan, const char *bytes, size_t length)
{
    for (; scan->at < length; scan->at++) {
        unsigned char c = (unsigned char)bytes[scan->at];
        if (scan->is_after_cr) {
            if (c != '\n')
                return HTTP_SCAN_BAD;
            scan->is_after_cr = false;
            if (scan->line_length == 0) {
                scan->at++;
                return HTTP_SCAN_END;
            }
            scan->line_length = 0;
        } else if (c == '\r') {
            scan->is_after_cr = true;
        } else if ((c < ' ' && c != '\t') || c == 0x7f) {
            return HTTP_SCAN_BAD; /* a bare line feed and a NUL among them */
        } else if (scan->line_length++ == 0 && (c == ' ' || c == '\t')) {
            return HTTP_SCAN_BAD; /* a folded line */
        }
    }
    return HTTP_SCAN_MORE;
}

const struct http_refusal *http_head_read(struct http_head *head, char *bytes, size_t length,
                                          const struct http_limits *limits)
{
    struct parse parse = {.head = head, .bytes = bytes, .headers_max = limits->headers_max};
    head->headers.count = 0;
    head->headers.base = NULL;
    memset(head->headers.known, 0, sizeof head->headers.known);
    if (length > UINT16_MAX)
        return &HTTP_REFUSE_HEAD_TOO_LARGE;
    if (!request_line_is_strict(bytes, length))
        return &bad_grammar;

    http_parser_init(&parse.parser, HTTP_REQUEST);
    parse.parser.data = &parse;
    size_t parsed = http_parser_execute(&parse.parser, &parser_settings, bytes, length);
    if (parse.refusal)
        return parse.refusal;
    if (parsed != length || HTTP_PARSER_ERRNO(&parse.parser) != HPE_OK || !parse.target)
        return grammar_refusal(&parse, bytes);
    /* The second version of HTTP opens with a request of its own, which no first version can answer. */
    if (memcmp(bytes, "PRI ", 4) == 0)
        return &bad_grammar;
    if (parse.parser.http_major != 1 || parse.parser.http_minor > 1)
        return &unknown_version;
    head->is_old = parse.parser.http_minor == 0;

    const struct http_refusal *refusal = method_read(head, parse.parser.method);
    if (!refusal)
        refusal = headers_read(head, bytes);
    if (!refusal)
        refusal = host_read(head, bytes);
    if (!refusal)
        refusal = body_read(head, bytes, limits->body_bytes_max);
    if (!refusal)
        refusal = target_read(head, bytes, bytes + (parse.target - bytes), parse.target_length);
    return refusal;
}

void http_head_free(struct http_head *head)
{
    free(head->headers.fields);
    head->headers.fields = NULL;
    head->headers.capacity = 0;
}

/* METHOD SP target SP HTTP/n.n: http_parser would take several blanks, and HTTQ. */
static bool request_line_is_strict(const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\r', length);
    if (!end || memchr(bytes, '\t', (size_t)(end - bytes)))
        return false;
    const char *first = memchr(bytes, ' ', (size_t)(end - bytes));
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    return second && second > first + 1 && end - second == 9 && memcmp(second, " HTTP/", 6) == 0 && second[7] == '.';
}

static int on_url(http_parser *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    parse->target = at;
    parse->target_length = length;
    return 0;
}

/* The head lies in one piece, so each text comes in one call. */
static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    struct http_headers *headers = &parse->head->headers;
    if (headers->count >= parse->headers_max) {
        parse->refusal = &HTTP_REFUSE_HEAD_TOO_LARGE;
        return 1;
    }
    if (headers->count == headers->capacity && !headers_reserve(headers, parse->headers_max)) {
        parse->refusal = &HTTP_REFUSE_FAULT;
        return 1;
    }
    /* http_parser lets blanks through in a name. */
    if (length == 0 || memchr(at, ' ', length) || memchr(at, '\t', length)) {
        parse->refusal = &bad_grammar;
        return 1;
    }
    size_t offset = (size_t)(at - parse->bytes);
    headers->fields[headers->count] = (struct http_field){(uint16_t)offset, 0};
    headers->count++;
    parse->bytes[offset + length] = '\0'; /* over the colon, which is already parsed */
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    struct http_field *field = &parse->head->headers.fields[parse->head->headers.count - 1];
    if (length == 0) {
        /* An empty value is reported at the next line already, where nothing may be written: it is the NUL
         * behind the name. */
        field->value = (uint16_t)(field->name + strlen(parse->bytes + field->name));
        return 0;
    }
    while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    size_t offset = (size_t)(at - parse->bytes);
    field->value = (uint16_t)offset;
    parse->bytes[offset + length] = '\0'; /* over a blank or the line's end, also parsed by now */
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    (void)parser;
    return 1; /* the body is read here, not by http_parser */
}

static bool headers_reserve(struct http_headers *headers, size_t headers_max)
{
    size_t capacity = headers->capacity ? (size_t)headers->capacity * 2 : 16;
    if (capacity > headers_max)
        capacity = headers_max;
    struct http_field *fields = realloc(headers->fields, capacity * sizeof *fields);
    if (!fields)
        return false;
    headers->fields = fields;
    headers->capacity = (uint16_t)capacity;
    return true;
}

static const struct http_refusal *grammar_refusal(const struct parse *parse, const char *bytes)
{
    enum http_errno error = HTTP_PARSER_ERRNO(&parse->parser);
    if (error == HPE_INVALID_METHOD && memcmp(bytes, "PRI ", 4) != 0)
        return &unknown_method;
    if (error == HPE_INVALID_CONTENT_LENGTH)
        return &bad_length;
    if (error == HPE_UNEXPECTED_CONTENT_LENGTH)
        return &bad_framing;
    return &bad_grammar;
}

static const struct http_refusal *method_read(struct http_head *head, unsigned method)
{
    switch (method) {
    case HTTP_GET:
        head->method = HTTP_M_GET;
        return NULL;
    case HTTP_HEAD:
        head->method = HTTP_M_HEAD;
        return NULL;
    case HTTP_POST:
        head->method = HTTP_M_POST;
        return NULL;
    case HTTP_PUT:
        head->method = HTTP_M_PUT;
        return NULL;
    case HTTP_PATCH:
        head->method = HTTP_M_PATCH;
        return NULL;
    case HTTP_DELETE:
        head->method = HTTP_M_DELETE;
        return NULL;
    case HTTP_OPTIONS:
        head->method = HTTP_M_OPTIONS;
        return NULL;
    default:
        return &refused_method;
    }
}

static const struct http_refusal *headers_read(struct http_head *head, char *bytes)
{
    struct http_headers *headers = &head->headers;
    for (size_t i = 0; i < headers->count; i++) {
        struct http_field *field = &headers->fields[i];
        if (field->value == 0) /* an empty value may come without a call */
            field->value = (uint16_t)(field->name + strlen(bytes + field->name));
        enum http_known known = known_find(bytes + field->name);
        if (known == HTTP_KNOWN_COUNT)
            continue;
        if (headers->known[known] == 0)
            headers->known[known] = field->value;
        else if (known < HTTP_KNOWN_SINGLE)
            return &bad_repeat;
    }
    headers->base = bytes;
    head->keeps_alive = !head->is_old && !http_list_has(headers, HTTP_KNOWN_CONNECTION, "close");
    return NULL;
}

static enum http_known known_find(const char *name)
{
    for (enum http_known known = 0; known < HTTP_KNOWN_COUNT; known++)
        if ((name[0] | 0x20) == known_names[known][0] && strcasecmp(name, known_names[known]) == 0)
            return known;
    return HTTP_KNOWN_COUNT;
}

static const struct http_refusal *host_read(const struct http_head *head, const char *bytes)
{
    uint16_t host = head->headers.known[HTTP_KNOWN_HOST];
    if (host == 0)
        return head->is_old ? NULL : &bad_host;
    return host_is_valid(bytes + host) ? NULL : &bad_host;
}

/* name[:port] or [address][:port]; no user, no path, nothing that a log or a link could stumble over. */
static bool host_is_valid(const char *host)
{
    static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char address_chars[] = "0123456789abcdefABCDEF:.";
    size_t length;
    if (host[0] == '[') {
        length = 1 + strspn(host + 1, address_chars);
        if (length == 1 || host[length] != ']')
            return false;
        length++;
    } else {
        length = strspn(host, name_chars);
        if (length == 0)
            return false;
    }
    if (host[length] == '\0')
        return true;
    size_t digits = host[length] == ':' ? strspn(host + length + 1, "0123456789") : 0;
    return digits > 0 && digits <= 5 && host[length + 1 + digits] == '\0';
}

static const struct http_refusal *body_read(struct http_head *head, const char *bytes, size_t body_bytes_max)
{
    const uint16_t *known = head->headers.known;
    head->is_chunked = false;
    head->body_length = 0;
    bool has_length = known[HTTP_KNOWN_CONTENT_LENGTH] != 0;
    if (known[HTTP_KNOWN_TRANSFER_ENCODING]) {
        if (has_length || head->is_old)
            return &bad_framing;
        if (strcasecmp(bytes + known[HTTP_KNOWN_TRANSFER_ENCODING], "chunked") != 0)
            return &unknown_coding;
        head->is_chunked = true;
    }
    if (has_length && !length_read(bytes + known[HTTP_KNOWN_CONTENT_LENGTH], &head->body_length))
        return &bad_length;
    bool has_body = head->is_chunked || head->body_length > 0;
    if (has_body && (head->method == HTTP_M_GET || head->method == HTTP_M_HEAD))
        return &bad_body;
    bool needs_length = head->method == HTTP_M_POST || head->method == HTTP_M_PUT || head->method == HTTP_M_PATCH;
    if (needs_length && !head->is_chunked && !has_length)
        return &no_length;
    if (head->body_length > body_bytes_max)
        return &HTTP_REFUSE_BODY_TOO_LARGE;
    if (known[HTTP_KNOWN_CONTENT_ENCODING] && strcasecmp(bytes + known[HTTP_KNOWN_CONTENT_ENCODING], "identity") != 0)
        return &encoded_body;
    head->expects_continue = false;
    if (known[HTTP_KNOWN_EXPECT] && !head->is_old) {
        if (strcasecmp(bytes + known[HTTP_KNOWN_EXPECT], "100-continue") != 0)
            return &unknown_expectation;
        head->expects_continue = has_body;
    }
    return NULL;
}

static bool length_read(const char *text, size_t *length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > LENGTH_DIGITS_MAX || text[digits] != '\0')
        return false;
    *length = (size_t)strtoull(text, NULL, 10);
    return true;
}

static const struct http_refusal *target_read(struct http_head *head, char *bytes, char *target, size_t length)
{
    target[length] = '\0'; /* over the blank in front of the version */
    for (const char *c = target; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c > '~' || *c == '#')
            return &bad_target;
    char *path = target_path(head, bytes, target);
    if (!path)
        return &bad_target;
    char *query = strchr(path, '?');
    char *end = path + strlen(path);
    if (query)
        *query++ = '\0';
    if (!http_percent_decode(path, false) || !utf8_is_valid(path, strlen(path)))
        return &bad_target;
    if (path_has_dot_segment(path))
        return &dot_segment;
    head->path = (uint16_t)(path - bytes);
    head->query = (uint16_t)((query ? query : end) - bytes);
    return NULL;
}

/* The path in an origin form (/path), an asterisk form (OPTIONS * is about the root) or an absolute form,
 * whose authority must be the Host. */
static char *target_path(struct http_head *head, char *bytes, char *target)
{
    if (target[0] == '/')
        return target;
    if (strcmp(target, "*") == 0 && head->method == HTTP_M_OPTIONS) {
        target[0] = '/';
        return target;
    }
    size_t scheme = strncasecmp(target, "http://", 7) == 0 ? 7 : strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0 || head->headers.known[HTTP_KNOWN_HOST] == 0)
        return NULL;
    const char *host = bytes + head->headers.known[HTTP_KNOWN_HOST];
    size_t length = strlen(host);
    if (strncasecmp(target + scheme, host, length) != 0)
        return NULL;
    char *path = target + scheme + length;
    return *path == '/' ? path : NULL;
}

static bool path_has_dot_segment(const char *path)
{
    for (const char *segment = strchr(path, '/'); segment; segment = strchr(segment, '/')) {
        segment++;
        size_t dots = strspn(segment, ".");
        if ((dots == 1 || dots == 2) && (segment[dots] == '/' || segment[dots] == '\0'))
            return true;
    }
    return false;
}

bool http_percent_decode(char *text, bool has_plus)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in == '%') {
            int high = hex_value(in[1]);
            int low = high < 0 ? -1 : hex_value(in[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            *out++ = (char)(high * 16 + low);
            in += 2;
        } else {
            *out++ = has_plus && *in == '+' ? ' ' : *in;
        }
    }
    *out = '\0';
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *http_known(const struct http_headers *headers, enum http_known known)
{
    return headers->known[known] ? headers->base + headers->known[known] : NULL;
}

bool http_list_next(const struct http_headers *headers, enum http_known known, size_t *cursor, const char **item,
                    size_t *length)
{
    /* The cursor is an offset into the head, behind the last item; offset 0 is the request line. */
    for (size_t i = 0; headers->known[known] != 0 && i < headers->count; i++) {
        size_t value = headers->fields[i].value;
        size_t end = value + strlen(headers->base + value);
        if (end < *cursor || strcasecmp(headers->base + headers->fields[i].name, known_names[known]) != 0)
            continue;
        size_t at = value > *cursor ? value : *cursor;
        while (at < end) {
            at += strspn(headers->base + at, " \t,");
            size_t size = strcspn(headers->base + at, ",");
            if (size == 0)
                break;
            *cursor = at + size;
            *item = headers->base + at;
            while (size > 0 && ((*item)[size - 1] == ' ' || (*item)[size - 1] == '\t'))
                size--;
            *length = size;
            return true;
        }
    }
    return false;
}

bool http_list_has(const struct http_headers *headers, enum http_known known, const char *token)
{
    size_t cursor = 0, length;
    const char *item;
    while (http_list_next(headers, known, &cursor, &item, &length))
        if (length == strlen(token) && strncasecmp(item, token, length) == 0)
            return true;
    return false;
}
