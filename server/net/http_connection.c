/* net/http_connection.c: one HTTP connection. It reads a request, hands it on, writes the answer, and only
 * then reads on: a peer that asks faster than it is answered fills its own socket, not our memory. */
#include "net/http_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/scope.h"

#define READ_FIRST       2000  /* bytes: most requests fit, and an idle connection costs little */
#define READ_LEAST       512   /* grow before a read smaller than this */
#define READ_BODY        16384 /* read a body in pieces of this */
#define OUT_HIGH         65536 /* answers to pipelined requests wait for the socket above this */
#define OUT_KEPT         4096  /* a larger output buffer is given back once it is empty */
#define LINGER_MS        1000
#define LINGER_BYTES_MAX (1 << 20)

static void say_full(const struct http *http);
static bool slot_take(struct http *http, struct http_connection *connection);
static void slot_return(struct http_connection *connection);
static void connection_ready(uv_poll_t *poll, int status, int events);
static void connection_read(struct http_connection *connection);
static void connection_discard(struct http_connection *connection);
static bool connection_step(struct http_connection *connection);
static bool head_step(struct http_connection *connection);
static void head_done(struct http_connection *connection);
static bool body_step(struct http_connection *connection);
static bool chunked_body_step(struct http_connection *connection);
static void connection_dispatch(struct http_connection *connection, char *body, size_t body_length, size_t length);
static void request_fill(struct http_connection *connection);
static void connection_refuse(struct http_connection *connection, const struct http_refusal *refusal);
static void connection_compact(struct http_connection *connection);
static void connection_flush(struct http_connection *connection);
static ssize_t connection_send(const struct http_connection *connection);
static void connection_linger(struct http_connection *connection);
static void connection_settle(struct http_connection *connection);
static void connection_watch(struct http_connection *connection, int events);
static void connection_deadline(struct http_connection *connection, enum http_deadline deadline, int64_t after_ms);
static void connection_late(struct wheel_timer *timer);
static void connection_closed(uv_handle_t *handle);
static bool has_output(const struct http_connection *connection);

void http_connection_open(struct http *http, int fd, const struct sockaddr_storage *peer)
{
    struct gate_address *address = NULL;
    if (!gate_admit(http->gate, peer, &address)) {
        http->stats.refused++;
        say_full(http);
        close(fd);
        return;
    }
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (!connection || !slot_take(http, connection) || uv_poll_init(http->loop, &connection->poll, fd) != 0) {
        log_error_rarely("http.memory", "no memory for a connection");
        if (connection && connection->http)
            slot_return(connection);
        free(connection);
        gate_release(http->gate, address);
        close(fd);
        return;
    }
    http->stats.accepted++;
    http->connections++;
    connection->poll.data = connection;
    connection->fd = fd;
    connection->address = address;
    connection->is_shell = peer->ss_family == AF_UNIX;
    connection->is_proxied = gate_is_proxy(http->gate, peer);
    gate_peer_text(peer, connection->peer);
    wheel_timer_init(&connection->timer, connection_late);
    connection_deadline(connection, HTTP_HEADER_DEADLINE, http->options.header_ms);
    connection_watch(connection, UV_READABLE);
}

/* The peer is told nothing, so that turning it away stays cheap: what to do is told to who runs the server. */
static void say_full(const struct http *http)
{
    if (gate_count(http->gate) >= gate_count_max(http->gate))
        log_error_rarely("http.full",
                         "a connection was closed: there are %zu, as many as http.connections_max and the hard limit "
                         "of open files less 64 (ulimit -Hn) allow; more need --workers or edges",
                         gate_count(http->gate));
    else
        log_error_rarely("http.full", "a connection was closed: its address has as many as "
                                      "http.connections_per_address_max allows; 0 lifts that limit");
}

static bool slot_take(struct http *http, struct http_connection *connection)
{
    if (http->free_count == 0) {
        size_t capacity = http->slot_capacity ? http->slot_capacity * 2 : 256;
        if (capacity > HTTP_CONNECTIONS_MAX)
            return false;
        struct http_connection **slots = realloc(http->slots, capacity * sizeof *slots);
        if (!slots)
            return false;
        http->slots = slots;
        uint32_t *free_slots = realloc(http->free_slots, capacity * sizeof *free_slots);
        if (!free_slots)
            return false;
        http->free_slots = free_slots;
        for (size_t i = capacity; i > http->slot_capacity; i--) {
            http->slots[i - 1] = NULL;
            http->free_slots[http->free_count++] = (uint32_t)(i - 1);
        }
        http->slot_capacity = capacity;
    }
    connection->http = http;
    connection->slot = http->free_slots[--http->free_count];
    http->slots[connection->slot] = connection;
    return true;
}

static void slot_return(struct http_connection *connection)
{
    struct http *http = connection->http;
    http->slots[connection->slot] = NULL;
    http->free_slots[http->free_count++] = connection->slot;
}

struct http_connection *http_connection_find(const struct http *http, uint64_t id)
{
    size_t slot = (size_t)(id & (HTTP_CONNECTIONS_MAX - 1));
    struct http_connection *connection = slot < http->slot_capacity ? http->slots[slot] : NULL;
    return connection && id != 0 && connection->request.id == id ? connection : NULL;
}

void http_connection_close(struct http_connection *connection)
{
    if (connection->state == HTTP_CLOSED)
        return;
    struct http *http = connection->http;
    connection->state = HTTP_CLOSED;
    wheel_cancel(http->wheel, &connection->timer);
    slot_return(connection);
    http->connections--;
    uv_poll_stop(&connection->poll);
    if (connection->fd >= 0) { /* not handed over to a WebSocket */
        gate_release(http->gate, connection->address);
        close(connection->fd);
    }
    uv_close((uv_handle_t *)&connection->poll, connection_closed);
}

void http_connection_stop(struct http_connection *connection)
{
    char byte;
    bool is_idle = connection->state == HTTP_READING_HEAD && connection->deadline == HTTP_IDLE_DEADLINE;
    /* A request that is in the socket already is answered. */
    if (is_idle && recv(connection->fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
        http_connection_close(connection);
}

static void connection_closed(uv_handle_t *handle)
{
    struct http_connection *connection = handle->data;
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    http_head_free(&connection->head);
    free(connection);
}

static void connection_ready(uv_poll_t *poll, int status, int events)
{
    struct http_connection *connection = poll->data;
    if (status < 0) {
        http_connection_close(connection);
        return;
    }
    if (events & UV_WRITABLE) {
        http_connection_go_on(connection);
    } else if (connection->state == HTTP_LINGERING) {
        connection_discard(connection);
    } else if (connection->state == HTTP_WORKING) {
        /* The next request waits in the socket until this one is answered. */
        connection_watch(connection, connection->events & ~UV_READABLE);
    } else {
        connection_read(connection);
    }
}

static void connection_read(struct http_connection *connection)
{
    struct buffer *in = &connection->in;
    bool is_body = connection->state == HTTP_READING_BODY;
    size_t room = in->capacity > 0 ? in->capacity - in->length - 1 : 0;
    size_t wanted = in->capacity == 0 ? READ_FIRST : room >= READ_LEAST ? 0 : is_body ? READ_BODY : in->length;
    if (!buffer_reserve(in, wanted)) {
        log_error_rarely("http.memory", "no memory for a request");
        http_connection_close(connection);
        return;
    }
    ssize_t got = recv(connection->fd, in->bytes + in->length, in->capacity - in->length - 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        http_connection_close(connection);
        return;
    }
    in->length += (size_t)got;
    in->bytes[in->length] = '\0';
    connection->received += (uint64_t)got;
    http_connection_go_on(connection);
}

/* After the last answer: closing with unread bytes in the socket would make the kernel send a reset, and the
 * reset would take the answer away from the peer. */
static void connection_discard(struct http_connection *connection)
{
    char bytes[4096];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        connection->discarded += (size_t)got;
        if (connection->discarded <= LINGER_BYTES_MAX)
            return;
    }
    http_connection_close(connection);
}

void http_connection_go_on(struct http_connection *connection)
{
    if (connection->is_processing)
        return;
    connection->is_processing = true;
    if (has_output(connection))
        connection_flush(connection);
    bool may_step = !has_output(connection);
    while (may_step && connection->state != HTTP_CLOSED) {
        may_step = connection_step(connection);
        /* One write for the answers to all requests that came in one piece. */
        if (!may_step || connection->out.length > OUT_HIGH || connection->tail_length > 0) {
            connection_flush(connection);
            may_step = may_step && !has_output(connection);
        }
    }
    connection->is_processing = false;
    if (connection->state == HTTP_CLOSED)
        return;
    connection_compact(connection);
    connection_settle(connection);
}

static bool has_output(const struct http_connection *connection)
{
    return connection->out.length > 0 || connection->tail_length > 0;
}

/* Work off one piece of what was read. False: nothing more can be done now. */
static bool connection_step(struct http_connection *connection)
{
    if (connection->closes)
        return false;
    if (connection->state == HTTP_READING_HEAD)
        return head_step(connection);
    if (connection->state == HTTP_READING_BODY)
        return connection->head.is_chunked ? chunked_body_step(connection) : body_step(connection);
    return false;
}

static bool head_step(struct http_connection *connection)
{
    struct http *http = connection->http;
    size_t length = connection->in.length - connection->start;
    if (length == 0)
        return false;
    char *bytes = connection->in.bytes + connection->start;
    size_t limit = http->options.header_bytes_max;
    enum http_scanned scanned = http_scan(&connection->scan, bytes, length < limit ? length : limit);
    if (scanned == HTTP_SCAN_MORE) {
        if (length >= limit)
            connection_refuse(connection, &HTTP_REFUSE_HEAD_TOO_LARGE);
        return false;
    }
    if (scanned == HTTP_SCAN_BAD) {
        connection_refuse(connection, &HTTP_REFUSE_BAD_BYTE);
        return false;
    }
    connection->head_length = connection->scan.at;
    connection->scan = (struct http_scan){0};
    if (connection->head_length == 2) { /* an empty line in front of a request is to be skipped */
        connection->start += 2;
        return true;
    }
    const struct http_refusal *refusal =
        http_head_read(&connection->head, bytes, connection->head_length, &http->limits);
    if (refusal) {
        connection_refuse(connection, refusal);
        return false;
    }
    head_done(connection);
    return true;
}

static void head_done(struct http_connection *connection)
{
    struct http *http = connection->http;
    http->stats.requests++;
    connection->state = HTTP_READING_BODY;
    connection->body_received = 0;
    connection->raw = connection->start + connection->head_length;
    connection->chunks = (struct http_chunks){0};
    bool is_here =
        !connection->head.is_chunked && connection->in.length - connection->raw >= connection->head.body_length;
    if (is_here)
        return;
    connection_deadline(connection, HTTP_BODY_DEADLINE, http->options.body_ms);
    if (connection->head.expects_continue)
        buffer_text(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static bool body_step(struct http_connection *connection)
{
    size_t length = connection->head_length + connection->head.body_length;
    if (connection->in.length - connection->start < length)
        return false;
    char *body = connection->in.bytes + connection->start + connection->head_length;
    if (connection->head.body_length > 0) {
        /* The NUL behind the body lies on the first byte of the next request. */
        connection->saved = body[connection->head.body_length];
        connection->has_saved = true;
        body[connection->head.body_length] = '\0';
    }
    connection_dispatch(connection, body, connection->head.body_length, length);
    return true;
}

static bool chunked_body_step(struct http_connection *connection)
{
    struct buffer *in = &connection->in;
    char *body = in->bytes + connection->start + connection->head_length;
    size_t used = 0, made = 0;
    if (!http_chunks_read(&connection->chunks, in->bytes + connection->raw, in->length - connection->raw,
                          body + connection->body_received, &used, &made)) {
        connection_refuse(connection, &HTTP_REFUSE_BAD_CHUNK);
        return false;
    }
    connection->raw += used;
    connection->body_received += made;
    if (connection->body_received > connection->http->limits.body_bytes_max) {
        connection_refuse(connection, &HTTP_REFUSE_BODY_TOO_LARGE);
        return false;
    }
    if (connection->chunks.state != CHUNK_DONE) {
        /* All of it is unfolded: read on right behind the body, over the bytes of the framing. */
        connection->raw = connection->start + connection->head_length + connection->body_received;
        in->length = connection->raw;
        return false;
    }
    /* The framing took five bytes at least, so the NUL behind the body lies on none of the next request. */
    body[connection->body_received] = '\0';
    connection_dispatch(connection, body, connection->body_received, connection->raw - connection->start);
    return true;
}

/* Hand the request on; it takes @length bytes of the input. */
static void connection_dispatch(struct http_connection *connection, char *body, size_t body_length, size_t length)
{
    struct http *http = connection->http;
    struct http_request *request = &connection->request;
    request_fill(connection);
    request->body = body_length > 0 ? body : "";
    request->body_length = body_length;
    connection->raw = connection->start + length;
    connection->state = HTTP_WORKING;
    const char *upgrade = http_known(request->headers, HTTP_KNOWN_UPGRADE);
    if (upgrade || strcmp(request->path, http->websocket_path) == 0) {
        connection_flush(connection); /* the answers to what came in front */
        if (connection->state == HTTP_WORKING)
            http_upgrade(connection);
        return;
    }
    request->id = (++http->exchanges << HTTP_SLOT_BITS) | connection->slot;
    http->options.request(http->options.context, request);
}

static void request_fill(struct http_connection *connection)
{
    const struct http *http = connection->http;
    struct http_request *request = &connection->request;
    struct http_headers *headers = &connection->head.headers;
    char *base = connection->in.bytes + connection->start;
    headers->base = base; /* the buffer may have moved since the head was read */
    request->headers = headers;
    request->method = connection->head.method;
    request->path = base + connection->head.path;
    request->query = base + connection->head.query;
    request->is_shell = connection->is_shell;
    request->is_secure = false;
    request->peer = connection->peer;
    if (connection->is_proxied) {
        const char *proto = http_known(headers, HTTP_KNOWN_FORWARDED_PROTO);
        request->is_secure = proto && strcmp(proto, "https") == 0;
        if (gate_forwarded_for(http->gate, headers, connection->client))
            request->peer = connection->client;
    }
    const char *origin = http_known(headers, HTTP_KNOWN_ORIGIN);
    const char *site = http_known(headers, HTTP_KNOWN_SEC_FETCH_SITE);
    request->has_origin = origin != NULL;
    connection->origin_is_allowed =
        !origin || gate_origin_is_allowed(http->gate, origin, http_known(headers, HTTP_KNOWN_HOST), request->is_secure);
    /* A page of a listed origin is of another site, and may all the same. */
    request->listed_origin = origin && gate_origin_is_listed(http->gate, origin) ? origin : NULL;
    bool is_own_site = !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    request->is_own_origin = request->listed_origin || (connection->origin_is_allowed && is_own_site);
    http_request_id_set(connection, http_header(request, "X-Request-Id"));
}

void http_request_id_set(struct http_connection *connection, const char *sent)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = sent ? strlen(sent) : 0;
    if (length && length < sizeof connection->request_id && strspn(sent, alphabet) == length)
        memcpy(connection->request_id, sent, length + 1);
    else
        snprintf(connection->request_id, sizeof connection->request_id, "%s-%llu", connection->http->id_prefix,
                 (unsigned long long)++connection->http->id_count);
    connection->request.request_id = connection->request_id;
}

void http_connection_answered(struct http_connection *connection)
{
    if (connection->has_saved)
        connection->in.bytes[connection->raw] = connection->saved;
    connection->has_saved = false;
    connection->request.id = 0;
    connection->start = connection->raw;
    connection->state = HTTP_READING_HEAD;
    connection->deadline = HTTP_NO_DEADLINE; /* the next request has its own time */
    http_connection_go_on(connection);
}

/* Answer with an error and close: where the next request begins is not certain. */
static void connection_refuse(struct http_connection *connection, const struct http_refusal *refusal)
{
    connection->http->stats.refused++;
    http_answer_refuse(connection, refusal);
}

/* Give up the bytes that are done with. */
static void connection_compact(struct http_connection *connection)
{
    if (connection->start == 0 || connection->state != HTTP_READING_HEAD)
        return; /* a request that is worked on points into them */
    buffer_consume(&connection->in, connection->start);
    connection->start = 0;
    connection->raw = 0;
    if (connection->in.length == 0 && connection->in.capacity > OUT_HIGH)
        buffer_free(&connection->in);
}

static void connection_flush(struct http_connection *connection)
{
    if (connection->state == HTTP_LINGERING)
        return;
    if (connection->out.has_failed) {
        log_error_rarely("http.memory", "no memory for an answer");
        http_connection_close(connection);
        return;
    }
    if (has_output(connection)) {
        ssize_t sent = connection_send(connection);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            http_connection_close(connection);
            return;
        }
        size_t done = sent > 0 ? (size_t)sent : 0;
        size_t of_out = done < connection->out.length ? done : connection->out.length;
        buffer_consume(&connection->out, of_out);
        connection->tail += done - of_out;
        connection->tail_length -= done - of_out;
        if (done > 0 && connection->deadline == HTTP_WRITE_DEADLINE)
            connection->deadline = HTTP_NO_DEADLINE; /* progress: the time starts anew */
        if (has_output(connection))
            return;
        if (connection->out.capacity > OUT_KEPT)
            buffer_free(&connection->out);
    }
    if (connection->closes)
        connection_linger(connection);
}

static ssize_t connection_send(const struct http_connection *connection)
{
    if (connection->tail_length == 0)
        return send(connection->fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
    struct iovec parts[2] = {
        {.iov_base = connection->out.bytes, .iov_len = connection->out.length},
        {.iov_base = (void *)(uintptr_t)connection->tail, .iov_len = connection->tail_length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts)};
    return sendmsg(connection->fd, &message, MSG_NOSIGNAL);
}

static void connection_linger(struct http_connection *connection)
{
    connection->state = HTTP_LINGERING;
    buffer_free(&connection->in);
    connection->start = 0;
    if (shutdown(connection->fd, SHUT_WR) != 0)
        http_connection_close(connection);
    else
        connection_deadline(connection, HTTP_LINGER_DEADLINE, LINGER_MS);
}

/* After all that could be done: what to wait for, and how long. */
static void connection_settle(struct http_connection *connection)
{
    const struct http_options *options = &connection->http->options;
    if (has_output(connection)) {
        connection_watch(connection, UV_WRITABLE);
        if (connection->deadline != HTTP_WRITE_DEADLINE)
            connection_deadline(connection, HTTP_WRITE_DEADLINE, options->idle_ms);
        return;
    }
    switch (connection->state) {
    case HTTP_READING_HEAD:
        connection_watch(connection, UV_READABLE);
        if (connection->in.length > 0 && connection->deadline != HTTP_HEADER_DEADLINE)
            connection_deadline(connection, HTTP_HEADER_DEADLINE, options->header_ms);
        else if (connection->in.length == 0 && connection->deadline == HTTP_NO_DEADLINE)
            connection_deadline(connection, HTTP_IDLE_DEADLINE, options->idle_ms);
        break;
    case HTTP_READING_BODY:
        connection_watch(connection, UV_READABLE);
        if (connection->deadline != HTTP_BODY_DEADLINE) /* a write was in between */
            connection_deadline(connection, HTTP_BODY_DEADLINE, options->body_ms);
        break;
    case HTTP_WORKING: /* reading stops by itself when something comes */
        connection->deadline = HTTP_NO_DEADLINE;
        wheel_cancel(connection->http->wheel, &connection->timer);
        break;
    case HTTP_LINGERING:
        connection_watch(connection, UV_READABLE);
        break;
    case HTTP_CLOSED:
        break;
    }
}

static void connection_watch(struct http_connection *connection, int events)
{
    if (connection->events == events)
        return;
    connection->events = events;
    if (events)
        uv_poll_start(&connection->poll, events, connection_ready);
    else
        uv_poll_stop(&connection->poll);
}

static void connection_deadline(struct http_connection *connection, enum http_deadline deadline, int64_t after_ms)
{
    connection->deadline = deadline;
    wheel_arm(connection->http->wheel, &connection->timer, after_ms);
}

static void connection_late(struct wheel_timer *timer)
{
    struct http_connection *connection = container_of(timer, struct http_connection, timer);
    bool is_begun = connection->in.length > connection->start;
    if (connection->deadline == HTTP_BODY_DEADLINE || (connection->deadline == HTTP_HEADER_DEADLINE && is_begun)) {
        connection_refuse(connection, &HTTP_REFUSE_TOO_SLOW);
        http_connection_go_on(connection);
    } else {
        http_connection_close(connection);
    }
}
