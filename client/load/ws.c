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

#include "target.h"

#define EVENTS_MAX        512
#define READ_BYTES        262144
#define HEAD_BYTES_MAX    8192     /* the server's answer to a handshake */
#define FRAME_BYTES_MAX   16777216 /* a recovery comes in one frame */
#define WAITING_BYTES_MAX 4194304  /* what may wait for a server that does not read */

/* The key is always the sample of RFC 6455, so the right answer to it is known as well. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum state { CONNECTING, HANDSHAKE, OPEN, ENDED };
enum opcode { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

struct ws {
    struct ws_loop *loop;
    void *owner;
    struct ws *next; /* of those that have something to write, or that have ended */
    int fd;
    enum state state;
    bool is_waiting;  /* in that list */
    bool is_blocked;  /* the kernel took no more */
    struct buffer in; /* the start of a frame, or of the answer to the handshake, whose end has not come */
    struct buffer out;
};

static void loop_flush(struct ws_loop *loop);
static void ws_handle(struct ws *ws, uint32_t events);
static void ws_read(struct ws *ws);
static size_t head_read(struct ws *ws, const char *bytes, size_t length);
static size_t frames_read(struct ws *ws, const unsigned char *bytes, size_t length);
static size_t frame_read(struct ws *ws, const unsigned char *bytes, size_t length);
static void control_read(struct ws *ws, unsigned opcode, const char *payload, size_t length);
static void frame_append(struct ws *ws, enum opcode opcode, const char *payload, size_t length);
static void ws_wait(struct ws *ws);
static void ws_write(struct ws *ws);
static void ws_end(struct ws *ws, unsigned code, const char *reason);
static void ws_drop(struct ws *ws);

bool ws_loop_open(struct ws_loop *loop, const struct target *target, const struct ws_handlers *handlers, int control)
{
    *loop = (struct ws_loop){.epoll = epoll_create1(EPOLL_CLOEXEC),
                             .control = control,
                             .target = target,
                             .handlers = *handlers,
                             .now_ns = now_ns(),
                             .seed = (uint64_t)now_ns() | 1,
                             .sources = 1,
                             .bytes = malloc(READ_BYTES)};
    struct epoll_event event = {.events = EPOLLIN};
    return loop->epoll >= 0 && loop->bytes && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, control, &event) == 0;
}

void ws_loop_close(struct ws_loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->bytes);
}

bool ws_loop_run(struct ws_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    bool is_called = false;
    /* What the owner said since the last turn leaves before we wait. */
    loop_flush(loop);
    int count = epoll_wait(loop->epoll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            ws_handle(events[i].data.ptr, events[i].events);
        else
            is_called = true;
    }
    loop_flush(loop);
    /* Only now can no event of this turn point at them any more. */
    for (struct ws *ws; (ws = loop->ended);) {
        loop->ended = ws->next;
        buffer_free(&ws->in);
        free(ws);
    }
    return is_called;
}

static void loop_flush(struct ws_loop *loop)
{
    for (struct ws *ws; (ws = loop->waiting);) {
        loop->waiting = ws->next;
        ws->is_waiting = false;
        ws_write(ws);
    }
}

struct ws *ws_connect(struct ws_loop *loop, const char *head, uint32_t source, void *owner)
{
    const struct target *target = loop->target;
    struct ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return NULL;
    *ws = (struct ws){.loop = loop, .owner = owner, .state = CONNECTING, .is_blocked = true};
    /* The server insists on an Origin of its own when a cookie comes along. */
    buffer_printf(&ws->out,
                  "GET /connection/websocket HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n%s\r\n",
                  target->authority, target->authority, head);
    int on = 1;
    ws->fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_good = ws->fd >= 0 && !ws->out.has_failed;
    if (is_good && loop->sources > 1) {
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % loop->sources)};
        is_good = setsockopt(ws->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
                  bind(ws->fd, (struct sockaddr *)&from, sizeof from) == 0;
    }
    is_good = is_good && setsockopt(ws->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
              (connect(ws->fd, (const struct sockaddr *)&target->address, target->address_length) == 0 ||
               errno == EINPROGRESS);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = ws};
    if (is_good && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, ws->fd, &event) == 0)
        return ws;
    int error = errno;
    if (ws->fd >= 0)
        close(ws->fd);
    buffer_free(&ws->out);
    free(ws);
    errno = error;
    return NULL;
}

void ws_send(struct ws *ws, const char *text, size_t length)
{
    if (ws->state == OPEN)
        frame_append(ws, TEXT, text, length);
}

void ws_cut(struct ws *ws)
{
    if (!ws || ws->state == ENDED)
        return;
    /* A reset instead of a farewell: thousands of ports in TIME_WAIT would soon be all there are. */
    struct linger at_once = {.l_onoff = 1};
    setsockopt(ws->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ws_drop(ws);
}

static void ws_handle(struct ws *ws, uint32_t events)
{
    if (ws->state == CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(ws->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            ws_end(ws, 0, strerror(error));
            return;
        }
        ws->state = HANDSHAKE;
    }
    if (ws->state != ENDED && (events & EPOLLOUT))
        ws_write(ws);
    if (ws->state != ENDED && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        ws_read(ws);
}

/* One recv() for each wake-up: what is left wakes the loop again, and no socket starves the others. */
static void ws_read(struct ws *ws)
{
    struct ws_loop *loop = ws->loop;
    bool has_rest = ws->in.length > 0;
    if (has_rest && !buffer_reserve(&ws->in, READ_BYTES)) {
        ws_end(ws, 0, "no memory");
        return;
    }
    ssize_t got = recv(ws->fd, has_rest ? ws->in.bytes + ws->in.length : (char *)loop->bytes, READ_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        ws_end(ws, 0, got == 0 ? "the server closed the connection" : strerror(errno));
        return;
    }
    loop->now_ns = now_ns();
    loop->bytes_in += (uint64_t)got;
    if (has_rest)
        ws->in.length += (size_t)got;
    const unsigned char *bytes = has_rest ? (const unsigned char *)ws->in.bytes : loop->bytes;
    size_t length = has_rest ? ws->in.length : (size_t)got, used = 0;
    if (ws->state == HANDSHAKE)
        used = head_read(ws, (const char *)bytes, length);
    if (ws->state == OPEN)
        used += frames_read(ws, bytes + used, length - used);
    if (ws->state == ENDED)
        return;
    if (has_rest && used < length) {
        buffer_consume(&ws->in, used);
    } else {
        if (has_rest)
            buffer_free(&ws->in);
        if (used < length)
            buffer_append(&ws->in, bytes + used, length - used);
    }
    if (ws->in.has_failed)
        ws_end(ws, 0, "no memory");
}

/* The answer to the handshake. Returns what was used: all of the head, or nothing if it is not whole. */
static size_t head_read(struct ws *ws, const char *bytes, size_t length)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) {
        if (length > HEAD_BYTES_MAX)
            ws_end(ws, 0, "the answer to the handshake is too long");
        return 0;
    }
    size_t head = (size_t)(end - bytes) + 4;
    if (head < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0) {
        /* The status line, and what the body says: on one line. */
        char reason[300];
        const char *line_end = memchr(bytes, '\r', length);
        const char *detail = memmem(bytes, length, "\"detail\":\"", 10);
        int rest = detail ? (int)(bytes + length - detail) : 0;
        snprintf(reason, sizeof reason, "%.*s %.*s", (int)(line_end - bytes), bytes, rest > 200 ? 200 : rest,
                 detail ? detail : "");
        ws_end(ws, 0, reason);
        return 0;
    }
    if (!memmem(bytes, head, ACCEPT, sizeof ACCEPT - 1)) {
        ws_end(ws, 0, "the answer to the handshake has a wrong Sec-WebSocket-Accept");
        return 0;
    }
    ws->state = OPEN;
    ws->loop->handlers.opened(ws->owner);
    return head;
}

static size_t frames_read(struct ws *ws, const unsigned char *bytes, size_t length)
{
    size_t used = 0;
    while (ws->state == OPEN) {
        size_t frame = frame_read(ws, bytes + used, length - used);
        if (frame == 0)
            break;
        used += frame;
    }
    return used;
}

/* The frame that begins at @bytes; returns its length, 0 if more is needed. */
static size_t frame_read(struct ws *ws, const unsigned char *bytes, size_t length)
{
    if (length < 2)
        return 0;
    size_t more = (bytes[1] & 0x7fU) == 127 ? 8 : (bytes[1] & 0x7fU) == 126 ? 2 : 0, head = 2 + more;
    uint64_t payload = more ? 0 : bytes[1] & 0x7fU;
    if (length < head)
        return 0;
    for (size_t i = 0; i < more; i++)
        payload = payload << 8 | bytes[2 + i];
    /* A server masks nothing, and this one sends no fragments. */
    if ((bytes[0] & 0xf0U) != 0x80U || (bytes[1] & 0x80U) || payload > FRAME_BYTES_MAX) {
        ws_end(ws, 0, "the server sent a frame that is masked, in fragments or too long");
        return 0;
    }
    if (length - head < payload)
        return 0;
    if ((bytes[0] & 0x0fU) == TEXT)
        ws->loop->handlers.text(ws->owner, (const char *)bytes + head, (size_t)payload);
    else
        control_read(ws, bytes[0] & 0x0fU, (const char *)bytes + head, (size_t)payload);
    return head + (size_t)payload;
}

static void control_read(struct ws *ws, unsigned opcode, const char *payload, size_t length)
{
    if (opcode == PING) {
        frame_append(ws, PONG, payload, length < 125 ? length : 125);
    } else if (opcode == CLOSE) {
        char reason[128] = "";
        unsigned code = 0;
        if (length >= 2) {
            code = (unsigned)(unsigned char)payload[0] << 8 | (unsigned char)payload[1];
            snprintf(reason, sizeof reason, "%.*s", length > 125 ? 123 : (int)length - 2, payload + 2);
        }
        ws_end(ws, code, reason);
    }
}

static void frame_append(struct ws *ws, enum opcode opcode, const char *payload, size_t length)
{
    unsigned char head[14] = {(unsigned char)(0x80U | opcode)}, mask[4];
    size_t size = 2, more = length < 126 ? 0 : length < 65536 ? 2 : 8;
    head[1] = (unsigned char)(0x80U | (more == 0 ? length : more == 2 ? 126 : 127));
    for (size_t i = more; i-- > 0;)
        head[size++] = (unsigned char)((uint64_t)length >> (8 * i));
    uint64_t *seed = &ws->loop->seed; /* xorshift: what it guards against are caches, not people */
    *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
    memcpy(mask, seed, sizeof mask);
    memcpy(head + size, mask, sizeof mask);
    size += sizeof mask;

    if (ws->out.length + size + length > WAITING_BYTES_MAX || !buffer_reserve(&ws->out, size + length)) {
        ws_end(ws, 0, "the server does not read what is sent to it");
        return;
    }
    buffer_append(&ws->out, head, size);
    buffer_append(&ws->out, payload, length);
    unsigned char *masked = (unsigned char *)ws->out.bytes + ws->out.length - length;
    for (size_t i = 0; i < length; i++)
        masked[i] ^= mask[i % 4];
    ws_wait(ws);
}

static void ws_wait(struct ws *ws)
{
    if (ws->is_waiting || ws->is_blocked)
        return;
    ws->is_waiting = true;
    ws->next = ws->loop->waiting;
    ws->loop->waiting = ws;
}

static void ws_write(struct ws *ws)
{
    ssize_t sent = ws->out.length > 0 ? send(ws->fd, ws->out.bytes, ws->out.length, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        ws_end(ws, 0, strerror(errno));
        return;
    }
    if (sent > 0)
        buffer_consume(&ws->out, (size_t)sent);
    bool is_blocked = ws->out.length > 0;
    if (!is_blocked)
        buffer_free(&ws->out);
    if (is_blocked != ws->is_blocked) {
        struct epoll_event event = {.events = is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = ws};
        epoll_ctl(ws->loop->epoll, EPOLL_CTL_MOD, ws->fd, &event);
        ws->is_blocked = is_blocked;
    }
}

static void ws_end(struct ws *ws, unsigned code, const char *reason)
{
    struct ws_loop *loop = ws->loop;
    void *owner = ws->owner;
    if (ws->state == ENDED)
        return;
    ws_drop(ws);
    loop->handlers.closed(owner, code, reason);
}

/* Its memory is given back at the end of the turn. */
static void ws_drop(struct ws *ws)
{
    struct ws_loop *loop = ws->loop;
    close(ws->fd); /* which also takes it out of the epoll set */
    ws->state = ENDED;
    if (ws->is_waiting) {
        struct ws **link = &loop->waiting;
        while (*link != ws)
            link = &(*link)->next;
        *link = ws->next;
        ws->is_waiting = false;
    }
    buffer_free(&ws->out);
    /* The caller may still be reading what lies in ws->in, which goes with the rest. */
    ws->next = loop->ended;
    loop->ended = ws;
}
