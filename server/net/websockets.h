/* net/websockets.h: all open WebSockets and the libwebsockets context that serves them. A socket comes here
 * once its upgrade request is checked; libwebsockets is given a request that we wrote ourselves, never the
 * client's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/status.h"
#include "lib/buffer.h"
#include "net/websocket.h"
#include "net/wheel.h"

struct websockets;
struct gate_address;

struct websockets_options {
    size_t message_bytes_max;
    const struct websocket_handlers *handlers;
    void *context; /* for handlers->opened */
    /* A socket is gone, or never opened: called once for each adoption. */
    void (*released)(void *released_context, struct gate_address *address);
    void *released_context;
};

/* What of a checked upgrade request libwebsockets needs to know. */
struct websocket_upgrade {
    const char *key;      /* Sec-WebSocket-Key: 24 characters of base64 */
    const char *protocol; /* the subprotocol to echo; NULL: none */
    const char *rest;     /* bytes that came behind the request: the first frames */
    size_t rest_length;
    uint64_t received; /* bytes read from the socket so far, the rest left out */
};

enum status websockets_open(const struct websockets_options *options, uv_loop_t *loop, struct wheel *wheel,
                            struct websockets **out, char *why, size_t why_size);
/* Take over @fd: answer 101 and tell handlers->opened, usually within this call. @fd and @address are given
 * away whatever happens. */
void websockets_adopt(struct websockets *websockets, int fd, const struct websocket_upgrade *upgrade,
                      const struct websocket_hello *hello, struct gate_address *address);
size_t websockets_count(const struct websockets *websockets);
/* Drop all sockets and start taking libwebsockets down; `closed` comes for each within this call. */
void websockets_close(struct websockets *websockets);
/* After the loop has returned. */
void websockets_free(struct websockets *websockets);
