/* base/row_change.h: one row of a built-in model that an application's own action changes, as it was and as it is, for
 * the model's feed. Begins as zeros. */
#pragma once
#include "base/model_actions.h"

struct row_change {
    const struct model *model;
    struct row *before, *after; /* owned */
};
void row_change_free(struct row_change *change); /* what it owns */
/* Store thread, inside the work: before the row of @id is changed (0, or one that is not there: it is to be made), and
 * when it is there anew. The first forgets what an earlier run of the work left. */
enum status row_change_before(struct row_change *change, const struct request *request, struct db *db,
                              const char *model, int64_t id);
enum status row_change_after(struct row_change *change, struct db *db, int64_t id);
/* thread loop, after the commit, and after what the change does to rights: see hub_recheck() */
void row_change_announce(const struct row_change *change, struct dispatch *dispatch);
