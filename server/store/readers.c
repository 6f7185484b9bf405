/* store/readers.c: the threads that read. Each job sees one snapshot, and not for longer than its time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "store/internal.h"

/* A read that goes on holds its snapshot, and the log cannot be emptied past it. */
#define READ_MS_MAX 2000

struct reader {
    struct store *store;
    struct db *db;
    uv_thread_t thread;
    bool has_thread;
};

struct readers {
    unsigned count;
    struct reader each[];
};

static bool reader_start(struct reader *reader, char *why, size_t why_size);
static void reader_main(void *argument);
static void reader_run(struct reader *reader, struct store_job *job);

struct readers *readers_start(struct store *store, unsigned count, char *why, size_t why_size)
{
    struct readers *readers = calloc(1, sizeof *readers + count * sizeof readers->each[0]);
    if (!readers) {
        snprintf(why, why_size, "no memory for %u reader threads", count);
        return NULL;
    }
    readers->count = count;
    for (unsigned i = 0; i < count; i++) {
        readers->each[i].store = store;
        if (!reader_start(&readers->each[i], why, why_size)) {
            queue_stop(store->reads);
            readers_join(readers);
            return NULL;
        }
    }
    return readers;
}

static bool reader_start(struct reader *reader, char *why, size_t why_size)
{
    struct store *store = reader->store;
    reader->db = db_open(store->path, DB_READER, store->synchronous, why, why_size);
    if (!reader->db)
        return false;
    reader->db->acl_version = &store->acl_version;
    reader->has_thread = uv_thread_create(&reader->thread, reader_main, reader) == 0;
    if (!reader->has_thread)
        snprintf(why, why_size, "cannot start a reader thread");
    return reader->has_thread;
}

static void reader_main(void *argument)
{
    struct reader *reader = argument;
    struct list jobs;
    list_init(&jobs);
    pthread_setname_np(pthread_self(), "store-reader");
    while (queue_take(reader->store->reads, &jobs, 1, -1)) {
        reader_run(reader, container_of(jobs.next, struct store_job, link));
        store_finish(reader->store, &jobs);
    }
}

static void reader_run(struct reader *reader, struct store_job *job)
{
    struct db *db = reader->db;
    db->deadline_ms = clock_monotonic_ms() + READ_MS_MAX;
    int result = db_begin(db);
    if (result != SQLITE_OK) {
        job->status = db_failed(db, result, "BEGIN");
        atomic_fetch_add(&reader->store->counters.faults, 1);
    } else {
        db->is_in_transaction = true;
        job->status = job->work(job, db);
        db->is_in_transaction = false;
    }
    db->deadline_ms = 0;
    db_rollback(db); /* nothing was written: this only lets the snapshot go */
    atomic_fetch_add(&reader->store->counters.reads, 1);
}

void readers_join(struct readers *readers)
{
    if (!readers)
        return;
    for (unsigned i = 0; i < readers->count; i++) {
        if (readers->each[i].has_thread)
            uv_thread_join(&readers->each[i].thread);
        db_close(readers->each[i].db);
    }
    free(readers);
}
