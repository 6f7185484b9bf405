/* serve_metrics.c: every number of this node, as /metrics tells them. */
#include "serve_metrics.h"
#include "base/node_name.h"
#include "pages/metrics.h"

void serve_metrics_answer(const struct metered *metered, const struct http_request *request)
{
    struct hub_stats hub;
    struct http_stats http;
    struct bus_stats bus;
    struct store_stats store = {0};
    size_t rooms = 0;
    uint64_t messages = 0;
    chat_stats(metered->node->chat, &rooms, &messages);
    hub_stats(metered->node->hub, &hub);
    http_stats(metered->http, &http);
    bus_stats(metered->bus, &bus);
    if (metered->node->store)
        store_stats(metered->node->store, &store);
#define GAUGE(name, help, value)                                                                                       \
    {                                                                                                                  \
        name, help, METRIC_GAUGE, NULL, NULL, (double)(value)                                                          \
    }
#define COUNTER(name, help, value)                                                                                     \
    {                                                                                                                  \
        name, help, METRIC_COUNTER, NULL, NULL, (double)(value)                                                        \
    }
    const struct metric metrics[] = {
        GAUGE("parley_connections", "open realtime connections", hub.connections),
        GAUGE("parley_channels", "channels somebody on this node listens to", hub.channels),
        GAUGE("parley_subscriptions", "subscriptions of this node's connections", hub.subscriptions),
        GAUGE("parley_connections_lagging", "connections that take less than is sent", hub.lagging),
        GAUGE("parley_channel_log_bytes", "bytes kept for listeners that lag", hub.log_bytes),
        GAUGE("parley_recent_channels", "channels remembered for those who come back", hub.recent_channels),
        GAUGE("parley_recent_bytes", "bytes remembered for those who come back", hub.recent_bytes),
        COUNTER("parley_recent_hits_total", "questions for what was missed that memory answered", hub.recent_hits),
        COUNTER("parley_recent_misses_total", "questions for what was missed that memory could not answer",
                hub.recent_misses),
        COUNTER("parley_recent_reads_total", "reads of the data base for what was missed", hub.recent_reads),
        COUNTER("parley_commands_total", "realtime commands", hub.commands),
        COUNTER("parley_command_errors_total", "realtime commands answered with an error", hub.errors),
        COUNTER("parley_refused_total", "requests and commands answered with: you may not",
                dispatch_refused(metered->node->dispatch)),
        COUNTER("parley_messages_total", "messages said (on the home)", messages),
        GAUGE("parley_rooms", "rooms (on the home)", rooms),
        GAUGE("parley_users_connected", "people with an open realtime connection here", hub.users),
        COUNTER("parley_publications_total", "events given to channels with listeners here", hub.publications),
        COUNTER("parley_deliveries_total", "events written to a listener", hub.deliveries),
        COUNTER("parley_sends_total", "writes to sockets", hub.sends),
        COUNTER("parley_closed_slow_total", "connections closed with 3008", hub.closed_slow),
        COUNTER("parley_http_requests_total", "HTTP requests", http.requests),
        COUNTER("parley_http_errors_total", "answers of 500 and above", http.errors),
        COUNTER("parley_http_refused_total", "requests and connections refused by the front", http.refused),
        COUNTER("parley_http_accepted_total", "connections accepted", http.accepted),
        GAUGE("parley_http_connections", "open HTTP connections", http.connections),
        GAUGE("parley_store_queue", "writes that wait", store.queue_jobs),
        COUNTER("parley_store_writes_total", "writes", store.writes),
        COUNTER("parley_store_reads_total", "reads", store.reads),
        COUNTER("parley_store_groups_total", "transactions", store.groups),
        COUNTER("parley_store_faults_total", "faults of the data base", store.faults),
        COUNTER("parley_store_commit_seconds_total", "time spent in commits", (double)store.sync_us_total / 1e6),
        GAUGE("parley_store_wal_bytes", "size of the write-ahead log", store.wal_bytes),
        GAUGE("parley_bus_up", "1: Redis answers (or none is used)", bus.is_up),
        COUNTER("parley_bus_published_total", "messages given to the bus", bus.published),
        COUNTER("parley_bus_received_total", "messages the bus brought", bus.received),
        COUNTER("parley_bus_dropped_total", "messages dropped as the bus was down or full", bus.dropped),
        COUNTER("parley_bus_forged_total", "messages dropped that no node with our cluster.secret has sent",
                bus.forged),
        COUNTER("parley_bus_replayed_total", "messages dropped as heard before or too old", bus.replayed),
        COUNTER("parley_bus_reconnects_total", "connections made to Redis again", bus.reconnects),
        GAUGE("parley_nodes", "edges that are alive", remote_nodes(metered->remote)),
        GAUGE("parley_requests_in_flight", "actions under way", dispatch_in_flight(metered->node->dispatch)),
    };
    SCOPED(buffer_free) struct buffer text = {0};
    const char *const who[] = {"node", node_name(), "role", metered->node->is_edge ? "edge" : "home", NULL};
    metrics_print_info(&text, "parley_node_info", "which node answers: workers share a port", who);
    metrics_print(&text, metrics, ARRAY_LENGTH(metrics));
    lag_print(watchdog_lag(metered->watchdog), &text);
    struct http_answer answer = {
        .status = 200, .content_type = METRICS_CONTENT_TYPE, .body = text.bytes, .body_length = text.length};
    if (text.has_failed)
        http_answer_problem(metered->http, request->id, STATUS_UNAVAILABLE, NULL);
    else
        http_answer(metered->http, request->id, &answer);
}
