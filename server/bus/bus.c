/* bus/bus.c: the door to both kinds of bus, the local one and the one through Redis: counts who listens
 * to which channel, and tells them. */
#include "bus/bus.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/address.h"
#include "bus/engine.h"
#include "bus/trust.h"
#include "lib/log.h"

#define IN_FLIGHT_MAX_DEFAULT ((size_t)8 << 20)

static void bus_turn(uv_check_t *check);
static void bus_tell(struct bus *bus);
static void bus_idle(uv_idle_t *idle);
static void bus_free_removed(struct bus *bus);
static void bus_free(struct bus *bus);

enum status bus_open(const struct bus_options *options, uv_loop_t *loop, struct bus **out, char *why, size_t why_size)
{
    if (!options->url || !*options->url)
        return bus_local_new(options, loop, out);
    return bus_remote_new(options, loop, out, why, why_size);
}

enum status bus_check(const struct bus_options *options, char *why, size_t why_size)
{
    if (!options->url || !*options->url)
        return STATUS_OK;
    SCOPED(redis_address_free) struct redis_address *address = NULL;
    SCOPED(trust_free) struct trust *trust = NULL;
    enum status status = redis_address_read(options->url, &address, why, why_size);
    return status == STATUS_OK ? trust_new(options->secret, "", &trust, why, why_size) : status;
}

bool bus_init(struct bus *bus, const struct bus_ops *ops, const struct bus_options *options, uv_loop_t *loop)
{
    bus->channels = text_map_new();
    if (!bus->channels)
        return false;
    bus->ops = ops;
    bus->loop = loop;
    bus->options = *options;
    bus->options.url = bus->options.prefix = bus->options.secret = NULL;
    if (!bus->options.in_flight_max)
        bus->options.in_flight_max = IN_FLIGHT_MAX_DEFAULT;
    list_init(&bus->untold);
    list_init(&bus->removed);
    uv_check_init(loop, &bus->check);
    uv_idle_init(loop, &bus->idle);
    bus->check.data = bus->idle.data = bus;
    bus->handles = 2;
    return true;
}

void bus_listen(struct bus *bus, const char *name)
{
    if (bus->is_closing)
        return;
    struct bus_channel *channel = bus_channel_get(bus, name, strlen(name));
    if (!channel)
        channel = bus_channel_new(bus, name);
    if (!channel)
        return;
    channel->is_awaited = true;
    if (channel->listeners++ == 0)
        bus->ops->listen(bus, channel);
    bus_channel_tell_later(bus, channel);
}

void bus_unlisten(struct bus *bus, const char *name)
{
    struct bus_channel *channel = bus->is_closing ? NULL : bus_channel_get(bus, name, strlen(name));
    if (!channel || channel->listeners == 0)
        return;
    if (--channel->listeners > 0)
        return;
    list_remove(&channel->tell);
    bus->ops->unlisten(bus, channel);
}

void bus_publish(struct bus *bus, const char *channel, const char *bytes, size_t length)
{
    if (!bus->is_closing && bus->ops->publish(bus, channel, bytes, length))
        bus->stats.published++;
    else
        bus->stats.dropped++;
}

void bus_deliver(struct bus *bus, const struct bus_channel *channel, const char *bytes, size_t length)
{
    bus->stats.received++;
    bus->options.message(bus->options.context, channel->name, bytes, length);
}

bool bus_is_up(const struct bus *bus)
{
    return bus->stats.is_up;
}

void bus_stats(const struct bus *bus, struct bus_stats *stats)
{
    *stats = bus->stats;
}

struct bus_channel *bus_channel_get(const struct bus *bus, const char *name, size_t length)
{
    return text_map_get(bus->channels, name, length);
}

struct bus_channel *bus_channel_new(struct bus *bus, const char *name)
{
    size_t length = strlen(name);
    struct bus_channel *channel = calloc(1, sizeof *channel + length + 1);
    if (!channel) {
        log_error("bus.listen", "no memory to listen to %s", name);
        return NULL;
    }
    list_init(&channel->tell);
    list_init(&channel->change);
    channel->name_length = length;
    memcpy(channel->name, name, length + 1);
    if (!text_map_set(bus->channels, channel->name, length, channel)) {
        free(channel);
        log_error("bus.listen", "no memory to listen to %s", name);
        return NULL;
    }
    return channel;
}

/* The name may be the argument of the very callback that ended the listening, so it outlives the turn. */
void bus_channel_remove(struct bus *bus, struct bus_channel *channel)
{
    text_map_remove(bus->channels, channel->name, channel->name_length);
    list_remove(&channel->change);
    list_remove(&channel->tell);
    list_append(&bus->removed, &channel->tell);
    bus_wake(bus);
}

void bus_channel_tell_later(struct bus *bus, struct bus_channel *channel)
{
    list_remove(&channel->tell);
    list_append(&bus->untold, &channel->tell);
    bus_wake(bus);
}

void bus_channel_tell(struct bus *bus, struct bus_channel *channel, bool is_listening)
{
    list_remove(&channel->tell);
    channel->is_awaited = !is_listening;
    if (bus->options.listening)
        bus->options.listening(bus->options.context, channel->name, is_listening);
}

void bus_wake(struct bus *bus)
{
    if (bus->is_awake || bus->is_closing)
        return;
    bus->is_awake = true;
    uv_check_start(&bus->check, bus_turn);
    uv_idle_start(&bus->idle, bus_idle);
}

/* Listeners are told first: what they publish or listen to in answer is then sent in the same turn. */
static void bus_turn(uv_check_t *check)
{
    struct bus *bus = check->data;
    bus->is_awake = false;
    uv_check_stop(&bus->check);
    uv_idle_stop(&bus->idle);
    bus_tell(bus);
    if (!bus->is_closing)
        bus->ops->turn(bus);
    bus_free_removed(bus);
}

static void bus_tell(struct bus *bus)
{
    struct list now, *node;
    list_init(&now);
    list_move_all(&now, &bus->untold);
    while (!bus->is_closing && (node = list_take_first(&now))) {
        struct bus_channel *channel = container_of(node, struct bus_channel, tell);
        enum bus_hearing hearing = bus->ops->hearing(bus, channel);
        if (hearing != BUS_WAITS)
            bus_channel_tell(bus, channel, hearing == BUS_HEARS);
    }
    list_move_all(&bus->untold, &now); /* only when closed meanwhile: no node may point to this frame */
}

static void bus_idle(uv_idle_t *idle)
{
    (void)idle; /* An active idle handle is all it takes for the loop not to wait. */
}

void bus_close(struct bus *bus)
{
    if (!bus)
        return;
    assert(!bus->is_closing);
    bus->is_closing = true;
    bus->stats.is_up = false;
    bus->ops->close(bus);
    uv_close((uv_handle_t *)&bus->check, bus_handle_closed);
    uv_close((uv_handle_t *)&bus->idle, bus_handle_closed);
}

void bus_handle_closed(uv_handle_t *handle)
{
    bus_part_closed(handle->data);
}

void bus_part_closed(struct bus *bus)
{
    if (--bus->handles == 0)
        bus_free(bus);
}

static void bus_free(struct bus *bus)
{
    size_t cursor = 0;
    void *channel;
    while (text_map_next(bus->channels, &cursor, NULL, NULL, &channel))
        bus_channel_remove(bus, channel);
    bus_free_removed(bus);
    text_map_free(bus->channels);
    bus->ops->free(bus);
}

static void bus_free_removed(struct bus *bus)
{
    struct list *node;
    while ((node = list_take_first(&bus->removed)))
        free(container_of(node, struct bus_channel, tell));
}
