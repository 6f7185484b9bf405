/* tests/unit/net/echo_server.c: a server made of net/ only, for tests/api/net.test.mjs. It prints its port,
 * answers HTTP with what it understood, echoes WebSocket messages, and ends cleanly when its standard input
 * ends.
 *
 * Paths: /echo (JSON of the request), /later (the same, from a timer), /large?bytes=N (static), /stats,
 * /body (the body itself). WebSocket texts: "close", "flood N" (N bytes back), "hello" (what the upgrade
 * said), "pause" (stop reading for a moment); anything else is echoed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/random.h"
#include "net/frame.h"
#include "net/http.h"
#include "net/websocket.h"
#include "net/wheel.h"

#define LATER_MS    50
#define LARGE_BYTES (8 << 20)
#define QUEUE_MAX   4096

struct echo;
struct later {
    struct wheel_timer timer;
    struct list link;
    struct echo *echo;
    uint64_t id;
    struct buffer body;
};
struct peer {
    struct echo *echo;
    struct websocket *websocket;
    struct wheel_timer resume;
    struct frame *queue[QUEUE_MAX];
    size_t first, count;
    char hello[1024];
};
struct echo {
    uv_loop_t loop;
    uv_pipe_t input;
    struct wheel *wheel;
    struct http *http;
    char *large;
    struct list laters;
    uint64_t opened, closed, pongs, messages;
    uint16_t last_code;
    bool is_quiet; /* no queue per socket, for measuring memory */
};

static void request_came(void *context, const struct http_request *request)
{
    struct echo *echo = context;
    SCOPED(buffer_free) struct buffer body = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    struct http_answer answer = {.status = 200, .content_type = "application/json"};
    if (strcmp(request->path, "/large") == 0) {
        size_t bytes = http_query(request->query, "bytes", &value) ? (size_t)atol(value.bytes) : 1000;
        answer.content_type = "text/plain";
        answer.body = echo->large;
        answer.body_length = bytes < LARGE_BYTES ? bytes : LARGE_BYTES;
        answer.is_static = true;
        http_answer(echo->http, request->id, &answer);
        return;
    }
    if (strcmp(request->path, "/body") == 0) {
        answer.body = request->body;
        answer.body_length = request->body_length;
        http_answer(echo->http, request->id, &answer);
        return;
    }
    if (strcmp(request->path, "/problem") == 0) {
        http_answer_problem(echo->http, request->id, STATUS_TOO_MANY, NULL);
        return;
    }
    if (strcmp(request->path, "/stats") == 0) {
        struct http_stats stats;
        http_stats(echo->http, &stats);
        buffer_printf(&body,
                      "{\"connections\":%zu,\"websockets\":%zu,\"accepted\":%llu,\"requests\":%llu,\"refused\":%llu,"
                      "\"opened\":%llu,\"closed\":%llu,\"pongs\":%llu,\"messages\":%llu,\"last_code\":%u}",
                      stats.connections, stats.websockets, (unsigned long long)stats.accepted,
                      (unsigned long long)stats.requests, (unsigned long long)stats.refused,
                      (unsigned long long)echo->opened, (unsigned long long)echo->closed,
                      (unsigned long long)echo->pongs, (unsigned long long)echo->messages, echo->last_code);
    } else {
        char cookie[64] = "";
        http_cookie(request, "sid", cookie, sizeof cookie);
        const char *test = http_header(request, "x-test");
        buffer_text(&body, "{");
        buffer_json_member(&body, "method", http_method_text(request->method));
        buffer_char(&body, ',');
        buffer_json_member(&body, "path", request->path);
        buffer_char(&body, ',');
        buffer_json_member(&body, "query", request->query);
        buffer_char(&body, ',');
        buffer_json_member(&body, "peer", request->peer);
        buffer_char(&body, ',');
        buffer_json_member(&body, "cookie", cookie);
        buffer_char(&body, ',');
        buffer_json_member(&body, "test", test);
        buffer_printf(&body, ",\"length\":%zu,\"own\":%s,\"origin\":%s,\"secure\":%s,\"shell\":%s,\"ended\":%s}",
                      request->body_length, request->is_own_origin ? "true" : "false",
                      request->has_origin ? "true" : "false", request->is_secure ? "true" : "false",
                      request->is_shell ? "true" : "false",
                      request->body[request->body_length] == '\0' ? "true" : "false");
    }
    answer.body = body.bytes;
    answer.body_length = body.length;
    http_answer(echo->http, request->id, &answer);
}

static void later_free(struct later *later);

static void later_fire(struct wheel_timer *timer)
{
    struct later *later = container_of(timer, struct later, timer);
    struct http_answer answer = {
        .status = 200, .content_type = "text/plain", .body = later->body.bytes, .body_length = later->body.length};
    http_answer(later->echo->http, later->id, &answer);
    later_free(later);
}

static void later_free(struct later *later)
{
    list_remove(&later->link);
    buffer_free(&later->body);
    free(later);
}

static void request_or_later(void *context, const struct http_request *request)
{
    struct echo *echo = context;
    if (strcmp(request->path, "/later") != 0) {
        request_came(context, request);
        return;
    }
    struct later *later = calloc(1, sizeof *later);
    if (!later)
        abort();
    later->echo = echo;
    later->id = request->id;
    list_init(&later->link);
    list_append(&echo->laters, &later->link);
    buffer_printf(&later->body, "%s %s", request->query, request->body);
    wheel_timer_init(&later->timer, later_fire);
    wheel_arm(echo->wheel, &later->timer, LATER_MS);
}

static void peer_send(struct peer *peer, const char *text, size_t length)
{
    SCOPED(frame_unref) struct frame *frame = frame_new(text, length);
    if (!frame)
        abort();
    if (peer->count == 0 && websocket_write(peer->websocket, frame))
        return;
    if (peer->count == QUEUE_MAX)
        websocket_close(peer->websocket, 3008, "slow");
    else
        peer->queue[(peer->first + peer->count++) % QUEUE_MAX] = frame_ref(frame);
}

static void peer_resume(struct wheel_timer *timer)
{
    struct peer *peer = container_of(timer, struct peer, resume);
    websocket_pause(peer->websocket, false);
}

static void *socket_opened(void *context, struct websocket *websocket, const struct websocket_hello *hello)
{
    struct echo *echo = context;
    struct peer *peer = calloc(1, echo->is_quiet ? offsetof(struct peer, queue) : sizeof *peer);
    if (!peer)
        return NULL;
    peer->echo = echo;
    peer->websocket = websocket;
    wheel_timer_init(&peer->resume, peer_resume);
    if (!echo->is_quiet)
        snprintf(peer->hello, sizeof peer->hello, "peer=%s cookie=%s origin=%s query=%s secure=%d protobuf=%d ping=%d",
                 hello->peer, hello->cookie ? hello->cookie : "-", hello->origin ? hello->origin : "-", hello->query,
                 hello->is_secure, hello->wants_protobuf, hello->wants_frame_ping);
    if (strcmp(hello->query, "refuse") == 0) {
        websocket_close(websocket, 3000, "refused");
        free(peer);
        return NULL;
    }
    echo->opened++;
    return peer;
}

static void socket_message(void *context, char *text, size_t length)
{
    struct peer *peer = context;
    peer->echo->messages++;
    if (text[length] != '\0')
        abort();
    if (peer->echo->is_quiet)
        return;
    if (strcmp(text, "close") == 0) {
        websocket_close(peer->websocket, 4000, "as asked");
    } else if (strcmp(text, "hello") == 0) {
        peer_send(peer, peer->hello, strlen(peer->hello));
    } else if (strcmp(text, "ping") == 0) {
        websocket_ping(peer->websocket);
    } else if (strcmp(text, "pause") == 0) {
        websocket_pause(peer->websocket, true);
        wheel_arm(peer->echo->wheel, &peer->resume, LATER_MS);
    } else if (strncmp(text, "flood ", 6) == 0) {
        for (long left = atol(text + 6); left > 0; left -= 60000)
            peer_send(peer, peer->echo->large, (size_t)(left < 60000 ? left : 60000));
    } else {
        peer_send(peer, text, length);
    }
}

static void socket_writable(void *context)
{
    struct peer *peer = context;
    while (peer->count > 0 && websocket_write(peer->websocket, peer->queue[peer->first])) {
        frame_unref(peer->queue[peer->first]);
        peer->first = (peer->first + 1) % QUEUE_MAX;
        peer->count--;
    }
}

static void socket_pong(void *context)
{
    struct peer *peer = context;
    peer->echo->pongs++;
}

static void socket_closed(void *context, uint16_t code)
{
    struct peer *peer = context;
    peer->echo->closed++;
    peer->echo->last_code = code;
    wheel_cancel(peer->echo->wheel, &peer->resume);
    for (; !peer->echo->is_quiet && peer->count > 0; peer->count--) {
        frame_unref(peer->queue[peer->first]);
        peer->first = (peer->first + 1) % QUEUE_MAX;
    }
    free(peer);
}

static void input_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[64];
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void input_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct echo *echo = stream->data;
    (void)buffer;
    if (got >= 0)
        return;
    uv_close((uv_handle_t *)stream, NULL);
    http_close(echo->http);
    wheel_close(echo->wheel);
}

/* Options as name=value: address, header_ms, body_ms, idle_ms, connections, per_address, message, files,
 * hold, quiet, origin, proxy, shell. */
int main(int count, char **arguments)
{
    static const char *origins[8], *proxies[8];
    static const struct websocket_handlers handlers = {socket_opened, socket_message, socket_writable, socket_pong,
                                                       socket_closed};
    size_t origin_count = 0, proxy_count = 0;
    long held = 0;
    static struct echo echo;
    char address[64] = "127.0.0.1:0";
    struct http_options options = {
        .address = address,
        .origins = origins,
        .proxies = proxies,
        .header_bytes_max = 8192,
        .headers_max = 64,
        .body_bytes_max = 65536,
        .websocket_message_bytes_max = 65536,
        .header_ms = 10000,
        .body_ms = 30000,
        .idle_ms = 60000,
        .websocket_path = "/connection/websocket",
        .context = &echo,
        .request = request_or_later,
        .websocket_handlers = &handlers,
        .websocket_context = &echo,
    };
    for (int i = 1; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (!value)
            return 2;
        *value++ = '\0';
        const char *name = arguments[i];
        if (strcmp(name, "header_ms") == 0)
            options.header_ms = atol(value);
        else if (strcmp(name, "body_ms") == 0)
            options.body_ms = atol(value);
        else if (strcmp(name, "idle_ms") == 0)
            options.idle_ms = atol(value);
        else if (strcmp(name, "connections") == 0)
            options.connections_max = (size_t)atol(value);
        else if (strcmp(name, "per_address") == 0)
            options.connections_per_address_max = (size_t)atol(value);
        else if (strcmp(name, "message") == 0)
            options.websocket_message_bytes_max = (size_t)atol(value);
        else if (strcmp(name, "quiet") == 0)
            echo.is_quiet = true;
        else if (strcmp(name, "hold") == 0) /* descriptors that something else has taken */
            held = atol(value);
        else if (strcmp(name, "shell") == 0)
            options.shell_path = value;
        else if (strcmp(name, "origin") == 0 && origin_count < 7)
            origins[origin_count++] = value;
        else if (strcmp(name, "proxy") == 0 && proxy_count < 7)
            proxies[proxy_count++] = value;
        else if (strcmp(name, "address") == 0)
            snprintf(address, sizeof address, "%s", value);
        else if (strcmp(name, "files") == 0) {
            struct rlimit limit = {(rlim_t)atol(value), (rlim_t)atol(value)};
            setrlimit(RLIMIT_NOFILE, &limit);
        } else
            return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    log_open(LOG_LEVEL_WARNING, false);
    if (!random_open())
        return 1;
    echo.large = malloc(LARGE_BYTES + 1);
    if (!echo.large)
        return 1;
    for (size_t i = 0; i < LARGE_BYTES; i++)
        echo.large[i] = (char)('a' + i % 26);
    echo.large[LARGE_BYTES] = '\0';
    list_init(&echo.laters);
    uv_loop_init(&echo.loop);
    echo.wheel = wheel_open(&echo.loop);
    char why[256] = "";
    if (!echo.wheel || http_open(&options, &echo.loop, echo.wheel, &echo.http, why, sizeof why) != STATUS_OK) {
        fprintf(stderr, "%s\n", why);
        wheel_close(echo.wheel);
        uv_run(&echo.loop, UV_RUN_DEFAULT);
        free(echo.large);
        return uv_loop_close(&echo.loop) == 0 ? 3 : 4;
    }
    uv_pipe_init(&echo.loop, &echo.input, 0);
    uv_pipe_open(&echo.input, 0);
    echo.input.data = &echo;
    uv_read_start((uv_stream_t *)&echo.input, input_buffer, input_read);
    for (int fd; held > 0; held--)
        if ((fd = dup(0)) < 0)
            return 6;
    printf("%d\n", http_port(echo.http));
    fflush(stdout);
    uv_run(&echo.loop, UV_RUN_DEFAULT);
    http_free(echo.http);
    LIST_EACH_SAFE (&echo.laters, link)
        later_free(container_of(link, struct later, link));
    free(echo.large);
    return uv_loop_close(&echo.loop) == 0 && echo.opened == echo.closed ? 0 : 5;
}
