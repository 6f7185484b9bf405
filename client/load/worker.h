/* worker.h: one process that loads: its share of the sockets, on one thread. */
#pragma once
#include <stdint.h>

struct world;
struct worker_share {
    const struct world *world;
    uint32_t process, processes;
    int commands; /* a letter each: see below */
    int reports;  /* see wire.h */
};
enum worker_command { WORKER_GO = 'g', WORKER_STOP = 's', WORKER_DRAIN = 'd', WORKER_QUIT = 'q' };

/* Open the sockets; at GO say messages; at STOP wait for answers; at DRAIN wait for what is missing. Returns the exit
 * code of the process. */
int worker_run(const struct worker_share *share);
