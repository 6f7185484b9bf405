/* node.h: one node: the parts that make it up, opened in order and closed in reverse. The home owns the data base; an
 * edge has none. `serve` adds the doors; the command line uses a home without doors while no server runs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "accounts/accounts.h"
#include "acl/acl.h"
#include "base/dispatch.h"
#include "base/model.h"
#include "base/model_follow.h"
#include "chat/chat.h"
#include "net/wheel.h"
#include "pages/ops.h"
#include "realtime/ephemeral.h"
#include "realtime/feed.h"
#include "realtime/hub.h"
#include "settings.h"
#include "store/store.h"

struct node {
    const struct settings *settings;
    bool is_edge;
    uv_loop_t loop;
    char id[RANDOM_ID_SIZE];
    struct wheel *wheel;
    struct store *store;
    struct permissions *permissions;
    struct sessions *sessions;
    struct dispatch *dispatch;
    struct hub *hub;
    struct accounts *accounts;
    struct acl *acl;
    struct chat *chat;
    struct models *models;
    struct feed *feed;
    struct ephemeral *ephemeral;
    struct ops ops; /* `serve` adds the doors */
};

/* Open everything but the doors. False: one line in @why; what was opened is closed again. */
bool node_open(struct node *node, const struct settings *settings, bool is_edge, char *why, size_t why_size);
/* The same without data base: no request can be answered, but the models are there. */
bool node_build(struct node *node, const struct settings *settings, bool is_edge, char *why, size_t why_size);
/* How the tables of its store follow the models. */
struct model_follow node_follow(const struct node *node);
/* How a home's store is opened; what prepares it is left out. */
struct store_options node_store_options(const struct settings *settings);
/* Close the store: what is queued is finished and answered. After it nothing may be asked of the node. */
void node_close_store(struct node *node);
/* Close the rest, run the loop until all handles are gone, free. */
void node_close(struct node *node);
