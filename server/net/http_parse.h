/* net/http_parse.h: the bytes of a request: where its head ends, what the head says, how a chunked body
 * unfolds. http_parser knows the grammar; the strict rules on top are ours: whatever two servers could read
 * in two ways is refused. Nothing here knows a socket. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/http.h"

/* Why a request is not taken. Static; the connection is closed after the answer, because where the next
 * request begins is no longer certain. */
struct http_refusal {
    int status;
    const char *code;
    const char *detail;
};

/* The end of the head, looked for as bytes come in. */
struct http_scan {
    size_t at;          /* bytes seen so far */
    size_t line_length; /* of the line being read */
    bool is_after_cr;
};
enum http_scanned { HTTP_SCAN_MORE, HTTP_SCAN_END, HTTP_SCAN_BAD };
/* Look at @bytes from where the last call ended. END: scan->at is the length of the head with its empty line
 * (2: nothing but an empty line). BAD: a byte that no head may hold. */
enum http_scanned http_scan(struct http_scan *scan, const char *bytes, size_t length);

/* Headers that the front itself reads. A header that may not come twice is refused if it does. */
enum http_known {
    HTTP_KNOWN_HOST,
    HTTP_KNOWN_CONTENT_LENGTH,
    HTTP_KNOWN_TRANSFER_ENCODING,
    HTTP_KNOWN_CONTENT_ENCODING,
    HTTP_KNOWN_CONTENT_TYPE,
    HTTP_KNOWN_EXPECT,
    HTTP_KNOWN_UPGRADE,
    HTTP_KNOWN_ORIGIN,
    HTTP_KNOWN_COOKIE,
    HTTP_KNOWN_AUTHORIZATION,
    HTTP_KNOWN_SEC_FETCH_SITE,
    HTTP_KNOWN_WEBSOCKET_KEY,
    HTTP_KNOWN_WEBSOCKET_VERSION,
    HTTP_KNOWN_FORWARDED_PROTO,
    HTTP_KNOWN_CONNECTION, /* from here on: may come twice */
    HTTP_KNOWN_FORWARDED_FOR,
    HTTP_KNOWN_WEBSOCKET_PROTOCOL,
    HTTP_KNOWN_COUNT,
    HTTP_KNOWN_SINGLE = HTTP_KNOWN_CONNECTION
};

/* Texts are offsets from the first byte of the head, because the buffer may move while the body comes in. */
struct http_field {
    uint16_t name, value;
};
struct http_headers {
    const char *base; /* set when the request is handed on */
    struct http_field *fields;
    uint16_t count, capacity;
    uint16_t known[HTTP_KNOWN_COUNT]; /* offset of the (first) value; 0: absent */
};
struct http_head {
    struct http_headers headers;
    enum http_method method;
    uint16_t path, query; /* offsets; each ends with a NUL */
    bool is_old;          /* HTTP/1.0 */
    bool keeps_alive;
    bool is_chunked;
    bool expects_continue;
    size_t body_length; /* if not chunked */
};
struct http_limits {
    size_t headers_max, body_bytes_max;
};
/* Read the head in @bytes[0 .. length-1], as http_scan() found it; NULs are written behind its texts.
 * @head->headers.fields is kept between calls and freed with http_head_free(). NULL: fine. */
const struct http_refusal *http_head_read(struct http_head *head, char *bytes, size_t length,
                                          const struct http_limits *limits);
void http_head_free(struct http_head *head);
/* NULL if absent. Needs headers->base. */
const char *http_known(const struct http_headers *headers, enum http_known known);
/* A list header (Connection, X-Forwarded-For …) in all its lines: does it hold @token, in any case? */
bool http_list_has(const struct http_headers *headers, enum http_known known, const char *token);
/* Walk the values of a list header, line by line and item by item, blanks cut off. Start with *cursor = 0. */
bool http_list_next(const struct http_headers *headers, enum http_known known, size_t *cursor, const char **item,
                    size_t *length);

/* A chunked body, unfolded in place as it comes in. */
struct http_chunks {
    enum {
        CHUNK_SIZE,
        CHUNK_EXTENSION,
        CHUNK_SIZE_LF,
        CHUNK_DATA,
        CHUNK_DATA_CR,
        CHUNK_DATA_LF,
        CHUNK_TRAILER,
        CHUNK_TRAILER_LF,
        CHUNK_DONE
    } state;
    size_t size;        /* bytes of this chunk still to come */
    size_t line_length; /* of the trailer line; digits of the size */
    size_t overhead;    /* bytes of trailers and extensions in all */
};
/* Unfold @length bytes at @bytes to @body (at or before @bytes). *used: bytes eaten; *made: bytes of body.
 * True: go on (or done: chunks->state). False: not a chunked body, or more than its limit of overhead. */
bool http_chunks_read(struct http_chunks *chunks, const char *bytes, size_t length, char *body, size_t *used,
                      size_t *made);

/* Decode %XX in place. False: a broken escape or a NUL. With @has_plus '+' is a blank. */
bool http_percent_decode(char *text, bool has_plus);

extern const struct http_refusal HTTP_REFUSE_BAD_BYTE, HTTP_REFUSE_HEAD_TOO_LARGE, HTTP_REFUSE_BODY_TOO_LARGE,
    HTTP_REFUSE_BAD_CHUNK, HTTP_REFUSE_TOO_SLOW, HTTP_REFUSE_FAULT;
