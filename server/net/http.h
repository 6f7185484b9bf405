/* net/http.h: the HTTP/1.1 front: REST, pages and the road to a WebSocket. Own strict framing on top of
 * http_parser; one request of a connection is worked on at a time, so pipelined ones are answered in order. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/status.h"
#include "lib/buffer.h"
#include "net/wheel.h"

#define HTTP_REQUEST_ID_SIZE 65 /* 64 characters and the NUL */

struct http; /* the front: listeners, gate, connections */

enum http_method { HTTP_M_GET, HTTP_M_HEAD, HTTP_M_POST, HTTP_M_PUT, HTTP_M_PATCH, HTTP_M_DELETE, HTTP_M_OPTIONS };
const char *http_method_text(enum http_method method);

/* A whole, checked request. Everything is owned by the connection and valid until it is answered. */
struct http_request {
    uint64_t id; /* names the exchange in http_answer(); never reused */
    enum http_method method;
    const char *path;  /* percent-decoded, begins with '/', no NUL, no dot segments, valid UTF-8 */
    const char *query; /* raw, without '?'; "" if none */
    const char *body;  /* may hold any byte; NUL behind it */
    size_t body_length;
    const char *peer;   /* text of the client's address (from X-Forwarded-For if the peer is a trusted proxy) */
    bool is_shell;      /* came through the administration socket: the machine's administrator */
    bool is_secure;     /* the client's leg is TLS (trusted proxy said X-Forwarded-Proto: https) */
    bool is_own_origin; /* Origin in the allow-list; or it is absent or our own, and Sec-Fetch-Site absent, same-origin
                           or none */
    bool has_origin;
    const char *listed_origin; /* the Origin, if it is in the allow-list (CORS); else NULL */
    const char *request_id;    /* the client's own X-Request-Id, or a fresh one; in the answer too */
    const struct http_headers *headers;
};
/* The value of header @name (any case), NULL if absent. Repeated headers that may not repeat were refused. */
const char *http_header(const struct http_request *request, const char *name);
/* The value of cookie @name copied into @value; false if absent, doubled or too long. */
bool http_cookie(const struct http_request *request, const char *name, char *value, size_t size);
/* Parameter @name of a query string, decoded into @out (cleared first). False: absent or badly encoded. */
bool http_query(const char *query, const char *name, struct buffer *out);
/* Walk a query: decoded name and value; false at the end; *is_bad is set on bad encoding. */
bool http_query_next(const char **query, struct buffer *name, struct buffer *value, bool *is_bad);

struct http_answer {
    int status;
    const char *content_type; /* NULL with no body */
    const char *body;         /* copied, unless is_static */
    size_t body_length;
    const char
        *headers;    /* further lines, each ended by CRLF; "" or NULL if none. Made only with http_answer_header() */
    bool is_static;  /* body and headers outlive the answer: never copied */
    bool closes;     /* close the connection after it */
    bool is_endless; /* net/stream.c: the body goes on until the connection is closed */
};
/* Append "Name: value\r\n"; false (and nothing appended) if a byte could break the framing. */
bool http_answer_header(struct buffer *headers, const char *name, const char *value);
/* Answer exchange @id. thread loop. Harmless if the client has gone. HEAD gets no body; every answer gets
 * Date, X-Request-Id, Content-Length, the security headers (nosniff, Referrer-Policy, CSP for html: given by caller)
 * and, for /api, Cache-Control: no-store unless @headers says otherwise. */
void http_answer(struct http *http, uint64_t id, const struct http_answer *answer);
/* application/problem+json for @status; @detail may be NULL (the status's words). */
void http_answer_problem(struct http *http, uint64_t id, enum status status, const char *detail);

struct websocket_handlers;
struct http_options {
    const char *address;        /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080" */
    bool is_shared;             /* the port is shared with other workers */
    bool listens_later;         /* only once http_listen() is called */
    const char *shell_path;     /* Unix socket for administration, created 0600; NULL: none */
    const char *const *origins; /* further allowed origins, NULL-ended; the Host's own origin is always allowed */
    const char *const *proxies; /* addresses whose X-Forwarded-* are believed, NULL-ended */
    size_t connections_max;     /* 0: RLIMIT_NOFILE - 64 */
    size_t connections_per_address_max; /* 0: no limit */
    size_t header_bytes_max, headers_max, body_bytes_max, websocket_message_bytes_max;
    int64_t header_ms, body_ms, idle_ms; /* absolute deadlines; keep-alive idle */
    const char *websocket_path;          /* "/connection/websocket" */
    void *context;
    /* loop thread: a whole request; answer it now or later with http_answer(). */
    void (*request)(void *context, const struct http_request *request);
    const struct websocket_handlers *websocket_handlers;
    void *websocket_context;
};
struct http_stats {
    uint64_t requests, refused, upgrades, accepted;
    uint64_t errors; /* answers of 500 and above */
    size_t connections, websockets, streams, connections_max;
};

/* errors: a line with what to do in @why (address in use, not permitted, ...) */
enum status http_open(const struct http_options *options, uv_loop_t *loop, struct wheel *wheel, struct http **out,
                      char *why, size_t why_size);
/* Begin to listen, if that was left for later. */
enum status http_listen(struct http *http, char *why, size_t why_size);
/* The port really bound (for address ":0"). */
int http_port(const struct http *http);
/* Stop listening; what waits is accepted, what is open gets its answer and is closed behind it. */
void http_stop_accepting(struct http *http);
/* Nobody waits for an answer, or is about to ask for the first time. */
bool http_is_quiet(const struct http *http);
/* Close everything, lws context too. Two steps because of lws: call http_close(), run the loop until it returns,
 * then http_free(). */
void http_close(struct http *http);
void http_free(struct http *http);
void http_stats(const struct http *http, struct http_stats *stats);
