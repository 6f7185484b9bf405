/* base/row.c: one row of a model, in memory, and how it is shown. */
#include <stdlib.h>

#include "base/model.h"
#include "lib/clock.h"

static void number_print(double number, struct buffer *json);

struct row *row_new(const struct model *model)
{
    struct row *row = calloc(1, sizeof *row);
    struct value *values = calloc(model->fields_count, sizeof *values);
    if (!row || !values) {
        free(row);
        free(values);
        return NULL;
    }
    row->model = model;
    row->values = values; /* zero is null */
    return row;
}

struct row *row_copy(const struct row *row)
{
    SCOPED(row_free) struct row *copy = row_new(row->model);
    for (size_t i = 0; copy && i < row->model->fields_count; i++)
        if (!row_set(copy, i, &row->values[i]))
            return NULL;
    return TAKE(copy);
}

void row_free(struct row *row)
{
    if (!row)
        return;
    for (size_t i = 0; i < row->model->fields_count; i++)
        value_clear(&row->values[i]);
    free(row->values);
    free(row);
}

bool row_set(struct row *row, size_t field, const struct value *value)
{
    struct value copy;
    if (!value_copy(&copy, value)) /* first, for the value may be the row's own */
        return false;
    value_clear(&row->values[field]);
    row->values[field] = copy;
    return true;
}

void row_print(const struct row *row, uint64_t fields, struct buffer *json)
{
    const char *before = "\""; /* the name */
    buffer_char(json, '{');
    for (size_t i = 0; i < row->model->fields_count; i++) {
        const struct field *field = &row->model->fields[i];
        if (field->is_write_only || !(fields & UINT64_C(1) << i))
            continue;
        buffer_text(json, before);
        buffer_text(json, field->name);
        buffer_text(json, "\":");
        field_print(field, &row->values[i], json);
        before = ",\"";
    }
    buffer_char(json, '}');
}

void field_print(const struct field *field, const struct value *value, struct buffer *json)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_text(json, "null");
        break;
    case VALUE_INT:
        if (field->kind == FIELD_BOOLEAN) {
            buffer_text(json, value->number ? "true" : "false");
        } else if (field->kind == FIELD_TIME) {
            char text[CLOCK_TEXT_SIZE];
            buffer_char(json, '"');
            buffer_append(json, clock_text(value->number, text), CLOCK_TEXT_SIZE - 1);
            buffer_char(json, '"');
        } else {
            buffer_int(json, value->number);
        }
        break;
    case VALUE_REAL:
        number_print(value->real, json);
        break;
    case VALUE_TEXT:
        if (field->kind == FIELD_LIST)
            buffer_append(json, value->text, value->length);
        else
            buffer_json(json, value->text, value->length);
        break;
    }
}

/* As everywhere else numbers are printed: the fewest digits that give the same number again. */
static void number_print(double number, struct buffer *json)
{
    cJSON item = {.type = cJSON_Number, .valuedouble = number};
    char *text = json_print(&item);
    if (text)
        buffer_text(json, text);
    else
        json->has_failed = true;
    free(text);
}
