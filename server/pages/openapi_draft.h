/* pages/openapi_draft.h: the document while it is made, for the files that make it. A failed allocation is remembered
 * and asked for once at the end. */
#pragma once
#include <stdbool.h>
#include "base/dispatch.h"
#include "base/model.h"
#include "lib/json.h"

struct draft {
    const struct dispatch *dispatch;
    cJSON *document, *tags, *paths, *schemas; /* all but the first lie in the document */
    bool has_failed;                          /* no memory: it is incomplete */
};

/* schema/api/actions.json: what the applications say of their own actions. */
extern const char actions_json[];

/* Each adds to @parent (an array, if @name is NULL) and gives back what was added, which is the parent's; NULL: no
 * memory, and as a parent it is fine. */
cJSON *draft_put(struct draft *draft, cJSON *parent, const char *name, cJSON *item);
cJSON *draft_object(struct draft *draft, cJSON *parent, const char *name);
cJSON *draft_array(struct draft *draft, cJSON *parent, const char *name);
void draft_text(struct draft *draft, cJSON *parent, const char *name, const char *text);
void draft_int(struct draft *draft, cJSON *parent, const char *name, int64_t number);
void draft_true(struct draft *draft, cJSON *parent, const char *name);
void draft_copy(struct draft *draft, cJSON *parent, const char *name, const cJSON *item);
/* {"$ref":"#/components/KIND/WORD"} */
void draft_ref(struct draft *draft, cJSON *parent, const char *name, const char *kind, const char *word);

/* pages/openapi_parts.c: cut @document, which is of no use after it; @digest is that of its text. errors FAULT */
struct openapi_parts;
enum status openapi_parts_new(const struct models *models, cJSON *document, const char *digest,
                              struct openapi_parts **out);

/* pages/openapi_model.c: an action of a model, in the words of schema/api/actions.json, with the schemas it needs; the
 * caller deletes it. NULL: @route is none that models have. */
cJSON *draft_model_action(struct draft *draft, const struct route *route, const struct model **model);

/* pages/openapi_schema.c: "news", "news.detail", "news.list" and "news.create" or "news.update" of a model, if they
 * are not there yet. */
void draft_row_schema(struct draft *draft, const struct model *model);
void draft_detail_schema(struct draft *draft, const struct model *model);
void draft_list_schema(struct draft *draft, const struct model *model);
void draft_form_schema(struct draft *draft, const struct model *model, bool is_update);
/* One value of @field, as it is answered or sent; it is the parent's. */
cJSON *draft_field_schema(struct draft *draft, cJSON *parent, const char *name, const struct model *model,
                          const struct field *field);
/* The parameter "version", which is If-Match in another place. */
void draft_version(struct draft *draft, cJSON *properties);
/* Only what kind of value it is: for filters. */
void draft_type(struct draft *draft, cJSON *schema, const struct field *field);

/* pages/openapi_operation.c: @route as @action describes it. False: @why says what they disagree in. */
bool draft_operation(struct draft *draft, const struct route *route, const cJSON *action, const char *tag, char *why,
                     size_t why_size);
/* What the operations refer to: parameters, answers, ways to sign in. */
void draft_components(struct draft *draft, cJSON *components);
