/* options.h: what a run is to do: flags, and files with the same names. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LIMITS_MAX 32
#define PIDS_MAX   16

/* --max p99=50ms: one number of the results and what it may be at most. */
struct limit {
    char name[32];
    double most; /* ns for a duration, else a count */
};

struct options {
    const char *url;
    const char *user_prefix, *password, *token;
    const char *json, *csv, *html;
    int64_t sockets, idle, ramp, rooms, members, publishers, payload, users, processes;
    int64_t duration_ms, think_ms, storm_ms, drain_ms; /* think and storm: -1, not wanted */
    double rate, churn;
    bool registers, remote_is_mine, keeps_rooms, is_quiet;
    struct limit limits[LIMITS_MAX];
    size_t limit_count;
    pid_t server_pids[PIDS_MAX];
    size_t server_pid_count;
};

enum options_end { OPTIONS_GO, OPTIONS_HELP, OPTIONS_WRONG };
/* Read the flags and the scenario file. WRONG: the reason was said on stderr. What it allocates lives as long as
 * the program. */
enum options_end options_read(struct options *options, int argc, char **argv);
