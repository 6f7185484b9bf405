/* store/writer.c: the thread that writes. It takes all jobs that wait, commits them as one transaction, so
 * that many share one wait for the disk, and hands them back together. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "store/internal.h"

#define PATH_SIZE            4096
#define IDLE_MS              1000        /* without work: empty the log, or see whether the disk works again */
#define LOOK_MS              1000        /* how often the disk's free space and the files' names are looked at */
#define FRAME_BYTES          (4096 + 24) /* a page in the log, with its header */
#define FRAMES_TO_CHECKPOINT 1000        /* 4 MiB: copy the log back so often that one copy is short */
#define FRAMES_TO_RESTART    (8 * 1024)  /* 32 MiB: readers kept the log from starting over; wait for them */
#define RESTART_MS_MAX       2500        /* a little longer than a read may last */

/* How an attempt to commit some jobs ended. Their statuses are set in any case. */
enum ending {
    COMMITTED,
    LOST,     /* rolled back as a whole, but each job by itself may still succeed */
    GIVEN_UP, /* nothing can be written now */
};

struct file_identity {
    dev_t device;
    ino_t inode; /* 0: not seen yet */
};

struct writer {
    struct store *store;
    struct db *db; /* NULL: closed after a fault, opened again before the next write */
    uv_thread_t thread;
    unsigned frames_checkpointed; /* the log's length at the last checkpoint */
    unsigned frames_to_restart;   /* at this length a checkpoint waits for readers */
    int64_t failed_ms;            /* when the connection could not be opened; 0: it could */
    int64_t looked_ms;            /* when the disk was last looked at; 0: look now */
    enum status obstacle;         /* what that look found */
    struct file_identity data_file, log_file;
};

static void writer_main(void *argument);
static void write_group(struct writer *writer, struct list *group);
static void write_each(struct writer *writer, struct list *group);
static enum ending transaction_run(struct writer *writer, struct list *jobs);
static enum status job_run(struct db *db, struct store_job *job, bool is_alone);
static enum ending transaction_lost(struct writer *writer, struct list *jobs, int error, bool at_commit);
static enum ending transaction_commit(struct writer *writer, struct list *jobs);
static void answer_all(struct list *jobs, enum status status);
static void connection_drop(struct writer *writer);
static bool connection_open(struct writer *writer);
static enum status find_obstacle(struct writer *writer);
static enum status look_at_disk(struct writer *writer);
static bool is_same_file(const char *path, struct file_identity *known);
static void spend_idle_time(struct writer *writer);
static void checkpoint_if_due(struct writer *writer);
static bool checkpoint(struct writer *writer, int mode, int wait_ms);

struct writer *writer_start(struct store *store, struct db *db)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        db_close(db);
        return NULL;
    }
    writer->store = store;
    writer->db = db;
    writer->frames_to_restart = FRAMES_TO_RESTART;
    writer->obstacle = look_at_disk(writer); /* remembers which files these are */
    db->acl_version = &store->acl_version;
    atomic_store(&store->counters.is_writable, true);
    if (uv_thread_create(&writer->thread, writer_main, writer) != 0) {
        db_close(db);
        free(writer);
        return NULL;
    }
    return writer;
}

void writer_join(struct writer *writer)
{
    if (!writer)
        return;
    uv_thread_join(&writer->thread);
    db_close(writer->db);
    free(writer);
}

static void writer_main(void *argument)
{
    struct writer *writer = argument;
    struct store *store = writer->store;
    struct list group;
    list_init(&group);
    pthread_setname_np(pthread_self(), "store-writer");
    for (;;) {
        bool is_clean = writer->db && writer->db->wal_frames == 0 && atomic_load(&store->counters.is_writable);
        if (!queue_take(store->writes, &group, store->group_max, is_clean ? -1 : IDLE_MS))
            break;
        if (list_is_empty(&group)) {
            spend_idle_time(writer);
            continue;
        }
        write_group(writer, &group);
        store_finish(store, &group);
        checkpoint_if_due(writer); /* after the answers: nobody waits for it but the next group */
    }
}

static void write_group(struct writer *writer, struct list *group)
{
    struct counters *counters = &writer->store->counters;
    unsigned long long count = 0;
    LIST_EACH (group, node)
        count++;
    enum status obstacle = find_obstacle(writer);
    if (obstacle != STATUS_OK) {
        answer_all(group, obstacle);
        atomic_store(&counters->is_writable, false);
        return;
    }
    enum ending ending = transaction_run(writer, group);
    if (ending == LOST && count > 1)
        write_each(writer, group);
    atomic_fetch_add(&counters->groups, 1);
    atomic_fetch_add(&counters->writes, count);
    atomic_store(&counters->group_writes_last, count);
}

/* The jobs one by one, in their order: the one that spoiled the group fails alone. */
static void write_each(struct writer *writer, struct list *group)
{
    struct list single, answered;
    list_init(&single);
    list_init(&answered);
    for (struct list *node; (node = list_take_first(group));) {
        list_append(&single, node);
        if (writer->db || connection_open(writer))
            transaction_run(writer, &single);
        else
            answer_all(&single, STATUS_UNAVAILABLE);
        list_move_all(&answered, &single);
    }
    list_move_all(group, &answered);
}

static enum ending transaction_run(struct writer *writer, struct list *jobs)
{
    struct db *db = writer->db;
    int result = db_begin(db);
    if (result != SQLITE_OK) {
        /* Somebody holds the file's lock, or it cannot be read: this is so for each job. */
        answer_all(jobs, db_failed(db, result, "BEGIN IMMEDIATE"));
        atomic_fetch_add(&writer->store->counters.faults, 1);
        atomic_store(&writer->store->counters.is_writable, false);
        db_rollback(db);
        if ((result & 0xff) != SQLITE_BUSY)
            connection_drop(writer);
        return GIVEN_UP;
    }
    bool is_alone = jobs->next->next == jobs;
    LIST_EACH (jobs, node) {
        struct store_job *job = container_of(node, struct store_job, link);
        job->status = job_run(db, job, is_alone);
        /* SQLite ends the whole transaction by itself when the disk is full or fails. */
        if (!db_has_transaction(db) && !(is_alone && db->error == 0))
            return transaction_lost(writer, jobs, db->error ? db->error : SQLITE_ABORT, false);
    }
    return transaction_commit(writer, jobs);
}

/* A job by itself needs no savepoint: its rollback is the transaction's. */
static enum status job_run(struct db *db, struct store_job *job, bool is_alone)
{
    int result = is_alone ? SQLITE_OK : db_control(db, "SAVEPOINT job");
    if (result != SQLITE_OK) {
        db_rollback(db);
        return db_failed(db, result, "SAVEPOINT job");
    }
    db->is_in_transaction = true;
    enum status status = job->work(job, db);
    db->is_in_transaction = false;
    if (!db_has_transaction(db))
        return status;
    bool is_kept = status_is_ok(status);
    if (is_alone) {
        if (!is_kept) {
            db->error = 0; /* the job said no, and nothing else is lost with it */
            db_rollback(db);
        }
        return status;
    }
    if (!is_kept)
        result = db_control(db, "ROLLBACK TO job");
    if (result == SQLITE_OK)
        result = db_control(db, "RELEASE job");
    if (result != SQLITE_OK) {
        db_failed(db, result, "RELEASE job");
        db_rollback(db);
    }
    return status;
}

static enum ending transaction_commit(struct writer *writer, struct list *jobs)
{
    struct db *db = writer->db;
    struct counters *counters = &writer->store->counters;
    if (!db_has_transaction(db))
        return COMMITTED; /* the only job said no */
    int64_t began_us = clock_monotonic_us();
    int result = db_control(db, "COMMIT");
    atomic_fetch_add(&counters->sync_us_total, (unsigned long long)(clock_monotonic_us() - began_us));
    if (result != SQLITE_OK) {
        db_failed(db, result, "COMMIT");
        return transaction_lost(writer, jobs, result, true);
    }
    atomic_store(&counters->is_writable, true);
    atomic_store(&counters->wal_bytes, (unsigned long long)db->wal_frames * FRAME_BYTES);
    return COMMITTED;
}

/* Nothing of the group is kept, not even its noes: they may rest on what was rolled back. */
static enum ending transaction_lost(struct writer *writer, struct list *jobs, int error, bool at_commit)
{
    struct counters *counters = &writer->store->counters;
    enum status status = db_status(error);
    db_rollback(writer->db);
    answer_all(jobs, status);
    atomic_fetch_add(&counters->faults, 1);
    switch (error & 0xff) {
    case SQLITE_CONSTRAINT: /* a deferred constraint, found by COMMIT: the job's own mistake */
        return LOST;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        atomic_store(&counters->is_writable, false);
        return LOST;
    default:
        /* After a failed sync nobody knows which pages reached the disk, and the next sync would not tell:
         * a new connection reads again what is there. What one job met may be its own rows' place on the
         * disk; what the commit met concerns everybody. */
        connection_drop(writer);
        return at_commit ? GIVEN_UP : LOST;
    }
}

static void answer_all(struct list *jobs, enum status status)
{
    LIST_EACH (jobs, node)
        container_of(node, struct store_job, link)->status = status;
}

static void connection_drop(struct writer *writer)
{
    db_close(writer->db);
    writer->db = NULL;
    atomic_store(&writer->store->counters.is_writable, false);
}

static bool connection_open(struct writer *writer)
{
    char why[512];
    int64_t now_ms = clock_monotonic_ms();
    if (writer->failed_ms != 0 && now_ms - writer->failed_ms < LOOK_MS)
        return false;
    writer->db = db_open(writer->store->path, DB_WRITER, writer->store->synchronous, why, sizeof why);
    writer->failed_ms = writer->db ? 0 : now_ms;
    if (!writer->db) {
        log_error_rarely("store.closed", "%s", why);
        return false;
    }
    writer->db->acl_version = &writer->store->acl_version;
    writer->looked_ms = 0; /* make sure that this is the file we had */
    return true;
}

/* Why nothing may be written now; OK if nothing is known. */
static enum status find_obstacle(struct writer *writer)
{
    if (!writer->db && !connection_open(writer))
        return STATUS_UNAVAILABLE;
    int64_t now_ms = clock_monotonic_ms();
    if (writer->looked_ms == 0 || now_ms - writer->looked_ms >= LOOK_MS) {
        writer->looked_ms = now_ms;
        writer->obstacle = writer->store->private_dir ? STATUS_OK : look_at_disk(writer);
    }
    return writer->obstacle;
}

static enum status look_at_disk(struct writer *writer)
{
    const struct store *store = writer->store;
    char log_path[PATH_SIZE];
    snprintf(log_path, sizeof log_path, "%s-wal", store->path);
    /* What is written to a file without a name is gone with the process: such a commit must not be told. */
    if (!is_same_file(store->path, &writer->data_file) || !is_same_file(log_path, &writer->log_file)) {
        log_error_rarely("store.moved",
                         "%s or its -wal was moved, replaced or deleted: nothing is saved until "
                         "it is back; or stop the server and restore a backup",
                         store->path);
        return STATUS_UNAVAILABLE;
    }
    struct statvfs disk;
    if (store->free_bytes_min == 0 || statvfs(store->path, &disk) != 0)
        return STATUS_OK;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes >= store->free_bytes_min)
        return STATUS_OK;
    log_error_rarely("store.full",
                     "the disk of %s has %llu bytes left, less than data.free_bytes_min: nothing "
                     "is saved until there are more",
                     store->path, (unsigned long long)free_bytes);
    return STATUS_NO_SPACE;
}

static bool is_same_file(const char *path, struct file_identity *known)
{
    struct stat seen;
    if (stat(path, &seen) != 0)
        return errno != ENOENT;
    if (known->inode == 0)
        *known = (struct file_identity){seen.st_dev, seen.st_ino};
    return known->device == seen.st_dev && known->inode == seen.st_ino;
}

/* Nobody asked for anything in the last second. */
static void spend_idle_time(struct writer *writer)
{
    if (atomic_load(&writer->store->counters.is_writable)) {
        checkpoint(writer, SQLITE_CHECKPOINT_TRUNCATE, 0);
        return;
    }
    /* Readiness keeps requests away, so only a commit of our own can find that the disk works again. */
    struct list none;
    list_init(&none);
    if (find_obstacle(writer) != STATUS_OK)
        return;
    if (db_begin(writer->db) == SQLITE_OK && db_control(writer->db, "PRAGMA user_version = 1") == SQLITE_OK)
        transaction_commit(writer, &none);
    else
        db_rollback(writer->db);
}

static void checkpoint_if_due(struct writer *writer)
{
    if (!writer->db)
        return;
    unsigned frames = writer->db->wal_frames;
    if (frames < writer->frames_checkpointed)
        writer->frames_checkpointed = 0; /* the log has started over */
    if (frames - writer->frames_checkpointed < FRAMES_TO_CHECKPOINT)
        return;
    if (frames < writer->frames_to_restart) {
        checkpoint(writer, SQLITE_CHECKPOINT_PASSIVE, 0);
        return;
    }
    /* There was always some reader in the log. One wait for the present ones lets it start over. */
    bool is_done = checkpoint(writer, SQLITE_CHECKPOINT_RESTART, RESTART_MS_MAX);
    if (!is_done)
        log_warning("store.log_grows", "a long read keeps the log at %u pages", frames);
    /* A backup may hold its snapshot for long: do not make every group wait for it. */
    writer->frames_to_restart = is_done ? FRAMES_TO_RESTART : frames * 2;
}

static bool checkpoint(struct writer *writer, int mode, int wait_ms)
{
    struct db *db = writer->db;
    int in_log = 0, copied = 0;
    sqlite3_busy_timeout(db->handle, wait_ms);
    int result = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &in_log, &copied);
    sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
    if (result == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE)
        db->wal_frames = 0;
    /* What could not be copied stays in the log and is tried again after the next frames. */
    writer->frames_checkpointed = db->wal_frames;
    atomic_store(&writer->store->counters.wal_bytes, (unsigned long long)db->wal_frames * FRAME_BYTES);
    if (result != SQLITE_OK && result != SQLITE_BUSY)
        db_failed(db, result, "checkpoint");
    return result == SQLITE_OK;
}
