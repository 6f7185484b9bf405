/* store/db.h: one connection, seen from inside the folder. Private to store/. */
#pragma once
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/scope.h"
#include "store/store.h"

/* How long a statement waits for the lock of another process. */
#define DB_BUSY_MS 5000

enum db_role {
    DB_WRITER, /* the only one that writes and checkpoints */
    DB_READER,
};
enum db_synchronous { DB_SYNCHRONOUS_OFF, DB_SYNCHRONOUS_NORMAL, DB_SYNCHRONOUS_FULL };

struct rows {
    struct db *db;
    struct statement *statement; /* NULL: the query could not begin */
    enum status status;
};

struct db {
    sqlite3 *handle;
    enum db_role role;
    atomic_ullong *acl_version; /* the store's; may be NULL */
    bool is_rehearsal;          /* a copy that is thrown away: nothing of it is kept */
    bool is_in_transaction;     /* a job runs: its statements must not run outside a transaction */
    int error;                  /* SQLite's code of the last failure since db_begin(); 0: none */
    int64_t deadline_ms;        /* a reader's job is stopped at this monotonic time */
    unsigned wal_frames;        /* in the log after the last commit; writer only */
    struct list statements;     /* all prepared ones */
    struct int_map *by_pointer; /* the literal's address -> statement: the quick way */
    struct text_map *by_text;   /* its text -> statement: the same words at another address */
    struct rows failed;         /* what db_query() returns when a query cannot begin */
};

/* Once per process and before anything else of SQLite. May be called again. */
void db_library_start(void);
/**
 * Open @path, which must exist, and set all limits.
 * errors  NULL, and one line in @why
 */
struct db *db_open(const char *path, enum db_role role, enum db_synchronous synchronous, char *why, size_t why_size);
/* The last connection to close also empties the log into the data base file. NULL is allowed. */
void db_close(struct db *db);
DEFINE_SCOPED(struct db *, db_close)

/* Run a statement without values or rows, outside the guard of is_in_transaction: BEGIN, COMMIT and the
 * like. Returns SQLite's code; logs nothing. */
int db_control(struct db *db, const char *sql);
/* BEGIN or BEGIN IMMEDIATE, by the role. Forgets db->error. */
int db_begin(struct db *db);
/* End the transaction if there still is one. */
void db_rollback(struct db *db);
bool db_has_transaction(const struct db *db);
/* What SQLite's code @result means to the one who asked. */
enum status db_status(int result);
/* Note a failure of @sql: remember its code, log it if it is ours. Returns db_status(@result). */
enum status db_failed(struct db *db, int result, const char *sql);

/* Statements prepared so far; tests look. */
size_t db_statements_count(const struct db *db);
void db_statements_clear(struct db *db);
