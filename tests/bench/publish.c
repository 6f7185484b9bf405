/* publish.c: how many messages a second are written down for good: many publishers, each waiting for the
 * answer to its last message, while nobody listens. The disk is measured as well: what counts is how many
 * answers one sync of it yields. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "metrics.h"
#include "options.h"
#include "process.h"
#include "target.h"

#define OPEN_AT_ONCE 32
#define OPEN_MS      60000
#define SYNCS        200
#define SYNC_BYTES   4096

struct flags {
    const char *parley, *cookies, *token, *rooms, *data;
    int64_t pid_server, publishers, window, seconds, bytes, cpu;
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool publish_run(const struct flags *flags, const struct target *target, struct crowd *crowd);
static void publish_report(const struct load *load, double seconds);
static void lag_report(const struct lag *before, const struct lag *after);
static double disk_measure(const char *folder, const char *when);

int main(int argc, char **argv)
{
    struct flags flags;
    flags_read(&flags, argc, argv);
    process_files_raise();
    if (flags.cpu >= 0 && !process_pin(0, flags.cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)flags.cpu);
    struct target target = {0};
    struct cookies cookies = {0};
    int64_t room_first = 0, room_last = 0;
    if (!target_read(&target, flags.parley) || !rooms_read(flags.rooms, &room_first, &room_last) ||
        !cookies_read(&cookies, flags.cookies)) {
        fprintf(stderr, "needed: --parley=127.0.0.1:8080 --rooms=first-last, and --cookies a file that can be read\n");
        return 2;
    }
    struct crowd_options options = {
        .loop = ws_loop_new(),
        .host = target.host,
        .port = target.port,
        .path = "/connection/websocket",
        .cookies = cookies.lines,
        .cookie_count = cookies.count,
        .token = flags.token,
        .count = (size_t)flags.publishers,
        .room_first = room_first,
        .room_last = room_last,
        .sources = 8,
    };
    struct crowd *crowd = options.loop ? crowd_new(&options) : NULL;
    bool is_good = crowd && publish_run(&flags, &target, crowd);
    if (crowd && crowd->why[0])
        fprintf(stderr, "%s\n", crowd->why);
    crowd_free(crowd);
    ws_loop_free(options.loop);
    cookies_free(&cookies);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.rooms = "1", .publishers = 200, .window = 1, .seconds = 20, .bytes = 200, .cpu = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers, one per line, given out in turn"),
        OPTION_TEXT_ROW("token", &flags->token, "token of the connect command, instead of cookies"),
        OPTION_TEXT_ROW("rooms", &flags->rooms, "ids of the rooms to publish in, first-last, given out in turn"),
        OPTION_TEXT_ROW("data", &flags->data, "folder of the data base: the disk is measured there"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its CPU time"),
        OPTION_INT_ROW("publishers", &flags->publishers, 1, 10000, "publishing connections"),
        OPTION_INT_ROW("window", &flags->window, 1, CROWD_WINDOW_MAX, "unanswered publishes of each"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, 600, "time to publish"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-publish: messages acknowledged per second, and how long an answer takes.", argc, argv);
}

static bool publish_run(const struct flags *flags, const struct target *target, struct crowd *crowd)
{
    struct load load = {.publishers = crowd,
                        .publish = {.bytes = (size_t)flags->bytes, .batch = 1, .window = (size_t)flags->window}};
    struct process_cpu before = {0}, after = {0};
    struct lag lag_before = {0}, lag_after = {0};
    if (flags->data)
        disk_measure(flags->data, "before");
    fprintf(stderr, "opening %zu connections\n", crowd->options.count);
    if (!crowd_open(crowd, OPEN_AT_ONCE, OPEN_MS))
        return false;
    load_run(&load, 500); /* the first messages meet cold caches: they are not counted */

    char *metrics_before = metrics_fetch(target);
    bool has_cpu = flags->pid_server > 0 && process_cpu_read((pid_t)flags->pid_server, &before);
    fprintf(stderr, "publishing for %lld s\n", (long long)flags->seconds);
    load_run(&load, flags->seconds * 1000);
    has_cpu = has_cpu && process_cpu_read((pid_t)flags->pid_server, &after);
    char *metrics_after = metrics_fetch(target);

    double seconds = (double)load.busy_ns / 1e9;
    double accepted = crowd->accepted > 0 ? (double)crowd->accepted : 1;
    publish_report(&load, seconds);
    if (has_cpu) {
        report("publish", "cpu_per_message", (double)(after.all_ns - before.all_ns) / 1000 / accepted,
               "us, all threads");
        report("publish", "loop_cpu_per_message", (double)(after.loop_ns - before.loop_ns) / 1000 / accepted,
               "us, loop thread");
    }
    if (metrics_before && metrics_after) {
        lag_read(&lag_before, metrics_before);
        lag_read(&lag_after, metrics_after);
        lag_report(&lag_before, &lag_after);
    } else {
        fprintf(stderr, "no answer from /metrics: the lag of the loop is unknown\n");
    }
    free(metrics_before);
    free(metrics_after);
    double sync_ms = flags->data ? disk_measure(flags->data, "after") : 0;
    if (sync_ms > 0)
        report("publish", "acknowledged_per_sync", accepted / seconds * sync_ms / 1000,
               "messages in the time of one sync");
    return crowd->closed == 0 && crowd->published == crowd->accepted + crowd->refused;
}

static void publish_report(const struct load *load, double seconds)
{
    const struct crowd *crowd = load->publishers;
    report("publish", "acknowledged", (double)crowd->accepted, "messages");
    report("publish", "acknowledged_per_s", (double)crowd->accepted / seconds, "1/s");
    report("publish", "refused", (double)crowd->refused, "messages");
    report("publish", "unanswered", (double)(crowd->published - crowd->accepted - crowd->refused), "messages");
    report("publish", "other_pushes", (double)crowd->other_pushes, "pushes to the publishers, not asked for");
    report("publish", "p50", (double)histogram_quantile(&crowd->answer, 0.50) / 1e6, "ms");
    report("publish", "p99", (double)histogram_quantile(&crowd->answer, 0.99) / 1e6, "ms");
}

static void lag_report(const struct lag *before, const struct lag *after)
{
    double count = after->count - before->count;
    if (count > 0)
        report("publish", "loop_lag_mean", (after->sum - before->sum) / count * 1000, "ms");
    if (count > 0 && after->bucket_count > 0) {
        report("publish", "loop_lag_p50_bound", lag_quantile(before, after, 0.50) * 1000, "ms, at most");
        report("publish", "loop_lag_p99_bound", lag_quantile(before, after, 0.99) * 1000, "ms, at most");
        report("publish", "loop_lag_max_bound", lag_quantile(before, after, 1.00) * 1000, "ms, at most");
    }
    /* A gauge or a summary is passed on as the server says it. */
    for (const char *line = after->others, *end; (end = strchr(line, '\n')); line = end + 1) {
        char name[200];
        size_t length = strcspn(line, " ");
        if (length >= sizeof name)
            continue;
        memcpy(name, line, length);
        name[length] = '\0';
        report("publish", name, strtod(line + length, NULL), "as of /metrics, after");
    }
}

/* Append and sync 4 KiB, over and over, as a log is written. Returns the median in ms, 0 if it cannot be
 * done. */
static double disk_measure(const char *folder, const char *when)
{
    static char block[SYNC_BYTES];
    double times_ms[SYNCS];
    char path[4096], prefix[64];
    snprintf(path, sizeof path, "%s/bench-sync-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0) {
        fprintf(stderr, "cannot measure the disk in %s: %s\n", folder, strerror(errno));
        return 0;
    }
    unlink(path);
    memset(block, 'x', sizeof block);
    for (size_t i = 0; i < SYNCS; i++) {
        int64_t start_ns = now_ns();
        if (write(fd, block, sizeof block) != SYNC_BYTES || fdatasync(fd) != 0) {
            fprintf(stderr, "cannot write in %s: %s\n", folder, strerror(errno));
            close(fd);
            return 0;
        }
        times_ms[i] = (double)(now_ns() - start_ns) / 1e6;
    }
    close(fd);
    double middle = median(times_ms, SYNCS); /* which sorts them */
    snprintf(prefix, sizeof prefix, "publish.disk_%s", when);
    report(prefix, "sync_median", middle, "ms, 4 KiB");
    report(prefix, "sync_p99", times_ms[SYNCS * 99 / 100], "ms, 4 KiB");
    return middle;
}
