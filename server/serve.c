/* serve.c: opens the doors (HTTP, WebSocket, the bus), answers health, and stops in good order. */
#include "serve.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/node_name.h"
#include "base/remote.h"
#include "base/rest.h"
#include "bus/bus.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "net/http.h"
#include "net/websocket.h"
#include "node.h"
#include "pages/health.h"
#include "pages/openapi.h"
#include "pages/pages.h"
#include "pages/server_api.h"
#include "pages/watchdog.h"
#include "serve_metrics.h"
#include "shell.h"

#define LIST_MAX   32 /* words in a setting that is a list */
#define OPENING_MS 20 /* between looks for the home */

struct serve {
    struct node node;
    const struct settings *settings;
    struct http *http;
    struct rest *rest;
    struct pages *pages;
    struct openapi_parts *parts;
    struct watchdog *watchdog;
    struct bus *bus;
    struct remote *remote;
    uv_signal_t terminate, interrupt, hangup;
    uv_timer_t opening, stopping;
    int ready; /* to the supervisor, until it was told */
    int64_t stop_by_ms;
    bool is_worker, is_stopping, is_stopped, has_failed, had_terminal;
    char *lists;
    const char *origins[LIST_MAX + 1], *proxies[LIST_MAX + 1];
};

static void serve_free(struct serve *serve)
{
    free(serve);
}
DEFINE_SCOPED(struct serve *, serve_free)

static bool doors_open(struct serve *serve, char *why, size_t why_size);
static void doors_close(struct serve *serve);
static void http_arrived(void *context, const struct http_request *request);
static void bus_arrived(void *context, const char *channel, const char *bytes, size_t length);
static void bus_changed(void *context, bool is_up);
static void bus_heard(void *context, const char *channel, bool is_listening);
static void node_lost(void *context, uint64_t node);
static void home_is_new(void *context);
static size_t connections_here(void *context);
static void signal_arrived(uv_signal_t *handle, int number);
static void hangup_arrived(uv_signal_t *handle, int number);
static void stop_check(uv_timer_t *timer);
static void open_check(uv_timer_t *timer);
static void greet(struct serve *serve);
static void ready_tell(struct serve *serve);

int serve_run(const struct settings *settings, bool is_edge, int ready)
{
    char why[4096];
    SCOPED(serve_free) struct serve *serve = calloc(1, sizeof *serve);
    if (!serve)
        return 1;
    if (is_edge && !settings->redis_url[0]) {
        fprintf(stderr,
                "parley: an edge finds its home through Redis: set redis.url (--redis.url=unix:/path/redis.sock)\n");
        return 2;
    }
    if (!node_open(&serve->node, settings, is_edge, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return 1;
    }
    serve->settings = settings;
    serve->is_worker = ready >= 0;
    serve->ready = ready;
    serve->had_terminal = isatty(STDERR_FILENO);
    if (!doors_open(serve, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        serve->is_stopped = true;
        doors_close(serve);
        return 1;
    }
    /* A worker that cannot serve yet gets no connections: the others would have been the better choice. */
    if (serve->is_worker && is_edge)
        uv_timer_start(&serve->opening, open_check, 0, OPENING_MS);
    else
        greet(serve);
    while (!serve->is_stopped)
        uv_run(&serve->node.loop, UV_RUN_ONCE);
    bool has_failed = serve->has_failed;
    doors_close(serve);
    if (!has_failed)
        log_info("stopped", "everything was closed in order");
    return has_failed ? 1 : 0;
}

/* "a, b" to a NULL-ended list of texts that lie in @store. */
static void list_split(char *store, const char *text, const char **list)
{
    size_t count = 0;
    strcpy(store, text);
    for (char *save = NULL, *word = strtok_r(store, ", ", &save); word && count < LIST_MAX;
         word = strtok_r(NULL, ", ", &save))
        list[count++] = word;
    list[count] = NULL;
}

static bool doors_open(struct serve *serve, char *why, size_t why_size)
{
    const struct settings *settings = serve->settings;
    struct node *node = &serve->node;
    size_t origins = strlen(settings->http_origins) + 1;
    serve->lists = malloc(origins + strlen(settings->http_proxies) + 1);
    serve->rest = rest_new(node->dispatch, settings);
    serve->watchdog = watchdog_open(&node->loop);
    struct remote_handlers handlers = {
        .context = serve, .node_lost = node_lost, .home_is_new = home_is_new, .connections = connections_here};
    serve->remote = remote_new(node->dispatch, node->wheel, node->is_edge, &handlers);
    uv_signal_init(&node->loop, &serve->terminate);
    uv_signal_init(&node->loop, &serve->interrupt);
    uv_signal_init(&node->loop, &serve->hangup);
    uv_timer_init(&node->loop, &serve->opening);
    uv_timer_init(&node->loop, &serve->stopping);
    serve->terminate.data = serve->interrupt.data = serve->hangup.data = serve;
    serve->opening.data = serve->stopping.data = serve;
    if (!serve->lists || !serve->rest || !serve->watchdog || !serve->remote) {
        snprintf(why, why_size, "there is not enough memory to start");
        return false;
    }
    list_split(serve->lists, settings->http_origins, serve->origins);
    list_split(serve->lists + origins, settings->http_proxies, serve->proxies);
    if (pages_open(settings->client_dir, &serve->pages, why, why_size) != STATUS_OK ||
        openapi_add(node->dispatch, serve->pages, &serve->parts, why, why_size) != STATUS_OK)
        return false;
    struct bus_options bus = {.url = settings->redis_url,
                              .prefix = settings->redis_prefix,
                              .secret = settings->cluster_secret,
                              .in_flight_max = (size_t)settings->redis_in_flight_max,
                              .context = serve,
                              .message = bus_arrived,
                              .state = bus_changed,
                              .listening = bus_heard};
    if (bus_open(&bus, &node->loop, &serve->bus, why, why_size) != STATUS_OK)
        return false;
    hub_set_bus(node->hub, serve->bus);
    remote_set_bus(serve->remote, serve->bus);
    if (node->is_edge)
        bus_listen(serve->bus, HUB_BUS_CONTROL);
    char shell[SHELL_PATH_SIZE];
    struct http_options http = {
        .address = settings->http_address,
        .is_shared = serve->is_worker,
        .listens_later = serve->is_worker && node->is_edge,
        .shell_path = node->is_edge ? NULL : shell_path(settings, shell),
        .origins = serve->origins,
        .proxies = serve->proxies,
        .connections_max = (size_t)settings->http_connections_max,
        .connections_per_address_max = (size_t)settings->http_connections_per_address_max,
        .header_bytes_max = (size_t)settings->http_header_bytes_max,
        .headers_max = (size_t)settings->http_headers_max,
        .body_bytes_max = (size_t)settings->http_body_bytes_max,
        .websocket_message_bytes_max = (size_t)settings->realtime_message_bytes_max,
        .header_ms = settings->http_header_ms,
        .body_ms = settings->http_body_ms,
        .idle_ms = settings->http_idle_ms,
        .websocket_path = "/connection/websocket",
        .context = serve,
        .request = http_arrived,
        .websocket_handlers = &hub_websocket_handlers,
        .websocket_context = node->hub,
    };
    if (http_open(&http, &node->loop, node->wheel, &serve->http, why, why_size) != STATUS_OK)
        return false;
    rest_set_http(serve->rest, serve->http);
    node->ops.http = serve->http;
    node->ops.bus = serve->bus;
    node->ops.remote = serve->remote;
    node->ops.watchdog = serve->watchdog;
    uv_signal_start(&serve->terminate, signal_arrived, SIGTERM);
    if (serve->is_worker)
        return true; /* the others are for its supervisor, and it was started to ignore them */
    uv_signal_start(&serve->interrupt, signal_arrived, SIGINT);
    uv_signal_start(&serve->hangup, hangup_arrived, SIGHUP);
    return true;
}

/* The address people may type, with the port really bound. */
static void address_text(const struct serve *serve, char *text, size_t size)
{
    const char *address = serve->settings->http_address;
    int host_length = (int)(strrchr(address, ':') ? strrchr(address, ':') - address : 0);
    snprintf(text, size, "%.*s:%d", host_length, address, http_port(serve->http));
}

static void open_check(uv_timer_t *timer)
{
    struct serve *serve = timer->data;
    char why[512];
    if (serve->is_stopping || !remote_has_home(serve->remote))
        return;
    uv_timer_stop(timer);
    if (http_listen(serve->http, why, sizeof why) == STATUS_OK) {
        greet(serve);
        return;
    }
    log_error("worker.closed", "%s", why);
    serve->has_failed = serve->is_stopped = true;
}

static void ready_tell(struct serve *serve)
{
    /* It waits so long for the end of this worker. */
    int64_t stop_ms = serve->settings->stop_ms;
    if (write(serve->ready, &stop_ms, sizeof stop_ms) != (ssize_t)sizeof stop_ms)
        log_error("worker.alone", "the supervisor could not be told that this worker is ready");
    close(serve->ready);
    serve->ready = -1;
}

static void greet(struct serve *serve)
{
    char address[128];
    address_text(serve, address, sizeof address);
    if (serve->is_worker)
        ready_tell(serve); /* when all are there, it greets */
    else
        log_info("listening", "listening on http://%s", address);
    const char *token = serve->node.is_edge ? NULL : accounts_setup_token(serve->node.accounts);
    /* Not through the log: a log is kept, and this is a secret. */
    if (token)
        fprintf(stderr,
                "There is no administrator yet. Within an hour, make one at\n    http://%s/setup?token=%s\n"
                "or with: parley user add NAME --admin\n",
                address, token);
}

/* ---- HTTP ---- */

static struct health_part home_health(const struct remote *remote)
{
    if (!remote_has_home(remote))
        return (struct health_part){"home", false, "the home node does not answer"};
    /* Nobody is served better by no home than by two. */
    return (struct health_part){
        "home", true,
        remote_has_other_home(remote) ? "another home speaks on this Redis with the same redis.prefix" : NULL};
}

static void http_arrived(void *context, const struct http_request *request)
{
    struct serve *serve = context;
    struct bus_stats bus;
    struct store_stats store = {.is_writable = true};
    if (openapi_is_path(request->path) &&
        (openapi_parts_answer(serve->parts, serve->http, request) || pages_answer(serve->pages, serve->http, request)))
        return;
    if (server_api_answer(serve->node.dispatch, serve->http, request) || rest_handle(serve->rest, request) ||
        hub_answer(serve->node.hub, serve->http, request))
        return;
    if (strcmp(request->path, "/metrics") == 0) {
        const struct metered metered = {&serve->node, serve->http, serve->bus, serve->remote, serve->watchdog};
        serve_metrics_answer(&metered, request);
        return;
    }
    bus_stats(serve->bus, &bus);
    if (serve->node.store)
        store_stats(serve->node.store, &store);
    struct health_part parts[] = {
        {"store", store.is_writable, store.is_writable ? NULL : "the last commit failed: is the disk full?"},
        {"bus", bus.is_up, bus.is_up ? NULL : "Redis does not answer; people on this node go on, other nodes wait"},
        home_health(serve->remote),
        {"serving", !serve->is_stopping, serve->is_stopping ? "this node is stopping" : NULL},
    };
    if (health_answer(serve->http, request, parts, ARRAY_LENGTH(parts)) ||
        pages_answer(serve->pages, serve->http, request))
        return;
    http_answer_problem(serve->http, request->id, STATUS_NOT_FOUND, NULL);
}

/* ---- the bus ---- */

static void bus_arrived(void *context, const char *channel, const char *bytes, size_t length)
{
    struct serve *serve = context;
    if (!remote_bus_message(serve->remote, channel, bytes, length))
        hub_bus_message(serve->node.hub, channel, bytes, length);
}

static void bus_changed(void *context, bool is_up)
{
    struct serve *serve = context;
    if (!serve->node.hub || !serve->remote)
        return;
    remote_bus_state(serve->remote, is_up);
    if (!serve->node.is_edge)
        return;
    if (is_up)
        hub_resume(serve->node.hub);
    else
        hub_suspend(serve->node.hub);
}

static void bus_heard(void *context, const char *channel, bool is_listening)
{
    struct serve *serve = context;
    hub_bus_listening(serve->node.hub, channel, is_listening);
}

static void node_lost(void *context, uint64_t node)
{
    hub_node_lost(((struct serve *)context)->node.hub, node);
}

static void home_is_new(void *context)
{
    hub_resume(((struct serve *)context)->node.hub);
}

static size_t connections_here(void *context)
{
    return hub_connections(((struct serve *)context)->node.hub);
}

/* ---- stopping ---- */

static void signal_arrived(uv_signal_t *handle, int number)
{
    struct serve *serve = handle->data;
    if (serve->is_stopping) {
        serve->is_stopped = true; /* asked twice: at once */
        return;
    }
    log_info("stopping", "%s: closing %zu connections",
             number == SIGINT   ? "SIGINT"
             : number == SIGHUP ? "SIGHUP"
                                : "SIGTERM",
             hub_connections(serve->node.hub));
    serve->is_stopping = true;
    http_stop_accepting(serve->http);
    hub_shutdown(serve->node.hub, serve->settings->stop_ms);
    /* Half a second more than the spread, for the last close frames to be answered. */
    serve->stop_by_ms = clock_monotonic_ms() + serve->settings->stop_ms + 500;
    uv_timer_start(&serve->stopping, stop_check, 0, 20);
}

/* Without workers nothing can be replaced while it goes on. A reload by mistake must not end the server; a terminal
 * that was closed does. */
static void hangup_arrived(uv_signal_t *handle, int number)
{
    struct serve *serve = handle->data;
    if (serve->had_terminal && !isatty(STDERR_FILENO))
        signal_arrived(handle, number);
    else
        log_warning("reload", "SIGHUP does nothing here: it restarts workers one by one, which `serve --workers=N` "
                              "makes; stop and start the server instead");
}

static void stop_check(uv_timer_t *timer)
{
    struct serve *serve = timer->data;
    bool is_quiet = hub_connections(serve->node.hub) == 0 && dispatch_in_flight(serve->node.dispatch) == 0 &&
                    http_is_quiet(serve->http);
    if (is_quiet || clock_monotonic_ms() >= serve->stop_by_ms)
        serve->is_stopped = true;
}

static void doors_close(struct serve *serve)
{
    struct node *node = &serve->node;
    node->ops = (struct ops){0}; /* what is answered from here on has no figures */
    /* What is queued is committed and answered while its doors are still there. */
    node_close_store(node);
    if (serve->remote)
        remote_stop(serve->remote);
    if (serve->http)
        http_close(serve->http);
    bus_close(serve->bus);
    watchdog_close(serve->watchdog);
    /* Last: a signal that comes during all this must not end the program in the middle. */
    uv_close((uv_handle_t *)&serve->terminate, NULL);
    signal(SIGTERM, SIG_IGN);
    uv_close((uv_handle_t *)&serve->interrupt, NULL);
    uv_close((uv_handle_t *)&serve->hangup, NULL);
    uv_close((uv_handle_t *)&serve->opening, NULL);
    uv_close((uv_handle_t *)&serve->stopping, NULL);
    node_close(node);
    if (serve->http)
        http_free(serve->http);
    rest_free(serve->rest);
    remote_free(serve->remote);
    pages_free(serve->pages);
    openapi_parts_free(serve->parts);
    free(serve->lists);
}
