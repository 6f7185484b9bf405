/* acl/acl.h: what you may do: groups, grants, why, and the record of their changes. */
#pragma once
#include <stddef.h>
#include "base/dispatch.h"
#include "realtime/channel.h"

struct acl;

/* Registers the routes. Also on an edge, where nothing is loaded. NULL: no memory. */
struct acl *acl_new(struct dispatch *dispatch, struct hub *hub);
void acl_free(struct acl *acl);
/* Groups and grants into memory. thread any, at start, while the loop waits */
enum status acl_load(struct acl *acl, struct db *db);
/* Home, after the load, before anything is served: hands over the removal of grants that have ended meanwhile (let the
 * loop run until nothing is in flight), and sees to those that will. */
void acl_start(struct acl *acl);
/* Tell @models of "$groups", before their rules are read. Also on an edge. @permissions must outlive @models. */
void acl_relations(struct models *models, struct permissions *permissions);
