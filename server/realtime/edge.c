/* realtime/edge.c: how a node without the data base stays right: events come over the bus, what is missing is read from
 * the home, and while rights are uncertain nothing is delivered. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "realtime/internal.h"

#define POSITIONS_MS 10000
#define ITEMS_MAX 200 /* of one call, well below the limits of JSON from outside */

static void event_arrived(struct channel *channel, uint64_t offset, const char *payload, size_t length);
static void repair_reply(struct request *request);
static void check_reply(struct request *request);
static void check_run(struct hub *hub);
static void resume_now(struct hub *hub);

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
    if (offset && channel->is_synced) {
        if (offset <= channel->offset)
            return; /* a duplicate */
        if (offset != channel->offset + 1) {
            edge_repair(channel); /* reads this one too */
            return;
        }
    }
    channel_append(channel, frame_new(payload, length), offset, ENTRY_EVENT);
}

void hub_bus_listening(struct hub *hub, const char *name, bool is_listening)
{
    if (!is_listening || strncmp(name, HUB_BUS_CHANNEL, strlen(HUB_BUS_CHANNEL)) != 0)
        return;
    name += strlen(HUB_BUS_CHANNEL);
    struct channel *channel = channel_find(hub, name, strlen(name));
    if (!channel)
        return;
    channel->listen = LISTEN_ON;
    for (uint32_t i = 0; i < channel->count; i++) {
        struct subscription *member = channel->members[i];
        cJSON *command = TAKE(member->waiting);
        if (command)
            command_subscribe_send(member, command);
        cJSON_Delete(command);
    }
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
    cJSON_AddNumberToObject(request->params, "limit", -1);
    cJSON_AddNumberToObject(since, "offset", (double)channel->offset);
    cJSON_AddStringToObject(since, "epoch", channel->epoch);
    channel->is_repairing = true;
    dispatch_start(request);
}

static void everybody_again(struct channel *channel)
{
    for (uint32_t i = channel->count; i-- > 0;) {
        bool is_last = channel->count == 1;
        if (channel->members[i]->is_live)
            subscription_drop(channel->members[i], 2500, "insufficient state: subscribe again to recover");
        if (is_last)
            return;
    }
    channel->is_synced = false;
    channel->offset = 0;
}

static void repair_reply(struct request *request)
{
    struct hub *hub = request->door;
    const char *name = json_get_text(request->params, "channel");
    struct channel *channel = name ? channel_find(hub, name, strlen(name)) : NULL;
    if (!channel)
        return;
    channel->is_repairing = false;
    if (!status_is_ok(request->status) && status_is_temporary(request->status))
        return;
    /* Longer than what strangers may send, and made by the home itself. */
    SCOPED(json_free) cJSON *result =
        status_is_ok(request->status) ? cJSON_ParseWithLength(request->result.bytes, request->result.length) : NULL;
    uint64_t top = (uint64_t)json_get_int(result, "offset", 0);
    const cJSON *publication;
    cJSON_ArrayForEach(publication, json_get(result, "publications"))
    {
        uint64_t offset = (uint64_t)json_get_int(publication, "offset", 0);
        char *data = json_print(json_get(publication, "data"));
        if (data && offset == channel->offset + 1)
            channel_append(channel, codec_push_pub(channel->name, channel->name_length, offset, data, strlen(data)), offset,
                           ENTRY_EVENT);
        free(data);
    }
    /* Too much was missed, or it is another history: the clients decide for themselves. */
    if (!result || channel->offset < top)
        everybody_again(channel);
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
        if (!channel->kind->is_positioned || !channel->is_synced)
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
    if (!hub->is_suspended)
        positions_ask(hub);
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
    check_run(hub);
}

void hub_resume(struct hub *hub)
{
    hub->has_lost_bus = false;
    hub_announce_all(hub);
    check_run(hub);
    positions_ask(hub);
}

/* Ask about every subscription here. The answers come in order of the calls; the last one resumes. */
static void check_run(struct hub *hub)
{
    if (hub->checks_pending) {
        hub->checks_again = true;
        hub->is_suspended = true;
        return;
    }
    hub->is_suspended = true;
    hub->checks_again = false;
    hub->checks_failed = false;
    struct request *request = NULL;
    cJSON *items = NULL;
    int count = 0;
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        struct connection *connection = value;
        LIST_EACH(&connection->subscriptions, node) {
            const struct subscription *subscription = container_of(node, struct subscription, link);
            if (!request) {
                request = call_begin(hub, "channel.check", check_reply);
                items = request ? cJSON_AddArrayToObject(request->params, "items") : NULL;
                if (!items) {
                    request_free(request);
                    return; /* stays suspended; the next change or the next beat tries again */
                }
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
    if (!hub->checks_pending)
        resume_now(hub);
}

static void check_reply(struct request *request)
{
    struct hub *hub = request->door;
    const cJSON *items = json_get(request->params, "items");
    hub->checks_pending--;
    if (!status_is_ok(request->status)) {
        hub->checks_failed = true; /* an error in a check is a no: nothing flows until it worked */
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
    if (hub->checks_pending)
        return;
    if (hub->checks_failed)
        wheel_arm(hub->wheel, &hub->check_timer, 500);
    else if (hub->checks_again)
        check_run(hub);
    else
        resume_now(hub);
}

void edge_check_again(struct wheel_timer *timer)
{
    struct hub *hub = container_of(timer, struct hub, check_timer);
    if (!hub->has_lost_bus)
        check_run(hub);
}

static void resume_now(struct hub *hub)
{
    if (hub->has_lost_bus)
        return;
    hub->is_suspended = false;
    /* Whoever waited goes on: full passes for all, and another try for those who were behind. */
    void *value;
    size_t cursor = 0;
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value))
        if (((struct channel *)value)->log_count)
            fanout_mark(value);
    cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        struct connection *connection = value;
        if (connection->is_lagging && list_is_empty(&connection->flush_link))
            list_append(&hub->flushing, &connection->flush_link);
    }
}

/* ---- presence ---- */

/* The home counts who listens here. One way: if it is lost, the home forgets us with the node or at the next announcement. */
void edge_left(struct subscription *subscription)
{
    struct hub *hub = subscription->channel->hub;
    if (subscription->is_server_side || subscription->waiting)
        return;
    struct request *request = call_begin(hub, "channel.left", NULL);
    if (!request)
        return;
    memcpy(request->client, subscription->connection->client, sizeof request->client);
    cJSON_AddStringToObject(request->params, "channel", subscription->channel->name);
    dispatch_start(request);
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
