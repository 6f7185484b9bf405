/* acl/dry_run.c: what changes of grants would do, without doing them: who would lose or gain something, how many open
 * subscriptions would be cut off, which changes would be refused, and whether one would shut out oneself. In total and
 * for each change by itself. */
#include "acl/dry_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/batch.h"
#include "lib/clock.h"

#define CHANGES_MAX BATCH_OPERATIONS_MAX /* what is tried can be done */

static void dry_run_start(struct request *request);
static bool place_take(struct dry_run_request *run);
static void dry_run_done(struct request *request);
static enum status pause_work(struct request *request, struct db *db);
static void change_count(struct request *request);
static void dry_run_answer(struct dry_run_request *run);
static void dry_run_free(struct request *request);

const struct route dry_run_routes[] = {
    {"acl.dry_run", HTTP_M_POST, "acl/dry_run", ROUTE_SIGNED_IN, NULL, 0, dry_run_start, sizeof(struct dry_run_request),
     dry_run_free},
};
const size_t dry_run_routes_count = ARRAY_LENGTH(dry_run_routes);

/* ---- the form: as grant.create takes it, so that what was tried can be sent as it is ---- */

bool change_wrong(struct request *request, size_t index, const char *field, const char *words)
{
    char pointer[PARAM_POINTER_SIZE];
    snprintf(pointer, sizeof pointer, "/changes/%zu%s", index, field);
    request_invalid(request, pointer, "%s", words);
    return false;
}

static bool members_known(struct request *request, const cJSON *json, size_t index)
{
    static const char *const names[] = {"subject", "model", "rights", "reason", "until", "expect"};
    bool is_fine = cJSON_IsObject(json) || change_wrong(request, index, "", "This must be an object.");
    for (const cJSON *item = is_fine ? json->child : NULL; item; item = item->next) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
            is_known |= strcmp(item->string, names[i]) == 0;
        if (!is_known)
            is_fine = change_wrong(request, index, "",
                                   "A change has a subject, a model and rights, perhaps a reason, an until and what "
                                   "it expects, and nothing else.");
    }
    return is_fine;
}

static bool change_read(struct request *request, const cJSON *json, size_t index, struct change *change)
{
    struct grant *grant = &change->grant;
    if (!members_known(request, json, index))
        return false;
    bool is_fine = true;
    const char *model = json_get_text(json, "model");
    const cJSON *reason = json_get(json, "reason"), *expect = json_get(json, "expect");
    change->model = model ? models_find(dispatch_models(request->dispatch), model) : NULL;
    change->expected.is_given = expect && !cJSON_IsNull(expect);
    if (!subject_read(json_get(json, "subject"), &grant->subject, &change->name))
        is_fine = change_wrong(request, index, "/subject", SUBJECT_WORDS);
    if (change->model)
        strcpy(grant->model, change->model->name);
    else
        is_fine = change_wrong(request, index, "/model", "There is no such model.");
    if (!rights_read(json_get(json, "rights"), &grant->rights))
        is_fine = change_wrong(request, index, "/rights", RIGHTS_WORDS);
    else if (grant->subject == SUBJECT_EVERYONE && grant->rights & RIGHT_GRANT)
        is_fine = change_wrong(request, index, "/rights", "To grant cannot be given to everyone.");
    if (change->expected.is_given && !rights_read(expect, &change->expected.rights))
        is_fine = change_wrong(request, index, "/expect", EXPECT_WORDS);
    if (reason && !cJSON_IsNull(reason) && !json_text(reason))
        is_fine = change_wrong(request, index, "/reason", "This must be a text.");
    const char *wrong = grant_until_read(json_get(json, "until"), &grant->until_ms);
    return wrong ? change_wrong(request, index, "/until", wrong) : is_fine;
}

static bool changes_read(struct dry_run_request *run)
{
    static const char *const names[] = {"changes", NULL};
    struct request *request = &run->request;
    const cJSON *list = json_get(request->params, "changes"), *item;
    bool is_fine = params_only(request, names);
    int size = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    if (size < 1 || size > CHANGES_MAX)
        return request_invalid(request, "/changes", "This must be a list of 1 to %d changes.", CHANGES_MAX) ==
               STATUS_OK;
    run->changes = calloc((size_t)size, sizeof *run->changes);
    if (!run->changes)
        return request_invalid(request, "/changes", "There is no memory for so many changes.") == STATUS_OK;
    cJSON_ArrayForEach (item, list) {
        is_fine &= change_read(request, item, run->count, &run->changes[run->count]);
        run->count++;
    }
    return is_fine;
}

static void dry_run_start(struct request *request)
{
    struct dry_run_request *run = dry_run_request(request);
    if (!acl_may_grant(request, NULL))
        return;
    if (!changes_read(run)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    for (size_t i = 0; i < run->count; i++)
        if (!acl_may_grant(request, run->changes[i].model->name))
            return;
    if (place_take(run)) {
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

/* ---- subscriptions: loop ---- */

/* The checks themselves are asked, for this one moment with the @permissions as they would be: nothing else runs on the
 * loop meanwhile, so nobody can notice. */
static size_t refused_count(struct request *request, struct permissions *permissions)
{
    const struct acl *acl = request->app;
    struct dispatch *dispatch = request->dispatch;
    struct permissions *now = dispatch_permissions(dispatch);
    dispatch_set_home(dispatch, dispatch_store(dispatch), permissions, dispatch_sessions(dispatch));
    size_t count = hub_count_refused(acl->hub);
    dispatch_set_home(dispatch, dispatch_store(dispatch), now, dispatch_sessions(dispatch));
    return count;
}

static void dry_run_done(struct request *request)
{
    struct dry_run_request *run = dry_run_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    if (!run->are_compared) {
        request_read(request, dry_run_people_work, dry_run_done);
        return;
    }
    run->outcome.subscriptions = refused_count(request, run->after);
    if (run->count == 1) {
        run->changes[0].outcome.subscriptions = run->outcome.subscriptions;
        run->counted = 1;
    }
    change_count(request);
}

/* One change for each turn of the loop, and only those by which somebody loses something: each asks every open
 * subscription. */
static void change_count(struct request *request)
{
    struct dry_run_request *run = dry_run_request(request);
    while (run->counted < run->count && !run->changes[run->counted].outcome.lose)
        run->counted++;
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    if (run->counted == run->count) {
        dry_run_answer(run);
        return;
    }
    struct change *change = &run->changes[run->counted++];
    const struct grant *grant = &change->grant;
    int64_t until_ms = 0;
    unsigned rights = permissions_get(run->before, grant->subject, grant->subject_id, grant->model, &until_ms);
    /* Somebody loses something, so there is a grant already, and this takes no memory. */
    permissions_set(run->before, grant->subject, grant->subject_id, grant->model, grant->rights);
    change->outcome.subscriptions = refused_count(request, run->before);
    permissions_set_until(run->before, grant->subject, grant->subject_id, grant->model, rights, until_ms);
    request_read(request, pause_work, change_count);
}

/* Only so that others have their turn. */
static enum status pause_work(struct request *request, struct db *db)
{
    (void)request, (void)db;
    return STATUS_OK;
}

/* ---- the answer ---- */

static void outcome_print(const struct outcome *outcome, struct buffer *json)
{
    buffer_printf(json, "\"people\":%lld,\"gain\":%lld,\"subscriptions\":%zu,\"losing\":[", (long long)outcome->lose,
                  (long long)outcome->gain, outcome->subscriptions);
    buffer_append(json, outcome->losing.bytes, outcome->losing.length);
    buffer_text(json, "],\"gaining\":[");
    buffer_append(json, outcome->gaining.bytes, outcome->gaining.length);
    buffer_printf(json, "],\"self\":%s", outcome->self_lost & RIGHT_GRANT ? "true" : "false");
    json->has_failed |= outcome->losing.has_failed || outcome->gaining.has_failed;
}

/* On which models would the one who asks lose the right to grant, which he could not take back himself? */
static void warnings_print(const struct dry_run_request *run, struct buffer *json)
{
    const struct actor actor = {.user_id = run->request.actor.user_id};
    const char *comma = "";
    for (size_t i = 0; i < run->count && run->outcome.self_lost & RIGHT_GRANT; i++) {
        const char *model = run->changes[i].grant.model;
        bool is_said = false;
        for (size_t j = 0; j < i; j++)
            is_said |= run->changes[j].model == run->changes[i].model;
        if (is_said || !permissions_allow(run->before, &actor, model, RIGHT_GRANT) ||
            permissions_allow(run->after, &actor, model, RIGHT_GRANT))
            continue;
        buffer_printf(json,
                      "%s{\"code\":\"self_lockout\",\"model\":\"%s\",\"detail\":\"You would lose the right to grant on "
                      "%s yourself, and could not take it back.\"}",
                      comma, model, model);
        comma = ",";
    }
}

static void dry_run_answer(struct dry_run_request *run)
{
    struct request *request = &run->request;
    struct buffer *json = request_result(request);
    buffer_char(json, '{');
    outcome_print(&run->outcome, json);
    buffer_text(json, ",\"warnings\":[");
    warnings_print(run, json);
    buffer_text(json, "],\"changes\":[");
    for (size_t i = 0; i < run->count; i++) {
        const struct change *change = &run->changes[i];
        buffer_text(json, i ? ",{" : "{");
        outcome_print(&change->outcome, json);
        if (change->status == STATUS_OK) {
            buffer_text(json, ",\"refused\":null}");
            continue;
        }
        buffer_printf(json, ",\"refused\":{\"status\":%d,\"code\":\"%s\",", status_http(change->status),
                      status_code(change->status));
        buffer_json_member(json, "detail", change->detail ? change->detail : status_words(change->status));
        buffer_text(json, "}}");
    }
    buffer_text(json, "]}");
    request_finish(request, STATUS_OK);
}

void outcome_free(struct outcome *outcome)
{
    buffer_free(&outcome->losing);
    buffer_free(&outcome->gaining);
    *outcome = (struct outcome){0};
}

static void dry_run_free(struct request *request)
{
    struct dry_run_request *run = dry_run_request(request);
    if (run->place)
        *run->place = NULL;
    for (size_t i = 0; i < run->count; i++) {
        free(run->changes[i].detail);
        outcome_free(&run->changes[i].outcome);
    }
    free(run->changes);
    outcome_free(&run->outcome);
    permissions_free(run->before);
    permissions_free(run->after);
}
