/* realtime/channels.c: the channels somebody on this node listens to, their short logs and their members. */
#include <stdlib.h>
#include <string.h>
#include "realtime/internal.h"

static void log_add(struct channel *channel, struct entry entry);
static bool log_grow(struct channel *channel);
static void member_remove(struct channel *channel, uint32_t index);
static void member_move(struct channel *channel, uint32_t from, uint32_t to);
static void audience_move(struct entry *entry, uint32_t from, uint32_t to);

void hub_add_kind(struct hub *hub, const struct channel_kind *kind, void *app)
{
    if (hub->kinds_count == KINDS_MAX)
        abort(); /* a bug, found at every start */
    hub->kinds[hub->kinds_count++] = (struct kind_entry){kind, app};
}

/* The first that fits: a channel with a kind of its own is added before those whose prefix fits too. */
const struct kind_entry *kind_find(struct hub *hub, const char *name)
{
    for (size_t i = 0; i < hub->kinds_count; i++) {
        const char *prefix = hub->kinds[i].kind->prefix;
        size_t length = strlen(prefix);
        bool is_whole = length && prefix[length - 1] != ':';
        if (!length && strchr(name, ':'))
            continue; /* the namespace of names without one */
        if (is_whole ? strcmp(name, prefix) == 0 : strncmp(name, prefix, length) == 0)
            return &hub->kinds[i];
    }
    return NULL;
}

bool channel_name_is_fine(const char *name)
{
    return name && name[0] && strlen(name) <= CHANNEL_NAME_MAX;
}

struct channel *channel_find(struct hub *hub, const char *name, size_t length)
{
    return text_map_get(hub->channels, name, length);
}

static void bus_name(const struct channel *channel, struct buffer *name)
{
    buffer_text(name, HUB_BUS_CHANNEL);
    buffer_append(name, channel->name, channel->name_length);
}

struct channel *channel_get(struct hub *hub, const char *name, size_t length, enum status *status)
{
    struct channel *channel = channel_find(hub, name, length);
    if (channel)
        return channel;
    const struct kind_entry *entry = kind_find(hub, name);
    if (!entry) {
        *status = STATUS_NOT_FOUND;
        return NULL;
    }
    channel = calloc(1, sizeof *channel + length + 1);
    if (!channel) {
        *status = FAULT("no memory");
        return NULL;
    }
    channel->hub = hub;
    channel->kind = entry->kind;
    channel->app = entry->app;
    channel->name_length = length;
    memcpy(channel->name, name, length);
    channel->rest = channel->name + strlen(entry->kind->prefix);
    list_init(&channel->dirty_link);
    if (!text_map_set(hub->channels, channel->name, length, channel)) {
        free(channel);
        *status = FAULT("no memory");
        return NULL;
    }
    hub->stats.channels++;
    if (dispatch_is_edge(hub->dispatch)) {
        SCOPED(buffer_free) struct buffer bus = {0};
        bus_name(channel, &bus);
        channel->listen = LISTEN_WAITING;
        bus_listen(hub->bus, bus.bytes);
    } else {
        channel->listen = LISTEN_ON; /* the home hears itself */
    }
    return channel;
}

void channel_release(struct channel *channel)
{
    if (channel->count || remotes_count(channel) || channel->is_passing || !list_is_empty(&channel->dirty_link))
        return;
    struct hub *hub = channel->hub;
    recents_leave(hub->recents, channel->name, channel->name_length);
    if (dispatch_is_edge(hub->dispatch) && hub->bus) {
        SCOPED(buffer_free) struct buffer bus = {0};
        bus_name(channel, &bus);
        bus_unlisten(hub->bus, bus.bytes);
    }
    text_map_remove(hub->channels, channel->name, channel->name_length);
    hub->stats.channels--;
    for (uint32_t i = 0; i < channel->log_count; i++) {
        struct entry *entry = channel_entry(channel, channel->base_seq + i);
        hub->stats.log_bytes -= entry_bytes(entry);
        frame_unref(entry->frame);
        free(entry->audience);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(channel->joined); i++)
        frame_unref(channel->joined[i].frame);
    remotes_free(channel);
    free(channel->log);
    free(channel->members);
    free(channel);
}

void channel_append(struct channel *channel, struct frame *frame, uint64_t offset, int kind)
{
    if (offset)
        channel->offset = offset;
    if (!frame || !channel->count || (channel->log_count == channel->log_capacity && !log_grow(channel))) {
        /* Nobody listens; or no memory: then listeners meet the gap at the next event and recover. */
        frame_unref(frame);
        return;
    }
    log_add(channel, (struct entry){.frame = frame, .offset = offset, .kind = kind});
}

bool channel_append_for(struct channel *channel, struct frame *frame, uint64_t *audience, uint32_t words)
{
    if (!frame || (channel->log_count == channel->log_capacity && !log_grow(channel))) {
        frame_unref(frame);
        free(audience);
        return false;
    }
    log_add(channel,
            (struct entry){.frame = frame, .kind = ENTRY_EVENT, .audience = audience, .audience_words = words});
    return true;
}

static void log_add(struct channel *channel, struct entry entry)
{
    channel->bytes += entry_bytes(&entry);
    channel->hub->stats.log_bytes += entry_bytes(&entry);
    entry.end_bytes = channel->bytes;
    channel->log[(channel->log_first + channel->log_count++) % channel->log_capacity] = entry;
    channel->hub->stats.publications++;
    fanout_mark(channel);
}

static bool log_grow(struct channel *channel)
{
    uint32_t capacity = channel->log_capacity ? channel->log_capacity * 2 : 4;
    struct entry *log = calloc(capacity, sizeof *log);
    if (!log)
        return false;
    for (uint32_t i = 0; i < channel->log_count; i++)
        log[i] = channel->log[(channel->log_first + i) % channel->log_capacity];
    free(channel->log);
    channel->log = log;
    channel->log_first = 0;
    channel->log_capacity = capacity;
    return true;
}

struct subscription *subscription_new(struct connection *connection, struct channel *channel)
{
    if (channel->count == channel->capacity) {
        uint32_t capacity = channel->capacity ? channel->capacity * 2 : 1;
        struct subscription **members = reallocarray(channel->members, capacity, sizeof *members);
        if (!members)
            return NULL;
        channel->members = members;
        channel->capacity = capacity;
    }
    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return NULL;
    subscription->connection = connection;
    subscription->channel = channel;
    subscription->seq = channel_head(channel);
    subscription->index = channel->count;
    channel->members[channel->count++] = subscription;
    list_append(&connection->subscriptions, &subscription->link);
    connection->subscriptions_count++;
    channel->hub->stats.subscriptions++;
    return subscription;
}

struct subscription *subscription_find(struct connection *connection, const char *channel)
{
    LIST_EACH (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        if (strcmp(subscription->channel->name, channel) == 0)
            return subscription;
    }
    return NULL;
}

void subscription_start(struct subscription *subscription, uint64_t position)
{
    subscription->position = position;
    subscription->is_live = true;
    if (subscription->has_missed || subscription->seq != channel_head(subscription->channel))
        fanout_mark(subscription->channel);
}

void subscription_free(struct subscription *subscription)
{
    struct channel *channel = subscription->channel;
    struct connection *connection = subscription->connection;
    struct hub *hub = channel->hub;
    bool was_live = subscription->is_live;
    struct client_info info = subscription_info(subscription);
    member_remove(channel, subscription->index);
    list_remove(&subscription->link);
    connection->subscriptions_count--;
    hub->stats.subscriptions--;
    if (dispatch_is_edge(hub->dispatch))
        edge_left(subscription);
    else if (was_live && !channel->kind->is_server_side_only)
        channel_announce(channel, false, &info);
    free(subscription->persona);
    cJSON_Delete(subscription->waiting);
    recovery_free(subscription->recovery);
    free(subscription);
    if (channel->count || (remotes_count(channel) && channel->log_count))
        fanout_mark(channel); /* the log may have been kept for this one */
    channel_release(channel);
}

/* The last member fills the gap; in a pass those in front of the cursor are the visited ones, and stay so. */
static void member_remove(struct channel *channel, uint32_t index)
{
    if (index < channel->cursor) {
        member_move(channel, --channel->cursor, index);
        index = channel->cursor;
    }
    /* Not onto itself: if all are visited, that place still holds the one that has just been moved. */
    if (index != --channel->count)
        member_move(channel, channel->count, index);
    channel->wants_pass = true;
}

static void member_move(struct channel *channel, uint32_t from, uint32_t to)
{
    channel->members[to] = channel->members[from];
    channel->members[to]->index = to;
    for (uint32_t i = 0; channel->kind->is_judged && i < channel->log_count; i++)
        audience_move(channel_entry(channel, channel->base_seq + i), from, to);
}

/* What waits for a member is still its own at its new place. */
static void audience_move(struct entry *entry, uint32_t from, uint32_t to)
{
    uint64_t bit = UINT64_C(1) << to % 64;
    bool is_for = entry_is_for(entry, from);
    if (to / 64 >= entry->audience_words)
        return; /* then @from is beyond it too: both came after the entry */
    if (is_for)
        entry->audience[to / 64] |= bit;
    else
        entry->audience[to / 64] &= ~bit;
}

void subscription_drop(struct subscription *subscription, uint32_t code, const char *reason)
{
    struct connection *connection = subscription->connection;
    /* While its connect is under way the client does not know of it, and the reply counts on it. */
    if (subscription->is_server_side && (code >= 2500 || !connection->is_connected)) {
        connection_close(connection, 3010, "insufficient state: connect again");
        return;
    }
    struct channel *channel = subscription->channel;
    command_subscribe_withdraw(subscription);
    connection_send(connection, codec_push_unsubscribe(channel->name, channel->name_length, code, reason));
    subscription_free(subscription);
}

struct client_info subscription_info(const struct subscription *subscription)
{
    const struct connection *connection = subscription->connection;
    return (struct client_info){.user_id = connection->actor.user_id,
                                .client = connection->client,
                                .name = connection->actor.name,
                                .persona = subscription->persona ? subscription->persona : connection->persona};
}

void channel_announce(struct channel *channel, bool is_join, const struct client_info *info)
{
    struct hub *hub = channel->hub;
    if (dispatch_is_edge(hub->dispatch) || channel->kind->is_judged || channel->kind->hides_join_leave ||
        channel->count + remotes_count(channel) > (uint64_t)hub->settings->realtime_join_leave_max)
        return;
    struct frame *frame = codec_push_join(channel->name, channel->name_length, is_join, info);
    if (frame && hub->has_nodes) {
        SCOPED(buffer_free) struct buffer bus = {0}, message = {0};
        bus_name(channel, &bus);
        buffer_printf(&message, "J%llu\n", (unsigned long long)hub->rights_version);
        buffer_append(&message, frame_payload(frame), frame_payload_length(frame));
        if (!bus.has_failed && !message.has_failed)
            bus_publish(hub->bus, bus.bytes, message.bytes, message.length);
    }
    channel_append(channel, frame, 0, ENTRY_JOIN_LEAVE);
}

void subscription_announce(const struct subscription *subscription)
{
    struct client_info info = subscription_info(subscription);
    channel_announce(subscription->channel, true, &info); /* on an edge the home does it */
}
