/* fanout.c: what one delivery costs. Many listen to one room; messages are published to Parley and to the
 * bare server in turn, a short slice each, with all connections to both open all the time, so that both meet
 * the same machine in the same mood and the ratio of a round means something even where the times do not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "options.h"
#include "process.h"
#include "target.h"

#define SIDES_MAX    3
#define ROUNDS_MAX   2000
#define OPEN_AT_ONCE 64
#define OPEN_MS      60000

struct flags {
    const char *parley, *cookies, *publisher_cookies, *token, *publisher_token, *bare;
    int64_t room, pid_server, pid_bare, subscribers, rate, seconds, slice_ms, bytes, window, publishers, batch;
    int64_t cpu, cpu_bare;
    bool throttle;
};

/* One server as one of the things that are compared. */
struct side {
    const char *name;
    pid_t pid; /* 0: unknown, its CPU is not measured */
    struct load load;
    /* All slices together. */
    struct histogram delivery;
    uint64_t deliveries, refused, lost, missed, duplicates, other_pushes;
    int64_t busy_ns; /* from the first publish of a slice to its last delivery */
    struct process_cpu cpu;
};

/* What one slice of one side came to. */
struct slice {
    double cpu_us, loop_us; /* per delivery */
    double p50_ms, p99_ms;
    double rate; /* deliveries per second */
};

struct bench {
    struct flags flags;
    struct ws_loop *loop;
    struct side sides[SIDES_MAX];
    size_t side_count;
    struct slice slices[ROUNDS_MAX][SIDES_MAX];
    size_t rounds;
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool bench_open(struct bench *bench);
static bool bench_open_side(struct bench *bench, const char *name, const struct target *target, pid_t pid);
static size_t window_share(int64_t window, int64_t sharers);
static void bench_run(struct bench *bench);
static size_t side_closed(const struct side *side);
static void side_slice(const struct bench *bench, struct side *side, struct slice *slice);
static bool bench_report(const struct bench *bench);

static struct bench bench;

int main(int argc, char **argv)
{
    flags_read(&bench.flags, argc, argv);
    process_files_raise();
    if (bench.flags.cpu >= 0 && !process_pin(0, bench.flags.cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)bench.flags.cpu);
    bench.loop = ws_loop_new();
    pid_t spawned = 0;
    uint16_t bare_port = 0;
    if (strcmp(bench.flags.bare, "spawn") == 0) {
        if (!bare_spawn(bench.flags.cpu_bare, bench.flags.seconds * 4 + 120, &spawned, &bare_port)) {
            fprintf(stderr, "cannot start bench-bare, which should lie beside this program\n");
            return 1;
        }
        static char port_text[16];
        snprintf(port_text, sizeof port_text, "%u", bare_port);
        bench.flags.bare = port_text;
        bench.flags.pid_bare = spawned;
    }
    bool is_open = bench.loop && bench_open(&bench), is_right = false;
    if (is_open) {
        bench_run(&bench);
        is_right = bench_report(&bench);
    }
    bare_stop(spawned);
    return is_right ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.bare = "spawn",
                            .subscribers = 1000,
                            .rate = 50,
                            .seconds = 20,
                            .bytes = 200,
                            .window = 64,
                            .publishers = 1,
                            .batch = 16,
                            .room = 1,
                            .cpu = -1,
                            .cpu_bare = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley; left out: the bare server alone"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers for the listeners, one per line"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies,
                        "the same for the publishers; left out: as the listeners"),
        OPTION_TEXT_ROW("token", &flags->token, "token of the connect command, instead of cookies"),
        OPTION_TEXT_ROW("publisher-token", &flags->publisher_token, "the same for the publishers"),
        OPTION_INT_ROW("room", &flags->room, 1, INT64_MAX, "id of the room"),
        OPTION_TEXT_ROW("bare", &flags->bare, "the bare server: spawn, its port, or no"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its CPU time"),
        OPTION_INT_ROW("pid-bare", &flags->pid_bare, 0, INT32_MAX, "the bare server's process"),
        OPTION_INT_ROW("subscribers", &flags->subscribers, 1, 50000, "listeners on each server"),
        OPTION_INT_ROW("rate", &flags->rate, 1, 10000, "messages per second"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, 600, "time to publish, all servers together"),
        OPTION_INT_ROW("slice-ms", &flags->slice_ms, 0, 60000, "length of a slice; 0: 300, or 1000 with --throttle"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_YES_ROW("throttle", &flags->throttle, "publish as fast as answers come, instead of --rate"),
        OPTION_INT_ROW("window", &flags->window, 1, CROWD_WINDOW_MAX,
                       "messages that may be unanswered, all publishers together"),
        OPTION_INT_ROW("publishers", &flags->publishers, 1, 64, "publishing connections"),
        OPTION_INT_ROW("batch", &flags->batch, 1, CROWD_BATCH_MAX,
                       "with --throttle: messages per send of the batching bare server"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
        OPTION_INT_ROW("cpu-bare", &flags->cpu_bare, -1, 1023, "keep the spawned bare server on this CPU"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-fanout: CPU and delay of one delivery in a large room, Parley and a bare server in turn.", argc,
                 argv);
    if (flags->slice_ms == 0)
        flags->slice_ms = flags->throttle ? 1000 : 300;
    if (!flags->publisher_cookies)
        flags->publisher_cookies = flags->cookies;
    if (!flags->publisher_token)
        flags->publisher_token = flags->token;
}

static bool bench_open(struct bench *self)
{
    const struct flags *flags = &self->flags;
    struct target target = {0};
    if (flags->parley) {
        if (!target_read(&target, flags->parley)) {
            fprintf(stderr, "--parley must be a numeric address and a port: 127.0.0.1:8080\n");
            return false;
        }
        if (!bench_open_side(self, "parley", &target, (pid_t)flags->pid_server))
            return false;
    }
    if (strcmp(flags->bare, "no") == 0)
        return self->side_count > 0;
    snprintf(target.host, sizeof target.host, "127.0.0.1");
    target.port = (uint16_t)strtol(flags->bare, NULL, 10);
    if (!bench_open_side(self, "bare", &target, (pid_t)flags->pid_bare))
        return false;
    if (flags->throttle && flags->batch > 1) {
        /* The same server and connections once more, with many messages in a send. */
        struct side *batching = &self->sides[self->side_count++];
        *batching = *(batching - 1);
        batching->name = "bare_batch";
        batching->load.publish.batch = (size_t)flags->batch;
        batching->load.publish.window = window_share(flags->window, flags->batch);
    }
    return true;
}

/* What of the window each of @sharers gets, at least 1. */
static size_t window_share(int64_t window, int64_t sharers)
{
    return window > sharers ? (size_t)(window / sharers) : 1;
}

static bool bench_open_side(struct bench *self, const char *name, const struct target *target, pid_t pid)
{
    const struct flags *flags = &self->flags;
    struct side *side = &self->sides[self->side_count++];
    bool is_bare = strcmp(name, "bare") == 0;
    struct cookies cookies = {0}, publisher_cookies = {0};
    if (!is_bare &&
        (!cookies_read(&cookies, flags->cookies) || !cookies_read(&publisher_cookies, flags->publisher_cookies))) {
        fprintf(stderr, "cannot read the file of cookies\n");
        return false;
    }
    struct crowd_options options = {
        .loop = self->loop,
        .host = target->host,
        .port = target->port,
        .path = is_bare ? "/" : "/connection/websocket",
        .cookies = cookies.lines,
        .cookie_count = cookies.count,
        .token = flags->token,
        .count = (size_t)flags->subscribers,
        .room_first = flags->room,
        .room_last = flags->room,
        .subscribes = true,
        .is_bare = is_bare,
        .sources = 8,
    };
    side->name = name;
    side->pid = pid;
    side->load.rate = flags->throttle ? 0 : flags->rate;
    side->load.publish = (struct publish){.bytes = (size_t)flags->bytes,
                                          .batch = 1,
                                          .push_bytes = (size_t)flags->bytes + 300,
                                          .window = window_share(flags->window, is_bare ? 1 : flags->publishers)};
    side->load.listeners = crowd_new(&options);
    options.subscribes = false;
    /* The bare server's messages are numbered here, so that only one connection keeps them in order. */
    options.count = is_bare ? 1 : (size_t)flags->publishers;
    options.cookies = publisher_cookies.lines;
    options.cookie_count = publisher_cookies.count;
    options.token = flags->publisher_token;
    if (is_bare)
        options.path = "/publish";
    side->load.publishers = crowd_new(&options);
    fprintf(stderr, "%s: opening %lld connections\n", name, (long long)(flags->subscribers + flags->publishers));
    bool is_open = side->load.listeners && side->load.publishers &&
                   crowd_open(side->load.listeners, OPEN_AT_ONCE, OPEN_MS) &&
                   crowd_open(side->load.publishers, OPEN_AT_ONCE, OPEN_MS);
    if (!is_open)
        fprintf(stderr, "%s: %s\n", name,
                side->load.publishers && side->load.publishers->why[0] ? side->load.publishers->why
                : side->load.listeners                                 ? side->load.listeners->why
                                                                       : "no memory");
    cookies_free(&cookies);
    cookies_free(&publisher_cookies);
    return is_open;
}

/* Rounds of one slice per side. Every other round goes the other way round, so that none is always the first.
 */
static void bench_run(struct bench *self)
{
    const struct flags *flags = &self->flags;
    int64_t slices = flags->seconds * 1000 / flags->slice_ms;
    size_t rounds = (size_t)(slices / (int64_t)self->side_count);
    if (rounds < 1)
        rounds = 1;
    if (rounds > ROUNDS_MAX)
        rounds = ROUNDS_MAX;
    struct slice warm_up;
    for (size_t i = 0; i < self->side_count; i++) {
        struct side *side = &self->sides[i];
        struct side before = *side;
        side_slice(self, side, &warm_up);
        *side = before;
        /* What Parley sends is as long as its frames are; the bare server is made to send as much. */
        if (i == 0)
            for (size_t j = 1; j < self->side_count; j++)
                self->sides[j].load.publish.push_bytes =
                    side->load.listeners->push_bytes ? side->load.listeners->push_bytes : side->load.publish.push_bytes;
    }
    for (self->rounds = 0; self->rounds < rounds; self->rounds++) {
        for (size_t i = 0; i < self->side_count; i++) {
            size_t index = self->rounds % 2 ? self->side_count - 1 - i : i;
            side_slice(self, &self->sides[index], &self->slices[self->rounds][index]);
            if (side_closed(&self->sides[index]) > 0)
                return; /* the report says so; to go on would measure nothing */
        }
        fprintf(stderr, "\rround %zu of %zu ", self->rounds + 1, rounds);
    }
    fprintf(stderr, "\n");
}

static size_t side_closed(const struct side *side)
{
    return side->load.listeners->closed + side->load.publishers->closed;
}

static void side_slice(const struct bench *self, struct side *side, struct slice *slice)
{
    struct process_cpu before = {0}, after = {0};
    struct crowd *listeners = side->load.listeners, *publishers = side->load.publishers;
    if (side->pid > 0)
        process_cpu_read(side->pid, &before);
    load_run(&side->load, self->flags.slice_ms);
    if (side->pid > 0)
        process_cpu_read(side->pid, &after);

    double deliveries = listeners->deliveries > 0 ? (double)listeners->deliveries : 1;
    int64_t busy_ns = side->load.busy_ns;
    *slice = (struct slice){
        .cpu_us = (double)(after.all_ns - before.all_ns) / 1000 / deliveries,
        .loop_us = (double)(after.loop_ns - before.loop_ns) / 1000 / deliveries,
        .p50_ms = (double)histogram_quantile(&listeners->delivery, 0.50) / 1e6,
        .p99_ms = (double)histogram_quantile(&listeners->delivery, 0.99) / 1e6,
        .rate = busy_ns > 0 ? (double)listeners->deliveries / ((double)busy_ns / 1e9) : 0,
    };
    histogram_add(&side->delivery, &listeners->delivery);
    side->deliveries += listeners->deliveries;
    side->lost += side->load.lost;
    side->refused += publishers->refused;
    side->missed += listeners->missed;
    side->duplicates += listeners->duplicates;
    side->other_pushes += listeners->other_pushes;
    side->busy_ns += busy_ns;
    side->cpu.all_ns += after.all_ns - before.all_ns;
    side->cpu.loop_ns += after.loop_ns - before.loop_ns;
}

static double ratio_median(const struct bench *self, size_t side, size_t base, size_t field, size_t base_field)
{
    static double ratios[ROUNDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->rounds; i++) {
        double value, other;
        memcpy(&value, (const char *)&self->slices[i][side] + field, sizeof value);
        memcpy(&other, (const char *)&self->slices[i][base] + base_field, sizeof other);
        if (other > 0)
            ratios[count++] = value / other;
    }
    return median(ratios, count);
}

/* Of all its publishers together. Each is given whole messages, so this may be less than was asked for. */
static size_t side_window(const struct side *side)
{
    size_t window = side->load.publish.window < CROWD_WINDOW_MAX ? side->load.publish.window : CROWD_WINDOW_MAX;
    return window * side->load.publish.batch * side->load.publishers->options.count;
}

static void side_report(const struct bench *self, const struct side *side)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.%s", self->flags.throttle ? "throttle" : "fanout", side->name);
    double deliveries = side->deliveries > 0 ? (double)side->deliveries : 1;
    report(prefix, "deliveries", (double)side->deliveries, "");
    if (self->flags.throttle)
        report(prefix, "window", (double)side_window(side), "messages that may be unanswered");
    if (side->busy_ns > 0)
        report(prefix, "deliveries_per_s", (double)side->deliveries / ((double)side->busy_ns / 1e9), "1/s");
    if (side->pid > 0) {
        report(prefix, "cpu_per_delivery", (double)side->cpu.all_ns / 1000 / deliveries, "us, all threads");
        report(prefix, "loop_cpu_per_delivery", (double)side->cpu.loop_ns / 1000 / deliveries, "us, loop thread");
    }
    report(prefix, "p50", (double)histogram_quantile(&side->delivery, 0.50) / 1e6, "ms");
    report(prefix, "p99", (double)histogram_quantile(&side->delivery, 0.99) / 1e6, "ms");
    report(prefix, "push_bytes", (double)side->load.listeners->push_bytes, "bytes");
    report(prefix, "refused", (double)side->refused, "publishes");
    report(prefix, "lost", (double)side->lost, "deliveries that did not come");
    report(prefix, "missed", (double)side->missed, "offsets jumped over");
    report(prefix, "duplicates", (double)side->duplicates, "offsets heard again");
    report(prefix, "closed", (double)side_closed(side), "connections that ended");
    report(prefix, "other_pushes", (double)side->other_pushes, "pushes that are no message");
    if (side->load.publishers->why[0] || side->load.listeners->why[0])
        fprintf(stderr, "%s: %s\n", side->name,
                side->load.publishers->why[0] ? side->load.publishers->why : side->load.listeners->why);
}

/* False: something did not come, came twice, or ended. Times are no reason to fail. */
static bool bench_report(const struct bench *self)
{
    bool is_right = true;
    for (size_t i = 0; i < self->side_count; i++) {
        const struct side *side = &self->sides[i];
        side_report(self, side);
        is_right = is_right && side->lost + side->missed + side->duplicates + side_closed(side) == 0;
    }
    for (size_t i = 1; i < self->side_count; i++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s.%s_to_%s", self->flags.throttle ? "throttle" : "fanout",
                 self->sides[0].name, self->sides[i].name);
        size_t cpu = offsetof(struct slice, cpu_us), loop = offsetof(struct slice, loop_us);
        size_t p50 = offsetof(struct slice, p50_ms), p99 = offsetof(struct slice, p99_ms);
        size_t rate = offsetof(struct slice, rate);
        report(prefix, "rounds", (double)self->rounds, "");
        if (self->sides[0].pid > 0 && self->sides[i].pid > 0) {
            report(prefix, "cpu_ratio", ratio_median(self, 0, i, cpu, cpu), "median of the rounds");
            report(prefix, "loop_ratio", ratio_median(self, 0, i, loop, cpu), "median, loop thread to bare");
        }
        report(prefix, "p50_ratio", ratio_median(self, 0, i, p50, p50), "median of the rounds");
        report(prefix, "p99_ratio", ratio_median(self, 0, i, p99, p99), "median of the rounds");
        if (self->flags.throttle)
            report(prefix, "rate_ratio", ratio_median(self, 0, i, rate, rate), "median of the rounds");
    }
    return is_right;
}
