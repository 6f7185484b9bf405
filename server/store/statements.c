/* store/statements.c: the SQL that work functions run: prepared once, found again, bound by type. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "store/db.h"

/* Filters make statements of their own; above this many all idle ones go and the collection starts anew. */
#define STATEMENTS_MAX 512

struct statement {
    struct list link;
    sqlite3_stmt *handle;
    bool is_used;   /* between db_query() and rows_end() */
    bool is_cached; /* false: goes away when its use ends */
    struct rows rows;
};

static struct statement *statement_take(struct db *db, const char *sql, int *result);
static struct statement *statement_find(struct db *db, const char *sql);
static struct statement *statement_prepare(struct db *db, const char *sql, int *result);
static void statement_cache(struct db *db, struct statement *statement, const char *sql);
static void statement_release(struct statement *statement);
static void statement_free(struct statement *statement);
static int bind_all(sqlite3_stmt *handle, sqlite3_destructor_type lifetime, const char *types, va_list values);
static int bind_values(sqlite3_stmt *handle, const struct value *values, size_t count);
static struct rows *query_begin(struct db *db, const char *sql, sqlite3_destructor_type lifetime, const char *types,
                                va_list values);
static struct rows *query_prepare(struct db *db, const char *sql);
static struct rows *query_bound(struct rows *rows, int result, const char *sql);

enum status db_run(struct db *db, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    /* The values outlive this call, so SQLite need not copy them. */
    struct rows *rows = query_begin(db, sql, SQLITE_STATIC, types, values);
    va_end(values);
    while (rows_next(rows))
        ; /* a PRAGMA may answer */
    return rows_end(rows);
}

enum status db_get_int(struct db *db, int64_t *value, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    struct rows *rows = query_begin(db, sql, SQLITE_STATIC, types, values);
    va_end(values);
    bool has_row = rows_next(rows);
    int64_t found = has_row ? rows_int(rows, 0) : 0;
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    if (!has_row)
        return STATUS_NOT_FOUND;
    *value = found;
    return STATUS_OK;
}

struct rows *db_query(struct db *db, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    /* The rows may outlive the caller's texts. */
    struct rows *rows = query_begin(db, sql, SQLITE_TRANSIENT, types, values);
    va_end(values);
    return rows;
}

struct rows *db_query_values(struct db *db, const char *sql, const struct value *values, size_t count)
{
    struct rows *rows = query_prepare(db, sql);
    if (!rows->statement)
        return rows;
    return query_bound(rows, bind_values(rows->statement->handle, values, count), sql);
}

static struct rows *query_begin(struct db *db, const char *sql, sqlite3_destructor_type lifetime, const char *types,
                                va_list values)
{
    struct rows *rows = query_prepare(db, sql);
    if (!rows->statement)
        return rows;
    return query_bound(rows, bind_all(rows->statement->handle, lifetime, types, values), sql);
}

/* A statement that waits for its values; without one, the rows only tell why. */
static struct rows *query_prepare(struct db *db, const char *sql)
{
    int result = SQLITE_OK;
    db->failed = (struct rows){.db = db};
    if (db->is_in_transaction && !db_has_transaction(db)) {
        /* A failure rolled the transaction back under the job. What it still does would stay as half of
         * its work, so nothing of it runs any more. */
        db->failed.status = db->error ? db_status(db->error) : STATUS_UNAVAILABLE;
        return &db->failed;
    }
    struct statement *statement = statement_take(db, sql, &result);
    if (!statement) {
        db->failed.status = db_failed(db, result, sql);
        return &db->failed;
    }
    statement->rows = (struct rows){.db = db, .statement = statement, .status = STATUS_OK};
    return &statement->rows;
}

/* @rows, if binding its values had the @result OK. */
static struct rows *query_bound(struct rows *rows, int result, const char *sql)
{
    if (result == SQLITE_OK)
        return rows;
    struct db *db = rows->db;
    statement_release(rows->statement);
    db->failed.status = db_failed(db, result, sql);
    return &db->failed;
}

static int bind_all(sqlite3_stmt *handle, sqlite3_destructor_type lifetime, const char *types, va_list values)
{
    int count = (int)strlen(types);
    if (count != sqlite3_bind_parameter_count(handle))
        return SQLITE_RANGE;
    int result = SQLITE_OK;
    for (int i = 1; i <= count && result == SQLITE_OK; i++) {
        const void *bytes;
        size_t length;
        switch (types[i - 1]) {
        case 'i':
            result = sqlite3_bind_int64(handle, i, va_arg(values, int64_t));
            break;
        case 'd':
            result = sqlite3_bind_double(handle, i, va_arg(values, double));
            break;
        case 't':
            bytes = va_arg(values, const char *);
            result = sqlite3_bind_text(handle, i, bytes, -1, lifetime);
            break;
        case 's':
            bytes = va_arg(values, const char *);
            length = va_arg(values, size_t);
            result = sqlite3_bind_text64(handle, i, bytes, length, lifetime, SQLITE_UTF8);
            break;
        case 'b':
            bytes = va_arg(values, const void *);
            length = va_arg(values, size_t);
            result = sqlite3_bind_blob64(handle, i, bytes, length, lifetime);
            break;
        case 'n':
            result = sqlite3_bind_null(handle, i);
            break;
        default:
            result = SQLITE_MISUSE;
        }
    }
    return result;
}

static int bind_values(sqlite3_stmt *handle, const struct value *values, size_t count)
{
    int result = count == (size_t)sqlite3_bind_parameter_count(handle) ? SQLITE_OK : SQLITE_RANGE;
    for (size_t i = 0; i < count && result == SQLITE_OK; i++) {
        const struct value *value = &values[i];
        int place = (int)i + 1;
        switch (value->kind) {
        case VALUE_NULL:
            result = sqlite3_bind_null(handle, place);
            break;
        case VALUE_INT:
            result = sqlite3_bind_int64(handle, place, value->number);
            break;
        case VALUE_REAL:
            result = sqlite3_bind_double(handle, place, value->real);
            break;
        case VALUE_TEXT:
            result = sqlite3_bind_text64(handle, place, value->text, value->length, SQLITE_STATIC, SQLITE_UTF8);
            break;
        }
    }
    return result;
}

bool rows_next(struct rows *rows)
{
    if (!rows || !rows->statement || rows->status != STATUS_OK)
        return false;
    int result = sqlite3_step(rows->statement->handle);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        rows->status = db_failed(rows->db, result, sqlite3_sql(rows->statement->handle));
    return result == SQLITE_ROW;
}

int64_t rows_int(struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement->handle, column);
}

double rows_double(struct rows *rows, int column)
{
    return sqlite3_column_double(rows->statement->handle, column);
}

const char *rows_text(struct rows *rows, int column, size_t *length)
{
    /* A blob of no bytes has no address, but it is not null. */
    const void *bytes = sqlite3_column_text(rows->statement->handle, column);
    if (length)
        *length = (size_t)sqlite3_column_bytes(rows->statement->handle, column);
    return bytes || rows_is_null(rows, column) ? bytes : "";
}

bool rows_is_null(struct rows *rows, int column)
{
    return sqlite3_column_type(rows->statement->handle, column) == SQLITE_NULL;
}

enum status rows_end(struct rows *rows)
{
    if (!rows)
        return STATUS_FAULT;
    enum status status = rows->status;
    if (rows->statement)
        statement_release(rows->statement);
    return status;
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int db_control(struct db *db, const char *sql)
{
    int result = SQLITE_OK;
    struct statement *statement = statement_take(db, sql, &result);
    if (!statement)
        return result;
    result = sqlite3_step(statement->handle);
    statement_release(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

static struct statement *statement_take(struct db *db, const char *sql, int *result)
{
    struct statement *statement = statement_find(db, sql);
    if (!statement || statement->is_used) {
        /* The same query within itself needs a second statement. */
        bool is_first = !statement;
        statement = statement_prepare(db, sql, result);
        if (statement && is_first)
            statement_cache(db, statement, sql);
    }
    if (statement)
        statement->is_used = true;
    return statement;
}

static struct statement *statement_find(struct db *db, const char *sql)
{
    struct statement *statement = int_map_get(db->by_pointer, (uintptr_t)sql);
    /* Text that was built may stand where another one stood. */
    if (statement && strcmp(sqlite3_sql(statement->handle), sql) == 0)
        return statement;
    statement = text_map_get(db->by_text, sql, strlen(sql));
    if (statement && int_map_count(db->by_pointer) < STATEMENTS_MAX)
        (void)int_map_set(db->by_pointer, (uintptr_t)sql, statement); /* without it only slower */
    return statement;
}

static struct statement *statement_prepare(struct db *db, const char *sql, int *result)
{
    struct statement *statement = calloc(1, sizeof *statement);
    if (!statement) {
        *result = SQLITE_NOMEM;
        return NULL;
    }
    list_init(&statement->link);
    *result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
    if (*result == SQLITE_OK && !statement->handle)
        *result = SQLITE_MISUSE; /* nothing but a comment */
    if (*result != SQLITE_OK) {
        statement_free(statement);
        return NULL;
    }
    list_append(&db->statements, &statement->link);
    return statement;
}

static void statement_cache(struct db *db, struct statement *statement, const char *sql)
{
    if (text_map_count(db->by_text) >= STATEMENTS_MAX) {
        list_remove(&statement->link);
        db_statements_clear(db);
        list_append(&db->statements, &statement->link);
    }
    /* The key is SQLite's own copy: @sql may be gone before the statement is. */
    const char *key = sqlite3_sql(statement->handle);
    statement->is_cached = text_map_set(db->by_text, key, strlen(key), statement);
    if (statement->is_cached && int_map_count(db->by_pointer) < STATEMENTS_MAX)
        (void)int_map_set(db->by_pointer, (uintptr_t)sql, statement); /* without it only slower */
}

static void statement_release(struct statement *statement)
{
    sqlite3_reset(statement->handle);
    sqlite3_clear_bindings(statement->handle);
    statement->is_used = false;
    statement->rows.statement = NULL;
    if (!statement->is_cached)
        statement_free(statement);
}

static void statement_free(struct statement *statement)
{
    list_remove(&statement->link);
    sqlite3_finalize(statement->handle);
    free(statement);
}

void db_statements_clear(struct db *db)
{
    size_t cursor = 0;
    const char *key;
    size_t length;
    uint64_t pointer;
    void *value;
    while (int_map_next(db->by_pointer, &cursor, &pointer, &value))
        int_map_remove(db->by_pointer, pointer);
    cursor = 0;
    while (text_map_next(db->by_text, &cursor, &key, &length, &value))
        text_map_remove(db->by_text, key, length);
    LIST_EACH_SAFE (&db->statements, node) {
        struct statement *statement = container_of(node, struct statement, link);
        statement->is_cached = false;
        if (!statement->is_used)
            statement_free(statement);
    }
}

size_t db_statements_count(const struct db *db)
{
    size_t count = 0;
    LIST_EACH (&db->statements, node)
        count++;
    return count;
}
