/* acl/acl.h: what you may do: groups, grants, and the record of their changes. */
#pragma once
#include <stddef.h>
#include "base/dispatch.h"
#include "realtime/channel.h"

struct acl;

extern const struct route acl_routes[];
extern const size_t acl_routes_count;

/* Registers the routes. Also on an edge, where nothing is loaded. NULL: no memory. */
struct acl *acl_new(struct dispatch *dispatch, struct hub *hub);
void acl_free(struct acl *acl);
/* Groups and grants into memory. thread any, at start, while the loop waits */
enum status acl_load(struct acl *acl, struct db *db);
