/* store/internal.h: what the parts of the store share. Private to store/. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "store/db.h"
#include "store/queue.h"
#include "store/store.h"

/* Counted by the threads, read by the loop. */
struct counters {
    atomic_ullong groups, writes, reads, faults, group_writes_last, sync_us_total, wal_bytes;
    atomic_bool is_writable;
};

struct store {
    char *path;        /* of the data base file */
    char *private_dir; /* the folder of a ":memory:" store, removed on close; else NULL */
    int lock_file;
    size_t group_max;
    uint64_t free_bytes_min;
    enum db_synchronous synchronous;
    struct queue *writes, *reads;
    struct writer *writer;
    struct readers *readers;
    struct counters counters;
    atomic_ullong acl_version;

    uv_mutex_t finished_lock;
    struct list finished; /* jobs on their way back to the loop, guarded by the lock */

    /* The rest is the loop's. */
    uv_loop_t *loop;
    uv_async_t *wake;    /* allocated by itself: libuv frees it a turn later than we are freed */
    struct list refused; /* jobs that were never queued; they end with the next turn */
    struct list arrived; /* loop: finished, in the order of their commits, not yet told */
    size_t jobs_out;     /* handed over and not done: the loop stays alive for them */
    bool is_closing, is_delivering;
};

/* Send finished jobs back to the loop, in their order. thread: writer and readers. Empties @jobs. */
void store_finish(struct store *store, struct list *jobs);

struct writer;
/* Start the thread. @db is the writer's from now on. NULL: no memory or no thread; @db is closed. */
struct writer *writer_start(struct store *store, struct db *db);
/* The queue must be stopped. Waits until it is empty, then closes the connection. NULL is allowed. */
void writer_join(struct writer *writer);

struct readers;
/* Start @count threads. NULL: one line in @why. */
struct readers *readers_start(struct store *store, unsigned count, char *why, size_t why_size);
void readers_join(struct readers *readers);
