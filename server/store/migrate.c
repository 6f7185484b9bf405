/* store/migrate.c: the steps that bring a data base's tables to what this program expects. */
#include "store/migrate.h"
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "store/db.h"

struct history {
    bool has_tables; /* any at all */
    bool is_ours;    /* the table `migration` is among them */
    int newest;      /* the last step applied; 0: none */
};

static enum status history_read(struct db *db, struct history *history);
static enum status history_check(struct db *db, const char *path, const struct history *history,
                                 const struct migration *table, size_t count, char *why, size_t why_size);
static enum status apply(struct db *db, const struct migration *step, char *why, size_t why_size);
static enum status run_step(void *context, struct db *db, char *why, size_t why_size);

enum status migrate(struct db *db, const char *path, const struct migration *table, size_t count,
                    const struct store_prepare *prepare, char *why, size_t why_size)
{
    struct history history = {0};
    enum status status = history_read(db, &history);
    if (status != STATUS_OK) {
        snprintf(why, why_size, "cannot read which migrations %s has: %s", path, sqlite3_errmsg(db->handle));
        return status;
    }
    status = history_check(db, path, &history, table, count, why, why_size);
    bool has_copy = history.newest == 0; /* nothing to copy yet */
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (table[i].number <= history.newest)
            continue;
        if (!has_copy) {
            char number[16];
            snprintf(number, sizeof number, "%04d", table[i].number);
            status = db_keep(db, number, why, why_size);
            has_copy = true;
        }
        if (status == STATUS_OK)
            status = apply(db, &table[i], why, why_size);
        if (status == STATUS_OK && prepare && prepare->migrated)
            prepare->migrated(prepare->context, table[i].number, table[i].name, table[i].sql);
        else if (status == STATUS_OK)
            log_info("store.migrated", "applied migration %04d-%s", table[i].number, table[i].name);
    }
    return status;
}

enum status migrate_check(struct db *db, const char *path, const struct migration *table, size_t count, char *why,
                          size_t why_size)
{
    struct history history = {0};
    enum status status = history_read(db, &history);
    if (status != STATUS_OK)
        snprintf(why, why_size, "cannot read which migrations %s has: %s", path, sqlite3_errmsg(db->handle));
    if (status == STATUS_OK && !history.is_ours) {
        snprintf(why, why_size, "%s is not a data base of Parley", path);
        status = STATUS_PRECONDITION;
    }
    return status == STATUS_OK ? history_check(db, path, &history, table, count, why, why_size) : status;
}

static enum status history_read(struct db *db, struct history *history)
{
    int64_t tables = 0, ours = 0, newest = 0;
    enum status status = db_get_int(db, &tables, "SELECT count(*) FROM sqlite_schema", "");
    if (status == STATUS_OK)
        status =
            db_get_int(db, &ours, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migration'", "");
    if (status == STATUS_OK && ours > 0)
        status = db_get_int(db, &newest, "SELECT ifnull(max(number), 0) FROM migration", "");
    *history = (struct history){tables > 0, ours > 0, (int)newest};
    return status;
}

/* The steps applied must be the first ones of @table, word for word. */
static enum status history_check(struct db *db, const char *path, const struct history *history,
                                 const struct migration *table, size_t count, char *why, size_t why_size)
{
    if (history->has_tables && !history->is_ours) {
        snprintf(why, why_size, "%s is the data base of another program: use another data.path", path);
        return STATUS_CONFLICT;
    }
    int known = count > 0 ? table[count - 1].number : 0;
    if (history->newest > known) {
        snprintf(why, why_size,
                 "%s is newer than this program (it has migration %04d, the program knows %04d): "
                 "start the newer program, or restore a backup",
                 path, history->newest, known);
        return STATUS_PRECONDITION;
    }
    for (size_t i = 0; i < count && table[i].number <= history->newest; i++) {
        int64_t is_same = 0;
        enum status status = db_get_int(db, &is_same, "SELECT digest = ?2 FROM migration WHERE number = ?1", "it",
                                        (int64_t)table[i].number, table[i].digest);
        if (status == STATUS_OK && is_same)
            continue;
        snprintf(why, why_size,
                 "migration %04d-%s of this program is not the one %s was made with: "
                 "start the program that made it, or restore a backup",
                 table[i].number, table[i].name, path);
        return STATUS_PRECONDITION;
    }
    return STATUS_OK;
}

static enum status apply(struct db *db, const struct migration *step, char *why, size_t why_size)
{
    char name[128];
    snprintf(name, sizeof name, "migration %04d-%s", step->number, step->name);
    struct migration copy = *step;
    return db_change(db, name, run_step, &copy, why, why_size);
}

static enum status run_step(void *context, struct db *db, char *why, size_t why_size)
{
    const struct migration *step = context;
    char cause[256] = "";
    enum status status = db_run(db,
                                "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, "
                                "name TEXT NOT NULL, digest TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
                                "");
    if (status == STATUS_OK)
        status = db_script(db, step->sql, cause, sizeof cause);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO migration(number, name, digest, applied_at) VALUES (?1, ?2, ?3, ?4)", "itti",
                        (int64_t)step->number, step->name, step->digest, clock_wall_ms());
    if (status != STATUS_OK)
        snprintf(why, why_size, "migration %04d-%s failed and was undone: %s", step->number, step->name,
                 cause[0] ? cause : sqlite3_errmsg(db->handle));
    return status;
}
