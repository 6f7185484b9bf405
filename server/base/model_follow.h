/* base/model_follow.h: at start the tables of a data base follow the files of the models. */
#pragma once
#include "base/model_plan.h"

struct model_follow {
    const struct models *models;
    const char *folder; /* data.schema; "": none */
    bool is_quiet;      /* not into the log: the caller shows the changes */
    /* In the transaction that gives the default permissions of @model: the record of it. May be NULL. */
    enum status (*given)(struct db *db, const char *model);
    struct table_changes changes; /* what was done (on a copy: what would be), in this order */
    struct table_changes hints;   /* what is to be said beside it, without SQL */
};
void model_follow_free(struct model_follow *follow); /* what it owns; the struct is the caller's */
static inline void model_follow_free_scoped(struct model_follow *follow)
{
    model_follow_free(follow);
}
/* For store_options.prepare: the migrations of the folder, then what can be derived. @follow must outlive the opening.
 * errors  PRECONDITION: a migration has to be written; FAULT …: one failed and was undone */
struct store_prepare model_follow_prepare(struct model_follow *follow);

/* The files <folder>/migrations/NNNN-name.sql that this data base has not had yet, each in a transaction. For
 * model_follow.c. */
enum status migrations_apply(struct model_follow *follow, struct db *db, char *why, size_t why_size);
/* The highest number among them, 0 if there are none; -1: one line in @why. */
int migrations_newest(const char *folder, char *why, size_t why_size);
