/* store/change.c: a transaction that changes tables: all of it or nothing, and no reference broken by it. */
#include <stdio.h>
#include "store/db.h"

static enum status finish(struct db *db, const char *name, enum status status, char *why, size_t why_size);
static enum status check_references(struct db *db, const char *name, char *why, size_t why_size);

enum status db_script(struct db *db, const char *sql, char *why, size_t why_size)
{
    bool had_transaction = db_has_transaction(db);
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    if (result != SQLITE_OK) {
        snprintf(why, why_size, "%s", sqlite3_errmsg(db->handle));
        return db_status(result);
    }
    if (had_transaction && !db_has_transaction(db)) {
        snprintf(why, why_size, "it must not end the transaction it runs in");
        return STATUS_FAULT;
    }
    return STATUS_OK;
}

enum status db_change(struct db *db, const char *name,
                      enum status (*work)(void *context, struct db *db, char *why, size_t why_size), void *context,
                      char *why, size_t why_size)
{
    /* A table may be rebuilt that others refer to. References are checked before the commit instead; the switch has
     * no effect inside a transaction, and none when a prepared statement is run again. */
    int result = sqlite3_exec(db->handle, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = db_begin(db);
    if (result != SQLITE_OK) {
        snprintf(why, why_size, "cannot begin %s: %s", name, sqlite3_errmsg(db->handle));
        return db_status(result);
    }
    enum status status = finish(db, name, work(context, db, why, why_size), why, why_size);
    db_rollback(db);
    result = sqlite3_exec(db->handle, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    if (result != SQLITE_OK && status == STATUS_OK) {
        snprintf(why, why_size, "cannot switch foreign keys on: %s", sqlite3_errmsg(db->handle));
        status = STATUS_UNAVAILABLE;
    }
    return status;
}

/* Commit, if all is well. */
static enum status finish(struct db *db, const char *name, enum status status, char *why, size_t why_size)
{
    if (status != STATUS_OK)
        return status;
    status = check_references(db, name, why, why_size);
    if (status != STATUS_OK)
        return status;
    status = db_status(db_control(db, "COMMIT"));
    if (status != STATUS_OK)
        snprintf(why, why_size, "cannot commit %s: %s", name, sqlite3_errmsg(db->handle));
    return status;
}

static enum status check_references(struct db *db, const char *name, char *why, size_t why_size)
{
    struct rows *rows = db_query(db, "PRAGMA foreign_key_check", "");
    bool has_broken = rows_next(rows);
    if (has_broken)
        snprintf(why, why_size, "%s was undone: table %s would refer to rows that are not there", name,
                 rows_text(rows, 0, NULL));
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        snprintf(why, why_size, "cannot check %s: %s", name, sqlite3_errmsg(db->handle));
    else if (has_broken)
        status = STATUS_CONFLICT;
    return status;
}
