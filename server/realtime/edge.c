/* realtime/edge.c: how a node without the data base has the events right: they come over the bus, and what is
 * missing is read from the home. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "realtime/internal.h"

#define POSITIONS_MS 10000
/* Read at a time: small enough for an answer to pass through Redis even if all are as long as they may be. */
#define REPAIR_STEP 100
/* And in bytes: Redis cuts off a subscriber for whom more waits than it may keep, however fast that reads, and what it
 * was to repair would be lost again. */
#define REPAIR_BYTES 24576
/* Whoever is further behind than this is better off with a page of history than with all of it. */
#define REPAIR_EVENTS_MAX 10000

static uint64_t number_take(const char **at);
static bool is_other_log(const struct channel *channel, const char *epoch, size_t length);
static void event_arrived(struct channel *channel, uint64_t offset, const char *payload, size_t length);
static void event_append(struct channel *channel, struct frame *frame, uint64_t offset);
static void repair_reply(struct request *request);
static bool repair_take(struct channel *channel, const cJSON *publications);
static void positions_reply(struct request *request);
static void everybody_again(struct channel *channel);

struct request *edge_call(struct hub *hub, const char *name, void (*reply)(struct request *request))
{
    struct request *request = dispatch_request(hub->dispatch, name);
    if (request) {
        request->reply = reply;
        request->door = hub;
    }
    return request;
}

/* ---- events ---- */

void hub_bus_message(struct hub *hub, const char *name, const char *bytes, size_t length)
{
    if (emulation_arrived(hub, name, bytes, length))
        return;
    if (strcmp(name, HUB_BUS_CONTROL) == 0) {
        edge_control(hub, bytes, length);
        return;
    }
    if (strncmp(name, HUB_BUS_CHANNEL, strlen(HUB_BUS_CHANNEL)) != 0)
        return;
    name += strlen(HUB_BUS_CHANNEL);
    struct channel *channel = channel_find(hub, name, strlen(name));
    const char *payload = memchr(bytes, '\n', length);
    if (!channel)
        return;
    if (!payload || ++payload == bytes + length) {
        log_warning("bus.garbage", "a message for %s that is none was dropped", name);
        return;
    }
    size_t payload_length = length - (size_t)(payload - bytes);
    /* "E<offset> <version> <epoch or nothing>", "J<version>", "T<version> <client>,<client>…": what comes behind a
     * change of rights waits until that is in force. */
    const char *at = bytes + 1;
    uint64_t offset = bytes[0] == 'E' ? number_take(&at) : 0;
    bool is_event = bytes[0] == 'E' || bytes[0] == 'J' || bytes[0] == 'T';
    if (is_event && !edge_hears(hub, number_take(&at), false) && !(channel = channel_find(hub, name, strlen(name))))
        return;
    if (bytes[0] == 'J')
        channel_append(channel, frame_new(payload, payload_length), 0, ENTRY_JOIN_LEAVE);
    else if (bytes[0] == 'E' && is_other_log(channel, at, (size_t)(payload - 1 - at)))
        everybody_again(channel);
    else if (bytes[0] == 'E')
        event_arrived(channel, offset, payload, payload_length);
    else if (bytes[0] == 'T' && channel->kind->is_judged)
        judged_arrived(channel, at, (size_t)(payload - 1 - at), payload, payload_length);
}

/* The digits at *@at, and a space behind them. What it reads ends with a line end. */
static uint64_t number_take(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        number = number * 10 + (uint64_t)(**at - '0');
    *at += **at == ' ';
    return number;
}

/* A log in memory ends with the home, or when nobody needs it. Its offsets say nothing about the next one's. */
static bool is_other_log(const struct channel *channel, const char *epoch, size_t length)
{
    return length && channel->is_synced &&
           (strlen(channel->epoch) != length || memcmp(channel->epoch, epoch, length) != 0);
}

static void event_arrived(struct channel *channel, uint64_t offset, const char *payload, size_t length)
{
    if (offset > channel->heard)
        channel->heard = offset;
    if (edge_is_full(channel) || (offset && channel->is_synced && offset <= channel->offset))
        return; /* or it is a duplicate */
    if (offset && channel->is_synced && offset != channel->offset + 1)
        edge_repair(channel); /* reads this one too */
    else
        event_append(channel, frame_new(payload, length), offset);
}

static void event_append(struct channel *channel, struct frame *frame, uint64_t offset)
{
    if (frame && offset && channel->is_synced)
        recents_add(channel->hub->recents, channel->name, channel->name_length, channel->epoch, offset, frame);
    channel_append(channel, frame, offset, ENTRY_EVENT);
}

/* While deliveries are held, nobody's queue is looked at: what comes then is left at the home, to be read
 * later. */
bool edge_is_full(const struct channel *channel)
{
    const struct hub *hub = channel->hub;
    if (!hub->is_suspended || !channel->log_count)
        return false;
    const struct entry *first = &channel->log[channel->log_first];
    return channel->bytes - first->end_bytes > (uint64_t)hub->settings->realtime_queue_bytes_max;
}

void hub_bus_listening(struct hub *hub, const char *name, bool is_listening)
{
    if (strncmp(name, HUB_BUS_CHANNEL, strlen(HUB_BUS_CHANNEL)) != 0)
        return;
    name += strlen(HUB_BUS_CHANNEL);
    struct channel *channel = channel_find(hub, name, strlen(name));
    if (!channel)
        return;
    if (is_listening)
        channel->listen = LISTEN_ON;
    /* From the end, as a refused one's place is taken by the last; with the last one the channel may go. */
    for (uint32_t i = channel->count; i-- > 0;) {
        struct subscription *member = channel->members[i];
        bool is_last = channel->count == 1;
        if (member->waiting && is_listening) {
            SCOPED(json_free) cJSON *command = TAKE(member->waiting);
            command_subscribe_send(member, command, true);
        } else if (member->waiting) {
            edge_refuse(member);
        }
        if (is_last)
            return;
    }
}

void edge_refuse(struct subscription *subscription)
{
    static const char words[] = "unavailable: this node has lost its connection to the others, try again soon";
    struct connection *connection = subscription->connection;
    connection->hub->stats.errors++;
    if (subscription->is_server_side) {
        connection_close(connection, 3004, words);
        return;
    }
    connection_send(connection, codec_error(subscription->command_id, 100, words, true));
    subscription_free(subscription);
}

/* ---- repair ---- */

void edge_repair(struct channel *channel)
{
    struct hub *hub = channel->hub;
    if (channel->is_repairing || !channel->is_synced)
        return;
    struct request *request = edge_call(hub, "channel.read", repair_reply);
    if (!request)
        return; /* the next event or the next comparison tries again */
    cJSON *since = cJSON_AddObjectToObject(request->params, "since");
    cJSON_AddStringToObject(request->params, "channel", channel->name);
    cJSON_AddNumberToObject(request->params, "limit", REPAIR_STEP);
    cJSON_AddNumberToObject(request->params, "bytes", REPAIR_BYTES);
    cJSON_AddNumberToObject(since, "offset", (double)channel->offset);
    cJSON_AddStringToObject(since, "epoch", channel->epoch);
    channel->is_repairing = true;
    request->door_tag = ++channel->repair_round;
    dispatch_start(request);
}

static void everybody_again(struct channel *channel)
{
    /* Whoever subscribes anew brings the home's own position along. */
    channel->is_synced = false;
    recents_forget(channel->hub->recents, channel->name, channel->name_length);
    channel->offset = channel->heard = 0;
    for (uint32_t i = channel->count; i-- > 0;) {
        bool is_last = channel->count == 1;
        if (channel->members[i]->is_live)
            subscription_drop(channel->members[i], 2500, "insufficient state: subscribe again to recover");
        if (is_last)
            return; /* the channel may be gone */
    }
}

static void repair_reply(struct request *request)
{
    struct hub *hub = request->door;
    const char *name = json_get_text(request->params, "channel");
    struct channel *channel = name ? channel_find(hub, name, strlen(name)) : NULL;
    if (!channel || request->door_tag != channel->repair_round)
        return;
    channel->is_repairing = false;
    if (!channel->is_synced || (!status_is_ok(request->status) && status_is_temporary(request->status)))
        return; /* the next event or the next comparison tries again */
    /* Longer than what strangers may send, and made by the home itself. */
    SCOPED(json_free) cJSON *result = NULL;
    if (status_is_ok(request->status))
        result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
    uint64_t since = (uint64_t)json_get_int(json_get(request->params, "since"), "offset", 0);
    uint64_t top = (uint64_t)json_get_int(result, "offset", 0);
    const char *epoch = json_get_text(result, "epoch");
    /* Another history, or too much was missed: the clients decide for themselves. */
    if (!epoch || strcmp(epoch, channel->epoch) != 0 || (top > since && top - since > REPAIR_EVENTS_MAX)) {
        everybody_again(channel);
        return;
    }
    if (top > channel->heard)
        channel->heard = top;
    if (!repair_take(channel, json_get(result, "publications")) || channel->offset >= channel->heard)
        return; /* all is there, or what is not will be read when deliveries go on */
    if (channel->offset != since)
        edge_repair(channel); /* there is more, or more came meanwhile */
    else if (channel->offset < top)
        everybody_again(channel); /* the log does not reach back so far */
    else
        channel->heard = channel->offset; /* whatever spoke of more, it was not the home */
}

/* What was published, without its offset. */
static void publication_print(const cJSON *publication, struct buffer *members)
{
    static const char *const names[] = {"data", "info", "tags"};
    const char *comma = "";
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const cJSON *member = json_get(publication, names[i]);
        char *text = member ? json_print(member) : NULL;
        if (text)
            buffer_printf(members, "%s\"%s\":", comma, names[i]);
        if (text)
            buffer_text(members, text);
        members->has_failed |= member && !text;
        free(text);
        comma = members->length ? "," : "";
    }
}

/* False: no more can be kept before deliveries go on. */
static bool repair_take(struct channel *channel, const cJSON *publications)
{
    const cJSON *publication;
    cJSON_ArrayForEach (publication, publications) {
        uint64_t offset = (uint64_t)json_get_int(publication, "offset", 0);
        if (offset != channel->offset + 1)
            continue;
        if (edge_is_full(channel))
            return false;
        SCOPED(buffer_free) struct buffer members = {0};
        publication_print(publication, &members);
        if (!members.has_failed)
            channel_append(
                channel, codec_push_members(channel->name, channel->name_length, offset, members.bytes, members.length),
                offset, ENTRY_EVENT);
    }
    return true;
}

/* Compare where the channels stand with the home, for the case that the last event of a channel was lost. */
static void positions_reply(struct request *request)
{
    struct hub *hub = request->door;
    if (!status_is_ok(request->status))
        return;
    SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
    const cJSON *item;
    cJSON_ArrayForEach (item, json_get(result, "behind")) {
        const char *name = json_text(item);
        struct channel *channel = name ? channel_find(hub, name, strlen(name)) : NULL;
        if (channel)
            edge_repair(channel);
    }
}

static void positions_ask(struct hub *hub)
{
    struct request *request = NULL;
    cJSON *items = NULL;
    int count = 0;
    void *value;
    size_t cursor = 0;
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        const struct channel *channel = value;
        if (!channel->kind->is_positioned || !channel->is_synced || channel->is_repairing)
            continue;
        if (!request) {
            request = edge_call(hub, "channel.positions", positions_reply);
            items = request ? cJSON_AddArrayToObject(request->params, "items") : NULL;
            if (!items) {
                request_free(request);
                return;
            }
        }
        cJSON *item = cJSON_CreateArray();
        cJSON_AddItemToArray(item, cJSON_CreateString(channel->name));
        cJSON_AddItemToArray(item, cJSON_CreateNumber((double)channel->offset));
        cJSON_AddItemToArray(item, cJSON_CreateString(channel->epoch));
        cJSON_AddItemToArray(items, item);
        if (++count % EDGE_ITEMS_MAX == 0)
            dispatch_start(TAKE(request));
    }
    if (request)
        dispatch_start(request);
}

void edge_positions(struct wheel_timer *timer)
{
    struct hub *hub = container_of(timer, struct hub, positions_timer);
    if (!hub->is_suspended) {
        positions_ask(hub);
        edge_check_quietly(hub);
    }
    wheel_arm(hub->wheel, timer, POSITIONS_MS);
}

void hub_resume(struct hub *hub)
{
    void *value;
    size_t cursor = 0;
    hub->has_lost_bus = false;
    /* What was asked before is not waited for: it may never have arrived. */
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value))
        ((struct channel *)value)->is_repairing = false;
    edge_missed(hub);
    hub_announce_all(hub);
    edge_ask_version(hub); /* before the checks, so that they are no older */
    edge_check(hub);
    positions_ask(hub);
}
