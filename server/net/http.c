/* net/http.c: the front as a whole: opened, counted, closed. */
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/log.h"
#include "net/http_connection.h"

/* libwebsockets keeps a table of all possible descriptors: no more of them than could be of use. */
#define FILES_MAX   1000000
#define FILES_APART 64 /* for the store, the bus and the log */

#define ID_PREFIX_LENGTH 12 /* what tells the request ids of two processes apart */

static size_t files_raise(size_t connections_max);
static enum status parts_open(struct http *http, char *why, size_t why_size);
static void socket_accepted(void *context, int fd, const struct sockaddr_storage *peer);
static void websocket_released(void *context, struct gate_address *address);

enum status http_open(const struct http_options *options, uv_loop_t *loop, struct wheel *wheel, struct http **out,
                      char *why, size_t why_size)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        snprintf(why, why_size, "no memory");
        return STATUS_FAULT;
    }
    http->options = *options;
    http->limits = (struct http_limits){options->headers_max, options->body_bytes_max};
    random_id(http->id_prefix);
    http->id_prefix[ID_PREFIX_LENGTH] = '\0';
    http->loop = loop;
    streams_init(&http->streams);
    http->wheel = wheel;
    enum status status = parts_open(http, why, why_size);
    if (status != STATUS_OK) {
        http_close(http);
        http_free(http);
        return status;
    }
    *out = http;
    return STATUS_OK;
}

static enum status parts_open(struct http *http, char *why, size_t why_size)
{
    const struct http_options *options = &http->options;
    size_t files = files_raise(options->connections_max);
    size_t connections_max = files > FILES_APART * 2 ? files - FILES_APART : files / 2;
    if (options->connections_max > 0 && options->connections_max < connections_max)
        connections_max = options->connections_max;
    if (connections_max > HTTP_CONNECTIONS_MAX)
        connections_max = HTTP_CONNECTIONS_MAX;
    http->websocket_path = strdup(options->websocket_path);
    if (!http->websocket_path) {
        snprintf(why, why_size, "no memory");
        return STATUS_FAULT;
    }
    enum status status = gate_new(options->origins, options->proxies, connections_max,
                                  options->connections_per_address_max, &http->gate, why, why_size);
    struct websockets_options websockets = {
        .message_bytes_max = options->websocket_message_bytes_max,
        .handlers = options->websocket_handlers,
        .context = options->websocket_context,
        .released = websocket_released,
        .released_context = http,
    };
    if (status == STATUS_OK && !options->listens_later)
        status = http_listen(http, why, why_size);
    if (status == STATUS_OK && options->shell_path)
        status = listener_open_unix(http->loop, http->wheel, options->shell_path, socket_accepted, http,
                                    &http->shell_listener, why, why_size);
    /* Last, because it is the only part that needs the loop to run before it can be freed. */
    if (status == STATUS_OK)
        status = websockets_open(&websockets, http->loop, http->wheel, &http->websockets, why, why_size);
    return status;
}

enum status http_listen(struct http *http, char *why, size_t why_size)
{
    return listener_open_tcp(http->loop, http->wheel, http->options.address, http->options.is_shared, socket_accepted,
                             http, &http->listener, why, why_size);
}

/* As many descriptors as the system lets us have and we can use. Returns the limit. */
static size_t files_raise(size_t connections_max)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    rlim_t wanted = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    rlim_t needed = (rlim_t)connections_max + 1024;
    if (connections_max > 0 && needed < wanted)
        wanted = needed > limit.rlim_cur ? needed : limit.rlim_cur;
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = limit.rlim_max};
    if (wanted != limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit.rlim_cur = wanted;
    return (size_t)limit.rlim_cur;
}

static void socket_accepted(void *context, int fd, const struct sockaddr_storage *peer)
{
    http_connection_open(context, fd, peer);
}

static void websocket_released(void *context, struct gate_address *address)
{
    struct http *http = context;
    gate_release(http->gate, address);
}

int http_port(const struct http *http)
{
    return http->listener ? listener_port(http->listener) : 0;
}

void http_stats(const struct http *http, struct http_stats *stats)
{
    *stats = http->stats;
    stats->connections = http->connections;
    stats->connections_max = gate_count_max(http->gate);
    stats->streams = http->streams.count;
    stats->websockets = http->websockets ? websockets_count(http->websockets) : 0;
}

void http_stop_accepting(struct http *http)
{
    http->is_stopping = true;
    if (!http->is_closed)
        listener_drain(http->listener);
    listener_close(http->listener);
    listener_close(http->shell_listener);
    http->listener = NULL;
    http->shell_listener = NULL;
    for (size_t i = 0; i < http->slot_capacity; i++)
        if (http->slots[i])
            http_connection_stop(http->slots[i]);
}

bool http_is_quiet(const struct http *http)
{
    for (size_t i = 0; i < http->slot_capacity; i++)
        if (http->slots[i] && http->slots[i]->state != HTTP_LINGERING)
            return false;
    return true;
}

void http_close(struct http *http)
{
    if (!http || http->is_closed)
        return;
    http->is_closed = true;
    http_stop_accepting(http);
    for (size_t i = 0; i < http->slot_capacity; i++)
        if (http->slots[i])
            http_connection_close(http->slots[i]);
    streams_close(&http->streams);
    websockets_close(http->websockets);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    websockets_free(http->websockets);
    gate_free(http->gate);
    free(http->websocket_path);
    free(http->slots);
    free(http->free_slots);
    free(http);
}
