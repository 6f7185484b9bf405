/* load.c: publishing at a fixed rate, or as fast as answers come. */
#include "load.h"

#include <stdbool.h>

#define DRAIN_NS INT64_C(5000000000)
#define MS_NS    INT64_C(1000000)

static void load_publish(struct load *load, int64_t start_ns, int64_t end_ns);
static bool load_publish_one(struct load *load);
static bool load_is_done(const struct load *load);

void load_run(struct load *load, int64_t ms)
{
    struct crowd *publishers = load->publishers, *listeners = load->listeners;
    crowd_counters_clear(publishers);
    if (listeners)
        crowd_counters_clear(listeners);
    int64_t start_ns = now_ns();
    load_publish(load, start_ns, start_ns + ms * MS_NS);
    int64_t deadline_ns = now_ns() + DRAIN_NS;
    while (!load_is_done(load) && now_ns() < deadline_ns)
        ws_loop_run(publishers->options.loop, 10);

    load->lost = 0;
    if (!listeners) {
        load->busy_ns = now_ns() - start_ns;
        return;
    }
    uint64_t expected = publishers->accepted * listeners->options.count;
    load->lost = expected > listeners->deliveries ? expected - listeners->deliveries : 0;
    load->busy_ns = listeners->deliveries > 0 ? listeners->delivered_ns - start_ns : 0;
}

static void load_publish(struct load *load, int64_t start_ns, int64_t end_ns)
{
    int64_t due_ns = start_ns;
    for (int64_t now = start_ns; now < end_ns; now = now_ns()) {
        if (load->rate > 0) {
            /* After a stall the missing ones follow at once, as far as the window of unanswered ones has
             * room. */
            for (; due_ns <= now; due_ns += 1000000000 / load->rate)
                load_publish_one(load);
        } else {
            while (load_publish_one(load))
                ;
            due_ns = now + 10 * MS_NS;
        }
        int64_t until_ns = due_ns < end_ns ? due_ns : end_ns;
        ws_loop_run(load->publishers->options.loop, until_ns > now ? (int)((until_ns - now + MS_NS - 1) / MS_NS) : 0);
    }
}

/* From the next publisher that may. False: all of them wait for answers. */
static bool load_publish_one(struct load *load)
{
    struct crowd *publishers = load->publishers;
    for (size_t tries = 0; tries < publishers->opened; tries++) {
        struct peer *peer = publishers->peers[load->next_publisher++ % publishers->opened];
        if (peer_publish(peer, &load->publish))
            return true;
    }
    return false;
}

static bool load_is_done(const struct load *load)
{
    const struct crowd *publishers = load->publishers, *listeners = load->listeners;
    return publishers->accepted + publishers->refused >= publishers->published &&
           (!listeners || listeners->deliveries >= publishers->accepted * listeners->options.count);
}
