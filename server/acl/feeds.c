/* acl/feeds.c: what follows from a committed change of groups and grants, when memory has followed it: subscriptions
 * are checked again, people's own windows are told, and who listens to "model:group" and "model:grant" hears of it, as
 * reading the lists would show it. What many operations of one batch change is brought into force once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "base/batch.h"

enum told_kind { TOLD_CREATE, TOLD_UPDATE, TOLD_DELETE };
static const char *const told_words[] = {"create", "update", "delete"};
static const char *const feed_names[ACL_FEEDS] = {[FEED_GROUP] = "model:group", [FEED_GRANT] = "model:grant"};

struct told {
    enum acl_feed feed;
    enum told_kind kind;
    int64_t id;
    char model[MODEL_NAME_MAX + 1]; /* of a grant */
    struct buffer record;           /* DELETE: empty */
};
/* What the operations of a batch have changed so far. */
struct pending {
    int64_t users[BATCH_OPERATIONS_MAX]; /* whose rights changed */
    size_t users_count;
    bool is_everybody;
    struct told *told;
    size_t told_count;
    bool is_lost[ACL_FEEDS];
};
/* One change, as each listener is asked about it. */
struct hearing {
    const struct permissions *permissions;
    const struct told *told;
    struct buffer json;
};

static enum status groups_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static enum status grants_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static void settle(void *app);
static void rights_settle(struct acl *acl);
static void told_settle(struct acl *acl);
static void told_publish(struct acl *acl, const struct told *told);
static const char *hearing_choose(void *context, const struct actor *actor, size_t *length);

static const struct channel_kind kinds[ACL_FEEDS] = {
    [FEED_GROUP] = {.prefix = "model:group", .is_judged = true, .authorize = groups_authorize},
    [FEED_GRANT] = {.prefix = "model:grant", .is_judged = true, .authorize = grants_authorize},
};

bool feeds_open(struct acl *acl)
{
    acl->pending = calloc(1, sizeof *acl->pending);
    for (size_t i = 0; acl->pending && i < ACL_FEEDS; i++)
        hub_add_kind(acl->hub, &kinds[i], acl);
    return acl->pending != NULL;
}

static void told_clear(struct pending *pending)
{
    for (size_t i = 0; i < pending->told_count; i++)
        buffer_free(&pending->told[i].record);
    free(TAKE(pending->told));
    pending->told_count = 0;
}

void feeds_close(struct acl *acl)
{
    if (acl->pending)
        told_clear(acl->pending);
    free(acl->pending);
}

/* ---- who may listen: whoever may read the list, and an API token may not ---- */

static bool groups_may_hear(const struct permissions *permissions, const struct actor *actor)
{
    return !actor->is_token && permissions_is_superuser(permissions, actor);
}

/* @model NULL: of any model at all. */
static bool grants_may_hear(const struct permissions *permissions, const struct actor *actor, const char *model)
{
    return !actor->is_token && permissions_may_grant(permissions, actor, model);
}

static enum status groups_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    const struct acl *acl = app;
    (void)rest;
    *top = (struct channel_top){0};
    return groups_may_hear(dispatch_permissions(acl->dispatch), actor) ? STATUS_OK : STATUS_FORBIDDEN;
}

static enum status grants_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    const struct acl *acl = app;
    (void)rest;
    *top = (struct channel_top){0};
    return grants_may_hear(dispatch_permissions(acl->dispatch), actor, NULL) ? STATUS_OK : STATUS_FORBIDDEN;
}

/* ---- what changed ---- */

void acl_announce(struct request *request, int64_t user_id)
{
    struct acl *acl = request->app;
    struct pending *pending = acl->pending;
    bool is_noted = false, has_room = pending->users_count < ARRAY_LENGTH(pending->users);
    for (size_t i = 0; i < pending->users_count; i++)
        is_noted |= pending->users[i] == user_id;
    if (user_id && !is_noted && has_room)
        pending->users[pending->users_count++] = user_id;
    else if (!is_noted)
        pending->is_everybody = true;
    request_settle(request, settle);
}

/* The change of the same row that is waiting; NULL: there is none. */
static struct told *told_find(struct pending *pending, enum acl_feed feed, int64_t id)
{
    for (size_t i = 0; i < pending->told_count; i++)
        if (pending->told[i].feed == feed && pending->told[i].id == id)
            return &pending->told[i];
    return NULL;
}

static struct told *told_add(struct pending *pending, enum acl_feed feed, int64_t id)
{
    struct told *told = reallocarray(pending->told, pending->told_count + 1, sizeof *told);
    if (!told)
        return NULL;
    pending->told = told;
    told = &told[pending->told_count++];
    *told = (struct told){.feed = feed, .id = id};
    return told;
}

static void tell(struct request *request, enum acl_feed feed, enum told_kind kind, int64_t id, const char *model,
                 const struct buffer *record)
{
    const struct acl *acl = request->app;
    struct pending *pending = acl->pending;
    struct told *told = told_find(pending, feed, id);
    /* Somebody new who is put into a group at once is still one new row. */
    if (told && told->kind == TOLD_CREATE && kind == TOLD_UPDATE)
        kind = TOLD_CREATE;
    if (!told)
        told = told_add(pending, feed, id);
    if (told) {
        told->kind = kind;
        snprintf(told->model, sizeof told->model, "%s", model ? model : "");
        buffer_clear(&told->record);
        if (record)
            buffer_append(&told->record, record->bytes, record->length);
    }
    pending->is_lost[feed] |= !told || told->record.has_failed;
    request_settle(request, settle);
}

void acl_tell_grant(struct request *request, const struct grant *grant, const struct buffer *record)
{
    tell(request, FEED_GRANT, record ? TOLD_CREATE : TOLD_DELETE, grant->id, grant->model, record);
}

void acl_tell_group(struct request *request, int64_t id, const struct buffer *record, bool is_new)
{
    tell(request, FEED_GROUP, !record ? TOLD_DELETE : is_new ? TOLD_CREATE : TOLD_UPDATE, id, NULL, record);
}

void acl_tell_lost(struct request *request, enum acl_feed feed)
{
    const struct acl *acl = request->app;
    acl->pending->is_lost[feed] = true;
    request_settle(request, settle);
}

/* ---- into force ---- */

/* Subscriptions first: to look at them ends those for whom something is still waiting. */
static void settle(void *app)
{
    rights_settle(app);
    told_settle(app);
}

static void rights_settle(struct acl *acl)
{
    static const char event[] = "{\"event\":\"permissions\"}";
    struct pending *pending = acl->pending;
    /* So that people's own windows show what is possible now. */
    if (pending->is_everybody) {
        hub_recheck(acl->hub, 0);
        hub_publish_everybody(acl->hub, "{\"event\":\"permissions\",\"everybody\":true}");
    }
    for (size_t i = 0; i < pending->users_count && !pending->is_everybody; i++) {
        char feed[40];
        hub_recheck(acl->hub, pending->users[i]);
        snprintf(feed, sizeof feed, "user:%lld", (long long)pending->users[i]);
        hub_publish(acl->hub, feed, 0, event, sizeof event - 1);
    }
    pending->is_everybody = false;
    pending->users_count = 0;
}

static void told_settle(struct acl *acl)
{
    struct pending *pending = acl->pending;
    for (size_t i = 0; i < pending->told_count; i++)
        if (!pending->is_lost[pending->told[i].feed])
            told_publish(acl, &pending->told[i]);
    for (size_t feed = 0; feed < ACL_FEEDS; feed++) {
        if (pending->is_lost[feed])
            hub_publish_lost(acl->hub, feed_names[feed]);
        pending->is_lost[feed] = false;
    }
    told_clear(pending);
}

static void told_publish(struct acl *acl, const struct told *told)
{
    struct hearing hearing = {.permissions = dispatch_permissions(acl->dispatch), .told = told};
    buffer_printf(&hearing.json, "{\"action\":\"%s\",\"record\":", told_words[told->kind]);
    if (told->kind == TOLD_DELETE)
        buffer_printf(&hearing.json, "{\"id\":%lld}", (long long)told->id);
    else
        buffer_append(&hearing.json, told->record.bytes, told->record.length);
    buffer_char(&hearing.json, '}');
    if (hearing.json.has_failed)
        hub_publish_lost(acl->hub, feed_names[told->feed]);
    else
        hub_publish_each(acl->hub, feed_names[told->feed], hearing_choose, &hearing);
    buffer_free(&hearing.json);
}

static const char *hearing_choose(void *context, const struct actor *actor, size_t *length)
{
    const struct hearing *hearing = context;
    const struct told *told = hearing->told;
    if (told->feed == FEED_GROUP ? !groups_may_hear(hearing->permissions, actor)
                                 : !grants_may_hear(hearing->permissions, actor, told->model))
        return NULL;
    *length = hearing->json.length;
    return hearing->json.bytes;
}
