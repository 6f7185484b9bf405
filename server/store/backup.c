/* store/backup.c: a copy of the data base while it is in use. The copy grows under another name and gets its
 * own when it is complete and on the disk, so a file of that name is always whole. */
#include "store/backup.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "store/db.h"

#define PATH_SIZE 4096

static enum status part_write(struct db *db, const char *path, char part[PATH_SIZE], char *why, size_t why_size);
static int part_copy(struct db *db, const char *part);
static enum status explain(const char *path, int cause, char *why, size_t why_size);

enum status store_backup(struct db *db, const char *path, char *why, size_t why_size)
{
    char part[PATH_SIZE];
    if (access(path, F_OK) == 0)
        return explain(path, EEXIST, why, why_size);
    enum status status = part_write(db, path, part, why, why_size);
    if (status != STATUS_OK)
        return status;
    /* A second name, then none of the first: unlike rename() it never replaces what came meanwhile. */
    if (link(part, path) != 0)
        status = explain(path, errno, why, why_size);
    unlink(part);
    return status == STATUS_OK ? backup_name_sync(path, why, why_size) : status;
}

enum status db_keep(struct db *db, const char *name, char *why, size_t why_size)
{
    char path[PATH_SIZE];
    if (db->is_rehearsal)
        return STATUS_OK;
    const char *original = sqlite3_db_filename(db->handle, "main");
    if (snprintf(path, sizeof path, "%s.before-%s", original, name) >= (int)sizeof path)
        return explain(original, ENAMETOOLONG, why, why_size);
    return backup_replace(db, path, why, why_size);
}

enum status backup_replace(struct db *db, const char *path, char *why, size_t why_size)
{
    char part[PATH_SIZE];
    enum status status = part_write(db, path, part, why, why_size);
    if (status != STATUS_OK)
        return status;
    if (rename(part, path) != 0) {
        status = explain(path, errno, why, why_size);
        unlink(part);
        return status;
    }
    return backup_name_sync(path, why, why_size);
}

static enum status part_write(struct db *db, const char *path, char part[PATH_SIZE], char *why, size_t why_size)
{
    if (snprintf(part, PATH_SIZE, "%s.part", path) >= PATH_SIZE)
        return explain(path, ENAMETOOLONG, why, why_size);
    unlink(part); /* what a copy that was cut off has left */
    int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return explain(path, errno, why, why_size);
    close(file);
    int result = part_copy(db, part);
    if (result == SQLITE_OK)
        return STATUS_OK;
    unlink(part);
    snprintf(why, why_size, "cannot write the backup %s: %s", path, sqlite3_errstr(result));
    return db_status(result);
}

static int part_copy(struct db *db, const char *part)
{
    sqlite3 *copy = NULL;
    int result = sqlite3_open_v2(part, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup = NULL;
    if (result == SQLITE_OK) {
        backup = sqlite3_backup_init(copy, "main", db->handle, "main");
        result = backup ? SQLITE_OK : sqlite3_errcode(copy);
    }
    if (backup) {
        /* All pages in one step are one snapshot; the writer goes on meanwhile. */
        result = sqlite3_backup_step(backup, -1);
        int finished = sqlite3_backup_finish(backup);
        result = result == SQLITE_DONE ? finished : result;
    }
    int closed = sqlite3_close(copy);
    return result == SQLITE_OK ? closed : result;
}

enum status backup_name_sync(const char *path, char *why, size_t why_size)
{
    char folder[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", path);
    int file = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = file < 0 ? -1 : fsync(file);
    int cause = errno;
    if (file >= 0)
        close(file);
    return result == 0 ? STATUS_OK : explain(path, cause, why, why_size);
}

static enum status explain(const char *path, int cause, char *why, size_t why_size)
{
    if (cause == EEXIST)
        snprintf(why, why_size, "%s exists already: choose another name", path);
    else
        snprintf(why, why_size, "cannot write the backup %s: %s", path, strerror(cause));
    return cause == EEXIST ? STATUS_CONFLICT : cause == ENOSPC ? STATUS_NO_SPACE : STATUS_UNAVAILABLE;
}
