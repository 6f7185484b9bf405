/* realtime/ephemeral_actions.c: publishing to ephemeral channels, by clients and by whoever is trusted like the shell
 * (the server API); and what only the latter may: many channels at once, forgetting, who is where. */
#include <stdlib.h>
#include <string.h>
#include "realtime/ephemeral_state.h"
#include "realtime/internal.h"

#define KEY_BYTES_MAX  128
#define TAGS_MAX       32
#define BROADCAST_MAX  1000  /* channels */
#define LIST_MAX       10000 /* channels */
#define LIST_MATCH_MAX 64    /* bytes of a pattern: its time grows with it for each channel */

/* One publication, for one channel or many. */
struct publication {
    struct buffer members; /* "data":…,"info":…,"tags":… */
    const char *key;       /* of idempotency; NULL: none */
    bool skips_history;
};

static enum status publication_read(struct request *request, struct publication *publication);
static enum status tags_check(struct request *request, const cJSON *tags);
static enum status publish(struct request *request, const char *name, const struct publication *publication,
                           struct channel_top *at, const char **why);
static enum status publish_authorize(const struct request *request, const struct ephemeral_kind *kind, const char *name,
                                     const char **why);
static enum status publish_log(const struct ephemeral_kind *kind, const char *name,
                               const struct publication *publication, struct channel_top *at, const char **why);
static void top_print(const struct channel_top *at, struct buffer *json);
static bool glob_matches(const char *pattern, const char *text);

static bool name_is_fine(const char *name)
{
    return name && name[0] && strlen(name) <= CHANNEL_NAME_MAX;
}

/* False: it was refused. */
static bool trusted_begin(struct request *request)
{
    if (request->actor.is_shell)
        return true;
    request_finish(request,
                   request_refuse(request, STATUS_FORBIDDEN, "Only the server itself may do this to channels."));
    return false;
}

/* ---- publish ---- */

static void publish_start(struct request *request)
{
    const char *name = json_get_text(request->params, "channel"), *why = NULL;
    struct channel_top at = {0};
    struct publication publication = {0};
    enum status status = STATUS_OK;
    if (!name_is_fine(name))
        status = request_refuse(request, STATUS_MALFORMED, "A channel has a name of 1 to 255 bytes.");
    if (status == STATUS_OK)
        status = publication_read(request, &publication);
    if (status == STATUS_OK)
        status = publish(request, name, &publication, &at, &why);
    buffer_free(&publication.members);
    if (why)
        request_refuse(request, status, "%s", why);
    if (status == STATUS_OK)
        top_print(&at, request_result(request));
    request_finish(request, status);
}

static enum status publication_read(struct request *request, struct publication *publication)
{
    struct buffer *members = &publication->members;
    const cJSON *data = json_get(request->params, "data"), *tags = json_get(request->params, "tags");
    const cJSON *key = json_get(request->params, "idempotency_key");
    if (!data)
        return request_refuse(request, STATUS_MALFORMED, "There is nothing to publish: data is missing.");
    char *text = json_print(data);
    buffer_text(members, "\"data\":");
    buffer_text(members, text ? text : "null");
    free(text);
    if (!text)
        return FAULT("no memory");
    if (!request->actor.is_shell) {
        buffer_text(members, ",\"info\":");
        struct client_info info = {.user_id = request->actor.user_id,
                                   .client = request->client,
                                   .name = request->actor.name,
                                   .persona = request->persona};
        codec_client_info(members, &info);
        return members->has_failed ? FAULT("no memory") : STATUS_OK;
    }
    /* What follows is for those who are trusted; a client's parameters of these names are left alone. */
    publication->skips_history = json_get_bool(request->params, "skip_history");
    publication->key = json_text(key);
    if (key && (!publication->key || !publication->key[0] || strlen(publication->key) > KEY_BYTES_MAX))
        return request_refuse(request, STATUS_MALFORMED, "idempotency_key must be a text of 1 to %d bytes.",
                              KEY_BYTES_MAX);
    enum status status = tags_check(request, tags);
    if (status == STATUS_OK && tags && tags->child) {
        text = json_print(tags);
        buffer_text(members, ",\"tags\":");
        buffer_text(members, text ? text : "{}");
        free(text);
    }
    if (status == STATUS_OK && members->has_failed)
        status = FAULT("no memory");
    return status;
}

static enum status tags_check(struct request *request, const cJSON *tags)
{
    int count = 0;
    const cJSON *tag;
    bool is_fine = !tags || cJSON_IsNull(tags) || cJSON_IsObject(tags);
    cJSON_ArrayForEach (tag, tags)
        is_fine = is_fine && json_text(tag) && ++count <= TAGS_MAX;
    return is_fine ? STATUS_OK
                   : request_refuse(request, STATUS_MALFORMED, "tags must be an object of up to %d texts.", TAGS_MAX);
}

/* In the log, then to the listeners. *why: a literal, if there is more to say than the status's words. */
static enum status publish(struct request *request, const char *name, const struct publication *publication,
                           struct channel_top *at, const char **why)
{
    struct ephemeral *ephemeral = request->app;
    const struct ephemeral_kind *kind = ephemeral_kind_find(ephemeral, name);
    if (!kind) {
        *why = kind_find(ephemeral->hub, name) ? "What is said in this channel is made by its own actions."
                                               : "There is no channel of this kind.";
        return STATUS_NOT_FOUND;
    }
    enum status status = publish_authorize(request, kind, name, why);
    if (status != STATUS_OK)
        return status;
    const struct ephemeral_key *known =
        publication->key ? ephemeral_key_find(&ephemeral->keys, name, publication->key) : NULL;
    if (known) {
        *at = known->at;
        return STATUS_OK;
    }
    struct ephemeral_key *key = NULL;
    if (publication->key && !(key = ephemeral_key_add(&ephemeral->keys, name, publication->key))) {
        *why = "Too many idempotency keys are remembered: try again in some minutes, or without one.";
        return STATUS_BUSY;
    }
    status = publish_log(kind, name, publication, at, why);
    if (status == STATUS_OK && key)
        key->at = *at;
    else if (key)
        ephemeral_key_remove(&ephemeral->keys, key);
    if (status == STATUS_OK) /* only who has a position counts offsets */
        hub_publish_members(ephemeral->hub, name, kind->kind.is_positioned ? at->offset : 0, at->epoch,
                            publication->members.bytes, publication->members.length);
    return status;
}

static enum status publish_authorize(const struct request *request, const struct ephemeral_kind *kind, const char *name,
                                     const char **why)
{
    const struct channel_namespace *space = kind->space;
    if (request->actor.is_shell)
        return STATUS_OK;
    if (space->publish == PUBLISH_NOBODY) {
        *why = "Clients may not publish here.";
        return STATUS_FORBIDDEN;
    }
    /* The node that has the connection says whether it listens; the right to it is asked here, as it may have gone
     * meanwhile. Where listening takes a token, only who listens has shown one. */
    bool is_subscribed = json_get_bool(request->params, "is_subscribed");
    bool needs_token = ephemeral_needs_token(space, name);
    if (!is_subscribed && (space->publish == PUBLISH_SUBSCRIBER || needs_token)) {
        *why = "Subscribe first: only subscribers may publish here.";
        return STATUS_FORBIDDEN;
    }
    if (needs_token)
        return STATUS_OK;
    return ephemeral_may_subscribe(space, &request->actor, name);
}

static enum status publish_log(const struct ephemeral_kind *kind, const char *name,
                               const struct publication *publication, struct channel_top *at, const char **why)
{
    if (!kind->space->history_size || publication->skips_history)
        return STATUS_OK;
    struct ephemeral_log *log = ephemeral_log_get(&kind->ephemeral->logs, name, kind->space);
    if (!log) {
        *why = "The server keeps the history of as many channels as it may: try again later.";
        return STATUS_BUSY;
    }
    if (!ephemeral_log_append(log, &publication->members)) {
        *why = "The server has no room for this in its history: try again later, or send less.";
        return STATUS_BUSY;
    }
    ephemeral_log_top(log, at);
    return STATUS_OK;
}

static void top_print(const struct channel_top *at, struct buffer *json)
{
    buffer_char(json, '{');
    if (at->offset) {
        buffer_printf(json, "\"offset\":%llu,", (unsigned long long)at->offset);
        buffer_json_member(json, "epoch", at->epoch);
    }
    buffer_char(json, '}');
}

/* {"channels":[…], and as publish} → {"responses":[{"result":{…}} or {"error":{"code","message"}}, …]} */
static void broadcast_start(struct request *request)
{
    const cJSON *names = json_get(request->params, "channels"), *item;
    struct publication publication = {0};
    if (!trusted_begin(request))
        return;
    enum status status = STATUS_OK;
    if (!cJSON_IsArray(names) || cJSON_GetArraySize(names) > BROADCAST_MAX)
        status = request_refuse(request, STATUS_MALFORMED, "channels must be a list of up to %d names.", BROADCAST_MAX);
    if (status == STATUS_OK)
        status = publication_read(request, &publication);
    struct buffer *json = request_result(request);
    const char *comma = "";
    buffer_text(json, "{\"responses\":[");
    if (status == STATUS_OK) {
        cJSON_ArrayForEach (item, names) {
            const char *name = json_text(item), *why = NULL;
            struct channel_top at = {0};
            enum status one = STATUS_MALFORMED;
            if (name_is_fine(name))
                one = publish(request, name, &publication, &at, &why);
            else
                why = "A channel has a name of 1 to 255 bytes.";
            buffer_text(json, comma);
            comma = ",";
            if (one == STATUS_OK) {
                buffer_text(json, "{\"result\":");
                top_print(&at, json);
                buffer_char(json, '}');
                continue;
            }
            buffer_printf(json, "{\"error\":{\"code\":%d,", status_realtime(one));
            buffer_json_member(json, "message", why ? why : status_words(one));
            buffer_text(json, "}}");
        }
    }
    buffer_text(json, "]}");
    buffer_free(&publication.members);
    request_finish(request, status);
}

/* ---- what is there ---- */

static void remove_start(struct request *request)
{
    struct ephemeral *ephemeral = request->app;
    const char *name = json_get_text(request->params, "channel");
    if (!trusted_begin(request))
        return;
    const struct ephemeral_kind *kind = name_is_fine(name) ? ephemeral_kind_find(ephemeral, name) : NULL;
    enum status status = STATUS_OK;
    if (!kind)
        status = request_refuse(request, STATUS_NOT_FOUND, "There is no channel of this kind.");
    else if (!kind->space->history_size)
        status = request_refuse(request, STATUS_UNKNOWN_METHOD, "This channel keeps no history.");
    struct ephemeral_log *log = status == STATUS_OK ? ephemeral_log_find(&ephemeral->logs, name) : NULL;
    if (log)
        ephemeral_log_clear(log);
    buffer_text(request_result(request), "{}");
    request_finish(request, status);
}

/* {"pattern":"chat:*"} → {"channels":{"chat:1":{"num_clients":2}, …}}: those that somebody listens to, of all kinds. */
static void list_start(struct request *request)
{
    struct ephemeral *ephemeral = request->app;
    const char *pattern = json_get_text(request->params, "pattern"), *comma = "";
    if (!trusted_begin(request))
        return;
    if (pattern && strlen(pattern) > LIST_MATCH_MAX) {
        request_finish(request,
                       request_refuse(request, STATUS_MALFORMED, "A pattern has up to %d bytes.", LIST_MATCH_MAX));
        return;
    }
    struct buffer *json = request_result(request);
    size_t cursor = 0, found = 0;
    void *value;
    enum status status = STATUS_OK;
    buffer_text(json, "{\"channels\":{");
    while (status == STATUS_OK && text_map_next(ephemeral->hub->channels, &cursor, NULL, NULL, &value)) {
        const struct channel *channel = value;
        uint64_t clients = (uint64_t)channel->count + remotes_count(channel);
        /* The server's own subscriptions on edges are not known here. */
        if (!clients || channel->kind->is_server_side_only ||
            (pattern && pattern[0] && !glob_matches(pattern, channel->name)))
            continue;
        if (++found > LIST_MAX)
            status = request_refuse(request, STATUS_LIMIT,
                                    "More than %d channels are in use: ask with a narrower pattern.", LIST_MAX);
        buffer_text(json, comma);
        buffer_json(json, channel->name, channel->name_length);
        buffer_printf(json, ":{\"num_clients\":%llu}", (unsigned long long)clients);
        comma = ",";
    }
    buffer_text(json, "}}");
    request_finish(request, status);
}

/* "*" stands for any bytes, "?" for one. After a mismatch it goes on from the last star, so the time is bounded by the
 * product of the lengths. */
static bool glob_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

const struct route ephemeral_routes[] = {
    {.name = "channel.publish", .flags = ROUTE_NODE, .start = publish_start},
    {.name = "channel.broadcast", .flags = ROUTE_NODE, .start = broadcast_start},
    {.name = "channel.history_remove", .flags = ROUTE_NODE, .start = remove_start},
    {.name = "channel.list", .flags = ROUTE_NODE, .start = list_start},
};
const size_t ephemeral_routes_count = ARRAY_LENGTH(ephemeral_routes);
