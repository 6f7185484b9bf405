/* base/sql.h: SQL that is put together: names come from the models only, values are always bound. */
#pragma once
#include "lib/buffer.h"
#include "lib/value.h"
#include "store/store.h"

struct sql {
    struct buffer text;
    struct value *values;
    size_t count, capacity;
    bool has_failed; /* no memory */
};

void sql_free(struct sql *sql); /* what it owns; the struct is the caller's */
static inline void sql_free_scoped(struct sql *sql)
{
    sql_free(sql);
}
void sql_text(struct sql *sql, const char *text);
/* "name", in quotes. */
void sql_name(struct sql *sql, const char *name);
/* alias."column" */
void sql_column(struct sql *sql, const char *alias, const char *column);
/* A "?" and its value, whose text must live as long as the statement runs. */
void sql_value(struct sql *sql, const struct value *value);
void sql_int(struct sql *sql, int64_t number);
/* Begin the query; NULL-safe and ended by rows_end(), like db_query(). */
struct rows *sql_query(const struct sql *sql, struct db *db);
/* Run it, without rows. */
enum status sql_run(const struct sql *sql, struct db *db);
