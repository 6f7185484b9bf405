/* store/store.c: opening and closing the data base, and the way of a job from the loop to a thread and back.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/clock.h"
#include "store/internal.h"
#include "store/lock.h"
#include "store/migrate.h"

static enum status store_begin(struct store *store, const struct store_options *options, char *why, size_t why_size);
static bool find_path(struct store *store, const char *path, char *why, size_t why_size);
static bool make_private_dir(struct store *store, char *why, size_t why_size);
static bool make_file(const char *path, char *why, size_t why_size);
static bool make_queues(struct store *store, size_t jobs_max);
static bool start_threads(struct store *store, struct db *db, unsigned readers, char *why, size_t why_size);
static void store_free(struct store *store);
DEFINE_SCOPED(struct store *, store_free)
static void remove_private_dir(const struct store *store);
static void free_wake(uv_handle_t *wake);
static void hand_over(struct store *store, struct queue *queue, struct store_job *job);
static void refuse(struct store *store, struct store_job *job, enum status status);
/* Answers handed out in one turn of the loop: a large group must not keep sockets waiting. */
#define DELIVERIES_PER_TURN 64

static void wake_up(uv_async_t *wake);
static void deliver(struct store *store);

enum status store_open(const struct store_options *options, uv_loop_t *loop, struct store **out, char *why,
                       size_t why_size)
{
    db_library_start();
    SCOPED(store_free) struct store *store = calloc(1, sizeof *store);
    if (!store || uv_mutex_init(&store->finished_lock) != 0) {
        free(TAKE(store));
        snprintf(why, why_size, "no memory for the store");
        return STATUS_UNAVAILABLE;
    }
    list_init(&store->finished);
    list_init(&store->refused);
    list_init(&store->arrived);
    store->loop = loop;
    store->lock_file = -1;
    store->group_max = options->group_max ? options->group_max : 1;
    store->free_bytes_min = options->free_bytes_min;
    enum status status = store_begin(store, options, why, why_size);
    if (status == STATUS_OK)
        *out = TAKE(store);
    return status;
}

static enum status store_begin(struct store *store, const struct store_options *options, char *why, size_t why_size)
{
    bool is_private = strcmp(options->path, ":memory:") == 0;
    store->synchronous = options->synchronous == 1 ? DB_SYNCHRONOUS_NORMAL : DB_SYNCHRONOUS_FULL;
    if (is_private) {
        store->synchronous = DB_SYNCHRONOUS_OFF;
        if (!make_private_dir(store, why, why_size))
            return STATUS_UNAVAILABLE;
    } else {
        if (!find_path(store, options->path, why, why_size))
            return STATUS_UNAVAILABLE;
        enum status status = lock_take(store->path, options->lock_wait_ms, &store->lock_file, why, why_size);
        if (status != STATUS_OK)
            return status;
    }
    if (!make_file(store->path, why, why_size))
        return STATUS_UNAVAILABLE;
    SCOPED(db_close) struct db *db = db_open(store->path, DB_WRITER, store->synchronous, why, why_size);
    if (!db)
        return STATUS_UNAVAILABLE;
    const struct store_prepare *prepare = &options->prepare;
    enum status status = migrate(db, store->path, migrations, migrations_count, prepare, why, why_size);
    if (status == STATUS_OK && prepare->work)
        status = prepare->work(prepare->context, db, why, why_size);
    if (status != STATUS_OK)
        return status;
    if (!make_queues(store, options->queue_jobs_max)) {
        snprintf(why, why_size, "no memory for the store's queues");
        return STATUS_UNAVAILABLE;
    }
    return start_threads(store, TAKE(db), options->readers, why, why_size) ? STATUS_OK : STATUS_UNAVAILABLE;
}

/* Two links to one file must lead to one lock. */
static bool find_path(struct store *store, const char *path, char *why, size_t why_size)
{
    store->path = realpath(path, NULL);
    if (!store->path && errno == ENOENT)
        store->path = strdup(path);
    if (!store->path)
        snprintf(why, why_size, "cannot open %s: %s", path, strerror(errno));
    return store->path;
}

/* SQLite's own memory files lock whole files without waiting, so readers would disturb the writer. A file
 * that nobody else knows behaves as the real one does. */
static bool make_private_dir(struct store *store, char *why, size_t why_size)
{
    const char *parent = getenv("TMPDIR");
    if (asprintf(&store->private_dir, "%s/parley-XXXXXX", parent ? parent : "/tmp") < 0)
        store->private_dir = NULL;
    if (!store->private_dir || !mkdtemp(store->private_dir)) {
        snprintf(why, why_size, "cannot make a private folder: %s", strerror(errno));
        free(TAKE(store->private_dir));
        return false;
    }
    if (asprintf(&store->path, "%s/data", store->private_dir) < 0) {
        store->path = NULL;
        snprintf(why, why_size, "no memory for the store");
    }
    return store->path;
}

/* Made before SQLite opens it, so that it is nobody else's to read; its log takes over the mode. */
static bool make_file(const char *path, char *why, size_t why_size)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
        return true;
    }
    if (errno == EEXIST)
        return true;
    snprintf(why, why_size, "cannot create %s: %s", path, strerror(errno));
    return false;
}

static bool make_queues(struct store *store, size_t jobs_max)
{
    store->writes = queue_new(jobs_max);
    store->reads = queue_new(jobs_max);
    return store->writes && store->reads;
}

static bool start_threads(struct store *store, struct db *db, unsigned readers, char *why, size_t why_size)
{
    store->wake = malloc(sizeof *store->wake);
    if (!store->wake || uv_async_init(store->loop, store->wake, wake_up) != 0) {
        free(TAKE(store->wake));
        db_close(db);
        snprintf(why, why_size, "cannot watch for the store's threads");
        return false;
    }
    store->wake->data = store;
    uv_unref((uv_handle_t *)store->wake); /* only jobs keep the loop alive, see jobs_out */
    store->writer = writer_start(store, db);
    if (!store->writer) {
        snprintf(why, why_size, "cannot start the writer thread");
        return false;
    }
    store->readers = readers_start(store, readers ? readers : 1, why, why_size);
    return store->readers;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    assert(!store->is_delivering); /* not from within done(): the jobs behind it would be forgotten */
    store->is_closing = true;
    queue_stop(store->writes);
    queue_stop(store->reads);
    /* The readers first: the last connection to close empties the log, and only the writer may. */
    readers_join(TAKE(store->readers));
    writer_join(TAKE(store->writer));
    while (store->jobs_out > 0)
        deliver(store);
    store_free(store);
}

/* Also for a store that was opened by half. */
static void store_free(struct store *store)
{
    if (!store)
        return;
    if (store->writes)
        queue_stop(store->writes);
    if (store->reads)
        queue_stop(store->reads);
    readers_join(store->readers);
    writer_join(store->writer);
    if (store->wake)
        uv_close((uv_handle_t *)store->wake, free_wake);
    queue_free(store->writes);
    queue_free(store->reads);
    remove_private_dir(store);
    if (store->lock_file >= 0)
        close(store->lock_file);
    uv_mutex_destroy(&store->finished_lock);
    free(store->private_dir);
    free(store->path);
    free(store);
}

static void free_wake(uv_handle_t *wake)
{
    free(wake);
}

static void remove_private_dir(const struct store *store)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    if (!store->private_dir || !store->path)
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s%s", store->path, endings[i]);
        unlink(path);
    }
    rmdir(store->private_dir);
}

void store_write(struct store *store, struct store_job *job)
{
    hand_over(store, store->writes, job);
}

void store_read(struct store *store, struct store_job *job)
{
    hand_over(store, store->reads, job);
}

static void hand_over(struct store *store, struct queue *queue, struct store_job *job)
{
    job->status = STATUS_OK;
    job->queued_us = clock_monotonic_us();
    list_init(&job->link);
    if (store->jobs_out++ == 0)
        uv_ref((uv_handle_t *)store->wake);
    if (store->is_closing)
        refuse(store, job, STATUS_UNAVAILABLE);
    else if (!queue_put(queue, job))
        refuse(store, job, STATUS_BUSY);
}

static void refuse(struct store *store, struct store_job *job, enum status status)
{
    job->status = status;
    list_append(&store->refused, &job->link);
    uv_async_send(store->wake);
}

void store_finish(struct store *store, struct list *jobs)
{
    uv_mutex_lock(&store->finished_lock);
    bool was_empty = list_is_empty(&store->finished);
    list_move_all(&store->finished, jobs);
    uv_mutex_unlock(&store->finished_lock);
    if (was_empty) /* otherwise the loop has been woken and has not looked yet */
        uv_async_send(store->wake);
}

static void wake_up(uv_async_t *wake)
{
    deliver(wake->data);
}

static void deliver(struct store *store)
{
    uv_mutex_lock(&store->finished_lock);
    list_move_all(&store->arrived, &store->finished);
    uv_mutex_unlock(&store->finished_lock);
    list_move_all(&store->arrived, &store->refused);
    store->is_delivering = true;
    struct list *node;
    for (int left = DELIVERIES_PER_TURN; left-- && (node = list_take_first(&store->arrived));) {
        struct store_job *job = container_of(node, struct store_job, link);
        if (--store->jobs_out == 0)
            uv_unref((uv_handle_t *)store->wake);
        job->done(job); /* frees the job */
    }
    store->is_delivering = false;
    if (!list_is_empty(&store->arrived))
        uv_async_send(store->wake);
}

void store_stats(const struct store *store, struct store_stats *stats)
{
    const struct counters *counters = &store->counters;
    *stats = (struct store_stats){
        .groups = atomic_load(&counters->groups),
        .writes = atomic_load(&counters->writes),
        .reads = atomic_load(&counters->reads),
        .faults = atomic_load(&counters->faults),
        .group_writes_last = atomic_load(&counters->group_writes_last),
        .sync_us_total = atomic_load(&counters->sync_us_total),
        .queue_jobs = queue_count(store->writes),
        .is_writable = atomic_load(&counters->is_writable),
        .wal_bytes = atomic_load(&counters->wal_bytes),
    };
}

uint64_t store_acl_version(struct store *store)
{
    return atomic_load(&store->acl_version);
}

uint64_t db_acl_version(struct db *db)
{
    return atomic_load(db->acl_version);
}

void db_acl_changed(struct db *db)
{
    atomic_fetch_add(db->acl_version, 1);
}
