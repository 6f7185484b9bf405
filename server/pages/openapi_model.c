/* pages/openapi_model.c: the actions of a model, described as schema/api/actions.json describes others. */
#include <stdio.h>
#include <string.h>
#include "base/query.h"
#include "pages/openapi_draft.h"

#define KIND(kind) (1u << FIELD_##kind)
#define KINDS_ALL  (KIND(INTEGER) | KIND(NUMBER) | KIND(TEXT) | KIND(BOOLEAN) | KIND(DATE) | KIND(TIME) | KIND(LIST))

/* The five, and what else can be asked of a row. */
enum { VERB_HISTORY = MODEL_ACTIONS, VERB_ALONG, VERBS };

static const struct verb {
    const char *word;
    enum http_method method;
    const char *below; /* of the model's own address */
    const char *summary;
    const char *answer; /* a schema for all models; NULL: one of the model's own */
} verbs[VERBS] = {
    [MODEL_LIST] = {"list", HTTP_M_GET, "", "A page of rows", NULL},
    [MODEL_DETAIL] = {"detail", HTTP_M_GET, "/:id", "One row", NULL},
    [MODEL_CREATE] = {"create", HTTP_M_POST, "", "Make a row", NULL},
    [MODEL_UPDATE] = {"update", HTTP_M_PATCH, "/:id", "Change a row (JSON merge patch: null empties a field)", NULL},
    [MODEL_DELETE] = {"delete", HTTP_M_DELETE, "/:id", "Delete a row", NULL},
    [VERB_HISTORY] = {"history", HTTP_M_GET, "/:id/history",
                      "Who changed a row, and how, newest first: as far as one may read its fields now", "History"},
    [VERB_ALONG] = {"along", HTTP_M_GET, "/:id/along",
                    "What refers to a row, and what becomes of it if the row is deleted", "Along"},
};

/* In the order of enum operator. */
static const struct {
    const char *suffix;
    unsigned kinds;
    const char *words;
} operators[] = {
    [OP_EQ] = {"", KINDS_ALL & ~KIND(LIST), "is"},
    [OP_NE] = {"[ne]", KINDS_ALL & ~KIND(LIST), "is not"},
    [OP_LT] = {"[lt]", KINDS_ALL & ~(KIND(LIST) | KIND(BOOLEAN)), "is less than"},
    [OP_LTE] = {"[lte]", KINDS_ALL & ~(KIND(LIST) | KIND(BOOLEAN)), "is at most"},
    [OP_GT] = {"[gt]", KINDS_ALL & ~(KIND(LIST) | KIND(BOOLEAN)), "is greater than"},
    [OP_GTE] = {"[gte]", KINDS_ALL & ~(KIND(LIST) | KIND(BOOLEAN)), "is at least"},
    [OP_LIKE] = {"[like]", KIND(TEXT), "is like, with * for anything"},
    [OP_IN] = {"[in]", KINDS_ALL & ~KIND(LIST), "is one of"},
    [OP_NULL] = {"[null]", KINDS_ALL, "is empty"},
};

static cJSON *param(struct draft *draft, cJSON *properties, const char *name, const char *type,
                    const char *description);
static void page_params(struct draft *draft, cJSON *properties);
static void list_params(struct draft *draft, const struct model *model, cJSON *properties);
static void filter_params(struct draft *draft, const struct field *field, cJSON *properties);

static const struct verb *verb_of(const struct draft *draft, const struct route *route, const struct model **model)
{
    const struct models *models = dispatch_models(draft->dispatch);
    char name[MODEL_NAME_MAX + 1], path[MODEL_NAME_MAX + 16];
    size_t length = strcspn(route->name, ".");
    if (!models || !route->name[length] || length >= sizeof name)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)length, route->name);
    *model = models_find(models, name);
    for (size_t i = 0; *model && i < VERBS; i++) {
        snprintf(path, sizeof path, "%s%s", name, verbs[i].below);
        if (strcmp(route->name + length + 1, verbs[i].word) == 0 && route->method == verbs[i].method &&
            strcmp(route->path, path) == 0)
            return &verbs[i];
    }
    return NULL;
}

cJSON *draft_model_action(struct draft *draft, const struct route *route, const struct model **model)
{
    const struct verb *verb = verb_of(draft, route, model);
    if (!verb)
        return NULL;
    int kind = (int)(verb - verbs);
    bool is_form = kind == MODEL_CREATE || kind == MODEL_UPDATE;
    char name[MODEL_NAME_MAX + 16];
    cJSON *action = cJSON_CreateObject();
    draft_text(draft, action, "summary", verb->summary);
    if (kind < VERB_HISTORY)
        draft_true(draft, action, "has_version");
    cJSON *params = draft_object(draft, action, "params");
    cJSON *properties = draft_object(draft, params, "properties");
    if (verb->below[0])
        draft_field_schema(draft, properties, "id", *model, &(*model)->fields[FIELD_ID]);
    if (kind == MODEL_LIST)
        list_params(draft, *model, properties);
    if (kind == MODEL_DELETE)
        draft_version(draft, properties);
    if (is_form) {
        draft_form_schema(draft, *model, kind == MODEL_UPDATE);
        snprintf(name, sizeof name, "%s.%s", (*model)->name, verb->word);
        draft_ref(draft, action, "body", "schemas", name);
    }
    if (kind == MODEL_DETAIL || kind == MODEL_LIST)
        param(draft, properties, "may", "boolean", "Also say what one may do with each row.");
    if (kind == VERB_HISTORY)
        page_params(draft, properties);
    draft_row_schema(draft, *model);
    if (kind == MODEL_LIST)
        draft_list_schema(draft, *model);
    if (kind == MODEL_DETAIL)
        draft_detail_schema(draft, *model);
    snprintf(name, sizeof name, "%s%s", (*model)->name,
             kind == MODEL_LIST     ? ".list"
             : kind == MODEL_DETAIL ? ".detail"
                                    : "");
    if (kind != MODEL_DELETE)
        draft_ref(draft, action, "answer", "schemas", verb->answer ? verb->answer : name);
    cJSON *statuses = draft_array(draft, action, "statuses");
    draft_int(draft, statuses, NULL, kind == MODEL_CREATE ? 201 : kind == MODEL_DELETE ? 204 : 200);
    if (kind == MODEL_DETAIL)
        draft_int(draft, statuses, NULL, 304);
    if (is_form || kind == MODEL_DELETE)
        draft_int(draft, statuses, NULL, 409);
    if (kind == MODEL_UPDATE || kind == MODEL_DELETE)
        draft_int(draft, statuses, NULL, 412);
    return action;
}

static cJSON *param(struct draft *draft, cJSON *properties, const char *name, const char *type, const char *description)
{
    cJSON *schema = draft_object(draft, properties, name);
    draft_text(draft, schema, "type", type);
    draft_text(draft, schema, "description", description);
    return schema;
}

/* "author,-created_at": a list of words, of which the fields that @wanted takes are offered. */
static void names_param(struct draft *draft, cJSON *properties, const char *name, const struct model *model,
                        bool (*is_wanted)(const struct field *field), const char *prefixes, const char *description)
{
    cJSON *schema = param(draft, properties, name, "array", description);
    cJSON *words = draft_array(draft, draft_object(draft, schema, "items"), "enum");
    for (size_t i = 0; i < model->fields_count; i++)
        for (const char *prefix = prefixes; is_wanted(&model->fields[i]) && *prefix; prefix++) {
            char word[MODEL_NAME_MAX + 2];
            snprintf(word, sizeof word, "%.*s%s", *prefix == '-', prefix, model->fields[i].name);
            draft_text(draft, words, NULL, word);
        }
}

static bool is_shown(const struct field *field)
{
    return !field->is_write_only;
}

static bool is_sorted(const struct field *field)
{
    return !field->is_write_only && field->kind != FIELD_LIST;
}

static bool is_reference(const struct field *field)
{
    return !field->is_write_only && field->references;
}

static void page_params(struct draft *draft, cJSON *properties)
{
    cJSON *limit = param(draft, properties, "limit", "integer", "How many in a page.");
    draft_int(draft, limit, "minimum", 1);
    draft_int(draft, limit, "maximum", QUERY_LIMIT_MAX);
    draft_int(draft, limit, "default", QUERY_LIMIT);
    param(draft, properties, "cursor", "string", "`next` of the page before.");
}

static void list_params(struct draft *draft, const struct model *model, cJSON *properties)
{
    page_params(draft, properties);
    names_param(draft, properties, "sort", model, is_sorted, "+-", "The order; - in front: downwards.");
    names_param(draft, properties, "fields", model, is_shown, "+", "Only these.");
    if (model->search_count)
        param(draft, properties, "q", "string", "Words to look for.");
    bool has_reference = false;
    for (size_t i = 0; i < model->fields_count; i++)
        has_reference |= is_reference(&model->fields[i]);
    if (has_reference)
        names_param(draft, properties, "expand", model, is_reference, "+", "Show the row that is referred to.");
    param(draft, properties, "count", "boolean", "Also say how many rows there are in all.");
    for (size_t i = 0; i < model->fields_count; i++)
        if (!model->fields[i].is_write_only)
            filter_params(draft, &model->fields[i], properties);
}

static void filter_params(struct draft *draft, const struct field *field, cJSON *properties)
{
    for (size_t i = 0; i < ARRAY_LENGTH(operators); i++) {
        if (!(operators[i].kinds & 1u << field->kind) || (i == OP_NULL && !field->is_nullable))
            continue;
        char name[MODEL_NAME_MAX + 8], description[MODEL_NAME_MAX + 64];
        snprintf(name, sizeof name, "%s%s", field->name, operators[i].suffix);
        snprintf(description, sizeof description, "Rows whose %s %s …", field->name, operators[i].words);
        cJSON *schema = draft_object(draft, properties, name);
        draft_text(draft, schema, "description", description);
        if (i == OP_NULL || i == OP_LIKE || i == OP_IN)
            draft_text(draft, schema, "type", i == OP_NULL ? "boolean" : i == OP_LIKE ? "string" : "array");
        if (i != OP_NULL && i != OP_LIKE)
            draft_type(draft, i == OP_IN ? draft_object(draft, schema, "items") : schema, field);
    }
}
