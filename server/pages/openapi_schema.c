/* pages/openapi_schema.c: the schemas of a model's rows, forms and lists. They say what base/form.c and base/row.c do.
 * Their names are the model's (small letters), so that they never meet those of the applications (Room). */
#include <stdio.h>
#include <string.h>
#include "pages/openapi_draft.h"

#define INT_MOST 9007199254740991

/* Of a property in the model's file; what is left out says who may do what, or how it is stored. */
static const char *const keywords[] = {"title",     "description",  "format",   "enum",     "const",    "minLength",
                                       "maxLength", "pattern",      "minimum",  "maximum",  "minItems", "maxItems",
                                       "readOnly",  "x-references", "x-unique", "x-default"};

static const char *const on_delete_words[] = {
    [ON_DELETE_RESTRICT] = "restrict", [ON_DELETE_CASCADE] = "cascade", [ON_DELETE_SET_NULL] = "set-null"};

static void type_put(struct draft *draft, cJSON *schema, const struct field *field);
static void null_allow(struct draft *draft, cJSON *schema);
static bool is_always_shown(const struct field *field);
static void fields_put(struct draft *draft, cJSON *schema, const struct model *model);
static void shape_put(struct draft *draft, cJSON *schema, const struct model *model);

static const char *type_word(enum field_kind kind)
{
    switch (kind) {
    case FIELD_INTEGER:
        return "integer";
    case FIELD_NUMBER:
        return "number";
    case FIELD_BOOLEAN:
        return "boolean";
    case FIELD_LIST:
        return "array";
    case FIELD_TEXT:
    case FIELD_DATE:
    case FIELD_TIME:
        break;
    }
    return "string";
}

cJSON *draft_field_schema(struct draft *draft, cJSON *parent, const char *name, const struct model *model,
                          const struct field *field)
{
    const cJSON *property = json_get(json_get(model->file, "properties"), field->name);
    cJSON *schema = draft_object(draft, parent, name);
    type_put(draft, schema, field);
    for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++)
        if (json_get(property, keywords[i]))
            draft_copy(draft, schema, keywords[i], json_get(property, keywords[i]));
    if (field->references)
        draft_text(draft, schema, "x-on-delete", on_delete_words[field->on_delete]);
    if (field->read || field->write)
        draft_true(draft, schema, "x-limited");
    if (field->items)
        draft_copy(draft, schema, "items", json_get(property, "items"));
    /* The first four are every model's own, and in no file. */
    if (field_index(model, field) < FIELDS_OWN && !property) {
        draft_true(draft, schema, "readOnly");
        if (field->kind == FIELD_TIME)
            draft_text(draft, schema, "format", "date-time");
    }
    bool is_bounded = json_get(schema, "enum") || json_get(schema, "const");
    bool is_counted = field->references || field_index(model, field) < FIELDS_OWN; /* ids and versions begin at 1 */
    if (field->kind == FIELD_INTEGER && !is_bounded && !json_get(schema, "minimum"))
        draft_int(draft, schema, "minimum", is_counted ? 1 : -INT_MOST);
    if (field->kind == FIELD_INTEGER && !is_bounded && !json_get(schema, "maximum"))
        draft_int(draft, schema, "maximum", INT_MOST);
    if (field->is_nullable)
        null_allow(draft, schema);
    return schema;
}

void draft_type(struct draft *draft, cJSON *schema, const struct field *field)
{
    draft_text(draft, schema, "type", type_word(field->kind));
    if (field->kind == FIELD_DATE || field->kind == FIELD_TIME)
        draft_text(draft, schema, "format", field->kind == FIELD_DATE ? "date" : "date-time");
}

static void type_put(struct draft *draft, cJSON *schema, const struct field *field)
{
    if (!field->is_nullable) {
        draft_text(draft, schema, "type", type_word(field->kind));
        return;
    }
    cJSON *types = draft_array(draft, schema, "type");
    draft_text(draft, types, NULL, type_word(field->kind));
    draft_text(draft, types, NULL, "null");
}

/* "enum" and "const" hold for an empty field too, unless they name null. */
static void null_allow(struct draft *draft, cJSON *schema)
{
    cJSON *words = cJSON_GetObjectItemCaseSensitive(schema, "enum");
    cJSON *constant = cJSON_DetachItemFromObjectCaseSensitive(schema, "const");
    bool has_null = false;
    if (constant) {
        words = draft_array(draft, schema, "enum");
        draft_put(draft, words, NULL, constant);
    }
    for (const cJSON *word = words ? words->child : NULL; word; word = word->next)
        has_null |= cJSON_IsNull(word);
    if (words && !has_null)
        draft_put(draft, words, NULL, cJSON_CreateNull());
}

/* Is there a value in every row that somebody may see? */
static bool is_always_shown(const struct field *field)
{
    return !field->is_write_only && !field->read;
}

static cJSON *object_begin(struct draft *draft, const struct model *model, const char *suffix)
{
    char name[MODEL_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s%s", model->name, suffix);
    if (json_get(draft->schemas, name))
        return NULL;
    cJSON *schema = draft_object(draft, draft->schemas, name);
    draft_text(draft, schema, "type", "object");
    return schema;
}

void draft_row_schema(struct draft *draft, const struct model *model)
{
    cJSON *schema = object_begin(draft, model, "");
    if (!schema)
        return;
    fields_put(draft, schema, model);
    shape_put(draft, schema, model);
}

/* The same, and what one may do with it: apart, because that is no field. */
void draft_detail_schema(struct draft *draft, const struct model *model)
{
    cJSON *schema = object_begin(draft, model, ".detail");
    if (!schema)
        return;
    fields_put(draft, schema, model);
    draft_ref(draft, cJSON_GetObjectItemCaseSensitive(schema, "properties"), "may", "schemas", "May");
}

/* How rows are shown in lists, and found. */
static void shape_put(struct draft *draft, cJSON *schema, const struct model *model)
{
    const cJSON *list = json_get(model->file, "x-list");
    if (model->label != FIELD_ID)
        draft_text(draft, schema, "x-label", model->fields[model->label].name);
    if (list)
        draft_copy(draft, schema, "x-list", list);
    cJSON *words = list ? NULL : draft_array(draft, schema, "x-list");
    for (size_t i = 0; i < model->fields_count && words; i++)
        if (model->fields[i].is_listed)
            draft_text(draft, words, NULL, model->fields[i].name);
    words = model->search_count ? draft_array(draft, schema, "x-search") : NULL;
    for (size_t i = 0; i < model->search_count; i++)
        draft_text(draft, words, NULL, model->fields[model->search[i]].name);
}

static void default_put(struct draft *draft, cJSON *schema, const struct model *model, const struct field *field)
{
    const cJSON *fallback = json_get(json_get(json_get(model->file, "properties"), field->name), "default");
    if (fallback)
        draft_copy(draft, schema, "default", fallback);
}

static void fields_put(struct draft *draft, cJSON *schema, const struct model *model)
{
    if (model->title)
        draft_text(draft, schema, "title", model->title);
    const char *description = json_get_text(model->file, "description");
    if (description)
        draft_text(draft, schema, "description", description);
    cJSON *required = draft_array(draft, schema, "required");
    cJSON *properties = draft_object(draft, schema, "properties");
    for (size_t i = 0; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        if (!field->is_write_only)
            default_put(draft, draft_field_schema(draft, properties, field->name, model, field), model, field);
        if (is_always_shown(field))
            draft_text(draft, required, NULL, field->name);
    }
}

/* A reference in a list is an id, or the row, if `expand` names it. */
static void reference_put(struct draft *draft, cJSON *properties, const struct model *model, const struct field *field)
{
    const struct model *other = models_find(dispatch_models(draft->dispatch), field->references);
    cJSON *either = draft_array(draft, draft_object(draft, properties, field->name), "anyOf");
    draft_field_schema(draft, either, NULL, model, field);
    if (!other)
        return;
    draft_row_schema(draft, other);
    draft_ref(draft, either, NULL, "schemas", other->name);
}

void draft_list_schema(struct draft *draft, const struct model *model)
{
    cJSON *schema = object_begin(draft, model, ".list");
    if (!schema)
        return;
    cJSON *required = draft_array(draft, schema, "required");
    draft_text(draft, required, NULL, "items");
    draft_text(draft, required, NULL, "next");
    cJSON *properties = draft_object(draft, schema, "properties");
    cJSON *items = draft_object(draft, properties, "items");
    draft_text(draft, items, "type", "array");
    /* Nothing is required: `fields` chooses. */
    cJSON *item = draft_object(draft, items, "items");
    draft_text(draft, item, "type", "object");
    cJSON *fields = draft_object(draft, item, "properties");
    for (size_t i = 0; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        if (field->references && !field->is_write_only)
            reference_put(draft, fields, model, field);
        else if (!field->is_write_only)
            draft_field_schema(draft, fields, field->name, model, field);
    }
    draft_ref(draft, fields, "may", "schemas", "May");
    cJSON *next = draft_object(draft, properties, "next");
    cJSON *types = draft_array(draft, next, "type");
    draft_text(draft, types, NULL, "string");
    draft_text(draft, types, NULL, "null");
    draft_text(draft, next, "description", "For `cursor`; null: this is the last page.");
    cJSON *count = draft_object(draft, properties, "count");
    draft_text(draft, count, "type", "integer");
    draft_text(draft, count, "description", "Of all rows, not only of this page; with `count=true`.");
}

void draft_version(struct draft *draft, cJSON *properties)
{
    cJSON *version = draft_object(draft, properties, "version");
    draft_text(draft, version, "type", "integer");
    draft_int(draft, version, "minimum", 1);
    draft_text(draft, version, "description", "As If-Match: only if the row still has this version.");
}

void draft_form_schema(struct draft *draft, const struct model *model, bool is_update)
{
    cJSON *schema = object_begin(draft, model, is_update ? ".update" : ".create");
    if (!schema)
        return;
    cJSON *required = is_update ? NULL : cJSON_CreateArray();
    cJSON *properties = draft_object(draft, schema, "properties");
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        if (field->is_read_only)
            continue;
        cJSON *value = draft_field_schema(draft, properties, field->name, model, field);
        if (field->is_write_only)
            draft_true(draft, value, "writeOnly");
        if (!is_update)
            default_put(draft, value, model, field);
        if (field->is_required && !is_update)
            draft_text(draft, required, NULL, field->name);
    }
    if (is_update)
        draft_version(draft, properties);
    if (cJSON_GetArraySize(required) > 0)
        draft_put(draft, schema, "required", required);
    else
        cJSON_Delete(required);
    draft_put(draft, schema, "additionalProperties", cJSON_CreateFalse());
}
