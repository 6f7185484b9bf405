/* base/model_field.c: one property of a model's file becomes a struct field. */
#include <stdlib.h>
#include <string.h>

#include "base/form.h"
#include "base/model_read.h"
#include "lib/pattern.h"

#define CHOICES_MAX 200
#define KIND(kind)  (1u << FIELD_##kind)
#define KINDS_ALL   (KIND(INTEGER) | KIND(NUMBER) | KIND(TEXT) | KIND(BOOLEAN) | KIND(DATE) | KIND(TIME) | KIND(LIST))
#define KINDS_ONE   (KINDS_ALL & ~KIND(LIST))

/* Which keywords a property may have, by its kind. */
static const struct keyword {
    const char *name;
    enum want want;
    unsigned kinds;
    enum { IN_ITEMS = 1, IN_BUILTIN = 2 } where; /* also in "items"; only in built-in files */
} keywords[] = {
    {"type", WANT_ANY, KINDS_ALL, IN_ITEMS},
    {"title", WANT_TEXT, KINDS_ALL, IN_ITEMS},
    {"description", WANT_TEXT, KINDS_ALL, IN_ITEMS},
    {"format", WANT_TEXT, KIND(TEXT) | KIND(DATE) | KIND(TIME), IN_ITEMS},
    {"enum", WANT_LIST, KINDS_ONE, IN_ITEMS},
    {"const", WANT_ANY, KINDS_ONE, IN_ITEMS},
    {"minLength", WANT_COUNT, KIND(TEXT), IN_ITEMS},
    {"maxLength", WANT_COUNT, KIND(TEXT), IN_ITEMS},
    {"pattern", WANT_TEXT, KIND(TEXT), IN_ITEMS},
    {"minimum", WANT_NUMBER, KIND(INTEGER) | KIND(NUMBER), IN_ITEMS},
    {"maximum", WANT_NUMBER, KIND(INTEGER) | KIND(NUMBER), IN_ITEMS},
    {"default", WANT_ANY, KINDS_ALL, 0},
    {"readOnly", WANT_BOOL, KINDS_ALL, 0},
    {"writeOnly", WANT_BOOL, KINDS_ALL, 0},
    {"items", WANT_OBJECT, KIND(LIST), 0},
    {"minItems", WANT_COUNT, KIND(LIST), 0},
    {"maxItems", WANT_COUNT, KIND(LIST), 0},
    {"x-references", WANT_TEXT, KIND(INTEGER), 0},
    {"x-on-delete", WANT_TEXT, KIND(INTEGER), 0},
    {"x-unique", WANT_BOOL, KINDS_ONE, 0},
    {"x-index", WANT_BOOL, KINDS_ONE, 0},
    {"x-default", WANT_TEXT, KIND(INTEGER) | KIND(TIME), 0},
    {"x-column", WANT_TEXT, KINDS_ALL, IN_BUILTIN},
};
static const struct {
    const char *name;
    enum field_kind kind;
} types[] = {{"integer", FIELD_INTEGER},
             {"number", FIELD_NUMBER},
             {"string", FIELD_TEXT},
             {"boolean", FIELD_BOOLEAN},
             {"array", FIELD_LIST}};
static const struct {
    const char *name;
    enum field_kind kind;
    enum field_format format;
} formats[] = {{"email", FIELD_TEXT, FORMAT_EMAIL},
               {"uri", FIELD_TEXT, FORMAT_URI},
               {"uuid", FIELD_TEXT, FORMAT_UUID},
               {"date", FIELD_DATE, FORMAT_NONE},
               {"date-time", FIELD_TIME, FORMAT_NONE}};

static bool value_read(const struct reading *reading, const cJSON *json, bool is_item, struct field *field);
static bool type_read(const struct reading *reading, const cJSON *json, bool is_item, struct field *field);
static bool type_word(const struct reading *reading, const cJSON *word, bool *has_kind, struct field *field);
static bool format_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool keywords_check(const struct reading *reading, const cJSON *json, bool is_item, const struct field *field);
static bool limits_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool limit_read(const struct reading *reading, const cJSON *item, const struct field *field, bool *has_limit,
                       struct value *limit);
static bool pattern_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool choices_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool choice_add(const struct reading *reading, const cJSON *item, struct field *field);
static bool items_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool reference_read(const struct reading *reading, const cJSON *json, struct field *field);
static bool default_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field);
static bool default_words_read(const struct reading *reading, const cJSON *item, struct field *field);
static bool flags_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field);
static bool literal_read(const struct reading *reading, const cJSON *item, const struct field *field,
                         struct value *value);

bool field_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field)
{
    const char *column = json_get_text(json, "x-column");
    field->column = column ? column : field->name;
    field->is_required = is_required;
    return value_read(reading, json, false, field) && items_read(reading, json, field) &&
           default_read(reading, json, is_required, field) && reference_read(reading, json, field) &&
           flags_read(reading, json, is_required, field);
}

void field_clear(struct field *field)
{
    value_clear(&field->default_value);
    for (size_t i = 0; i < field->choices_count; i++)
        value_clear(&field->choices[i]);
    free(field->choices);
    pattern_free(field->pattern);
    if (field->items)
        field_clear(field->items);
    free(field->items);
}

/* What a single value may be: of a field, or of an item in a list. */
static bool value_read(const struct reading *reading, const cJSON *json, bool is_item, struct field *field)
{
    if (!reading_want(reading, json, WANT_OBJECT) || !type_read(reading, json, is_item, field) ||
        !format_read(reading, json, field) || !keywords_check(reading, json, is_item, field))
        return false;
    field->title = json_get_text(json, "title");
    return limits_read(reading, json, field) && pattern_read(reading, json, field) &&
           choices_read(reading, json, field);
}

static bool type_read(const struct reading *reading, const cJSON *json, bool is_item, struct field *field)
{
    const cJSON *type = json_get(json, "type");
    if (!type)
        return reading_fail(reading, json, "it needs a \"type\"");
    bool has_kind = false;
    if (!cJSON_IsArray(type) && !type_word(reading, type, &has_kind, field))
        return false;
    for (const cJSON *word = cJSON_IsArray(type) ? type->child : NULL; word; word = word->next)
        if (!type_word(reading, word, &has_kind, field))
            return false;
    if (!has_kind)
        return reading_fail(reading, type, "a type besides \"null\" is missing");
    if (is_item && (field->is_nullable || field->kind == FIELD_LIST))
        return reading_fail(reading, type, "the items of a list are texts, numbers, integers or booleans");
    return true;
}

static bool type_word(const struct reading *reading, const cJSON *word, bool *has_kind, struct field *field)
{
    const char *name = json_text(word);
    if (name && strcmp(name, "null") == 0 && !field->is_nullable) {
        field->is_nullable = true;
        return true;
    }
    for (size_t i = 0; name && i < ARRAY_LENGTH(types); i++)
        if (strcmp(name, types[i].name) == 0) {
            if (*has_kind)
                return reading_fail(reading, word, "a field has one type, and \"null\" if it may be empty");
            *has_kind = true;
            field->kind = types[i].kind;
            return true;
        }
    return reading_fail(reading, word, "a type is one of string, integer, number, boolean, array, and once null");
}

static bool format_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    const cJSON *format = json_get(json, "format");
    if (!format)
        return true;
    if (field->kind != FIELD_TEXT)
        return reading_fail(reading, format, "only a string has a format");
    const char *name = json_text(format);
    for (size_t i = 0; name && i < ARRAY_LENGTH(formats); i++)
        if (strcmp(name, formats[i].name) == 0) {
            field->kind = formats[i].kind;
            field->format = formats[i].format;
            return true;
        }
    return reading_fail(reading, format, "a format is one of email, uri, uuid, date, date-time");
}

static bool keywords_check(const struct reading *reading, const cJSON *json, bool is_item, const struct field *field)
{
    for (const cJSON *item = json->child; item; item = item->next) {
        const struct keyword *keyword = NULL;
        for (size_t i = 0; i < ARRAY_LENGTH(keywords) && !keyword; i++)
            if (strcmp(item->string, keywords[i].name) == 0)
                keyword = &keywords[i];
        if (!keyword)
            return reading_fail(reading, item, "there is no such keyword for a field");
        if (keyword->where == IN_BUILTIN && !reading->is_builtin)
            return reading_fail(reading, item, "only the built-in models may say this");
        if (is_item && keyword->where != IN_ITEMS)
            return reading_fail(reading, item, "this says nothing about the items of a list");
        if (!(keyword->kinds & 1u << field->kind))
            return reading_fail(reading, item, "this does not go with the field's type and format");
        if (!reading_want(reading, item, keyword->want))
            return false;
    }
    return true;
}

static bool limits_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    bool is_list = field->kind == FIELD_LIST;
    field->length_min = json_get_int(json, is_list ? "minItems" : "minLength", -1);
    field->length_max = json_get_int(json, is_list ? "maxItems" : "maxLength", -1);
    if (field->length_max >= 0 && field->length_min > field->length_max)
        return reading_fail(reading, json, "the least length is above the greatest");
    if (!limit_read(reading, json_get(json, "minimum"), field, &field->has_minimum, &field->minimum) ||
        !limit_read(reading, json_get(json, "maximum"), field, &field->has_maximum, &field->maximum))
        return false;
    if (field->has_minimum && field->has_maximum && value_compare(&field->minimum, &field->maximum) > 0)
        return reading_fail(reading, json, "the minimum is above the maximum");
    return true;
}

static bool limit_read(const struct reading *reading, const cJSON *item, const struct field *field, bool *has_limit,
                       struct value *limit)
{
    int64_t number;
    if (!item)
        return true;
    if (json_int(item, &number))
        *limit = value_int(number);
    else if (field->kind == FIELD_INTEGER)
        return reading_fail(reading, item, "the limit of an integer must be an integer");
    else
        *limit = (struct value){.kind = VALUE_REAL, .real = item->valuedouble};
    *has_limit = true;
    return true;
}

static bool pattern_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    char why[256];
    const cJSON *pattern = json_get(json, "pattern");
    if (!pattern)
        return true;
    field->pattern = pattern_new(pattern->valuestring, why, sizeof why);
    return field->pattern ? true : reading_fail(reading, pattern, "%s", why);
}

static bool choices_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    const cJSON *list = json_get(json, "enum"), *only = json_get(json, "const");
    if (list && only)
        return reading_fail(reading, only, "a field has \"enum\" or \"const\", not both");
    if (!list && !only)
        return true;
    size_t count = list ? (size_t)cJSON_GetArraySize(list) : 1;
    if (count == 0 || count > CHOICES_MAX)
        return reading_fail(reading, list, "a list of choices has 1 to %d of them", CHOICES_MAX);
    field->choices = calloc(count, sizeof *field->choices);
    if (!field->choices)
        return reading_fail(reading, json, "there is no memory for it");
    for (const cJSON *item = list ? list->child : only; item; item = list ? item->next : NULL)
        if (!choice_add(reading, item, field))
            return false;
    return field->choices_count > 0 ? true : reading_fail(reading, list ? list : only, "a choice is missing");
}

static bool choice_add(const struct reading *reading, const cJSON *item, struct field *field)
{
    if (cJSON_IsNull(item) && field->is_nullable) /* that it may be empty has been said by its type */
        return true;
    struct field any = *field; /* while they are read every value is one of them */
    any.choices = NULL;
    any.choices_count = 0;
    struct value *choice = &field->choices[field->choices_count];
    if (!literal_read(reading, item, &any, choice))
        return false;
    field->choices_count++;
    for (size_t i = 0; i + 1 < field->choices_count; i++)
        if (value_compare(&field->choices[i], choice) == 0)
            return reading_fail(reading, item, "this choice is there twice");
    return true;
}

static bool items_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    const cJSON *items = json_get(json, "items");
    if (field->kind != FIELD_LIST)
        return true;
    if (!items)
        return reading_fail(reading, json, "a list needs \"items\"");
    field->items = calloc(1, sizeof *field->items);
    if (!field->items)
        return reading_fail(reading, items, "there is no memory for it");
    field->items->name = field->items->column = field->name;
    return value_read(reading, items, true, field->items);
}

static bool reference_read(const struct reading *reading, const cJSON *json, struct field *field)
{
    static const char *const words[] = {"restrict", "cascade", "set-null"}; /* as enum on_delete */
    field->references = json_get_text(json, "x-references");
    const cJSON *on_delete = json_get(json, "x-on-delete");
    if (!on_delete)
        return true;
    if (!field->references)
        return reading_fail(reading, on_delete, "this needs \"x-references\"");
    size_t word = 0;
    while (word < ARRAY_LENGTH(words) && strcmp(on_delete->valuestring, words[word]) != 0)
        word++;
    if (word == ARRAY_LENGTH(words))
        return reading_fail(reading, on_delete, "this is one of restrict, cascade, set-null");
    field->on_delete = (enum on_delete)word;
    if (field->on_delete == ON_DELETE_SET_NULL && !field->is_nullable)
        return reading_fail(reading, on_delete, "set-null needs a field that may be null");
    return true;
}

/* After the rest, for a default is checked against it. */
static bool default_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field)
{
    const cJSON *literal = json_get(json, "default"), *words = json_get(json, "x-default");
    if (literal && words)
        return reading_fail(reading, words, "a field has \"default\" or \"x-default\", not both");
    if (words && !default_words_read(reading, words, field))
        return false;
    if (cJSON_IsNull(literal) && !field->is_nullable)
        return reading_fail(reading, literal, "null needs a type that names \"null\" too");
    if (literal && !cJSON_IsNull(literal)) {
        if (!literal_read(reading, literal, field, &field->default_value))
            return false;
        field->default_kind = DEFAULT_VALUE;
    }
    /* "$me" is nobody for who is not signed in. */
    if (!is_required && (field->default_kind == DEFAULT_NONE || field->default_kind == DEFAULT_ME))
        field->is_nullable = true;
    return true;
}

static bool default_words_read(const struct reading *reading, const cJSON *item, struct field *field)
{
    if (field->kind == FIELD_TIME && strcmp(item->valuestring, "$now") == 0)
        field->default_kind = DEFAULT_NOW;
    else if (field->kind == FIELD_INTEGER && strcmp(item->valuestring, "$me") == 0)
        field->default_kind = DEFAULT_ME;
    else
        return reading_fail(reading, item, "this is \"$me\" for a reference to a user, \"$now\" for a date-time");
    return true;
}

static bool flags_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field)
{
    field->is_read_only = json_get_bool(json, "readOnly");
    field->is_write_only = json_get_bool(json, "writeOnly");
    field->is_unique = json_get_bool(json, "x-unique");
    field->is_indexed = json_get_bool(json, "x-index");
    if (field->is_read_only && field->is_write_only)
        return reading_fail(reading, json, "nobody could use a field that is both readOnly and writeOnly");
    /* Built-in rows are made by the program, which sets such fields itself. */
    if (is_required && field->is_read_only && field->default_kind == DEFAULT_NONE && !reading->is_builtin)
        return reading_fail(reading, json, "a required field that is readOnly needs a default");
    if (field->default_kind == DEFAULT_ME && (!field->references || strcmp(field->references, "user") != 0))
        return reading_fail(reading, json_get(json, "x-default"), "\"$me\" needs \"x-references\": \"user\"");
    return true;
}

/* One literal, by the same checks as a client's value. @value owns its text. */
static bool literal_read(const struct reading *reading, const cJSON *item, const struct field *field,
                         struct value *value)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    struct value read = {0};
    const char *why = NULL;
    if (cJSON_IsNull(item))
        return reading_fail(reading, item, "null is no value here");
    if (!form_value(field, item, &read, &hold, &why))
        return reading_fail(reading, item, "%s", why ? why : "this is no value of the field");
    return value_copy(value, &read) ? true : reading_fail(reading, item, "there is no memory for it");
}
