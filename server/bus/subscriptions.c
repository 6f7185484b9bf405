/* bus/subscriptions.c: each channel is subscribed, or wanted, or under way from the one to the other. */
#include "bus/subscriptions.h"

#define ASKED_MAX 1024 /* under way at a time, so that neither side's buffer grows */

static void subscriptions_change(struct subscriptions *subscriptions, struct bus_channel *channel);
static bool is_wanted(const struct bus_channel *channel);

void subscriptions_init(struct subscriptions *subscriptions, struct bus *bus)
{
    *subscriptions = (struct subscriptions){.bus = bus};
    list_init(&subscriptions->changes);
}

void subscriptions_restore(struct subscriptions *subscriptions)
{
    size_t cursor = 0;
    void *value;
    while (text_map_next(subscriptions->bus->channels, &cursor, NULL, NULL, &value)) {
        struct bus_channel *channel = value;
        list_append(&subscriptions->changes, &channel->change);
        channel->is_restoring = true;
        subscriptions->restoring++;
    }
    bus_wake(subscriptions->bus);
}

void subscriptions_want(struct subscriptions *subscriptions, struct bus_channel *channel)
{
    if (!channel->is_asked) /* or the acknowledgement will find that it is wanted */
        subscriptions_change(subscriptions, channel);
}

void subscriptions_drop(struct subscriptions *subscriptions, struct bus_channel *channel)
{
    if (channel->is_asked)
        return; /* The acknowledgement will find that it is no longer wanted. */
    if (channel->is_subscribed) {
        subscriptions_change(subscriptions, channel);
        return;
    }
    subscriptions->restoring -= channel->is_restoring;
    bus_channel_remove(subscriptions->bus, channel);
}

static void subscriptions_change(struct subscriptions *subscriptions, struct bus_channel *channel)
{
    list_remove(&channel->change);
    list_append(&subscriptions->changes, &channel->change);
    bus_wake(subscriptions->bus);
}

struct bus_channel *subscriptions_next(struct subscriptions *subscriptions)
{
    struct list *node;
    while (subscriptions->asked < ASKED_MAX && (node = list_take_first(&subscriptions->changes))) {
        struct bus_channel *channel = container_of(node, struct bus_channel, change);
        if (is_wanted(channel) == channel->is_subscribed)
            continue; /* changed to and fro in one turn */
        channel->is_asked = true;
        subscriptions->asked++;
        return channel;
    }
    return NULL;
}

bool subscriptions_acknowledge(struct subscriptions *subscriptions, struct bus_channel *channel, bool is_subscribed)
{
    if (!channel->is_asked || channel->is_subscribed == is_subscribed)
        return false;
    channel->is_asked = false;
    channel->is_subscribed = is_subscribed;
    subscriptions->asked--;
    subscriptions->restoring -= channel->is_restoring;
    channel->is_restoring = false;
    bus_wake(subscriptions->bus);
    if (is_wanted(channel) != is_subscribed)
        list_append(&subscriptions->changes, &channel->change);
    else if (!is_subscribed)
        bus_channel_remove(subscriptions->bus, channel);
    else if (channel->is_awaited && !channel->is_own)
        bus_channel_tell(subscriptions->bus, channel, true);
    return true;
}

void subscriptions_forget(struct subscriptions *subscriptions, bool was_up)
{
    struct bus *bus = subscriptions->bus;
    size_t cursor = 0;
    void *value;
    subscriptions->asked = subscriptions->restoring = 0;
    while (text_map_next(bus->channels, &cursor, NULL, NULL, &value)) {
        struct bus_channel *channel = value;
        channel->is_subscribed = channel->is_asked = channel->is_restoring = false;
        list_remove(&channel->change);
        if (!is_wanted(channel))
            bus_channel_remove(bus, channel);
        else if (was_up && channel->is_awaited && !channel->is_own)
            bus_channel_tell_later(bus, channel);
    }
}

static bool is_wanted(const struct bus_channel *channel)
{
    return channel->listeners > 0 || channel->is_own;
}
