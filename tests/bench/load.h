/* load.h: some publish, others listen: at a fixed rate, or as fast as answers come. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "crowd.h"
#include "target.h"

struct load {
    struct crowd *publishers;
    struct crowd *listeners; /* or NULL: nobody listens, only the answers count */
    uint64_t heard_by;       /* listeners of one message; 0: all */
    struct publish publish;
    int64_t rate; /* messages per second of all publishers together; 0: as fast as answers come */
    size_t next_publisher;
    /* Of load_open(): connections that are opened again need them again. */
    struct target target;
    struct cookies cookies, publisher_cookies;
    int64_t busy_ns; /* out: from the first publish to the last delivery, or answer if nobody listens */
    uint64_t lost;   /* out: deliveries of accepted messages that did not come within 20 s */
};

/* Who is to open which connections to one Parley. */
struct load_plan {
    struct ws_loop *loop;
    const char *parley;                      /* address:port */
    const char *cookies, *publisher_cookies; /* files; the second NULL: as the first */
    const char *rooms;                       /* first-last, given out in turn to listeners and to publishers */
    size_t listeners, publishers;            /* 0: none */
    size_t bytes;                            /* of a message's text */
    int64_t open_ms;
};

/* Make both crowds and open their connections. False, with a line on the standard error: it did not work. */
bool load_open(struct load *load, const struct load_plan *plan);
void load_close(struct load *load);
/* Set the counters of both crowds to 0, publish for @ms, and wait for what is still on its way. */
void load_run(struct load *load, int64_t ms);
