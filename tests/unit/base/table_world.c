/* table_world.c: each start is the opening of a store on the same file. */
#include "table_world.h"
#include <dirent.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include "base/model_follow.h"
#include "base/model_table.h"
#include "lib/random.h"

#define USER "{\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\"}}}"

int world_begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    const char *parent = getenv("TMPDIR");
    char migrations[200];
    assert_true(random_open());
    snprintf(world->dir, sizeof world->dir, "%s/table-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->path, sizeof world->path, "%s/data", world->dir);
    snprintf(world->folder, sizeof world->folder, "%s/schema", world->dir);
    snprintf(migrations, sizeof migrations, "%s/migrations", world->folder);
    assert_int_equal(mkdir(world->folder, 0700), 0);
    assert_int_equal(mkdir(migrations, 0700), 0);
    *state = world;
    return 0;
}

void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(name) != 0)
            remove_folder(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

int world_end(void **state)
{
    struct world *world = *state;
    remove_folder(world->dir);
    free(world);
    return 0;
}

/* ---- starting ---- */

static void note(struct world *world, const struct table_changes *changes)
{
    world->changes = changes->count;
    world->words[0] = '\0';
    for (size_t i = 0; i < changes->count; i++) {
        size_t length = strlen(world->words);
        snprintf(world->words + length, sizeof world->words - length, "%s\n", changes->items[i].words);
    }
}

enum status start_in(struct world *world, const char *folder, const char *const (*files)[2], size_t count)
{
    SCOPED(models_free) struct models *models = models_new();
    for (size_t i = 0; i < count; i++)
        if (!models_read(models, files[i][0], files[i][1], strlen(files[i][1]), false, world->why, sizeof world->why))
            fail_msg("%s", world->why);
    if (!models_read(models, "user", USER, strlen(USER), true, world->why, sizeof world->why) ||
        !models_finish(models, world->why, sizeof world->why))
        fail_msg("%s", world->why);
    SCOPED(model_follow_free) struct model_follow follow = {.models = models, .folder = folder, .is_quiet = true};
    struct store_options options = {.path = world->path,
                                    .readers = 1,
                                    .queue_jobs_max = 10,
                                    .synchronous = 1,
                                    .prepare = model_follow_prepare(&follow)};
    struct store *store = NULL;
    uv_loop_t loop;
    uv_loop_init(&loop);
    world->why[0] = '\0';
    enum status status = world->is_rehearsal
                             ? store_rehearse(world->path, &options.prepare, world->why, sizeof world->why)
                             : store_open(&options, &loop, &store, world->why, sizeof world->why);
    store_close(store);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    note(world, &follow.changes);
    snprintf(world->hints, sizeof world->hints, "%s",
             follow.hints.count ? follow.hints.items[follow.hints.count - 1].words : "");
    if ((status == STATUS_OK) != (world->why[0] == '\0') || strchr(world->why, '\n'))
        fail_msg("status %d: \"%s\"", (int)status, world->why);
    return status;
}

enum status start(struct world *world, const char *name, const char *text)
{
    const char *const files[][2] = {{name, text}};
    return start_in(world, world->folder, files, name ? 1 : 0);
}

void must_start(struct world *world, const char *name, const char *text)
{
    if (start(world, name, text) != STATUS_OK)
        fail_msg("%s", world->why);
}

void must_refuse(struct world *world, const char *name, const char *text, const char *words)
{
    assert_int_equal(start(world, name, text), STATUS_PRECONDITION);
    if (!strstr(world->why, words))
        fail_msg("\"%s\" does not say \"%s\"", world->why, words);
}

/* ---- looking ---- */

void run(struct world *world, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

const char *ask(struct world *world, const char *sql)
{
    static char value[4096];
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    bool has_row = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0);
    snprintf(value, sizeof value, "%s", has_row ? (const char *)sqlite3_column_text(statement, 0) : "(none)");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

bool refuses(struct world *world, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return (result & 0xff) == SQLITE_CONSTRAINT;
}

bool has_file(struct world *world, const char *ending)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", world->path, ending);
    return access(path, F_OK) == 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

void write_migration(struct world *world, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/migrations/%s", world->folder, name);
    write_file(path, text);
}

void obey(struct world *world, const char *value)
{
    char path[PATH_MAX], sql[4096];
    const char *from = strstr(world->why, "write /"), *colon = from ? strstr(from, ": ") : NULL;
    if (!colon)
        fail_msg("\"%s\" names no file", world->why);
    snprintf(path, sizeof path, "%.*s", (int)(colon - from - 6), from + 6);
    snprintf(sql, sizeof sql, "%s", colon + 2);
    char *place = strstr(sql, "VALUE");
    if (place) {
        char rest[4096];
        snprintf(rest, sizeof rest, "%s", place + 5);
        snprintf(place, sizeof sql - (size_t)(place - sql), "%s%s", value, rest);
    }
    write_file(path, sql);
}
