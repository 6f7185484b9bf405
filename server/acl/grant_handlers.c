/* acl/grant_handlers.c: give a right and take it back. The change and its record commit together; then it is in force,
 * here and for every open socket, before anybody is told that it was done.
 *
 * Superusers may do everything. Who holds the right to grant on a model sees its grants, gives what he holds himself at
 * that moment, no longer than he holds it, and takes back what he could give: asked inside the transaction, so that a
 * right that is being taken away is not handed on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "base/form.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LIST_MAX 10000

static enum status grant_list_work(struct request *request, struct db *db);
static enum status grant_detail_work(struct request *request, struct db *db);
static enum status grant_create_work(struct request *request, struct db *db);
static enum status may_change(struct request *request, struct db *db, const struct grant *grant);
static enum status may_take(struct request *request, struct db *db, const struct grant *before,
                            const struct grant *grant);
static enum status holds_all(struct request *request, const struct grant *grant, const int64_t held_until[RIGHTS_COUNT],
                             const char *verb);
static enum status grant_delete_work(struct request *request, struct db *db);
static void grant_done(struct request *request);

/* ---- list ---- */

void grant_list_start(struct request *request)
{
    static const char *const names[] = {"user", "group", "model", "subject", "after", "limit", NULL};
    struct acl_request *acl = acl_request(request);
    const char *model = NULL;
    int64_t number;
    if (!acl_may_grant(request, NULL))
        return;
    bool is_fine = params_only(request, names);
    is_fine &= param_int(request, "user", PARAM_OPTIONAL, 1, INT64_MAX, &acl->user_id);
    is_fine &= param_int(request, "group", PARAM_OPTIONAL, 1, INT64_MAX, &acl->group_id);
    /* Also a model that is gone: its grants are still there to be taken back. */
    is_fine &= param_text(request, "model", PARAM_OPTIONAL, 1, MODEL_NAME_MAX, &model);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, INT64_MAX, &number);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, LIST_MAX, &number);
    if (param_is_given(request, "subject") &&
        !subject_read(json_get(request->params, "subject"), &acl->grant.subject, &acl->subject_name))
        is_fine = request_invalid(request, "/subject", SUBJECT_WORDS) == STATUS_OK;
    if (is_fine)
        request_read(request, grant_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status grant_list_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    struct buffer *json = request_result(request);
    int64_t after = 0, limit = LIST_MAX, count = 0, last = 0;
    const char *model = json_get_text(request->params, "model");
    bool has_subject = param_is_given(request, "subject");
    param_int(request, "after", PARAM_OPTIONAL, 0, INT64_MAX, &after);
    param_int(request, "limit", PARAM_OPTIONAL, 1, LIST_MAX, &limit);
    enum status status = subject_find(db, acl->grant.subject, acl->subject_name, &acl->grant.subject_id);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (status == STATUS_NOT_FOUND)
        acl->grant.subject_id = -1; /* nobody has that id: an empty list */
    /* Whoever is no superuser sees the grants on the models on which he may grant. */
    struct rows *rows = db_query(
        db,
        GRANT_SELECT
        "WHERE g.id > ?1 AND (?2 = 0 OR g.user_id = ?2) AND (?3 = 0 OR g.group_id = ?3) AND (?4 IS NULL OR g.model = "
        "?4) "
        "AND (?5 IS NULL OR (g.subject = ?5 AND ifnull(g.user_id, ifnull(g.group_id, 0)) = ?6)) "
        "AND (?7 OR g.model IN (SELECT model FROM \"grant\" WHERE rights & 8 AND (until IS NULL OR until > ?9) AND "
        "(subject IN ('everyone', 'members') OR user_id = ?8 "
        "OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?8)))) "
        "ORDER BY g.id LIMIT ?10",
        "iiittiiiii", after, acl->user_id, acl->group_id, model, has_subject ? subject_word(acl->grant.subject) : NULL,
        acl->grant.subject_id, (int64_t)request->is_privileged, request->actor.user_id, clock_wall_ms(), limit);
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",", count++) {
        struct grant_view view;
        grant_view(rows, &view);
        last = view.grant.id;
        buffer_text(json, comma);
        grant_print(&view, json);
    }
    if (count == limit)
        buffer_printf(json, "],\"next\":%lld}", (long long)last);
    else
        buffer_text(json, "],\"next\":null}");
    return rows_end(rows);
}

/* ---- detail: also one's own ---- */

void grant_detail_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl_request(request)->grant.id))
        request_read(request, grant_detail_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status grant_absent(struct request *request, int64_t id)
{
    return acl_absent(request, "There is no grant %lld.", (long long)id);
}

static enum status grant_detail_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    struct grant grant = {0};
    struct rows *rows = db_query(db, GRANT_SELECT "WHERE g.id = ?1", "i", acl_request(request)->grant.id);
    if (rows_next(rows)) {
        struct grant_view view;
        grant_view(rows, &view);
        grant = view.grant;
        grant_print(&view, json);
    }
    enum status status = rows_end(rows);
    bool is_own = grant.subject == SUBJECT_USER && grant.subject_id == request->actor.user_id;
    if (status == STATUS_OK && grant.id && !is_own) {
        grant.rights = 0;
        status = may_change(request, db, &grant);
    }
    if (status == STATUS_FORBIDDEN)
        free(TAKE(request->detail));
    return status == STATUS_FORBIDDEN         ? STATUS_NOT_FOUND
           : status == STATUS_OK && !grant.id ? grant_absent(request, acl_request(request)->grant.id)
                                              : status;
}

/* ---- create: replaces the rights of the same subject on the same model ---- */

static bool until_read(struct request *request, struct grant *grant)
{
    const char *text = NULL;
    if (!param_text(request, "until", PARAM_OPTIONAL, 1, 64, &text))
        return false;
    if (!text)
        return true;
    if (!time_read(text, &grant->until_ms))
        request_invalid(request, "/until", "This must be a time as in 2027-01-31T12:00:00Z.");
    else if (grant->until_ms <= clock_wall_ms())
        request_invalid(request, "/until", "This must be in the future.");
    else
        return true;
    return false;
}

void grant_create_start(struct request *request)
{
    static const char *const names[] = {"subject", "model", "rights", "reason", "until", NULL};
    struct acl_request *acl = acl_request(request);
    struct grant *grant = &acl->grant;
    if (!acl_may_grant(request, NULL))
        return;
    acl->reason = "";
    bool is_fine = params_only(request, names);
    if (!subject_read(json_get(request->params, "subject"), &grant->subject, &acl->subject_name))
        is_fine = request_invalid(request, "/subject", SUBJECT_WORDS) == STATUS_OK;
    const struct model *model = model_param(request);
    is_fine &= model != NULL;
    if (!rights_read(json_get(request->params, "rights"), &grant->rights))
        is_fine = request_invalid(request, "/rights", RIGHTS_WORDS) == STATUS_OK;
    /* Who may grant is somebody, whom the record can name. */
    else if (grant->subject == SUBJECT_EVERYONE && grant->rights & RIGHT_GRANT)
        is_fine = request_invalid(request, "/rights", "To grant cannot be given to everyone.") == STATUS_OK;
    is_fine &= param_text(request, "reason", PARAM_OPTIONAL, 0, 500, &acl->reason);
    is_fine &= until_read(request, grant);
    if (!is_fine) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    strcpy(grant->model, model->name);
    if (acl_may_grant(request, model->name))
        request_write(request, grant_create_work, grant_done);
}

/* "members", "user:3": as it is asked for. */
#define SUBJECT_SIZE 40
static const char *subject_text(const struct grant *grant, char text[SUBJECT_SIZE])
{
    if (grant->subject_id)
        snprintf(text, SUBJECT_SIZE, "%s:%lld", subject_word(grant->subject), (long long)grant->subject_id);
    else
        snprintf(text, SUBJECT_SIZE, "%s", subject_word(grant->subject));
    return text;
}

static enum status grant_create_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    struct grant *grant = &acl->grant;
    int64_t now_ms = clock_wall_ms();
    char subject[SUBJECT_SIZE];
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = subject_find(db, grant->subject, acl->subject_name, &grant->subject_id);
    if (status == STATUS_NOT_FOUND)
        return request_invalid(request, "/subject", "There is no such %s.", subject_word(grant->subject));
    if (status == STATUS_OK)
        status = may_change(request, db, grant);
    if (status == STATUS_OK)
        status = grant_select(db, grant, &acl->before);
    if (status == STATUS_NOT_FOUND && !grant->rights)
        return request_refuse(request, status, "There is no grant to %s on \"%s\".", subject_text(grant, subject),
                              grant->model);
    acl->had_before = status == STATUS_OK;
    if (acl->had_before)
        status = grant_delete(db, acl->before.id);
    if (acl->had_before && status == STATUS_OK)
        status = may_take(request, db, &acl->before, grant);
    grant->id = 0;
    if ((status == STATUS_OK || status == STATUS_NOT_FOUND) && grant->rights)
        status = grant_insert(db, grant, acl->reason, request->actor.user_id, now_ms);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    const struct grant_view view = {.grant = *grant,
                                    .reason = acl->reason,
                                    .granted_by = request->actor.user_id,
                                    .granter = request->actor.user_id ? request->actor.name : NULL,
                                    .created_ms = now_ms};
    grant_print(&view, request_result(request));
    db_acl_changed(db);
    return grant_audit(db, request->actor.user_id, "grant", acl->had_before ? &acl->before : NULL, grant, acl->reason);
}

/* Is the asker allowed to give @grant (its rights may be none: to change anything on its model)? */
static enum status may_change(struct request *request, struct db *db, const struct grant *grant)
{
    int64_t held_until[RIGHTS_COUNT];
    if (request->is_privileged)
        return STATUS_OK;
    enum status status = rights_held(db, request->actor.user_id, grant->model, clock_wall_ms(), held_until);
    if (status != STATUS_OK)
        return status;
    if (!held_until[RIGHTS_COUNT - 1])
        return request_refuse(request, STATUS_FORBIDDEN, "You may not grant permissions on \"%s\".", grant->model);
    return holds_all(request, grant, held_until, "grant");
}

/* After may_change(): may the asker put @grant in the place of @before? Nobody takes back what he could not give.
 * @before is deleted by now: what the asker held through it alone, as all members hold what members may, is not his to
 * take from the others. One's own rights one may always give up. */
static enum status may_take(struct request *request, struct db *db, const struct grant *before,
                            const struct grant *grant)
{
    int64_t held_until[RIGHTS_COUNT];
    struct grant lost = *before;
    bool is_own = before->subject == SUBJECT_USER && before->subject_id == request->actor.user_id;
    bool ends_sooner = grant->until_ms && (!before->until_ms || grant->until_ms < before->until_ms);
    if (!ends_sooner)
        lost.rights &= ~grant->rights;
    if (request->is_privileged || is_own)
        return STATUS_OK;
    enum status status = rights_held(db, request->actor.user_id, before->model, clock_wall_ms(), held_until);
    return status == STATUS_OK ? holds_all(request, &lost, held_until, "take back") : status;
}

/* Does the asker hold the rights of @grant for as long as it lasts, to "grant" or "take back", which is the @verb? */
static enum status holds_all(struct request *request, const struct grant *grant, const int64_t held_until[RIGHTS_COUNT],
                             const char *verb)
{
    char at[CLOCK_TEXT_SIZE];
    int64_t until_ms = grant->until_ms ? grant->until_ms : INT64_MAX;
    for (unsigned i = 0; i < RIGHTS_COUNT; i++) {
        const char *right = right_word(1 << i);
        if (!(grant->rights & 1 << i))
            continue;
        if (!held_until[i])
            return request_refuse(request, STATUS_FORBIDDEN, "You cannot %s \"%s\" on \"%s\": you lack it yourself.",
                                  verb, right, grant->model);
        if (held_until[i] < until_ms)
            return request_refuse(request, STATUS_FORBIDDEN,
                                  "You hold \"%s\" on \"%s\" until %s only: you cannot %s it for longer than that.",
                                  right, grant->model, clock_text(held_until[i], at), verb);
    }
    return STATUS_OK;
}

static void grant_done(struct request *request)
{
    const struct acl_request *acl = acl_request(request);
    const struct grant *grant = &acl->grant;
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    if (!permissions_set_until(request_permissions(request), grant->subject, grant->subject_id, grant->model,
                               grant->rights, grant->until_ms))
        log_error("grant.memory", "a grant is stored but not in force before the next start: no memory");
    if (grant->rights)
        expiry_note(request->app, grant->until_ms);
    acl_announce(request->app, grant->subject == SUBJECT_USER ? grant->subject_id : 0);
    if (!request->result.length) {
        request_finish(request, STATUS_NO_CONTENT);
        return;
    }
    request->created_id = grant->id;
    request_finish(request, grant->id ? STATUS_CREATED : STATUS_OK);
}

/* ---- delete ---- */

void grant_delete_start(struct request *request)
{
    static const char *const names[] = {"id", "reason", NULL};
    struct acl_request *acl = acl_request(request);
    if (!acl_may_grant(request, NULL))
        return;
    acl->reason = "";
    bool is_fine = params_only(request, names);
    is_fine &= param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl->before.id);
    is_fine &= param_text(request, "reason", PARAM_OPTIONAL, 0, 500, &acl->reason);
    if (is_fine)
        request_write(request, grant_delete_work, grant_done);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status grant_delete_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    struct grant *before = &acl->before;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = grant_select_id(db, before->id, before);
    if (status == STATUS_NOT_FOUND)
        return grant_absent(request, before->id);
    if (status != STATUS_OK)
        return status;
    acl->grant = *before;
    acl->grant.rights = 0;
    /* On other models there is nothing that he may see. */
    status = may_change(request, db, &acl->grant);
    if (status == STATUS_FORBIDDEN) {
        free(TAKE(request->detail));
        return STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        status = grant_delete(db, before->id);
    if (status == STATUS_OK)
        status = may_take(request, db, before, &acl->grant);
    if (status == STATUS_OK)
        status = grant_audit(db, request->actor.user_id, "revoke", before, NULL, acl->reason);
    if (status == STATUS_OK)
        db_acl_changed(db);
    return status;
}
