/* rest.c: what REST costs, and what it costs those who chat meanwhile: one room of many listeners at a steady rate,
 * first alone, then beside a process that asks for rows as fast as answers come. The health page, which needs no store,
 * shows what the door itself costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http.h"
#include "load.h"
#include "options.h"
#include "process.h"
#include "target.h"

#define OPEN_AT_ONCE 64
#define OPEN_MS      60000
#define PHASES_MAX   8

struct flags {
    const char *parley, *cookies, *publisher_cookies, *asker_cookies, *detail, *list, *search;
    int64_t pid_server, room, subscribers, rate, connections, searchers, seconds, bytes, cpu;
};
struct phase {
    const char *name;
    const char *path; /* NULL: only the chat */
    int64_t connections;
};
struct world {
    const struct flags *flags;
    struct target target;
    struct cookies listening, publishing, asking;
    struct crowd *listeners, *publishers;
    double alone_p99_ms[2], alone_cpu_per_s[2];
    int alone;
    struct {
        const char *name;
        double p99_ms;
    } beside[PHASES_MAX]; /* the chat while somebody asks */
    size_t beside_count;
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool world_open(struct world *world);
static bool phase_run(struct world *world, const struct phase *phase);
static pid_t asker_start(const struct world *world, const struct phase *phase, int *out);
static bool asker_end(pid_t pid, int in, struct http_result *result);
static void phase_report(struct world *world, const struct phase *phase, const struct http_result *result,
                         double cpu_us, double loop_us);

int main(int argc, char **argv)
{
    struct flags flags;
    flags_read(&flags, argc, argv);
    process_files_raise();
    if (flags.cpu >= 0 && !process_pin(0, flags.cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)flags.cpu);
    struct world world = {.flags = &flags};
    if (!target_read(&world.target, flags.parley) || !cookies_read(&world.listening, flags.cookies) ||
        !cookies_read(&world.publishing, flags.publisher_cookies) ||
        !cookies_read(&world.asking, flags.asker_cookies)) {
        fprintf(stderr, "needed: --parley=127.0.0.1:8080, and --cookies and --publisher-cookies that can be read\n");
        return 2;
    }
    bool is_good = world_open(&world);
    struct phase phases[PHASES_MAX] = {{"chat_alone", NULL, 0},
                                       {"health", "/healthz", flags.connections},
                                       {"detail", flags.detail, flags.connections},
                                       {"list", flags.list, flags.connections}};
    size_t count = 4;
    static const char *const searches[] = {"search_common", "search_middle", "search_rare"};
    char *paths = strdup(flags.search ? flags.search : ""), *save = NULL;
    for (char *path = strtok_r(paths, ",", &save); path && count < 7; path = strtok_r(NULL, ",", &save))
        phases[count] = (struct phase){searches[count - 4], path, flags.searchers}, count++;
    phases[count++] = (struct phase){"chat_alone_again", NULL, 0};
    for (size_t i = 0; i < count && is_good; i++)
        if (phases[i].path || strncmp(phases[i].name, "chat", 4) == 0)
            is_good = phase_run(&world, &phases[i]);
    free(paths);
    double alone_ms = (world.alone_p99_ms[0] + world.alone_p99_ms[1]) / 2;
    for (size_t i = 0; i < world.beside_count && alone_ms > 0; i++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "rest.%s", world.beside[i].name);
        report(prefix, "chat_p99_ratio", world.beside[i].p99_ms / alone_ms, "to the chat alone, before and after");
    }
    for (int i = 0; i < 2; i++) {
        struct crowd *crowd = i ? world.publishers : world.listeners;
        if (crowd && crowd->why[0])
            fprintf(stderr, "%s\n", crowd->why);
        crowd_free(crowd);
    }
    cookies_free(&world.listening);
    cookies_free(&world.publishing);
    cookies_free(&world.asking);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.room = 1,
                            .subscribers = 1000,
                            .rate = 50,
                            .connections = 32,
                            .searchers = 4,
                            .seconds = 10,
                            .bytes = 200,
                            .cpu = -1};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of Parley"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers: who listens"),
        OPTION_TEXT_ROW("asker-cookies", &flags->asker_cookies, "who asks, given out to the connections in turn"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies, "who publishes"),
        OPTION_TEXT_ROW("detail", &flags->detail, "address of one row: /api/v1/news/1"),
        OPTION_TEXT_ROW("list", &flags->list, "address of a list: /api/v1/news?limit=50"),
        OPTION_TEXT_ROW("search", &flags->search,
                        "addresses of searches, separated by commas; without them none is measured"),
        OPTION_INT_ROW("pid-server", &flags->pid_server, 0, INT32_MAX, "Parley's process, for its CPU time"),
        OPTION_INT_ROW("room", &flags->room, 1, INT32_MAX, "id of the room where people chat"),
        OPTION_INT_ROW("subscribers", &flags->subscribers, 1, 100000, "listeners of the room"),
        OPTION_INT_ROW("rate", &flags->rate, 1, 100000, "messages per second in the room"),
        OPTION_INT_ROW("connections", &flags->connections, 1, 1000, "connections that ask"),
        OPTION_INT_ROW("searchers", &flags->searchers, 1, 1000, "connections that search"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, 600, "length of each phase"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
        OPTION_INT_ROW("cpu", &flags->cpu, -1, 1023, "keep the bench on this CPU; -1: on any"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-rest: rows per second by REST, and what the chat beside it notices.", argc, argv);
}

static bool world_open(struct world *world)
{
    const struct flags *flags = world->flags;
    struct crowd_options options = {.loop = ws_loop_new(),
                                    .host = world->target.host,
                                    .port = world->target.port,
                                    .path = "/connection/websocket",
                                    .room_first = flags->room,
                                    .room_last = flags->room,
                                    .sources = 8};
    if (!options.loop)
        return false;
    options.cookies = world->listening.lines;
    options.cookie_count = world->listening.count;
    options.count = (size_t)flags->subscribers;
    options.subscribes = true;
    world->listeners = crowd_new(&options);
    options.cookies = world->publishing.lines;
    options.cookie_count = world->publishing.count;
    options.count = 4;
    options.subscribes = false;
    world->publishers = crowd_new(&options);
    fprintf(stderr, "opening %lld connections\n", (long long)flags->subscribers);
    return world->listeners && world->publishers && crowd_open(world->listeners, OPEN_AT_ONCE, OPEN_MS) &&
           crowd_open(world->publishers, OPEN_AT_ONCE, OPEN_MS);
}

static bool phase_run(struct world *world, const struct phase *phase)
{
    const struct flags *flags = world->flags;
    struct load load = {.publishers = world->publishers,
                        .listeners = world->listeners,
                        .publish = {.bytes = (size_t)flags->bytes, .batch = 1, .window = 64},
                        .rate = flags->rate};
    struct process_cpu before = {0}, after = {0};
    static struct http_result result; /* too large for the stack */
    int pipe_in = -1;
    fprintf(stderr, "%s for %lld s\n", phase->name, (long long)flags->seconds);
    load_run(&load, world->alone ? 500 : 3000); /* warm */
    process_cpu_read((pid_t)flags->pid_server, &before);
    pid_t asker = phase->path ? asker_start(world, phase, &pipe_in) : 0;
    if (asker < 0)
        return false;
    load_run(&load, flags->seconds * 1000);
    bool is_good = !phase->path || asker_end(asker, pipe_in, &result);
    process_cpu_read((pid_t)flags->pid_server, &after);
    if (phase->path && result.why[0])
        fprintf(stderr, "%s: %s\n", phase->name, result.why);
    phase_report(world, phase, phase->path ? &result : NULL, (double)(after.all_ns - before.all_ns) / 1000,
                 (double)(after.loop_ns - before.loop_ns) / 1000);
    if (load.lost)
        fprintf(stderr, "%s: %llu deliveries were lost\n", phase->name, (unsigned long long)load.lost);
    return is_good && !load.lost && (!phase->path || !result.why[0]);
}

static pid_t asker_start(const struct world *world, const struct phase *phase, int *out)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct http_load load = {.target = world->target,
                                 .path = phase->path,
                                 .cookies = &world->asking,
                                 .connections = (size_t)phase->connections,
                                 .ms = world->flags->seconds * 1000};
        static struct http_result result;
        http_run(&load, &result);
        const char *bytes = (const char *)&result;
        for (size_t done = 0; done < sizeof result;) {
            ssize_t written = write(ends[1], bytes + done, sizeof result - done);
            if (written <= 0)
                _exit(1);
            done += (size_t)written;
        }
        _exit(0);
    }
    close(ends[1]);
    *out = ends[0];
    return pid;
}

static bool asker_end(pid_t pid, int in, struct http_result *result)
{
    size_t done = 0;
    ssize_t got;
    while (done < sizeof *result && (got = read(in, (char *)result + done, sizeof *result - done)) > 0)
        done += (size_t)got;
    close(in);
    waitpid(pid, NULL, 0);
    return done == sizeof *result;
}

static void phase_report(struct world *world, const struct phase *phase, const struct http_result *result,
                         double cpu_us, double loop_us)
{
    char prefix[64];
    double seconds = (double)world->flags->seconds;
    double p99_ms = (double)histogram_quantile(&world->listeners->delivery, 0.99) / 1e6;
    snprintf(prefix, sizeof prefix, "rest.%s", phase->name);
    report(prefix, "chat_p50", (double)histogram_quantile(&world->listeners->delivery, 0.50) / 1e6, "ms");
    report(prefix, "chat_p99", p99_ms, "ms");
    if (!result) {
        report(prefix, "cpu_per_s", cpu_us / seconds / 1e6, "cores, all threads");
        world->alone_p99_ms[world->alone] = p99_ms;
        world->alone_cpu_per_s[world->alone++] = cpu_us / seconds;
        return;
    }
    double answers = result->answers ? (double)result->answers : 1, busy_s = (double)result->busy_ns / 1e9;
    double alone_us = world->alone_cpu_per_s[0] * busy_s;
    report(prefix, "requests_per_s", (double)result->answers / (busy_s > 0 ? busy_s : 1), "1/s");
    report(prefix, "others", (double)result->others, "answers that were not 200");
    report(prefix, "p50", (double)histogram_quantile(&result->latency, 0.50) / 1e6, "ms");
    report(prefix, "p99", (double)histogram_quantile(&result->latency, 0.99) / 1e6, "ms");
    report(prefix, "bytes_per_answer", (double)result->bytes / answers, "bytes");
    report(prefix, "cpu_per_request", (cpu_us - alone_us) / answers, "us, all threads, less the chat's own");
    report(prefix, "loop_cpu_share", loop_us / busy_s / 1e6, "of one core");
    world->beside[world->beside_count].name = phase->name;
    world->beside[world->beside_count++].p99_ms = p99_ms;
}
