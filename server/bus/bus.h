/* bus/bus.h: how nodes hear each other. A publication reaches the listeners of this node at once and
 * those of the others through Redis pub/sub; it is a hint, never the truth: nothing is kept. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/status.h"
#include "lib/scope.h"

struct bus;

#define BUS_SECRET_LENGTH_MIN 32

/* loop thread. @channel is NUL-terminated; @bytes is valid during the call. */
typedef void bus_message(void *context, const char *channel, const char *bytes, size_t length);
/* The connection came up (after every listen was acknowledged again) or was lost. */
typedef void bus_state(void *context, bool is_up);
/* The node hears @channel from now on; or the connection is away or was lost before it did: is_listening
 * false, and true follows when it is back. Every bus_listen is followed by at least one of the two. A loss of
 * what was in force is not told per channel: it comes back with the connection, before bus_state says so. */
typedef void bus_listening(void *context, const char *channel, bool is_listening);

struct bus_options {
    const char *url; /* NULL or "": local. "unix:/path/redis.sock" or "redis://[user:password@]127.0.0.1:6379[/db]" */
    const char *prefix; /* of every Redis channel name, such as "parley:" */
    /* Of all nodes, at least BUS_SECRET_LENGTH_MIN characters: what was not signed with it is not heard. NULL or "":
     * nothing is signed, and whoever can write to Redis is believed. Used during bus_open() only. */
    const char *secret;
    size_t in_flight_max; /* bytes waiting for Redis; above it publications are dropped and counted */
    void *context;
    bus_message *message;
    bus_state *state;
    bus_listening *listening;
};

struct bus_stats {
    bool is_up; /* local: always */
    bool is_local;
    uint64_t published, received, dropped, reconnects;
    uint64_t forged;   /* dropped because no node of ours has signed them */
    uint64_t replayed; /* dropped because they were heard before, or are too old to know */
    size_t in_flight;
};

/* errors: a malformed url (in @why). A Redis that is away is no error: the bus connects when it comes. */
enum status bus_open(const struct bus_options *options, uv_loop_t *loop, struct bus **out, char *why, size_t why_size);
/* What bus_open() would refuse, without opening anything. */
enum status bus_check(const struct bus_options *options, char *why, size_t why_size);
/* Starts the closing; its handles are gone once the loop has run again. NULL is allowed. */
void bus_close(struct bus *bus);

/* To the other nodes. Never fails for the caller: down or full means dropped and counted. */
void bus_publish(struct bus *bus, const char *channel, const char *bytes, size_t length);
/* Counted: as many unlistens end it. bus_listening tells when it is in force. Local: at once, later in this
 * turn. A local bus loops a publication back to its own listeners; the Redis one hears from Redis only
 * what others published (what this node publishes it has delivered itself already). */
void bus_listen(struct bus *bus, const char *channel);
void bus_unlisten(struct bus *bus, const char *channel);
bool bus_is_up(const struct bus *bus);
void bus_stats(const struct bus *bus, struct bus_stats *stats);
