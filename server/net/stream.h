/* net/stream.h: an answer that stays open, for people behind proxies that let no WebSocket through: lines of JSON
 * (http_stream), or server-sent events. It ends with the connection, so nothing can follow it. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/frame.h"
#include "net/http.h"

struct stream;

enum stream_kind { STREAM_LINES, STREAM_EVENTS };

struct stream_handlers {
    /* Something was written out after stream_write() refused; write on. */
    void (*writable)(void *peer);
    /* It is gone: @stream is invalid from now on. Comes once for each that was opened. */
    void (*closed)(void *peer);
};

struct stream_options {
    enum stream_kind kind;
    const struct stream_handlers *handlers;
    void *peer; /* handed to them */
};

/**
 * Answer exchange @id with headers, at once, and a body that goes on until stream_end().
 * owns    takes the socket over: @id is answered. What the peer sends behind its request is read over.
 * errors  NULL: it was answered with why not (HTTP/1.0, the administration socket, too many, no memory), or has gone
 */
struct stream *stream_open(struct http *http, uint64_t id, const struct stream_options *options);
/**
 * Write the objects in @frame (WebSocket frames, one or more) now: only if nothing is buffered for this stream.
 * errors  false: it is busy (or ending) and nothing was taken; `writable` comes when it is worth trying again. A write
 *         error also answers true: `closed` follows by itself, later, never inside this call.
 */
bool stream_write(struct stream *stream, const struct frame *frame);
/* The last words (NULL: none), behind what is buffered; then the end of the body. `closed` comes later, never inside
 * this call: when the peer has seen the end, or after 2 s. Second and later calls do nothing. */
void stream_end(struct stream *stream, const struct frame *frame);
