/* conductor.c: one process leads those that load, so that a run is the same with one of them and with twenty. */
#include "conductor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "remarks.h"
#include "results.h"
#include "worker.h"
#include "world.h"
#include "ws.h"

#define PROCESSES_MAX 64
#define TICK_NS       INT64_C(1000000000)
#define RAMP_MORE_NS  INT64_C(60000000000) /* beyond the time that the ramp should take */
#define STEP_MORE_NS  INT64_C(30000000000) /* beyond --drain, for a process to say that it is through */
#define QUIT_NS       INT64_C(5000000000)

enum phase { RAMPING, LOADING, SETTLING, DRAINING, ENDED };
struct process {
    pid_t pid;
    int commands, reports; /* -1: closed */
    struct buffer bytes;
    enum step step;
    struct totals totals;
    int64_t cpu_ns; /* at the last tick */
};
struct conductor {
    const struct world *world;
    struct results *results;
    struct process processes[PROCESSES_MAX];
    uint32_t count;
    enum phase phase;
    volatile sig_atomic_t *interrupts;
    int64_t start_ns, phase_ns, tick_ns;          /* when it began; when the last second ended */
    struct totals before;                         /* at the last tick */
    struct histogram second;                      /* of it */
    int64_t go_ns, own_start_ns;                  /* 0: nothing was said; our CPU then */
    int64_t server_start_ns[PIDS_MAX], server_ns; /* CPU: at the start of the load, and of all at the last tick */
    uint64_t busy_ticks, all_ticks;
    bool is_terminal;
};

static bool processes_start(struct conductor *conductor);
static void reports_read(struct conductor *conductor, int timeout_ms);
static void report_read(struct conductor *conductor, struct process *process);
static void report_take(struct conductor *conductor, struct process *process, const struct wire_head *head,
                        const void *bytes);
static void note_add(struct results *results, const struct note *note);
static void phase_look(struct conductor *conductor);
static void phase_begin(struct conductor *conductor, enum phase phase);
static void tell(struct conductor *conductor, enum worker_command command);
static bool all_are(const struct conductor *conductor, enum step step);
static void totals_add(struct conductor *conductor, struct totals *sum);
static void tick(struct conductor *conductor);
static void progress(const struct conductor *conductor, const struct second *second);
static void processes_end(struct conductor *conductor);

void conduct(const struct world *world, uint32_t processes, volatile sig_atomic_t *interrupts, struct results *results)
{
    static struct conductor conductor; /* a histogram is too much for a stack */
    const struct options *options = world->options;
    conductor = (struct conductor){.world = world, .results = results, .count = processes, .interrupts = interrupts};
    conductor.is_terminal = isatty(STDERR_FILENO);
    conductor.start_ns = conductor.phase_ns = conductor.tick_ns = now_ns();
    machine_ticks(&conductor.busy_ticks, &conductor.all_ticks);
    for (size_t i = 0; i < options->server_pid_count; i++) {
        struct server_cost server = {.pid = options->server_pids[i],
                                     .idle_bytes = process_bytes(options->server_pids[i])};
        int64_t cpu_ns = process_cpu_ns(server.pid);
        if (server.idle_bytes < 0 || cpu_ns < 0) {
            result_remark(results, "there is no process %ld that may be looked at: --server-pid is left out",
                          (long)server.pid);
            continue;
        }
        conductor.server_start_ns[results->server_count] = cpu_ns;
        conductor.server_ns += cpu_ns;
        results->servers[results->server_count++] = server;
    }
    if (!processes_start(&conductor)) {
        result_remark(results, "no further process could be started: %s", strerror(errno));
        results->is_broken = true;
    }
    while (conductor.phase != ENDED && !results->is_broken) {
        int64_t left_ns = conductor.tick_ns + TICK_NS - now_ns();
        int64_t phase_left_ns =
            conductor.phase == LOADING ? conductor.phase_ns + options->duration_ms * 1000000 - now_ns() : left_ns;
        left_ns = phase_left_ns < left_ns ? phase_left_ns : left_ns;
        reports_read(&conductor, left_ns > 0 ? (int)((left_ns + 999999) / 1000000) : 0);
        phase_look(&conductor);
        if (now_ns() - conductor.tick_ns >= TICK_NS)
            tick(&conductor);
    }
    tick(&conductor);
    processes_end(&conductor);
    totals_add(&conductor, &results->totals);
    remarks_add(results);
    if (conductor.is_terminal && !options->is_quiet)
        fprintf(stderr, "\r\033[K");
}

static bool processes_start(struct conductor *conductor)
{
    fflush(NULL);
    for (uint32_t i = 0; i < conductor->count; i++) {
        int commands[2], reports[2];
        if (pipe(commands) != 0 || pipe(reports) != 0)
            return conductor->count = i, false;
        pid_t pid = fork();
        if (pid < 0)
            return conductor->count = i, false;
        if (pid == 0) {
            /* With our end of another's pipe in hand, that one would never notice that we are gone. */
            for (uint32_t k = 0; k < i; k++) {
                close(conductor->processes[k].commands);
                close(conductor->processes[k].reports);
            }
            close(commands[1]);
            close(reports[0]);
            struct worker_share share = {conductor->world, i, conductor->count, commands[0], reports[1]};
            exit(worker_run(&share));
        }
        close(commands[0]);
        close(reports[1]);
        conductor->processes[i] = (struct process){.pid = pid, .commands = commands[1], .reports = reports[0]};
    }
    return true;
}

static void reports_read(struct conductor *conductor, int timeout_ms)
{
    struct pollfd polled[PROCESSES_MAX];
    for (uint32_t i = 0; i < conductor->count; i++)
        polled[i] = (struct pollfd){.fd = conductor->processes[i].reports, .events = POLLIN};
    if (poll(polled, conductor->count, timeout_ms) <= 0)
        return;
    for (uint32_t i = 0; i < conductor->count; i++)
        if (polled[i].revents)
            report_read(conductor, &conductor->processes[i]);
}

static void report_read(struct conductor *conductor, struct process *process)
{
    ssize_t got = -1;
    if (buffer_reserve(&process->bytes, 65536))
        got = read(process->reports, process->bytes.bytes + process->bytes.length, 65536);
    if (got <= 0) {
        if (got < 0 && errno == EINTR)
            return;
        close(process->reports);
        process->reports = -1;
        if (process->step != STEP_DONE && conductor->phase != ENDED) {
            result_remark(conductor->results, "a process that loads has died: what it had counted is missing");
            conductor->results->is_broken = true;
        }
        return;
    }
    process->bytes.length += (size_t)got;
    struct wire_head head;
    const void *bytes;
    while (wire_read(&process->bytes, &head, &bytes)) {
        report_take(conductor, process, &head, bytes);
        buffer_consume(&process->bytes, sizeof head + head.length);
    }
}

static void report_take(struct conductor *conductor, struct process *process, const struct wire_head *head,
                        const void *bytes)
{
    struct results *results = conductor->results;
    if (head->kind == WIRE_TOTALS) {
        struct wire_totals totals;
        memcpy(&totals, bytes, sizeof totals);
        int64_t late_ns = process->totals.late_ns;
        process->totals = totals.totals;
        process->totals.late_ns = late_ns > totals.totals.late_ns ? late_ns : totals.totals.late_ns;
        process->step = totals.step;
    } else if (head->kind == WIRE_NOTE) {
        struct note note;
        memcpy(&note, bytes, sizeof note);
        note_add(results, &note);
    } else {
        for (size_t at = 0; at < head->length; at += sizeof(struct wire_bucket)) {
            struct wire_bucket bucket;
            memcpy(&bucket, (const char *)bytes + at, sizeof bucket);
            if (head->kind == WIRE_DELIVERY) {
                histogram_add_bucket(&conductor->second, bucket.bucket, bucket.times);
                histogram_add_bucket(&results->delivery, bucket.bucket, bucket.times);
            } else {
                histogram_add_bucket(&results->answer, bucket.bucket, bucket.times);
            }
        }
    }
}

static void note_add(struct results *results, const struct note *note)
{
    for (size_t i = 0; i < results->note_count; i++) {
        if (strcmp(results->notes[i].text, note->text) == 0) {
            results->notes[i].times += note->times;
            return;
        }
    }
    if (results->note_count < RESULT_NOTES_MAX)
        results->notes[results->note_count++] = *note;
}

static void phase_look(struct conductor *conductor)
{
    const struct options *options = conductor->world->options;
    struct results *results = conductor->results;
    int64_t now = now_ns(), since = now - conductor->phase_ns;
    int64_t ramp_ns = (options->sockets + options->idle) * 1000000000 / options->ramp + RAMP_MORE_NS;
    int64_t more_ns = options->drain_ms * 1000000 + STEP_MORE_NS;
    if (*conductor->interrupts > 1) {
        phase_begin(conductor, ENDED);
    } else if (*conductor->interrupts > 0 && conductor->phase < SETTLING) {
        phase_begin(conductor, SETTLING);
    } else if (conductor->phase == RAMPING && (all_are(conductor, STEP_READY) || since > ramp_ns)) {
        struct totals sum = {0};
        totals_add(conductor, &sum);
        results->ramp_s = (double)since / 1e9;
        results->sockets_missing = options->sockets + options->idle - (int64_t)sum.sockets_up;
        phase_begin(conductor, sum.sockets_up == 0 ? SETTLING : LOADING);
    } else if (conductor->phase == LOADING && since >= options->duration_ms * 1000000) {
        phase_begin(conductor, SETTLING);
    } else if (conductor->phase == SETTLING && (all_are(conductor, STEP_SETTLED) || since > more_ns)) {
        phase_begin(conductor, DRAINING);
    } else if (conductor->phase == DRAINING && (all_are(conductor, STEP_DONE) || since > more_ns)) {
        phase_begin(conductor, ENDED);
    }
    results->is_interrupted = *conductor->interrupts > 0;
}

static void phase_begin(struct conductor *conductor, enum phase phase)
{
    struct results *results = conductor->results;
    int64_t now = now_ns(), cpu_ns = 0;
    for (uint32_t i = 0; i < conductor->count; i++) {
        int64_t process_ns = process_cpu_ns(conductor->processes[i].pid);
        cpu_ns += process_ns > 0 ? process_ns : 0;
    }
    for (size_t i = 0; i < results->server_count; i++) {
        struct server_cost *server = &results->servers[i];
        int64_t server_ns = process_cpu_ns(server->pid), bytes = process_bytes(server->pid);
        if (server->is_gone)
            continue;
        if (server_ns < 0 || bytes < 0) {
            server->is_gone = true;
            result_remark(results,
                          "process %ld of --server-pid ended before the run did: what it cost is not known; "
                          "restarted workers have new numbers",
                          (long)server->pid);
        } else if (phase == LOADING) {
            server->open_bytes = bytes;
            conductor->server_start_ns[i] = server_ns;
        } else if (phase == ENDED && conductor->go_ns > 0) {
            server->cpu_ns = server_ns - conductor->server_start_ns[i];
            server->end_bytes = bytes;
        }
    }
    if (conductor->phase == LOADING)
        results->load_s = (double)(now - conductor->phase_ns) / 1e9;
    if (phase == LOADING) {
        conductor->go_ns = now;
        conductor->own_start_ns = cpu_ns;
    } else if (phase == ENDED && conductor->go_ns > 0) {
        /* What was said last may come long after: that is work, and time, like the rest. */
        struct totals sum;
        totals_add(conductor, &sum);
        int64_t end_ns = conductor->go_ns + (int64_t)(results->load_s * 1e9);
        results->busy_s = (double)((sum.heard_ns > end_ns ? sum.heard_ns : end_ns) - conductor->go_ns) / 1e9;
        results->own_cpu_ns = cpu_ns - conductor->own_start_ns;
    }
    conductor->phase = phase;
    conductor->phase_ns = now;
    if (phase == LOADING)
        tell(conductor, WORKER_GO);
    else if (phase == SETTLING)
        tell(conductor, WORKER_STOP);
    else if (phase == DRAINING)
        tell(conductor, WORKER_DRAIN);
}

static void tell(struct conductor *conductor, enum worker_command command)
{
    char letter = (char)command;
    for (uint32_t i = 0; i < conductor->count; i++)
        if (conductor->processes[i].commands >= 0 && write(conductor->processes[i].commands, &letter, 1) != 1)
            conductor->processes[i].step = STEP_DONE; /* it is gone; its end is noticed where reports are read */
}

static bool all_are(const struct conductor *conductor, enum step step)
{
    for (uint32_t i = 0; i < conductor->count; i++)
        if (conductor->processes[i].step < step)
            return false;
    return true;
}

static void totals_add(struct conductor *conductor, struct totals *sum)
{
    *sum = (struct totals){0};
    for (uint32_t i = 0; i < conductor->count; i++) {
        const struct totals *one = &conductor->processes[i].totals;
        sum->counts.deliveries += one->counts.deliveries;
        sum->counts.lost += one->counts.lost;
        sum->counts.duplicates += one->counts.duplicates;
        sum->counts.disorder += one->counts.disorder;
        sum->sent += one->sent;
        sum->answered += one->answered;
        sum->refused += one->refused;
        sum->resent += one->resent;
        sum->skipped += one->skipped;
        sum->unanswered += one->unanswered;
        sum->errors += one->errors;
        sum->opened += one->opened;
        sum->cuts += one->cuts;
        sum->recovered += one->recovered;
        sum->unrecovered += one->unrecovered;
        sum->bytes_in += one->bytes_in;
        sum->sockets_up += one->sockets_up;
        sum->sockets_wanted += one->sockets_wanted;
        sum->cpu_ns += one->cpu_ns;
        sum->heard_ns = one->heard_ns > sum->heard_ns ? one->heard_ns : sum->heard_ns;
        sum->late_ns = one->late_ns > sum->late_ns ? one->late_ns : sum->late_ns;
        sum->storm_ms = one->storm_ms > sum->storm_ms ? one->storm_ms : sum->storm_ms;
    }
}

/* The end of a second: what it was like. */
static void tick(struct conductor *conductor)
{
    struct results *results = conductor->results;
    int64_t now = now_ns();
    double length_s = (double)(now - conductor->tick_ns) / 1e9;
    struct totals sum;
    totals_add(conductor, &sum);
    const struct totals *before = &conductor->before;
    struct second second = {
        .at_s = (double)(now - conductor->start_ns) / 1e9,
        .length_s = length_s > 0.001 ? length_s : 0.001,
        .is_load = conductor->phase == LOADING,
        .deliveries = sum.counts.deliveries - before->counts.deliveries,
        .sent = sum.sent - before->sent,
        .answered = sum.answered - before->answered,
        .errors = sum.errors - before->errors,
        .sockets = sum.sockets_up,
        .p50_ns = histogram_quantile(&conductor->second, 0.5),
        .p90_ns = histogram_quantile(&conductor->second, 0.9),
        .p99_ns = histogram_quantile(&conductor->second, 0.99),
        .max_ns = histogram_quantile(&conductor->second, 1),
        .late_ns = sum.late_ns,
    };
    for (uint32_t i = 0; i < conductor->count; i++) {
        struct process *process = &conductor->processes[i];
        int64_t cpu_ns = process_cpu_ns(process->pid);
        double cpu = cpu_ns > process->cpu_ns ? (double)(cpu_ns - process->cpu_ns) / 1e9 / length_s : 0;
        second.own_cpu += cpu;
        second.busiest_cpu = cpu > second.busiest_cpu ? cpu : second.busiest_cpu;
        process->cpu_ns = cpu_ns > 0 ? cpu_ns : process->cpu_ns;
        process->totals.late_ns = 0;
    }
    int64_t server_ns = 0;
    for (size_t i = 0; i < conductor->results->server_count; i++) {
        int64_t cpu_ns = process_cpu_ns(conductor->results->servers[i].pid);
        server_ns += cpu_ns > 0 ? cpu_ns : 0;
    }
    second.server_cpu =
        server_ns > conductor->server_ns ? (double)(server_ns - conductor->server_ns) / 1e9 / length_s : 0;
    conductor->server_ns = server_ns;
    uint64_t busy, all;
    if (machine_ticks(&busy, &all) && all > conductor->all_ticks) {
        second.machine_busy = (double)(busy - conductor->busy_ticks) / (double)(all - conductor->all_ticks);
        conductor->busy_ticks = busy;
        conductor->all_ticks = all;
    }
    conductor->tick_ns = now;
    conductor->before = sum;
    histogram_clear(&conductor->second);

    struct second *seconds = realloc(results->seconds, (results->second_count + 1) * sizeof *seconds);
    if (seconds) {
        results->seconds = seconds;
        seconds[results->second_count++] = second;
    }
    if (!conductor->world->options->is_quiet)
        progress(conductor, &second);
}

static void progress(const struct conductor *conductor, const struct second *second)
{
    static const char *const names[] = {"opening", "load", "answers", "waiting", "end"};
    const struct totals *sum = &conductor->before;
    char p99[32], middle[32];
    fprintf(
        stderr,
        "%s%5.0f s %-8s %llu of %llu sockets  %llu said/s  %llu deliveries/s  p50 %s  p99 %s  lost %llu  errors %llu%s",
        conductor->is_terminal ? "\r\033[K" : "", second->at_s, names[conductor->phase],
        (unsigned long long)sum->sockets_up,
        (unsigned long long)(conductor->world->options->sockets + conductor->world->options->idle),
        (unsigned long long)second->sent, (unsigned long long)second->deliveries,
        duration_text((double)second->p50_ns, middle), duration_text((double)second->p99_ns, p99),
        (unsigned long long)sum->counts.lost, (unsigned long long)sum->errors, conductor->is_terminal ? "" : "\n");
    fflush(stderr);
}

/* Those that do not end by themselves are ended: they are our own. */
static void processes_end(struct conductor *conductor)
{
    tell(conductor, WORKER_QUIT);
    int64_t deadline_ns = now_ns() + QUIT_NS;
    for (uint32_t i = 0; i < conductor->count; i++) {
        struct process *process = &conductor->processes[i];
        close(process->commands);
        /* What it still says is read, or it could not end. */
        while (process->reports >= 0 && now_ns() < deadline_ns) {
            struct pollfd polled = {.fd = process->reports, .events = POLLIN};
            if (poll(&polled, 1, 100) > 0) {
                conductor->phase = ENDED;
                report_read(conductor, process);
            }
        }
        if (process->reports >= 0) {
            kill(process->pid, SIGKILL);
            close(process->reports);
        }
        int status = 0;
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            result_remark(conductor->results, "a process that loads ended badly");
            conductor->results->is_broken = true;
        }
        buffer_free(&process->bytes);
    }
}
