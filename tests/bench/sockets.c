/* sockets.c: what an idle socket costs: the handshake, the memory, and the delay it adds for a small room
 * that talks. The room is measured alone, among the idle ones, and alone again, so that a machine that has
 * changed its mood meanwhile shows. */
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "options.h"
#include "process.h"
#include "target.h"

#define OPEN_MS   180000
#define PARTS_MAX 60   /* seconds of one measurement */
#define SETTLE_MS 1000 /* before memory is read, and after thousands of connections were closed */

struct flags {
    const char *parley, *cookies, *publisher_cookies, *token, *publisher_token, *bare, *idle_rooms;
    int64_t room, pid_server, sockets, active, rate, seconds, bytes, at_once, sources, cpu, cpu_bare;
};

/* One server and the talking room on it. */
struct side {
    const char *name;
    pid_t pid;
    struct load load;
};

/* What the room met, part by part, a second each: the median of the parts is what is usual, whatever else the
 * machine did in some of them. */
struct delay {
    double p50_ms, p99_ms, cpu_us;
    double p99_usual_ms;
    bool is_right; /* nothing was lost, nothing came twice */
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool side_run(const struct flags *flags, struct ws_loop *loop, const char *name, const struct target *target,
                     pid_t pid);
static bool side_measure(const struct flags *flags, struct side *side, struct crowd *idle);
static bool side_open_idle(const struct flags *flags, const struct side *side, struct crowd *idle);
static struct delay side_delay(const struct flags *flags, struct side *side, const char *when);
static struct crowd *crowd_of(const struct crowd_options *common, size_t count, int64_t room_first, int64_t room_last);
static void settle(struct ws_loop *loop);

int main(int argc, char **argv)
{
    struct flags flags;
    flags_read(&flags, argc, argv);
    int64_t files = process_files_raise();
    if (files < flags.sockets + flags.active + 32) {
        flags.sockets = files - flags.active - 32;
        fprintf(stderr, "the limit of open files is %lld: only %lld sockets\n", (long long)files,
                (long long)flags.sockets);
    }
    if (flags.cpu >= 0 && !process_pin(0, flags.cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)flags.cpu);
    struct ws_loop *loop = ws_loop_new();
    struct target target = {0};
    bool is_good = loop != NULL;
    if (is_good && flags.parley) {
        is_good = target_read(&target, flags.parley);
        if (!is_good)
            fprintf(stderr, "--parley must be a numeric address and a port: 127.0.0.1:8080\n");
        is_good = is_good && side_run(&flags, loop, "parley", &target, (pid_t)flags.pid_server);
    }
    if (is_good && strcmp(flags.bare, "spawn") == 0) {
        pid_t pid = 0;
        snprintf(target.host, sizeof target.host, "127.0.0.1");
        is_good = bare_spawn(flags.cpu_bare, 600, &pid, &target.port);
        if (!is_good)
            fprintf(stderr, "cannot start bench-bare, which should lie beside this program\n");
        is_good = is_good && side_run(&flags, loop, "bare", &target, pid);
        bare_stop(pid);
    }
    ws_loop_free(loop);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.bare = "spawn",
                            .idle_rooms = "2",
                            .room = 1,
                            .sockets = 10000,
                            .active = 10,
                            .rate = 100,
                            .seconds = 10,
                            .bytes = 200,
                            .at_once = 128,
                            .sources = 8,
                            .cpu = -1,
                            .cpu_bare = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley; left out: the bare server alone"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers, one per line, given out in turn"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies,
                        "the same for the publisher; left out: as the others"),
        OPTION_TEXT_ROW("token", &flags->token, "token of the connect command, instead of cookies"),
        OPTION_TEXT_ROW("publisher-token", &flags->publisher_token, "the same for the publisher"),
        OPTION_TEXT_ROW("bare", &flags->bare, "measure a bare server afterwards: spawn or no"),
        OPTION_INT_ROW("room", &flags->room, 1, INT64_MAX, "id of the room that talks"),
        OPTION_TEXT_ROW("idle-rooms", &flags->idle_rooms, "ids of the idle ones' rooms, first-last, given out in turn"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its memory and CPU time"),
        OPTION_INT_ROW("sockets", &flags->sockets, 1, 100000, "idle connections; bounded by the limit of open files"),
        OPTION_INT_ROW("active", &flags->active, 1, 1000, "listeners in the room that talks"),
        OPTION_INT_ROW("rate", &flags->rate, 1, 10000, "messages per second in it"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, PARTS_MAX, "how long it talks, each of three times"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_INT_ROW("at-once", &flags->at_once, 1, 4000, "connections being opened at a time"),
        OPTION_INT_ROW("sources", &flags->sources, 1, 200, "loopback addresses to connect from"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
        OPTION_INT_ROW("cpu-bare", &flags->cpu_bare, -1, 1023, "keep the spawned bare server on this CPU"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-sockets: handshakes per second, memory of an idle socket, and the delay idle sockets add.",
                 argc, argv);
    if (!flags->publisher_cookies)
        flags->publisher_cookies = flags->cookies;
    if (!flags->publisher_token)
        flags->publisher_token = flags->token;
}

static bool side_run(const struct flags *flags, struct ws_loop *loop, const char *name, const struct target *target,
                     pid_t pid)
{
    bool is_bare = strcmp(name, "bare") == 0;
    struct cookies cookies = {0}, publisher_cookies = {0};
    int64_t idle_first = 0, idle_last = 0;
    if (!cookies_read(&cookies, flags->cookies) || !cookies_read(&publisher_cookies, flags->publisher_cookies) ||
        !rooms_read(flags->idle_rooms, &idle_first, &idle_last)) {
        fprintf(stderr, "cannot read the file of cookies, or --idle-rooms is not first-last\n");
        return false;
    }
    struct crowd_options common = {
        .loop = loop,
        .host = target->host,
        .port = target->port,
        .is_bare = is_bare,
        .subscribes = true,
        .path = is_bare ? "/" : "/connection/websocket",
        .cookies = cookies.lines,
        .cookie_count = cookies.count,
        .token = flags->token,
        .sources = (uint32_t)flags->sources,
    };
    struct crowd_options publishing = common;
    publishing.subscribes = false;
    publishing.cookies = publisher_cookies.lines;
    publishing.cookie_count = publisher_cookies.count;
    publishing.token = flags->publisher_token;
    if (is_bare)
        publishing.path = "/publish";
    struct side side = {.name = name, .pid = pid};
    side.load.rate = flags->rate;
    side.load.publish = (struct publish){.bytes = (size_t)flags->bytes,
                                         .batch = 1,
                                         .window = CROWD_WINDOW_MAX,
                                         .push_bytes = (size_t)flags->bytes + 300};
    side.load.listeners = crowd_of(&common, (size_t)flags->active, flags->room, flags->room);
    side.load.publishers = crowd_of(&publishing, 1, flags->room, flags->room);
    if (is_bare)
        common.path = "/idle";
    struct crowd *idle = crowd_of(&common, (size_t)flags->sockets, idle_first, idle_last);
    bool is_good = side.load.listeners && side.load.publishers && idle && side_measure(flags, &side, idle);
    crowd_free(side.load.listeners);
    crowd_free(side.load.publishers);
    cookies_free(&cookies);
    cookies_free(&publisher_cookies);
    settle(loop);
    return is_good;
}

/* Frees @idle. */
static bool side_measure(const struct flags *flags, struct side *side, struct crowd *idle)
{
    struct crowd *listeners = side->load.listeners, *publishers = side->load.publishers;
    bool is_good = crowd_open(listeners, 16, OPEN_MS) && crowd_open(publishers, 1, OPEN_MS);
    if (!is_good)
        fprintf(stderr, "%s: %s\n", side->name, listeners->why[0] ? listeners->why : publishers->why);
    struct delay alone = {0};
    if (is_good) {
        /* The first messages meet cold caches: they are not counted. */
        load_run(&side->load, 300);
        alone = side_delay(flags, side, "alone");
        is_good = side_open_idle(flags, side, idle);
    }
    struct delay among = is_good ? side_delay(flags, side, "among_idle") : alone;
    if (is_good && idle->closed > 0)
        fprintf(stderr, "%s: %zu idle connections ended: %s\n", side->name, idle->closed, idle->why);
    size_t idle_closed = idle->closed;
    crowd_free(idle);
    if (!is_good)
        return false;
    settle(listeners->options.loop);
    struct delay again = side_delay(flags, side, "alone_again");

    char prefix[64];
    snprintf(prefix, sizeof prefix, "sockets.%s.among_to_alone", side->name);
    double p50 = (alone.p50_ms + again.p50_ms) / 2, p99 = (alone.p99_ms + again.p99_ms) / 2;
    double p99_usual = (alone.p99_usual_ms + again.p99_usual_ms) / 2;
    double cpu = (alone.cpu_us + again.cpu_us) / 2;
    report(prefix, "p50_ratio", p50 > 0 ? among.p50_ms / p50 : 0, "to the mean of both times alone");
    report(prefix, "p99_ratio", p99 > 0 ? among.p99_ms / p99 : 0, "to the mean of both times alone");
    report(prefix, "p99_usual_ratio", p99_usual > 0 ? among.p99_usual_ms / p99_usual : 0,
           "to the mean of both times alone");
    if (side->pid > 0)
        report(prefix, "cpu_ratio", cpu > 0 ? among.cpu_us / cpu : 0, "to the mean of both times alone");
    size_t closed = idle_closed + listeners->closed + publishers->closed;
    report(prefix, "closed", (double)closed, "connections that ended");
    return closed == 0 && alone.is_right && among.is_right && again.is_right;
}

static bool side_open_idle(const struct flags *flags, const struct side *side, struct crowd *idle)
{
    char prefix[64];
    struct process_cpu cpu_before = {0}, cpu_after = {0};
    snprintf(prefix, sizeof prefix, "sockets.%s", side->name);
    fprintf(stderr, "%s: opening %zu connections\n", side->name, idle->options.count);
    int64_t bytes_before = process_resident_bytes(side->pid);
    process_cpu_read(side->pid, &cpu_before);
    int64_t start_ns = now_ns();
    if (!crowd_open(idle, (size_t)flags->at_once, OPEN_MS)) {
        fprintf(stderr, "%s: %s\n", side->name, idle->why);
        return false;
    }
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    settle(idle->options.loop);
    process_cpu_read(side->pid, &cpu_after);
    int64_t bytes_after = process_resident_bytes(side->pid);
    double count = (double)idle->ready;
    report(prefix, "opened", count, "connections");
    report(prefix, "handshakes_per_s", count / seconds, "1/s, with connect and subscribe");
    if (side->pid > 0) {
        report(prefix, "cpu_per_handshake", (double)(cpu_after.all_ns - cpu_before.all_ns) / 1000 / count,
               "us, all threads");
        report(prefix, "bytes_per_socket", (double)(bytes_after - bytes_before) / count, "resident bytes");
        report(prefix, "resident", (double)bytes_after / 1048576, "MiB with all of them");
    }
    return true;
}

static struct delay side_delay(const struct flags *flags, struct side *side, const char *when)
{
    static struct histogram all;
    struct process_cpu before = {0}, after = {0};
    struct crowd *listeners = side->load.listeners;
    uint64_t deliveries = 0, lost = 0, missed = 0, duplicates = 0, refused = 0;
    double parts[PARTS_MAX];
    fprintf(stderr, "%s: the room talks, %s\n", side->name, when);
    histogram_clear(&all);
    process_cpu_read(side->pid, &before);
    for (int64_t part = 0; part < flags->seconds; part++) {
        load_run(&side->load, 1000);
        parts[part] = (double)histogram_quantile(&listeners->delivery, 0.99) / 1e6;
        histogram_add(&all, &listeners->delivery);
        deliveries += listeners->deliveries;
        lost += side->load.lost;
        missed += listeners->missed;
        duplicates += listeners->duplicates;
        refused += side->load.publishers->refused;
    }
    process_cpu_read(side->pid, &after);

    struct delay delay = {
        .p50_ms = (double)histogram_quantile(&all, 0.50) / 1e6,
        .p99_ms = (double)histogram_quantile(&all, 0.99) / 1e6,
        .p99_usual_ms = median(parts, (size_t)flags->seconds),
        .is_right = lost + missed + duplicates == 0,
        .cpu_us = deliveries > 0 ? (double)(after.all_ns - before.all_ns) / 1000 / (double)deliveries : 0,
    };
    char prefix[64];
    snprintf(prefix, sizeof prefix, "sockets.%s.%s", side->name, when);
    report(prefix, "p50", delay.p50_ms, "ms");
    report(prefix, "p99", delay.p99_ms, "ms");
    report(prefix, "p99_usual", delay.p99_usual_ms, "ms, median of the seconds");
    if (side->pid > 0)
        report(prefix, "cpu_per_delivery", delay.cpu_us, "us, all threads");
    report(prefix, "lost", (double)lost, "deliveries that did not come");
    report(prefix, "missed", (double)missed, "offsets jumped over");
    report(prefix, "duplicates", (double)duplicates, "offsets heard again");
    if (refused > 0)
        fprintf(stderr, "%s: %llu publishes were refused: %s\n", side->name, (unsigned long long)refused,
                side->load.publishers->why);
    return delay;
}

static struct crowd *crowd_of(const struct crowd_options *common, size_t count, int64_t room_first, int64_t room_last)
{
    struct crowd_options options = *common;
    options.count = count;
    options.room_first = room_first;
    options.room_last = room_last;
    return crowd_new(&options);
}

static void settle(struct ws_loop *loop)
{
    int64_t end_ns = now_ns() + SETTLE_MS * INT64_C(1000000);
    while (now_ns() < end_ns)
        ws_loop_run(loop, 50);
}
