/* store/connection.c: opening a connection with every limit set, and what its errors mean. */
#include "store/db.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include "lib/clock.h"
#include "lib/log.h"

/* How many steps of SQLite's machine pass between two looks at the clock: some ten microseconds. */
#define STEPS_PER_LOOK 1000

/* SQLite's own bounds are made for files nobody else writes to. Ours fit what the server stores. */
static const struct {
    int id, most;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 16 << 20},         /* bytes of one value or row */
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},      /* bytes of one statement */
    {SQLITE_LIMIT_EXPR_DEPTH, 200},          /* filters nest at most as deep as JSON does */
    {SQLITE_LIMIT_COMPOUND_SELECT, 50},      /* parts of one UNION */
    {SQLITE_LIMIT_VARIABLE_NUMBER, 1000},    /* bound values of one statement */
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256}, /* a long pattern costs its length times the text's */
    {SQLITE_LIMIT_TRIGGER_DEPTH, 100},       /* rows that delete rows that delete rows */
    {SQLITE_LIMIT_ATTACHED, 0},              /* one file, always the same */
    {SQLITE_LIMIT_WORKER_THREADS, 0},        /* the threads are ours to count */
};

static const struct {
    int option, value;
} switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},             /* no SQL can damage the file's format */
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, /* no code comes in through SQL */
    {SQLITE_DBCONFIG_DQS_DML, 0},               /* "text" is a name, never a string */
    {SQLITE_DBCONFIG_DQS_DDL, 0},
};

static const char common_pragmas[] = "PRAGMA foreign_keys = ON;"
                                     "PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA mmap_size = 0;" /* an I/O error would come as SIGBUS */
                                     "PRAGMA cell_size_check = ON;"
                                     "PRAGMA cache_size = -8192;";

static void library_start(void);
static void library_says(void *nothing, int code, const char *words);
static bool set_limits(struct db *db);
static bool begin_log(struct db *db, enum db_synchronous synchronous);
static int count_frames(void *argument, sqlite3 *handle, const char *schema, int frames);
static int look_at_clock(void *argument);
static void explain(struct db *db, const char *path, char *why, size_t why_size);

void db_library_start(void)
{
    static uv_once_t once = UV_ONCE_INIT;
    uv_once(&once, library_start);
}

static void library_start(void)
{
    /* Counting every allocation would take one lock for all threads. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOG, library_says, NULL);
    sqlite3_initialize();
}

/* What SQLite notices by itself. The rest reaches us as a result code and is logged there. */
static void library_says(void *nothing, int code, const char *words)
{
    (void)nothing;
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        log_error_rarely("store.sqlite", "%s (code %d)", words, code);
        break;
    default:
        log_debug("store.sqlite", "%s (code %d)", words, code);
    }
}

struct db *db_open(const char *path, enum db_role role, enum db_synchronous synchronous, char *why, size_t why_size)
{
    SCOPED(db_close) struct db *db = calloc(1, sizeof *db);
    if (!db) {
        snprintf(why, why_size, "no memory to open %s", path);
        return NULL;
    }
    list_init(&db->statements);
    db->role = role;
    db->by_pointer = int_map_new();
    db->by_text = text_map_new();
    /* A connection belongs to one thread at a time, so it needs no lock of its own. */
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= role == DB_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (!db->by_pointer || !db->by_text || sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK ||
        !set_limits(db) || !begin_log(db, synchronous)) {
        explain(db, path, why, why_size);
        return NULL;
    }
    if (role == DB_WRITER) {
        db->wal_frames = 1; /* a crash may have left a log: let the first quiet second empty it */
        sqlite3_wal_hook(db->handle, count_frames, db);
    } else {
        sqlite3_progress_handler(db->handle, STEPS_PER_LOOK, look_at_clock, db);
    }
    return TAKE(db);
}

static bool set_limits(struct db *db)
{
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++)
        sqlite3_limit(db->handle, limits[i].id, limits[i].most);
    for (size_t i = 0; i < ARRAY_LENGTH(switches); i++)
        if (sqlite3_db_config(db->handle, switches[i].option, switches[i].value, NULL) != SQLITE_OK)
            return false;
    /* A schema cannot call what has side effects; but SQLite 3.40 counts a search index that triggers write among it,
     * so for the writer only what is never allowed in a schema is forbidden. We add no functions to call. */
    if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, db->role == DB_WRITER, NULL) != SQLITE_OK)
        return false;
    /* SQLite 3.40 can damage a file when two connections checkpoint at once: only the writer may. */
    if (db->role == DB_READER && sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
        return false;
    return sqlite3_busy_timeout(db->handle, DB_BUSY_MS) == SQLITE_OK &&
           sqlite3_exec(db->handle, common_pragmas, NULL, NULL, NULL) == SQLITE_OK;
}

/* The first statements that read the file: here a damaged one shows. */
static bool begin_log(struct db *db, enum db_synchronous synchronous)
{
    static const char *const writer_pragmas[] = {
        [DB_SYNCHRONOUS_OFF] = "PRAGMA synchronous = OFF",
        [DB_SYNCHRONOUS_NORMAL] = "PRAGMA synchronous = NORMAL",
        [DB_SYNCHRONOUS_FULL] = "PRAGMA synchronous = FULL",
    };
    if (db->role == DB_READER)
        return sqlite3_exec(db->handle, "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_schema", NULL, NULL,
                            NULL) == SQLITE_OK;
    struct rows *rows = db_query(db, "PRAGMA journal_mode = WAL", "");
    bool has_log = rows_next(rows) && strcmp(rows_text(rows, 0, NULL), "wal") == 0;
    /* What the statement left as the connection's last error is what explain() tells. */
    if (rows_end(rows) != STATUS_OK || !has_log || sqlite3_db_readonly(db->handle, "main"))
        return false;
    return sqlite3_exec(db->handle, writer_pragmas[synchronous], NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db->handle, "PRAGMA journal_size_limit = 16777216", NULL, NULL, NULL) == SQLITE_OK;
}

static int count_frames(void *argument, sqlite3 *handle, const char *schema, int frames)
{
    (void)handle, (void)schema;
    struct db *db = argument;
    db->wal_frames = (unsigned)frames;
    return SQLITE_OK;
}

static int look_at_clock(void *argument)
{
    const struct db *db = argument;
    return db->deadline_ms != 0 && clock_monotonic_ms() >= db->deadline_ms;
}

static void explain(struct db *db, const char *path, char *why, size_t why_size)
{
    int error = db->error ? db->error : sqlite3_errcode(db->handle);
    switch (error & 0xff) {
    case SQLITE_OK:
        if (db->handle && sqlite3_db_readonly(db->handle, "main") == 1)
            snprintf(why, why_size, "%s may not be written: check the file's owner and mode", path);
        else
            snprintf(why, why_size, "%s is on a file system without shared memory: use a local disk", path);
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        snprintf(why, why_size, "%s is damaged or not a data base: restore a backup", path);
        break;
    case SQLITE_FULL:
        snprintf(why, why_size, "no space to open %s: free some on its disk", path);
        break;
    default: {
        int cause = db->handle ? sqlite3_system_errno(db->handle) : ENOMEM;
        snprintf(why, why_size, "cannot open %s: %s%s%s", path, sqlite3_errstr(error), cause ? ", " : "",
                 cause ? strerror(cause) : "");
    }
    }
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->by_pointer && db->by_text)
        db_statements_clear(db);
    int result = sqlite3_close(db->handle);
    if (result != SQLITE_OK)
        log_error("store.close", "a connection did not close: %s", sqlite3_errstr(result));
    int_map_free(db->by_pointer);
    text_map_free(db->by_text);
    free(db);
}

int db_begin(struct db *db)
{
    db->error = 0;
    /* A transaction that begins as a reader cannot become a writer once somebody else wrote. */
    return db_control(db, db->role == DB_WRITER ? "BEGIN IMMEDIATE" : "BEGIN");
}

void db_rollback(struct db *db)
{
    if (db_has_transaction(db))
        db_control(db, "ROLLBACK");
}

bool db_has_transaction(const struct db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

enum status db_status(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STATUS_OK;
    case SQLITE_CONSTRAINT:
        /* A value of the wrong type got past our own checks. */
        return result == SQLITE_CONSTRAINT_NOTNULL || result == SQLITE_CONSTRAINT_DATATYPE ? STATUS_FAULT
                                                                                           : STATUS_CONFLICT;
    case SQLITE_FULL:
        return STATUS_NO_SPACE;
    case SQLITE_TOOBIG:
        return STATUS_TOO_LARGE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
        return STATUS_UNAVAILABLE;
    default:
        return STATUS_FAULT;
    }
}

enum status db_failed(struct db *db, int result, const char *sql)
{
    db->error = result;
    enum status status = db_status(result);
    /* The connection has better words, if it was asked at all. */
    bool is_last = sqlite3_extended_errcode(db->handle) == result;
    if ((result & 0xff) == SQLITE_INTERRUPT)
        log_warning("store.slow", "stopped a read that took too long: %s", sql);
    else if (status == STATUS_FAULT)
        return FAULT("%s: %s (code %d)", sql, is_last ? sqlite3_errmsg(db->handle) : sqlite3_errstr(result), result);
    else if (status == STATUS_UNAVAILABLE || status == STATUS_NO_SPACE)
        log_error_rarely("store.unavailable", "%s: %s (code %d)", sql, sqlite3_errstr(result), result);
    return status;
}
