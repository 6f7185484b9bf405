/* ws.h: WebSocket clients (RFC 6455) on one epoll loop: thousands of sockets, one thread. What is sent during one turn
 * of the loop leaves with one write for each socket. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/buffer.h"

struct target;
struct ws;

struct ws_handlers {
    void (*opened)(void *owner);
    /* One text, not terminated; it is gone after the call. */
    void (*text)(void *owner, const char *text, size_t length);
    /* The connection ended, but not by ws_cut(); nothing else comes. @code 0: no close frame. */
    void (*closed)(void *owner, unsigned code, const char *reason);
};

struct ws_loop {
    int epoll;
    int control; /* watched for ws_loop_run() */
    const struct target *target;
    struct ws_handlers handlers;
    int64_t now_ns; /* when the bytes being handled were read */
    uint64_t bytes_in;
    uint64_t seed;
    uint32_t sources; /* loopback addresses to leave from, each with ports of its own */
    struct ws *waiting, *ended;
    unsigned char *bytes; /* all sockets read into the same memory: an idle one holds none */
};

bool ws_loop_open(struct ws_loop *loop, const struct target *target, const struct ws_handlers *handlers, int control);
void ws_loop_close(struct ws_loop *loop);
/* Wait at most @timeout_ms, handle what comes and write what is to be sent. True: @control can be read. */
bool ws_loop_run(struct ws_loop *loop, int timeout_ms);

/* @head: further lines of the handshake. NULL, with errno, if not even the attempt could be made. */
struct ws *ws_connect(struct ws_loop *loop, const char *head, uint32_t source, void *owner);
/* Send a text, at the end of this turn. */
void ws_send(struct ws *ws, const char *text, size_t length);
/* End it as a network does that breaks: at once, without a word, and without keeping the port. NULL is fine. */
void ws_cut(struct ws *ws);

static inline int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
