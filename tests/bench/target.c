/* target.c: the server to measure, and results. */
#include "target.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const void *left, const void *right);
static void bare_exec(int out, int64_t cpu, int64_t seconds);

bool target_read(struct target *target, const char *text)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    char *end = NULL;
    struct in_addr address;
    if (!colon || (size_t)(colon - text) >= sizeof target->host)
        return false;
    memcpy(target->host, text, (size_t)(colon - text));
    target->host[colon - text] = '\0';
    long port = strtol(colon + 1, &end, 10);
    target->port = (uint16_t)port;
    return *end == '\0' && port > 0 && port < 65536 && inet_pton(AF_INET, target->host, &address) == 1;
}

bool cookies_read(struct cookies *cookies, const char *path)
{
    *cookies = (struct cookies){0};
    if (!path)
        return true;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, file)) >= 0;) {
        line[strcspn(line, "\r\n")] = '\0';
        char **lines = realloc(cookies->lines, (cookies->count + 1) * sizeof *lines);
        if (!lines)
            break;
        cookies->lines = lines;
        lines[cookies->count] = line[0] ? strdup(line) : NULL;
        if (lines[cookies->count])
            cookies->count++;
    }
    free(line);
    fclose(file);
    return true;
}

void cookies_free(struct cookies *cookies)
{
    for (size_t i = 0; i < cookies->count; i++)
        free(cookies->lines[i]);
    free(cookies->lines);
    *cookies = (struct cookies){0};
}

bool bare_spawn(int64_t cpu, int64_t seconds, pid_t *pid, uint16_t *port)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    *pid = fork();
    if (*pid == 0) {
        close(ends[0]);
        bare_exec(ends[1], cpu, seconds);
    }
    close(ends[1]);
    char line[128] = "";
    FILE *file = *pid > 0 ? fdopen(ends[0], "r") : NULL;
    bool is_up = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    else
        close(ends[0]);
    const char *colon = strrchr(line, ':');
    *port = colon ? (uint16_t)strtol(colon + 1, NULL, 10) : 0;
    if (!is_up && *pid > 0)
        bare_stop(*pid);
    return is_up && *port > 0;
}

void bare_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

bool rooms_read(const char *text, int64_t *first, int64_t *last)
{
    long long from = 0, to = 0;
    int end = 0;
    if (sscanf(text, "%lld%n-%lld%n", &from, &end, &to, &end) < 2)
        to = from;
    *first = from;
    *last = to;
    return from > 0 && to >= from && text[end] == '\0';
}

void report(const char *prefix, const char *name, double value, const char *unit)
{
    char whole[96];
    snprintf(whole, sizeof whole, "%s.%s", prefix, name);
    printf("%-44s %14.3f  %s\n", whole, value, unit);
    fflush(stdout);
}

double median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* In the child: become the bare server, or leave. */
static void bare_exec(int out, int64_t cpu, int64_t seconds)
{
    char path[512], cpu_flag[32], seconds_flag[32];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "bench-bare");
    if (length <= 0)
        _exit(1);
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    memcpy(slash + 1, "bench-bare", sizeof "bench-bare");
    snprintf(cpu_flag, sizeof cpu_flag, "--cpu=%lld", (long long)cpu);
    snprintf(seconds_flag, sizeof seconds_flag, "--seconds=%lld", (long long)seconds);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(out, STDOUT_FILENO);
    close(out);
    execl(path, path, cpu_flag, seconds_flag, (char *)NULL);
    _exit(1);
}
