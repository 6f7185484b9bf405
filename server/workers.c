/* workers.c: one process that serves nothing itself, so that it does not fail: it starts workers and waits. */
#include "workers.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/scope.h"
#include "net/listener.h"
#include "worker.h"

#define WORKERS_MAX  64
#define TURN_MS      50    /* how often is looked, while something is about to happen */
#define READY_MS     60000 /* a replacement that does not serve by then never will */
#define GRACE_MS     20000 /* for a worker to end, more than its stop_ms */
#define STEADY_MS    10000 /* who served so long has recovered */
#define AGAIN_MS     100   /* before the first new start; twice as long before each further one */
#define AGAIN_MS_MAX 10000
#define PATIENCE_MS  5000 /* of the first start, before it says what it waits for */
#define REMINDER_MS  30000

struct slot {
    struct worker now, next; /* next: what shall replace it */
    unsigned failures;       /* in a row */
    int64_t start_ms;        /* not before */
};
struct workers {
    const struct settings *settings;
    struct worker_program program;
    bool is_edge; /* all of them are edges, and the home is elsewhere */
    size_t count;
    struct slot slots[WORKERS_MAX]; /* the first is the home */
    int signals;                    /* descriptor */
    int reservation;                /* of the port */
    bool has_started, is_stopping, has_failed;
    int code; /* to exit with */
    int64_t remind_ms;
    struct worker check; /* before a rolling restart: are the settings fine? */
    bool wants_roll, is_rolling;
    unsigned generation;
};

static bool workers_open(struct workers *workers, char *why, size_t why_size);
static void workers_close(struct workers *workers);
static void turn(struct workers *workers);
static void overdue_end(struct workers *workers);
static void due_start(struct workers *workers);
static void greet(struct workers *workers);
static void roll(struct workers *workers);
static void stop(struct workers *workers);
static void stop_one(struct worker *worker);
static bool events_wait(struct workers *workers);
static void signal_read(struct workers *workers);
static void ended_reap(struct workers *workers);
static void worker_ended(struct workers *workers, size_t i, bool is_next, const struct worker *was, int status);
static void check_ended(struct workers *workers, int status);
static bool is_any_left(const struct workers *workers);

static void workers_free(struct workers *workers)
{
    free(workers);
}
DEFINE_SCOPED(struct workers *, workers_free)

bool workers_check(const struct settings *settings, char *why, size_t why_size)
{
    if (settings->node_workers == 1 || settings->redis_url[0])
        return true;
    snprintf(why, why_size,
             "%d workers are joined by Redis: set redis.url (--redis.url=unix:/path/redis.sock), or node.workers to 1",
             (int)settings->node_workers);
    return false;
}

int workers_run(const struct settings *settings, bool is_edge, int count, char **words)
{
    char why[512];
    SCOPED(workers_free) struct workers *workers = calloc(1, sizeof *workers);
    if (!workers)
        return 1;
    workers->settings = settings;
    workers->is_edge = is_edge;
    workers->count = (size_t)settings->node_workers;
    workers->program.words = words;
    workers->program.count = count;
    workers->signals = workers->reservation = workers->check.ready = -1;
    for (size_t i = 0; i < WORKERS_MAX; i++)
        workers->slots[i].now.ready = workers->slots[i].next.ready = -1;
    if (!workers_check(settings, why, sizeof why) || !workers_open(workers, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        workers_close(workers);
        return 1;
    }
    do
        turn(workers);
    while (events_wait(workers));
    workers_close(workers);
    return workers->code;
}

static bool workers_open(struct workers *workers, char *why, size_t why_size)
{
    const char *address = workers->settings->http_address;
    const char *colon = strrchr(address, ':');
    int port = 0;
    workers->reservation = listener_reserve(address, &port, why, why_size);
    if (workers->reservation < 0)
        return false;
    snprintf(workers->program.address, sizeof workers->program.address, "%.*s:%d", (int)(colon - address), address,
             port);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) == 0)
        workers->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    workers->remind_ms = clock_monotonic_ms() + PATIENCE_MS;
    if (workers->signals >= 0 && worker_program_find(&workers->program))
        return true;
    snprintf(why, why_size, "cannot watch over workers: %s", strerror(errno));
    return false;
}

static void workers_close(struct workers *workers)
{
    if (workers->signals >= 0)
        close(workers->signals);
    if (workers->reservation >= 0)
        close(workers->reservation);
}

/* "edge 2 (pid 123)" */
#define NAME_SIZE 48
static const char *name_print(const struct workers *workers, size_t i, const struct worker *worker,
                              char text[NAME_SIZE])
{
    if (i == 0 && !workers->is_edge)
        snprintf(text, NAME_SIZE, "the home (pid %ld)", (long)worker->pid);
    else
        snprintf(text, NAME_SIZE, "edge %zu (pid %ld)", i + workers->is_edge, (long)worker->pid);
    return text;
}

static bool is_home(const struct workers *workers, size_t i)
{
    return i == 0 && !workers->is_edge;
}

static void turn(struct workers *workers)
{
    overdue_end(workers);
    if (workers->is_stopping) {
        stop(workers);
        return;
    }
    due_start(workers);
    if (!workers->has_started)
        greet(workers);
    else
        roll(workers);
}

static void overdue_end(struct workers *workers)
{
    char name[NAME_SIZE];
    int64_t now_ms = clock_monotonic_ms();
    if (workers->check.kill_ms && workers->check.kill_ms <= now_ms)
        worker_kill(&workers->check);
    for (size_t i = 0; i < workers->count; i++) {
        struct worker *both[] = {&workers->slots[i].now, &workers->slots[i].next};
        for (size_t k = 0; k < ARRAY_LENGTH(both); k++) {
            if (!both[k]->kill_ms || both[k]->kill_ms > now_ms)
                continue;
            log_error("worker.late", "%s is not %s in time: it is ended", name_print(workers, i, both[k], name),
                      both[k]->is_stopping ? "gone" : "ready");
            worker_kill(both[k]);
        }
    }
}

/* ---- starting ---- */

static void failed(struct workers *workers, size_t i)
{
    struct slot *slot = &workers->slots[i];
    int64_t wait_ms = AGAIN_MS << (slot->failures < 10 ? slot->failures : 10);
    if (wait_ms > AGAIN_MS_MAX)
        wait_ms = AGAIN_MS_MAX;
    slot->failures++;
    slot->start_ms = clock_monotonic_ms() + wait_ms;
}

/* At the first start the home goes ahead: if it cannot start, nothing needs to. */
static void due_start(struct workers *workers)
{
    bool has_home = workers->has_started || workers->is_edge || workers->slots[0].now.is_ready;
    for (size_t i = 0; i < (has_home ? workers->count : 1); i++) {
        struct slot *slot = &workers->slots[i];
        if (slot->now.pid || slot->start_ms > clock_monotonic_ms())
            continue;
        if (worker_start(&slot->now, &workers->program, i > 0)) {
            slot->now.generation = workers->generation;
            continue;
        }
        log_error("worker.failed", "a worker could not be started: %s", strerror(errno));
        failed(workers, i);
    }
}

static void greet(struct workers *workers)
{
    size_t ready = 0;
    for (size_t i = 0; i < workers->count; i++)
        ready += workers->slots[i].now.is_ready;
    size_t edges = workers->count - !workers->is_edge;
    if (ready < workers->count) {
        if (clock_monotonic_ms() < workers->remind_ms)
            return;
        workers->remind_ms = clock_monotonic_ms() + REMINDER_MS;
        log_warning("workers.waiting", "%zu of %zu workers are ready%s", ready, workers->count,
                    workers->is_edge ? "; the others look for the home: is `parley serve` without --edge running, with "
                                       "the same redis.url, redis.prefix and cluster.secret, and does Redis answer?"
                    : workers->slots[0].now.is_ready ? "; the others look for the home: does Redis answer at redis.url?"
                                                     : "");
        return;
    }
    workers->has_started = true;
    log_info("listening", "listening on http://%s with %zu workers: %s%zu edge%s", workers->program.address,
             workers->count, workers->is_edge ? "" : "a home and ", edges, edges == 1 ? "" : "s");
}

/* ---- restarting one by one ---- */

static void roll_begin(struct workers *workers)
{
    workers->wants_roll = false;
    if (!worker_start_check(&workers->check, &workers->program)) {
        log_error("worker.failed", "the settings could not be checked: %s; nothing was restarted", strerror(errno));
        return;
    }
    workers->check.kill_ms = clock_monotonic_ms() + READY_MS;
}

static void check_ended(struct workers *workers, int status)
{
    if (workers->is_stopping)
        return;
    if (status != 0) {
        log_error("workers.kept", "the settings or the models are not fine (see above): nothing was restarted");
        return;
    }
    workers->generation++;
    workers->is_rolling = true;
    log_info("workers.rolling", "restarting %zu workers one by one", workers->count);
}

/* The last first, so that the home is the end. An edge is replaced while it serves. There can be only one home: it is
 * stopped and started, and meanwhile the edges keep everybody's socket. */
static void roll(struct workers *workers)
{
    if (!workers->is_rolling) {
        if (workers->wants_roll && !workers->check.pid)
            roll_begin(workers);
        return;
    }
    for (size_t i = workers->count; i-- > 0;) {
        struct slot *slot = &workers->slots[i];
        if (slot->now.generation == workers->generation && slot->now.is_ready && !slot->next.pid)
            continue;
        /* One that is away, or new and not ready, is waited for. */
        bool is_old = slot->now.pid && slot->now.generation != workers->generation && !slot->now.is_stopping;
        if (is_old && (is_home(workers, i) || slot->next.is_ready)) {
            stop_one(&slot->now);
        } else if (is_old && !slot->next.pid) {
            if (worker_start(&slot->next, &workers->program, i > 0)) {
                slot->next.generation = workers->generation;
                slot->next.kill_ms = clock_monotonic_ms() + READY_MS;
            } else {
                log_error("workers.kept", "a worker could not be started: %s; the others stay as they are",
                          strerror(errno));
                workers->is_rolling = false;
            }
        }
        return;
    }
    workers->is_rolling = false;
    log_info("workers.rolled", "all %zu workers were restarted", workers->count);
}

/* ---- stopping ---- */

/* The edges need the home until they are gone. */
static void stop(struct workers *workers)
{
    bool has_edges = false;
    for (size_t i = workers->count; i-- > 0;) {
        struct slot *slot = &workers->slots[i];
        struct worker *both[] = {&slot->now, &slot->next};
        for (size_t k = 0; k < ARRAY_LENGTH(both); k++)
            if (both[k]->pid && !both[k]->is_stopping && !(is_home(workers, i) && has_edges))
                stop_one(both[k]);
        has_edges = has_edges || slot->now.pid || slot->next.pid;
    }
    if (workers->check.pid && !workers->check.is_stopping)
        stop_one(&workers->check);
}

static void stop_one(struct worker *worker)
{
    worker_stop(worker, worker->stop_ms + GRACE_MS);
}

static void stop_begin(struct workers *workers, const char *why)
{
    if (!workers->is_stopping) {
        log_info("stopping", "%s: stopping the edges, then the home", why);
        workers->is_stopping = true;
        workers->is_rolling = workers->wants_roll = false;
        return;
    }
    /* Asked twice: those that are stopping do so at once, and the home no longer waits for them. It still ends in
     * order, as this is the first that it is asked; asked once more, it ends at once too. */
    for (size_t i = 0; i < workers->count; i++) {
        stop_one(&workers->slots[i].now);
        stop_one(&workers->slots[i].next);
    }
}

/* ---- waiting ---- */

/* False: there is nothing to wait for any more. */
static bool events_wait(struct workers *workers)
{
    struct pollfd polls[1 + 2 * WORKERS_MAX] = {{.fd = workers->signals, .events = POLLIN}};
    struct worker *whose[1 + 2 * WORKERS_MAX] = {NULL};
    size_t count = 1;
    if (workers->is_stopping && !is_any_left(workers)) {
        if (!workers->code && workers->has_failed)
            workers->code = 1;
        if (!workers->code)
            log_info("stopped", "all workers have ended");
        return false;
    }
    bool is_busy = !workers->has_started || workers->is_stopping || workers->is_rolling || workers->wants_roll ||
                   workers->check.pid;
    for (size_t i = 0; i < workers->count; i++) {
        struct worker *both[] = {&workers->slots[i].now, &workers->slots[i].next};
        is_busy = is_busy || !both[0]->is_ready;
        for (size_t k = 0; k < ARRAY_LENGTH(both); k++)
            if (both[k]->pid && both[k]->ready >= 0) {
                whose[count] = both[k];
                polls[count++] = (struct pollfd){.fd = both[k]->ready, .events = POLLIN};
            }
    }
    if (poll(polls, count, is_busy ? TURN_MS : -1) <= 0)
        return true;
    for (size_t p = 1; p < count; p++)
        if (polls[p].revents && worker_heard(whose[p]) && !whose[p]->is_stopping)
            whose[p]->kill_ms = 0;
    if (polls[0].revents)
        signal_read(workers);
    ended_reap(workers);
    return true;
}

static void signal_read(struct workers *workers)
{
    struct signalfd_siginfo signal;
    while (read(workers->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        /* The kernel sends SIGHUP when the terminal is closed; somebody else, to have the workers restarted. */
        if (signal.ssi_signo == SIGHUP && signal.ssi_code != SI_KERNEL)
            workers->wants_roll = !workers->is_stopping;
        else if (signal.ssi_signo != SIGCHLD)
            stop_begin(workers, strsignal((int)signal.ssi_signo));
    }
}

static void ended_reap(struct workers *workers)
{
    int status;
    if (worker_has_ended(&workers->check, &status))
        check_ended(workers, status);
    for (size_t i = 0; i < workers->count; i++) {
        struct slot *slot = &workers->slots[i];
        struct worker was = slot->next;
        if (worker_has_ended(&slot->next, &status))
            worker_ended(workers, i, true, &was, status);
        was = slot->now;
        if (!worker_has_ended(&slot->now, &status))
            continue;
        if (slot->next.pid) {
            slot->now = slot->next;
            slot->next = (struct worker){.ready = -1};
        }
        worker_ended(workers, i, false, &was, status);
    }
}

static void worker_ended(struct workers *workers, size_t i, bool is_next, const struct worker *was, int status)
{
    struct slot *slot = &workers->slots[i];
    char name[NAME_SIZE], how[64];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (code == WORKER_NOT_RUN)
        snprintf(how, sizeof how, "before it ran: the program is not there, or cannot be run");
    else
        snprintf(how, sizeof how, "with code %d", code);
    name_print(workers, i, was, name);
    /* A worker watches for SIGTERM from shortly before it is ready; until then it just ends, and nobody is there. */
    bool is_unready = was->is_stopping && !was->is_ready && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    bool is_fine = is_unready || (was->is_stopping && WIFEXITED(status) && code == 0);
    if (is_fine) {
        slot->start_ms = 0;
        log_info("worker.stopped", "%s has ended", name);
    } else if (workers->is_stopping) {
        workers->has_failed = true;
        log_error("worker.ended", "%s ended %s", name, how);
    } else if (!workers->has_started) {
        fprintf(stderr, "parley: %s ended %s before all workers had started: see the lines above\n", name, how);
        workers->code = code ? code : 1;
        workers->is_stopping = true;
    } else if (is_next) {
        workers->is_rolling = false;
        log_error("workers.kept",
                  "%s, a replacement, ended %s: the others stay as they are; mend it and send SIGHUP again", name, how);
    } else if (!slot->now.pid) {
        if (was->is_ready && clock_monotonic_ms() - was->ready_ms >= STEADY_MS)
            slot->failures = 0;
        failed(workers, i);
        log_error("worker.ended", "%s ended %s: it is started again in %lld ms", name, how,
                  (long long)(slot->start_ms - clock_monotonic_ms()));
    } else {
        log_error("worker.ended", "%s ended %s: its replacement goes on", name, how);
    }
}

static bool is_any_left(const struct workers *workers)
{
    bool is_any = workers->check.pid != 0;
    for (size_t i = 0; i < workers->count; i++)
        is_any = is_any || workers->slots[i].now.pid || workers->slots[i].next.pid;
    return is_any;
}
