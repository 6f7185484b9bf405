/* pages/ops.h: how the server is doing, in figures: the action behind the administrator's charts. */
#pragma once
#include "base/dispatch.h"
#include "base/remote.h"
#include "bus/bus.h"
#include "net/http.h"
#include "pages/watchdog.h"
#include "realtime/hub.h"

/* What rooms there are is known to the applications, which this folder does not see. */
struct ops_chat {
    size_t rooms;
    uint64_t messages; /* said since the start */
};

/* Where the figures come from. What serves nobody yet has no doors: they are NULL then. */
struct ops {
    struct hub *hub;
    const struct http *http;
    const struct bus *bus;
    const struct remote *remote;
    const struct watchdog *watchdog;
    void (*chat)(void *context, struct ops_chat *chat);
    void *context;
    int64_t started_ms; /* monotonic */
};

/* Also on an edge, which must know the action to send it on. @ops must outlive @dispatch. */
void ops_add(struct dispatch *dispatch, struct ops *ops);
