/* settings_namespaces.c: {"chat": {"history_size": 100, …}, …} to the namespaces of ephemeral channels. Each key is a
 * row of a table; what is unknown or out of range is named with its place. */
#include "settings_namespaces.h"

#include <inttypes.h>
#include <string.h>

#include "lib/json.h"
#include "lib/scope.h"
#include "settings_table.h"

enum option_kind { OPTION_BOOL, OPTION_INT, OPTION_WORD };

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset; /* in struct channel_namespace: bool, int64_t or int */
    int64_t least, most;
    const char *words[4]; /* in the order of their enum, NULL behind the last */
};

#define FIELD(field) offsetof(struct channel_namespace, field)
static const struct option options[] = {
    {"presence", OPTION_BOOL, FIELD(presence), 0, 0, {NULL}},
    {"join_leave", OPTION_BOOL, FIELD(join_leave), 0, 0, {NULL}},
    {"history_size", OPTION_INT, FIELD(history_size), 0, NAMESPACE_HISTORY_MAX, {NULL}},
    {"history_ttl_s", OPTION_INT, FIELD(history_ttl_s), 1, NAMESPACE_HISTORY_S_MAX, {NULL}},
    {"recover", OPTION_BOOL, FIELD(recover), 0, 0, {NULL}},
    {"anonymous", OPTION_BOOL, FIELD(anonymous), 0, 0, {NULL}},
    {"publish", OPTION_WORD, FIELD(publish), 0, 0, {"nobody", "subscriber", "anyone", NULL}},
    {"subscribe", OPTION_WORD, FIELD(subscribe), 0, 0, {"signed_in", "token", NULL}},
};
/* What is behind "room:" and the like is the program's own. */
static const char *const taken[] = {"room", "user", "model"};

#define HISTORY_TTL_S 300 /* if it is not said */

static bool name_check(const char *name, const struct namespaces *before, char *why, size_t why_size);
static bool namespace_read(const cJSON *object, struct channel_namespace *space, char *why, size_t why_size);
static bool option_read(const cJSON *item, const struct option *option, struct channel_namespace *space, char *why,
                        size_t why_size);
static const struct option *option_find(const char *name, const struct option **nearest);

bool namespaces_read(const char *text, struct namespaces *namespaces, char *why, size_t why_size)
{
    const char *wrong = NULL;
    SCOPED(json_free) cJSON *json = text[0] ? json_parse(text, strlen(text), &wrong) : NULL;
    namespaces->count = 0;
    if (!text[0])
        return true;
    if (!json)
        return setting_refuse(why, why_size, "namespaces is not JSON: %s", wrong);
    if (!cJSON_IsObject(json))
        return setting_refuse(why, why_size,
                              "namespaces must be an object, such as {\"chat\": {\"history_size\": 100}}");
    const cJSON *item;
    cJSON_ArrayForEach (item, json) {
        if (namespaces->count == NAMESPACES_MAX)
            return setting_refuse(why, why_size, "namespaces has more than %d members", NAMESPACES_MAX);
        if (!name_check(item->string, namespaces, why, why_size))
            return false;
        if (!cJSON_IsObject(item))
            return setting_refuse(why, why_size, "namespaces.%s must be an object, such as {\"presence\": true}",
                                  item->string);
        struct channel_namespace *space = &namespaces->items[namespaces->count];
        *space = (struct channel_namespace){.history_ttl_s = HISTORY_TTL_S};
        strcpy(space->name, item->string);
        if (!namespace_read(item, space, why, why_size))
            return false;
        namespaces->count++;
    }
    return true;
}

static bool name_check(const char *name, const struct namespaces *before, char *why, size_t why_size)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return setting_refuse(why, why_size, "namespaces.%s cannot be: channels %s:… are the program's own", name,
                                  name);
    for (size_t i = 0; i < before->count; i++)
        if (strcmp(name, before->items[i].name) == 0)
            return setting_refuse(why, why_size, "namespaces.%s is there twice", name);
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (length > NAMESPACE_NAME_MAX || strspn(name, letters) != length)
        return setting_refuse(
            why, why_size,
            "namespaces has the name \"%.80s\": it must be up to %d letters, digits, _, - and . (empty: the "
            "channels without a colon)",
            name, NAMESPACE_NAME_MAX);
    return true;
}

static bool namespace_read(const cJSON *object, struct channel_namespace *space, char *why, size_t why_size)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, object) {
        const struct option *nearest = NULL, *option = option_find(item->string, &nearest);
        if (!option)
            return setting_refuse(why, why_size,
                                  "there is no setting namespaces.%s.%.80s; the nearest is namespaces.%s.%s",
                                  space->name, item->string, space->name, nearest->name);
        if (!option_read(item, option, space, why, why_size))
            return false;
    }
    return true;
}

static bool option_read(const cJSON *item, const struct option *option, struct channel_namespace *space, char *why,
                        size_t why_size)
{
    char *field = (char *)space + option->offset;
    const char *text = json_text(item);
    int64_t number;
    switch (option->kind) {
    case OPTION_BOOL:
        if (!cJSON_IsBool(item))
            return setting_refuse(why, why_size, "namespaces.%s.%s must be true or false", space->name, option->name);
        *(bool *)field = cJSON_IsTrue(item);
        return true;
    case OPTION_INT:
        if (!json_int(item, &number) || number < option->least || number > option->most)
            return setting_refuse(why, why_size, "namespaces.%s.%s must be a whole number from %" PRId64 " to %" PRId64,
                                  space->name, option->name, option->least, option->most);
        *(int64_t *)(void *)field = number;
        return true;
    case OPTION_WORD:
        break;
    }
    for (int i = 0; text && option->words[i]; i++)
        if (strcmp(text, option->words[i]) == 0) {
            *(int *)(void *)field = i;
            return true;
        }
    return setting_refuse(why, why_size, "namespaces.%s.%s must be one of these: %s %s %s", space->name, option->name,
                          option->words[0], option->words[1], option->words[2] ? option->words[2] : "");
}

static const struct option *option_find(const char *name, const struct option **nearest)
{
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        size_t distance = settings_distance(name, options[i].name);
        if (distance == 0)
            return &options[i];
        if (distance < least) {
            least = distance;
            *nearest = &options[i];
        }
    }
    return NULL;
}
