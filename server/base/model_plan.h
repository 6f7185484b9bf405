/* base/model_plan.h: what has to be done so that the tables of a data base follow the files of models, or why it
 * cannot be done without losing something. Private to the files base/model_*. */
#pragma once
#include "base/model.h"
#include "lib/buffer.h"
#include "store/store.h"

/* One step, for people and for SQLite. */
struct table_change {
    char *words;
    char *sql;
};
struct table_changes {
    struct table_change *items;
    size_t count, capacity;
    bool has_failed; /* no memory */
};
void table_changes_free(struct table_changes *changes); /* what it owns; the struct is the caller's */
static inline void table_changes_free_scoped(struct table_changes *changes)
{
    table_changes_free(changes);
}
/* Takes the text of @sql. */
void table_changes_add(struct table_changes *changes, struct buffer *sql, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct plan {
    const struct models *models;
    const char *folder; /* of the files; "": none, then only built-in models count and other tables are left alone */
    struct db *db;
    struct table_changes changes;          /* in the order in which they have to be made, in one transaction */
    bool rewrites;                         /* something is rebuilt or dropped: keep a copy first */
    const struct model *given[MODELS_MAX]; /* those whose default permissions are among the changes */
    size_t given_count;
    struct table_changes hints; /* what is to be said, although nothing is changed by it; without SQL */
    char *why;
    size_t why_size;
};
/**
 * Compare the models with the data base; the first four members of @plan and the last two are given.
 * owns    plan->changes and plan->hints are the caller's, also after an error
 * errors  PRECONDITION: something would be lost or does not fit; one line in why, with the migration to write
 */
enum status plan_make(struct plan *plan);
/* Behind the changes, before their commit: does every reference point to a row? The same errors. */
enum status plan_check_references(struct plan *plan);

/* ---- shared by model_plan.c and model_rebuild.c ---- */

/* The table of one model. *is_made: it is made, or made again, so that nothing stands on it. */
enum status plan_table(struct plan *plan, const struct model *model, bool *is_made);
/* The number of rows for which existing rows stand against a new UNIQUE. *is_new: the table has no such column yet. */
enum status plan_duplicates(struct plan *plan, const struct model *model, const struct field *field, int64_t *count,
                            bool *is_new);
/* For a refusal: a new column with values. */
void add_sql(const char *table, const char *column, const char *type, struct buffer *sql);
/* For a refusal: @value in the rows for which @condition holds. A migration runs before the table is made again, whose
 * old checks may not allow the value that the file asks for. */
void update_sql(const char *table, const char *column, const char *value, const char *condition, struct buffer *sql);
/* For a refusal: the column in another @type, or without its NOT NULL, with what the expression @value says. */
void replace_sql(const char *table, const char *column, const char *type, const char *value, struct buffer *sql);
/* PRECONDITION: the reason, and the file to write with @statement in it. @table is what the statement needs. */
enum status plan_refuse(struct plan *plan, const char *table, const char *word, const struct buffer *statement,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A query that was put together, which gives one integer. */
enum status plan_int(struct plan *plan, int64_t *value, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}
