/* store/migrate.h: the steps that bring a data base's tables to what this program expects. Private to
 * store/, and to the table made from schema/migrations/. */
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
 * errors  not OK, and one line in @why: the data base is newer than the program, not ours, or a step failed
 */
enum status migrate(struct db *db, const char *path, const struct migration *table, size_t count, char *why,
                    size_t why_size);
