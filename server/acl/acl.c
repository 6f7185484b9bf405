/* acl/acl.c: the application: its routes, what it loads, the record of changes. */
#include "acl/acl.h"
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"

const struct route acl_routes[] = {
    {"grant.list", HTTP_M_GET, "grant", ROUTE_SUPERUSER, NULL, 0, grant_list_start, sizeof(struct acl_request), NULL},
    {"grant.create", HTTP_M_POST, "grant", ROUTE_SUPERUSER, NULL, 0, grant_create_start, sizeof(struct acl_request),
     NULL},
    {"grant.delete", HTTP_M_DELETE, "grant/:id", ROUTE_SUPERUSER, NULL, 0, grant_delete_start,
     sizeof(struct acl_request), NULL},
    {"group.list", HTTP_M_GET, "group", ROUTE_SUPERUSER, NULL, 0, group_list_start, sizeof(struct acl_request), NULL},
    {"group.create", HTTP_M_POST, "group", ROUTE_SUPERUSER, NULL, 0, group_create_start, sizeof(struct acl_request),
     NULL},
    {"group.delete", HTTP_M_DELETE, "group/:id", ROUTE_SUPERUSER, NULL, 0, group_delete_start,
     sizeof(struct acl_request), NULL},
    {"group_member.create", HTTP_M_POST, "group/:id/member", ROUTE_SUPERUSER, NULL, 0, group_member_create_start,
     sizeof(struct acl_request), NULL},
    {"group_member.delete", HTTP_M_DELETE, "group/:id/member/:user", ROUTE_SUPERUSER, NULL, 0,
     group_member_delete_start, sizeof(struct acl_request), NULL},
    {"audit.list", HTTP_M_GET, "audit", ROUTE_SUPERUSER, NULL, 0, audit_list_start, sizeof(struct acl_request), NULL},
};
const size_t acl_routes_count = ARRAY_LENGTH(acl_routes);

struct acl *acl_new(struct dispatch *dispatch, struct hub *hub)
{
    struct acl *acl = calloc(1, sizeof *acl);
    if (!acl)
        return NULL;
    acl->dispatch = dispatch;
    acl->hub = hub;
    dispatch_add(dispatch, acl_routes, acl_routes_count, acl);
    return acl;
}

void acl_free(struct acl *acl)
{
    free(acl);
}

static enum subject subject_of(const char *word)
{
    for (enum subject subject = SUBJECT_EVERYONE; subject < SUBJECT_GROUP; subject++)
        if (strcmp(word, subject_word(subject)) == 0)
            return subject;
    return SUBJECT_GROUP;
}

enum status acl_load(struct acl *acl, struct db *db)
{
    struct permissions *permissions = dispatch_permissions(acl->dispatch);
    bool is_fine = true;
    struct rows *rows = db_query(db, "SELECT group_id, user_id FROM group_member", "");
    if (!rows)
        return STATUS_FAULT;
    while (rows_next(rows))
        is_fine = permissions_join(permissions, rows_int(rows, 0), rows_int(rows, 1)) && is_fine;
    enum status status = rows_end(rows);
    rows = status == STATUS_OK
               ? db_query(db, "SELECT subject, ifnull(user_id, ifnull(group_id, 0)), model, rights FROM \"grant\"", "")
               : NULL;
    if (!rows)
        return FAULT("the grants could not be read");
    while (rows_next(rows))
        is_fine = permissions_set(permissions, subject_of(rows_text(rows, 0, NULL)), rows_int(rows, 1),
                                  rows_text(rows, 2, NULL), (unsigned)rows_int(rows, 3)) &&
                  is_fine;
    status = rows_end(rows);
    if (!is_fine)
        return FAULT("no memory for the grants");
    return status;
}

void acl_announce(struct acl *acl, int64_t user_id)
{
    hub_recheck(acl->hub, user_id);
    if (!user_id)
        return;
    /* So that the person's own windows show what is possible now. */
    static const char event[] = "{\"event\":\"permissions\"}";
    char feed[40];
    snprintf(feed, sizeof feed, "user:%lld", (long long)user_id);
    hub_publish(acl->hub, feed, 0, event, sizeof event - 1);
}

static enum status audit_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    int64_t before = INT64_MAX, limit = 50, last = 0, count = 0;
    char at[CLOCK_TEXT_SIZE];
    param_int(request, "before", PARAM_OPTIONAL, 1, INT64_MAX, &before);
    param_int(request, "limit", PARAM_OPTIONAL, 1, 200, &limit);
    SCOPED(rows_end)
    struct rows *rows =
        db_query(db,
                 "SELECT audit.id, at, audit.user_id, user.name, action, detail FROM audit LEFT JOIN user "
                 "ON user.id = audit.user_id WHERE audit.id < ?1 ORDER BY audit.id DESC LIMIT ?2",
                 "ii", before, limit);
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",", count++) {
        last = rows_int(rows, 0);
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)last);
        buffer_json_member(json, "at", clock_text(rows_int(rows, 1), at));
        buffer_char(json, ',');
        if (!rows_is_null(rows, 2))
            buffer_printf(json, "\"user\":%lld,", (long long)rows_int(rows, 2));
        buffer_json_member(json, "name", rows_is_null(rows, 2) ? "shell" : rows_text(rows, 3, NULL));
        buffer_char(json, ',');
        buffer_json_member(json, "action", rows_text(rows, 4, NULL));
        buffer_printf(json, ",\"detail\":%s}", rows_text(rows, 5, NULL));
    }
    if (count == limit)
        buffer_printf(json, "],\"next\":%lld}", (long long)last);
    else
        buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

void audit_list_start(struct request *request)
{
    static const char *const names[] = {"before", "limit", NULL};
    int64_t number;
    bool is_fine = params_only(request, names);
    is_fine &= param_int(request, "before", PARAM_OPTIONAL, 1, INT64_MAX, &number);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, 200, &number);
    if (is_fine)
        request_read(request, audit_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}
