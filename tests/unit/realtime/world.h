/* The realtime side without sockets: what would be written to each is kept, and each can refuse. The clock is the
 * test's own. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <uv.h>
#include "realtime/internal.h"

#define TEXTS_MAX 4096

/* What net/ has behind its opaque pointer, here the end of the road. */
struct websocket {
    struct connection *connection;
    bool is_blocked;
    int takes;              /* writes until it is blocked again by itself; 0: no such bound */
    char *texts[TEXTS_MAX]; /* the objects written, in order */
    size_t count, writes, frame_bytes_max;
    size_t written_as;   /* which of all writes since world_writes was 0 the last one to it was */
    uint16_t close_code; /* 0: open */
};

struct world {
    uv_loop_t loop;
    struct settings *settings;
    struct wheel *wheel;
    struct dispatch *dispatch;
    struct hub *hub;
    struct websocket *sockets[64];
    size_t count;
};

extern int64_t world_now_ms;
extern size_t world_writes;
int64_t __wrap_clock_monotonic_ms(void);

int world_open(void **state);
int world_close(void **state);
/* Somebody who has connected. */
struct websocket *world_connect(struct world *world);
void world_leave(struct world *world, struct websocket *socket);
/* Listening from here on. */
struct subscription *world_listen(struct websocket *socket, const char *channel);
/* An event with this text as data; offset 0: outside the log. */
void world_publish(struct world *world, const char *channel, uint64_t offset, const char *text);
/* The end of a turn of the loop, once, or until nothing is left to do. */
void world_turn(struct world *world);
void world_settle(struct world *world);
/* The socket takes everything again, and says so. */
void world_unblock(struct websocket *socket);
/* The offsets of the events among the texts: "3 4 5", typing as 0, joins as j, leaves as l, unsubscribes as u. */
const char *world_heard(const struct websocket *socket);
uint64_t world_log_bytes(const struct world *world);
