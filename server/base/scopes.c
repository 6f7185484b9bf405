/* base/scopes.c: a short list of models with rights. */
#include "base/scopes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/permission.h"

#define MODEL_SIZE 64 /* a model's name, and the NUL */

struct scope {
    char model[MODEL_SIZE];
    unsigned rights;
};
struct scopes {
    size_t count;
    struct scope items[SCOPES_MAX];
};

static const char *scope_read(const cJSON *item, struct scope *scope);

struct scopes *scopes_read(const cJSON *json, const char **why, char *pointer, size_t pointer_size)
{
    SCOPED(scopes_free) struct scopes *scopes = calloc(1, sizeof *scopes);
    const char *wrong = !scopes                 ? "There is no memory for this just now."
                        : !cJSON_IsObject(json) ? "This must be an object: {\"MODEL\": [\"read\", …]}."
                        : !json->child          ? "This must name at least one model, or \"*\" for all."
                                                : NULL;
    if (pointer_size)
        pointer[0] = '\0';
    for (const cJSON *item = wrong ? NULL : json->child; item && !wrong; item = item->next) {
        wrong = scopes->count == SCOPES_MAX ? "These are too many models."
                                            : scope_read(item, &scopes->items[scopes->count]);
        if (wrong && pointer_size)
            snprintf(pointer, pointer_size, "/%.*s", (int)pointer_size - 2,
                     strpbrk(item->string, "~/") ? "" : item->string);
        scopes->count++;
    }
    if (why)
        *why = wrong;
    return wrong ? NULL : TAKE(scopes);
}

/* Why it is not fine; NULL: it is. */
static const char *scope_read(const cJSON *item, struct scope *scope)
{
    static const char *const words = "This must be a list of \"read\", \"write\" and \"delete\".";
    size_t length = strlen(item->string);
    if (!length || length >= sizeof scope->model)
        return "There is no such model.";
    if (!cJSON_IsArray(item) || !item->child)
        return words;
    for (const cJSON *word = item->child; word; word = word->next) {
        const char *text = json_text(word);
        unsigned right = text ? rights_from_word(text) : 0;
        /* To hand rights on is for people. */
        if (!(right & (RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE)))
            return words;
        scope->rights |= right;
    }
    memcpy(scope->model, item->string, length + 1);
    return NULL;
}

struct scopes *scopes_parse(const char *text)
{
    SCOPED(json_free) cJSON *json = json_parse(text, strlen(text), NULL);
    return json ? scopes_read(json, NULL, NULL, 0) : NULL;
}

struct scopes *scopes_copy(const struct scopes *scopes)
{
    struct scopes *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *scopes;
    return copy;
}

void scopes_free(struct scopes *scopes)
{
    free(scopes);
}

unsigned scopes_of(const struct scopes *scopes, const char *model)
{
    unsigned rights = 0;
    for (size_t i = 0; i < scopes->count; i++)
        if (strcmp(scopes->items[i].model, "*") == 0 || strcmp(scopes->items[i].model, model) == 0)
            rights |= scopes->items[i].rights;
    return rights;
}

bool scopes_next(const struct scopes *scopes, size_t *cursor, const char **model, unsigned *rights)
{
    if (*cursor >= scopes->count)
        return false;
    *model = scopes->items[*cursor].model;
    *rights = scopes->items[(*cursor)++].rights;
    return true;
}

void scopes_print(const struct scopes *scopes, struct buffer *json)
{
    buffer_char(json, '{');
    for (size_t i = 0; i < scopes->count; i++) {
        if (i)
            buffer_char(json, ',');
        buffer_json(json, scopes->items[i].model, strlen(scopes->items[i].model));
        buffer_char(json, ':');
        rights_print(scopes->items[i].rights, json);
    }
    buffer_char(json, '}');
}
