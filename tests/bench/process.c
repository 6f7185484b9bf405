/* process.c: CPU time and memory from /proc. */
#include "process.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t thread_cpu_ns(pid_t pid, long thread);
static bool thread_is_named(pid_t pid, long thread, const char *name);
static bool file_read(const char *path, char *text, size_t size);

/* schedstat counts nanoseconds and is exact at each switch; utime and stime are too coarse for a slice. */
bool process_cpu_read(pid_t pid, struct process_cpu *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    *out = (struct process_cpu){0};
    bool has_loop = false;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        long thread = strtol(entry->d_name, NULL, 10);
        int64_t used = thread_cpu_ns(pid, thread);
        out->all_ns += used;
        if (thread_is_named(pid, thread, "loop")) {
            out->loop_ns = used;
            has_loop = true;
        } else if (thread == (long)pid && !has_loop) {
            out->loop_ns = used;
        }
    }
    closedir(folder);
    return true;
}

int64_t process_resident_bytes(pid_t pid)
{
    char path[64], text[256];
    long long total = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!file_read(path, text, sizeof text) || sscanf(text, "%lld %lld", &total, &resident) != 2)
        return -1;
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

int64_t process_files_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return (int64_t)limit.rlim_cur;
}

bool process_pin(pid_t pid, int64_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(pid, sizeof set, &set) == 0;
}

static int64_t thread_cpu_ns(pid_t pid, long thread)
{
    char path[80], text[128];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/schedstat", (int)pid, thread);
    return file_read(path, text, sizeof text) ? strtoll(text, NULL, 10) : 0;
}

static bool thread_is_named(pid_t pid, long thread, const char *name)
{
    char path[80], text[64];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/comm", (int)pid, thread);
    if (!file_read(path, text, sizeof text))
        return false;
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, name) == 0;
}

static bool file_read(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 0;
}
