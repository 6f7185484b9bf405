/* base/row_change.c: a row of a built-in model before and after, for its feed. */
#include "base/row_change.h"

void row_change_free(struct row_change *change)
{
    row_free(change->before);
    row_free(change->after);
    *change = (struct row_change){0};
}

enum status row_change_before(struct row_change *change, const struct request *request, struct db *db,
                              const char *model, int64_t id)
{
    const struct models *models = dispatch_models(request->dispatch);
    row_change_free(change);
    change->model = models ? models_find(models, model) : NULL;
    enum status status = change->model && id ? model_select(db, change->model, id, &change->before) : STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status row_change_after(struct row_change *change, struct db *db, int64_t id)
{
    row_free(TAKE(change->after));
    return change->model ? model_select(db, change->model, id, &change->after) : STATUS_OK;
}

void row_change_announce(const struct row_change *change, struct dispatch *dispatch)
{
    if (change->before || change->after)
        model_announce(dispatch, change->model, change->before, change->after);
}
