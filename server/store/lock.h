/* store/lock.h: one process per data base. Private to store/. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

/**
 * Lock @path for this process: hold `<path>.lock`, a file of its own, because closing any descriptor of the
 * data base file would drop SQLite's locks on it. The kernel frees the lock when the process ends, however
 * it ends, so the lock file stays and means nothing by itself. One that is stopping is given @wait_ms to end.
 * owns    *lock_file is a descriptor to close() when the data base is closed
 * errors  CONFLICT: another process has it; UNAVAILABLE; and one line in @why
 */
enum status lock_take(const char *path, int64_t wait_ms, int *lock_file, char *why, size_t why_size);
