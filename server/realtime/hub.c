/* realtime/hub.c: opens and closes the realtime side, and what applications ask of it: push an event, take a right
 * away, end a session. Each is done here at once and told to the edges over the bus. */
#include "realtime/hub.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "realtime/internal.h"

#define POSITIONS_MS 10000

static void turn_check(uv_check_t *check);
static void turn_prepare(uv_prepare_t *prepare);
static void turn_idle(uv_idle_t *idle);
static void frame_publish(struct hub *hub, const char *name, uint64_t offset, const char *epoch, struct frame *frame);
static void lost_here(struct hub *hub, const char *name);
static void connection_recheck(struct connection *connection, const char *channel);
static void control_send(struct hub *hub, const char *op, const struct hub_who *who, const char *channel, int code,
                         const char *reason);

struct hub *hub_open(const struct hub_options *options, uv_loop_t *loop)
{
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return NULL;
    hub->settings = options->settings;
    hub->dispatch = options->dispatch;
    hub->wheel = options->wheel;
    strncpy(hub->node, options->node, sizeof hub->node - 1);
    hub->connections = int_map_new();
    hub->users = int_map_new();
    hub->people = text_map_new();
    hub->channels = text_map_new();
    hub->emulations = text_map_new();
    hub->recents = recents_new(hub);
    list_init(&hub->flushing);
    list_init(&hub->dirty);
    list_init(&hub->passing);
    list_init(&hub->woken);
    list_init(&hub->reading);
    list_init(&hub->departures);
    wheel_timer_init(&hub->positions_timer, edge_positions);
    wheel_timer_init(&hub->check_timer, edge_check_again);
    if (!hub->connections || !hub->users || !hub->people || !hub->channels || !hub->emulations || !hub->recents) {
        hub_free(hub);
        return NULL;
    }
    /* What timers queue leaves before the poll, what sockets and threads queue right after it. */
    uv_check_init(loop, &hub->check);
    uv_prepare_init(loop, &hub->prepare);
    uv_idle_init(loop, &hub->idle);
    uv_check_start(&hub->check, turn_check);
    uv_prepare_start(&hub->prepare, turn_prepare);
    hub->check.data = hub->prepare.data = hub->idle.data = hub;
    hub->idle.idle_cb = turn_idle;
    dispatch_add(hub->dispatch, home_routes, home_routes_count, hub);
    return hub;
}

void hub_set_bus(struct hub *hub, struct bus *bus)
{
    hub->bus = bus;
    struct bus_stats stats;
    bus_stats(bus, &stats);
    hub->has_nodes = !stats.is_local;
    char name[sizeof HUB_BUS_STREAMS + RANDOM_ID_SIZE];
    snprintf(name, sizeof name, HUB_BUS_STREAMS "%s", hub->node);
    bus_listen(bus, name);
    if (dispatch_is_edge(hub->dispatch)) {
        wheel_arm(hub->wheel, &hub->positions_timer, POSITIONS_MS);
        return;
    }
    random_bytes(&hub->rights_version, sizeof hub->rights_version);
    hub->rights_version >>= 16; /* exact as a JSON number, and far from its end */
}

struct wheel *hub_wheel(const struct hub *hub)
{
    return hub->wheel;
}

static void handle_closed(uv_handle_t *handle)
{
    struct hub *hub = handle->data;
    hub->closing_handles--;
}

void hub_settle(struct hub *hub)
{
    while (!list_is_empty(&hub->woken))
        recall_turn(hub);
}

void hub_close(struct hub *hub)
{
    wheel_cancel(hub->wheel, &hub->positions_timer);
    wheel_cancel(hub->wheel, &hub->check_timer);
    recents_close(hub->recents);
    hub->closing_handles = 3;
    uv_close((uv_handle_t *)&hub->check, handle_closed);
    uv_close((uv_handle_t *)&hub->prepare, handle_closed);
    uv_close((uv_handle_t *)&hub->idle, handle_closed);
    hub->bus = NULL;
    hub->has_nodes = false;
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    hub->bus = NULL;
    edge_free(hub);
    void *value;
    size_t cursor = 0;
    while (hub->channels && text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        struct channel *channel = value;
        remotes_free(channel);
        list_remove(&channel->dirty_link);
        if (!channel->count)
            channel_release(channel);
    }
    text_map_free(hub->channels);
    text_map_free(hub->emulations);
    recents_free(hub->recents);
    int_map_free(hub->connections);
    int_map_free(hub->users);
    text_map_free(hub->people);
    free(hub);
}

static void turn_check(uv_check_t *check)
{
    struct hub *hub = check->data;
    if (dispatch_is_edge(hub->dispatch))
        edge_recover_turn(hub);
    else
        recall_turn(hub);
    fanout_turn(hub);
    if (!list_is_empty(&hub->woken))
        uv_idle_start(&hub->idle, hub->idle.idle_cb);
}
static void turn_prepare(uv_prepare_t *prepare)
{
    struct hub *hub = prepare->data;
    /* While passes are unfinished the poll does not wait, and what follows it goes on with them: a second slice here
     * would only make the turn longer for everybody else. */
    if (!uv_is_active((uv_handle_t *)&hub->idle))
        fanout_turn(hub);
}
static void turn_idle(uv_idle_t *idle)
{
    (void)idle; /* that it runs is all: the poll does not wait */
}

/* ---- events ---- */

/* Has @name listeners, may it have some elsewhere, or are some expected to come back? */
static bool is_heard(struct hub *hub, const char *name)
{
    size_t length = strlen(name);
    return hub->has_nodes || channel_find(hub, name, length) || recents_find(hub->recents, name, length);
}

void hub_publish(struct hub *hub, const char *name, uint64_t offset, const char *json, size_t length)
{
    if (is_heard(hub, name))
        frame_publish(hub, name, offset, NULL, codec_push_pub(name, strlen(name), offset, json, length));
}

void hub_publish_members(struct hub *hub, const char *name, uint64_t offset, const char *epoch, const char *members,
                         size_t length)
{
    if (is_heard(hub, name))
        frame_publish(hub, name, offset, epoch, codec_push_members(name, strlen(name), offset, members, length));
}

/* Takes the reference. NULL: no memory. */
static void frame_publish(struct hub *hub, const char *name, uint64_t offset, const char *epoch, struct frame *frame)
{
    size_t name_length = strlen(name);
    struct channel *channel = channel_find(hub, name, name_length);
    bool has_bus = hub->has_nodes;
    if (!frame) {
        log_error("no_memory", "an event of %s was not pushed; its listeners will recover it", name);
        if (channel && offset)
            channel->offset = offset; /* listeners meet the gap at the next one and recover */
        return;
    }
    if (has_bus) {
        SCOPED(buffer_free) struct buffer bus = {0}, text = {0};
        buffer_text(&bus, HUB_BUS_CHANNEL);
        buffer_append(&bus, name, name_length);
        buffer_printf(&text, "E%llu %llu %s\n", (unsigned long long)offset, (unsigned long long)hub->rights_version,
                      epoch && offset ? epoch : "");
        buffer_append(&text, frame_payload(frame), frame_payload_length(frame));
        if (!bus.has_failed && !text.has_failed)
            bus_publish(hub->bus, bus.bytes, text.bytes, text.length);
    }
    if (offset)
        recents_add(hub->recents, name, name_length, NULL, offset, frame);
    if (channel)
        channel_append(channel, frame, offset, ENTRY_EVENT);
    else
        frame_unref(frame);
}

void hub_publish_lost(struct hub *hub, const char *name)
{
    control_send(hub, "lost", NULL, name, 0, NULL);
    lost_here(hub, name);
}

static void lost_here(struct hub *hub, const char *name)
{
    const struct channel *channel = channel_find(hub, name, strlen(name));
    if (channel)
        judged_lost(hub, channel);
}

void hub_publish_everybody(struct hub *hub, const char *json)
{
    control_send(hub, "tell", NULL, NULL, 0, json);
    hub_tell_here(hub, json);
}

void hub_tell_here(struct hub *hub, const char *json)
{
    void *value;
    size_t cursor = 0, length = strlen(json);
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        struct channel *channel = value;
        if (channel->kind->is_server_side_only && channel->count)
            channel_append(channel, codec_push_pub(channel->name, channel->name_length, 0, json, length), 0,
                           ENTRY_EVENT);
    }
}

/* ---- rights ---- */

void hub_recheck(struct hub *hub, int64_t user_id)
{
    control_send(hub, "recheck", &(struct hub_who){.user_id = user_id}, NULL, 0, NULL);
    if (user_id) {
        struct list *connections = hub_user_connections(hub, user_id);
        if (connections)
            LIST_EACH_SAFE (connections, node)
                connection_recheck(container_of(node, struct connection, user_link), NULL);
        return;
    }
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value))
        connection_recheck(value, NULL);
}

size_t hub_count_refused(struct hub *hub)
{
    size_t count = 0, cursor = 0;
    void *value;
    struct channel_top top;
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        const struct channel *channel = value;
        const struct channel_kind *kind = channel->kind;
        for (uint32_t i = 0; i < channel->count; i++)
            count += !channel->members[i]->by_token &&
                     kind->authorize(channel->app, &channel->members[i]->connection->actor, channel->rest, &top) !=
                         STATUS_OK;
        const struct remote *remote;
        size_t at = 0;
        while ((remote = remote_next(channel, &at))) {
            struct actor actor;
            count += !remote->by_token && remote_rights(hub, remote, &actor) &&
                     kind->authorize(channel->app, &actor, channel->rest, &top) != STATUS_OK;
        }
    }
    return count;
}

void hub_recheck_channel(struct hub *hub, const char *name)
{
    control_send(hub, "recheck", NULL, name, 0, NULL);
    void *value;
    size_t cursor = 0;
    if (channel_find(hub, name, strlen(name)))
        while (int_map_next(hub->connections, &cursor, NULL, &value))
            connection_recheck(value, name);
}

static void connection_recheck(struct connection *connection, const char *name)
{
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        struct channel *channel = subscription->channel;
        struct channel_top top;
        if (name && strcmp(channel->name, name) != 0)
            continue;
        if (!subscription->by_token &&
            channel->kind->authorize(channel->app, &connection->actor, channel->rest, &top) != STATUS_OK)
            subscription_drop(subscription, 2000, "permission taken away");
    }
    judged_doubt_connection(connection);
}

static bool is_meant(const struct hub_who *who, const struct connection *connection)
{
    return (!who->session_id || connection->actor.session_id == who->session_id) &&
           (!who->client || strcmp(connection->client, who->client) == 0);
}

/* @who: NULL: everybody. */
static void unsubscribe_here(struct hub *hub, const struct hub_who *who, const char *name)
{
    struct channel *channel = channel_find(hub, name, strlen(name));
    const struct user *user = who ? hub_user(hub, who) : NULL;
    if (!who || who->user_id)
        judged_doubt(hub, who ? who->user_id : 0); /* rules may look at who is where */
    if (!channel || (who && !user))
        return;
    /* From the end, as a removed member's place is taken by the last. */
    for (uint32_t i = channel->count; i-- > 0;) {
        struct subscription *member = channel->members[i];
        bool is_last = channel->count == 1;
        if (user && (member->connection->user != user || !is_meant(who, member->connection)))
            continue;
        subscription_drop(member, 2000, "unsubscribed by the server");
        if (is_last)
            return; /* the channel may be gone */
    }
}

void hub_unsubscribe(struct hub *hub, int64_t user_id, const char *name)
{
    const struct hub_who who = {.user_id = user_id};
    hub_unsubscribe_who(hub, user_id ? &who : NULL, name);
}

void hub_unsubscribe_who(struct hub *hub, const struct hub_who *who, const char *name)
{
    control_send(hub, "unsubscribe", who, name, 0, NULL);
    unsubscribe_here(hub, who, name);
}

static void disconnect_here(struct hub *hub, const struct hub_who *who, uint16_t code, const char *reason)
{
    struct user *user = hub_user(hub, who);
    if (user)
        LIST_EACH_SAFE (&user->connections, node) {
            struct connection *connection = container_of(node, struct connection, user_link);
            if (is_meant(who, connection))
                connection_close(connection, code, reason);
        }
}

void hub_disconnect(struct hub *hub, int64_t user_id, int64_t session_id, uint16_t code, const char *reason)
{
    hub_disconnect_who(hub, &(struct hub_who){.user_id = user_id, .session_id = session_id}, code, reason);
}

void hub_disconnect_who(struct hub *hub, const struct hub_who *who, uint16_t code, const char *reason)
{
    control_send(hub, "disconnect", who, NULL, code, reason);
    disconnect_here(hub, who, code, reason);
}

/* @who: NULL: everybody. */
static void control_send(struct hub *hub, const char *op, const struct hub_who *who, const char *channel, int code,
                         const char *reason)
{
    if (!hub->has_nodes || dispatch_is_edge(hub->dispatch))
        return;
    SCOPED(buffer_free) struct buffer json = {0};
    static const struct hub_who everybody = {0};
    const struct hub_who *whom = who ? who : &everybody;
    /* Counted even if it does not leave: then the edges see that it is missing. */
    buffer_printf(&json, "{\"op\":\"%s\",\"version\":%llu,\"user\":%lld,\"session\":%lld,\"code\":%d,", op,
                  (unsigned long long)++hub->rights_version, (long long)whom->user_id, (long long)whom->session_id,
                  code);
    buffer_json_member(&json, "person", whom->person);
    buffer_char(&json, ',');
    buffer_json_member(&json, "client", whom->client);
    buffer_char(&json, ',');
    buffer_json_member(&json, "channel", channel);
    buffer_char(&json, ',');
    buffer_json_member(&json, "reason", reason);
    buffer_char(&json, '}');
    if (!json.has_failed)
        bus_publish(hub->bus, HUB_BUS_CONTROL, json.bytes, json.length);
}

/* An edge heard of a change at the home. */
void edge_control(struct hub *hub, const char *bytes, size_t length)
{
    SCOPED(json_free) cJSON *control = json_parse(bytes, length, NULL);
    const char *op = json_get_text(control, "op"), *channel = json_get_text(control, "channel");
    const char *reason = json_get_text(control, "reason");
    const struct hub_who who = {.user_id = json_get_int(control, "user", 0),
                                .session_id = json_get_int(control, "session", 0),
                                .person = json_get_text(control, "person"),
                                .client = json_get_text(control, "client")};
    int64_t code = json_get_int(control, "code", 3507);
    bool is_next = edge_hears(hub, (uint64_t)json_get_int(control, "version", 0), true);
    if (!op)
        log_warning("bus.garbage", "a control message that is none was dropped");
    else if (strcmp(op, "disconnect") == 0)
        disconnect_here(hub, &who, (uint16_t)code, reason ? reason : "disconnected by the server");
    else if (strcmp(op, "unsubscribe") == 0 && channel)
        unsubscribe_here(hub, who.user_id || who.person ? &who : NULL, channel);
    else if (strcmp(op, "lost") == 0 && channel)
        lost_here(hub, channel);
    else if (strcmp(op, "tell") == 0 && reason)
        hub_tell_here(hub, reason); /* the text that all are told */
    else if (is_next)
        edge_recheck(hub, who.user_id); /* also what a newer home may mean: checking is never wrong */
}

/* ---- the end ---- */

void hub_shutdown(struct hub *hub, int64_t over_ms)
{
    hub->is_shutting_down = true;
    void *value;
    size_t cursor = 0;
    while (int_map_next(hub->connections, &cursor, NULL, &value))
        connection_farewell(value, over_ms);
}

size_t hub_connections(const struct hub *hub)
{
    return hub->stats.connections;
}

void hub_stats(const struct hub *hub, struct hub_stats *stats)
{
    *stats = hub->stats;
    stats->users = int_map_count(hub->users) + text_map_count(hub->people);
}
