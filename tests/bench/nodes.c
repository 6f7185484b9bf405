/* nodes.c: more sockets than one process can have. Clients in several processes hold them, on as many nodes as there
 * are; then rooms talk to all of them. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "load.h"
#include "options.h"
#include "process.h"

#define NODES_MAX   16
#define WORKERS_MAX 32
#define OPEN_MS     240000
#define DRAIN_NS    INT64_C(15000000000)

enum phase { PHASE_OPEN, PHASE_TALK, PHASE_END };

struct flags {
    const char *parley, *pids, *cookies, *publisher_cookies, *rooms;
    int64_t sockets, workers, rate, seconds, bytes;
};

/* What a process of clients tells. It writes here alone; the histogram is whole once it has ended. */
struct worker {
    pid_t pid;
    atomic_size_t ready;
    atomic_bool has_failed;
    _Atomic uint64_t retried;
    _Atomic uint64_t deliveries, missed, duplicates, closed;
    struct histogram delivery;
};

/* In memory that all processes share. */
struct shared {
    _Atomic enum phase phase;
    struct worker workers[WORKERS_MAX];
};

struct bench {
    struct flags flags;
    char *nodes[NODES_MAX];
    size_t node_count;
    pid_t pids[NODES_MAX];
    size_t pid_count;
    size_t rooms, share; /* listeners of one process, as many in each room */
    struct shared *shared;
    struct load load; /* the publishers */
};

static void flags_read(struct flags *flags, int argc, char **argv);
static bool bench_read(struct bench *bench);
static void worker_run(const struct bench *bench, size_t index);
static bool workers_open(struct bench *bench);
static bool workers_talk(struct bench *bench);
static void workers_end(struct bench *bench);
static int64_t resident_bytes(const struct bench *bench);
static int64_t cpu_ns(const struct bench *bench);

int main(int argc, char **argv)
{
    static struct bench bench;
    flags_read(&bench.flags, argc, argv);
    if (!bench_read(&bench))
        return 1;
    process_files_raise();
    bench.shared = mmap(NULL, sizeof *bench.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bench.shared == MAP_FAILED) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    pid_t parent = getpid();
    for (size_t i = 0; i < (size_t)bench.flags.workers; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            /* It must not outlive the bench. */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() == parent)
                worker_run(&bench, i);
            _exit(0);
        }
        bench.shared->workers[i].pid = pid;
        if (pid < 0)
            bench.shared->workers[i].has_failed = true;
    }
    bool is_good = workers_open(&bench) && workers_talk(&bench);
    workers_end(&bench);
    return is_good ? 0 : 1;
}

static void flags_read(struct flags *flags, int argc, char **argv)
{
    *flags = (struct flags){.pids = "",
                            .parley = "",
                            .rooms = "1",
                            .sockets = 50000,
                            .workers = 6,
                            .rate = 10,
                            .seconds = 10,
                            .bytes = 200};
    const struct option_row rows[] = {
        OPTION_TEXT_ROW("parley", &flags->parley, "address:port of each node, with commas; one that many share: once"),
        OPTION_TEXT_ROW("pids", &flags->pids, "their processes, with commas, for memory and CPU time"),
        OPTION_TEXT_ROW("cookies", &flags->cookies, "file of Cookie headers for the listeners, one per line"),
        OPTION_TEXT_ROW("publisher-cookies", &flags->publisher_cookies,
                        "the same for the publishers; left out: as the listeners"),
        OPTION_TEXT_ROW("rooms", &flags->rooms, "ids of the rooms, first-last, given out in turn"),
        OPTION_INT_ROW("sockets", &flags->sockets, 1, 200000, "listeners on all nodes together"),
        OPTION_INT_ROW("workers", &flags->workers, 1, WORKERS_MAX, "processes of clients; none may have 20,000"),
        OPTION_INT_ROW("rate", &flags->rate, 1, 10000, "messages per second, all rooms together"),
        OPTION_INT_ROW("seconds", &flags->seconds, 1, 600, "how long they talk"),
        OPTION_INT_ROW("bytes", &flags->bytes, 30, 3500, "bytes of a message's text"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-nodes: many sockets on several nodes, held by several processes, and rooms that talk to them.",
                 argc, argv);
}

static bool bench_read(struct bench *self)
{
    int64_t first, last;
    struct target target;
    char *nodes = strdup(self->flags.parley), *pids = strdup(self->flags.pids);
    for (char *at = nodes ? strtok(nodes, ",") : NULL; at && self->node_count < NODES_MAX; at = strtok(NULL, ","))
        self->nodes[self->node_count++] = at;
    for (char *at = pids ? strtok(pids, ",") : NULL; at && self->pid_count < NODES_MAX; at = strtok(NULL, ","))
        self->pids[self->pid_count++] = (pid_t)strtol(at, NULL, 10);
    free(pids);
    bool is_good = self->node_count > 0 && rooms_read(self->flags.rooms, &first, &last);
    for (size_t i = 0; i < self->node_count; i++)
        is_good = is_good && target_read(&target, self->nodes[i]);
    if (is_good) {
        self->rooms = (size_t)(last - first + 1);
        self->share = (size_t)(self->flags.sockets / self->flags.workers) / self->rooms * self->rooms;
    }
    if (self->share == 0)
        fprintf(stderr, "--parley must be address:port,…, --rooms first-last, and --sockets enough for each room\n");
    return self->share > 0;
}

/* One process of clients, all on one node. */
static void worker_run(const struct bench *self, size_t index)
{
    struct worker *worker = &self->shared->workers[index];
    struct load load = {0};
    struct load_plan plan = {
        .loop = ws_loop_new(),
        .parley = self->nodes[index % self->node_count],
        .cookies = self->flags.cookies,
        .rooms = self->flags.rooms,
        .listeners = self->share,
        .bytes = (size_t)self->flags.bytes,
        .open_ms = OPEN_MS,
    };
    if (!plan.loop || !load_open(&load, &plan)) {
        worker->has_failed = true;
        return;
    }
    struct crowd *listeners = load.listeners;
    crowd_counters_clear(listeners);
    worker->retried = listeners->retried;
    worker->ready = listeners->ready;
    while (self->shared->phase != PHASE_END) {
        ws_loop_run(plan.loop, 50);
        worker->deliveries = listeners->deliveries;
        worker->missed = listeners->missed;
        worker->duplicates = listeners->duplicates;
        worker->closed = listeners->closed;
    }
    if (listeners->why[0])
        fprintf(stderr, "%s: %s\n", plan.parley, listeners->why);
    worker->delivery = listeners->delivery;
}

static bool workers_open(struct bench *self)
{
    size_t count = (size_t)self->flags.workers, ready = 0;
    int64_t bytes_before = resident_bytes(self), cpu_before = cpu_ns(self), start_ns = now_ns();
    fprintf(stderr, "opening %zu connections to %zu nodes\n", count * self->share, self->node_count);
    while (ready < count * self->share) {
        usleep(20000);
        ready = 0;
        for (size_t i = 0; i < count; i++) {
            if (self->shared->workers[i].has_failed)
                return false;
            ready += self->shared->workers[i].ready;
        }
        if (now_ns() - start_ns > OPEN_MS * INT64_C(1000000)) {
            fprintf(stderr, "not all connections were ready in %d s\n", OPEN_MS / 1000);
            return false;
        }
    }
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    uint64_t retried = 0;
    for (size_t i = 0; i < count; i++)
        retried += self->shared->workers[i].retried;
    report("nodes", "opened", (double)ready, "connections");
    report("nodes", "retried", (double)retried, "subscribes that were to be tried again");
    report("nodes", "handshakes_per_s", (double)ready / seconds, "1/s, with connect and subscribe");
    if (self->pid_count > 0) {
        report("nodes", "cpu_per_handshake", (double)(cpu_ns(self) - cpu_before) / 1000 / (double)ready,
               "us, all processes");
        report("nodes", "bytes_per_socket", (double)(resident_bytes(self) - bytes_before) / (double)ready,
               "resident bytes");
    }
    struct load_plan plan = {
        .loop = ws_loop_new(),
        .parley = self->nodes[0],
        .cookies = self->flags.cookies,
        .publisher_cookies = self->flags.publisher_cookies,
        .rooms = self->flags.rooms,
        .publishers = self->rooms,
        .bytes = (size_t)self->flags.bytes,
        .open_ms = OPEN_MS,
    };
    self->load.rate = self->flags.rate;
    return plan.loop && load_open(&self->load, &plan);
}

static bool workers_talk(struct bench *self)
{
    size_t count = (size_t)self->flags.workers;
    uint64_t deliveries = 0, missed = 0, duplicates = 0, closed = 0;
    int64_t cpu_before = cpu_ns(self), start_ns = now_ns();
    self->shared->phase = PHASE_TALK;
    load_run(&self->load, self->flags.seconds * 1000);
    uint64_t expected = self->load.publishers->accepted * (count * self->share / self->rooms);
    for (int64_t end_ns = now_ns() + DRAIN_NS; now_ns() < end_ns && deliveries < expected; usleep(20000)) {
        deliveries = 0;
        for (size_t i = 0; i < count; i++)
            deliveries += self->shared->workers[i].deliveries;
    }
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    int64_t cpu = cpu_ns(self) - cpu_before;
    workers_end(self);

    static struct histogram all;
    for (size_t i = 0; i < count; i++) {
        const struct worker *worker = &self->shared->workers[i];
        histogram_add(&all, &worker->delivery);
        missed += worker->missed;
        duplicates += worker->duplicates;
        closed += worker->closed;
    }
    report("nodes", "deliveries_per_s", (double)deliveries / seconds, "1/s");
    if (self->pid_count > 0 && deliveries > 0)
        report("nodes", "cpu_per_delivery", (double)cpu / 1000 / (double)deliveries, "us, all processes");
    report("nodes", "p50", (double)histogram_quantile(&all, 0.50) / 1e6, "ms");
    report("nodes", "p99", (double)histogram_quantile(&all, 0.99) / 1e6, "ms");
    report("nodes", "refused", (double)self->load.publishers->refused, "publishes");
    report("nodes", "lost", (double)(expected - deliveries), "deliveries that did not come");
    report("nodes", "missed", (double)missed, "offsets jumped over");
    report("nodes", "duplicates", (double)duplicates, "offsets heard again");
    report("nodes", "closed", (double)closed, "connections that ended");
    return expected > 0 && deliveries == expected && missed + duplicates + closed == 0;
}

static void workers_end(struct bench *self)
{
    /* Before they talk they listen to nobody. */
    bool is_too_early = self->shared->phase == PHASE_OPEN;
    self->shared->phase = PHASE_END;
    for (size_t i = 0; i < (size_t)self->flags.workers; i++) {
        if (self->shared->workers[i].pid > 0 && is_too_early)
            kill(self->shared->workers[i].pid, SIGKILL);
        if (self->shared->workers[i].pid > 0)
            waitpid(self->shared->workers[i].pid, NULL, 0);
        self->shared->workers[i].pid = 0;
    }
}

static int64_t resident_bytes(const struct bench *self)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < self->pid_count; i++)
        bytes += process_resident_bytes(self->pids[i]);
    return bytes;
}

static int64_t cpu_ns(const struct bench *self)
{
    int64_t sum = 0;
    for (size_t i = 0; i < self->pid_count; i++) {
        struct process_cpu cpu = {0};
        process_cpu_read(self->pids[i], &cpu);
        sum += cpu.all_ns;
    }
    return sum;
}
