/* realtime/command_subscribe.c: listening to a channel, and no longer: what the home is asked, and what its answer
 * begins. */
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/json.h"
#include "realtime/internal.h"

#define WITHDRAWN "unsubscribed before the answer came"

static void subscribe_reply(struct request *request);
static void token_noted(struct subscription *subscription, struct request *request);
static void subscription_expires(struct subscription *subscription, int64_t ttl_s);
static void sub_refresh_reply(struct request *request);

void command_subscribe(struct connection *connection, uint32_t id, const cJSON *body)
{
    struct hub *hub = connection->hub;
    const char *name = json_get_text(body, "channel");
    const struct kind_entry *kind = name ? kind_find(hub, name) : NULL;
    if (!channel_name_is_fine(name))
        command_refuse(connection, id, 107, "bad request: a channel has a name of 1 to 255 bytes");
    else if (!kind)
        command_refuse(connection, id, 102, "unknown channel: there is no channel of this kind");
    else if (subscription_find(connection, name))
        command_refuse(connection, id, 105, "already subscribed");
    else if (kind->kind->is_server_side_only)
        command_refuse(connection, id, 103, "permission denied: the server subscribes you to this channel itself");
    else if (connection->subscriptions_count >= (uint32_t)hub->settings->realtime_channels_max)
        command_refuse(connection, id, 106, "limit exceeded: unsubscribe from other channels first");
    else {
        enum status status;
        struct channel *channel = channel_get(hub, name, strlen(name), &status);
        struct subscription *subscription = channel ? subscription_new(connection, channel) : NULL;
        if (!subscription) {
            if (channel)
                channel_release(channel);
            command_refuse(connection, id, 100, "internal error: no memory");
            return;
        }
        subscription->command_id = id;
        subscription->wants_join_leave = json_get_bool(body, "join_leave");
        command_subscribe_send(subscription, body, true);
    }
}

/* Ask the home. On an edge the bus must listen first, so that nothing falls between the log and the live events;
 * until then the command waits with its subscription. */
void command_subscribe_send(struct subscription *subscription, const cJSON *command, bool leaves_out)
{
    struct connection *connection = subscription->connection;
    struct hub *hub = connection->hub;
    struct channel *channel = subscription->channel;
    subscription->is_let_in = false;
    if (channel->listen != LISTEN_ON) {
        subscription->waiting = cJSON_Duplicate(command, true);
        if (!subscription->waiting)
            connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    struct request *request = command_request_like(connection, subscription->command_id, "channel.subscribe", command,
                                                   subscription, subscribe_reply);
    if (!request)
        return;
    /* The home tells others who listens here. */
    if (subscription->persona) {
        free(request->persona);
        request->persona = strdup(subscription->persona);
    }
    /* Whatever the client called so is none of its business. */
    while (json_get(request->params, "leaves_out"))
        cJSON_DeleteItemFromObjectCaseSensitive(request->params, "leaves_out");
    if (leaves_out && !subscription->is_server_side && dispatch_is_edge(hub->dispatch) &&
        hub->settings->realtime_recent_events && json_get_bool(request->params, "recover"))
        cJSON_AddTrueToObject(request->params, "leaves_out");
    dispatch_start(request);
}

static void subscribe_reply(struct request *request)
{
    struct connection *connection = command_answered(request);
    if (!connection || connection->is_closing)
        return;
    uint32_t id = request->door_tag;
    const char *name = json_get_text(request->params, "channel");
    struct subscription *subscription = subscription_find(connection, name);
    if (!subscription || subscription->is_live || subscription->command_id != id) {
        command_refuse(connection, id, 103, WITHDRAWN);
        return;
    }
    if (!status_is_ok(request->status) && !subscription->is_server_side) {
        command_fail(connection, id, request);
        subscription_free(subscription);
        return;
    }
    struct channel *channel = subscription->channel;
    subscription->is_let_in = status_is_ok(request->status);
    if (request->position.is_positioned && !channel->is_synced) {
        memcpy(channel->epoch, request->position.epoch, sizeof channel->epoch);
        if (request->position.offset > channel->offset)
            channel->offset = request->position.offset;
        channel->is_synced = true;
    }
    if (subscription->is_server_side) {
        opening_answered(subscription, request);
        return;
    }
    token_noted(subscription, request);
    if (!edge_recover(subscription, request))
        command_subscribed(subscription, request->result.bytes, request->result.length, request->position.offset);
}

static void token_noted(struct subscription *subscription, struct request *request)
{
    const char *token = json_get_text(request->params, "token");
    if (!token || !token[0] || !subscription->channel->kind->takes_tokens)
        return;
    SCOPED(json_free) cJSON *result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
    subscription->by_token = true;
    subscription_expires(subscription, json_get_int(result, "ttl", 0));
    if (request->persona_is_new)
        subscription->persona = TAKE(request->persona);
}

static void subscription_expires(struct subscription *subscription, int64_t ttl_s)
{
    int64_t grace_s = subscription->connection->hub->settings->token_grace_s;
    subscription->expires_ms = ttl_s ? clock_wall_ms() + (ttl_s + grace_s) * 1000 : 0;
}

void command_subscribed(struct subscription *subscription, const char *json, size_t length, uint64_t position)
{
    struct connection *connection = subscription->connection;
    connection_send(connection, codec_reply(subscription->command_id, "subscribe", json, length));
    subscription_start(subscription, position);
    subscription_announce(subscription);
}

/* While the home is asked, its answer is still to come, and finds that out by itself. */
void command_subscribe_withdraw(struct subscription *subscription)
{
    if (subscription->waiting || subscription->recovery)
        command_refuse(subscription->connection, subscription->command_id, 103, WITHDRAWN);
}

void command_unsubscribe(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *name = json_get_text(body, "channel");
    if (!channel_name_is_fine(name)) {
        command_refuse(connection, id, 107, "bad request: a channel has a name of 1 to 255 bytes");
        return;
    }
    struct subscription *subscription = subscription_find(connection, name);
    if (subscription)
        command_subscribe_withdraw(subscription);
    connection_send(connection, codec_reply(id, "unsubscribe", "{}", 2));
    if (subscription)
        subscription_free(subscription);
}

/* A new token for what an older one opened. */
void command_sub_refresh(struct connection *connection, uint32_t id, const cJSON *body)
{
    const char *name = json_get_text(body, "channel"), *token = json_get_text(body, "token");
    const struct subscription *subscription = name ? subscription_find(connection, name) : NULL;
    if (!channel_name_is_fine(name) || !token || !token[0])
        command_refuse(connection, id, 107, "bad request: sub_refresh needs a channel and a token");
    else if (!subscription || !subscription->is_live)
        command_refuse(connection, id, 103, "permission denied: you are not subscribed to this channel");
    else if (!subscription->by_token || subscription->is_server_side)
        command_refuse(connection, id, 108, "not available: no token of its own opened this subscription");
    else {
        struct request *request =
            command_request_like(connection, id, "channel.refresh", body, subscription, sub_refresh_reply);
        if (request)
            dispatch_start(request);
    }
}

static void sub_refresh_reply(struct request *request)
{
    struct connection *connection = command_answered(request);
    if (!connection)
        return;
    if (!status_is_ok(request->status)) {
        command_fail(connection, request->door_tag, request);
        return;
    }
    const char *name = json_get_text(request->params, "channel");
    struct subscription *subscription = name ? subscription_find(connection, name) : NULL;
    SCOPED(json_free) cJSON *result = cJSON_ParseWithLength(request->result.bytes, request->result.length);
    if (subscription)
        subscription_expires(subscription, json_get_int(result, "ttl", 0));
    connection_send(connection,
                    codec_reply(request->door_tag, "sub_refresh", request->result.bytes, request->result.length));
}
