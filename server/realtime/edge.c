/* realtime/edge.c: how a node without the data base stays right: events come over the bus, what is missing is read from
 * the home, and while rights are uncertain nothing is delivered. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "realtime/internal.h"

#define POSITIONS_MS 10000
#define ITEMS_MAX 200 /* of one call, well below the limits of JSON from outside */
/* Read at a time: small enough for an answer to pass through Redis even if all are as long as they may be. */
#define REPAIR_STEP 100
/* Whoever is further behind than this is better off with a page of history than with all of it. */
#define REPAIR_EVENTS_MAX 10000
#define CHECK_AGAIN_MS 500
#define DEPARTURE_MS 6000 /* longer than any answer is waited for */
#define DEPARTURE_AGAIN_MS 1000

/* Somebody who left, while the home has not said that it knows. */
struct departure {
    struct list link; /* in hub->departures */
    struct wheel_timer timer;
    struct hub *hub;
    uint64_t connection_id;
    char client[RANDOM_ID_SIZE];
    char channel[];
};

static void event_arrived(struct channel *channel, uint64_t offset, const char *payload, size_t length);
static bool is_too_much(const struct channel *channel);
static void subscribe_refuse(struct subscription *subscription);
static void repair_reply(struct request *request);
static void check_reply(struct request *request);
static void check_run(struct hub *hub, int64_t user_id);
static void check_send(struct hub *hub, int64_t user_id);
static void resume_now(struct hub *hub);
static void departure_send(struct wheel_timer *timer);
static void departure_reply(struct request *request);
static void departure_end(struct departure *departure);

static struct request *call_begin(struct hub *hub, const char *name, void (*reply)(struct request *request))
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
    if (bytes[0] == 'J')
        channel_append(channel, frame_new(payload, payload_length), 0, ENTRY_JOIN_LEAVE);
    else if (bytes[0] == 'E')
        event_arrived(channel, strtoull(bytes + 1, NULL, 10), payload, payload_length);
}

static void event_arrived(struct channel *channel, uint64_t offset, const char *payload, size_t length)
{
    if (offset > channel->heard)
        channel->heard = offset;
    if (is_too_much(channel) || (offset && channel->is_synced && offset <= channel->offset))
        return; /* or it is a duplicate */
    if (offset && channel->is_synced && offset != channel->offset + 1)
        edge_repair(channel); /* reads this one too */
    else
        channel_append(channel, frame_new(payload, length), offset, ENTRY_EVENT);
}

/* While deliveries are held, nobody's queue is looked at: what comes then is left at the home, to be read later. */
static bool is_too_much(const struct channel *channel)
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
            command_subscribe_send(member, command);
        } else if (member->waiting) {
            subscribe_refuse(member);
        }
        if (is_last)
            return;
    }
}

/* Redis is away: the client is told at once, rather than left to find out by itself. */
static void subscribe_refuse(struct subscription *subscription)
{
    static const char words[] = "unavailable: this node has lost its connection to the others, try again soon";
    struct connection *connection = subscription->connection;
    connection->hub->stats.errors++;
    connection_send(connection, codec_error(subscription->command_id, 100, words, true));
    subscription_free(subscription);
}

/* ---- repair ---- */

void edge_repair(struct channel *channel)
{
    struct hub *hub = channel->hub;
    if (channel->is_repairing || !channel->is_synced)
        return;
    struct request *request = call_begin(hub, "channel.read", repair_reply);
    if (!request)
        return; /* the next event or the next comparison tries again */
    cJSON *since = cJSON_AddObjectToObject(request->params, "since");
    cJSON_AddStringToObject(request->params, "channel", channel->name);
    cJSON_AddNumberToObject(request->params, "limit", REPAIR_STEP);
    cJSON_AddNumberToObject(since, "offset", (double)channel->offset);
    cJSON_AddStringToObject(since, "epoch", channel->epoch);
    channel->is_repairing = true;
    dispatch_start(request);
}

static void everybody_again(struct channel *channel)
{
    /* Whoever subscribes anew brings the home's own position along. */
    channel->is_synced = false;
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
    if (!channel || !channel->is_synced)
        return;
    channel->is_repairing = false;
    if (!status_is_ok(request->status) && status_is_temporary(request->status))
        return; /* the next event or the next comparison tries again */
    /* Longer than what strangers may send, and made by the home itself. */
    SCOPED(json_free) cJSON *result =
        status_is_ok(request->status) ? cJSON_ParseWithLength(request->result.bytes, request->result.length) : NULL;
    uint64_t before = channel->offset, top = (uint64_t)json_get_int(result, "offset", 0);
    const char *epoch = json_get_text(result, "epoch");
    if (!epoch || strcmp(epoch, channel->epoch) != 0 || (top > before && top - before > REPAIR_EVENTS_MAX)) {
        everybody_again(channel); /* too much was missed, or it is another history: the clients decide for themselves */
        return;
    }
    const cJSON *publication;
    cJSON_ArrayForEach(publication, json_get(result, "publications"))
    {
        uint64_t offset = (uint64_t)json_get_int(publication, "offset", 0);
        if (offset != channel->offset + 1)
            continue;
        if (is_too_much(channel))
            return; /* goes on by the first event or comparison after the pause */
        char *data = json_print(json_get(publication, "data"));
        if (data)
            channel_append(channel, codec_push_pub(channel->name, channel->name_length, offset, data, strlen(data)), offset,
                           ENTRY_EVENT);
        free(data);
    }
    if (channel->offset < top && channel->offset == before)
        everybody_again(channel); /* the log does not reach back so far */
    else if (channel->offset < top || channel->offset < channel->heard)
        edge_repair(channel); /* there is more, or more came meanwhile */
}

/* Compare where the channels stand with the home, for the case that the last event of a channel was lost. */
static void positions_reply(struct request *request)
{
    struct hub *hub = request->door;
    if (!status_is_ok(request->status))
        return;
    SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(result, "behind"))
    {
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
            request = call_begin(hub, "channel.positions", positions_reply);
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
        if (++count % ITEMS_MAX == 0)
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
        /* A change of rights may have been lost as well. Nothing is known of one, so nothing is held back. */
        check_send(hub, 0);
    }
    wheel_arm(hub->wheel, timer, POSITIONS_MS);
}

/* ---- rights ---- */

void hub_suspend(struct hub *hub)
{
    hub->is_suspended = true;
    hub->has_lost_bus = true;
}

/* Rights of @user_id (0: anybody's) changed: hold deliveries until the home said who still may. */
void edge_recheck(struct hub *hub, int64_t user_id)
{
    if (user_id && !hub_user_connections(hub, user_id))
        return;
    if (!hub->is_suspended && !hub->checks_pending) {
        check_run(hub, user_id);
        return;
    }
    /* A full check is under way or due; if the home has answered it already, that was before the change. */
    hub->is_suspended = true;
    hub->checks_again = true;
}

void hub_resume(struct hub *hub)
{
    void *value;
    size_t cursor = 0;
    hub->has_lost_bus = false;
    /* What was asked before is not waited for: it may never have arrived. */
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value))
        ((struct channel *)value)->is_repairing = false;
    hub_announce_all(hub);
    check_run(hub, 0);
    positions_ask(hub);
}

static void check_run(struct hub *hub, int64_t user_id)
{
    hub->is_suspended = true;
    hub->checks_again = false;
    check_send(hub, user_id);
    if (!hub->checks_pending && !hub->checks_failed)
        resume_now(hub);
}

/* Ask about every subscription of @user_id (0: of everybody) here. The answers come in order of the calls; the last one
 * resumes. */
static void check_send(struct hub *hub, int64_t user_id)
{
    struct request *request = NULL;
    cJSON *items = NULL;
    int count = 0;
    void *value;
    size_t cursor = 0;
    hub->checks_round++;
    hub->checks_pending = 0;
    hub->checks_failed = false;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        struct connection *connection = value;
        if (user_id && connection->actor.user_id != user_id)
            continue;
        LIST_EACH(&connection->subscriptions, node) {
            const struct subscription *subscription = container_of(node, struct subscription, link);
            if (!request) {
                request = call_begin(hub, "channel.check", check_reply);
                items = request ? cJSON_AddArrayToObject(request->params, "items") : NULL;
                if (!items) {
                    request_free(request);
                    hub->checks_failed = true;
                    wheel_arm(hub->wheel, &hub->check_timer, CHECK_AGAIN_MS);
                    return;
                }
                request->door_tag = hub->checks_round;
            }
            cJSON *item = cJSON_CreateArray();
            cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.user_id));
            cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.session_id));
            cJSON_AddItemToArray(item, cJSON_CreateString(subscription->channel->name));
            cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->id));
            cJSON_AddItemToArray(items, item);
            if (++count % ITEMS_MAX == 0) {
                hub->checks_pending++;
                dispatch_start(TAKE(request));
            }
        }
    }
    if (request) {
        hub->checks_pending++;
        dispatch_start(request);
    }
}

static void check_reply(struct request *request)
{
    struct hub *hub = request->door;
    const cJSON *items = json_get(request->params, "items");
    bool is_current = request->door_tag == hub->checks_round;
    if (is_current)
        hub->checks_pending--;
    if (!status_is_ok(request->status)) {
        hub->checks_failed |= is_current; /* an error in a check is a no: nothing flows until it worked */
    } else {
        SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
        const cJSON *denied;
        cJSON_ArrayForEach(denied, json_get(result, "denied"))
        {
            int64_t index = -1, what = 2, id = 0;
            json_int(cJSON_GetArrayItem(denied, 0), &index);
            json_int(cJSON_GetArrayItem(denied, 1), &what);
            const cJSON *item = cJSON_GetArrayItem(items, (int)index);
            json_int(cJSON_GetArrayItem(item, 3), &id);
            struct connection *connection = connection_find(hub, (uint64_t)id);
            const char *name = json_text(cJSON_GetArrayItem(item, 2));
            struct subscription *subscription = connection && name ? subscription_find(connection, name) : NULL;
            if (connection && what == 1)
                connection_close(connection, 3507, "your session has ended, sign in again");
            else if (subscription)
                subscription_drop(subscription, 2000, "permission taken away");
        }
    }
    if (!is_current || hub->checks_pending)
        return;
    if (hub->checks_failed)
        wheel_arm(hub->wheel, &hub->check_timer, CHECK_AGAIN_MS);
    else if (hub->checks_again)
        check_run(hub, 0);
    else if (hub->is_suspended)
        resume_now(hub);
}

void edge_check_again(struct wheel_timer *timer)
{
    struct hub *hub = container_of(timer, struct hub, check_timer);
    if (!hub->has_lost_bus && hub->is_suspended)
        check_run(hub, 0);
}

static void resume_now(struct hub *hub)
{
    if (hub->has_lost_bus)
        return;
    hub->is_suspended = false;
    /* Whoever waited goes on: full passes for all, and another try for those who were behind. */
    void *value;
    size_t cursor = 0;
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        struct channel *channel = value;
        if (channel->log_count)
            fanout_mark(channel);
        if (channel->offset < channel->heard)
            edge_repair(channel); /* what was left at the home meanwhile */
    }
    cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        struct connection *connection = value;
        if (connection->is_lagging && list_is_empty(&connection->flush_link))
            list_append(&hub->flushing, &connection->flush_link);
    }
}

/* ---- presence ---- */

/* The home counts who listens here. It is told until it confirms, as the bus may be away or lose it. */
void edge_left(struct subscription *subscription)
{
    struct connection *connection = subscription->connection;
    struct hub *hub = connection->hub;
    if (subscription->is_server_side || subscription->waiting)
        return;
    size_t size = strlen(subscription->channel->name) + 1;
    struct departure *departure = calloc(1, sizeof *departure + size);
    if (!departure)
        return; /* then it stays on the lists until this node is gone */
    departure->hub = hub;
    departure->connection_id = connection->id;
    memcpy(departure->client, connection->client, sizeof departure->client);
    memcpy(departure->channel, subscription->channel->name, size);
    list_append(&hub->departures, &departure->link);
    wheel_timer_init(&departure->timer, departure_send);
    if (subscription->is_live || hub->is_shutting_down)
        departure_send(&departure->timer);
    else /* the home may still be at its subscribe, and would count it after all */
        wheel_arm(hub->wheel, &departure->timer, DEPARTURE_MS);
}

static void departure_send(struct wheel_timer *timer)
{
    struct departure *departure = container_of(timer, struct departure, timer);
    struct hub *hub = departure->hub;
    struct connection *connection = connection_find(hub, departure->connection_id);
    bool is_back = connection && subscription_find(connection, departure->channel);
    struct request *request = is_back ? NULL : call_begin(hub, "channel.left", departure_reply);
    if (!request) {
        departure_end(departure);
        return;
    }
    request->door = departure;
    memcpy(request->client, departure->client, sizeof request->client);
    cJSON_AddStringToObject(request->params, "channel", departure->channel);
    dispatch_start(request);
}

static void departure_reply(struct request *request)
{
    struct departure *departure = request->door;
    struct hub *hub = departure->hub;
    if (status_is_temporary(request->status) && !hub->is_shutting_down)
        wheel_arm(hub->wheel, &departure->timer, DEPARTURE_AGAIN_MS);
    else
        departure_end(departure);
}

static void departure_end(struct departure *departure)
{
    list_remove(&departure->link);
    free(departure);
}

void edge_free(struct hub *hub)
{
    struct list *node;
    while ((node = list_take_first(&hub->departures)))
        free(container_of(node, struct departure, link));
}

void hub_announce_all(struct hub *hub)
{
    struct request *request = NULL;
    cJSON *items = NULL;
    int count = 0;
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        const struct connection *connection = value;
        LIST_EACH(&connection->subscriptions, node) {
            const struct subscription *subscription = container_of(node, struct subscription, link);
            if (subscription->is_server_side || !subscription->is_live)
                continue;
            if (!request) {
                request = call_begin(hub, "channel.announce", NULL);
                items = request ? cJSON_AddArrayToObject(request->params, "items") : NULL;
                if (!items) {
                    request_free(request);
                    return;
                }
            }
            cJSON *item = cJSON_CreateArray();
            cJSON_AddItemToArray(item, cJSON_CreateString(subscription->channel->name));
            cJSON_AddItemToArray(item, cJSON_CreateString(connection->client));
            cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.user_id));
            cJSON_AddItemToArray(item, cJSON_CreateString(connection->actor.name));
            cJSON_AddItemToArray(items, item);
            if (++count % ITEMS_MAX == 0)
                dispatch_start(TAKE(request));
        }
    }
    if (request)
        dispatch_start(request);
}
