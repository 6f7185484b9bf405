/* load.h: some publish, others listen: at a fixed rate, or as fast as answers come. */
#pragma once
#include <stdint.h>
#include "crowd.h"

struct load {
    struct crowd *publishers;
    struct crowd *listeners; /* or NULL: nobody listens, only the answers count */
    struct publish publish;
    int64_t rate; /* messages per second of all publishers together; 0: as fast as answers come */
    size_t next_publisher;
    int64_t busy_ns; /* out: from the first publish to the last delivery, or answer if nobody listens */
    uint64_t lost;   /* out: deliveries of accepted messages that did not come within 5 s */
};

/* Set the counters of both crowds to 0, publish for @ms, and wait for what is still on its way. */
void load_run(struct load *load, int64_t ms);
