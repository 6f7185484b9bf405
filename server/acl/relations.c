/* acl/relations.c: what rules may ask of groups. */
#include "acl/acl.h"
#include "base/rule.h"

static bool is_in_group(void *app, const struct actor *actor, int64_t id);

void acl_relations(struct models *models, struct permissions *permissions)
{
    const struct relation groups = {
        .name = "$groups",
        .sql = "SELECT group_id FROM group_member WHERE user_id = ?",
        .has = is_in_group,
        .app = permissions,
    };
    relation_add(models, &groups);
}

static bool is_in_group(void *app, const struct actor *actor, int64_t id)
{
    return permissions_is_in_group(app, id, actor->user_id);
}
