/* store/migrate.h: the steps that bring a data base's tables to what this program expects. Private to
 * store/, and to the table made from schema/builtin/migrations/. */
#pragma once
#include <stddef.h>
#include "store/store.h"

struct migration {
    int number; /* rising; the one in the file's name */
    const char *name;
    const char *digest; /* SHA-256 of the SQL without comments and layout */
    const char *sql;
};
/* schema/embed.py writes these. */
extern const struct migration migrations[];
extern const size_t migrations_count;

/**
 * Apply what @db (the writer's connection, at @path) lacks of the @count steps in @table, in order, each in a
 * transaction together with its row in the table `migration`: a start that is cut off anywhere is completed
 * by the next one. A data base that already has steps is copied to `<path>.before-NNNN` first.
 * @prepare (may be NULL) is told of each.
 * errors  not OK, and one line in @why: the data base is newer than the program, not ours, or a step failed
 */
enum status migrate(struct db *db, const char *path, const struct migration *table, size_t count,
                    const struct store_prepare *prepare, char *why, size_t why_size);
/* Only look: is @db (at @path, in words) ours, and not newer than the steps in @table? */
enum status migrate_check(struct db *db, const char *path, const struct migration *table, size_t count, char *why,
                          size_t why_size);
