/* net/websocket.h: one open WebSocket. libwebsockets does the framing of what comes in; what goes out are
 * ready-made frames (net/frame.h), written raw and directly. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/frame.h"
#include "net/wheel.h"

struct websocket;

/* What the upgrade request said; valid during the call. */
struct websocket_hello {
    const char *peer;   /* client's address */
    const char *cookie; /* the whole Cookie header or NULL; only given if the Origin was ours or allowed */
    const char *origin; /* or NULL */
    const char *agent;  /* the User-Agent, any bytes, or NULL */
    const char *query;  /* "" if none */
    bool is_secure;
    bool wants_protobuf;   /* asked for the binary protocol: close with 3506 */
    bool wants_frame_ping; /* ?cf_ws_frame_ping_pong=true */
};

struct websocket_handlers {
    /* A socket is open: return the peer, the pointer handed to the other handlers (NULL: close it, no memory). */
    void *(*opened)(void *context, struct websocket *websocket, const struct websocket_hello *hello);
    /* One whole text message, checked UTF-8, at most the limit; NUL behind it. It may be changed in place. */
    void (*message)(void *peer, char *text, size_t length);
    /* Something was written out after websocket_write() refused; write on. */
    void (*writable)(void *peer);
    /* A native ping or pong came (frame ping mode). */
    void (*pong)(void *peer);
    /* The socket is gone: @websocket is invalid from now on. Comes once for each opened. @code as the peer's close
     * frame had it, 1006 if there was none. */
    void (*closed)(void *peer, uint16_t code);
};

/**
 * Write a frame now, behind nothing: only if nothing is buffered for this socket.
 * errors  false: the socket is busy (or closing) and nothing was taken; `writable` comes when it is worth trying
 *         again. A write error also answers true: `closed` follows by itself, later, never inside this call.
 */
bool websocket_write(struct websocket *websocket, struct frame *frame);
/* It will be written to soon: bring what that needs into the processor's cache, in two steps, as the second needs what
 * the first one brought. */
void websocket_prefetch(const struct websocket *websocket);
void websocket_prefetch_rest(const struct websocket *websocket);
/* Nothing is buffered in lws for it. */
bool websocket_is_clear(const struct websocket *websocket);
/* Send a close frame (behind what is buffered), take no more input, and drop the socket when the peer answers or
 * after 2 s. `closed` comes later, never inside this call. Second and later calls do nothing. */
void websocket_close(struct websocket *websocket, uint16_t code, const char *reason);
bool websocket_is_closing(const struct websocket *websocket);
/* A native ping frame. */
void websocket_ping(struct websocket *websocket);
/* Stop / go on reading from the peer (back-pressure). */
void websocket_pause(struct websocket *websocket, bool is_paused);
