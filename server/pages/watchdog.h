/* pages/watchdog.h: how long the loop keeps others waiting. */
#pragma once
#include <stddef.h>
#include <uv.h>
#include "lib/buffer.h"
#include "pages/metrics.h"

/* Waits of the last seconds, sampled ten times a second, and all waits since the start. */
#define LAG_SAMPLE_S 0.1
#define LAG_SAMPLES  100 /* ten seconds */
struct lag {
    struct histogram histogram;
    double samples[LAG_SAMPLES]; /* a ring, in seconds */
    size_t count, next;
};
void lag_init(struct lag *lag);
/* Something had to wait for @seconds. A long wait counts once per sample that it covers, as it would have
 * if many had come while the loop was busy: otherwise the worst second would be one sample in a hundred. */
void lag_add(struct lag *lag, double seconds);
/* What 99 of 100 samples of the last ten seconds stay below; 0 before the first. */
double lag_p99_s(const struct lag *lag);
/* The same for half of them. */
double lag_p50_s(const struct lag *lag);
void lag_print(const struct lag *lag, struct buffer *out);

struct watchdog;
/**
 * Watch @loop: a timer compares when it should have come with when it came, and every turn of the loop is
 * measured without the time in which it waited for events. A wait above a second is logged as loop.lag.
 * thread  loop, before it first runs (it switches on the loop's count of idle time)
 * errors  NULL: no memory
 */
struct watchdog *watchdog_open(uv_loop_t *loop);
/* Takes NULL. The memory goes once the loop has run again. */
void watchdog_close(struct watchdog *watchdog);
const struct lag *watchdog_lag(const struct watchdog *watchdog);
