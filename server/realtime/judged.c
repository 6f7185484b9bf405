/* realtime/judged.c: channels in which each listener gets what is its own. The home chooses, for its own listeners and
 * for those on edges, as only it knows who may see what; an edge is told which of its clients a text is for. What was
 * chosen waits in the channel's log like any event, so it goes with the subscription. Where it is in doubt whether
 * somebody had everything, or may still have what waits, the subscription ends with 2500: the client subscribes again
 * and reads anew. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "lib/log.h"
#include "realtime/internal.h"

/* One of the texts that were chosen, and for whom. */
struct choice {
    const char *json;
    size_t length;
    uint64_t *audience;    /* of members here; NULL: none of them */
    struct buffer clients; /* of edges: ids with "," between them */
};
struct choices {
    struct channel *channel;
    struct choice *items;
    size_t count;
    bool has_failed; /* no memory: somebody may be missing */
};

static struct choice *choice_of(struct choices *choices, const char *json, size_t length);
static void choose_here(struct choices *choices, struct choice *choice, uint32_t member);
static void choice_send(struct choices *choices, struct choice *choice);

void hub_publish_each(struct hub *hub, const char *name,
                      const char *(*choose)(void *context, const struct actor *actor, size_t *length), void *context)
{
    struct choices choices = {.channel = channel_find(hub, name, strlen(name))};
    size_t length = 0;
    if (!choices.channel)
        return;
    for (uint32_t i = 0; i < choices.channel->count; i++) {
        const struct subscription *member = choices.channel->members[i];
        bool is_listening = member->is_live && !member->connection->is_closing;
        const char *json = is_listening ? choose(context, &member->connection->actor, &length) : NULL;
        if (json)
            choose_here(&choices, choice_of(&choices, json, length), i);
    }
    const struct remote *remote;
    size_t cursor = 0;
    while ((remote = remote_next(choices.channel, &cursor))) {
        struct actor actor;
        bool is_somebody = remote_actor(hub, remote->user_id, remote->session_id, &actor);
        const char *json = is_somebody ? choose(context, &actor, &length) : NULL;
        struct choice *choice = json ? choice_of(&choices, json, length) : NULL;
        if (choice) {
            buffer_text(&choice->clients, choice->clients.length ? "," : "");
            buffer_text(&choice->clients, remote->client);
        }
    }
    for (size_t i = 0; i < choices.count; i++)
        choice_send(&choices, &choices.items[i]);
    free(choices.items);
    if (choices.has_failed) {
        log_error("no_memory", "an event of %s was not pushed; its listeners subscribe again", name);
        hub_publish_lost(hub, name);
    }
}

/* Texts are the same if their pointers are. NULL: no memory. */
static struct choice *choice_of(struct choices *choices, const char *json, size_t length)
{
    for (size_t i = 0; i < choices->count; i++)
        if (choices->items[i].json == json)
            return &choices->items[i];
    struct choice *items = reallocarray(choices->items, choices->count + 1, sizeof *items);
    if (!items) {
        choices->has_failed = true;
        return NULL;
    }
    choices->items = items;
    items[choices->count] = (struct choice){.json = json, .length = length};
    return &items[choices->count++];
}

static uint32_t audience_words(const struct channel *channel)
{
    return (channel->count + 63) / 64;
}

static void choose_here(struct choices *choices, struct choice *choice, uint32_t member)
{
    if (choice && !choice->audience)
        choice->audience = calloc(audience_words(choices->channel), sizeof *choice->audience);
    if (choice && choice->audience)
        choice->audience[member / 64] |= UINT64_C(1) << member % 64;
    else
        choices->has_failed = true;
}

static void choice_send(struct choices *choices, struct choice *choice)
{
    struct channel *channel = choices->channel;
    struct hub *hub = channel->hub;
    struct frame *frame = codec_push_pub(channel->name, channel->name_length, 0, choice->json, choice->length);
    if (!frame)
        choices->has_failed = true;
    if (frame && choice->clients.length && hub->has_nodes) {
        SCOPED(buffer_free) struct buffer bus = {0}, text = {0};
        buffer_text(&bus, HUB_BUS_CHANNEL);
        buffer_append(&bus, channel->name, channel->name_length);
        buffer_printf(&text, "T%llu ", (unsigned long long)hub->rights_version);
        buffer_append(&text, choice->clients.bytes, choice->clients.length);
        buffer_char(&text, '\n');
        buffer_append(&text, frame_payload(frame), frame_payload_length(frame));
        if (!choice->clients.has_failed && !bus.has_failed && !text.has_failed)
            bus_publish(hub->bus, bus.bytes, text.bytes, text.length);
        else
            choices->has_failed = true;
    }
    buffer_free(&choice->clients);
    if (!choice->audience)
        frame_unref(frame);
    else if (!channel_append_for(channel, frame, choice->audience, audience_words(channel)))
        choices->has_failed = true;
}

/* ---- edge ---- */

void judged_arrived(struct channel *channel, const char *clients, size_t clients_length, const char *payload,
                    size_t length)
{
    /* While deliveries are held nobody's queue is looked at, and there is no log at the home to read it from later. */
    bool is_too_much = edge_is_full(channel);
    SCOPED(text_map_free) struct text_map *wanted = is_too_much ? NULL : text_map_new();
    uint64_t *audience = wanted ? calloc(audience_words(channel) + 1, sizeof *audience) : NULL;
    bool is_fine = audience, is_any = false;
    for (const char *at = clients, *end = clients + clients_length; is_fine && at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t client_length = (size_t)((comma ? comma : end) - at);
        is_fine = text_map_set(wanted, at, client_length, channel);
        at += client_length + 1;
    }
    for (uint32_t i = 0; is_fine && i < channel->count; i++) {
        const struct subscription *member = channel->members[i];
        const char *client = member->connection->client;
        /* One whose subscription is not answered yet was chosen for an older one, which has ended. */
        if (!member->is_live || !text_map_get(wanted, client, strlen(client)))
            continue;
        audience[i / 64] |= UINT64_C(1) << i % 64;
        is_any = true;
    }
    struct frame *frame = is_fine && is_any ? frame_new(payload, length) : NULL;
    uint32_t words = audience_words(channel);
    if (frame)
        is_fine = channel_append_for(channel, frame, TAKE(audience), words);
    free(audience);
    if (!is_fine || (is_any && !frame))
        judged_lost(channel->hub, channel);
}

/* ---- when it is in doubt ---- */

bool judged_is_behind(const struct subscription *subscription)
{
    const struct channel *channel = subscription->channel;
    bool is_behind = false;
    for (uint64_t seq = subscription->seq; channel->kind->is_judged && !is_behind && seq < channel_head(channel); seq++)
        is_behind = entry_is_for(channel_entry(channel, seq), subscription->index);
    return is_behind;
}

static void drop(struct subscription *subscription)
{
    subscription_drop(subscription, 2500, "insufficient state: subscribe again and read anew");
}

void judged_doubt_connection(struct connection *connection)
{
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        if (judged_is_behind(subscription))
            drop(subscription);
    }
}

void judged_doubt(struct hub *hub, int64_t user_id)
{
    void *value;
    size_t cursor = 0;
    struct list *connections = user_id ? hub_user_connections(hub, user_id) : NULL;
    if (connections)
        LIST_EACH_SAFE (connections, node)
            judged_doubt_connection(container_of(node, struct connection, user_link));
    while (!user_id && int_map_next(hub->connections, &cursor, NULL, &value))
        judged_doubt_connection(value);
}

void judged_lost(struct hub *hub, const struct channel *only)
{
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value))
        judged_lost_connection(value, only);
}

void judged_lost_connection(struct connection *connection, const struct channel *only)
{
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        const struct channel *channel = subscription->channel;
        /* An unsubscribe before the answer to subscribe would be final to the client. */
        if (channel->kind->is_judged && subscription->is_live && (!only || channel == only))
            drop(subscription);
    }
}
