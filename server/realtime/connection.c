/* realtime/connection.c: the life of one socket: opened, identified by connect, pinged, closed. */
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/utf8.h"
#include "base/rest.h"
#include "realtime/internal.h"

#define AGENT_SIZE 128 /* of what the client calls itself; it is kept for each connection */

static void *opened(void *context, struct websocket *websocket, const struct websocket_hello *hello);
static void message(void *peer, char *text, size_t length);
static void writable(void *peer);
static void pong(void *peer);
static void closed(void *peer, uint16_t code);
static void timer_fire(struct wheel_timer *timer);
static void timer_arm(struct connection *connection, int64_t after_ms);
static int64_t until_ping(const struct connection *connection, int64_t after_ms);
static void subscriptions_expire(struct connection *connection);

const struct websocket_handlers hub_websocket_handlers = {opened, message, writable, pong, closed};

/* The session's token from a Cookie header; false if there is none or more than one. */
static bool cookie_find(const char *cookie, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name), found = 0;
    for (const char *at = cookie; at && *at;) {
        at += strspn(at, " \t;");
        size_t length = strcspn(at, ";");
        if (length > name_length && at[name_length] == '=' && strncmp(at, name, name_length) == 0) {
            size_t value_length = length - name_length - 1;
            if (value_length >= size || found++)
                return false;
            memcpy(value, at + name_length + 1, value_length);
            value[value_length] = '\0';
        }
        at += length;
    }
    return found == 1;
}

static void *opened(void *context, struct websocket *websocket, const struct websocket_hello *hello)
{
    struct connection *connection = connection_new(context, hello);
    if (!connection)
        return NULL;
    connection->websocket = websocket;
    connection_greet(connection, hello);
    return connection;
}

struct connection *connection_new(struct hub *hub, const struct websocket_hello *hello)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->hub = hub;
    connection->id = ++hub->next_connection;
    connection->pings_by_frame = hello->wants_frame_ping;
    list_init(&connection->subscriptions);
    list_init(&connection->user_link);
    list_init(&connection->flush_link);
    connection->opened_ms = clock_wall_ms();
    strncpy(connection->peer, hello->peer, sizeof connection->peer - 1);
    char agent[AGENT_SIZE];
    utf8_copy(agent, sizeof agent, hello->agent);
    connection->agent = agent[0] ? strdup(agent) : NULL; /* without memory it has none */
    random_id(connection->client);
    wheel_timer_init(&connection->timer, timer_fire);
    if (!int_map_set(hub->connections, connection->id, connection)) {
        free(connection->agent);
        free(connection);
        return NULL;
    }
    hub->stats.connections++;
    char token[80];
    if (hello->cookie &&
        cookie_find(hello->cookie, hello->is_secure ? SESSION_COOKIE_SECURE : SESSION_COOKIE, token, sizeof token))
        digest_text(token, strlen(token), connection->credential);
    wheel_arm(hub->wheel, &connection->timer, hub->settings->realtime_connect_ms);
    return connection;
}

void connection_greet(struct connection *connection, const struct websocket_hello *hello)
{
    if (hello->wants_protobuf)
        connection_close(connection, 3506, "inappropriate protocol: this server speaks JSON only");
    else if (connection->hub->is_shutting_down)
        connection_close(connection, 3001, "shutdown");
}

static void message(void *peer, char *text, size_t length)
{
    connection_message(peer, text, length);
}

void connection_message(struct connection *connection, char *text, size_t length)
{
    if (connection->is_closing)
        return;
    if (connection->is_connecting) {
        /* Whoever connects may send on before the answer: in order, but not without bound. */
        if (connection->held.length + length > 2 * (size_t)connection->hub->settings->realtime_message_bytes_max) {
            connection_close(connection, 3013, "too many requests: wait for the answer to connect");
            return;
        }
        if (connection->held.length)
            buffer_char(&connection->held, '\n');
        buffer_append(&connection->held, text, length);
        return;
    }
    commands_handle(connection, text, length);
}

static void writable(void *peer)
{
    fanout_connection(peer);
}

static void pong(void *peer)
{
    struct connection *connection = peer;
    if (connection->pings_by_frame && connection->awaits_pong)
        connection_pong(connection);
}

static void closed(void *peer, uint16_t code)
{
    (void)code;
    connection_gone(peer);
}

void connection_gone(struct connection *connection)
{
    struct hub *hub = connection->hub;
    connection->websocket = NULL;
    emulation_end(connection);
    connection->is_closing = true;
    wheel_cancel(hub->wheel, &connection->timer);
    LIST_EACH_SAFE (&connection->subscriptions, node)
        subscription_free(container_of(node, struct subscription, link));
    if (connection->is_lagging)
        hub->stats.lagging--;
    list_remove(&connection->flush_link);
    connection_unidentify(connection);
    int_map_remove(hub->connections, connection->id);
    hub->stats.connections--;
    for (uint32_t i = 0; i < connection->outbox.count; i++)
        frame_unref(connection->outbox.frames[i]);
    free(connection->outbox.frames);
    buffer_free(&connection->held);
    free(connection->agent);
    free(connection->persona);
    opening_free(connection->opening);
    free(connection);
}

struct connection *connection_find(struct hub *hub, uint64_t id)
{
    return int_map_get(hub->connections, id);
}

/* No WebSocket: a stream, or gone. */
static bool stream_take(const struct connection *connection, const struct frame *frame)
{
    const struct emulation *emulation = connection->emulation;
    return emulation && emulation->stream && stream_write(emulation->stream, frame);
}

bool connection_write(struct connection *connection, struct frame *frame)
{
    connection->hub->stats.sends++;
    if (connection->websocket ? !websocket_write(connection->websocket, frame) : !stream_take(connection, frame))
        return false;
    if (connection->blocked_since_ms)
        connection->blocked_since_ms = clock_monotonic_ms();
    return true;
}

void connection_lag(struct connection *connection)
{
    if (connection->is_lagging)
        return;
    connection->is_lagging = true;
    connection->hub->stats.lagging++;
    if (!connection->blocked_since_ms)
        connection->blocked_since_ms = clock_monotonic_ms();
    /* What waits in the outbox leaves at the end of the turn; the rest when the socket can take it. */
    if (connection->outbox.count && list_is_empty(&connection->flush_link))
        list_append(&connection->hub->flushing, &connection->flush_link);
}

void connection_send(struct connection *connection, struct frame *frame)
{
    struct outbox *outbox = &connection->outbox;
    if (connection->is_closing) {
        frame_unref(frame);
        return;
    }
    if (frame && outbox->count == outbox->capacity) {
        uint32_t capacity = outbox->capacity ? outbox->capacity * 2 : 4;
        struct frame **frames = reallocarray(outbox->frames, capacity, sizeof *frames);
        if (frames) {
            outbox->frames = frames;
            outbox->capacity = capacity;
        }
    }
    if (!frame || outbox->count == outbox->capacity) {
        frame_unref(frame);
        connection_close(connection, 3004, "server error: no memory, try again");
        return;
    }
    outbox->frames[outbox->count++] = frame;
    outbox->bytes += frame->length;
    size_t most = (size_t)connection->hub->settings->realtime_queue_bytes_max;
    /* Long answers to many questions are no slowness: only what the socket does not take counts. */
    if (outbox->bytes > most && !connection->is_lagging)
        fanout_connection(connection);
    if (outbox->bytes > most) {
        connection->hub->stats.closed_slow++;
        connection_close(connection, 3008, "slow: more was waiting for this connection than it may keep");
        return;
    }
    /* While deliveries are suspended nobody goes on from the log, but answers leave. */
    bool is_tried = !connection->is_lagging || connection->hub->is_suspended;
    if (is_tried && outbox->count && list_is_empty(&connection->flush_link))
        list_append(&connection->hub->flushing, &connection->flush_link);
}

void connection_close(struct connection *connection, uint16_t code, const char *reason)
{
    if (connection->is_closing)
        return;
    /* Answers that were ready go out before the close frame, if the socket takes them; but whoever lost its right
     * gets nothing more. */
    if (code != 3507 && !connection->is_lagging)
        fanout_connection(connection);
    connection->is_closing = true;
    if (connection->websocket) {
        websocket_close(connection->websocket, code, reason);
        return;
    }
    SCOPED(frame_unref) struct frame *farewell = codec_push_disconnect(code, reason);
    stream_end(connection->emulation->stream, farewell);
}

static void ping_send(struct connection *connection)
{
    if (connection->pings_by_frame)
        websocket_ping(connection->websocket);
    else
        connection_send(connection, frame_new("{}", 2));
    connection->awaits_pong = true;
    connection->refusals = 0;
    timer_arm(connection, connection->hub->settings->realtime_pong_ms);
}

void connection_pong(struct connection *connection)
{
    connection->awaits_pong = false;
    timer_arm(connection, until_ping(connection, connection->hub->settings->realtime_ping_ms));
}

/* Sooner if it ends before. */
static int64_t until_ping(const struct connection *connection, int64_t after_ms)
{
    int64_t left_ms = connection->expires_ms - clock_wall_ms();
    if (!connection->expires_ms || left_ms >= after_ms)
        return after_ms;
    return left_ms > 1 ? left_ms : 1;
}

void connection_ping_first(struct connection *connection)
{
    int64_t half = connection->hub->settings->realtime_ping_ms / 2;
    timer_arm(connection, until_ping(connection, half + random_below((uint32_t)half)));
}

void connection_farewell(struct connection *connection, int64_t over_ms)
{
    if (over_ms > 0)
        wheel_arm(connection->hub->wheel, &connection->timer, random_below((uint32_t)over_ms));
    else
        connection_close(connection, 3001, "shutdown");
}

/* In a shutdown the timer is set to the farewell, and stays so. */
static void timer_arm(struct connection *connection, int64_t after_ms)
{
    if (!connection->hub->is_shutting_down)
        wheel_arm(connection->hub->wheel, &connection->timer, after_ms);
}

static void timer_fire(struct wheel_timer *timer)
{
    struct connection *connection = container_of(timer, struct connection, timer);
    if (connection->hub->is_shutting_down) {
        connection_close(connection, 3001, "shutdown");
    } else if (connection->is_connecting) {
        /* What is late is our answer: that is no reason to stay away for good. */
        connection_close(connection, 3004, "server error: it took too long to connect, try again");
    } else if (!connection->is_connected) {
        connection_close(connection, 3502, "stale: no connect command came in time");
    } else if (connection->awaits_pong) {
        connection_close(connection, 3012, "no pong: the connection seems dead");
    } else if (connection->expires_ms && clock_wall_ms() >= connection->expires_ms) {
        connection_close(connection, 3005, "expired: the session has ended");
    } else {
        subscriptions_expire(connection);
        ping_send(connection);
    }
}

/* Looked at with each ping: the grace that they have is no promise to the second. */
static void subscriptions_expire(struct connection *connection)
{
    int64_t now_ms = clock_wall_ms();
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *subscription = container_of(node, struct subscription, link);
        if (subscription->expires_ms && now_ms >= subscription->expires_ms)
            subscription_drop(subscription, 2501, "expired: subscribe with a new token");
    }
}
