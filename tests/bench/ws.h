/* ws.h: WebSocket clients on one epoll loop: thousands of connections, one thread, one read per wake-up.
 * The two frame functions serve the bare server as well. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Frames */
#define WS_FRAME_BYTES_MAX  262144 /* a longer frame ends the connection */
#define WS_HEADER_BYTES_MAX 14
enum ws_opcode { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
struct ws_frame {
    unsigned opcode;
    bool is_final;
    bool is_masked;
    unsigned char mask[4];
    size_t header;
    size_t length; /* of the payload */
};
enum ws_read { WS_READ_WHOLE, WS_READ_MORE, WS_READ_BROKEN };
/* Look at the frame that starts at @bytes: a whole one, one that needs more bytes, or nothing we can take. */
enum ws_read ws_frame_read(const unsigned char *bytes, size_t available, struct ws_frame *frame);
/* The header of a final frame; @mask NULL: unmasked, as servers send. Returns its length. */
size_t ws_frame_header(unsigned char out[WS_HEADER_BYTES_MAX], enum ws_opcode opcode, size_t length,
                       const unsigned char *mask);
/* Mask, or unmask: it is the same. */
void ws_frame_mask(unsigned char *bytes, size_t length, const unsigned char mask[4]);

/* Connections */
struct ws;
struct ws_loop;
struct ws_request {
    const char *host; /* a numeric IPv4 address */
    uint16_t port;
    const char *path;
    const char *cookie; /* the value of the Cookie header, or NULL */
    uint32_t source;    /* 0: the system picks; n: leave from 127.0.0.n+1, which has ports of its own */
};
/* None of them may call ws_free(). */
struct ws_handlers {
    void (*opened)(void *owner);
    /* One text frame, not terminated; it is gone after the call. */
    void (*text)(void *owner, const char *text, size_t length);
    /* The connection ended, whoever ended it; nothing else comes. @code 0: no close frame. */
    void (*closed)(void *owner, unsigned code, const char *reason);
};

struct ws_loop *ws_loop_new(void);
void ws_loop_free(struct ws_loop *loop);
/* Wait at most @timeout_ms for something to happen, and handle it. */
void ws_loop_run(struct ws_loop *loop, int timeout_ms);
/* When the bytes being handled arrived here (monotonic). */
int64_t ws_loop_now_ns(const struct ws_loop *loop);

/* NULL, with one line in @why, only if not even the attempt could be made. */
struct ws *ws_connect(struct ws_loop *loop, const struct ws_request *request, const struct ws_handlers *handlers,
                      void *owner, char *why, size_t why_size);
/* Send a text. False: closed, or too much is waiting already. */
bool ws_send(struct ws *ws, const char *text, size_t length);
/* Close at once and without a word. */
void ws_free(struct ws *ws);

static inline int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
