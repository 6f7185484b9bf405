/* base/query_cursor.c: where a page ended, as a text that means nothing to the client: base64url of
 * ["digest of the list",value,…], the values being those of the last row that it was sorted by. It is no secret and
 * not signed: what comes back is checked like any input, and may name any place in a list that one may read anyway. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/form.h"
#include "base/query_internal.h"
#include "lib/random.h"
#include "lib/utf8.h"

#define DIGEST_LENGTH 22 /* hex digits: so many that two lists never share them by chance */
#define VARIANT       sodium_base64_VARIANT_URLSAFE_NO_PADDING

static bool list_digest(const struct query *query, char digest[DIGEST_TEXT_SIZE]);
static void digest_value(struct buffer *text, const struct value *value);
static void value_print(const struct field *field, const struct value *value, struct buffer *json);
static bool value_read(const struct field *field, const cJSON *item, struct query *query, struct value *value);
static enum status refuse(struct request *request, const char *words);

void query_cursor(const struct query *query, const struct row *row, struct buffer *text)
{
    SCOPED(buffer_free) struct buffer json = {0};
    char digest[DIGEST_TEXT_SIZE];
    text->has_failed |= !list_digest(query, digest);
    buffer_printf(&json, "[\"%s\"", digest);
    for (size_t i = 0; i < query->sort_count; i++) {
        size_t index = query->sort[i].field;
        buffer_char(&json, ',');
        value_print(&query->model->fields[index], &row->values[index], &json);
    }
    buffer_char(&json, ']');
    size_t size = sodium_base64_ENCODED_LEN(json.length, VARIANT);
    if (json.has_failed || !buffer_reserve(text, size)) {
        text->has_failed = true;
        return;
    }
    sodium_bin2base64(text->bytes + text->length, size, (const unsigned char *)json.bytes, json.length, VARIANT);
    text->length += size - 1; /* the NUL is counted in @size */
}

enum status query_cursor_read(struct request *request, struct query *query, const char *text)
{
    SCOPED(buffer_free) struct buffer bytes = {0};
    char digest[DIGEST_TEXT_SIZE];
    size_t length = strlen(text), json_length = 0;
    if (!buffer_reserve(&bytes, length) || !list_digest(query, digest))
        return FAULT("no memory");
    if (sodium_base642bin((unsigned char *)bytes.bytes, length, text, length, NULL, &json_length, NULL, VARIANT) != 0)
        return refuse(request, "This is no cursor.");
    SCOPED(json_free) cJSON *json = json_parse(bytes.bytes, json_length, NULL);
    const char *found = cJSON_IsArray(json) ? json_text(json->child) : NULL;
    if (!found)
        return refuse(request, "This is no cursor.");
    if (strcmp(found, digest) != 0)
        return refuse(request, "This cursor belongs to another list.");
    const cJSON *item = json->child->next;
    for (size_t i = 0; i < query->sort_count; i++, item = item->next) {
        const struct field *field = &query->model->fields[query->sort[i].field];
        if (!item || !value_read(field, item, query, &query->after[i]))
            return refuse(request, "This is no cursor.");
    }
    if (item)
        return refuse(request, "This is no cursor.");
    query->has_after = true;
    return STATUS_OK;
}

/* What makes the list: the model, its order, its filters and what is searched for. */
static bool list_digest(const struct query *query, char digest[DIGEST_TEXT_SIZE])
{
    SCOPED(buffer_free) struct buffer text = {0};
    const struct field *fields = query->model->fields;
    buffer_printf(&text, "%s\n", query->model->name);
    for (size_t i = 0; i < query->sort_count; i++)
        buffer_printf(&text, "%c%s\n", query->sort[i].is_descending ? '-' : '+', fields[query->sort[i].field].name);
    for (size_t i = 0; i < query->filters_count; i++) {
        const struct filter *filter = &query->filters[i];
        buffer_printf(&text, "%s %d %zu\n", fields[filter->field].name, (int)filter->operator, filter->count);
        for (size_t n = 0; n < filter->count; n++)
            digest_value(&text, &filter->values[n]);
    }
    if (query->search)
        buffer_printf(&text, "q %s\n", query->search);
    if (text.has_failed)
        return false;
    digest_text(text.bytes, text.length, digest)[DIGEST_LENGTH] = '\0';
    return true;
}

static void digest_value(struct buffer *text, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_text(text, "null\n");
        break;
    case VALUE_INT:
        buffer_printf(text, "%lld\n", (long long)value->number);
        break;
    case VALUE_REAL:
        buffer_printf(text, "%a\n", value->real);
        break;
    case VALUE_TEXT: /* with its length, so that no text looks like two values */
        buffer_printf(text, "%zu:%s\n", value->length, value->text);
        break;
    }
}

/* As it is stored: times are numbers, truths 0 and 1. */
static void value_print(const struct field *field, const struct value *value, struct buffer *json)
{
    static const struct field number = {.kind = FIELD_NUMBER};
    size_t length = value->length, characters = 0, at = 0;
    switch (value->kind) {
    case VALUE_NULL:
        buffer_text(json, "null");
        break;
    case VALUE_INT:
        buffer_int(json, value->number);
        break;
    case VALUE_REAL:
        field_print(&number, value, json);
        break;
    case VALUE_TEXT:
        while (sort_is_cut(field) && at < length && characters++ < SORT_CHARACTERS) {
            size_t step = utf8_step(value->text + at, length - at);
            at += step ? step : 1;
        }
        buffer_json(json, value->text, sort_is_cut(field) ? at : length);
        break;
    }
}

static bool value_read(const struct field *field, const cJSON *item, struct query *query, struct value *value)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    struct field stored = {.length_min = -1, .length_max = -1, .is_nullable = field != query->model->fields};
    const char *why;
    if (field->kind == FIELD_TEXT || field->kind == FIELD_DATE)
        stored.kind = FIELD_TEXT;
    else
        stored.kind = field->kind == FIELD_NUMBER ? FIELD_NUMBER : FIELD_INTEGER;
    if (!form_value(&stored, item, value, &hold, &why))
        return false;
    if (value->kind == VALUE_TEXT) /* the cursor's own text goes away */
        value->text = query_keep(query, value->text, value->length);
    return true;
}

static enum status refuse(struct request *request, const char *words)
{
    return request_refuse(request, STATUS_MALFORMED, "%s", words);
}
