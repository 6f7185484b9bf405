/* pages/ops.c: one answer from counters that are kept anyway. It is asked for every second, so it looks at no data base
 * and at no list that grows with the number of people. */
#include "pages/ops.h"
#include <string.h>
#include "base/node_name.h"
#include "lib/clock.h"
#include "store/store.h"

static void detail_start(struct request *request);
static void node_print(const struct ops *ops, bool has_edges, struct buffer *json);
static void realtime_print(const struct ops *ops, struct buffer *json);
static void doors_print(const struct ops *ops, const struct dispatch *dispatch, struct buffer *json);
static void store_print(const struct dispatch *dispatch, struct buffer *json);
static void bus_print(const struct bus_stats *bus, struct buffer *json);
static void edges_print(const struct remote *remote, struct buffer *json);

static const struct route ops_routes[] = {
    {"ops.detail", HTTP_M_GET, "ops", ROUTE_SUPERUSER, NULL, 0, detail_start, 0, NULL},
};

void ops_add(struct dispatch *dispatch, struct ops *ops)
{
    ops->started_ms = clock_monotonic_ms();
    dispatch_add(dispatch, ops_routes, ARRAY_LENGTH(ops_routes), ops);
}

static void detail_start(struct request *request)
{
    const struct ops *ops = request->app;
    struct buffer *json = request_result(request);
    struct bus_stats bus;
    if (!params_only(request, NULL)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (!ops->http || !ops->bus || !ops->remote || !ops->watchdog || !dispatch_store(request->dispatch)) {
        request_refuse(request, STATUS_UNAVAILABLE, "The server is starting or stopping.");
        request_finish(request, STATUS_UNAVAILABLE);
        return;
    }
    bus_stats(ops->bus, &bus);
    buffer_char(json, '{');
    node_print(ops, !bus.is_local, json);
    realtime_print(ops, json);
    doors_print(ops, request->dispatch, json);
    store_print(request->dispatch, json);
    bus_print(&bus, json);
    edges_print(ops->remote, json);
    buffer_char(json, '}');
    request_finish(request, STATUS_OK);
}

static void number(struct buffer *json, const char *name, uint64_t value)
{
    buffer_printf(json, "\"%s\":%llu,", name, (unsigned long long)value);
}

static void node_print(const struct ops *ops, bool has_edges, struct buffer *json)
{
    char at[CLOCK_TEXT_SIZE];
    size_t memory_bytes = 0;
    uv_resident_set_memory(&memory_bytes);
    buffer_json_member(json, "at", clock_text(clock_wall_ms(), at));
    buffer_char(json, ',');
    buffer_json_member(json, "node", node_name());
    buffer_printf(json, ",\"role\":\"%s\",\"version\":\"" PARLEY_VERSION "\",", has_edges ? "home" : "single");
    number(json, "uptime_s", (uint64_t)(clock_monotonic_ms() - ops->started_ms) / 1000);
    number(json, "memory_bytes", memory_bytes);
    buffer_printf(json, "\"loop_lag_p50_ms\":%.3f,\"loop_lag_p99_ms\":%.3f,",
                  lag_p50_s(watchdog_lag(ops->watchdog)) * 1000, lag_p99_s(watchdog_lag(ops->watchdog)) * 1000);
}

static void realtime_print(const struct ops *ops, struct buffer *json)
{
    struct hub_stats hub;
    struct ops_chat chat = {0};
    hub_stats(ops->hub, &hub);
    ops->chat(ops->context, &chat);
    number(json, "connections", hub.connections);
    number(json, "users_connected", hub.users);
    number(json, "subscriptions", hub.subscriptions);
    number(json, "channels", hub.channels);
    number(json, "rooms", chat.rooms);
    number(json, "commands_total", hub.commands);
    number(json, "command_errors_total", hub.errors);
    number(json, "publications_total", hub.publications);
    number(json, "deliveries_total", hub.deliveries);
    number(json, "closed_slow_total", hub.closed_slow);
    number(json, "messages_total", chat.messages);
}

static void doors_print(const struct ops *ops, const struct dispatch *dispatch, struct buffer *json)
{
    struct http_stats http;
    http_stats(ops->http, &http);
    number(json, "connections_max", http.connections_max);
    number(json, "http_requests_total", http.requests);
    number(json, "http_errors_total", http.errors);
    number(json, "refused_total", dispatch_refused(dispatch));
}

static void store_print(const struct dispatch *dispatch, struct buffer *json)
{
    struct store_stats store;
    store_stats(dispatch_store(dispatch), &store);
    buffer_text(json, "\"store\":{");
    number(json, "queue", store.queue_jobs);
    number(json, "queue_max", (uint64_t)dispatch_settings(dispatch)->data_queue_max);
    number(json, "writes_total", store.writes);
    number(json, "reads_total", store.reads);
    number(json, "faults_total", store.faults);
    number(json, "commit_ms_total", store.sync_us_total / 1000);
    buffer_printf(json, "\"wal_bytes\":%llu},", (unsigned long long)store.wal_bytes);
}

static void bus_print(const struct bus_stats *bus, struct buffer *json)
{
    buffer_printf(json, "\"bus\":{\"kind\":\"%s\",\"up\":%s,", bus->is_local ? "local" : "redis",
                  bus->is_up ? "true" : "false");
    number(json, "published_total", bus->published);
    number(json, "received_total", bus->received);
    number(json, "dropped_total", bus->dropped);
    number(json, "forged_total", bus->forged);
    number(json, "replayed_total", bus->replayed);
    buffer_printf(json, "\"reconnects_total\":%llu},", (unsigned long long)bus->reconnects);
}

static void edges_print(const struct remote *remote, struct buffer *json)
{
    struct remote_node node;
    size_t cursor = 0;
    buffer_text(json, "\"nodes\":[");
    for (const char *comma = ""; remote_node_next(remote, &cursor, &node); comma = ",") {
        buffer_printf(json, "%s{", comma);
        buffer_json_member(json, "name", node.name);
        buffer_printf(json, ",\"role\":\"edge\",\"connections\":%lld,\"last_seen_ms\":%lld}",
                      (long long)node.connections, (long long)node.silent_ms);
    }
    buffer_char(json, ']');
}
