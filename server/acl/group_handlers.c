/* acl/group_handlers.c: groups of people, to grant to many at once. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"
#include "lib/log.h"

#define NAME_IS_TAKEN "There is a group of this name already."
#define PAGE_MAX      200

#define GROUP_SELECT                                                                                                   \
    "SELECT id, name, (SELECT count(*) FROM group_member WHERE group_id = id), "                                       \
    "(SELECT json_group_array(user_id) FROM (SELECT user_id FROM group_member WHERE group_id = \"group\".id "          \
    "ORDER BY user_id LIMIT 1000)), version FROM \"group\" "

static void group_print(struct rows *rows, struct buffer *json)
{
    buffer_printf(json, "{\"id\":%lld,", (long long)rows_int(rows, 0));
    buffer_json_member(json, "name", rows_text(rows, 1, NULL));
    buffer_printf(json, ",\"members\":%lld,\"users\":%s}", (long long)rows_int(rows, 2), rows_text(rows, 3, NULL));
}

static enum status group_absent(struct request *request)
{
    return acl_absent(request, "There is no group %lld.", (long long)acl_request(request)->group_id);
}

static enum status group_list_work(struct request *request, struct db *db);

void group_list_start(struct request *request)
{
    static const char *const names[] = {"name", "after", "limit", NULL};
    struct acl_request *acl = acl_request(request);
    acl->limit = PAGE_MAX;
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "name", PARAM_OPTIONAL, 1, 64, &acl->group_name);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, INT64_MAX, &acl->after);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, PAGE_MAX, &acl->limit);
    if (is_fine)
        request_read(request, group_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status group_list_work(struct request *request, struct db *db)
{
    const struct acl_request *acl = acl_request(request);
    struct buffer *json = request_result(request);
    int64_t count = 0, last = 0;
    struct rows *rows = db_query(db, GROUP_SELECT "WHERE id > ?1 AND (?2 IS NULL OR name = ?2) ORDER BY id LIMIT ?3",
                                 "iti", acl->after, acl->group_name, acl->limit);
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",", count++) {
        last = rows_int(rows, 0);
        buffer_text(json, comma);
        group_print(rows, json);
    }
    if (count == acl->limit)
        buffer_printf(json, "],\"next\":%lld}", (long long)last);
    else
        buffer_text(json, "],\"next\":null}");
    return rows_end(rows);
}

/* The group as it is into the result. NOT_FOUND: there is none. */
static enum status group_result(struct request *request, struct db *db, int64_t id)
{
    struct buffer *json = request_result(request);
    struct rows *rows = db_query(db, GROUP_SELECT "WHERE id = ?1", "i", id);
    bool is_there = rows_next(rows);
    if (is_there) {
        group_print(rows, json);
        request->version = rows_int(rows, 4);
    }
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_there ? group_absent(request) : status;
}

static enum status group_detail_work(struct request *request, struct db *db)
{
    enum status status = group_result(request, db, acl_request(request)->group_id);
    return status == STATUS_OK ? request_if_none_match(request, request->version) : status;
}

static bool group_param(struct request *request)
{
    return param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl_request(request)->group_id);
}

void group_detail_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    bool is_fine = params_only(request, names);
    if (group_param(request) && is_fine)
        request_read(request, group_detail_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- the record ---- */

/* What the group is, for the record: its name, how many are in it, and what it may do: with the group that goes too. */
static enum status group_state(struct db *db, int64_t id, struct buffer *json)
{
    struct rows *rows = db_query(db, GROUP_SELECT "WHERE id = ?1", "i", id);
    bool is_there = rows_next(rows);
    if (is_there) {
        buffer_char(json, '{');
        buffer_json_member(json, "name", rows_text(rows, 1, NULL));
        buffer_printf(json, ",\"members\":%lld,\"grants\":{", (long long)rows_int(rows, 2));
    }
    enum status status = rows_end(rows);
    if (status != STATUS_OK || !is_there)
        return status != STATUS_OK ? status : STATUS_NOT_FOUND;
    rows = db_query(db, "SELECT model, rights FROM \"grant\" WHERE group_id = ?1 ORDER BY model", "i", id);
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        const char *model = rows_text(rows, 0, NULL);
        buffer_text(json, comma);
        buffer_json(json, model, strlen(model));
        buffer_char(json, ':');
        rights_print((unsigned)rows_int(rows, 1), json);
    }
    buffer_text(json, "}}");
    return rows_end(rows);
}

/* @before and @after: JSON. */
static enum status group_audit(struct request *request, struct db *db, const char *action, const char *before,
                               const char *after)
{
    const struct acl_request *acl = acl_request(request);
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"group\":%lld,\"user\":%lld,", (long long)acl->group_id, (long long)acl->user_id);
    buffer_json_member(&detail, "name", acl->group_name);
    buffer_printf(&detail, ",\"before\":%s,\"after\":%s}", before ? before : "null", after ? after : "null");
    return audit_insert(db, request->actor.user_id, action, &detail);
}

/* Somebody went in or out. */
static enum status member_audit(struct request *request, struct db *db, const char *action, bool is_in)
{
    return group_audit(request, db, action, is_in ? "{\"member\":false}" : "{\"member\":true}",
                       is_in ? "{\"member\":true}" : "{\"member\":false}");
}

/* ---- create ---- */

static bool name_param(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (!param_text(request, "name", PARAM_REQUIRED, 1, 64, &acl->group_name))
        return false;
    return !name_is_number(acl->group_name) || request_invalid(request, "/name", NAME_IS_NUMBER) == STATUS_OK;
}

static enum status group_create_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO \"group\"(name, created_at, updated_at) VALUES (?1, ?2, ?2)", "ti",
                        acl->group_name, clock_wall_ms());
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, NAME_IS_TAKEN);
    if (status != STATUS_OK)
        return status;
    acl->group_id = db_last_id(db);
    SCOPED(buffer_free) struct buffer after = {0};
    status = group_state(db, acl->group_id, &after);
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.create", NULL, after.bytes);
    return status == STATUS_OK ? group_result(request, db, acl->group_id) : status;
}

static void group_create_done(struct request *request)
{
    request->created_id = acl_request(request)->group_id;
    if (request->status == STATUS_OK)
        acl_tell_group(request, request->created_id, &request->result, true);
    request_finish(request, request->status == STATUS_OK ? STATUS_CREATED : request->status);
}

void group_create_start(struct request *request)
{
    static const char *const names[] = {"name", NULL};
    bool is_fine = params_only(request, names);
    is_fine &= name_param(request);
    if (is_fine)
        request_write(request, group_create_work, group_create_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- update: another name. Grants hang on the id, so they stay with the group, and none comes with the name. ---- */

static enum status group_update_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    SCOPED(buffer_free) struct buffer before = {0};
    SCOPED(buffer_free) struct buffer after = {0};
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = group_result(request, db, acl->group_id);
    if (status == STATUS_OK)
        status = request_if_match(request, request->version);
    if (status == STATUS_OK)
        status = group_state(db, acl->group_id, &before);
    if (status == STATUS_OK)
        status = db_run(db, "UPDATE \"group\" SET name = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1",
                        "iti", acl->group_id, acl->group_name, clock_wall_ms());
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, NAME_IS_TAKEN);
    if (status == STATUS_OK)
        status = group_state(db, acl->group_id, &after);
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.update", before.bytes, after.bytes);
    return status == STATUS_OK ? group_result(request, db, acl->group_id) : status;
}

/* The grants of the group show its name too. */
static void group_update_done(struct request *request)
{
    if (request->status == STATUS_OK) {
        acl_tell_group(request, acl_request(request)->group_id, &request->result, false);
        acl_tell_lost(request, FEED_GRANT);
    }
    request_finish(request, request->status);
}

void group_update_start(struct request *request)
{
    static const char *const names[] = {"id", "name", NULL};
    bool is_fine = params_only(request, names);
    is_fine &= group_param(request);
    is_fine &= name_param(request);
    if (is_fine)
        request_write(request, group_update_work, group_update_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- delete ---- */

void group_delete_free(struct request *request)
{
    along_clear(&container_of(acl_request(request), struct group_delete, acl)->along);
}

static enum status group_delete_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    struct along *along = &container_of(acl, struct group_delete, acl)->along;
    const struct models *models = dispatch_models(request->dispatch);
    SCOPED(buffer_free) struct buffer before = {0};
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = group_state(db, acl->group_id, &before);
    if (status == STATUS_NOT_FOUND)
        return group_absent(request);
    if (status == STATUS_OK)
        status = along_follow(along, request, db, models ? models_find(models, "group") : NULL, acl->group_id);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM \"group\" WHERE id = ?1", "i", acl->group_id);
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.delete", before.bytes, NULL);
    if (status == STATUS_OK)
        status = along_finish(along, db);
    db_acl_changed(db);
    return status;
}

static void group_delete_done(struct request *request)
{
    if (request->status == STATUS_OK) {
        permissions_drop_group(request_permissions(request), acl_request(request)->group_id);
        acl_announce(request, 0);
        acl_tell_group(request, acl_request(request)->group_id, NULL, false);
        acl_tell_lost(request, FEED_GRANT); /* its grants went along with it */
        along_announce(&container_of(acl_request(request), struct group_delete, acl)->along, request->dispatch);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void group_delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    bool is_fine = params_only(request, names);
    if (group_param(request) && is_fine)
        request_write(request, group_delete_work, group_delete_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- members ---- */

static bool member_read(struct request *request)
{
    static const char *const names[] = {"id", "user", NULL};
    struct acl_request *acl = acl_request(request);
    bool is_fine = params_only(request, names);
    is_fine &= group_param(request);
    is_fine &= param_int(request, "user", PARAM_REQUIRED, 1, INT64_MAX, &acl->user_id);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    return is_fine;
}

static enum status group_find(struct request *request, struct db *db)
{
    int64_t is_there = 0;
    enum status status =
        db_get_int(db, &is_there, "SELECT 1 FROM \"group\" WHERE id = ?1", "i", acl_request(request)->group_id);
    return status == STATUS_NOT_FOUND ? group_absent(request) : status;
}

/* The group with its members as they are now, for those who listen. */
static enum status group_show(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = group_result(request, db, acl->group_id);
    buffer_clear(&acl->told);
    buffer_append(&acl->told, request->result.bytes, request->result.length);
    request_result(request);
    request->version = 0;
    return status;
}

/* Somebody went in or out. */
static void member_announce(struct request *request)
{
    const struct acl_request *acl = acl_request(request);
    acl_announce(request, acl->user_id);
    if (acl->told.has_failed)
        acl_tell_lost(request, FEED_GROUP);
    else if (acl->told.length)
        acl_tell_group(request, acl->group_id, &acl->told, false);
}

static enum status group_join_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    int64_t is_there = 0;
    enum status status = request_recheck(request, db);
    buffer_clear(&acl->told);
    if (status == STATUS_OK)
        status = group_find(request, db);
    if (status == STATUS_OK) {
        status = db_get_int(db, &is_there, "SELECT 1 FROM user WHERE id = ?1", "i", acl->user_id);
        if (status == STATUS_NOT_FOUND)
            return acl_absent(request, "There is no user %lld.", (long long)acl->user_id);
    }
    if (status == STATUS_OK)
        status = db_run(db, "INSERT OR IGNORE INTO group_member(group_id, user_id) VALUES (?1, ?2)", "ii",
                        acl->group_id, acl->user_id);
    if (status != STATUS_OK || db_changes(db) == 0)
        return status;
    status = member_audit(request, db, "group.join", true);
    if (status == STATUS_OK)
        status = group_show(request, db);
    db_acl_changed(db);
    return status;
}

static void group_join_done(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (request->status == STATUS_OK) {
        if (!permissions_join(request_permissions(request), acl->group_id, acl->user_id))
            log_error("group.memory", "a membership is stored but not in force before the next start: no memory");
        member_announce(request);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void group_member_create_start(struct request *request)
{
    if (member_read(request))
        request_write(request, group_join_work, group_join_done);
}

static enum status group_part_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = group_find(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM group_member WHERE group_id = ?1 AND user_id = ?2", "ii", acl->group_id,
                        acl->user_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return acl_absent(request, "User %lld is not in group %lld.", (long long)acl->user_id,
                          (long long)acl->group_id);
    if (status == STATUS_OK)
        status = member_audit(request, db, "group.part", false);
    if (status == STATUS_OK)
        status = group_show(request, db);
    db_acl_changed(db);
    return status;
}

static void group_part_done(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (request->status == STATUS_OK) {
        permissions_part(request_permissions(request), acl->group_id, acl->user_id);
        member_announce(request);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void group_member_delete_start(struct request *request)
{
    if (member_read(request))
        request_write(request, group_part_work, group_part_done);
}
