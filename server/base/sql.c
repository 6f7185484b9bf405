/* base/sql.c: SQL that is put together. */
#include "base/sql.h"
#include <stdlib.h>
#include <string.h>
#include "base/status.h"

void sql_free(struct sql *sql)
{
    buffer_free(&sql->text);
    free(sql->values);
    *sql = (struct sql){0};
}

void sql_text(struct sql *sql, const char *text)
{
    buffer_text(&sql->text, text);
}

void sql_name(struct sql *sql, const char *name)
{
    buffer_char(&sql->text, '"');
    for (; *name; name++) {
        if (*name == '"') /* no name of a model has one; here it could do no harm */
            buffer_char(&sql->text, '"');
        buffer_char(&sql->text, *name);
    }
    buffer_char(&sql->text, '"');
}

void sql_column(struct sql *sql, const char *alias, const char *column)
{
    sql_text(sql, alias);
    buffer_char(&sql->text, '.');
    sql_name(sql, column);
}

void sql_value(struct sql *sql, const struct value *value)
{
    if (sql->count == sql->capacity) {
        size_t capacity = sql->capacity ? sql->capacity * 2 : 16;
        struct value *values = reallocarray(sql->values, capacity, sizeof *values);
        if (!values) {
            sql->has_failed = true;
            return;
        }
        sql->values = values;
        sql->capacity = capacity;
    }
    sql->values[sql->count++] = *value;
    buffer_char(&sql->text, '?');
}

void sql_int(struct sql *sql, int64_t number)
{
    struct value value = value_int(number);
    sql_value(sql, &value);
}

struct rows *sql_query(const struct sql *sql, struct db *db)
{
    if (sql->has_failed || sql->text.has_failed || !sql->text.length) {
        (void)FAULT("no memory for a statement");
        return NULL;
    }
    return db_query_values(db, sql->text.bytes, sql->values, sql->count);
}

enum status sql_run(const struct sql *sql, struct db *db)
{
    struct rows *rows = sql_query(sql, db);
    while (rows_next(rows))
        ; /* what RETURNING or a PRAGMA says is not asked for */
    return rows_end(rows);
}
