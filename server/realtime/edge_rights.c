/* realtime/edge_rights.c: how a node without the permissions delivers nothing to who lost theirs: it asks the
 * home about every subscription when something changed, and holds deliveries until it knows. Loop thread. */
#include "lib/clock.h"
#include "lib/log.h"
#include "realtime/internal.h"

/* Turns are never so far apart by themselves: the bus looks at its clock several times in a second. A right must not
 * last longer than this on other nodes. */
#define ASLEEP_MS 1000
/* In everybody's own feed: what one may, and which rooms one is in, is to be read again. */
#define READ_ANEW "{\"event\":\"permissions\",\"everybody\":true}"

static void check_run(struct hub *hub, int64_t user_id);
static size_t check_add(cJSON *items, const struct connection *connection);
static void check_answered(struct hub *hub, const struct request *request);
static void check_done(struct hub *hub, bool is_fine);
static void resume_now(struct hub *hub);
static void version_reply(struct request *request);

static const struct walk_kind check = {"channel.check", check_add, check_answered, check_done};

void hub_suspend(struct hub *hub)
{
    hub->is_suspended = true;
    hub->has_lost_bus = true;
}

void edge_recheck(struct hub *hub, int64_t user_id)
{
    if (user_id && !hub_user_connections(hub, user_id))
        return;
    judged_doubt(hub, user_id);
    if (!hub->is_suspended && !hub->rights_walk.is_running) {
        check_run(hub, user_id);
        return;
    }
    /* A full check is under way or due; if the home has answered it already, that was before the change. */
    hub->is_suspended = true;
    hub->checks_again = true;
}

void edge_missed(struct hub *hub)
{
    judged_lost(hub, NULL);
    hub_tell_here(hub, READ_ANEW);
}

/* What was published before a right was taken away may have waited in Redis while this process was stopped, and come in
 * front of the news. */
bool edge_may_deliver(struct hub *hub)
{
    if (!dispatch_is_edge(hub->dispatch))
        return !hub->is_suspended;
    int64_t now_ms = clock_monotonic_ms(), asleep_ms = now_ms - hub->awake_ms;
    bool is_first = !hub->awake_ms;
    hub->awake_ms = now_ms;
    if (!is_first && asleep_ms > ASLEEP_MS) {
        log_info("rights.asleep", "this node stood still for %lld ms: all subscriptions are checked",
                 (long long)asleep_ms);
        edge_recheck(hub, 0);
    }
    return !hub->is_suspended;
}

bool edge_hears(struct hub *hub, uint64_t version, bool is_change)
{
    uint64_t expected = hub->rights_version + is_change;
    bool is_first = !hub->rights_version;
    if (!dispatch_is_edge(hub->dispatch))
        return true;
    hub->rights_version = version;
    if (version == expected)
        return true;
    if (!is_first)
        log_info("rights.gap", "a change of rights did not arrive here: all subscriptions are checked");
    if (!is_first)
        edge_missed(hub); /* it may have been about them */
    edge_recheck(hub, 0);
    return false;
}

void edge_ask_version(struct hub *hub)
{
    struct request *request = edge_call(hub, "rights.version", version_reply);
    hub->rights_version = 0;
    if (request)
        dispatch_start(request);
}

/* Without an answer the first change or event that comes has everybody checked. */
static void version_reply(struct request *request)
{
    struct hub *hub = request->door;
    if (hub->rights_version || !status_is_ok(request->status))
        return;
    SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
    hub->rights_version = (uint64_t)json_get_int(result, "version", 0);
}

void edge_check(struct hub *hub)
{
    check_run(hub, 0);
}

void edge_check_quietly(struct hub *hub)
{
    if (!hub->rights_walk.is_running)
        walk_start(&hub->rights_walk, &check, hub, 0);
}

static void check_run(struct hub *hub, int64_t user_id)
{
    hub->is_suspended = true;
    hub->checks_again = false;
    walk_start(&hub->rights_walk, &check, hub, user_id);
}

unsigned edge_flags(const struct subscription *subscription)
{
    return (subscription->connection->actor.is_person ? EDGE_IS_PERSON : 0) |
           (subscription->by_token ? EDGE_BY_TOKEN : 0);
}

static void item_add(cJSON *items, const struct connection *connection, const char *channel, unsigned flags)
{
    cJSON *item = cJSON_CreateArray();
    cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.user_id));
    cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->actor.session_id));
    cJSON_AddItemToArray(item, cJSON_CreateString(channel));
    cJSON_AddItemToArray(item, cJSON_CreateNumber((double)connection->id));
    cJSON_AddItemToArray(item, cJSON_CreateNumber((double)flags));
    cJSON_AddItemToArray(items, item);
}

static size_t check_add(cJSON *items, const struct connection *connection)
{
    size_t count = 0;
    LIST_EACH (&connection->subscriptions, node) {
        const struct subscription *subscription = container_of(node, struct subscription, link);
        item_add(items, connection, subscription->channel->name, edge_flags(subscription));
        count++;
    }
    /* Who listens to nothing has a session all the same, and it may be over. */
    if (!count && connection->actor.session_id) {
        item_add(items, connection, "", 0);
        count++;
    }
    return count;
}

/* Also in force if the round is an older one: a no stays a no. */
static void check_answered(struct hub *hub, const struct request *request)
{
    const cJSON *items = json_get(request->params, "items");
    SCOPED(json_free) cJSON *result = json_parse(request->result.bytes, request->result.length, NULL);
    const cJSON *denied;
    cJSON_ArrayForEach (denied, json_get(result, "denied")) {
        int64_t index = -1, what = 2, id = 0;
        json_int(cJSON_GetArrayItem(denied, 0), &index);
        json_int(cJSON_GetArrayItem(denied, 1), &what);
        const cJSON *item = cJSON_GetArrayItem(items, (int)index);
        json_int(cJSON_GetArrayItem(item, 3), &id);
        struct connection *connection = connection_find(hub, (uint64_t)id);
        const char *name = json_text(cJSON_GetArrayItem(item, 2));
        struct subscription *subscription = connection && name ? subscription_find(connection, name) : NULL;
        if (connection && what == 1 && connection->actor.session_id >= SESSION_LENT)
            /* Or the home was restarted, and has nothing in its memory that it lent. */
            connection_close(connection, 3011, SESSION_LENT_OVER);
        else if (connection && what == 1)
            connection_close(connection, 3507, "your session has ended, sign in again");
        else if (subscription)
            subscription_drop(subscription, 2000, "permission taken away");
    }
}

/* An error in a check is a no: nothing flows until it worked. */
static void check_done(struct hub *hub, bool is_fine)
{
    if (!is_fine)
        wheel_arm(hub->wheel, &hub->check_timer, EDGE_AGAIN_MS);
    else if (hub->checks_again)
        check_run(hub, 0);
    else if (hub->is_suspended)
        resume_now(hub);
}

void edge_check_again(struct wheel_timer *timer)
{
    struct hub *hub = container_of(timer, struct hub, check_timer);
    if (hub->has_lost_bus)
        return;
    if (hub->is_suspended && !hub->rights_walk.is_running)
        check_run(hub, 0);
    if (hub->presence_walk.has_failed)
        hub_announce_all(hub);
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
