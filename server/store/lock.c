/* store/lock.c: one process per data base. */
#include "store/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_TEXT_SIZE 16

static void explain_holder(const char *path, int lock_file, char *why, size_t why_size);
static bool write_pid(int lock_file);

enum status lock_take(const char *path, int *lock_file, char *why, size_t why_size)
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
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && write_pid(file)) {
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
