/* model_files.c: the relations that rules may name are here too. */
#include "model_files.h"
#include <string.h>
#include "base/rule.h"

char why[512];

static bool has_nobody(void *app, const struct actor *actor, int64_t id)
{
    (void)app, (void)actor, (void)id;
    return false;
}

static const struct relation relations[] = {
    {"$groups", "SELECT group_id FROM group_member WHERE user_id = ?", has_nobody, NULL},
    {"$rooms", "SELECT room_id FROM member WHERE user_id = ?", has_nobody, NULL},
    {"$public_rooms", "SELECT id FROM room WHERE kind = 'public' AND ? IS NOT NULL", has_nobody, NULL},
    {"$moderated_rooms", "SELECT room_id FROM member WHERE user_id = ?", has_nobody, NULL},
};

struct models *some_models(void)
{
    struct models *models = models_new();
    for (size_t i = 0; i < ARRAY_LENGTH(relations); i++)
        relation_add(models, &relations[i]);
    if (!models_read_builtin(models, why, sizeof why))
        fail_msg("%s", why);
    return models;
}

struct models *read_one(const char *name, const char *text, bool is_builtin)
{
    SCOPED(models_free) struct models *models = some_models();
    why[0] = '\0';
    if (!models_read(models, name, text, strlen(text), is_builtin, why, sizeof why) ||
        !models_finish(models, why, sizeof why))
        return NULL;
    return TAKE(models);
}
