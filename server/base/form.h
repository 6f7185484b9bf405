/* base/form.h: what a client sent, checked against a model: one place for every no. */
#pragma once
#include "base/model.h"
#include "base/request.h"

/**
 * The values for a new row from request->params, with defaults: unknown, read-only and wrong ones are noted in the
 * request, each with its pointer.
 * owns    *out is the caller's
 * errors  INVALID, or a fault
 */
enum status form_create(struct request *request, const struct model *model, struct row **out);
/**
 * A JSON merge patch (RFC 7396): @changed gets the bits of the fields that are there (null empties one). The members
 * "id" and "version" are not the form's and are skipped.
 */
enum status form_update(struct request *request, const struct model *model, struct row **out, uint64_t *changed);
/* The bits of the fields that are there in the parameters: for rules on who may write a field. */
uint64_t form_sent(const struct request *request, const struct model *model);
/* Is @field as unknown to @asker as one that does not exist, whatever the row? thread loop */
struct asker;
bool field_is_hidden(const struct field *field, const struct asker *asker);
/* One value of @field from JSON; NULL *why: fine. Texts point into @item or into @hold. */
bool form_value(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                const char **why);
/* The same from a text of a query string ("3", "true", "2026-01-31"). */
bool form_value_text(const struct field *field, const char *text, struct value *value, struct buffer *hold,
                     const char **why);
/* RFC 3339 in any zone to ms since 1970; false: it is none. */
bool time_read(const char *text, int64_t *wall_ms);
