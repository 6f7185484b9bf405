/* base/permission.c: grants in memory. Few subjects have grants of their own, so each holds a short list of
 * (model, rights); what a user may do is the union over everyone, members, the user and the user's groups. */
#include "base/permission.h"
#include <stdlib.h>
#include <string.h>
#include "base/scopes.h"
#include "base/session.h"
#include "lib/clock.h"
#include "lib/hash.h"

/* Names that ever had a grant, also of models that are gone. */
#define NAMES_MAX 4096

struct grant {
    uint16_t model;
    uint16_t rights;
    int64_t until_ms; /* 0: for good */
};
struct grants {
    struct grant *items; /* in the order of their models */
    size_t count;
};
struct person {
    struct grants grants;
    int64_t *groups;
    size_t groups_count;
    bool is_superuser;
};
struct permissions {
    char *models[NAMES_MAX];
    size_t models_count;
    struct text_map *by_name; /* a model's name → its index + 1 */
    struct grants everyone, members;
    struct int_map *people;          /* user id → struct person, only those who are more than a member */
    struct int_map *groups;          /* group id → struct grants */
    const struct sessions *sessions; /* where the scopes of tokens are */
};

static const char *const right_words[] = {"read", "write", "delete", "grant"};
static const char *const subject_words[] = {"everyone", "members", "user", "group"};

static int model_find(const struct permissions *permissions, const char *model);
static struct grants *grants_of(struct permissions *permissions, enum subject subject, int64_t id);
static size_t grants_place(const struct grants *grants, int model);
static struct person *person_of(struct permissions *permissions, int64_t user_id);
static unsigned grants_find(const struct grants *grants, int model);

const char *subject_word(enum subject subject)
{
    return subject_words[subject];
}

struct permissions *permissions_new(void)
{
    SCOPED(permissions_free) struct permissions *permissions = calloc(1, sizeof *permissions);
    if (!permissions)
        return NULL;
    permissions->people = int_map_new();
    permissions->groups = int_map_new();
    permissions->by_name = text_map_new();
    if (!permissions->people || !permissions->groups || !permissions->by_name)
        return NULL;
    return TAKE(permissions);
}

static void person_free(struct person *person)
{
    free(person->grants.items);
    free(person->groups);
    free(person);
}

void permissions_free(struct permissions *permissions)
{
    if (!permissions)
        return;
    void *value;
    size_t cursor = 0;
    while (permissions->people && int_map_next(permissions->people, &cursor, NULL, &value))
        person_free(value);
    cursor = 0;
    while (permissions->groups && int_map_next(permissions->groups, &cursor, NULL, &value)) {
        free(((struct grants *)value)->items);
        free(value);
    }
    int_map_free(permissions->people);
    int_map_free(permissions->groups);
    text_map_free(permissions->by_name);
    for (size_t i = 0; i < permissions->models_count; i++)
        free(permissions->models[i]);
    free(permissions->everyone.items);
    free(permissions->members.items);
    free(permissions);
}

static int model_find(const struct permissions *permissions, const char *model)
{
    return (int)(size_t)text_map_get(permissions->by_name, model, strlen(model)) - 1;
}

static int model_add(struct permissions *permissions, const char *model)
{
    int index = model_find(permissions, model);
    if (index >= 0 || permissions->models_count == NAMES_MAX)
        return index;
    char *copy = strdup(model);
    if (!copy || !text_map_set(permissions->by_name, copy, strlen(copy), (void *)(permissions->models_count + 1))) {
        free(copy);
        return -1;
    }
    permissions->models[permissions->models_count] = copy;
    return (int)permissions->models_count++;
}

static struct person *person_of(struct permissions *permissions, int64_t user_id)
{
    struct person *person = int_map_get(permissions->people, (uint64_t)user_id);
    if (person)
        return person;
    person = calloc(1, sizeof *person);
    if (person && !int_map_set(permissions->people, (uint64_t)user_id, person)) {
        free(person);
        return NULL;
    }
    return person;
}

/* NULL: there are none. */
static const struct grants *grants_find_of(const struct permissions *permissions, enum subject subject, int64_t id)
{
    if (subject == SUBJECT_EVERYONE)
        return &permissions->everyone;
    if (subject == SUBJECT_MEMBERS)
        return &permissions->members;
    if (subject == SUBJECT_GROUP)
        return int_map_get(permissions->groups, (uint64_t)id);
    const struct person *person = int_map_get(permissions->people, (uint64_t)id);
    return person ? &person->grants : NULL;
}

/* The same, made if there are none; NULL: no memory. */
static struct grants *grants_of(struct permissions *permissions, enum subject subject, int64_t id)
{
    struct grants *grants = NULL;
    if (subject == SUBJECT_EVERYONE)
        return &permissions->everyone;
    if (subject == SUBJECT_MEMBERS)
        return &permissions->members;
    if (subject == SUBJECT_USER) {
        struct person *person = person_of(permissions, id);
        return person ? &person->grants : NULL;
    }
    grants = int_map_get(permissions->groups, (uint64_t)id);
    if (grants)
        return grants;
    grants = calloc(1, sizeof *grants);
    if (grants && !int_map_set(permissions->groups, (uint64_t)id, grants)) {
        free(grants);
        return NULL;
    }
    return grants;
}

bool permissions_set(struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                     unsigned rights)
{
    return permissions_set_until(permissions, subject, id, model, rights, 0);
}

bool permissions_set_until(struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                           unsigned rights, int64_t until_ms)
{
    /* To take a right away must not fail for want of memory: who has none needs no place for it. */
    int index = rights ? model_add(permissions, model) : model_find(permissions, model);
    if (!rights && (index < 0 || !grants_find_of(permissions, subject, id)))
        return true;
    struct grants *grants = grants_of(permissions, subject, id);
    if (index < 0 || !grants)
        return false;
    const struct grant grant = {(uint16_t)index, (uint16_t)(rights & RIGHT_ALL), until_ms};
    size_t place = grants_place(grants, index), behind = grants->count - place;
    bool is_there = behind && grants->items[place].model == index;
    if (!is_there && !rights)
        return true;
    if (is_there && !rights) {
        memmove(&grants->items[place], &grants->items[place + 1], (behind - 1) * sizeof grant);
        grants->count--;
        return true;
    }
    if (!is_there) {
        struct grant *items = reallocarray(grants->items, grants->count + 1, sizeof *items);
        if (!items)
            return false;
        grants->items = items;
        memmove(&items[place + 1], &items[place], behind * sizeof grant);
        grants->count++;
    }
    grants->items[place] = grant;
    return true;
}

/* Where the grant on @model is, or would be. */
static size_t grants_place(const struct grants *grants, int model)
{
    size_t low = 0, high = grants->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (grants->items[middle].model < model)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct grant *grants_get(const struct grants *grants, int model)
{
    size_t place = grants ? grants_place(grants, model) : 0;
    return grants && place < grants->count && grants->items[place].model == model ? &grants->items[place] : NULL;
}

unsigned permissions_get(const struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                         int64_t *until_ms)
{
    const struct grant *grant = grants_get(grants_find_of(permissions, subject, id), model_find(permissions, model));
    if (grant)
        *until_ms = grant->until_ms;
    return grant ? grant->rights : 0;
}

bool permissions_join(struct permissions *permissions, int64_t group_id, int64_t user_id)
{
    struct person *person = person_of(permissions, user_id);
    if (!person)
        return false;
    for (size_t i = 0; i < person->groups_count; i++)
        if (person->groups[i] == group_id)
            return true;
    int64_t *groups = reallocarray(person->groups, person->groups_count + 1, sizeof *groups);
    if (!groups)
        return false;
    groups[person->groups_count++] = group_id;
    person->groups = groups;
    return true;
}

static void person_part(struct person *person, int64_t group_id)
{
    for (size_t i = 0; i < person->groups_count; i++)
        if (person->groups[i] == group_id)
            person->groups[i] = person->groups[--person->groups_count];
}

void permissions_part(struct permissions *permissions, int64_t group_id, int64_t user_id)
{
    struct person *person = int_map_get(permissions->people, (uint64_t)user_id);
    if (person)
        person_part(person, group_id);
}

bool permissions_is_in_group(const struct permissions *permissions, int64_t group_id, int64_t user_id)
{
    const struct person *person = int_map_get(permissions->people, (uint64_t)user_id);
    for (size_t i = 0; person && i < person->groups_count; i++)
        if (person->groups[i] == group_id)
            return true;
    return false;
}

void permissions_drop_group(struct permissions *permissions, int64_t group_id)
{
    struct grants *grants = int_map_remove(permissions->groups, (uint64_t)group_id);
    if (grants)
        free(grants->items);
    free(grants);
    void *value;
    size_t cursor = 0;
    while (int_map_next(permissions->people, &cursor, NULL, &value))
        person_part(value, group_id);
}

void permissions_drop_user(struct permissions *permissions, int64_t user_id)
{
    struct person *person = int_map_remove(permissions->people, (uint64_t)user_id);
    if (person)
        person_free(person);
}

bool permissions_set_superuser(struct permissions *permissions, int64_t user_id, bool is_superuser)
{
    struct person *person = person_of(permissions, user_id);
    if (!person)
        return false;
    person->is_superuser = is_superuser;
    return true;
}

static bool person_is_superuser(const struct permissions *permissions, int64_t user_id)
{
    const struct person *person = user_id ? int_map_get(permissions->people, (uint64_t)user_id) : NULL;
    return person && person->is_superuser;
}

bool permissions_is_superuser(const struct permissions *permissions, const struct actor *actor)
{
    return actor->is_shell || (!actor->is_token && person_is_superuser(permissions, actor->user_id));
}

void permissions_set_sessions(struct permissions *permissions, const struct sessions *sessions)
{
    permissions->sessions = sessions;
}

unsigned permissions_scope(const struct permissions *permissions, const struct actor *actor, const char *model)
{
    if (!actor->is_token)
        return ~0u;
    const struct session *session =
        model && permissions->sessions ? sessions_get(permissions->sessions, actor->session_id) : NULL;
    return session && session->scopes ? scopes_of(session->scopes, model) : 0;
}

/* The clock is only asked for what has an end. That it has come is seen here first: nothing has to happen for it. */
static bool grant_is_over(const struct grant *grant)
{
    return grant->until_ms && grant->until_ms <= clock_wall_ms();
}

static unsigned grants_find(const struct grants *grants, int model)
{
    const struct grant *grant = grants_get(grants, model);
    return grant && !grant_is_over(grant) ? grant->rights : 0;
}

/* One subject's grant as it would be, in the place of the one it has. */
struct instead {
    enum subject subject;
    int64_t id;
    unsigned rights;
};

/* What comes to somebody from one subject: what @grants say or, if they are the subject's, what they would say. */
static unsigned rights_from(const struct grants *grants, int model, enum subject subject, int64_t id,
                            const struct instead *instead)
{
    if (instead && instead->subject == subject && instead->id == id)
        return instead->rights;
    return grants_find(grants, model);
}

/* @instead: NULL: as it is. */
static unsigned rights_of(const struct permissions *permissions, const struct actor *actor, int model,
                          const struct instead *instead)
{
    unsigned rights = rights_from(&permissions->everyone, model, SUBJECT_EVERYONE, 0, instead);
    if (actor->user_id <= 0)
        return rights;
    rights |= rights_from(&permissions->members, model, SUBJECT_MEMBERS, 0, instead);
    const struct person *person = int_map_get(permissions->people, (uint64_t)actor->user_id);
    rights |= rights_from(person ? &person->grants : NULL, model, SUBJECT_USER, actor->user_id, instead);
    for (size_t i = 0; person && i < person->groups_count; i++)
        rights |= rights_from(int_map_get(permissions->groups, (uint64_t)person->groups[i]), model, SUBJECT_GROUP,
                              person->groups[i], instead);
    return rights;
}

unsigned permissions_of(const struct permissions *permissions, const struct actor *actor, const char *model)
{
    unsigned scope = permissions_scope(permissions, actor, model);
    if (actor->is_shell || person_is_superuser(permissions, actor->user_id))
        return RIGHT_ALL & scope;
    int index = model_find(permissions, model);
    return index < 0 ? 0 : rights_of(permissions, actor, index, NULL) & scope;
}

unsigned permissions_of_if(const struct permissions *permissions, const struct actor *actor, const char *model,
                           enum subject subject, int64_t id, unsigned rights)
{
    const struct instead instead = {subject, id, rights};
    unsigned scope = permissions_scope(permissions, actor, model);
    if (actor->is_shell || person_is_superuser(permissions, actor->user_id))
        return RIGHT_ALL & scope;
    /* A model that nobody has a grant on has no index, and none is found for it. */
    return rights_of(permissions, actor, model_find(permissions, model), &instead) & scope;
}

bool permissions_allow(const struct permissions *permissions, const struct actor *actor, const char *model,
                       unsigned rights)
{
    return rights && (permissions_of(permissions, actor, model) & rights) == rights;
}

bool permissions_may_grant(const struct permissions *permissions, const struct actor *actor, const char *model)
{
    if (model || permissions_is_superuser(permissions, actor))
        return permissions_allow(permissions, actor, model ? model : "", RIGHT_GRANT);
    for (size_t i = 0; i < permissions->models_count; i++)
        if (permissions_allow(permissions, actor, permissions->models[i], RIGHT_GRANT))
            return true;
    return false;
}

bool permissions_may_give(const struct permissions *permissions, int64_t user_id, const char *model, unsigned right)
{
    return permissions_allow(permissions, &(struct actor){.user_id = user_id}, model, right | RIGHT_GRANT);
}

int64_t permissions_giver_next(const struct permissions *permissions, const char *model, unsigned right, size_t *cursor)
{
    uint64_t id;
    void *value;
    /* What all members may give would not be refused to one. */
    while (int_map_next(permissions->people, cursor, &id, &value))
        if (permissions_may_give(permissions, (int64_t)id, model, right))
            return (int64_t)id;
    return 0;
}

void permissions_print(const struct permissions *permissions, const struct actor *actor, struct buffer *json)
{
    buffer_char(json, '{');
    const char *comma = "";
    for (size_t i = 0; i < permissions->models_count; i++) {
        unsigned rights = permissions_of(permissions, actor, permissions->models[i]);
        if (!rights)
            continue;
        buffer_text(json, comma);
        buffer_json(json, permissions->models[i], strlen(permissions->models[i]));
        buffer_char(json, ':');
        rights_print(rights, json);
        comma = ",";
    }
    buffer_char(json, '}');
}

bool permissions_have_public(const struct permissions *permissions)
{
    for (size_t i = 0; i < permissions->everyone.count; i++)
        if (!grant_is_over(&permissions->everyone.items[i]))
            return true;
    return false;
}

unsigned rights_from_word(const char *word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(right_words); i++)
        if (strcmp(word, right_words[i]) == 0)
            return 1u << i;
    return 0;
}

const char *right_word(unsigned right)
{
    size_t i = 0;
    while (i < ARRAY_LENGTH(right_words) - 1 && !(right & 1u << i))
        i++;
    return right_words[i];
}

void rights_print(unsigned rights, struct buffer *json)
{
    const char *comma = "";
    buffer_char(json, '[');
    for (size_t i = 0; i < ARRAY_LENGTH(right_words); i++)
        if (rights & 1u << i) {
            buffer_printf(json, "%s\"%s\"", comma, right_words[i]);
            comma = ",";
        }
    buffer_char(json, ']');
}
