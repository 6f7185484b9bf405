/* bus/subscriptions.h: which channels a Redis is subscribed to, and which it should be. Private to bus/. */
#pragma once
#include "bus/engine.h"

struct subscriptions {
    struct bus *bus;
    struct list changes; /* of bus_channel.change: to be subscribed or unsubscribed */
    size_t asked;        /* channels with a command under way */
    size_t restoring;    /* channels older than the connection, not acknowledged yet */
};

void subscriptions_init(struct subscriptions *subscriptions, struct bus *bus);
/* The connection is new: subscribe everything again. */
void subscriptions_restore(struct subscriptions *subscriptions);
/* The first listener of @channel came. */
void subscriptions_want(struct subscriptions *subscriptions, struct bus_channel *channel);
/* Its last one left. It may be gone afterwards. */
void subscriptions_drop(struct subscriptions *subscriptions, struct bus_channel *channel);
/* The next channel to be subscribed, or unsubscribed if it is subscribed; the caller sends the command. NULL: none for
 * now. Commands of one channel never overlap: each acknowledgement is the answer to the only one under way, and a
 * channel changed to and fro costs Redis one command per round trip. */
struct bus_channel *subscriptions_next(struct subscriptions *subscriptions);
/* Redis did so. @channel may be gone afterwards. False: nobody had asked for it. */
bool subscriptions_acknowledge(struct subscriptions *subscriptions, struct bus_channel *channel, bool is_subscribed);
/* The connection is lost. Whoever waits for a channel is told that it takes longer; who has it is told nothing: it
 * comes back with the connection. */
void subscriptions_forget(struct subscriptions *subscriptions, bool was_up);
