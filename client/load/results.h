/* results.h: what a run found, and the ways to say it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "wire.h"

#define RESULT_NOTES_MAX 64
#define REMARKS_MAX      16

struct second {
    double at_s;     /* since the first socket was opened */
    double length_s; /* the last one is seldom a whole one */
    bool is_load;    /* messages were said */
    uint64_t deliveries, sent, answered, errors, sockets;
    int64_t p50_ns, p90_ns, p99_ns, max_ns;
    double own_cpu, busiest_cpu, server_cpu; /* CPUs: 1 is one of them all the time */
    double machine_busy;                     /* 0 to 1 */
    int64_t late_ns;
};
struct server_cost {
    pid_t pid;
    int64_t cpu_ns;                 /* from the first message to the end */
    int64_t idle_bytes, open_bytes; /* before the first socket, and with all of them, in silence */
    int64_t end_bytes;
    bool is_gone; /* before the end: nothing else here is known */
};
struct results {
    struct totals totals;
    struct histogram delivery, answer;
    struct second *seconds;
    size_t second_count;
    double ramp_s, load_s, busy_s;        /* busy: until the last delivery, and at least as long as the load */
    int64_t own_cpu_ns;                   /* from the first message to the end */
    struct server_cost servers[PIDS_MAX]; /* those of --server-pid that were found */
    size_t server_count;
    struct note notes[RESULT_NOTES_MAX];
    size_t note_count;
    /* What the numbers do not tell: the limits that were met, and what to do. */
    char remarks[REMARKS_MAX][300];
    size_t remark_count;
    uint32_t processes;
    int64_t sockets_missing; /* not open when all attempts were made; 0 if it was interrupted before */
    bool is_interrupted;
    bool is_broken; /* the run could not go on */
    char run[9];
};

void result_remark(struct results *results, const char *format, ...) __attribute__((format(printf, 2, 3)));
double result_server_bytes(const struct options *options,
                           const struct results *results); /* for each socket; -1: unknown */

void result_print(const struct options *options, const struct results *results);
/* Write the files that the options name. False: one could not be written, and stderr says which. */
bool result_write(const struct options *options, const struct results *results);
/* In result_html.c. */
void result_html(const struct options *options, const struct results *results, struct buffer *out);

/* A duration as people read it: 1.23 ms. */
char *duration_text(double ns, char text[32]);
