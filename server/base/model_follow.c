/* base/model_follow.c: at start the tables of a data base follow the files of the models. */
#include "base/model_follow.h"
#include <stdio.h>
#include <string.h>
#include "lib/log.h"

/* What the transaction needs. */
struct making {
    const struct model_follow *follow;
    struct plan *plan;
};

static enum status follow_work(void *context, struct db *db, char *why, size_t why_size);
static void follow_migrated(void *context, int number, const char *name, const char *sql);
static enum status make_changes(void *context, struct db *db, char *why, size_t why_size);
static void note_changes(struct model_follow *follow, struct table_changes *changes);

struct store_prepare model_follow_prepare(struct model_follow *follow)
{
    return (struct store_prepare){.context = follow, .work = follow_work, .migrated = follow_migrated};
}

void model_follow_free(struct model_follow *follow)
{
    table_changes_free(&follow->changes);
    table_changes_free(&follow->hints);
}

static void follow_migrated(void *context, int number, const char *name, const char *sql)
{
    struct model_follow *follow = context;
    SCOPED(buffer_free) struct buffer text = {0};
    buffer_text(&text, sql);
    if (!follow->is_quiet)
        log_info("store.migrated", "applied migration %04d-%s", number, name);
    table_changes_add(&follow->changes, &text, "apply migration %04d-%s of the program", number, name);
}

static enum status follow_work(void *context, struct db *db, char *why, size_t why_size)
{
    struct model_follow *follow = context;
    struct plan plan = {.models = follow->models, .folder = follow->folder, .db = db, .why = why, .why_size = why_size};
    struct making making = {follow, &plan};
    if (why_size)
        why[0] = '\0';
    enum status status = migrations_apply(follow, db, why, why_size);
    if (status == STATUS_OK)
        status = plan_make(&plan);
    /* What only adds something cannot lose anything. */
    if (status == STATUS_OK && plan.rewrites)
        status = db_keep(db, "models", why, why_size);
    if (status == STATUS_OK && plan.changes.count)
        status = db_change(db, "the change of the models' tables", make_changes, &making, why, why_size);
    if (status == STATUS_OK)
        note_changes(follow, &plan.changes);
    table_changes_free(&plan.changes);
    table_changes_free(&follow->hints);
    follow->hints = plan.hints;
    for (size_t i = 0; i < plan.hints.count && !follow->is_quiet; i++)
        log_info("store.grants", "%s", plan.hints.items[i].words);
    return status;
}

static enum status make_changes(void *context, struct db *db, char *why, size_t why_size)
{
    const struct making *making = context;
    struct plan *plan = making->plan;
    for (size_t i = 0; i < plan->changes.count; i++) {
        const struct table_change *change = &plan->changes.items[i];
        char cause[256] = "";
        enum status status = db_script(db, change->sql, cause, sizeof cause);
        if (status != STATUS_OK) {
            snprintf(why, why_size, "cannot %s: %s; nothing was changed", change->words, cause);
            return status;
        }
    }
    for (size_t i = 0; i < plan->given_count && making->follow->given; i++) {
        enum status status = making->follow->given(db, plan->given[i]->name);
        if (status != STATUS_OK) {
            snprintf(why, why_size, "cannot record the default permissions of %s; nothing was changed",
                     plan->given[i]->name);
            return status;
        }
    }
    return plan_check_references(plan);
}

/* They are on the disk: say so, and hand them on. */
static void note_changes(struct model_follow *follow, struct table_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        SCOPED(buffer_free) struct buffer sql = {0};
        buffer_text(&sql, changes->items[i].sql);
        if (!follow->is_quiet)
            log_info("store.followed", "%s", changes->items[i].words);
        table_changes_add(&follow->changes, &sql, "%s", changes->items[i].words);
    }
}
