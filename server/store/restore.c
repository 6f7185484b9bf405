/* store/restore.c: data bases made from copies: a backup that takes the place of what is there, and the rehearsal of
 * what a start would change. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/backup.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/migrate.h"

#define PATH_SIZE 4096

static enum status rehearse(const char *path, const char *copy, const struct store_prepare *prepare, char *why,
                            size_t why_size);
static enum status copy_begin(const char *path, const char *copy, char *why, size_t why_size);
static void remove_data(const char *path);
static bool look_at_source(const char *path, const char *from, char *why, size_t why_size);
static bool has_log(const char *path);
static enum status restore(const char *path, const char *from, bool replaces_kept, const struct store_prepare *prepare,
                           char *why, size_t why_size);
static enum status copy_file(const char *from, const char *to, char *why, size_t why_size);
static enum status copy_prepare(const char *copy, const char *from, const struct store_prepare *prepare, char *why,
                                size_t why_size);
static enum status check_integrity(struct db *db, const char *from, char *why, size_t why_size);
static enum status keep_old(const char *path, const char *kept, bool replaces_kept, char *why, size_t why_size);
static enum status fail(const char *what, const char *path, char *why, size_t why_size);

/* The longest name made here: <path>.before-restore-wal. */
static bool is_short(const char *path, char *why, size_t why_size)
{
    if (strlen(path) + 32 < PATH_SIZE)
        return true;
    snprintf(why, why_size, "the path of the data base is too long");
    return false;
}

enum status store_rehearse(const char *path, const struct store_prepare *prepare, char *why, size_t why_size)
{
    char copy[PATH_SIZE], lock_path[PATH_SIZE + 8];
    int lock_file = -1;
    if (!is_short(path, why, why_size))
        return STATUS_UNAVAILABLE;
    db_library_start();
    /* Beside the data base, because only there is room for as much again; the lock is the copy's own, so that the
     * data base may be in use. */
    snprintf(copy, sizeof copy, "%s.dry-run", path);
    snprintf(lock_path, sizeof lock_path, "%s.lock", copy);
    enum status status = lock_take(copy, 0, &lock_file, why, why_size);
    if (status != STATUS_OK)
        return status;
    remove_data(copy); /* what one that was cut off has left */
    status = rehearse(path, copy, prepare, why, why_size);
    remove_data(copy);
    unlink(lock_path);
    close(lock_file);
    return status;
}

static enum status rehearse(const char *path, const char *copy, const struct store_prepare *prepare, char *why,
                            size_t why_size)
{
    enum status status = copy_begin(path, copy, why, why_size);
    if (status != STATUS_OK)
        return status;
    SCOPED(db_close) struct db *db = db_open(copy, DB_WRITER, DB_SYNCHRONOUS_OFF, why, why_size);
    if (!db)
        return STATUS_UNAVAILABLE;
    db->is_rehearsal = true;
    status = migrate(db, path, migrations, migrations_count, prepare, why, why_size);
    if (status == STATUS_OK && prepare->work)
        status = prepare->work(prepare->context, db, why, why_size);
    return status;
}

/* What is there, or an empty file if nothing is. */
static enum status copy_begin(const char *path, const char *copy, char *why, size_t why_size)
{
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        int file = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0)
            return fail("cannot create", copy, why, why_size);
        close(file);
        return STATUS_OK;
    }
    SCOPED(db_close) struct db *db = db_open(path, DB_READER, DB_SYNCHRONOUS_OFF, why, why_size);
    return db ? store_backup(db, copy, why, why_size) : STATUS_UNAVAILABLE;
}

static void remove_data(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        char name[PATH_SIZE + 8];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

enum status store_restore(const char *path, const char *from, bool replaces_kept, const struct store_prepare *prepare,
                          char *why, size_t why_size)
{
    int lock_file = -1;
    db_library_start();
    /* As store_open(): two links to one file must lead to one lock, and a link must not be what is replaced. */
    char *real = realpath(path, NULL);
    const char *place = real ? real : path;
    enum status status = STATUS_PRECONDITION;
    if (is_short(place, why, why_size) && look_at_source(place, from, why, why_size))
        status = lock_take(place, 0, &lock_file, why, why_size);
    if (lock_file >= 0) {
        status = restore(place, from, replaces_kept, prepare, why, why_size);
        close(lock_file);
    }
    free(real);
    return status;
}

/* Is @from a file of its own that nobody writes to? */
static bool look_at_source(const char *path, const char *from, char *why, size_t why_size)
{
    struct stat source, target;
    bool is_there = stat(from, &source) == 0;
    if (!is_there || !S_ISREG(source.st_mode)) {
        snprintf(why, why_size, "cannot read %s: %s", from, is_there ? "not a file" : strerror(errno));
        return false;
    }
    if (stat(path, &target) == 0 && target.st_dev == source.st_dev && target.st_ino == source.st_ino) {
        snprintf(why, why_size, "%s is the data base itself", from);
        return false;
    }
    if (has_log(from)) {
        snprintf(why, why_size, "%s is in use or was not closed (%s-wal has what it lacks): copy it with parley backup",
                 from, from);
        return false;
    }
    return true;
}

/* Is there something that is not in the file itself yet? */
static bool has_log(const char *path)
{
    struct stat log;
    char name[PATH_SIZE + 8];
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &log) == 0 && log.st_size > 0;
}

static enum status restore(const char *path, const char *from, bool replaces_kept, const struct store_prepare *prepare,
                           char *why, size_t why_size)
{
    char copy[PATH_SIZE], kept[PATH_SIZE];
    snprintf(copy, sizeof copy, "%s.restore", path);
    snprintf(kept, sizeof kept, "%s.before-restore", path);
    if (!replaces_kept && (access(kept, F_OK) == 0 || has_log(kept))) {
        snprintf(why, why_size, "%s is there from an earlier restore: move it away, or say --force to replace it",
                 kept);
        return STATUS_CONFLICT;
    }
    remove_data(copy);
    enum status status = copy_file(from, copy, why, why_size);
    if (status == STATUS_OK)
        status = copy_prepare(copy, from, prepare, why, why_size);
    if (status == STATUS_OK && has_log(copy)) {
        snprintf(why, why_size, "cannot write %s: see the lines above", copy);
        status = STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK)
        status = keep_old(path, kept, replaces_kept, why, why_size);
    if (status == STATUS_OK && rename(copy, path) != 0)
        status = fail("cannot replace", path, why, why_size);
    if (status != STATUS_OK) {
        remove_data(copy);
        return status;
    }
    return backup_name_sync(path, why, why_size);
}

/* Byte by byte, so that nothing is written beside the backup, which may be on a disk that is only read. */
static enum status copy_file(const char *from, const char *to, char *why, size_t why_size)
{
    char block[65536];
    ssize_t length = -1;
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0)
        return fail("cannot read", from, why, why_size);
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum status status = target < 0 ? fail("cannot create", to, why, why_size) : STATUS_OK;
    while (status == STATUS_OK && (length = read(source, block, sizeof block)) > 0)
        for (ssize_t done = 0; done < length && status == STATUS_OK;) {
            ssize_t count = write(target, block + done, (size_t)(length - done));
            if (count < 0 && errno != EINTR)
                status = fail("cannot write", to, why, why_size);
            done += count > 0 ? count : 0;
        }
    if (status == STATUS_OK && length < 0)
        status = fail("cannot read", from, why, why_size);
    if (status == STATUS_OK && fsync(target) != 0)
        status = fail("cannot write", to, why, why_size);
    close(source);
    if (target >= 0)
        close(target);
    if (status != STATUS_OK && target >= 0)
        unlink(to);
    return status;
}

/* Nothing of the old data base has been touched yet. Closing writes the copy's log into its file. */
static enum status copy_prepare(const char *copy, const char *from, const struct store_prepare *prepare, char *why,
                                size_t why_size)
{
    char cause[PATH_SIZE + 256] = "";
    SCOPED(db_close) struct db *db = db_open(copy, DB_WRITER, DB_SYNCHRONOUS_FULL, cause, sizeof cause);
    if (!db) {
        snprintf(why, why_size, "%s cannot be restored: it is damaged or not a data base", from);
        return STATUS_PRECONDITION;
    }
    enum status status = check_integrity(db, from, why, why_size);
    if (status == STATUS_OK)
        status = migrate_check(db, from, migrations, migrations_count, why, why_size);
    if (status == STATUS_OK && prepare->work)
        status = db_change(db, "the restore", prepare->work, prepare->context, why, why_size);
    return status;
}

static enum status check_integrity(struct db *db, const char *from, char *why, size_t why_size)
{
    struct rows *rows = db_query(db, "PRAGMA integrity_check(1)", "");
    bool is_sound = rows_next(rows) && strcmp(rows_text(rows, 0, NULL), "ok") == 0;
    if (rows_end(rows) == STATUS_OK && is_sound)
        return STATUS_OK;
    snprintf(why, why_size, "%s is damaged: take another backup", from);
    return STATUS_PRECONDITION;
}

/* The old data base gets a second name, and loses its own only when the new one takes it. */
static enum status keep_old(const char *path, const char *kept, bool replaces_kept, char *why, size_t why_size)
{
    char cause[PATH_SIZE + 256], name[PATH_SIZE + 8], kept_name[PATH_SIZE + 8];
    bool is_there = access(path, F_OK) == 0 || errno != ENOENT;
    /* Its log must not be taken for the new one's: closing empties it into the file. What cannot be opened or is gone
     * (that may be why somebody restores) keeps its log under the other name. */
    if (is_there)
        db_close(db_open(path, DB_WRITER, DB_SYNCHRONOUS_FULL, cause, sizeof cause));
    if (replaces_kept && (is_there || has_log(path)))
        remove_data(kept);
    snprintf(name, sizeof name, "%s-wal", path);
    snprintf(kept_name, sizeof kept_name, "%s-wal", kept);
    if (rename(name, kept_name) != 0 && errno != ENOENT)
        return fail("cannot keep", name, why, why_size);
    snprintf(name, sizeof name, "%s-shm", path);
    unlink(name);
    if (is_there && link(path, kept) != 0)
        return fail("cannot keep the old data base as", kept, why, why_size);
    return STATUS_OK;
}

static enum status fail(const char *what, const char *path, char *why, size_t why_size)
{
    int cause = errno;
    snprintf(why, why_size, "%s %s: %s", what, path, strerror(cause));
    return cause == ENOSPC || cause == EDQUOT ? STATUS_NO_SPACE
           : cause == EEXIST                  ? STATUS_CONFLICT
                                              : STATUS_UNAVAILABLE;
}
