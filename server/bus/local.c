/* bus/local.c: the bus of a node that is alone: what it publishes comes back at the end of the turn, in
 * order, and everything listened to is in force at once. */
#include <stdlib.h>
#include <string.h>

#include "bus/engine.h"

struct publication {
    struct list node;
    size_t cost; /* what it counts for in in_flight */
    size_t length;
    const char *bytes; /* in the text, behind the channel's name */
    char channel[];
};

struct local {
    struct bus bus;
    struct list publications; /* not delivered yet, oldest first */
};

static bool local_publish(struct bus *bus, const char *channel, const char *bytes, size_t length);
static void local_listen(struct bus *bus, struct bus_channel *channel);
static enum bus_hearing local_hearing(const struct bus *bus, const struct bus_channel *channel);
static void local_turn(struct bus *bus);
static void local_close(struct bus *bus);
static void local_free(struct bus *bus);

static const struct bus_ops local_ops = {
    .publish = local_publish,
    .listen = local_listen,
    .unlisten = bus_channel_remove,
    .hearing = local_hearing,
    .turn = local_turn,
    .close = local_close,
    .free = local_free,
};

enum status bus_local_new(const struct bus_options *options, uv_loop_t *loop, struct bus **out)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local || !bus_init(&local->bus, &local_ops, options, loop)) {
        free(local);
        return FAULT("no memory for the bus");
    }
    list_init(&local->publications);
    local->bus.stats.is_up = local->bus.stats.is_local = true;
    *out = &local->bus;
    return STATUS_OK;
}

static bool local_publish(struct bus *bus, const char *channel, const char *bytes, size_t length)
{
    struct local *local = container_of(bus, struct local, bus);
    struct publication *publication;
    size_t name_size = strlen(channel) + 1, cost = sizeof *publication + name_size + length;
    if (length > bus->options.in_flight_max || bus->stats.in_flight + cost > bus->options.in_flight_max)
        return false;
    publication = malloc(cost);
    if (!publication)
        return false;
    publication->cost = cost;
    publication->length = length;
    publication->bytes = publication->channel + name_size;
    memcpy(publication->channel, channel, name_size);
    if (length)
        memcpy(publication->channel + name_size, bytes, length);
    list_append(&local->publications, &publication->node);
    bus->stats.in_flight += cost;
    bus_wake(bus);
    return true;
}

static void local_listen(struct bus *bus, struct bus_channel *channel)
{
    (void)bus, (void)channel; /* There is nobody to ask. */
}

static enum bus_hearing local_hearing(const struct bus *bus, const struct bus_channel *channel)
{
    (void)bus, (void)channel;
    return BUS_HEARS;
}

/* What the listeners publish in answer waits for the next turn, so that they cannot hold this one up. */
static void local_turn(struct bus *bus)
{
    struct local *local = container_of(bus, struct local, bus);
    struct list now, *node;
    list_init(&now);
    list_move_all(&now, &local->publications);
    while ((node = list_take_first(&now))) {
        struct publication *publication = container_of(node, struct publication, node);
        struct bus_channel *channel = bus_channel_get(bus, publication->channel, strlen(publication->channel));
        bus->stats.in_flight -= publication->cost;
        if (channel && !bus->is_closing)
            bus_deliver(bus, channel, publication->bytes, publication->length);
        free(publication);
    }
}

static void local_close(struct bus *bus)
{
    (void)bus; /* It has no handles of its own. */
}

static void local_free(struct bus *bus)
{
    struct local *local = container_of(bus, struct local, bus);
    struct list *node;
    while ((node = list_take_first(&local->publications)))
        free(container_of(node, struct publication, node));
    free(local);
}
