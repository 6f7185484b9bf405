/* base/model_actions.c: the routes of all models, who is told of their changes, and what a row shows to whom. What the
 * actions do is in model_show.c and model_change.c. */
#include "base/model_actions.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/model_request.h"
#include "lib/clock.h"

#define ID_MAX ((INT64_C(1) << 53) - 1)

struct model_actions {
    const struct models *models;
    struct model_routes *each; /* one for each model, in their order */
    model_changed *changed;    /* may be NULL */
    void *context;
};

static const struct {
    const char *name, *path; /* behind the model's own */
    enum http_method method;
    unsigned needs;
    void (*start)(struct request *request);
} kinds[MODEL_ROUTES] = {
    [MODEL_LIST] = {"list", "", HTTP_M_GET, RIGHT_READ, model_list_start},
    [MODEL_DETAIL] = {"detail", "/:id", HTTP_M_GET, RIGHT_READ, model_detail_start},
    [MODEL_CREATE] = {"create", "", HTTP_M_POST, RIGHT_WRITE, model_create_start},
    [MODEL_UPDATE] = {"update", "/:id", HTTP_M_PATCH, RIGHT_WRITE, model_update_start},
    [MODEL_DELETE] = {"delete", "/:id", HTTP_M_DELETE, RIGHT_DELETE, model_delete_start},
    [MODEL_HISTORY] = {"history", "/:id/history", HTTP_M_GET, RIGHT_READ, model_history_start},
    [MODEL_ALONG] = {"along", "/:id/along", HTTP_M_GET, RIGHT_DELETE, model_along_start},
};

static void routes_add(struct dispatch *dispatch, struct model_routes *routes, const struct model *model);
static void model_request_free(struct request *request);

/* ---- routes ---- */

bool model_actions_add(struct dispatch *dispatch, const struct models *models)
{
    size_t count = models_count(models);
    struct model_actions *actions = calloc(1, sizeof *actions);
    struct model_routes *each = calloc(count ? count : 1, sizeof *each);
    if (!actions || !each) {
        free(actions);
        free(each);
        return false;
    }
    actions->models = models;
    actions->each = each;
    dispatch_set_model_actions(dispatch, actions);
    for (size_t i = 0; i < count; i++)
        routes_add(dispatch, &each[i], models_at(models, i));
    model_catalog_add(dispatch);
    return true;
}

/* The rows of built-in models are changed by their applications, which keep records of their own. */
static bool is_offered(const struct model *model, size_t kind)
{
    if (kind == MODEL_HISTORY)
        return model->has_history;
    if (kind == MODEL_ALONG)
        return !model->is_builtin && model->actions & 1u << MODEL_DELETE;
    return model->actions & 1u << kind;
}

static void routes_add(struct dispatch *dispatch, struct model_routes *routes, const struct model *model)
{
    routes->model = model;
    for (size_t i = 0; i < MODEL_ROUTES; i++) {
        snprintf(routes->names[i], sizeof routes->names[i], "%s.%s", model->name, kinds[i].name);
        snprintf(routes->paths[i], sizeof routes->paths[i], "%s%s", model->name, kinds[i].path);
        if (!is_offered(model, i) || dispatch_knows(dispatch, routes->names[i]))
            continue;
        routes->routes[i] = (struct route){
            .name = routes->names[i],
            .method = kinds[i].method,
            .path = routes->paths[i],
            .flags = ROUTE_MODEL,
            .model = model->name,
            .needs = kinds[i].needs,
            .start = kinds[i].start,
            .size = sizeof(struct model_request),
            .free = model_request_free,
        };
        dispatch_add(dispatch, &routes->routes[i], 1, routes);
    }
}

void model_actions_free(struct dispatch *dispatch)
{
    struct model_actions *actions = dispatch_model_actions(dispatch);
    if (!actions)
        return;
    dispatch_set_model_actions(dispatch, NULL);
    free(actions->each);
    free(actions);
}

/* ---- changes ---- */

void model_actions_on_change(struct dispatch *dispatch, model_changed *changed, void *context)
{
    struct model_actions *actions = dispatch_model_actions(dispatch);
    actions->changed = changed;
    actions->context = context;
}

void model_announce(struct dispatch *dispatch, const struct model *model, const struct row *before,
                    const struct row *after)
{
    const struct model_actions *actions = dispatch_model_actions(dispatch);
    if (actions && actions->changed)
        actions->changed(actions->context, model, before, after);
}

/* ---- requests ---- */

struct asker request_asker(const struct request *request)
{
    return (struct asker){.actor = &request->actor,
                          .rights = request->rights,
                          .is_privileged = request->is_privileged,
                          .now_ms = clock_wall_ms()};
}

struct asker asker_beside(const struct model_request *asked, size_t field)
{
    struct asker asker = request_asker(&asked->request);
    asker.rights = asked->rights[field];
    return asker;
}

void model_request_look_around(struct model_request *asked)
{
    struct request *request = &asked->request;
    const struct model *model = model_of(request);
    for (size_t i = 0; i < model->fields_count; i++)
        if (model->fields[i].references)
            asked->rights[i] =
                permissions_of(request_permissions(request), &request->actor, model->fields[i].references);
}

bool model_request_id(struct model_request *asked)
{
    if (param_int(&asked->request, "id", PARAM_REQUIRED, 0, ID_MAX, &asked->id))
        return true;
    request_finish(&asked->request, STATUS_INVALID);
    return false;
}

static void model_request_free(struct request *request)
{
    struct model_request *asked = model_request_of(request);
    query_free(&asked->query);
    row_free(asked->form);
    row_free(asked->before);
    row_free(asked->after);
    along_clear(&asked->along);
}

/* ---- who may see what, on the loop ---- */

struct asker model_asker(const struct model *model, const struct permissions *permissions, const struct actor *actor)
{
    return (struct asker){.actor = actor,
                          .rights = permissions_of(permissions, actor, model->name),
                          .is_privileged = permissions_is_superuser(permissions, actor),
                          .now_ms = clock_wall_ms()};
}

bool asker_sees(const struct asker *asker, const struct row *row)
{
    return asker->rights & RIGHT_READ && rule_allows(row->model->rules[RULE_READ], row, asker);
}

uint64_t asker_fields(const struct asker *asker, const struct row *row)
{
    const struct model *model = row->model;
    uint64_t fields = 0;
    for (size_t i = 0; i < model->fields_count; i++)
        if (!model->fields[i].is_write_only && rule_allows(model->fields[i].read, row, asker))
            fields |= UINT64_C(1) << i;
    return fields;
}

bool model_row_readable(const struct model *model, const struct permissions *permissions, const struct actor *actor,
                        const struct row *row)
{
    struct asker asker = model_asker(model, permissions, actor);
    return asker_sees(&asker, row);
}

uint64_t model_fields_readable(const struct model *model, const struct permissions *permissions,
                               const struct actor *actor, const struct row *row)
{
    struct asker asker = model_asker(model, permissions, actor);
    return asker_fields(&asker, row);
}
