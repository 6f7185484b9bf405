/* acl/grant_handlers.c: give a right and take it back. The change and its record commit together; then it is in force,
 * here and for every open socket, before anybody is told that it was done. Whether it may be done is asked in
 * grant_checks.c; who holds the right to grant on a model sees its grants. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LIST_MAX 10000

static enum status grant_list_work(struct request *request, struct db *db);
static enum status grant_detail_work(struct request *request, struct db *db);
static enum status grant_create_work(struct request *request, struct db *db);
static enum status grant_result(struct request *request, struct db *db, int64_t now_ms);
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
    int64_t id = acl_request(request)->grant.id;
    enum status status = grant_select_id(db, id, &grant);
    if (status == STATUS_NOT_FOUND)
        return grant_absent(request, id);
    if (status == STATUS_OK)
        status = grant_print_id(db, id, json);
    bool is_own = grant.subject == SUBJECT_USER && grant.subject_id == request->actor.user_id;
    if (status == STATUS_OK && !is_own) {
        grant.rights = 0;
        status = grant_may_change(request, db, &grant);
    }
    if (status != STATUS_FORBIDDEN)
        return status;
    free(TAKE(request->detail));
    return STATUS_NOT_FOUND;
}

/* ---- create: replaces the rights of the same subject on the same model ---- */

/* The parameter "expect": the rights that the asker has seen. */
static bool expected_read(struct request *request, struct grant_expected *expected)
{
    expected->is_given = param_is_given(request, "expect");
    return !expected->is_given || rights_read(json_get(request->params, "expect"), &expected->rights) ||
           request_invalid(request, "/expect", EXPECT_WORDS) == STATUS_OK;
}

void grant_create_start(struct request *request)
{
    static const char *const names[] = {"subject", "model", "rights", "reason", "until", "expect", NULL};
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
    const char *wrong = grant_until_read(json_get(request->params, "until"), &grant->until_ms);
    if (wrong)
        is_fine = request_invalid(request, "/until", "%s", wrong) == STATUS_OK;
    is_fine &= expected_read(request, &acl->expected);
    if (!is_fine) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    strcpy(grant->model, model->name);
    if (acl_may_grant(request, model->name))
        request_write(request, grant_create_work, grant_done);
}

static enum status grant_create_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    struct grant *grant = &acl->grant;
    int64_t now_ms = clock_wall_ms();
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = subject_find(db, grant->subject, acl->subject_name, &grant->subject_id);
    if (status == STATUS_NOT_FOUND)
        return request_invalid(request, "/subject", "There is no such %s.", subject_word(grant->subject));
    if (status == STATUS_OK)
        status = grant_judge(request, db, grant, &acl->expected, &acl->before);
    acl->had_before = status == STATUS_OK && acl->before.id;
    if (acl->had_before)
        status = grant_delete(db, acl->before.id);
    grant->id = 0;
    if (status == STATUS_OK && grant->rights)
        status = grant_insert(db, grant, acl->reason, request->actor.user_id, now_ms);
    if (status == STATUS_OK)
        status = grant_result(request, db, now_ms);
    if (status != STATUS_OK)
        return status;
    db_acl_changed(db);
    return grant_audit(db, request->actor.user_id, "grant", acl->had_before ? &acl->before : NULL, grant, acl->reason);
}

/* The grant as it is, or as it would be without rights. */
static enum status grant_result(struct request *request, struct db *db, int64_t now_ms)
{
    const struct acl_request *acl = acl_request(request);
    struct buffer *json = request_result(request);
    if (acl->grant.id)
        return grant_print_id(db, acl->grant.id, json);
    const struct grant_view view = {.grant = acl->grant,
                                    .reason = acl->reason,
                                    .granted_by = request->actor.user_id,
                                    .granter = request->actor.user_id ? request->actor.name : NULL,
                                    .created_ms = now_ms};
    grant_print(&view, json);
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
    acl_announce(request, grant->subject == SUBJECT_USER ? grant->subject_id : 0);
    if (acl->before.id)
        acl_tell_grant(request, &acl->before, NULL);
    if (grant->rights)
        acl_tell_grant(request, grant, &request->result);
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
    static const char *const names[] = {"id", "reason", "expect", NULL};
    struct acl_request *acl = acl_request(request);
    if (!acl_may_grant(request, NULL))
        return;
    acl->reason = "";
    bool is_fine = params_only(request, names);
    is_fine &= param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl->before.id);
    is_fine &= param_text(request, "reason", PARAM_OPTIONAL, 0, 500, &acl->reason);
    is_fine &= expected_read(request, &acl->expected);
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
    status = grant_may_change(request, db, &acl->grant);
    if (status == STATUS_FORBIDDEN) {
        free(TAKE(request->detail));
        return STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        status = grant_expect(request, &acl->expected, before);
    if (status == STATUS_OK)
        status = grant_may_take(request, db, before, &acl->grant);
    if (status == STATUS_OK)
        status = grant_delete(db, before->id);
    if (status == STATUS_OK)
        status = grant_audit(db, request->actor.user_id, "revoke", before, NULL, acl->reason);
    if (status == STATUS_OK)
        db_acl_changed(db);
    return status;
}
