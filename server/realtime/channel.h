/* realtime/channel.h: what an application says about its channels ("room:", "user:"), and what it may ask of the
 * realtime side. Loop thread unless told otherwise. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/request.h"

struct hub;
struct wheel;

/* Where a channel's log stands: filled by authorize. */
struct channel_top {
    char epoch[RANDOM_ID_SIZE];
    uint64_t offset;
};

struct channel_kind {
    const char *prefix;       /* "room:"; without ":" at its end it is one channel's whole name: "model:grant" */
    bool is_positioned;       /* has a log: positioned and recoverable */
    bool is_server_side_only; /* cannot be subscribed to by a command (user:) */
    bool is_judged;    /* each listener gets what is its own, by hub_publish_each(); who listens is told to nobody */
    bool takes_tokens; /* a subscription token is enough: what it says, another system has decided */
    /* Home, loop: may @actor listen to prefix+@rest? OK fills @top if positioned; FORBIDDEN, NOT_FOUND, MALFORMED. */
    enum status (*authorize)(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
    /* Reader thread: append up to @limit entries with offset > @since (or, reversed, < @since, 0: from the top) as
     * {"offset":N,"data":…} separated by commas; *count tells how many, *last the last one's offset. */
    enum status (*read_log)(struct db *db, const char *rest, uint64_t since, size_t limit, bool reversed,
                            struct buffer *json, size_t *count, uint64_t *last);
    bool is_open; /* may be listened to by those who are not signed in, so they may connect */
    bool hides_presence, hides_join_leave;
    /* Home, loop: @rest is about to be listened to by somebody who may: fills @top. NULL: authorize did. */
    enum status (*begin_log)(void *app, const char *rest, struct channel_top *top);
    /* As read_log, for a log that is in memory: home, loop. */
    enum status (*read_now)(void *app, const char *rest, uint64_t since, size_t limit, bool reversed,
                            struct buffer *json, size_t *count, uint64_t *last);
    /* The route that `publish` is: its parameters are made by publish_params from the channel and the data; NULL: they
     * are {"channel","data","is_subscribed"}. */
    const char *publish_route;
    /* The params object (owned by the caller) or NULL if @data is not what it takes. @data may be taken apart. */
    cJSON *(*publish_params)(const char *rest, cJSON *data);
};

/* For an application's own deadlines. */
struct wheel *hub_wheel(const struct hub *hub);
/* At start. @app is given back to the functions. */
void hub_add_kind(struct hub *hub, const struct channel_kind *kind, void *app);

/* ---- home: after a commit, in done functions ---- */
/* Push an event to all listeners on all nodes. @offset 0: not in the log (typing). @json is pub.data, copied. */
void hub_publish(struct hub *hub, const char *channel, uint64_t offset, const char *json, size_t length);
/* The same for a log that may begin anew: @members are those of pub, "data" and others, without the offset. */
void hub_publish_members(struct hub *hub, const char *channel, uint64_t offset, const char *epoch, const char *members,
                         size_t length);
/* To each listener of a judged channel, on all nodes, what @choose has for it: pub.data, or NULL for nothing. Listeners
 * that get the same text are to get the same pointer, which stays as it is until this returns. */
void hub_publish_each(struct hub *hub, const char *channel,
                      const char *(*choose)(void *context, const struct actor *actor, size_t *length), void *context);
/* What happened cannot be told: whoever listens to a judged channel is to subscribe again (unsubscribe 2500), and then
 * to read anew. On every node. */
void hub_publish_lost(struct hub *hub, const char *channel);
/* To the own feed ("user:") of everybody who is connected, on all nodes: the JSON text @json. */
void hub_publish_everybody(struct hub *hub, const char *json);
/* Rights changed: check every subscription of @user_id (0: of everybody) again and drop those it no longer may have
 * (unsubscribe 2000), on every node. In force here when it returns. */
void hub_recheck(struct hub *hub, int64_t user_id);
/* The same for one channel, whoever listens (a room became private). */
void hub_recheck_channel(struct hub *hub, const char *channel);
/* How many open subscriptions, on all nodes, would not be allowed if they were asked for now. */
size_t hub_count_refused(struct hub *hub);
/* Drop @user_id's (0: everybody's) subscriptions to @channel, on every node. */
void hub_unsubscribe(struct hub *hub, int64_t user_id, const char *channel);
/* Close the connections of @user_id or, if @session_id is not 0, of that session only, with @code, on every node. */
void hub_disconnect(struct hub *hub, int64_t user_id, int64_t session_id, uint16_t code, const char *reason);
#define PERSON_BYTES_MAX 255 /* of what another system calls somebody */
/* Whose connections are meant; texts are borrowed. */
struct hub_who {
    int64_t user_id, session_id; /* 0: any, of the session */
    const char *person;          /* somebody of another system, as his tokens call him; NULL: a user here */
    const char *client;          /* this connection of his only; NULL: all */
};
/* Whom another system calls so: a user here if it is the id of one. */
struct hub_who hub_who_named(const char *text);
/* The same two for @who. */
void hub_unsubscribe_who(struct hub *hub, const struct hub_who *who, const char *channel);
void hub_disconnect_who(struct hub *hub, const struct hub_who *who, uint16_t code, const char *reason);
