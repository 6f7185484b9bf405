/* worker.h: one process of `serve --workers=N`, or one that checks the settings for it: started, told to stop, ended.
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct worker {
    pid_t pid; /* 0: there is none */
    int ready; /* it writes its stop_ms when it serves; -1: it did, or never will */
    bool is_ready, is_stopping;
    int64_t ready_ms;
    int64_t stop_ms;     /* its setting, known once it is ready: after a reload not all have the same */
    int64_t kill_ms;     /* it has until then; 0: for ever */
    unsigned generation; /* of the rolling restart that started it */
};

/* What workers are made of. A path, not a descriptor: what is installed there later is what a restart takes. */
struct worker_program {
    char path[PATH_MAX];
    char **words; /* of the command line, the caller's */
    int count;
    char address[128]; /* where they listen together */
};

/* Find the program. False: why is in errno. */
bool worker_program_find(struct worker_program *program);
/**
 * Start a worker that serves. It ends when this process does, however that happens, and ignores what a terminal sends.
 * units   @is_edge: as the words say, or an edge in any case
 * errors  false and errno; a program that cannot be run is a worker that ends with WORKER_NOT_RUN
 */
#define WORKER_NOT_RUN 127
bool worker_start(struct worker *worker, const struct worker_program *program, bool is_edge);
/* Start one that looks at the settings and the models and ends: code 0 if they are fine. */
bool worker_start_check(struct worker *worker, const struct worker_program *program);
/* Ask it to stop; @grace_ms later it is ended. Asked again, it stops at once. */
void worker_stop(struct worker *worker, int64_t grace_ms);
/* Its time is over. */
void worker_kill(struct worker *worker);
/* It wrote to its descriptor, or closed it: true if it is ready. */
bool worker_heard(struct worker *worker);
/* True: it has ended, as *status says for waitpid(), and is none any more. */
bool worker_has_ended(struct worker *worker, int *status);
