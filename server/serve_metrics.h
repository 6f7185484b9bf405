/* serve_metrics.h: every number of this node, as /metrics tells them. Loop thread. */
#pragma once
#include "base/remote.h"
#include "bus/bus.h"
#include "net/http.h"
#include "node.h"
#include "pages/watchdog.h"

/* Whose numbers; all borrowed. */
struct metered {
    const struct node *node;
    struct http *http;
    struct bus *bus;
    struct remote *remote;
    struct watchdog *watchdog;
};
void serve_metrics_answer(const struct metered *metered, const struct http_request *request);
