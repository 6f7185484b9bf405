/* realtime/ephemeral.c: the kinds of channels that the settings name, and who may listen to them. */
#include "realtime/ephemeral.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "realtime/ephemeral_state.h"
#include "realtime/internal.h"

static void kind_add(struct ephemeral *ephemeral, const struct channel_namespace *space, const char *prefix);
static enum status kind_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static enum status kind_begin(void *app, const char *rest, struct channel_top *top);
static enum status kind_read(void *app, const char *rest, uint64_t since, size_t limit, bool reversed,
                             struct buffer *json, size_t *count, uint64_t *last);
static bool name_make(const struct ephemeral_kind *kind, const char *rest, char name[CHANNEL_NAME_MAX + 1]);

struct ephemeral *ephemeral_new(struct dispatch *dispatch, struct hub *hub)
{
    const struct settings *settings = dispatch_settings(dispatch);
    struct ephemeral *ephemeral = calloc(1, sizeof *ephemeral);
    if (!ephemeral)
        return NULL;
    char why[512];
    ephemeral->dispatch = dispatch;
    ephemeral->hub = hub;
    if (!ephemeral_logs_open(&ephemeral->logs, hub, settings) || !ephemeral_keys_open(&ephemeral->keys) ||
        !namespaces_read(settings->namespaces, &ephemeral->namespaces, why, sizeof why)) { /* checked with the others */
        ephemeral_free(ephemeral);
        return NULL;
    }
    for (size_t i = 0; i < ephemeral->namespaces.count; i++) {
        const struct channel_namespace *space = &ephemeral->namespaces.items[i];
        char prefix[NAMESPACE_NAME_MAX + 3] = "";
        if (space->name[0]) {
            snprintf(prefix, sizeof prefix, "$%s:", space->name);
            kind_add(ephemeral, space, prefix);
            kind_add(ephemeral, space, prefix + 1);
        } else {
            kind_add(ephemeral, space, prefix);
        }
    }
    dispatch_add(dispatch, ephemeral_routes, ephemeral_routes_count, ephemeral);
    return ephemeral;
}

static void kind_add(struct ephemeral *ephemeral, const struct channel_namespace *space, const char *prefix)
{
    struct ephemeral_kind *kind = &ephemeral->kinds[ephemeral->kinds_count++];
    strcpy(kind->prefix, prefix);
    kind->ephemeral = ephemeral;
    kind->space = space;
    kind->kind = (struct channel_kind){
        .prefix = kind->prefix,
        .is_positioned = space->recover && space->history_size,
        .is_open = space->anonymous,
        .takes_tokens = true,
        .hides_presence = !space->presence,
        .hides_join_leave = !space->join_leave,
        .authorize = kind_authorize,
        .begin_log = kind_begin,
        .read_now = space->history_size ? kind_read : NULL,
        .publish_route = "channel.publish",
    };
    hub_add_kind(ephemeral->hub, &kind->kind, kind);
}

void ephemeral_free(struct ephemeral *ephemeral)
{
    if (!ephemeral)
        return;
    ephemeral_logs_close(&ephemeral->logs);
    ephemeral_keys_close(&ephemeral->keys);
    free(ephemeral);
}

const struct ephemeral_kind *ephemeral_kind_find(const struct ephemeral *ephemeral, const char *name)
{
    const struct kind_entry *entry = kind_find(ephemeral->hub, name);
    return entry && entry->kind->authorize == kind_authorize ? entry->app : NULL;
}

bool ephemeral_needs_token(const struct channel_namespace *space, const char *name)
{
    return space->subscribe == SUBSCRIBE_TOKEN || name[0] == '$';
}

enum status ephemeral_may_subscribe(const struct channel_namespace *space, const struct actor *actor, const char *name)
{
    if (actor->is_shell)
        return STATUS_OK;
    if (ephemeral_needs_token(space, name))
        return STATUS_FORBIDDEN;
    /* An API token is for what its scopes name, and they name no channels. */
    bool is_somebody = (actor->user_id && !actor->is_token) || actor->is_person;
    return space->anonymous || is_somebody ? STATUS_OK : STATUS_FORBIDDEN;
}

static enum status kind_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    const struct ephemeral_kind *kind = app;
    char name[CHANNEL_NAME_MAX + 1];
    *top = (struct channel_top){0};
    if (!name_make(kind, rest, name))
        return STATUS_MALFORMED;
    struct ephemeral_log *log = ephemeral_log_find(&kind->ephemeral->logs, name);
    if (log)
        ephemeral_log_top(log, top);
    return ephemeral_may_subscribe(kind->space, actor, name);
}

/* False: it is too long. */
static bool name_make(const struct ephemeral_kind *kind, const char *rest, char name[CHANNEL_NAME_MAX + 1])
{
    int length = snprintf(name, CHANNEL_NAME_MAX + 1, "%s%s", kind->prefix, rest);
    return length > 0 && length <= CHANNEL_NAME_MAX;
}

/* Only who listens makes a log; who is merely checked does not. */
static enum status kind_begin(void *app, const char *rest, struct channel_top *top)
{
    const struct ephemeral_kind *kind = app;
    char name[CHANNEL_NAME_MAX + 1];
    if (!kind->kind.is_positioned)
        return STATUS_OK;
    struct ephemeral_log *log =
        name_make(kind, rest, name) ? ephemeral_log_get(&kind->ephemeral->logs, name, kind->space) : NULL;
    if (log)
        ephemeral_log_top(log, top);
    return log ? STATUS_OK : STATUS_BUSY;
}

static enum status kind_read(void *app, const char *rest, uint64_t since, size_t limit, bool reversed,
                             struct buffer *json, size_t *count, uint64_t *last)
{
    const struct ephemeral_kind *kind = app;
    char name[CHANNEL_NAME_MAX + 1];
    struct ephemeral_log *log = name_make(kind, rest, name) ? ephemeral_log_find(&kind->ephemeral->logs, name) : NULL;
    *count = 0;
    if (log)
        ephemeral_log_read(log, since, limit, reversed, json, count, last);
    return STATUS_OK;
}
