/* bus/engine.h: what the two kinds of bus have in common: counted channels, and work put off to the end
 * of the loop's turn, so that no callback runs inside a call of its own listener. Private to bus/. */
#pragma once
#include "bus/bus.h"
#include "lib/hash.h"
#include "lib/list.h"

struct bus_channel {
    struct list tell;   /* in bus->untold: its listeners are to be told at the end of the turn */
    struct list change; /* in subscriptions->changes: Redis is to be told */
    size_t listeners;   /* listens less unlistens */
    bool is_awaited;    /* nobody has been told yet that it is in force */
    bool is_subscribed; /* remote: what Redis acknowledged last */
    bool is_asked;      /* remote: a command for it is under way; never more than one */
    bool is_restoring;  /* remote: counted in subscriptions->restoring */
    bool is_own;        /* remote: the probe's channel, which has no listeners */
    size_t name_length;
    char name[];
};

enum bus_hearing { BUS_HEARS, BUS_WAITS, BUS_IS_DEAF };

struct bus_ops {
    bool (*publish)(struct bus *bus, const char *channel, const char *bytes, size_t length);
    void (*listen)(struct bus *bus, struct bus_channel *channel);   /* the first listener came */
    void (*unlisten)(struct bus *bus, struct bus_channel *channel); /* the last one left */
    enum bus_hearing (*hearing)(const struct bus *bus, const struct bus_channel *channel);
    void (*turn)(struct bus *bus);  /* the end of a turn in which bus_wake() was called */
    void (*close)(struct bus *bus); /* close the handles of its own */
    void (*free)(struct bus *bus);  /* they are closed: free the rest, @bus included */
};

struct bus {
    const struct bus_ops *ops;
    struct bus_options options; /* url, prefix and secret are NULL: they belong to the caller */
    uv_loop_t *loop;
    struct text_map *channels;
    struct list untold;  /* of bus_channel.tell */
    struct list removed; /* of bus_channel.tell: out of the table, freed when no callback can hold its name */
    struct bus_stats stats;
    uv_check_t check; /* runs at the end of the turn; the idle handle keeps the loop from waiting before it */
    uv_idle_t idle;
    unsigned handles; /* open, of every kind; the last one to close frees the bus */
    bool is_awake;
    bool is_closing;
};

/* False: no memory, and nothing to undo. */
bool bus_init(struct bus *bus, const struct bus_ops *ops, const struct bus_options *options, uv_loop_t *loop);
/* Have ops->turn() run at the end of this turn of the loop (of the next one, if this is the end). */
void bus_wake(struct bus *bus);
/* The close callback of a handle whose data is the bus, and the same for what has no handle to show. */
void bus_handle_closed(uv_handle_t *handle);
void bus_part_closed(struct bus *bus);

struct bus_channel *bus_channel_get(const struct bus *bus, const char *name, size_t length);
/* NULL: no memory, and it was logged. */
struct bus_channel *bus_channel_new(struct bus *bus, const char *name);
void bus_channel_remove(struct bus *bus, struct bus_channel *channel);
/* Tell its listeners at the end of the turn how it stands then. */
void bus_channel_tell_later(struct bus *bus, struct bus_channel *channel);
/* Tell them now. */
void bus_channel_tell(struct bus *bus, struct bus_channel *channel, bool is_listening);
/* Hand a publication to the listeners of @channel. */
void bus_deliver(struct bus *bus, const struct bus_channel *channel, const char *bytes, size_t length);

enum status bus_local_new(const struct bus_options *options, uv_loop_t *loop, struct bus **out);
enum status bus_remote_new(const struct bus_options *options, uv_loop_t *loop, struct bus **out, char *why,
                           size_t why_size);
