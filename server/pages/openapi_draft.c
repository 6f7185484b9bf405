/* pages/openapi_draft.c: JSON that is put together in many steps. */
#include "pages/openapi_draft.h"
#include <stdio.h>

cJSON *draft_put(struct draft *draft, cJSON *parent, const char *name, cJSON *item)
{
    if (item && (name ? cJSON_AddItemToObject(parent, name, item) : cJSON_AddItemToArray(parent, item)))
        return item;
    cJSON_Delete(item);
    draft->has_failed = true;
    return NULL;
}

cJSON *draft_object(struct draft *draft, cJSON *parent, const char *name)
{
    return draft_put(draft, parent, name, cJSON_CreateObject());
}

cJSON *draft_array(struct draft *draft, cJSON *parent, const char *name)
{
    return draft_put(draft, parent, name, cJSON_CreateArray());
}

void draft_text(struct draft *draft, cJSON *parent, const char *name, const char *text)
{
    draft_put(draft, parent, name, cJSON_CreateString(text));
}

void draft_int(struct draft *draft, cJSON *parent, const char *name, int64_t number)
{
    draft_put(draft, parent, name, cJSON_CreateNumber((double)number));
}

void draft_true(struct draft *draft, cJSON *parent, const char *name)
{
    draft_put(draft, parent, name, cJSON_CreateTrue());
}

void draft_copy(struct draft *draft, cJSON *parent, const char *name, const cJSON *item)
{
    draft_put(draft, parent, name, cJSON_Duplicate(item, true));
}

void draft_ref(struct draft *draft, cJSON *parent, const char *name, const char *kind, const char *word)
{
    char text[160];
    snprintf(text, sizeof text, "#/components/%s/%s", kind, word);
    draft_text(draft, draft_object(draft, parent, name), "$ref", text);
}
