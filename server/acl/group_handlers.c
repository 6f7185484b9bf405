/* acl/group_handlers.c: groups of people, to grant to many at once. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"
#include "lib/log.h"

static enum status group_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    SCOPED(rows_end)
    struct rows *rows = db_query(db,
                                 "SELECT id, name, (SELECT count(*) FROM group_member WHERE group_id = id), "
                                 "(SELECT json_group_array(user_id) FROM group_member WHERE group_id = id) FROM "
                                 "\"group\" ORDER BY name LIMIT 1000",
                                 "");
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)rows_int(rows, 0));
        buffer_json_member(json, "name", rows_text(rows, 1, NULL));
        buffer_printf(json, ",\"members\":%lld,\"users\":%s}", (long long)rows_int(rows, 2), rows_text(rows, 3, NULL));
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

void group_list_start(struct request *request)
{
    if (params_only(request, NULL))
        request_read(request, group_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

static enum status group_audit(struct request *request, struct db *db, const char *action)
{
    const struct acl_request *acl = acl_request(request);
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"group\":%lld,\"user\":%lld,", (long long)acl->group_id, (long long)acl->user_id);
    buffer_json_member(&detail, "name", acl->group_name);
    buffer_char(&detail, '}');
    return audit_insert(db, request->actor.user_id, action, &detail);
}

/* ---- create ---- */

static enum status group_create_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO \"group\"(name, created_at) VALUES (?1, ?2)", "ti", acl->group_name,
                        clock_wall_ms());
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "There is a group of this name already.");
    if (status != STATUS_OK)
        return status;
    acl->group_id = db_last_id(db);
    struct buffer *json = request_result(request);
    buffer_printf(json, "{\"id\":%lld,", (long long)acl->group_id);
    buffer_json_member(json, "name", acl->group_name);
    buffer_text(json, ",\"members\":0,\"users\":[]}");
    return group_audit(request, db, "group.create");
}

static void group_create_done(struct request *request)
{
    request->created_id = acl_request(request)->group_id;
    request_finish(request, request->status == STATUS_OK ? STATUS_CREATED : request->status);
}

void group_create_start(struct request *request)
{
    static const char *const names[] = {"name", NULL};
    bool is_fine = params_only(request, names);
    is_fine &= param_text(request, "name", PARAM_REQUIRED, 1, 64, &acl_request(request)->group_name);
    if (is_fine)
        request_write(request, group_create_work, group_create_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- delete ---- */

static enum status group_delete_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM \"group\" WHERE id = ?1", "i", acl->group_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.delete");
    db_acl_changed(db);
    return status;
}

static void group_delete_done(struct request *request)
{
    if (request->status == STATUS_OK) {
        permissions_drop_group(request_permissions(request), acl_request(request)->group_id);
        acl_announce(request->app, 0);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void group_delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl_request(request)->group_id))
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
    is_fine &= param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl->group_id);
    is_fine &= param_int(request, "user", PARAM_REQUIRED, 1, INT64_MAX, &acl->user_id);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    return is_fine;
}

static enum status group_join_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    int64_t is_there = 0;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_get_int(db, &is_there, "SELECT 1 FROM \"group\", user WHERE \"group\".id = ?1 AND user.id = ?2",
                            "ii", acl->group_id, acl->user_id);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT OR IGNORE INTO group_member(group_id, user_id) VALUES (?1, ?2)", "ii",
                        acl->group_id, acl->user_id);
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.join");
    db_acl_changed(db);
    return status;
}

static void group_join_done(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (request->status == STATUS_OK) {
        if (!permissions_join(request_permissions(request), acl->group_id, acl->user_id))
            log_error("group.memory", "a membership is stored but not in force before the next start: no memory");
        acl_announce(request->app, acl->user_id);
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
        status = db_run(db, "DELETE FROM group_member WHERE group_id = ?1 AND user_id = ?2", "ii", acl->group_id,
                        acl->user_id);
    if (status == STATUS_OK && db_changes(db) == 0)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = group_audit(request, db, "group.part");
    db_acl_changed(db);
    return status;
}

static void group_part_done(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (request->status == STATUS_OK) {
        permissions_part(request_permissions(request), acl->group_id, acl->user_id);
        acl_announce(request->app, acl->user_id);
    }
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

void group_member_delete_start(struct request *request)
{
    if (member_read(request))
        request_write(request, group_part_work, group_part_done);
}
