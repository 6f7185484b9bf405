/* realtime/edge_walk.c: asks the home about every connection of this node: many to a call, and a few calls at
 * a time, as all at once would be more than the bus takes. Loop thread. */
#include <stdlib.h>
#include "realtime/internal.h"

#define CALLS_AT_ONCE 16

static bool ids_take(struct walk *walk, int64_t user_id);
static void walk_go(struct walk *walk);
static struct request *next_call(struct walk *walk);
static void walk_reply(struct request *request);

void walk_start(struct walk *walk, const struct walk_kind *kind, struct hub *hub, int64_t user_id)
{
    walk->kind = kind;
    walk->hub = hub;
    walk->round++; /* what is under way belongs to an older one */
    walk->under = 0;
    walk->has_failed = !ids_take(walk, user_id);
    walk->is_running = true;
    walk_go(walk);
}

/* Who is here now: those who come later were let in by the home later. */
static bool ids_take(struct walk *walk, int64_t user_id)
{
    struct hub *hub = walk->hub;
    walk_free(walk);
    walk->ids = calloc(int_map_count(hub->connections) + 1, sizeof *walk->ids);
    if (!walk->ids)
        return false;
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        const struct connection *connection = value;
        if (!user_id || connection->actor.user_id == user_id)
            walk->ids[walk->count++] = connection->id;
    }
    return true;
}

void walk_free(struct walk *walk)
{
    free(walk->ids);
    walk->ids = NULL;
    walk->count = walk->next = 0;
}

static void walk_go(struct walk *walk)
{
    if (walk->is_going)
        return; /* the answer came inside the call: the loop below goes on */
    walk->is_going = true;
    while (!walk->has_failed && walk->under < CALLS_AT_ONCE && walk->next < walk->count) {
        struct request *request = next_call(walk);
        if (!request)
            continue;
        walk->under++;
        dispatch_start(request);
    }
    walk->is_going = false;
    if (!walk->has_failed && (walk->under || walk->next < walk->count))
        return;
    walk->is_running = false;
    walk_free(walk);
    walk->kind->done(walk->hub, !walk->has_failed);
}

/* NULL: no memory, or those who are left have nothing to ask about. */
static struct request *next_call(struct walk *walk)
{
    struct request *request = edge_call(walk->hub, walk->kind->action, walk_reply);
    cJSON *items = request ? cJSON_AddArrayToObject(request->params, "items") : NULL;
    size_t count = 0;
    walk->has_failed = !items;
    while (items && count < EDGE_ITEMS_MAX && walk->next < walk->count) {
        const struct connection *connection = connection_find(walk->hub, walk->ids[walk->next++]);
        if (connection)
            count += walk->kind->add(items, connection);
    }
    if (!count) {
        request_free(request);
        return NULL;
    }
    request->door = walk;
    request->door_tag = walk->round;
    return request;
}

static void walk_reply(struct request *request)
{
    struct walk *walk = request->door;
    bool is_fine = status_is_ok(request->status);
    if (is_fine && walk->kind->answered)
        walk->kind->answered(walk->hub, request);
    if (!walk->is_running || request->door_tag != walk->round)
        return;
    walk->under--;
    walk->has_failed |= !is_fine;
    walk_go(walk);
}
