/* base/remote.h: actions carried between nodes. An edge sends each request to the home as plain data (who, action,
 * parameters) over the bus and gets the answer back; the home runs it as if it had come in by its own door. Loop
 * thread. */
#pragma once
#include "base/dispatch.h"
#include "bus/bus.h"
#include "net/wheel.h"

struct remote;

struct remote_handlers {
    void *context;
    /* Home: that edge has not been heard of for node.silence_ms. */
    void (*node_lost)(void *context, uint64_t node);
    /* Edge: the home is another process than before, or had given this node up, or something that it published was
     * lost: what was agreed must be said again, and what is known compared. */
    void (*home_is_new)(void *context);
    /* Edge: its realtime connections, for the home to know. */
    size_t (*connections)(void *context);
};

/* What the home knows of an edge. */
struct remote_node {
    const char *name;    /* "": it has not said */
    int64_t connections; /* when it last said so */
    int64_t silent_ms;   /* since when nothing was heard of it */
};

#define REMOTE_HOME_CHANNEL  "home"
#define REMOTE_NODE_CHANNEL  "node:" /* + node id */
#define REMOTE_EDGES_CHANNEL "edges" /* the home, when it comes: before anything else that it publishes */

/* On an edge it becomes the dispatcher's way to the home. NULL: no memory. */
struct remote *remote_new(struct dispatch *dispatch, struct wheel *wheel, bool is_edge,
                          const struct remote_handlers *handlers);
/* Starts to listen and to tell that it lives. */
void remote_set_bus(struct remote *remote, struct bus *bus);
/* Edge: requests that wait are answered UNAVAILABLE. Home: behind its last answer it takes leave, so that edges keep
 * what they still ask for the next one. */
void remote_stop(struct remote *remote);
void remote_free(struct remote *remote);
/* True: the message was one of these. */
bool remote_bus_message(struct remote *remote, const char *channel, const char *bytes, size_t length);
/* The bus came back or went. */
void remote_bus_state(struct remote *remote, bool is_up);
/* Edge: the home answered lately. Home: true. */
bool remote_has_home(const struct remote *remote);
/* Home: another one speaks on the same Redis, which is a mistake of whoever set them up. */
bool remote_has_other_home(const struct remote *remote);
size_t remote_nodes(const struct remote *remote);
/* Walk over the edges that are alive: *cursor begins as 0; false: that was the last. */
bool remote_node_next(const struct remote *remote, size_t *cursor, struct remote_node *node);
