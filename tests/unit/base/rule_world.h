/* A model with every kind of field, its table in a data base, and a relation, for tests of rules. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include "base/rule.h"
#include "store/db.h"

/* The fields of the model "thing", in their order. */
enum {
    THING_OWNER = FIELDS_OWN, /* integer */
    THING_RANK,               /* integer */
    THING_SCORE,              /* number */
    THING_TITLE,
    THING_STATE, /* text: open, closed */
    THING_DONE,  /* boolean */
    THING_DAY,
    THING_DUE,
    THING_LABELS, /* list of texts */
    THING_PEOPLE, /* list of integers */
    THING_SCORES, /* list of numbers */
    THING_FLAGS,  /* list of booleans */
    THING_FIELDS
};

struct world {
    struct models *models;
    const struct model *thing;
    char path[64];
    struct db *db;
};

/* For setup and teardown: *state is a struct world. */
int world_begin(void **state);
int world_end(void **state);

/* What a rule says, as JSON or with ' for every "; fails the test if it is none. The caller frees it. */
struct rule *world_rule(const struct world *world, const char *json);
/* The reason why it is no rule. */
const char *world_why(const struct world *world, const char *json, char why[512]);
/* A row with this id, else empty; the caller frees it. */
struct row *world_row(const struct world *world, int64_t id);
void row_put(struct row *row, size_t field, struct value value);
void world_insert(struct world *world, const struct row *row);
/* The answer of the one row of this id by SQL: 0, 1, or -1 for null. */
int world_answer(struct world *world, const struct rule *rule, const struct asker *asker, int64_t id);

/* "$sets": those that a person belongs to, in memory and in the table `belongs`. */
extern const struct belongs {
    int64_t user_id, set_id;
} belongs[];
extern const size_t belongs_count;
