#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t world_now_ms = 1000003;

static enum status anyone(void *app, const struct actor *actor, const char *rest, struct channel_top *top);

static const struct channel_kind rooms = {.prefix = "room:", .is_positioned = true, .authorize = anyone};

/* ---- the doubles ---- */

int64_t __wrap_clock_monotonic_ms(void)
{
    return world_now_ms;
}

static enum status anyone(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    (void)app, (void)actor, (void)rest;
    *top = (struct channel_top){.epoch = "epoch"};
    return STATUS_OK;
}

static void text_keep(struct websocket *socket, const char *text, size_t length)
{
    assert_true(socket->count < TEXTS_MAX);
    socket->texts[socket->count++] = strndup(text, length);
}

/* One or more frames, each of one or more objects. */
static void bytes_keep(struct websocket *socket, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        size_t size = bytes[1], header = 2;
        assert_int_equal(bytes[0], 0x81);
        if (size >= 126) {
            size_t digits = size == 126 ? 2 : 8;
            header += digits;
            size = 0;
            for (size_t i = 0; i < digits; i++)
                size = size << 8 | bytes[2 + i];
        }
        if (size > socket->frame_bytes_max)
            socket->frame_bytes_max = size;
        const char *text = (const char *)bytes + header, *end = text + size;
        while (text < end) {
            const char *line = memchr(text, '\n', (size_t)(end - text));
            text_keep(socket, text, (size_t)((line ? line : end) - text));
            text = line ? line + 1 : end;
        }
        bytes += header + size;
        length -= header + size;
    }
}

size_t world_writes;

bool websocket_write(struct websocket *websocket, struct frame *frame)
{
    if (websocket->close_code || websocket->is_blocked)
        return false;
    websocket->writes++;
    websocket->written_as = ++world_writes;
    bytes_keep(websocket, frame->bytes, frame->length);
    if (websocket->takes && --websocket->takes == 0)
        websocket->is_blocked = true;
    return true;
}

void websocket_prefetch(const struct websocket *websocket)
{
    (void)websocket;
}

void websocket_prefetch_rest(const struct websocket *websocket)
{
    (void)websocket;
}

void websocket_close(struct websocket *websocket, uint16_t code, const char *reason)
{
    assert_true(strlen(reason) < 124);
    websocket->close_code = code;
}

/* Nobody here comes by a stream. */
bool stream_write(struct stream *stream, const struct frame *frame)
{
    (void)stream, (void)frame;
    return false;
}

void stream_end(struct stream *stream, const struct frame *frame)
{
    (void)stream, (void)frame;
}

void websocket_ping(struct websocket *websocket)
{
    (void)websocket;
}

/* ---- the world ---- */

int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    uv_loop_init(&world->loop);
    world->settings = settings_new();
    world->wheel = wheel_open(&world->loop);
    world->dispatch = dispatch_new(world->settings);
    struct hub_options options = {
        .settings = world->settings, .dispatch = world->dispatch, .wheel = world->wheel, .node = "node"};
    world->hub = hub_open(&options, &world->loop);
    assert_non_null(world->hub);
    hub_add_kind(world->hub, &rooms, NULL);
    *state = world;
    return 0;
}

int world_close(void **state)
{
    struct world *world = *state;
    while (world->count > 0)
        world_leave(world, world->sockets[world->count - 1]);
    world_settle(world);
    assert_int_equal(world->hub->stats.log_bytes, 0);
    assert_int_equal(world->hub->stats.channels, 0);
    assert_int_equal(world->hub->stats.subscriptions, 0);
    assert_int_equal(world->hub->stats.lagging, 0);
    hub_close(world->hub);
    wheel_close(world->wheel);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    hub_free(world->hub);
    dispatch_free(world->dispatch);
    settings_free(world->settings);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
    return 0;
}

struct websocket *world_connect(struct world *world)
{
    struct websocket *socket = calloc(1, sizeof *socket);
    struct websocket_hello hello = {.peer = "127.0.0.1", .query = ""};
    assert_non_null(socket);
    assert_true(world->count < ARRAY_LENGTH(world->sockets));
    socket->connection = hub_websocket_handlers.opened(world->hub, socket, &hello);
    assert_non_null(socket->connection);
    socket->connection->is_connected = true;
    world->sockets[world->count++] = socket;
    return socket;
}

void world_leave(struct world *world, struct websocket *socket)
{
    hub_websocket_handlers.closed(socket->connection, 1006);
    for (size_t i = 0; i < world->count; i++)
        if (world->sockets[i] == socket)
            world->sockets[i] = world->sockets[--world->count];
    for (size_t i = 0; i < socket->count; i++)
        free(socket->texts[i]);
    free(socket);
}

struct subscription *world_listen(struct websocket *socket, const char *name)
{
    enum status status = STATUS_OK;
    struct channel *channel = channel_get(socket->connection->hub, name, strlen(name), &status);
    assert_non_null(channel);
    struct subscription *subscription = subscription_new(socket->connection, channel);
    assert_non_null(subscription);
    subscription_start(subscription, channel->offset);
    return subscription;
}

void world_publish(struct world *world, const char *channel, uint64_t offset, const char *text)
{
    char *json = NULL;
    int length = asprintf(&json, "\"%s\"", text);
    assert_true(length > 0);
    hub_publish(world->hub, channel, offset, json, (size_t)length);
    free(json);
}

void world_turn(struct world *world)
{
    fanout_turn(world->hub);
}

void world_settle(struct world *world)
{
    struct hub *hub = world->hub;
    for (int turns = 0; !list_is_empty(&hub->dirty) || !list_is_empty(&hub->passing) || !list_is_empty(&hub->flushing);
         turns++) {
        assert_true(turns < 10000); /* else it would go round for ever */
        world_turn(world);
    }
}

void world_unblock(struct websocket *socket)
{
    socket->is_blocked = false;
    hub_websocket_handlers.writable(socket->connection);
}

const char *world_heard(const struct websocket *socket)
{
    static char heard[8 * TEXTS_MAX];
    size_t length = 0;
    heard[0] = '\0';
    for (size_t i = 0; i < socket->count; i++) {
        SCOPED(json_free) cJSON *object = json_parse(socket->texts[i], strlen(socket->texts[i]), NULL);
        const cJSON *push = json_get(object, "push");
        const char *gap = length ? " " : "";
        assert_non_null(object);
        if (json_get(push, "pub"))
            length += (size_t)sprintf(heard + length, "%s%lld", gap,
                                      (long long)json_get_int(json_get(push, "pub"), "offset", 0));
        else if (push)
            length += (size_t)sprintf(heard + length, "%s%c", gap,
                                      json_get(push, "join")    ? 'j'
                                      : json_get(push, "leave") ? 'l'
                                                                : 'u');
    }
    return heard;
}

uint64_t world_log_bytes(const struct world *world)
{
    return world->hub->stats.log_bytes;
}
