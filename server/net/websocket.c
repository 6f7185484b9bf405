/* net/websocket.c: the only file that knows libwebsockets. It reads frames for us and owns the socket; we
 * keep it from everything else: it sees one request that we wrote, its timers are off, and what goes out are
 * our frames. */
#include "net/websocket.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "net/websocket_meter.h"
#include "net/websockets.h"

/* Bytes of a message that libwebsockets collects per socket, and of one read: the one lever on memory. Most
 * commands fit; 512 would take an idle socket over 2 KB. */
#define RX_BYTES             384
#define TX_BYTES             (1 << 20) /* never cut a write that the kernel would take whole */
#define REQUEST_SIZE         512
#define MESSAGE_MS           30000 /* for a whole message from its first piece */
#define CLOSE_MS             2000  /* for the peer to answer a close frame */
#define CONTROL_FRAMES_PER_S 10
#define PATROL_MS            1000
#define PATROL_SOCKETS       500 /* looked at per patrol, in turn */

struct websocket {
    struct lws *wsi; /* what a write touches comes first */
    int fd;
    bool is_open;     /* `opened` was told and `closed` not yet */
    bool is_closing;  /* a close frame went out or came in: nothing more is written or delivered */
    bool is_busy;     /* a write was refused: `writable` is owed */
    bool is_draining; /* libwebsockets may call SERVER_WRITEABLE for its own sake */
    struct websockets *websockets;
    struct gate_address *address;
    void *peer;
    struct list link;         /* in websockets->open */
    struct wheel_timer timer; /* for a whole message, or for the answer to our close frame */
    struct buffer message;    /* pieces so far; empty between messages */
    struct websocket_meter meter;
    int64_t control_since_ms; /* when the counting of control frames began anew */
    uint32_t control_frames;
    uint16_t close_code; /* the peer's; 1006: none */
};

/* A socket on its way from HTTP to libwebsockets. */
struct adoption {
    int fd;
    const struct websocket_hello *hello;
    struct gate_address *address;
    uint64_t received;
    bool is_taken; /* a websocket came of it */
};

struct websockets {
    struct websockets_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct wheel *wheel;
    uv_prepare_t guard;
    struct wheel_timer patrol;
    struct list open;
    size_t count;
    struct adoption *adoption; /* the one under way */
    char *text;                /* a message in one piece is handed over from here */
    void *foreign_loops[1];
    bool is_closed;
};

static enum status context_open(struct websockets *websockets, char *why, size_t why_size);
static void lws_log(int level, const char *line);
static void guard_check(uv_prepare_t *guard);
static void guard_closed(uv_handle_t *handle);
static int lws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
static int socket_opened(struct lws *wsi, struct websocket *websocket);
static int socket_received(struct websocket *websocket, const char *piece, size_t length);
static void message_piece(struct websocket *websocket, const char *piece, size_t length, bool is_last);
static void message_done(struct websocket *websocket);
static void socket_writable(struct websocket *websocket);
static int socket_peer_closes(struct websocket *websocket, const unsigned char *payload, size_t length);
static void socket_gone(struct websocket *websocket);
static void control_came(struct websocket *websocket);
static void control_count(struct websocket *websocket, uint32_t frames);
static void socket_write(struct websocket *websocket, const unsigned char *bytes, size_t length);
static void socket_write_first(struct websocket *websocket, const unsigned char *bytes, size_t length);
static void socket_write_behind(struct websocket *websocket, const unsigned char *bytes, size_t length);
static void socket_kill(struct websocket *websocket);
static void socket_late(struct wheel_timer *timer);
static void patrol_walk(struct wheel_timer *timer);

/* libwebsockets drops a handshake whose subprotocol it does not know; it is offered only these. */
static const struct lws_protocols lws_protocol_table[] = {
    {.name = "default",
     .callback = lws_event,
     .per_session_data_size = sizeof(struct websocket),
     .rx_buffer_size = RX_BYTES,
     .tx_packet_size = TX_BYTES},
    {.name = "centrifuge-json",
     .callback = lws_event,
     .per_session_data_size = sizeof(struct websocket),
     .rx_buffer_size = RX_BYTES,
     .tx_packet_size = TX_BYTES},
    {.name = "centrifuge-protobuf",
     .callback = lws_event,
     .per_session_data_size = sizeof(struct websocket),
     .rx_buffer_size = RX_BYTES,
     .tx_packet_size = TX_BYTES},
    {0},
};
/* All zero: no pings and no validity timers, which cost time in proportion to all sockets. */
static const lws_retry_bo_t no_retry;

enum status websockets_open(const struct websockets_options *options, uv_loop_t *loop, struct wheel *wheel,
                            struct websockets **out, char *why, size_t why_size)
{
    struct websockets *websockets = calloc(1, sizeof *websockets);
    char *text = malloc(options->message_bytes_max + 1);
    if (!websockets || !text) {
        free(websockets);
        free(text);
        snprintf(why, why_size, "no memory");
        return STATUS_FAULT;
    }
    websockets->options = *options;
    websockets->text = text;
    websockets->wheel = wheel;
    websockets->foreign_loops[0] = loop;
    list_init(&websockets->open);
    wheel_timer_init(&websockets->patrol, patrol_walk);
    enum status status = context_open(websockets, why, why_size);
    if (status != STATUS_OK) {
        free(text);
        free(websockets);
        return status;
    }
    uv_prepare_init(loop, &websockets->guard);
    websockets->guard.data = websockets;
    uv_prepare_start(&websockets->guard, guard_check);
    *out = websockets;
    return STATUS_OK;
}

static enum status context_open(struct websockets *websockets, char *why, size_t why_size)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = lws_protocol_table,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6,
        .foreign_loops = websockets->foreign_loops,
        .pcontext = &websockets->context,
        .retry_and_idle_policy = &no_retry,
        .timeout_secs = CLOSE_MS / 1000,
        .user = websockets,
        .vhost_name = "parley",
    };
    lws_set_log_level(LLL_ERR, lws_log);
    websockets->context = lws_create_context(&info);
    websockets->vhost = websockets->context ? lws_get_vhost_by_name(websockets->context, "parley") : NULL;
    if (websockets->vhost)
        return STATUS_OK;
    snprintf(why, why_size, "libwebsockets does not start: is its libuv plugin (libwebsockets-evlib-uv) installed?");
    return STATUS_FAULT;
}

/* Clients can provoke these lines, and each adoption writes one: few are kept. */
static void lws_log(int level, const char *line)
{
    (void)level;
    static struct log_rate rate;
    bool is_noise = strstr(line, "calling service") || strstr(line, "lws_libuv_stop");
    if (!is_noise && log_may(&rate))
        log_warning("websocket.library", "%.*s", (int)strcspn(line, "\r\n"), line);
}

/* Bytes that libwebsockets put aside while a socket was paused, or that came behind the handshake, bring no
 * event of their own: before the loop sleeps, see that it is woken for them. */
static void guard_check(uv_prepare_t *guard)
{
    struct websockets *websockets = guard->data;
    if (lws_service_adjust_timeout(websockets->context, 1, 0) == 0)
        lws_cancel_service(websockets->context);
}

size_t websockets_count(const struct websockets *websockets)
{
    return websockets->count;
}

void websockets_adopt(struct websockets *websockets, int fd, const struct websocket_upgrade *upgrade,
                      const struct websocket_hello *hello, struct gate_address *address)
{
    struct adoption adoption = {.fd = fd, .hello = hello, .address = address, .received = upgrade->received};
    char head[REQUEST_SIZE];
    int head_length = snprintf(head, sizeof head,
                               "GET / HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                               upgrade->key, upgrade->protocol ? "Sec-WebSocket-Protocol: " : "",
                               upgrade->protocol ? upgrade->protocol : "", upgrade->protocol ? "\r\n" : "");
    SCOPED(buffer_free) struct buffer request = {0};
    buffer_append(&request, head, (size_t)head_length);
    buffer_append(&request, upgrade->rest, upgrade->rest_length);
    if (request.has_failed || websockets->is_closed) {
        close(fd);
    } else {
        websockets->adoption = &adoption;
        struct lws *wsi = lws_adopt_socket_vhost_readbuf(websockets->vhost, fd, request.bytes, request.length);
        websockets->adoption = NULL;
        /* The request is whole, so the socket is open by now, or gone. If libwebsockets put it off for want
         * of memory, there is nobody left to open it for. */
        if (wsi && !adoption.is_taken) {
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
            lws_cancel_service(websockets->context);
        }
    }
    if (!adoption.is_taken)
        websockets->options.released(websockets->options.released_context, address);
}

static int lws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct websocket *websocket = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return socket_opened(wsi, websocket);
    case LWS_CALLBACK_RECEIVE:
        return socket_received(websocket, in, length);
    case LWS_CALLBACK_RECEIVE_PONG:
        control_came(websocket);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (websocket->is_open)
            socket_writable(websocket);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return socket_peer_closes(websocket, in, length);
    case LWS_CALLBACK_CLOSED: /* also without ESTABLISHED before it */
        if (websocket && websocket->is_open)
            socket_gone(websocket);
        return 0;
    case LWS_CALLBACK_HTTP: /* never: what is adopted is an upgrade */
    case LWS_CALLBACK_RAW_ADOPT:
        return -1;
    default:
        return 0;
    }
}

static int socket_opened(struct lws *wsi, struct websocket *websocket)
{
    struct websockets *websockets = lws_context_user(lws_get_context(wsi));
    struct adoption *adoption = websockets->adoption;
    if (!adoption || adoption->fd != lws_get_socket_fd(wsi))
        return -1;
    websocket->wsi = wsi;
    websocket->fd = adoption->fd;
    websocket->websockets = websockets;
    websocket->close_code = 1006;
    list_init(&websocket->link);
    wheel_timer_init(&websocket->timer, socket_late);
    websocket_meter_start(&websocket->meter, adoption->received);
    websocket->peer = websockets->options.handlers->opened(websockets->options.context, websocket, adoption->hello);
    if (!websocket->peer) {
        wheel_cancel(websockets->wheel, &websocket->timer); /* it may have been closed meanwhile */
        return -1;
    }
    adoption->is_taken = true;
    websocket->address = adoption->address;
    websocket->is_open = true;
    list_append(&websockets->open, &websocket->link);
    if (websockets->count++ == 0)
        wheel_arm(websockets->wheel, &websockets->patrol, PATROL_MS);
    return 0;
}

/* A piece of a message, at most RX_BYTES. @piece may be NULL if it is empty. */
static int socket_received(struct websocket *websocket, const char *piece, size_t length)
{
    struct lws *wsi = websocket->wsi;
    size_t remaining = lws_remaining_packet_payload(wsi);
    bool is_last = remaining == 0 && lws_is_final_fragment(wsi);
    websocket_meter_piece(&websocket->meter, length, remaining);
    if (websocket->is_closing)
        return 0;
    size_t limit = websocket->websockets->options.message_bytes_max;
    if (lws_frame_is_binary(wsi))
        websocket_close(websocket, 3501, "only text is taken");
    else if (remaining > limit || websocket->message.length + length + remaining > limit)
        websocket_close(websocket, 1009, "message too big");
    else
        message_piece(websocket, piece, length, is_last);
    return 0;
}

static void message_piece(struct websocket *websocket, const char *piece, size_t length, bool is_last)
{
    struct websockets *websockets = websocket->websockets;
    if (is_last && websocket->message.length == 0) {
        /* The usual message, in one piece, costs no memory of its own. */
        wheel_cancel(websockets->wheel, &websocket->timer);
        if (length > 0)
            memcpy(websockets->text, piece, length);
        websockets->text[length] = '\0';
        websockets->options.handlers->message(websocket->peer, websockets->text, length);
        return;
    }
    /* The time runs from the first piece, also through empty ones. */
    if (!wheel_is_armed(&websocket->timer))
        wheel_arm(websockets->wheel, &websocket->timer, MESSAGE_MS);
    buffer_append(&websocket->message, piece, length);
    if (websocket->message.has_failed) {
        log_error_rarely("websocket.memory", "no memory for a message");
        websocket_close(websocket, 3004, "internal server error");
    } else if (is_last) {
        message_done(websocket);
    }
}

static void message_done(struct websocket *websocket)
{
    struct buffer message = websocket->message;
    websocket->message = (struct buffer){0};
    wheel_cancel(websocket->websockets->wheel, &websocket->timer);
    websocket->websockets->options.handlers->message(websocket->peer, message.bytes, message.length);
    buffer_free(&message);
}

/* libwebsockets calls when we asked for it, when it has written out what it held back, and once after each
 * pong it sent: the only trace of a ping that it lets us see. */
static void socket_writable(struct websocket *websocket)
{
    if (!websocket->is_busy && !websocket->is_draining)
        control_came(websocket);
    websocket->is_draining = false;
    if (websocket->is_closing || !websocket->is_busy)
        return;
    websocket->is_busy = false;
    websocket->websockets->options.handlers->writable(websocket->peer);
}

static int socket_peer_closes(struct websocket *websocket, const unsigned char *payload, size_t length)
{
    websocket->close_code = (uint16_t)(length >= 2 ? payload[0] << 8 | payload[1] : 1005);
    if (websocket->is_closing)
        return -1; /* the answer to ours: done */
    websocket->is_closing = true;
    buffer_free(&websocket->message);
    wheel_arm(websocket->websockets->wheel, &websocket->timer, CLOSE_MS);
    return 0; /* libwebsockets answers it */
}

static void socket_gone(struct websocket *websocket)
{
    struct websockets *websockets = websocket->websockets;
    websocket->is_open = false;
    websocket->is_closing = true;
    list_remove(&websocket->link);
    wheel_cancel(websockets->wheel, &websocket->timer);
    buffer_free(&websocket->message);
    if (--websockets->count == 0)
        wheel_cancel(websockets->wheel, &websockets->patrol);
    websockets->options.handlers->closed(websocket->peer, websocket->close_code);
    websockets->options.released(websockets->options.released_context, websocket->address);
}

static void control_came(struct websocket *websocket)
{
    control_count(websocket, 1);
    if (!websocket->is_closing)
        websocket->websockets->options.handlers->pong(websocket->peer);
}

static void control_count(struct websocket *websocket, uint32_t frames)
{
    if (!websocket->is_open || websocket->is_closing)
        return;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - websocket->control_since_ms >= 1000) {
        websocket->control_since_ms = now_ms;
        websocket->control_frames = 0;
    }
    websocket->control_frames += frames;
    if (websocket->control_frames > CONTROL_FRAMES_PER_S)
        websocket_close(websocket, 3013, "too many control frames");
}

bool websocket_write(struct websocket *websocket, struct frame *frame)
{
    if (websocket->is_closing)
        return false;
    if (lws_partial_buffered(websocket->wsi)) {
        websocket->is_busy = true;
        lws_callback_on_writable(websocket->wsi);
        return false;
    }
    socket_write_first(websocket, frame->bytes, frame->length);
    return true;
}

void websocket_prefetch(const struct websocket *websocket)
{
    __builtin_prefetch(websocket);
}

void websocket_prefetch_rest(const struct websocket *websocket)
{
    /* To ask is to bring it: only libwebsockets knows where it keeps the answer. */
    if (lws_partial_buffered(websocket->wsi))
        return;
}

bool websocket_is_clear(const struct websocket *websocket)
{
    return !lws_partial_buffered(websocket->wsi);
}

void websocket_close(struct websocket *websocket, uint16_t code, const char *reason)
{
    if (websocket->is_closing)
        return;
    websocket->is_closing = true;
    buffer_free(&websocket->message);
    SCOPED(frame_unref) struct frame *frame = frame_close(code, reason);
    if (frame)
        socket_write(websocket, frame->bytes, frame->length);
    /* A paused socket would never see the answer. */
    lws_rx_flow_control(websocket->wsi, 1);
    wheel_arm(websocket->websockets->wheel, &websocket->timer, CLOSE_MS);
}

bool websocket_is_closing(const struct websocket *websocket)
{
    return websocket->is_closing;
}

void websocket_ping(struct websocket *websocket)
{
    /* Not empty: libwebsockets never reports a pong without a payload. */
    static const unsigned char ping[] = {0x89, 1, 'p'};
    /* A peer that does not take what is buffered would not see the ping either. */
    if (!websocket->is_closing && !lws_partial_buffered(websocket->wsi))
        socket_write(websocket, ping, sizeof ping);
}

void websocket_pause(struct websocket *websocket, bool is_paused)
{
    if (websocket->is_closing)
        return;
    lws_rx_flow_control(websocket->wsi, is_paused ? 0 : 1);
    websocket->is_draining = true; /* input that was put aside comes back by way of SERVER_WRITEABLE */
}

/* Past libwebsockets' framing, but behind what it holds back. */
static void socket_write(struct websocket *websocket, const unsigned char *bytes, size_t length)
{
    if (lws_partial_buffered(websocket->wsi))
        socket_write_behind(websocket, bytes, length);
    else
        socket_write_first(websocket, bytes, length);
}

/* With nothing in front of it a write goes straight to the kernel: the library's own way to the same call costs half a
 * microsecond more, for each listener of each event. What the kernel does not take, or an error, is the library's
 * business as before. */
static void socket_write_first(struct websocket *websocket, const unsigned char *bytes, size_t length)
{
    /* Not send(): where there are several threads glibc puts two atomic operations around it, so that they can be
     * cancelled, and nobody cancels them here. */
    ssize_t sent = syscall(SYS_sendto, websocket->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    if (sent == (ssize_t)length)
        return;
    size_t taken = sent > 0 ? (size_t)sent : 0;
    socket_write_behind(websocket, bytes + taken, length - taken);
}

static void socket_write_behind(struct websocket *websocket, const unsigned char *bytes, size_t length)
{
    /* LWS_WRITE_RAW only reads the bytes, though its type does not say so. */
    if (lws_write(websocket->wsi, (unsigned char *)(uintptr_t)bytes, length, LWS_WRITE_RAW) < 0) {
        websocket->is_closing = true;
        socket_kill(websocket);
    } else if (lws_partial_buffered(websocket->wsi)) {
        websocket->is_draining = true;
    }
}

/* Drop the socket soon, never inside this call. */
static void socket_kill(struct websocket *websocket)
{
    lws_set_timeout(websocket->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    /* libwebsockets looks at its timeouts only when it is woken. */
    lws_cancel_service(websocket->websockets->context);
}

static void socket_late(struct wheel_timer *timer)
{
    struct websocket *websocket = container_of(timer, struct websocket, timer);
    if (websocket->is_closing)
        socket_kill(websocket);
    else
        websocket_close(websocket, 3501, "the message took too long");
}

/* Floods of pings drown the one trace that socket_writable() looks for, and unmasked frames leave none; both
 * show in the difference between bytes received and bytes delivered. */
static void patrol_walk(struct wheel_timer *timer)
{
    struct websockets *websockets = container_of(timer, struct websockets, patrol);
    size_t left = websockets->count < PATROL_SOCKETS ? websockets->count : PATROL_SOCKETS;
    while (left-- > 0) {
        struct websocket *websocket = container_of(list_take_first(&websockets->open), struct websocket, link);
        list_append(&websockets->open, &websocket->link);
        if (websocket->is_closing)
            continue;
        uint32_t frames = 0;
        if (!websocket_meter_check(&websocket->meter, lws_get_socket_fd(websocket->wsi), &frames))
            websocket_close(websocket, 1002, "frames of a client are masked");
        else if (frames > 0)
            control_count(websocket, frames);
    }
    if (websockets->count > 0)
        wheel_arm(websockets->wheel, &websockets->patrol, PATROL_MS);
}

void websockets_close(struct websockets *websockets)
{
    if (!websockets || websockets->is_closed)
        return;
    websockets->is_closed = true;
    uv_prepare_stop(&websockets->guard);
    uv_close((uv_handle_t *)&websockets->guard, guard_closed);
    wheel_cancel(websockets->wheel, &websockets->patrol);
    lws_context_destroy(websockets->context);
}

static void guard_closed(uv_handle_t *handle)
{
    (void)handle; /* freed with the rest */
}

void websockets_free(struct websockets *websockets)
{
    if (!websockets)
        return;
    /* With a foreign loop the first call only starts the closing; this one frees. */
    if (websockets->context)
        lws_context_destroy(websockets->context);
    free(websockets->text);
    free(websockets);
}
