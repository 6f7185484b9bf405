/* pages/openapi.c: the whole document: every route with the words that describe it. */
#include "pages/openapi.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/random.h"
#include "pages/openapi_draft.h"
#include "settings_table.h"

static const char introduction[] =
    "Whatever has an `x-rpc` can also be asked for on the WebSocket (`/connection/websocket`): the command "
    "`{\"rpc\": {\"method\": x-rpc, \"data\": {…}}}` takes the same parameters, those of the address among them, and "
    "gives "
    "the same answer. Errors are problem documents (RFC 9457) with a stable `code`; those of a form (422) name each "
    "field. "
    "A parameter or field that is not in here is refused. `?model=news,comment` gives the parts that are about these "
    "models.";

static const char plain_docs[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Parley: API</title>\n"
    "<h1>The API of Parley</h1>\n"
    "<p>The browser client was not built, and the page that shows the API is a part of it.\n"
    "The description itself is here: <a href=\"" OPENAPI_PATH "\">" OPENAPI_PATH "</a> (OpenAPI 3.1),\n"
    "for any program that reads such descriptions.</p>\n</html>\n";

static enum status document_make(const struct dispatch *dispatch, cJSON **out, char *why, size_t why_size);
static enum status document_print(const cJSON *document, struct buffer *json);
static void document_begin(struct draft *draft, const cJSON *actions);
static bool routes_put(struct draft *draft, const cJSON *actions, char *why, size_t why_size);
static bool actions_have_routes(const struct draft *draft, const cJSON *actions, char *why, size_t why_size);
static bool limits_fill(cJSON *item, const struct settings *settings);

bool openapi_is_path(const char *path)
{
    return strcmp(path, OPENAPI_PATH) == 0 || strcmp(path, OPENAPI_DOCS_PATH) == 0;
}

enum status openapi_add(const struct dispatch *dispatch, struct pages *pages, struct openapi_parts **parts, char *why,
                        size_t why_size)
{
    SCOPED(json_free) cJSON *document = NULL;
    SCOPED(buffer_free) struct buffer json = {0};
    char digest[DIGEST_TEXT_SIZE];
    enum status status = document_make(dispatch, &document, why, why_size);
    if (status == STATUS_OK)
        status = document_print(document, &json);
    if (status == STATUS_OK)
        status =
            openapi_parts_new(dispatch_models(dispatch), document, digest_text(json.bytes, json.length, digest), parts);
    if (status == STATUS_OK)
        status = pages_add(pages, OPENAPI_PATH, "application/json", json.bytes, json.length);
    if (status == STATUS_OK && !pages_have(pages, OPENAPI_DOCS_PATH))
        status = pages_add(pages, OPENAPI_DOCS_PATH, "text/html; charset=utf-8", plain_docs, sizeof plain_docs - 1);
    return status;
}

enum status openapi_print(const struct dispatch *dispatch, struct buffer *json, char *why, size_t why_size)
{
    SCOPED(json_free) cJSON *document = NULL;
    enum status status = document_make(dispatch, &document, why, why_size);
    return status == STATUS_OK ? document_print(document, json) : status;
}

static enum status document_print(const cJSON *document, struct buffer *json)
{
    char *text = json_print(document);
    buffer_text(json, text ? text : "");
    bool is_fine = text && !json->has_failed;
    free(text);
    return is_fine ? STATUS_OK : FAULT("no memory for the API's description");
}

static enum status document_make(const struct dispatch *dispatch, cJSON **out, char *why, size_t why_size)
{
    /* Our own text, checked when the program was built: the bounds of json_parse() are for strangers. */
    SCOPED(json_free) cJSON *actions = cJSON_Parse(actions_json);
    SCOPED(json_free) cJSON *document = cJSON_CreateObject();
    if (!actions || !document)
        return FAULT("no memory for the API's description");
    if (!limits_fill(actions, dispatch_settings(dispatch))) {
        snprintf(why, why_size, "schema/api/actions.json: a limit names a setting that is not there");
        return STATUS_INVALID;
    }
    struct draft draft = {.dispatch = dispatch, .document = document};
    document_begin(&draft, actions);
    if (!routes_put(&draft, actions, why, why_size) || !actions_have_routes(&draft, actions, why, why_size))
        return STATUS_INVALID;
    if (draft.has_failed)
        return FAULT("no memory for the API's description");
    *out = TAKE(document);
    return STATUS_OK;
}

static void document_begin(struct draft *draft, const cJSON *actions)
{
    draft_text(draft, draft->document, "openapi", "3.1.0");
    cJSON *info = draft_object(draft, draft->document, "info");
    draft_text(draft, info, "title", "Parley");
    draft_text(draft, info, "version", PARLEY_VERSION);
    draft_text(draft, info, "description", introduction);
    cJSON *servers = draft_array(draft, draft->document, "servers");
    draft_text(draft, draft_object(draft, servers, NULL), "url", "/");
    draft->tags = draft_array(draft, draft->document, "tags");
    const cJSON *application;
    cJSON_ArrayForEach (application, json_get(actions, "applications")) {
        cJSON *tag = draft_object(draft, draft->tags, NULL);
        draft_copy(draft, tag, "name", json_get(application, "name"));
        draft_copy(draft, tag, "description", json_get(application, "description"));
    }
    draft->paths = draft_object(draft, draft->document, "paths");
    cJSON *components = draft_object(draft, draft->document, "components");
    draft->schemas = draft_put(draft, components, "schemas", cJSON_Duplicate(json_get(actions, "schemas"), true));
    draft_components(draft, components);
}

/* What schema/api/actions.json says of @name, and of which application it is; NULL: nothing. */
static const cJSON *action_find(const cJSON *actions, const char *name, const char **application_name)
{
    const cJSON *application;
    cJSON_ArrayForEach (application, json_get(actions, "applications")) {
        const cJSON *action = json_get(json_get(application, "actions"), name);
        *application_name = json_get_text(application, "name");
        if (action)
            return action;
    }
    return NULL;
}

static void model_tag(struct draft *draft, const struct model *model)
{
    const cJSON *last;
    cJSON_ArrayForEach (last, draft->tags)
        if (strcmp(json_get_text(last, "name"), model->name) == 0)
            return;
    cJSON *tag = draft_object(draft, draft->tags, NULL);
    draft_text(draft, tag, "name", model->name);
    const char *description = json_get_text(model->file, "description");
    draft_text(draft, tag, "description", description ? description : model->title ? model->title : model->name);
}

static bool routes_put(struct draft *draft, const cJSON *actions, char *why, size_t why_size)
{
    const struct route *route;
    for (size_t cursor = 0; (route = dispatch_route_next(draft->dispatch, &cursor));) {
        const char *tag = NULL;
        const struct model *model = NULL;
        if (!route->path || route->flags & ROUTE_NODE)
            continue;
        const cJSON *action = action_find(actions, route->name, &tag);
        SCOPED(json_free) cJSON *made = action ? NULL : draft_model_action(draft, route, &model);
        if (made) {
            model_tag(draft, model);
            tag = model->name;
        }
        if (!action && !made) {
            snprintf(why, why_size, "schema/api/actions.json: the action %s is not described", route->name);
            return false;
        }
        if (!draft_operation(draft, route, action ? action : made, tag, why, why_size))
            return false;
    }
    return true;
}

static bool actions_have_routes(const struct draft *draft, const cJSON *actions, char *why, size_t why_size)
{
    const cJSON *application, *action;
    cJSON_ArrayForEach (application, json_get(actions, "applications"))
        cJSON_ArrayForEach (action, json_get(application, "actions"))
            if (!dispatch_knows(draft->dispatch, action->string)) {
                snprintf(why, why_size, "schema/api/actions.json: there is no action %s", action->string);
                return false;
            }
    return true;
}

/* "maxLength": "$chat.text_max" becomes what that setting is. */
static bool limits_fill(cJSON *item, const struct settings *settings)
{
    static const char *const limits[] = {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"};
    bool is_fine = true;
    for (cJSON *child = item->child; child; child = child->next) {
        const char *text = json_text(child);
        bool is_limit = false;
        for (size_t i = 0; text && child->string && i < ARRAY_LENGTH(limits); i++)
            is_limit |= strcmp(child->string, limits[i]) == 0;
        if (!is_limit) {
            is_fine = limits_fill(child, settings) && is_fine;
            continue;
        }
        const struct setting *setting = NULL;
        for (size_t i = 0; i < SETTINGS_COUNT; i++)
            if (text[0] == '$' && strcmp(settings_table[i].name, text + 1) == 0)
                setting = &settings_table[i];
        if (!setting || setting->kind != SETTING_INT)
            return false;
        cJSON *number = cJSON_CreateNumber((double)*(const int64_t *)setting_field(settings, setting));
        /* The old item is gone after it. */
        char *name = strdup(child->string);
        is_fine = number && name && cJSON_ReplaceItemInObjectCaseSensitive(item, name, number) && is_fine;
        free(name);
        child = number ? number : child;
    }
    return is_fine;
}
