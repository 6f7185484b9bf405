/* acl/user_groups.c: which groups somebody is in. Everybody may ask about himself, administrators about all. */
#include <string.h>
#include "acl/state.h"

static void list_start(struct request *request);
static enum status list_work(struct request *request, struct db *db);

const struct route user_groups_route = {
    "user_group.list",          HTTP_M_GET, "user/:id/group", ROUTE_SIGNED_IN, NULL, 0, list_start,
    sizeof(struct acl_request), NULL};

static void list_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    struct acl_request *acl = acl_request(request);
    if (!params_only(request, names) || !param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl->user_id))
        request_finish(request, STATUS_INVALID);
    else if (!request->is_privileged && acl->user_id != request->actor.user_id)
        request_finish(request, request_forbid(request, 0));
    else
        request_read(request, list_work, NULL);
}

static enum status list_work(struct request *request, struct db *db)
{
    const struct acl_request *acl = acl_request(request);
    struct buffer *json = request_result(request);
    int64_t found;
    enum status status = db_get_int(db, &found, "SELECT 1 FROM user WHERE id = ?1", "i", acl->user_id);
    if (status == STATUS_NOT_FOUND)
        return acl_absent(request, "There is no user %lld.", (long long)acl->user_id);
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(db,
                                 "SELECT id, name FROM \"group\" JOIN group_member ON group_id = id WHERE user_id = ?1 "
                                 "ORDER BY id",
                                 "i", acl->user_id);
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)rows_int(rows, 0));
        buffer_json_member(json, "name", rows_text(rows, 1, NULL));
        buffer_char(json, '}');
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(rows);
}
