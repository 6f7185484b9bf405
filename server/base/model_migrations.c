/* base/model_migrations.c: the files <data.schema>/migrations/NNNN-name.sql: what cannot be derived from the files of
 * models. Each is applied once, in the order of their names, and remembered by its name and digest. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_follow.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/random.h"

#define MIGRATION_NAME_MAX   100
#define MIGRATION_BYTES_MAX  (1 << 20)
#define MIGRATIONS_FILES_MAX 9999

struct migration_file {
    struct model_follow *follow;
    char path[PATH_MAX];
    char name[MIGRATION_NAME_MAX + 1]; /* without ".sql" */
    char digest[DIGEST_TEXT_SIZE];
    struct buffer sql;
    bool is_noted; /* the table it needs is not there: it counts as applied */
};

static int files_list(const char *folder, struct dirent ***files, char *why, size_t why_size);
static void files_free(struct dirent **files, int count);
static bool name_is_fine(const char *name);
static enum status apply(struct model_follow *follow, struct db *db, const char *name, bool *has_copy, char *why,
                         size_t why_size);
static enum status apply_file(struct migration_file *file, struct db *db, bool *has_copy, char *why, size_t why_size);
static enum status look_up(struct migration_file *file, struct db *db, bool *is_applied, char *why, size_t why_size);
static bool file_read(struct migration_file *file, char *why, size_t why_size);
static enum status look_for_table(struct migration_file *file, struct db *db);
static void needed_table(const char *sql, char name[MIGRATION_NAME_MAX]);
static enum status run_file(void *context, struct db *db, char *why, size_t why_size);
static enum status drop_derived(struct db *db, char *why, size_t why_size);

enum status migrations_apply(struct model_follow *follow, struct db *db, char *why, size_t why_size)
{
    struct dirent **files = NULL;
    bool has_copy = false;
    int count = files_list(follow->folder, &files, why, why_size);
    enum status status = count < 0 ? STATUS_PRECONDITION : STATUS_OK;
    if (count > 0)
        status = db_run(db,
                        "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, digest TEXT NOT NULL, "
                        "applied_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
                        "");
    for (int i = 0; i < count && status == STATUS_OK; i++)
        status = apply(follow, db, files[i]->d_name, &has_copy, why, why_size);
    if (status != STATUS_OK && !why[0])
        snprintf(why, why_size, "cannot look at the migrations of %s: see the lines above", follow->folder);
    files_free(files, count);
    return status;
}

int migrations_newest(const char *folder, char *why, size_t why_size)
{
    struct dirent **files = NULL;
    int count = files_list(folder, &files, why, why_size);
    int newest = count > 0 ? atoi(files[count - 1]->d_name) : count;
    files_free(files, count);
    return newest;
}

/* ---- the folder ---- */

static int is_sql(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".sql") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* How many; -1: one line in @why. */
static int files_list(const char *folder, struct dirent ***files, char *why, size_t why_size)
{
    char path[PATH_MAX];
    if (!folder[0])
        return 0;
    snprintf(path, sizeof path, "%s/migrations", folder);
    int count = scandir(path, files, is_sql, by_name);
    if (count < 0 && errno == ENOENT)
        return 0;
    if (count < 0)
        snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++)
        if (!name_is_fine((*files)[i]->d_name)) {
            snprintf(why, why_size, "%s/%s: a migration is named NNNN-name.sql, in small letters", path,
                     (*files)[i]->d_name);
            files_free(*files, count);
            *files = NULL;
            return -1;
        }
    return count;
}

static void files_free(struct dirent **files, int count)
{
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
}

static bool name_is_fine(const char *name)
{
    size_t length = strlen(name) - strlen(".sql");
    return length > 5 && length <= MIGRATION_NAME_MAX && strspn(name, "0123456789") == 4 && name[4] == '-' &&
           5 + strspn(name + 5, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

/* ---- one file ---- */

static enum status apply(struct model_follow *follow, struct db *db, const char *name, bool *has_copy, char *why,
                         size_t why_size)
{
    struct migration_file *file = calloc(1, sizeof *file);
    if (!file)
        return STATUS_UNAVAILABLE;
    file->follow = follow;
    snprintf(file->path, sizeof file->path, "%s/migrations/%s", follow->folder, name);
    snprintf(file->name, sizeof file->name, "%.*s", (int)(strlen(name) - strlen(".sql")), name);
    enum status status = apply_file(file, db, has_copy, why, why_size);
    buffer_free(&file->sql);
    free(file);
    return status;
}

static enum status apply_file(struct migration_file *file, struct db *db, bool *has_copy, char *why, size_t why_size)
{
    bool is_applied = false;
    if (!file_read(file, why, why_size))
        return STATUS_PRECONDITION;
    enum status status = look_up(file, db, &is_applied, why, why_size);
    if (status != STATUS_OK || is_applied)
        return status;
    status = look_for_table(file, db);
    if (status == STATUS_OK && !file->is_noted && !*has_copy) {
        status = db_keep(db, file->name, why, why_size);
        *has_copy = status == STATUS_OK;
    }
    if (status == STATUS_OK)
        status = db_change(db, file->path, run_file, file, why, why_size);
    if (status != STATUS_OK)
        return status;
    SCOPED(buffer_free) struct buffer words = {0};
    buffer_printf(&words, file->is_noted ? "note %s as done: the table it needs is not here" : "apply %s", file->path);
    if (file->is_noted)
        buffer_clear(&file->sql);
    if (!file->follow->is_quiet)
        log_info("store.migrated", "%s", words.bytes ? words.bytes : file->path);
    table_changes_add(&file->follow->changes, &file->sql, "%s", words.bytes ? words.bytes : file->path);
    return STATUS_OK;
}

/* Those compiled into the program may lie in the same folder. */
static enum status look_up(struct migration_file *file, struct db *db, bool *is_applied, char *why, size_t why_size)
{
    int64_t count = 0;
    enum status status = db_get_int(
        db, &count, "SELECT count(*) FROM migration WHERE printf('%04d-%s', number, name) = ?1", "t", file->name);
    *is_applied = count > 0;
    if (status != STATUS_OK || *is_applied)
        return status;
    status = db_get_int(db, &count, "SELECT digest = ?2 FROM schema_migration WHERE name = ?1", "tt", file->name,
                        file->digest);
    *is_applied = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK && !count) {
        snprintf(why, why_size,
                 "%s was changed after it was applied to this data base: put it back as it was, and write what is to "
                 "change into a new file",
                 file->path);
        status = STATUS_PRECONDITION;
    }
    return status;
}

static bool file_read(struct migration_file *file, char *why, size_t why_size)
{
    char block[4096];
    size_t length;
    FILE *stream = fopen(file->path, "re");
    const char *problem = stream ? NULL : strerror(errno);
    while (!problem && (length = fread(block, 1, sizeof block, stream)) > 0) {
        if (memchr(block, '\0', length))
            problem = "it is not text";
        buffer_append(&file->sql, block, length);
        if (file->sql.length > MIGRATION_BYTES_MAX || file->sql.has_failed)
            problem = "it is larger than 1 MiB";
    }
    if (!problem && ferror(stream))
        problem = strerror(errno);
    if (!problem && (!file->sql.length || strspn(file->sql.bytes, " \t\r\n") == file->sql.length))
        problem = "it is empty";
    if (stream)
        fclose(stream);
    if (problem)
        snprintf(why, why_size, "cannot use %s: %s", file->path, problem);
    else
        digest_text(file->sql.bytes, file->sql.length, file->digest);
    return !problem;
}

/* A new data base has its tables as the files say, so what changed older ones is not for it: a file that begins with
 * a comment of the words "needs TABLE" is only run where that table is. */
static enum status look_for_table(struct migration_file *file, struct db *db)
{
    char table[MIGRATION_NAME_MAX];
    int64_t count = 1;
    needed_table(file->sql.bytes, table);
    enum status status =
        table[0] ? db_get_int(db, &count, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1", "t",
                              table)
                 : STATUS_OK;
    file->is_noted = count == 0;
    return status;
}

static void needed_table(const char *sql, char name[MIGRATION_NAME_MAX])
{
    static const char space[] = " \t\r\n";
    name[0] = '\0';
    sql += strspn(sql, space);
    if (strncmp(sql, "--", 2) != 0 && strncmp(sql, "/*", 2) != 0)
        return;
    sql += 2;
    sql += strspn(sql, " \t");
    if (strncmp(sql, "needs ", 6) != 0)
        return;
    sql += 6;
    sql += strspn(sql, " \t");
    snprintf(name, MIGRATION_NAME_MAX, "%.*s", (int)strcspn(sql, " \t\r\n*"), sql);
}

static enum status run_file(void *context, struct db *db, char *why, size_t why_size)
{
    struct migration_file *file = context;
    char cause[256] = "";
    enum status status = STATUS_OK;
    if (!file->is_noted) {
        status = drop_derived(db, cause, sizeof cause);
        if (status == STATUS_OK)
            status = db_script(db, file->sql.bytes, cause, sizeof cause);
    }
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO schema_migration(name, digest, applied_at) VALUES (?1, ?2, ?3)", "tti",
                        file->name, file->digest, clock_wall_ms());
    if (status != STATUS_OK)
        snprintf(why, why_size, "%s failed and was undone: %s%s", file->path, cause[0] ? cause : status_words(status),
                 strstr(cause, "no such table: ")
                     ? "; if it is for older data bases only, begin it with /* needs TABLE */"
                     : "");
    return status;
}

/* A migration finds the bare tables of models: our indexes and triggers would stand in its way when it drops a column,
 * and are made anew behind it. */
static enum status drop_derived(struct db *db, char *why, size_t why_size)
{
    SCOPED(buffer_free) struct buffer sql = {0};
    struct rows *rows = db_query(db,
                                 "SELECT type, name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND "
                                 "instr(name, '.') > 0 AND tbl_name IN (SELECT name FROM model_seen)",
                                 "");
    while (rows_next(rows))
        buffer_printf(&sql, "DROP %s \"%s\";\n", rows_text(rows, 0, NULL), rows_text(rows, 1, NULL));
    enum status status = rows_end(rows);
    return status == STATUS_OK && sql.length ? db_script(db, sql.bytes, why, why_size) : status;
}
