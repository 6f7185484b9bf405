/* tests/unit/bus/world.h: a loop, buses that write down what they hear, and a Redis of its own. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <uv.h>

#include "bus/bus.h"

struct world {
    uv_loop_t loop;
    uv_timer_t guard; /* ends a test that waits for what never comes */
    bool has_expired;
    char folder[64];
    char url[128]; /* of the Unix socket in the folder */
    pid_t redis;   /* 0: not running */
    int port;      /* 0: Redis has no TCP port */
};

/* One bus, and what it heard. */
struct ear {
    struct bus *bus;
    int ups, downs;
    int messages;
    int trues, falses; /* answers to listens */
    char channel[64];  /* of the latest message or answer to a listen */
    char text[256];    /* of the latest message */
    /* What to do at the next call of any kind, after writing it down. */
    void (*act)(struct ear *ear, const char *channel);
};

struct world *world_open(void);
/* Fails the test if a handle was left open. */
void world_close(struct world *world);
/* Let the loop run until @condition holds; what makes it hold is always an event. */
#define RUN_UNTIL(world, condition)                                                                                    \
    while (!(condition)) {                                                                                             \
        if ((world)->has_expired)                                                                                      \
            fail_msg("never came true: %s", #condition);                                                               \
        uv_run(&(world)->loop, UV_RUN_ONCE);                                                                           \
    }

/* @url NULL: that of the world's Unix socket. */
void ear_open(struct world *world, struct ear *ear, const char *url, size_t in_flight_max);
void ear_close(struct ear *ear);
void ear_publish(struct ear *ear, const char *channel, const char *text);

bool redis_is_missing(void);
void redis_start(struct world *world, const char *password);
void redis_kill(struct world *world);
/* One line to Redis over a connection of its own, and the first bytes of the answer. */
void redis_say(struct world *world, const char *line, char *answer, size_t answer_size);
