/* store/lock.c: one process per data base. */
#include "store/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/log.h"

#define PID_TEXT_SIZE 16
#define AGAIN_MS      20

static bool lock_wait(int lock_file, const char *path, int64_t wait_ms);
static void explain_holder(const char *path, int lock_file, char *why, size_t why_size);
static bool write_pid(int lock_file);

enum status lock_take(const char *path, int64_t wait_ms, int *lock_file, char *why, size_t why_size)
{
    char lock_path[4096];
    if (snprintf(lock_path, sizeof lock_path, "%s.lock", path) >= (int)sizeof lock_path) {
        snprintf(why, why_size, "the path of the data base is too long");
        return STATUS_UNAVAILABLE;
    }
    int file = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        snprintf(why, why_size, "cannot create %s: %s; its folder must exist and be writable", lock_path,
                 strerror(errno));
        return STATUS_UNAVAILABLE;
    }
    if (lock_wait(file, path, wait_ms) && write_pid(file)) {
        *lock_file = file;
        return STATUS_OK;
    }
    bool is_held = errno == EWOULDBLOCK;
    if (is_held)
        explain_holder(path, file, why, why_size);
    else
        snprintf(why, why_size, "cannot lock %s: %s", lock_path, strerror(errno));
    close(file);
    return is_held ? STATUS_CONFLICT : STATUS_UNAVAILABLE;
}

/* False: errno says why. Asked again and again, as a wait for a lock has no time limit of its own. */
static bool lock_wait(int lock_file, const char *path, int64_t wait_ms)
{
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    for (bool is_first = true; flock(lock_file, LOCK_EX | LOCK_NB) != 0; is_first = false) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms() >= until_ms)
            return false;
        if (is_first) {
            char who[512];
            explain_holder(path, lock_file, who, sizeof who);
            log_info("store.waiting", "%s; waiting %lld ms for it to end", who, (long long)wait_ms);
        }
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    }
    return true;
}

static bool write_pid(int lock_file)
{
    char text[PID_TEXT_SIZE];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock_file, 0) != 0)
        return false;
    /* On a full disk the lock is held all the same: only its holder's number is missing. */
    return pwrite(lock_file, text, (size_t)length, 0) == length || errno == ENOSPC || errno == EDQUOT;
}

static void explain_holder(const char *path, int lock_file, char *why, size_t why_size)
{
    char pid[PID_TEXT_SIZE];
    ssize_t length = pread(lock_file, pid, sizeof pid - 1, 0);
    pid[length > 0 ? length : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    snprintf(why, why_size, "%s is in use by another parley (pid %s): stop it, or use another data.path", path,
             pid[0] ? pid : "unknown");
}
