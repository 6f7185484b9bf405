/* realtime/edge_presence.c: the home's lists of who is where also hold those who listen on an edge: it tells
 * the home who came and who left. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "realtime/internal.h"

#define DEPARTURE_MS       6000 /* longer than any answer is waited for */
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

static void departure_send(struct wheel_timer *timer);
static void departure_reply(struct request *request);
static void departure_end(struct departure *departure);
static size_t announce_add(cJSON *items, const struct connection *connection);
static void announce_done(struct hub *hub, bool is_fine);

static const struct walk_kind announce = {"channel.announce", announce_add, NULL, announce_done};

/* The home counts who listens here. It is told until it confirms, as the bus may be away or lose it. */
void edge_left(struct subscription *subscription)
{
    struct connection *connection = subscription->connection;
    struct hub *hub = connection->hub;
    if (subscription->channel->kind->is_server_side_only || subscription->waiting)
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
    if (subscription->is_let_in || hub->is_shutting_down)
        departure_send(&departure->timer);
    else /* the home may still be at its subscribe, and would count it after all */
        wheel_arm(hub->wheel, &departure->timer, DEPARTURE_MS);
}

static void departure_send(struct wheel_timer *timer)
{
    struct departure *departure = container_of(timer, struct departure, timer);
    struct hub *hub = departure->hub;
    struct connection *connection = connection_find(hub, departure->connection_id);
    const struct subscription *again = connection ? subscription_find(connection, departure->channel) : NULL;
    bool is_back = again && !again->waiting; /* one that waits has not been asked for, and may never be */
    struct request *request = is_back ? NULL : edge_call(hub, "channel.left", departure_reply);
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
    walk_free(&hub->rights_walk);
    walk_free(&hub->presence_walk);
    while ((node = list_take_first(&hub->departures)))
        free(container_of(node, struct departure, link));
}

void hub_announce_all(struct hub *hub)
{
    walk_start(&hub->presence_walk, &announce, hub, 0);
}

static size_t announce_add(cJSON *items, const struct connection *connection)
{
    size_t count = 0;
    LIST_EACH (&connection->subscriptions, node) {
        const struct subscription *subscription = container_of(node, struct subscription, link);
        /* Also who still waits for what was missed: nobody tells the home of them later. */
        if (subscription->channel->kind->is_server_side_only || !subscription->is_let_in)
            continue;
        cJSON *item = cJSON_CreateArray();
        cJSON_AddItemToArray(item, cJSON_CreateString(subscription->channel->name));
        cJSON_AddItemToArray(item, cJSON_CreateString(connection->client));
        cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.user_id));
        cJSON_AddItemToArray(item, cJSON_CreateString(connection->actor.name));
        cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.session_id));
        cJSON_AddItemToArray(item, cJSON_CreateNumber((double)edge_flags(subscription)));
        const char *persona = subscription_info(subscription).persona;
        if (persona)
            cJSON_AddItemToArray(item, cJSON_CreateString(persona));
        cJSON_AddItemToArray(items, item);
        count++;
    }
    return count;
}

static void announce_done(struct hub *hub, bool is_fine)
{
    if (!is_fine)
        wheel_arm(hub->wheel, &hub->check_timer, EDGE_AGAIN_MS);
}
