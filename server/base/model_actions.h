/* base/model_actions.h: the five actions of every model, once: list, detail, create, update, delete, by both doors. */
#pragma once
#include "base/dispatch.h"
#include "base/model.h"
#include "base/rule.h"

/* Registers the routes of all models ("news.list" …), those that an application has not made its own, and
 * "model.list". Also on an edge. @models must outlive @dispatch. False: no memory. */
bool model_actions_add(struct dispatch *dispatch, const struct models *models);
void model_actions_free(struct dispatch *dispatch);

/* Is told of every committed change of a row, on the loop, in the order of the commits, before the answer leaves.
 * @before is NULL for a new row, @after for one that is gone; both: rows changed that cannot be told one by one, as
 * they went along with another. One listener: the change feed. */
typedef void model_changed(void *context, const struct model *model, const struct row *before, const struct row *after);
void model_actions_on_change(struct dispatch *dispatch, model_changed *changed, void *context);
/* For applications whose own actions change rows of a built-in model. thread loop, after the commit */
void model_announce(struct dispatch *dispatch, const struct model *model, const struct row *before,
                    const struct row *after);

/* Read one row as it is. Store thread. NOT_FOUND: there is none. *out is the caller's. */
enum status model_select(struct db *db, const struct model *model, int64_t id, struct row **out);
/* The request as rules see it. thread any that holds the request */
struct asker request_asker(const struct request *request);
/* @actor on @model as rules see it, for several questions in a row. thread loop */
struct asker model_asker(const struct model *model, const struct permissions *permissions, const struct actor *actor);
/* May @asker see this row at all: the right to read the model, and the rule? And which of its fields (bits)? */
bool asker_sees(const struct asker *asker, const struct row *row);
uint64_t asker_fields(const struct asker *asker, const struct row *row);
/* The fields of @row that @actor may see (bits). thread loop */
uint64_t model_fields_readable(const struct model *model, const struct permissions *permissions,
                               const struct actor *actor, const struct row *row);
/* May @actor see this row at all: the right to read the model, and the rule? thread loop */
bool model_row_readable(const struct model *model, const struct permissions *permissions, const struct actor *actor,
                        const struct row *row);
