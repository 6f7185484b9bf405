/* target.h: which server to measure and who to be there, as the command line says it; and how results are
 * said. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
    char host[64]; /* a numeric IPv4 address */
    uint16_t port;
};

/* Read "127.0.0.1:8080". */
bool target_read(struct target *target, const char *text);

struct cookies {
    char **lines;
    size_t count;
};
/* A file with the value of one Cookie header on each line: sid=…; @path NULL: none. */
bool cookies_read(struct cookies *cookies, const char *path);
void cookies_free(struct cookies *cookies);

/* Start the bench-bare that lies beside this program. It ends with us. False: it did not start. */
bool bare_spawn(int64_t cpu, int64_t seconds, pid_t *pid, uint16_t *port);
void bare_stop(pid_t pid);

/* Read "7" or "7-16": the first and the last id. */
bool rooms_read(const char *text, int64_t *first, int64_t *last);

/* One number on one line of the standard output: for people, and for the runner. */
void report(const char *prefix, const char *name, double value, const char *unit);
/* The middle one of @values, which are sorted by it; 0 if there are none. */
double median(double *values, size_t count);
