/* acl/dry_run_people.c: which changes of a dry run would be refused, and which people would lose or gain something by
 * the others. On a reader, with permissions of its own: nobody waits for it. */
#include <stdio.h>
#include <stdlib.h>
#include "acl/dry_run.h"
#include "lib/clock.h"

/* People compared in one job of a reader: others are not to wait long for theirs. */
#define PEOPLE_PIECE 1000

static enum status all_select(struct db *db, struct permissions *permissions);
static enum status changes_judge(struct dry_run_request *run, struct db *db);
static void person_compare(struct dry_run_request *run, int64_t user_id, const char *name);
static void outcome_add(struct outcome *outcome, unsigned lost, unsigned gained, int64_t user_id, const char *name);

enum status dry_run_work(struct request *request, struct db *db)
{
    struct dry_run_request *run = dry_run_request(request);
    permissions_free(run->before);
    permissions_free(run->after);
    run->before = permissions_new();
    run->after = permissions_new();
    outcome_free(&run->outcome);
    enum status status = all_select(db, run->before);
    if (status == STATUS_OK)
        status = all_select(db, run->after);
    return status == STATUS_OK ? changes_judge(run, db) : status;
}

enum status dry_run_people_work(struct request *request, struct db *db)
{
    struct dry_run_request *run = dry_run_request(request);
    int64_t count = 0;
    struct rows *rows = db_query(db, "SELECT id, name, disabled FROM user WHERE name > ?1 ORDER BY name LIMIT ?2", "ti",
                                 run->name, (int64_t)PEOPLE_PIECE);
    for (; rows_next(rows); count++) {
        snprintf(run->name, sizeof run->name, "%s", rows_text(rows, 1, NULL));
        if (!rows_int(rows, 2))
            person_compare(run, rows_int(rows, 0), run->name);
    }
    run->are_compared = count < PEOPLE_PIECE;
    return rows_end(rows);
}

static enum status all_select(struct db *db, struct permissions *permissions)
{
    if (!permissions)
        return FAULT("no memory");
    enum status status = permissions_select(db, permissions, clock_wall_ms(), NULL);
    if (status != STATUS_OK)
        return status;
    bool is_fine = true;
    struct rows *rows = db_query(db, "SELECT id FROM user WHERE superuser = 1 AND disabled = 0", "");
    while (rows_next(rows))
        is_fine = permissions_set_superuser(permissions, rows_int(rows, 0), true) && is_fine;
    status = rows_end(rows);
    if (status == STATUS_OK && !is_fine)
        return FAULT("no memory");
    return status;
}

/* ---- the changes: each judged by itself, as things are now; those that would not be refused are put together ---- */

static enum status change_judge(struct dry_run_request *run, struct db *db, size_t index)
{
    struct change *change = &run->changes[index];
    struct request *request = &run->request;
    struct grant before;
    free(TAKE(change->detail));
    outcome_free(&change->outcome);
    enum status status = subject_find(db, change->grant.subject, change->name, &change->grant.subject_id);
    if (status == STATUS_NOT_FOUND) {
        change_wrong(request, index, "/subject", "There is nobody of this name or number.");
        return STATUS_INVALID;
    }
    if (status == STATUS_OK)
        status = change->status = grant_judge(request, db, &change->grant, &change->expected, &before);
    /* Said of the change, not of the dry run. */
    change->detail = TAKE(request->detail);
    bool is_judged = status == STATUS_FORBIDDEN || status == STATUS_PRECONDITION || status == STATUS_NOT_FOUND;
    return is_judged ? STATUS_OK : status;
}

static enum status changes_judge(struct dry_run_request *run, struct db *db)
{
    for (size_t i = 0; i < run->count; i++) {
        struct change *change = &run->changes[i];
        const struct grant *grant = &change->grant;
        enum status status = change_judge(run, db, i);
        if (status != STATUS_OK)
            return status;
        if (change->status == STATUS_OK && !permissions_set_until(run->after, grant->subject, grant->subject_id,
                                                                  grant->model, grant->rights, grant->until_ms))
            return FAULT("no memory");
    }
    return STATUS_OK;
}

/* ---- the people ---- */

static bool grant_reaches(const struct permissions *permissions, const struct grant *grant, int64_t user_id)
{
    if (grant->subject == SUBJECT_USER)
        return grant->subject_id == user_id;
    return grant->subject != SUBJECT_GROUP || permissions_is_in_group(permissions, grant->subject_id, user_id);
}

static void person_compare(struct dry_run_request *run, int64_t user_id, const char *name)
{
    const struct actor actor = {.user_id = user_id};
    bool is_self = user_id == run->request.actor.user_id;
    unsigned lost = 0, gained = 0;
    for (size_t i = 0; i < run->count; i++) {
        struct change *change = &run->changes[i];
        const struct grant *grant = &change->grant;
        if (change->status != STATUS_OK || !grant_reaches(run->before, grant, user_id))
            continue;
        unsigned had = permissions_of(run->before, &actor, grant->model);
        unsigned alone =
            permissions_of_if(run->before, &actor, grant->model, grant->subject, grant->subject_id, grant->rights);
        unsigned has = permissions_of(run->after, &actor, grant->model);
        outcome_add(&change->outcome, had & ~alone, alone & ~had, user_id, name);
        if (is_self)
            change->outcome.self_lost |= had & ~alone;
        lost |= had & ~has;
        gained |= has & ~had;
    }
    outcome_add(&run->outcome, lost, gained, user_id, name);
    if (is_self)
        run->outcome.self_lost = lost;
}

static void name_add(struct buffer *names, int64_t count, int64_t user_id, const char *name)
{
    if (count >= NAMES_SHOWN)
        return;
    buffer_printf(names, "%s{\"id\":%lld,", count ? "," : "", (long long)user_id);
    buffer_json_member(names, "name", name);
    buffer_char(names, '}');
}

static void outcome_add(struct outcome *outcome, unsigned lost, unsigned gained, int64_t user_id, const char *name)
{
    if (lost)
        name_add(&outcome->losing, outcome->lose++, user_id, name);
    if (gained)
        name_add(&outcome->gaining, outcome->gain++, user_id, name);
}
