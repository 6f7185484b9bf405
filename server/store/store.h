/* store/store.h: the data base, behind threads. One writer thread owns the only connection that
 * writes and checkpoints; it commits everything that waits as one transaction, a savepoint each. A few
 * reader threads own read-only connections. Nothing above this folder knows that it is SQLite. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/status.h"
#include "lib/list.h"
#include "lib/scope.h"
#include "lib/value.h"

struct store;
struct db; /* one connection; given to work functions, valid only during the call */

/* What is done on the writer's connection before the threads start, behind the migrations compiled in. */
struct store_prepare {
    void *context;
    /* Not OK: the store stays closed, and @why says why. May be NULL. */
    enum status (*work)(void *context, struct db *db, char *why, size_t why_size);
    /* Told of each migration compiled in that was applied. NULL: the log is told. */
    void (*migrated)(void *context, int number, const char *name, const char *sql);
};

struct store_options {
    const char *path;        /* ":memory:" makes a private store for tests (shared by its threads) */
    unsigned readers;        /* reader threads, 1.. */
    size_t queue_jobs_max;   /* waiting writes; above it store_write() says BUSY */
    size_t group_max;        /* writes in one transaction */
    uint64_t free_bytes_min; /* refuse writes early when the disk has less free space than this; 0: never */
    int synchronous;         /* 2 FULL (the default of the settings), 1 NORMAL */
    int64_t lock_wait_ms;    /* for another process that has the data base to end */
    struct store_prepare prepare;
};

/* A job is embedded in a request; one thread holds it at a time. */
struct store_job {
    struct list link;
    /* Store thread. For writes it runs inside the group's transaction, in a savepoint of its own. It
     * returns how it ended: anything but success rolls its savepoint back. May run a second time if the
     * group had to be repeated after a fault, so it must overwrite, not add to, its results. */
    enum status (*work)(struct store_job *job, struct db *db);
    /* Loop thread, always, once, later, in the order of the commits. job->status tells. */
    void (*done)(struct store_job *job);
    enum status status; /* work's answer; BUSY: never ran; NO_SPACE / UNAVAILABLE / FAULT: not committed */
    int64_t queued_us;
};

struct store_stats {
    uint64_t groups, writes, reads, faults, group_writes_last;
    uint64_t sync_us_total; /* time spent in COMMIT */
    size_t queue_jobs;
    bool is_writable; /* the last commit worked */
    uint64_t wal_bytes;
};

/**
 * Open (create) the data base, apply the migrations compiled in, start the threads.
 * thread  loop (@loop's own); call before the loop runs
 * errors  writes one line that says what to do into @why (size @why_size): locked by another process,
 *         not writable, damaged, newer than this program
 */
enum status store_open(const struct store_options *options, uv_loop_t *loop, struct store **out, char *why,
                       size_t why_size);
/**
 * Stop taking jobs, finish what is queued, join the threads, checkpoint, close.
 * thread  loop; runs the remaining done callbacks before it returns. NULL is allowed.
 */
void store_close(struct store *store);
DEFINE_SCOPED(struct store *, store_close)

/* Hand a job over. thread loop; done always comes, later (BUSY too). */
void store_write(struct store *store, struct store_job *job);
void store_read(struct store *store, struct store_job *job);
void store_stats(const struct store *store, struct store_stats *stats);
/* Copy the data base online to @path (must not exist). Blocking: for work functions of a read. */
enum status store_backup(struct db *db, const char *path, char *why, size_t why_size);

/**
 * Do on a copy what store_open() would do with @path before its threads start, and throw the copy away. The data base
 * itself is only read; it may be in use.
 * thread  any, blocking
 */
enum status store_rehearse(const char *path, const struct store_prepare *prepare, char *why, size_t why_size);
/**
 * Put a copy of the backup @from in the place of the data base @path, which nobody may use. It is checked first, and
 * @prepare works on it in one transaction. What was there is kept as <path>.before-restore, an older file of that name
 * only replaced if @replaces_kept. Cut off anywhere, @path is the old data base or the new one.
 * thread  any, blocking
 * errors  CONFLICT (in use, or a file in the way), PRECONDITION (not ours, damaged, newer), UNAVAILABLE, NO_SPACE
 */
enum status store_restore(const char *path, const char *from, bool replaces_kept, const struct store_prepare *prepare,
                          char *why, size_t why_size);

/* ---- Changing tables: only for store_prepare, which base/model_follow.c fills in. ---- */

/* Run several statements: derived ones and files of migrations. The only SQL here that is neither a literal nor made
 * by base/sql.h. On an error @why has SQLite's words. */
enum status db_script(struct db *db, const char *sql, char *why, size_t why_size);
/* Run @work as one transaction named @name, which may rebuild tables that others refer to: references are checked
 * before the commit instead. */
enum status db_change(struct db *db, const char *name,
                      enum status (*work)(void *context, struct db *db, char *why, size_t why_size), void *context,
                      char *why, size_t why_size);
/* Copy the data base to <its path>.before-<name>, over an older copy of that name. */
enum status db_keep(struct db *db, const char *name, char *why, size_t why_size);

/* ---- Statements: for work functions. SQL is always a literal; values are bound, never pasted.
 *
 * @types has a letter per bound value: i int64_t · t const char * (NULL binds null) ·
 * b const void *, size_t (blob) · s const char *, size_t (text of a length) · d double · n nothing (null).
 * Statements are prepared once per connection and SQL text, and reused. */
struct rows;

/* Run a statement that returns no rows. CONFLICT: a UNIQUE, CHECK or foreign key constraint said no. */
enum status db_run(struct db *db, const char *sql, const char *types, ...);
/* Begin a query; always ended by rows_end(), also on NULL (then it logged a fault). */
struct rows *db_query(struct db *db, const char *sql, const char *types, ...);
/* The same for SQL that was put together (base/sql.h), with its values in an array; they and their texts must live
 * until rows_end(). */
struct rows *db_query_values(struct db *db, const char *sql, const struct value *values, size_t count);
/* Step to the next row: false at the end or on a fault (rows_end tells which). */
bool rows_next(struct rows *rows);
int64_t rows_int(struct rows *rows, int column);
double rows_double(struct rows *rows, int column);
/* Valid until the next step; NULL if the value is null. @length may be NULL. */
const char *rows_text(struct rows *rows, int column, size_t *length);
bool rows_is_null(struct rows *rows, int column);
/* OK, or the fault that ended the query early. */
enum status rows_end(struct rows *rows);
static inline void rows_end_scoped(struct rows **rows)
{
    if (*rows)
        rows_end(*rows);
}
/* One integer: OK, or NOT_FOUND if there was no row, or a fault. */
enum status db_get_int(struct db *db, int64_t *value, const char *sql, const char *types, ...);
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);
/* A number that jobs of the writer may read and raise: it goes up when permissions change, so that a job
 * checked before the change notices. thread: writer (raise), any (read) */
uint64_t store_acl_version(struct store *store);
uint64_t db_acl_version(struct db *db);
void db_acl_changed(struct db *db);
