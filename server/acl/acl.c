/* acl/acl.c: the application: its routes and what it loads. */
#include "acl/acl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "acl/state.h"
#include "lib/clock.h"

#define ACL_SIZE sizeof(struct acl_request)

/* Who may grant on a model is not known from the route: those actions look for themselves. */
static const struct route acl_routes[] = {
    {"grant.list", HTTP_M_GET, "grant", ROUTE_SIGNED_IN, NULL, 0, grant_list_start, ACL_SIZE, NULL},
    {"grant.detail", HTTP_M_GET, "grant/:id", ROUTE_SIGNED_IN, NULL, 0, grant_detail_start, ACL_SIZE, NULL},
    {"grant.create", HTTP_M_POST, "grant", ROUTE_SIGNED_IN, NULL, 0, grant_create_start, ACL_SIZE, NULL},
    {"grant.delete", HTTP_M_DELETE, "grant/:id", ROUTE_SIGNED_IN, NULL, 0, grant_delete_start, ACL_SIZE, NULL},
    {"group.list", HTTP_M_GET, "group", ROUTE_SUPERUSER, NULL, 0, group_list_start, ACL_SIZE, NULL},
    {"group.detail", HTTP_M_GET, "group/:id", ROUTE_SUPERUSER, NULL, 0, group_detail_start, ACL_SIZE, NULL},
    {"group.create", HTTP_M_POST, "group", ROUTE_SUPERUSER, NULL, 0, group_create_start, ACL_SIZE, NULL},
    {"group.update", HTTP_M_PATCH, "group/:id", ROUTE_SUPERUSER, NULL, 0, group_update_start, ACL_SIZE, NULL},
    {"group.delete", HTTP_M_DELETE, "group/:id", ROUTE_SUPERUSER, NULL, 0, group_delete_start,
     sizeof(struct group_delete), group_delete_free},
    {"group_member.create", HTTP_M_POST, "group/:id/member", ROUTE_SUPERUSER, NULL, 0, group_member_create_start,
     ACL_SIZE, acl_request_free},
    {"group_member.delete", HTTP_M_DELETE, "group/:id/member/:user", ROUTE_SUPERUSER, NULL, 0,
     group_member_delete_start, ACL_SIZE, acl_request_free},
};

void acl_request_free(struct request *request)
{
    buffer_free(&acl_request(request)->told);
}

struct acl *acl_new(struct dispatch *dispatch, struct hub *hub)
{
    struct acl *acl = calloc(1, sizeof *acl);
    if (!acl)
        return NULL;
    acl->dispatch = dispatch;
    acl->hub = hub;
    if (!feeds_open(acl)) {
        free(acl);
        return NULL;
    }
    expiry_init(acl);
    dispatch_add(dispatch, acl_routes, ARRAY_LENGTH(acl_routes), acl);
    dispatch_add(dispatch, &expiry_route, 1, acl);
    dispatch_add(dispatch, &user_groups_route, 1, acl);
    dispatch_add(dispatch, audit_routes, audit_routes_count, acl);
    dispatch_add(dispatch, explain_routes, explain_routes_count, acl);
    dispatch_add(dispatch, who_routes, who_routes_count, acl);
    dispatch_add(dispatch, dry_run_routes, dry_run_routes_count, acl);
    dispatch_add(dispatch, effective_routes, effective_routes_count, acl);
    return acl;
}

void acl_free(struct acl *acl)
{
    if (acl)
        feeds_close(acl);
    free(acl);
}

enum status acl_load(struct acl *acl, struct db *db)
{
    return permissions_select(db, dispatch_permissions(acl->dispatch), clock_wall_ms(), &acl->next_until_ms);
}

void acl_start(struct acl *acl)
{
    expiry_start(acl);
}

enum status acl_absent(struct request *request, const char *format, ...)
{
    char words[160];
    va_list arguments;
    if (!request->is_privileged)
        return STATUS_NOT_FOUND;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return request_refuse(request, STATUS_NOT_FOUND, "%s", words);
}

bool acl_may_grant(struct request *request, const char *model)
{
    if (permissions_may_grant(request_permissions(request), &request->actor, model))
        return true;
    enum status status =
        model ? request_refuse(request, STATUS_FORBIDDEN, "You may not grant permissions on \"%s\".", model)
              : request_forbid(request, 0);
    request_finish(request, status);
    return false;
}
