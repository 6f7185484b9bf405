/* acl/dry_run.c: what a change of grants would do, without doing it: how many people would lose or gain something, and
 * how many open subscriptions would be cut off. */
#include <stdio.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"

#define CHANGES_MAX 100

struct change {
    enum subject subject;
    const char *name; /* points into params */
    int64_t id;
    const struct model *model;
    unsigned rights;
};
struct dry_run_request {
    struct request request;
    struct change changes[CHANGES_MAX];
    size_t count;
    const struct model *models[CHANGES_MAX]; /* of the changes, each once */
    size_t models_count;
    struct dry_run_request **place; /* in the application's list; NULL: it has none */
    struct permissions *after;      /* owned: as it would be */
    int64_t lose, gain;
};

static void dry_run_start(struct request *request);
static bool place_take(struct dry_run_request *run);
static void models_collect(struct dry_run_request *run);
static enum status dry_run_work(struct request *request, struct db *db);
static void dry_run_done(struct request *request);
static void dry_run_free(struct request *request);

const struct route dry_run_routes[] = {
    {"acl.dry_run", HTTP_M_POST, "acl/dry_run", ROUTE_SIGNED_IN, NULL, 0, dry_run_start, sizeof(struct dry_run_request),
     dry_run_free},
};
const size_t dry_run_routes_count = ARRAY_LENGTH(dry_run_routes);

/* ---- the form ---- */

static bool change_wrong(struct request *request, size_t index, const char *field, const char *words)
{
    char pointer[PARAM_POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "/changes/%zu%s", index, field);
    request_invalid(request, pointer, "%s", words);
    return false;
}

static bool change_read(struct request *request, const cJSON *json, size_t index, struct change *change)
{
    static const char *const names[] = {"subject", "model", "rights"};
    bool is_fine = cJSON_IsObject(json) || change_wrong(request, index, "", "This must be an object.");
    for (const cJSON *item = is_fine ? json->child : NULL; item; item = item->next) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
            is_known |= strcmp(item->string, names[i]) == 0;
        if (!is_known)
            is_fine = change_wrong(request, index, "", "A change has a subject, a model and rights, and nothing else.");
    }
    if (!is_fine)
        return false;
    const char *model = json_get_text(json, "model");
    change->model = model ? models_find(dispatch_models(request->dispatch), model) : NULL;
    if (!subject_read(json_get(json, "subject"), &change->subject, &change->name))
        is_fine = change_wrong(request, index, "/subject", SUBJECT_WORDS);
    if (!change->model)
        is_fine = change_wrong(request, index, "/model", "There is no such model.");
    if (!rights_read(json_get(json, "rights"), &change->rights))
        is_fine = change_wrong(request, index, "/rights", RIGHTS_WORDS);
    return is_fine;
}

static void dry_run_start(struct request *request)
{
    static const char *const names[] = {"changes", NULL};
    struct dry_run_request *run = container_of(request, struct dry_run_request, request);
    const cJSON *list = json_get(request->params, "changes"), *item;
    if (!acl_may_grant(request, NULL))
        return;
    bool is_fine = params_only(request, names);
    int size = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    if (size < 1 || size > CHANGES_MAX)
        is_fine =
            request_invalid(request, "/changes", "This must be a list of 1 to %d changes.", CHANGES_MAX) == STATUS_OK;
    if (is_fine)
        cJSON_ArrayForEach (item, list) {
            is_fine &= change_read(request, item, run->count, &run->changes[run->count]);
            run->count++;
        }
    if (!is_fine) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    for (size_t i = 0; i < run->count; i++)
        if (!acl_may_grant(request, run->changes[i].model->name))
            return;
    if (place_take(run)) {
        models_collect(run);
        request_read(request, dry_run_work, dry_run_done);
    } else {
        request->retry_after_s = 1;
        request_refuse(request, STATUS_TOO_MANY, "Another dry run is under way: wait for its answer.");
        request_finish(request, STATUS_TOO_MANY);
    }
}

/* A dry run looks at everybody's rights and asks every open subscription. One at a time for each person, and few in
 * all, leave readers and the loop to the others. */
static bool place_take(struct dry_run_request *run)
{
    struct acl *acl = run->request.app;
    struct dry_run_request **place = NULL;
    for (size_t i = 0; i < DRY_RUNS_MAX; i++)
        if (!acl->dry_runs[i])
            place = &acl->dry_runs[i];
        else if (acl->dry_runs[i]->request.actor.user_id == run->request.actor.user_id)
            return false;
    if (place)
        *place = run;
    run->place = place;
    return place != NULL;
}

static void models_collect(struct dry_run_request *run)
{
    for (size_t i = 0; i < run->count; i++) {
        size_t at = 0;
        while (at < run->models_count && run->models[at] != run->changes[i].model)
            at++;
        if (at == run->models_count)
            run->models[run->models_count++] = run->changes[i].model;
    }
}

/* ---- people: reader thread, on permissions of its own ---- */

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

static enum status changes_apply(struct dry_run_request *run, struct db *db)
{
    for (size_t i = 0; i < run->count; i++) {
        struct change *change = &run->changes[i];
        enum status status = subject_find(db, change->subject, change->name, &change->id);
        if (status == STATUS_NOT_FOUND) {
            change_wrong(&run->request, i, "/subject", "There is nobody of this name or number.");
            return STATUS_INVALID;
        }
        if (status != STATUS_OK)
            return status;
        if (!permissions_set(run->after, change->subject, change->id, change->model->name, change->rights))
            return FAULT("no memory");
    }
    return STATUS_OK;
}

static void person_compare(struct dry_run_request *run, const struct permissions *before, int64_t user_id)
{
    const struct actor actor = {.user_id = user_id};
    unsigned lost = 0, gained = 0;
    for (size_t i = 0; i < run->models_count; i++) {
        unsigned had = permissions_of(before, &actor, run->models[i]->name);
        unsigned has = permissions_of(run->after, &actor, run->models[i]->name);
        lost |= had & ~has;
        gained |= has & ~had;
    }
    run->lose += lost != 0;
    run->gain += gained != 0;
}

static enum status dry_run_work(struct request *request, struct db *db)
{
    struct dry_run_request *run = container_of(request, struct dry_run_request, request);
    SCOPED(permissions_free) struct permissions *before = permissions_new();
    permissions_free(run->after);
    run->after = permissions_new();
    run->lose = run->gain = 0;
    enum status status = all_select(db, before);
    if (status == STATUS_OK)
        status = all_select(db, run->after);
    if (status == STATUS_OK)
        status = changes_apply(run, db);
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(db, "SELECT id FROM user WHERE disabled = 0", "");
    while (rows_next(rows))
        person_compare(run, before, rows_int(rows, 0));
    return rows_end(rows);
}

/* ---- subscriptions: loop ---- */

static void dry_run_done(struct request *request)
{
    struct dry_run_request *run = container_of(request, struct dry_run_request, request);
    const struct acl *acl = request->app;
    struct dispatch *dispatch = request->dispatch;
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    /* The checks themselves are asked, for this one moment with the permissions as they would be: nothing else runs on
     * the loop meanwhile, so nobody can notice. */
    struct permissions *now = dispatch_permissions(dispatch);
    dispatch_set_home(dispatch, dispatch_store(dispatch), run->after, dispatch_sessions(dispatch));
    size_t subscriptions = hub_count_refused(acl->hub);
    dispatch_set_home(dispatch, dispatch_store(dispatch), now, dispatch_sessions(dispatch));
    buffer_printf(request_result(request), "{\"people\":%lld,\"gain\":%lld,\"subscriptions\":%zu}",
                  (long long)run->lose, (long long)run->gain, subscriptions);
    request_finish(request, STATUS_OK);
}

static void dry_run_free(struct request *request)
{
    struct dry_run_request *run = container_of(request, struct dry_run_request, request);
    if (run->place)
        *run->place = NULL;
    permissions_free(run->after);
}
