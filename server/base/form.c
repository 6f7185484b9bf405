/* base/form.c: the parameters of a request as the values of a row. */
#include "base/form.h"
#include <string.h>
#include "base/model_actions.h"
#include "base/rule.h"
#include "lib/clock.h"

#define DATE_LENGTH 10

static enum status values_read(struct request *request, const struct model *model, bool is_new, struct row *row);
static const char *field_refusal(const struct field *field, const struct asker *asker);
static enum status default_set(struct request *request, struct row *row, size_t index);

enum status form_create(struct request *request, const struct model *model, struct row **out)
{
    SCOPED(row_free) struct row *row = row_new(model);
    if (!row)
        return FAULT("no memory");
    enum status status = values_read(request, model, true, row);
    uint64_t sent = form_sent(request, model);
    for (size_t i = FIELDS_OWN; i < model->fields_count && (status == STATUS_OK || status == STATUS_INVALID); i++) {
        const struct field *field = &model->fields[i];
        char pointer[PARAM_POINTER_SIZE];
        if (sent >> i & 1)
            continue;
        if (field->default_kind != DEFAULT_NONE) {
            enum status missing = default_set(request, row, i);
            status = missing == STATUS_OK ? status : missing;
        } else if (field->is_required) {
            status = request_invalid(request, param_pointer(field->name, pointer), "This is required.");
        }
    }
    if (status == STATUS_OK)
        *out = TAKE(row);
    return status;
}

enum status form_update(struct request *request, const struct model *model, struct row **out, uint64_t *changed)
{
    SCOPED(row_free) struct row *row = row_new(model);
    if (!row)
        return FAULT("no memory");
    enum status status = values_read(request, model, false, row);
    if (status != STATUS_OK)
        return status;
    *changed = form_sent(request, model) & ~(UINT64_C(1) << FIELD_ID | UINT64_C(1) << FIELD_VERSION);
    *out = TAKE(row);
    return STATUS_OK;
}

uint64_t form_sent(const struct request *request, const struct model *model)
{
    uint64_t sent = 0;
    for (const cJSON *item = request->params->child; item; item = item->next) {
        const struct field *field = model_field(model, item->string);
        if (field)
            sent |= UINT64_C(1) << field_index(model, field);
    }
    return sent;
}

bool field_is_hidden(const struct field *field, const struct asker *asker)
{
    bool depends_on_asker_only = field->read && !rule_needs_row(field->read);
    return depends_on_asker_only && !asker->is_privileged && !rule_allows(field->read, NULL, asker);
}

/* Every parameter is a field; all errors are noted, not only the first. */
static enum status values_read(struct request *request, const struct model *model, bool is_new, struct row *row)
{
    struct asker asker = request_asker(request);
    SCOPED(buffer_free) struct buffer hold = {0};
    enum status status = STATUS_OK;
    for (const cJSON *item = request->params->child; item; item = item->next) {
        const struct field *field = model_field(model, item->string);
        size_t index = field ? field_index(model, field) : 0;
        char pointer[PARAM_POINTER_SIZE];
        struct value value;
        if (!is_new && field && (index == FIELD_ID || index == FIELD_VERSION))
            continue;
        buffer_clear(&hold);
        const char *why = field_refusal(field, &asker);
        if (why || !form_value(field, item, &value, &hold, &why))
            status = request_invalid(request, param_pointer(item->string, pointer), "%s", why);
        else if (!row_set(row, index, &value))
            return FAULT("no memory");
    }
    return status;
}

/* Why the field takes nothing from @asker at all; NULL: it does. */
static const char *field_refusal(const struct field *field, const struct asker *asker)
{
    if (!field || field_is_hidden(field, asker))
        return "There is no such field.";
    return field->is_read_only ? "This is set by the server." : NULL;
}

static enum status default_set(struct request *request, struct row *row, size_t index)
{
    const struct field *field = &row->model->fields[index];
    struct value value = {0};
    char now[CLOCK_TEXT_SIZE];
    switch (field->default_kind) {
    case DEFAULT_NONE:
        break;
    case DEFAULT_VALUE:
        value = field->default_value;
        break;
    case DEFAULT_ME:
        if (request->actor.user_id)
            value = value_int(request->actor.user_id);
        else if (field->is_required || !field->is_nullable)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "Sign in first: this needs to know who you are.");
        break;
    case DEFAULT_NOW:
        value = value_int(clock_wall_ms());
        if (field->kind == FIELD_DATE) {
            clock_text(value.number, now)[DATE_LENGTH] = '\0';
            value = value_text(now, DATE_LENGTH);
        }
        break;
    }
    return row_set(row, index, &value) ? STATUS_OK : FAULT("no memory");
}
