/* bystanders.c: people in a room of their own, in a process of their own. */
#include "bystanders.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_NS INT64_C(20000000000)
#define TURN_MS  5 /* how soon they see that the time has changed */

/* In memory that both processes share. All but `time` and `is_ending` is written by the bystanders alone, and read when
 * they are ready, or gone. */
struct bystanders {
    pid_t pid;
    _Atomic enum bystanders_time time;
    atomic_bool is_ready, is_ending;
    struct histogram delays[BYSTANDERS_TIMES];
    uint64_t lost, missed, duplicates, closed, refused;
};

static const char *const time_names[BYSTANDERS_TIMES] = {NULL, "before", "cut", "storm"};

static void bystanders_run(struct bystanders *bystanders, const struct load_plan *plan, int64_t rate);
static void bystanders_listen(struct bystanders *bystanders, struct load *load, int64_t rate);
static void bystanders_drain(struct bystanders *bystanders, const struct load *load);
static bool bystanders_report(const struct bystanders *bystanders, const char *prefix);

struct bystanders *bystanders_start(const struct load_plan *plan, int64_t rate)
{
    struct bystanders *bystanders =
        mmap(NULL, sizeof *bystanders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bystanders == MAP_FAILED) {
        fprintf(stderr, "no memory\n");
        return NULL;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        /* It must not outlive the bench. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            bystanders_run(bystanders, plan, rate);
        _exit(0);
    }
    bystanders->pid = pid; /* not by the child too, which would write 0 over it */
    bool is_gone = pid < 0;
    while (!is_gone && !bystanders->is_ready) {
        usleep(10000);
        is_gone = waitpid(pid, NULL, WNOHANG) != 0;
    }
    if (!is_gone)
        return bystanders;
    fprintf(stderr, "the bystanders did not come\n");
    munmap(bystanders, sizeof *bystanders);
    return NULL;
}

static void bystanders_run(struct bystanders *bystanders, const struct load_plan *plan, int64_t rate)
{
    struct load load = {0};
    struct load_plan own = *plan;
    own.loop = ws_loop_new();
    if (own.loop && load_open(&load, &own)) {
        bystanders->is_ready = true;
        bystanders_listen(bystanders, &load, rate);
        bystanders_drain(bystanders, &load);
    }
    load_close(&load);
    ws_loop_free(own.loop);
}

/* They say something when it is due, whether or not the last one has come: to wait for it would count one late message
 * where there are many. A delay belongs to the time in which the message arrived. */
static void bystanders_listen(struct bystanders *bystanders, struct load *load, int64_t rate)
{
    struct histogram *delays = &load->listeners->delivery;
    enum bystanders_time time = bystanders->time;
    int64_t due_ns = now_ns();
    histogram_clear(delays);
    while (!bystanders->is_ending) {
        for (; due_ns <= now_ns(); due_ns += 1000000000 / rate)
            if (!peer_publish(load->publishers->peers[0], &load->publish))
                bystanders->refused++;
        ws_loop_run(load->publishers->options.loop, TURN_MS);
        if (bystanders->time == time)
            continue;
        histogram_add(&bystanders->delays[time], delays);
        histogram_clear(delays);
        time = bystanders->time;
    }
    histogram_add(&bystanders->delays[time], delays);
}

static void bystanders_drain(struct bystanders *bystanders, const struct load *load)
{
    const struct crowd *publishers = load->publishers, *listeners = load->listeners;
    uint64_t expected = 0;
    for (int64_t end_ns = now_ns() + DRAIN_NS; now_ns() < end_ns; ws_loop_run(publishers->options.loop, TURN_MS)) {
        expected = publishers->accepted * load->heard_by;
        if (publishers->accepted + publishers->refused >= publishers->published && listeners->deliveries >= expected)
            break;
    }
    bystanders->lost = expected > listeners->deliveries ? expected - listeners->deliveries : 0;
    bystanders->missed = listeners->missed;
    bystanders->duplicates = listeners->duplicates;
    bystanders->closed = listeners->closed + publishers->closed;
    bystanders->refused += publishers->refused;
}

void bystanders_set_time(struct bystanders *bystanders, enum bystanders_time time)
{
    if (bystanders)
        bystanders->time = time;
}

bool bystanders_end(struct bystanders *bystanders, const char *prefix)
{
    if (!bystanders)
        return true;
    int ending = -1;
    bystanders->is_ending = true;
    bool is_right = waitpid(bystanders->pid, &ending, 0) == bystanders->pid && ending == 0;
    if (!is_right)
        fprintf(stderr, "the process of the bystanders failed: status %d\n", ending);
    is_right = bystanders_report(bystanders, prefix) && is_right;
    munmap(bystanders, sizeof *bystanders);
    return is_right;
}

static bool bystanders_report(const struct bystanders *bystanders, const char *prefix)
{
    for (int time = BYSTANDERS_BEFORE; time < BYSTANDERS_TIMES; time++) {
        const struct histogram *delays = &bystanders->delays[time];
        char name[64];
        snprintf(name, sizeof name, "%s.%s", prefix, time_names[time]);
        report(name, "deliveries", (double)delays->count, "");
        report(name, "p50", (double)histogram_quantile(delays, 0.50) / 1e6, "ms");
        report(name, "p99", (double)histogram_quantile(delays, 0.99) / 1e6, "ms");
        report(name, "max", (double)histogram_quantile(delays, 1.0) / 1e6, "ms");
    }
    double before = (double)histogram_quantile(&bystanders->delays[BYSTANDERS_BEFORE], 0.99);
    if (before > 0)
        report(prefix, "p99_ratio", (double)histogram_quantile(&bystanders->delays[BYSTANDERS_STORM], 0.99) / before,
               "in the storm, to before it");
    report(prefix, "refused", (double)bystanders->refused, "publishes");
    report(prefix, "lost", (double)bystanders->lost, "deliveries that did not come");
    report(prefix, "missed", (double)bystanders->missed, "offsets jumped over");
    report(prefix, "duplicates", (double)bystanders->duplicates, "offsets heard again");
    report(prefix, "closed", (double)bystanders->closed, "connections that ended");
    return bystanders->lost + bystanders->missed + bystanders->duplicates + bystanders->closed == 0;
}
