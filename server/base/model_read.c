/* base/model_read.c: one file becomes a struct model. */
#include "base/model_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/rule.h"

#define DIALECT       "https://json-schema.org/draft/2020-12/schema"
#define GRANTS_RIGHTS (RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE)

static const struct {
    const char *name;
    enum want want;
    bool is_for_builtin;
} keywords[] = {
    {"$schema", WANT_TEXT, false},     {"$id", WANT_TEXT, false},          {"title", WANT_TEXT, false},
    {"description", WANT_TEXT, false}, {"type", WANT_TEXT, false},         {"additionalProperties", WANT_BOOL, false},
    {"required", WANT_LIST, false},    {"properties", WANT_OBJECT, false}, {"x-rules", WANT_OBJECT, false},
    {"x-grants", WANT_OBJECT, false},  {"x-fields", WANT_OBJECT, false},   {"x-search", WANT_LIST, false},
    {"x-label", WANT_TEXT, false},     {"x-list", WANT_LIST, false},       {"x-table", WANT_TEXT, true},
    {"x-actions", WANT_LIST, true},    {"x-history", WANT_BOOL, false}, /* false: no record is kept of who changed a
                                                                           row, and how */
};
/* Parameters of requests, which share a query with the fields. */
static const char *const reserved_fields[] = {"limit",    "cursor",          "sort", "fields", "expand", "q",  "count",
                                              "if_match", "idempotency_key", "all",  "any",    "not",    "may"};
/* Every model begins with these; SQL has a name of its own for the row's number. */
static const char *const own_fields[FIELDS_OWN] = {"id", "created_at", "updated_at", "version"};
static const char *const action_words[MODEL_ACTIONS] = {"list", "detail", "create", "update", "delete"};
static const char *const rule_words[MODEL_RULES] = {"read", "create", "update", "delete"};
/* Columns that a full-text table of SQLite has already. */
static const char *const reserved_searched[] = {"rank", "rowid"};

static bool top_check(const struct reading *reading);
static bool fields_read(const struct reading *reading, struct model *model);
static void own_fields_make(struct model *model);
static bool own_field_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool field_name_check(const struct reading *reading, const cJSON *item);
static bool required_check(const struct reading *reading);
static bool is_in_list(const cJSON *list, const char *text);
static const struct field *field_named(const struct reading *reading, const struct model *model, const cJSON *item);
static bool x_fields_check(const struct reading *reading, const struct model *model);
static bool rules_check(const struct reading *reading, const cJSON *rules, const char *const *words, size_t count);
static bool search_read(const struct reading *reading, struct model *model);
static bool label_read(const struct reading *reading, struct model *model);
static bool list_read(const struct reading *reading, struct model *model);
static bool grants_read(const struct reading *reading, struct model *model);
static bool rights_read(const struct reading *reading, const cJSON *words, unsigned *rights);
static bool actions_read(const struct reading *reading, struct model *model);
static bool is_among(const char *name, const char *const *names, size_t count);

bool model_read(const struct reading *reading, const char *name, struct model *model)
{
    const char *title = json_get_text(reading->root, "title"), *table = json_get_text(reading->root, "x-table");
    model->name = name;
    model->title = title ? title : name;
    model->table = table ? table : name;
    model->is_builtin = reading->is_builtin;
    model->file = reading->root;
    model->has_history = !reading->is_builtin && !cJSON_IsFalse(json_get(reading->root, "x-history"));
    return top_check(reading) && fields_read(reading, model) && required_check(reading) &&
           x_fields_check(reading, model) &&
           rules_check(reading, json_get(reading->root, "x-rules"), rule_words, MODEL_RULES) &&
           search_read(reading, model) && label_read(reading, model) && list_read(reading, model) &&
           grants_read(reading, model) && actions_read(reading, model);
}

void model_clear(struct model *model)
{
    for (size_t i = 0; i < MODEL_RULES; i++)
        rule_free(model->rules[i]);
    for (size_t i = 0; i < model->fields_count; i++) {
        rule_free(model->fields[i].read);
        rule_free(model->fields[i].write);
        field_clear(&model->fields[i]);
    }
    free(model->fields);
    *model = (struct model){0};
}

bool name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= MODEL_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool top_check(const struct reading *reading)
{
    if (!reading_want(reading, reading->root, WANT_OBJECT))
        return false;
    for (const cJSON *item = reading->root->child; item; item = item->next) {
        size_t i = 0;
        while (i < ARRAY_LENGTH(keywords) && strcmp(item->string, keywords[i].name) != 0)
            i++;
        if (i == ARRAY_LENGTH(keywords))
            return reading_fail(reading, item, "there is no such keyword for a model");
        if (keywords[i].is_for_builtin && !reading->is_builtin)
            return reading_fail(reading, item, "only the built-in models may say this");
        if (!reading_want(reading, item, keywords[i].want))
            return false;
    }
    const cJSON *dialect = json_get(reading->root, "$schema"), *more = json_get(reading->root, "additionalProperties");
    const char *type = json_get_text(reading->root, "type");
    if (dialect && strcmp(dialect->valuestring, DIALECT) != 0)
        return reading_fail(reading, dialect, "this must be %s", DIALECT);
    if (cJSON_IsTrue(more))
        return reading_fail(reading, more, "unknown fields are always refused: this must be false");
    if (!type || strcmp(type, "object") != 0)
        return reading_fail(reading, type ? json_get(reading->root, "type") : reading->root,
                            "a model needs \"type\": \"object\"");
    return true;
}

static bool fields_read(const struct reading *reading, struct model *model)
{
    const cJSON *properties = json_get(reading->root, "properties");
    if (!properties || !properties->child)
        return reading_fail(reading, properties ? properties : reading->root, "a model needs \"properties\"");
    model->fields = calloc(FIELDS_OWN + (size_t)cJSON_GetArraySize(properties), sizeof *model->fields);
    if (!model->fields)
        return reading_fail(reading, properties, "there is no memory for it");
    own_fields_make(model);
    const cJSON *required = json_get(reading->root, "required");
    for (const cJSON *item = properties->child; item; item = item->next) {
        if (reading->is_builtin && is_among(item->string, own_fields, FIELDS_OWN)) {
            struct field *own = model->fields;
            while (strcmp(own->name, item->string) != 0)
                own++;
            if (!own_field_read(reading, item, own))
                return false;
            continue;
        }
        if (!field_name_check(reading, item))
            return false;
        if (model->fields_count == MODEL_FIELDS_MAX)
            return reading_fail(reading, item, "a model has at most %d fields", MODEL_FIELDS_MAX - FIELDS_OWN);
        struct field *field = &model->fields[model->fields_count++];
        field->name = item->string;
        if (!field_read(reading, item, is_in_list(required, item->string), field))
            return false;
    }
    return true;
}

static void own_fields_make(struct model *model)
{
    static const enum field_kind kinds[FIELDS_OWN] = {FIELD_INTEGER, FIELD_TIME, FIELD_TIME, FIELD_INTEGER};
    for (size_t i = 0; i < FIELDS_OWN; i++)
        model->fields[i] = (struct field){.name = own_fields[i],
                                          .column = own_fields[i],
                                          .kind = kinds[i],
                                          .is_read_only = true,
                                          .length_min = -1,
                                          .length_max = -1};
    model->fields_count = FIELDS_OWN;
}

/* Tables of the program may call one otherwise ({"x-column": "at"}) or not have it at all (false). */
static bool own_field_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    const char *column = json_get_text(json, "x-column");
    bool is_absent = cJSON_IsFalse(json);
    if (!is_absent && (!column || json->child->next))
        return reading_fail(reading, json, "this is false, or an object with \"x-column\" only");
    field->column = column;
    return true;
}

static bool field_name_check(const struct reading *reading, const cJSON *item)
{
    const char *name = item->string;
    if (!name_is_valid(name))
        return reading_fail(reading, item, "a name is 1 to %d small letters, digits and \"_\", first a letter",
                            MODEL_NAME_MAX);
    if (is_among(name, own_fields, FIELDS_OWN))
        return reading_fail(reading, item, "every model has this field of its own");
    if (is_among(name, reserved_fields, ARRAY_LENGTH(reserved_fields)) || strcmp(name, "rowid") == 0)
        return reading_fail(reading, item, "this name is reserved");
    return true;
}

static bool required_check(const struct reading *reading)
{
    const cJSON *required = json_get(reading->root, "required"), *properties = json_get(reading->root, "properties");
    for (const cJSON *item = required ? required->child : NULL; item; item = item->next) {
        if (!reading_want(reading, item, WANT_TEXT))
            return false;
        if (!json_get(properties, item->valuestring) || is_among(item->valuestring, own_fields, FIELDS_OWN))
            return reading_fail(reading, item, "there is no such property");
        for (const cJSON *other = required->child; other != item; other = other->next)
            if (strcmp(other->valuestring, item->valuestring) == 0)
                return reading_fail(reading, item, "this is there twice");
    }
    return true;
}

static bool is_in_list(const cJSON *list, const char *text)
{
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        if (json_text(item) && strcmp(item->valuestring, text) == 0)
            return true;
    return false;
}

/* NULL: it is no text or names no field, and the reason has been given. */
static const struct field *field_named(const struct reading *reading, const struct model *model, const cJSON *item)
{
    if (!reading_want(reading, item, WANT_TEXT))
        return NULL;
    const struct field *field = model_field(model, item->valuestring);
    if (!field)
        reading_fail(reading, item, "there is no such field");
    return field;
}

static bool x_fields_check(const struct reading *reading, const struct model *model)
{
    static const char *const words[] = {"read", "write"};
    const cJSON *fields = json_get(reading->root, "x-fields");
    for (const cJSON *item = fields ? fields->child : NULL; item; item = item->next) {
        const struct field *field = model_field(model, item->string);
        if (!field || field_index(model, field) < FIELDS_OWN)
            return reading_fail(reading, item, "there is no such property");
        if (!reading_want(reading, item, WANT_OBJECT) || !rules_check(reading, item, words, ARRAY_LENGTH(words)))
            return false;
        if (field->is_write_only && json_get(item, "read"))
            return reading_fail(reading, json_get(item, "read"), "a writeOnly field is never shown");
        if (field->is_read_only && json_get(item, "write"))
            return reading_fail(reading, json_get(item, "write"), "a readOnly field is never taken");
    }
    return true;
}

/* Only which rules there are: what they say is read when all models are known. */
static bool rules_check(const struct reading *reading, const cJSON *rules, const char *const *words, size_t count)
{
    for (const cJSON *item = rules ? rules->child : NULL; item; item = item->next) {
        if (!is_among(item->string, words, count))
            return reading_fail(reading, item, "a rule is for one of %s",
                                count == MODEL_RULES ? "read, create, update, delete" : "read, write");
        if (!cJSON_IsBool(item) && !cJSON_IsObject(item))
            return reading_fail(reading, item, "a rule is an object, true or false");
    }
    return true;
}

static bool search_read(const struct reading *reading, struct model *model)
{
    const cJSON *list = json_get(reading->root, "x-search");
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        const struct field *field = field_named(reading, model, item);
        if (!field)
            return false;
        if (field->kind != FIELD_TEXT || is_among(field->name, reserved_searched, ARRAY_LENGTH(reserved_searched)))
            return reading_fail(reading, item, "this field cannot be searched: only texts can, and none named rank");
        /* A search would tell what the field says to who may not read it. */
        if (field->is_write_only || json_get(json_get(json_get(reading->root, "x-fields"), field->name), "read"))
            return reading_fail(reading, item, "this field cannot be searched: not everybody may read it");
        if (model->search_count == ARRAY_LENGTH(model->search))
            return reading_fail(reading, item, "at most %zu fields are searched", ARRAY_LENGTH(model->search));
        for (size_t i = 0; i < model->search_count; i++)
            if (model->search[i] == field_index(model, field))
                return reading_fail(reading, item, "this is there twice");
        model->search[model->search_count++] = field_index(model, field);
    }
    return true;
}

static bool label_read(const struct reading *reading, struct model *model)
{
    const cJSON *label = json_get(reading->root, "x-label");
    if (!label)
        return true; /* FIELD_ID is 0 */
    const struct field *field = field_named(reading, model, label);
    if (!field)
        return false;
    if (field->kind == FIELD_LIST || field->is_write_only)
        return reading_fail(reading, label, "this field cannot name a row");
    model->label = field_index(model, field);
    return true;
}

static bool list_read(const struct reading *reading, struct model *model)
{
    const cJSON *list = json_get(reading->root, "x-list");
    for (size_t i = FIELDS_OWN; i < model->fields_count && !list; i++)
        model->fields[i].is_listed = !model->fields[i].is_write_only;
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        const struct field *field = field_named(reading, model, item);
        if (!field)
            return false;
        if (field->is_write_only)
            return reading_fail(reading, item, "a writeOnly field is never shown");
        if (field->is_listed)
            return reading_fail(reading, item, "this is there twice");
        model->fields[field_index(model, field)].is_listed = true;
    }
    return true;
}

static bool grants_read(const struct reading *reading, struct model *model)
{
    const cJSON *grants = json_get(reading->root, "x-grants");
    for (const cJSON *item = grants ? grants->child : NULL; item; item = item->next) {
        bool is_everyone = strcmp(item->string, "everyone") == 0;
        if (!is_everyone && strcmp(item->string, "members") != 0)
            return reading_fail(reading, item, "rights are for \"everyone\" or \"members\"");
        if (!rights_read(reading, item, is_everyone ? &model->everyone_rights : &model->members_rights))
            return false;
    }
    return true;
}

static bool rights_read(const struct reading *reading, const cJSON *words, unsigned *rights)
{
    if (!reading_want(reading, words, WANT_LIST))
        return false;
    for (const cJSON *item = words->child; item; item = item->next) {
        unsigned right = json_text(item) ? rights_from_word(item->valuestring) & GRANTS_RIGHTS : 0;
        if (!right)
            return reading_fail(reading, item, "a right is one of read, write, delete");
        *rights |= right;
    }
    return true;
}

static bool actions_read(const struct reading *reading, struct model *model)
{
    const cJSON *actions = json_get(reading->root, "x-actions");
    if (!actions)
        model->actions = (1u << MODEL_ACTIONS) - 1;
    for (const cJSON *item = actions ? actions->child : NULL; item; item = item->next) {
        size_t action = 0;
        while (action < MODEL_ACTIONS && (!json_text(item) || strcmp(item->valuestring, action_words[action]) != 0))
            action++;
        if (action == MODEL_ACTIONS)
            return reading_fail(reading, item, "an action is one of list, detail, create, update, delete");
        model->actions |= 1u << action;
    }
    for (size_t i = 0; i < FIELDS_OWN && model->actions; i++)
        if (!model->fields[i].column)
            return reading_fail(reading, actions ? actions : reading->root, "actions need a table with \"%s\"",
                                model->fields[i].name);
    return true;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}
