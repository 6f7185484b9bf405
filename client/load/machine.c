/* machine.c: /proc, read. */
#include "machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool file_read(const char *path, char *text, size_t size);

int64_t machine_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    rlim_t files = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : soft;
    return files > 10000000 ? 10000000 : (int64_t)files;
}

int64_t machine_ports(void)
{
    char text[64];
    int64_t first, last;
    if (file_read("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text) &&
        sscanf(text, "%" SCNd64 " %" SCNd64, &first, &last) == 2)
        return last - first + 1;
    return 28232;
}

int64_t process_cpu_ns(pid_t pid)
{
    char path[64], text[1024];
    uint64_t user, system;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    /* The name, which may hold anything, ends at the last bracket. */
    const char *rest = file_read(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!rest ||
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user, &system) != 2)
        return -1;
    return (int64_t)((user + system) * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK)));
}

int64_t process_bytes(pid_t pid)
{
    char path[64], text[128];
    int64_t pages;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    if (!file_read(path, text, sizeof text) || sscanf(text, "%*d %" SCNd64, &pages) != 1 || pages == 0)
        return -1; /* it holds nothing any more when it has ended and nobody was told yet */
    return pages * sysconf(_SC_PAGESIZE);
}

bool machine_ticks(uint64_t *busy, uint64_t *all)
{
    char text[512];
    uint64_t user, nice, system, idle, wait, hard, soft;
    if (!file_read("/proc/stat", text, sizeof text) ||
        sscanf(text, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &user,
               &nice, &system, &idle, &wait, &hard, &soft) != 7)
        return false;
    *busy = user + nice + system + hard + soft;
    *all = *busy + idle + wait;
    return true;
}

static bool file_read(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    return length > 0;
}
