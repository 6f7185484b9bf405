/* load.c: publishing at a fixed rate, or as fast as answers come. */
#include "load.h"

#include <stdio.h>

#define DRAIN_NS     INT64_C(20000000000)
#define MS_NS        INT64_C(1000000)
#define OPEN_AT_ONCE 128
#define SOURCES      16 /* loopback addresses, each with ports of its own */

static bool crowd_start(struct crowd **out, const struct crowd_options *options, int64_t open_ms);
static void load_publish(struct load *load, int64_t start_ns, int64_t end_ns);
static bool load_publish_one(struct load *load);
static bool load_is_done(const struct load *load);
static uint64_t load_expected(const struct load *load);

bool load_open(struct load *load, const struct load_plan *plan)
{
    int64_t first, last;
    if (!target_read(&load->target, plan->parley) || !rooms_read(plan->rooms, &first, &last) ||
        !cookies_read(&load->cookies, plan->cookies) ||
        !cookies_read(&load->publisher_cookies, plan->publisher_cookies ? plan->publisher_cookies : plan->cookies)) {
        fprintf(stderr, "--parley must be address:port, --rooms first-last, and the files of cookies readable\n");
        return false;
    }
    struct crowd_options options = {
        .loop = plan->loop,
        .host = load->target.host,
        .port = load->target.port,
        .path = "/connection/websocket",
        .cookies = load->cookies.lines,
        .cookie_count = load->cookies.count,
        .count = plan->listeners,
        .room_first = first,
        .room_last = last,
        .subscribes = true,
        .sources = SOURCES,
    };
    bool is_open = crowd_start(&load->listeners, &options, plan->open_ms);
    options.subscribes = false;
    options.cookies = load->publisher_cookies.lines;
    options.cookie_count = load->publisher_cookies.count;
    options.count = plan->publishers;
    is_open = is_open && crowd_start(&load->publishers, &options, plan->open_ms);
    load->publish = (struct publish){.bytes = plan->bytes, .batch = 1, .window = CROWD_WINDOW_MAX};
    load->heard_by = plan->listeners / (uint64_t)(last - first + 1);
    return is_open;
}

static bool crowd_start(struct crowd **out, const struct crowd_options *options, int64_t open_ms)
{
    if (options->count == 0)
        return true;
    *out = crowd_new(options);
    bool is_open = *out && crowd_open(*out, OPEN_AT_ONCE, open_ms);
    if (!is_open)
        fprintf(stderr, "%s\n", *out ? (*out)->why : "no memory");
    return is_open;
}

void load_close(struct load *load)
{
    crowd_free(load->listeners);
    crowd_free(load->publishers);
    cookies_free(&load->cookies);
    cookies_free(&load->publisher_cookies);
}

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
    uint64_t expected = load_expected(load);
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
           (!listeners || listeners->deliveries >= load_expected(load));
}

static uint64_t load_expected(const struct load *load)
{
    return load->publishers->accepted * (load->heard_by ? load->heard_by : load->listeners->options.count);
}
