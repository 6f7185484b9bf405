/* realtime/hub.h: every open connection of this node and every channel that somebody here listens to. Loop thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/dispatch.h"
#include "bus/bus.h"
#include "net/http.h"
#include "net/websocket.h"
#include "net/wheel.h"
#include "realtime/channel.h"

struct hub_options {
    const struct settings *settings;
    struct dispatch *dispatch;
    struct wheel *wheel;
    const char *node; /* this node's id, as calls name it */
};
struct hub_stats {
    size_t connections, channels, subscriptions, lagging, users;
    uint64_t commands, errors, publications, deliveries, sends, closed_slow, log_bytes;
    size_t recent_channels, recent_bytes; /* remembered for those who come back */
    uint64_t recent_hits, recent_misses;  /* questions for what was missed that memory could answer, and others */
    uint64_t recent_reads;                /* of the data base, for the others */
};

/* NULL: no memory. Registers its own actions ("channel.subscribe" …) with the dispatcher. */
struct hub *hub_open(const struct hub_options *options, uv_loop_t *loop);
/* Starts the closing: its handles are gone once the loop has run again; then hub_free(). All connections must be gone.
 */
void hub_close(struct hub *hub);
/* Home, before hub_close(), when there is no store any more: who waited for a read that others shared is answered. */
void hub_settle(struct hub *hub);
void hub_free(struct hub *hub);
/* The bus, once it is open; until then nothing leaves this node. */
void hub_set_bus(struct hub *hub, struct bus *bus);

/* For net/websocket.h; the context is the hub. */
extern const struct websocket_handlers hub_websocket_handlers;

/* The realtime doors besides the WebSocket: /connection/http_stream, /connection/sse and /emulation. True: it is (or
 * will be) answered; false: another path. */
bool hub_answer(struct hub *hub, struct http *http, const struct http_request *request);

/* Close all connections with 3001, spread over @over_ms. */
void hub_shutdown(struct hub *hub, int64_t over_ms);
size_t hub_connections(const struct hub *hub);
void hub_stats(const struct hub *hub, struct hub_stats *stats);

/* ---- who is connected: for administrators ---- */
#define HUB_PEERS_MAX 200 /* in one page */
struct hub_peer {         /* texts are borrowed */
    const char *client;
    int64_t user_id;
    const char *name; /* "": nobody in particular */
    const char *peer, *agent;
    const char *transport; /* as the SDKs name it */
    int64_t opened_ms;     /* wall clock */
    size_t subscriptions;
    uint64_t queued_bytes; /* what it has not taken yet */
};
/**
 * Up to @most of this node's connections, newest first: those of @user_id (0: of everybody) that were opened before the
 * one numbered @before (0: from the newest).
 * units   returns how many; *last: the number of the last one, 0 if there are no more behind it
 */
size_t hub_peers(const struct hub *hub, int64_t user_id, uint64_t before, size_t most, struct hub_peer *peers,
                 uint64_t *last);
/* The connection of this client on this node. False: there is none. */
bool hub_peer_find(const struct hub *hub, const char *client, struct hub_peer *peer);
/* Close it. False: there is none. */
bool hub_peer_close(struct hub *hub, const char *client, uint16_t code, const char *reason);

/* ---- what the bus brings (the names are bus channels) ---- */
#define HUB_BUS_CHANNEL "ch:"     /* + channel: events, home to edges */
#define HUB_BUS_CONTROL "control" /* changes of rights, ends of sessions: home to edges */
#define HUB_BUS_STREAMS "to:"     /* + hub's id of a node: commands for its streams, from whoever took them */
void hub_bus_message(struct hub *hub, const char *channel, const char *bytes, size_t length);
void hub_bus_listening(struct hub *hub, const char *channel, bool is_listening);
/* Edge: the bus came back, the home was restarted, or this node was asleep: check everything again. */
void hub_resume(struct hub *hub);
/* Edge: nothing can be trusted while the bus is away: deliver nothing new. */
void hub_suspend(struct hub *hub);
/* Home: @node has not been heard of for too long: its people are gone. */
void hub_node_lost(struct hub *hub, uint64_t node);
/* Edge: tell the home who listens here (it was restarted or had given us up). */
void hub_announce_all(struct hub *hub);
