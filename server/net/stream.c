/* net/stream.c: answers that stay open. The socket leaves the HTTP connection for good, as with a WebSocket: what the
 * parser needed is given back, and what is left costs an idle stream a few hundred bytes. */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "net/http_connection.h"

#define END_MS        2000  /* for the peer to take the rest and see the end */
#define DISCARDED_MAX 65536 /* bytes behind the request before the peer is dropped: none has a reason to send any */
#define TEXT_KEPT     65536 /* a larger buffer for writing is given back */

static const struct http_refusal is_too_old = {505, "malformed", "A stream needs HTTP/1.1."};
static const struct http_refusal not_here = {404, "not_found", "The administration socket has no streams."};
static const struct http_refusal too_many = {503, "busy", "There are too many connections from this address."};
static const struct http_refusal is_closing = {503, "busy", "The server is stopping."};

struct stream {
    uv_poll_t poll;
    int fd; /* -1: gone */
    int events;
    enum stream_kind kind;
    bool is_busy;      /* a write was refused: `writable` is owed */
    bool is_ending;    /* takes nothing more */
    bool is_shut;      /* the end of the body is out */
    struct buffer out; /* what the socket did not take: the rest of one write, and last words */
    struct http *http;
    struct gate_address *address;
    const struct stream_handlers *handlers;
    void *peer;
    struct list link; /* in http->streams */
    struct wheel_timer timer;
    size_t discarded;
};

static const struct http_refusal *stream_check(struct http_connection *connection);
static bool socket_take(struct stream *stream, struct http_connection *connection);
static void head_write(struct http_connection *connection, enum stream_kind kind);
static void frame_write(struct stream *stream, const struct frame *frame);
static void objects_append(struct buffer *text, enum stream_kind kind, const char *objects, size_t length);
static void bytes_write(struct stream *stream, const char *bytes, size_t length);
static void stream_flush(struct stream *stream);
static void stream_settle(struct stream *stream);
static void stream_ready(uv_poll_t *poll, int status, int events);
static bool stream_discard(struct stream *stream);
static void stream_break(struct stream *stream);
static void stream_drop(struct stream *stream);
static void stream_late(struct wheel_timer *timer);
static void poll_closed(uv_handle_t *handle);

void streams_init(struct streams *streams)
{
    list_init(&streams->open);
}

struct stream *stream_open(struct http *http, uint64_t id, const struct stream_options *options)
{
    struct http_connection *connection = http_connection_find(http, id);
    if (!connection)
        return NULL;
    const struct http_refusal *refusal = stream_check(connection);
    struct stream *stream = refusal ? NULL : calloc(1, sizeof *stream);
    if (!refusal && !stream)
        refusal = &HTTP_REFUSE_FAULT;
    if (refusal) {
        http->stats.refused++;
        http_answer_refuse(connection, refusal);
        http_connection_answered(connection);
        return NULL;
    }
    stream->http = http;
    stream->kind = options->kind;
    stream->handlers = options->handlers;
    stream->peer = options->peer;
    wheel_timer_init(&stream->timer, stream_late);
    head_write(connection, options->kind);
    if (!socket_take(stream, connection)) {
        log_error_rarely("http.memory", "no memory for a stream");
        buffer_free(&stream->out);
        free(stream);
        return NULL;
    }
    list_append(&http->streams.open, &stream->link);
    http->streams.count++;
    stream_flush(stream);
    stream_settle(stream);
    return stream;
}

static const struct http_refusal *stream_check(struct http_connection *connection)
{
    struct http *http = connection->http;
    if (connection->is_shell)
        return &not_here;
    if (connection->head.is_old)
        return &is_too_old;
    if (http->is_closed)
        return &is_closing;
    bool is_admitted =
        !connection->is_proxied || gate_admit_forwarded(http->gate, connection->request.peer, &connection->address);
    return is_admitted ? NULL : &too_many;
}

static void head_write(struct http_connection *connection, enum stream_kind kind)
{
    struct http_answer answer = {
        .status = 200,
        .content_type = kind == STREAM_EVENTS ? "text/event-stream" : "application/json",
        .headers = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n",
        .is_endless = true,
    };
    http_answer_compose(connection, &answer);
    /* Some proxies hold the headers back until there is a first byte of the body. */
    if (kind == STREAM_EVENTS)
        buffer_text(&connection->out, "\r\n");
}

/* False: no memory; the socket is closed. */
static bool socket_take(struct stream *stream, struct http_connection *connection)
{
    struct http *http = stream->http;
    assert(connection->tail_length == 0); /* it is written before the next request is read */
    stream->fd = connection->fd;
    stream->address = connection->address;
    stream->out = connection->out; /* also answers to requests in front that have not left yet */
    connection->out = (struct buffer){0};
    connection->fd = -1;
    /* First, as a poll handle that is closed takes its descriptor from whoever polls it then. */
    http_connection_close(connection);
    bool is_polled = !stream->out.has_failed && uv_poll_init(http->loop, &stream->poll, stream->fd) == 0;
    if (!is_polled) {
        gate_release(http->gate, stream->address);
        close(stream->fd);
    }
    stream->poll.data = stream;
    return is_polled;
}

bool stream_write(struct stream *stream, const struct frame *frame)
{
    if (stream->is_ending)
        return false;
    if (stream->out.length > 0) {
        stream->is_busy = true;
        return false;
    }
    frame_write(stream, frame);
    stream_settle(stream);
    return true;
}

void stream_end(struct stream *stream, const struct frame *frame)
{
    if (stream->is_ending)
        return;
    if (frame)
        frame_write(stream, frame);
    if (stream->is_ending)
        return; /* it broke */
    stream->is_ending = true;
    wheel_arm(stream->http->wheel, &stream->timer, END_MS);
    stream_settle(stream);
}

static void frame_write(struct stream *stream, const struct frame *frame)
{
    struct buffer *text = &stream->http->streams.text;
    size_t cursor = 0, length;
    const char *objects;
    buffer_clear(text);
    while ((objects = frame_next(frame, &cursor, &length)))
        objects_append(text, stream->kind, objects, length);
    if (text->has_failed)
        stream_break(stream);
    else
        bytes_write(stream, text->bytes, text->length);
    if (text->has_failed || text->capacity > TEXT_KEPT)
        buffer_free(text);
}

/* @objects are lines. */
static void objects_append(struct buffer *text, enum stream_kind kind, const char *objects, size_t length)
{
    const char *end = objects + length;
    if (kind == STREAM_LINES) {
        buffer_append(text, objects, length);
        buffer_char(text, '\n');
        return;
    }
    while (objects < end) {
        const char *line = memchr(objects, '\n', (size_t)(end - objects));
        size_t line_length = (size_t)((line ? line : end) - objects);
        buffer_append(text, "data: ", 6);
        buffer_append(text, objects, line_length);
        buffer_append(text, "\n\n", 2);
        objects += line_length + 1;
    }
}

/* Behind what is buffered. */
static void bytes_write(struct stream *stream, const char *bytes, size_t length)
{
    ssize_t sent = 0;
    if (stream->out.length == 0) {
        sent = send(stream->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            stream_break(stream);
            return;
        }
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done < length)
        buffer_append(&stream->out, bytes + done, length - done);
    if (stream->out.has_failed)
        stream_break(stream);
}

static void stream_flush(struct stream *stream)
{
    if (stream->out.length == 0)
        return;
    ssize_t sent = send(stream->fd, stream->out.bytes, stream->out.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        stream_break(stream);
        return;
    }
    buffer_consume(&stream->out, sent > 0 ? (size_t)sent : 0);
    if (stream->out.length == 0)
        buffer_free(&stream->out);
}

/* What to wait for; and when all is out, the end of the body. */
static void stream_settle(struct stream *stream)
{
    bool has_output = stream->out.length > 0;
    if (stream->is_ending && !has_output && !stream->is_shut) {
        stream->is_shut = true;
        shutdown(stream->fd, SHUT_WR);
    }
    int events = UV_READABLE | (has_output ? UV_WRITABLE : 0);
    if (stream->events != events)
        uv_poll_start(&stream->poll, events, stream_ready);
    stream->events = events;
}

static void stream_ready(uv_poll_t *poll, int status, int events)
{
    struct stream *stream = poll->data;
    if (status < 0 || (events & UV_READABLE && !stream_discard(stream))) {
        stream_drop(stream);
        return;
    }
    if (events & UV_WRITABLE)
        stream_flush(stream);
    bool is_wanted = stream->is_busy && stream->out.length == 0 && !stream->is_ending;
    if (is_wanted) {
        stream->is_busy = false;
        stream->handlers->writable(stream->peer);
    }
    stream_settle(stream);
}

/* What comes behind the request cannot be answered. False: the peer is gone, or keeps on sending. */
static bool stream_discard(struct stream *stream)
{
    char bytes[4096];
    ssize_t got = recv(stream->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    stream->discarded += (size_t)got;
    return got > 0 && stream->discarded <= DISCARDED_MAX;
}

/* Drop it soon, never inside this call. */
static void stream_break(struct stream *stream)
{
    stream->is_ending = true;
    stream->is_shut = true;
    buffer_free(&stream->out);
    wheel_arm(stream->http->wheel, &stream->timer, 1);
}

static void stream_late(struct wheel_timer *timer)
{
    stream_drop(container_of(timer, struct stream, timer));
}

static void stream_drop(struct stream *stream)
{
    struct http *http = stream->http;
    if (stream->fd < 0)
        return;
    stream->is_ending = true;
    wheel_cancel(http->wheel, &stream->timer);
    list_remove(&stream->link);
    http->streams.count--;
    buffer_free(&stream->out);
    uv_poll_stop(&stream->poll);
    close(stream->fd);
    stream->fd = -1;
    gate_release(http->gate, stream->address);
    uv_close((uv_handle_t *)&stream->poll, poll_closed);
    stream->handlers->closed(stream->peer);
}

static void poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void streams_close(struct streams *streams)
{
    while (!list_is_empty(&streams->open))
        stream_drop(container_of(streams->open.next, struct stream, link));
    buffer_free(&streams->text);
}
