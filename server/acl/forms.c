/* acl/forms.c: what clients say about subjects, rights and models. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"

bool subject_read(const cJSON *json, enum subject *subject, const char **name)
{
    const char *text = json_text(json), *colon = text ? strchr(text, ':') : NULL;
    size_t length = !text ? 0 : colon ? (size_t)(colon - text) : strlen(text);
    for (enum subject one = SUBJECT_EVERYONE; text && one <= SUBJECT_GROUP; one++) {
        const char *word = subject_word(one);
        bool is_named = one == SUBJECT_USER || one == SUBJECT_GROUP;
        if (strlen(word) != length || memcmp(word, text, length) != 0 || is_named != (colon && colon[1]))
            continue;
        *subject = one;
        *name = is_named ? colon + 1 : NULL;
        return true;
    }
    return false;
}

bool rights_read(const cJSON *json, unsigned *rights)
{
    const cJSON *item;
    bool is_fine = cJSON_IsArray(json);
    *rights = 0;
    cJSON_ArrayForEach (item, json) {
        const char *word = json_text(item);
        unsigned right = word ? rights_from_word(word) : 0;
        is_fine &= right != 0;
        *rights |= right;
    }
    return is_fine;
}

const struct model *model_param(struct request *request)
{
    const char *name = NULL;
    if (!param_text(request, "model", PARAM_REQUIRED, 1, 100, &name) || !name)
        return NULL;
    const struct model *model = models_find(dispatch_models(request->dispatch), name);
    if (!model)
        request_invalid(request, "/model", "There is no such model.");
    return model;
}

enum status subject_find(struct db *db, enum subject subject, const char *name, int64_t *id)
{
    if (!name)
        return STATUS_OK;
    bool is_user = subject == SUBJECT_USER;
    if (name_is_number(name))
        return db_get_int(db, id,
                          is_user ? "SELECT id FROM user WHERE id = ?1" : "SELECT id FROM \"group\" WHERE id = ?1", "i",
                          (int64_t)strtoll(name, NULL, 10));
    return db_get_int(db, id,
                      is_user ? "SELECT id FROM user WHERE name_folded = lower(?1)"
                              : "SELECT id FROM \"group\" WHERE name = ?1",
                      "t", name);
}
