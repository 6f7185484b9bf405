/* net/http_connection.h: the front and one connection of it, as the files of net/http*.c share them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "lib/buffer.h"
#include "lib/random.h"
#include "net/gate.h"
#include "net/http.h"
#include "net/http_parse.h"
#include "net/listener.h"
#include "net/streams.h"
#include "net/websocket.h"
#include "net/websockets.h"
#include "net/wheel.h"

/* A connection's place in the table is the low part of its exchanges' ids. */
#define HTTP_SLOT_BITS       20
#define HTTP_CONNECTIONS_MAX ((size_t)1 << HTTP_SLOT_BITS)
#define HTTP_DATE_SIZE       40

struct http {
    struct http_options options;
    struct http_limits limits;
    char *websocket_path;
    uv_loop_t *loop;
    struct wheel *wheel;
    struct gate *gate;
    struct listener *listener, *shell_listener;
    struct websockets *websockets;
    struct streams streams;
    struct http_connection **slots; /* NULL where free */
    uint32_t *free_slots;           /* a stack of free places */
    size_t slot_count, slot_capacity, free_count;
    uint64_t exchanges;             /* counted for ids */
    char id_prefix[RANDOM_ID_SIZE]; /* of this process's request ids */
    uint64_t id_count;
    size_t connections;
    struct http_stats stats;
    int64_t date_s; /* of the text below */
    char date[HTTP_DATE_SIZE];
    bool is_closed;
    bool is_stopping; /* each answer is the last of its connection */
};

enum http_state {
    HTTP_READING_HEAD,
    HTTP_READING_BODY,
    HTTP_WORKING,   /* a request is handed on and not yet answered */
    HTTP_LINGERING, /* the last answer is out; what still comes is read over, so that the peer can read it */
    HTTP_CLOSED,
};
enum http_deadline {
    HTTP_NO_DEADLINE,
    HTTP_HEADER_DEADLINE,
    HTTP_BODY_DEADLINE,
    HTTP_IDLE_DEADLINE,
    HTTP_WRITE_DEADLINE,
    HTTP_LINGER_DEADLINE
};

struct http_connection {
    uv_poll_t poll;
    struct http *http;
    struct gate_address *address;
    struct wheel_timer timer;
    enum http_deadline deadline; /* what the timer is armed for */
    enum http_state state;
    int fd;
    int events; /* watched for */
    uint32_t slot;
    bool is_shell, is_proxied;
    bool is_processing; /* further up the stack: do not enter again */
    bool closes;        /* after what is to be written */
    char saved;         /* the byte behind a body, under its NUL */
    bool has_saved;

    struct buffer in;
    size_t start;         /* where the current request begins in it */
    size_t head_length;   /* of the current request */
    size_t body_received; /* of a chunked body, unfolded */
    size_t raw;           /* where bytes of a chunked body wait that are not unfolded */
    uint64_t received;    /* bytes read from the socket in all */
    struct http_scan scan;
    struct http_head head;
    struct http_chunks chunks;
    struct http_request request;
    bool origin_is_allowed; /* of the current request; also if it has none */
    char request_id[HTTP_REQUEST_ID_SIZE];

    struct buffer out;
    const char *tail; /* a static body to be written behind it */
    size_t tail_length;
    size_t discarded;                                  /* while lingering */
    char peer[GATE_PEER_SIZE], client[GATE_PEER_SIZE]; /* the socket's address; the client's behind a proxy */
};

/* Take over an accepted socket. */
void http_connection_open(struct http *http, int fd, const struct sockaddr_storage *peer);
/* The one whose current request is exchange @id; NULL: the client has gone, or has its answer. */
struct http_connection *http_connection_find(const struct http *http, uint64_t id);
/* Read, work and write as far as it goes. */
void http_connection_go_on(struct http_connection *connection);
void http_connection_close(struct http_connection *connection);
/* Close it, unless somebody is owed an answer on it or has not asked yet. */
void http_connection_stop(struct http_connection *connection);
/* The exchange of @request is answered: what comes next? */
void http_connection_answered(struct http_connection *connection);

/* Name the current request as the client did in @sent, or anew if that is NULL or no name for a log. */
void http_request_id_set(struct http_connection *connection, const char *sent);
/* Write the answer to the connection's current request, or refuse it, into connection->out. */
void http_answer_compose(struct http_connection *connection, const struct http_answer *answer);
void http_answer_refuse(struct http_connection *connection, const struct http_refusal *refusal);

/* The current request, whole, asks for a WebSocket: hand the socket over or refuse. */
void http_upgrade(struct http_connection *connection);
