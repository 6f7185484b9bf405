/* base/model_catalog.c: which models there are for somebody: what the navigation and the table of permissions are made
 * of. From memory: no store is asked. */
#include <stdio.h>
#include <string.h>
#include "base/model_request.h"

static void catalog_start(struct request *request);
static void model_print(struct request *request, const struct model *model, unsigned rights, struct buffer *json);
static bool has_feed(const struct model *model);
static void listed_print(const struct model *model, struct buffer *json);
static void actions_print(const struct dispatch *dispatch, const struct model *model, struct buffer *json);
static void word_print(const char *word, struct buffer *json);

static const struct route catalog_routes[] = {
    {.name = "model.list",
     .method = HTTP_M_GET,
     .path = "model",
     .flags = ROUTE_SIGNED_IN | ROUTE_TOKEN_OK,
     .start = catalog_start},
};

void model_catalog_add(struct dispatch *dispatch)
{
    dispatch_add(dispatch, catalog_routes, ARRAY_LENGTH(catalog_routes), NULL);
}

static void catalog_start(struct request *request)
{
    static const char *const names[] = {"grantable", NULL};
    const struct models *models = dispatch_models(request->dispatch);
    struct buffer *json = request_result(request);
    bool is_grantable = false;
    if (!params_only(request, names) || !param_bool(request, "grantable", PARAM_OPTIONAL, &is_grantable)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    buffer_text(json, "{\"items\":[");
    for (size_t i = 0; i < models_count(models); i++) {
        const struct model *model = models_at(models, i);
        unsigned rights = permissions_of(request_permissions(request), &request->actor, model->name);
        if (is_grantable ? rights & RIGHT_GRANT : rights)
            model_print(request, model, rights, json);
    }
    buffer_text(json, "],\"next\":null}");
    request_finish(request, STATUS_OK);
}

static void model_print(struct request *request, const struct model *model, unsigned rights, struct buffer *json)
{
    const char *description = json_get_text(model->file, "description");
    buffer_text(json, json->bytes[json->length - 1] == '[' ? "{" : ",{");
    buffer_json_member(json, "name", model->name);
    buffer_char(json, ',');
    buffer_json_member(json, "title", model->title);
    buffer_char(json, ',');
    buffer_json_member(json, "description", description ? description : "");
    buffer_char(json, ',');
    buffer_json_member(json, "label", model->fields[model->label].name);
    listed_print(model, json);
    buffer_printf(json, ",\"search\":%s,\"builtin\":%s,\"feed\":%s", model->search_count ? "true" : "false",
                  model->is_builtin ? "true" : "false", has_feed(model) ? "true" : "false");
    actions_print(request->dispatch, model, json);
    buffer_text(json, ",\"rights\":");
    rights_print(rights, json);
    buffer_char(json, '}');
}

/* Is there a channel "model:NAME"? Of the built-in models only these are told of. */
static bool has_feed(const struct model *model)
{
    static const char *const announced[] = {"user", "group", "grant"};
    bool is_announced = !model->is_builtin;
    for (size_t i = 0; i < ARRAY_LENGTH(announced); i++)
        is_announced = is_announced || strcmp(model->name, announced[i]) == 0;
    return is_announced;
}

/* In the order of the file, which is that of the columns. */
static void listed_print(const struct model *model, struct buffer *json)
{
    const cJSON *list = json_get(model->file, "x-list"), *item;
    buffer_text(json, ",\"list\":[");
    cJSON_ArrayForEach (item, list)
        word_print(json_text(item), json);
    for (size_t i = 0; i < model->fields_count && !list; i++)
        if (model->fields[i].is_listed)
            word_print(model->fields[i].name, json);
    buffer_char(json, ']');
}

/* The generic ones, and those that an application has made its own. */
static void actions_print(const struct dispatch *dispatch, const struct model *model, struct buffer *json)
{
    static const char *const words[MODEL_ACTIONS] = {"list", "detail", "create", "update", "delete"};
    buffer_text(json, ",\"actions\":[");
    for (size_t i = 0; i < MODEL_ACTIONS; i++) {
        char name[MODEL_NAME_MAX + 16];
        snprintf(name, sizeof name, "%s.%s", model->name, words[i]);
        if (dispatch_knows(dispatch, name))
            word_print(words[i], json);
    }
    buffer_char(json, ']');
}

/* One more of a list; none of the words has anything to escape. */
static void word_print(const char *word, struct buffer *json)
{
    buffer_printf(json, "%s\"%s\"", json->bytes[json->length - 1] == '[' ? "" : ",", word);
}
