/* ws.c: WebSocket clients on one epoll loop. */
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX        256
#define HEAD_BYTES_MAX    8192    /* the server's answer to a handshake */
#define WAITING_BYTES_MAX 1048576 /* what may wait for a server that does not read */

/* The key is always the sample of RFC 6455, so the right answer to it is known as well. */
#define HANDSHAKE_KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum ws_state { WS_CONNECTING, WS_HANDSHAKE, WS_OPEN, WS_CLOSED };

struct ws_loop {
    int epoll;
    int64_t now_ns;
    /* All connections read into the same memory: an idle one holds none. */
    unsigned char bytes[2 * WS_FRAME_BYTES_MAX];
};

struct ws {
    struct ws_loop *loop;
    const struct ws_handlers *handlers;
    void *owner;
    int fd;
    enum ws_state state;
    unsigned char *rest; /* the start of a frame (or of the server's answer) whose end has not come */
    size_t rest_length;
    unsigned char *waiting; /* what the kernel did not take yet */
    size_t waiting_length;
};

static void ws_handle(struct ws *ws, uint32_t events);
static void ws_connected(struct ws *ws);
static void ws_read(struct ws *ws);
static size_t ws_read_head(struct ws *ws, const unsigned char *bytes, size_t length);
static size_t ws_read_frames(struct ws *ws, unsigned char *bytes, size_t length);
static void ws_read_frame(struct ws *ws, const struct ws_frame *frame, const char *payload);
static bool ws_send_frame(struct ws *ws, enum ws_opcode opcode, const char *payload, size_t length);
static bool ws_write(struct ws *ws, const unsigned char *bytes, size_t length);
static void ws_flush(struct ws *ws);
static void ws_watch(struct ws *ws, uint32_t events);
static void ws_end(struct ws *ws, unsigned code, const char *reason);

enum ws_read ws_frame_read(const unsigned char *bytes, size_t available, struct ws_frame *frame)
{
    if (available < 2)
        return WS_READ_MORE;
    size_t length = bytes[1] & 0x7fU;
    size_t header = 2;
    if (length >= 126) {
        size_t more = length == 126 ? 2 : 8;
        if (available < header + more)
            return WS_READ_MORE;
        uint64_t value = 0;
        for (size_t i = 0; i < more; i++)
            value = value << 8 | bytes[header + i];
        if (value > WS_FRAME_BYTES_MAX)
            return WS_READ_BROKEN;
        length = (size_t)value;
        header += more;
    }
    frame->opcode = bytes[0] & 0x0fU;
    frame->is_final = bytes[0] & 0x80U;
    frame->is_masked = bytes[1] & 0x80U;
    if (frame->is_masked) {
        if (available < header + 4)
            return WS_READ_MORE;
        memcpy(frame->mask, bytes + header, 4);
        header += 4;
    }
    frame->header = header;
    frame->length = length;
    return available - header < length ? WS_READ_MORE : WS_READ_WHOLE;
}

size_t ws_frame_header(unsigned char out[WS_HEADER_BYTES_MAX], enum ws_opcode opcode, size_t length,
                       const unsigned char *mask)
{
    size_t header = 2;
    out[0] = (unsigned char)(0x80U | opcode);
    if (length < 126) {
        out[1] = (unsigned char)length;
    } else if (length < 65536) {
        out[1] = 126;
        out[header++] = (unsigned char)(length >> 8);
        out[header++] = (unsigned char)length;
    } else {
        out[1] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[header++] = (unsigned char)((uint64_t)length >> shift);
    }
    if (mask) {
        out[1] |= 0x80U;
        memcpy(out + header, mask, 4);
        header += 4;
    }
    return header;
}

void ws_frame_mask(unsigned char *bytes, size_t length, const unsigned char mask[4])
{
    for (size_t i = 0; i < length; i++)
        bytes[i] ^= mask[i % 4];
}

struct ws_loop *ws_loop_new(void)
{
    struct ws_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        free(loop);
        return NULL;
    }
    loop->now_ns = now_ns();
    return loop;
}

void ws_loop_free(struct ws_loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll);
    free(loop);
}

int64_t ws_loop_now_ns(const struct ws_loop *loop)
{
    return loop->now_ns;
}

void ws_loop_run(struct ws_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(loop->epoll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++)
        ws_handle(events[i].data.ptr, events[i].events);
}

struct ws *ws_connect(struct ws_loop *loop, const struct ws_request *request, const struct ws_handlers *handlers,
                      void *owner, char *why, size_t why_size)
{
    struct ws *ws = calloc(1, sizeof *ws);
    char *head = NULL;
    /* The server may insist on an Origin of its own when a cookie comes along. */
    int head_length = asprintf(&head,
                               "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: " HANDSHAKE_KEY "\r\n"
                               "Origin: http://%s:%u\r\n%s%s%s\r\n",
                               request->path, request->host, request->port, request->host, request->port,
                               request->cookie ? "Cookie: " : "", request->cookie ? request->cookie : "",
                               request->cookie ? "\r\n" : "");
    if (!ws || head_length < 0) {
        snprintf(why, why_size, "no memory for a connection");
        free(ws);
        free(head_length < 0 ? NULL : head);
        return NULL;
    }
    *ws = (struct ws){.loop = loop,
                      .handlers = handlers,
                      .owner = owner,
                      .state = WS_CONNECTING,
                      .waiting = (unsigned char *)head,
                      .waiting_length = (size_t)head_length};

    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + request->source)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(request->port)};
    ws->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_good = ws->fd >= 0 && inet_pton(AF_INET, request->host, &to.sin_addr) == 1;
    if (is_good && request->source > 0)
        is_good = setsockopt(ws->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
                  bind(ws->fd, (struct sockaddr *)&from, sizeof from) == 0;
    is_good = is_good && setsockopt(ws->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    if (is_good)
        is_good = connect(ws->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = ws};
    if (!is_good || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, ws->fd, &event) != 0) {
        snprintf(why, why_size, "cannot connect to %s:%u: %s", request->host, request->port, strerror(errno));
        ws_free(ws);
        return NULL;
    }
    return ws;
}

bool ws_send(struct ws *ws, const char *text, size_t length)
{
    return ws->state == WS_OPEN && ws_send_frame(ws, WS_TEXT, text, length);
}

void ws_free(struct ws *ws)
{
    if (!ws)
        return;
    if (ws->fd >= 0)
        close(ws->fd);
    free(ws->rest);
    free(ws->waiting);
    free(ws);
}

static void ws_handle(struct ws *ws, uint32_t events)
{
    if (ws->state == WS_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        ws_connected(ws);
    else if (ws->state != WS_CLOSED && (events & EPOLLOUT))
        ws_flush(ws);
    if (ws->state != WS_CLOSED && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        ws_read(ws);
}

static void ws_connected(struct ws *ws)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(ws->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        ws_end(ws, 0, strerror(error));
        return;
    }
    ws->state = WS_HANDSHAKE;
    ws_flush(ws);
}

/* One recv() for each wake-up: what is left wakes the loop again, and no connection starves the others. */
static void ws_read(struct ws *ws)
{
    unsigned char *bytes = ws->loop->bytes;
    if (ws->rest_length > 0)
        memcpy(bytes, ws->rest, ws->rest_length);
    ssize_t got = recv(ws->fd, bytes + ws->rest_length, sizeof ws->loop->bytes - ws->rest_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        ws_end(ws, 0, got == 0 ? "the server closed the connection" : strerror(errno));
        return;
    }
    ws->loop->now_ns = now_ns();
    size_t length = ws->rest_length + (size_t)got;
    size_t used = ws->state == WS_HANDSHAKE ? ws_read_head(ws, bytes, length) : 0;
    if (ws->state == WS_OPEN)
        used += ws_read_frames(ws, bytes + used, length - used);
    if (ws->state == WS_CLOSED)
        return;

    size_t left = length - used;
    if (left > 0) {
        unsigned char *rest = realloc(ws->rest, left);
        if (!rest) {
            ws_end(ws, 0, "no memory");
            return;
        }
        memcpy(rest, bytes + used, left);
        ws->rest = rest;
    } else {
        free(ws->rest);
        ws->rest = NULL;
    }
    ws->rest_length = left;
}

/* The answer to the handshake. Returns what was used: all of the head, or nothing if it is not whole. */
static size_t ws_read_head(struct ws *ws, const unsigned char *bytes, size_t length)
{
    const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) {
        if (length > HEAD_BYTES_MAX)
            ws_end(ws, 0, "the answer to the handshake is too long");
        return 0;
    }
    size_t head = (size_t)(end - bytes) + 4;
    if (head < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0) {
        /* The status line and the body say why: on one line. */
        char reason[400];
        const unsigned char *line_end = memchr(bytes, '\r', length);
        snprintf(reason, sizeof reason, "%.*s %.*s", (int)(line_end - bytes), (const char *)bytes, (int)(length - head),
                 (const char *)bytes + head);
        ws_end(ws, 0, reason);
        return 0;
    }
    if (!memmem(bytes, head, HANDSHAKE_ACCEPT, sizeof HANDSHAKE_ACCEPT - 1)) {
        ws_end(ws, 0, "the answer to the handshake has a wrong Sec-WebSocket-Accept");
        return 0;
    }
    ws->state = WS_OPEN;
    if (ws->handlers->opened)
        ws->handlers->opened(ws->owner);
    return head;
}

static size_t ws_read_frames(struct ws *ws, unsigned char *bytes, size_t length)
{
    size_t used = 0;
    while (ws->state == WS_OPEN) {
        struct ws_frame frame;
        enum ws_read result = ws_frame_read(bytes + used, length - used, &frame);
        if (result == WS_READ_MORE)
            break;
        if (result == WS_READ_BROKEN || frame.is_masked || !frame.is_final) {
            ws_end(ws, 0, "the server sent a frame that is masked, in fragments or too long");
            break;
        }
        ws_read_frame(ws, &frame, (const char *)bytes + used + frame.header);
        used += frame.header + frame.length;
    }
    return used;
}

static void ws_read_frame(struct ws *ws, const struct ws_frame *frame, const char *payload)
{
    if (frame->opcode == WS_TEXT) {
        if (ws->handlers->text)
            ws->handlers->text(ws->owner, payload, frame->length);
    } else if (frame->opcode == WS_PING) {
        ws_send_frame(ws, WS_PONG, payload, frame->length);
    } else if (frame->opcode == WS_CLOSE) {
        char reason[128] = "";
        unsigned code = 0;
        if (frame->length >= 2) {
            code = (unsigned)(unsigned char)payload[0] << 8 | (unsigned char)payload[1];
            snprintf(reason, sizeof reason, "%.*s", (int)frame->length - 2, payload + 2);
        }
        ws_end(ws, code, reason);
    }
}

/* The mask is fixed: it guards caches on the way against chosen bytes, and there are none on loopback. */
static bool ws_send_frame(struct ws *ws, enum ws_opcode opcode, const char *payload, size_t length)
{
    static const unsigned char mask[4] = {0x5a, 0x17, 0xc3, 0x88};
    static unsigned char frame[WS_HEADER_BYTES_MAX + WS_FRAME_BYTES_MAX];
    if (length > WS_FRAME_BYTES_MAX)
        return false;
    size_t header = ws_frame_header(frame, opcode, length, mask);
    memcpy(frame + header, payload, length);
    ws_frame_mask(frame + header, length, mask);
    return ws_write(ws, frame, header + length);
}

static bool ws_write(struct ws *ws, const unsigned char *bytes, size_t length)
{
    size_t sent = 0;
    if (ws->waiting_length == 0) {
        ssize_t result = send(ws->fd, bytes, length, MSG_NOSIGNAL);
        if (result < 0 && errno != EAGAIN && errno != EINTR)
            return false; /* the loop will find the end of the connection and tell the owner */
        sent = result < 0 ? 0 : (size_t)result;
        if (sent == length)
            return true;
    }
    size_t left = length - sent;
    if (ws->waiting_length + left > WAITING_BYTES_MAX)
        return false;
    unsigned char *waiting = realloc(ws->waiting, ws->waiting_length + left);
    if (!waiting)
        return false;
    memcpy(waiting + ws->waiting_length, bytes + sent, left);
    ws->waiting = waiting;
    ws->waiting_length += left;
    ws_watch(ws, EPOLLIN | EPOLLOUT);
    return true;
}

static void ws_flush(struct ws *ws)
{
    ssize_t result = send(ws->fd, ws->waiting, ws->waiting_length, MSG_NOSIGNAL);
    if (result < 0) {
        if (errno != EAGAIN && errno != EINTR)
            ws_end(ws, 0, strerror(errno));
        return;
    }
    ws->waiting_length -= (size_t)result;
    if (ws->waiting_length > 0) {
        memmove(ws->waiting, ws->waiting + result, ws->waiting_length);
        return;
    }
    free(ws->waiting);
    ws->waiting = NULL;
    ws_watch(ws, EPOLLIN);
}

static void ws_watch(struct ws *ws, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = ws};
    epoll_ctl(ws->loop->epoll, EPOLL_CTL_MOD, ws->fd, &event);
}

static void ws_end(struct ws *ws, unsigned code, const char *reason)
{
    close(ws->fd); /* which also takes it out of the epoll set */
    ws->fd = -1;
    ws->state = WS_CLOSED;
    if (ws->handlers->closed)
        ws->handlers->closed(ws->owner, code, reason);
}
