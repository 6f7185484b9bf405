/* worker.c: processes of this program: forked, executed, told of, reaped. */
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/scope.h"

#define WORDS_MORE 6 /* the program, the command, --edge, the address, the descriptor, NULL */

static bool process_start(struct worker *worker, const struct worker_program *program, char **words, int keep);
static _Noreturn void process_become(const struct worker_program *program, char **words, int keep, pid_t parent);
static char **words_new(const struct worker_program *program, const char *command);
static void words_free(char **words);
DEFINE_SCOPED(char **, words_free)

bool worker_program_find(struct worker_program *program)
{
    ssize_t length = readlink("/proc/self/exe", program->path, sizeof program->path - 1);
    if (length < 0)
        return false;
    program->path[length] = '\0';
    return true;
}

bool worker_start(struct worker *worker, const struct worker_program *program, bool is_edge)
{
    char address[sizeof program->address + 20], ready[32];
    int ends[2];
    SCOPED(words_free) char **words = words_new(program, "serve");
    if (!words || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    size_t count = (size_t)program->count + 2;
    /* Last, as they win over what stands before them. */
    snprintf(address, sizeof address, "--http.address=%s", program->address);
    snprintf(ready, sizeof ready, "--worker=%d", ends[1]);
    if (is_edge) /* it may stand there twice */
        words[count++] = "--edge";
    words[count++] = address;
    words[count++] = ready;
    bool is_started = process_start(worker, program, words, ends[1]);
    close(ends[1]);
    if (is_started)
        worker->ready = ends[0];
    else
        close(ends[0]);
    return is_started;
}

bool worker_start_check(struct worker *worker, const struct worker_program *program)
{
    SCOPED(words_free) char **words = words_new(program, "check");
    return words && process_start(worker, program, words, -1);
}

static char **words_new(const struct worker_program *program, const char *command)
{
    char **words = calloc((size_t)program->count + WORDS_MORE, sizeof *words);
    if (!words)
        return NULL;
    words[0] = (char *)(uintptr_t)program->path;
    words[1] = (char *)(uintptr_t)command; /* execv() changes none of them */
    memcpy(words + 2, program->words, (size_t)program->count * sizeof *words);
    return words;
}

static void words_free(char **words)
{
    free(words);
}

static bool process_start(struct worker *worker, const struct worker_program *program, char **words, int keep)
{
    pid_t self = getpid(), pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0)
        process_become(program, words, keep, self);
    *worker = (struct worker){.pid = pid, .ready = -1};
    return true;
}

static _Noreturn void process_become(const struct worker_program *program, char **words, int keep, pid_t parent)
{
    sigset_t none;
    /* Also if the parent is killed: a worker alone would keep the port and the data base. It may have gone before this
     * was asked for. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(WORKER_NOT_RUN);
    /* A terminal sends these to all of its processes; the parent then stops them in order. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (keep >= 0)
        fcntl(keep, F_SETFD, 0);
    execv(program->path, words);
    /* In the middle of an installation: as it was. */
    execv("/proc/self/exe", words);
    _exit(WORKER_NOT_RUN);
}

void worker_stop(struct worker *worker, int64_t grace_ms)
{
    if (!worker->pid)
        return;
    if (!worker->is_stopping)
        worker->kill_ms = clock_monotonic_ms() + grace_ms;
    worker->is_stopping = true;
    kill(worker->pid, SIGTERM);
}

void worker_kill(struct worker *worker)
{
    worker->kill_ms = 0;
    kill(worker->pid, SIGKILL);
}

bool worker_heard(struct worker *worker)
{
    int64_t stop_ms;
    ssize_t got = read(worker->ready, &stop_ms, sizeof stop_ms);
    if (got < 0)
        return false;
    close(worker->ready);
    worker->ready = -1;
    if (got != (ssize_t)sizeof stop_ms)
        return false;
    worker->stop_ms = stop_ms;
    worker->is_ready = true;
    worker->ready_ms = clock_monotonic_ms();
    return true;
}

bool worker_has_ended(struct worker *worker, int *status)
{
    if (!worker->pid || waitpid(worker->pid, status, WNOHANG) != worker->pid)
        return false;
    if (worker->ready >= 0)
        close(worker->ready);
    *worker = (struct worker){.ready = -1};
    return true;
}
