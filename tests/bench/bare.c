/* bare.c: the least a fan-out can cost: an epoll server that shakes hands and then, for each text that comes
 * in on /publish, sends that text to every socket that asked for /, one send() each. It has no rules, no
 * rooms and no queues: a socket that is full is waited for. The other benches are measured against it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"
#include "process.h"
#include "sha1.h"
#include "ws.h"

#define EVENTS_MAX     256
#define HEAD_BYTES_MAX 4096  /* of a handshake */
#define WAIT_MS        10000 /* for a full socket, before it is given up */
#define ACCEPT_SALT    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct client {
    int fd;
    size_t place; /* in the list of listeners; PLACE_NONE: not in it */
    bool is_open;
    bool is_publisher;
    size_t used;
    size_t capacity;
    unsigned char *bytes; /* what has come in and is not whole; only of those that still shake hands or publish */
};
#define PLACE_NONE SIZE_MAX

struct bare {
    int epoll;
    int listener;
    struct client **listeners;
    size_t listener_count, listener_capacity;
    unsigned char frame[WS_HEADER_BYTES_MAX + WS_FRAME_BYTES_MAX];
};

static bool bare_start(struct bare *bare, uint16_t port);
static void bare_run(struct bare *bare, int64_t deadline_ns);
static void bare_accept(struct bare *bare);
static bool client_read(struct bare *bare, struct client *client);
static bool client_shake_hands(struct bare *bare, struct client *client);
static bool client_read_frames(struct bare *bare, struct client *client);
static bool client_publish(struct bare *bare, struct client *publisher, const char *text, size_t length);
static bool fd_send(int fd, const unsigned char *bytes, size_t length);
static bool listener_add(struct bare *bare, struct client *client);
static void client_close(struct bare *bare, struct client *client);

int main(int argc, char **argv)
{
    int64_t port = 0, seconds = 600, cpu = -1;
    const struct option_row rows[] = {
        OPTION_INT_ROW("port", &port, 0, 65535, "port on 127.0.0.1; 0: any free one"),
        OPTION_INT_ROW("seconds", &seconds, 1, 86400, "stop by itself after this long"),
        OPTION_INT_ROW("cpu", &cpu, -1, 1023, "stay on this CPU; -1: on any"),
    };
    options_read(rows, sizeof rows / sizeof rows[0],
                 "bench-bare: a bare WebSocket fan-out, to compare with. Prints its address, then serves.", argc, argv);
    process_files_raise();
    if (cpu >= 0 && !process_pin(0, cpu))
        fprintf(stderr, "cannot stay on CPU %lld\n", (long long)cpu);
    struct bare *bare = calloc(1, sizeof *bare);
    if (!bare || !bare_start(bare, (uint16_t)port)) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%lld: %s\n", (long long)port, strerror(errno));
        return 1;
    }
    bare_run(bare, now_ns() + seconds * 1000000000);
    free(bare->listeners);
    free(bare);
    return 0; /* which closes what is still open */
}

static bool bare_start(struct bare *bare, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    bare->epoll = epoll_create1(EPOLL_CLOEXEC);
    bare->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (bare->epoll < 0 || bare->listener < 0 ||
        setsockopt(bare->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(bare->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(bare->listener, 4096) != 0 ||
        getsockname(bare->listener, (struct sockaddr *)&address, &size) != 0 ||
        epoll_ctl(bare->epoll, EPOLL_CTL_ADD, bare->listener, &event) != 0)
        return false;
    printf("listening on http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

static void bare_run(struct bare *bare, int64_t deadline_ns)
{
    while (now_ns() < deadline_ns) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(bare->epoll, events, EVENTS_MAX, 1000);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client)
                bare_accept(bare);
            else if (!client_read(bare, client))
                client_close(bare, client);
        }
    }
}

static void bare_accept(struct bare *bare)
{
    for (;;) {
        int fd = accept4(bare->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct client *client = calloc(1, sizeof *client);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (!client || epoll_ctl(bare->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(client);
            close(fd);
            continue;
        }
        *client = (struct client){.fd = fd, .place = PLACE_NONE};
    }
}

/* False: the connection has ended, or is to end. */
static bool client_read(struct bare *bare, struct client *client)
{
    if (client->is_open && !client->is_publisher) {
        /* Listeners say nothing that matters here. */
        char ignored[4096];
        ssize_t got = recv(client->fd, ignored, sizeof ignored, 0);
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    }
    size_t wanted = client->is_open ? sizeof bare->frame : HEAD_BYTES_MAX;
    if (client->capacity < wanted) {
        unsigned char *bytes = realloc(client->bytes, wanted);
        if (!bytes)
            return false;
        client->bytes = bytes;
        client->capacity = wanted;
    }
    ssize_t got = recv(client->fd, client->bytes + client->used, client->capacity - client->used, 0);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    client->used += (size_t)got;
    return client->is_open ? client_read_frames(bare, client) : client_shake_hands(bare, client);
}

/* Clients of ours wait for the answer, so nothing stands behind the head. */
static bool client_shake_hands(struct bare *bare, struct client *client)
{
    static const char key_name[] = "Sec-WebSocket-Key: ";
    const char *head = (const char *)client->bytes;
    if (!memmem(head, client->used, "\r\n\r\n", 4))
        return client->used < HEAD_BYTES_MAX;
    const char *key = memmem(head, client->used, key_name, sizeof key_name - 1);
    const char *key_end = key ? memmem(key, client->used - (size_t)(key - head), "\r\n", 2) : NULL;
    if (!key)
        return false;
    key += sizeof key_name - 1;

    char salted[128], accept[64], answer[256];
    unsigned char digest[SHA1_BYTES];
    int salted_length = snprintf(salted, sizeof salted, "%.*s" ACCEPT_SALT, (int)(key_end - key), key);
    if (salted_length < 0 || (size_t)salted_length >= sizeof salted)
        return false;
    sha1(salted, (size_t)salted_length, digest);
    sodium_bin2base64(accept, sizeof accept, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
    client->is_open = true;
    client->is_publisher = strncmp(head, "GET /publish ", 13) == 0;
    bool is_listener = strncmp(head, "GET / ", 6) == 0; /* any other path is idle company */
    client->used = 0;
    free(client->bytes);
    client->bytes = NULL;
    client->capacity = 0;
    if (is_listener && !listener_add(bare, client))
        return false;
    return fd_send(client->fd, (const unsigned char *)answer, (size_t)length);
}

static bool client_read_frames(struct bare *bare, struct client *client)
{
    size_t used = 0;
    struct ws_frame frame;
    enum ws_read result;
    while ((result = ws_frame_read(client->bytes + used, client->used - used, &frame)) == WS_READ_WHOLE) {
        unsigned char *payload = client->bytes + used + frame.header;
        if (frame.is_masked)
            ws_frame_mask(payload, frame.length, frame.mask);
        if (frame.opcode == WS_CLOSE)
            return false;
        if (frame.opcode == WS_TEXT && !client_publish(bare, client, (const char *)payload, frame.length))
            return false;
        used += frame.header + frame.length;
    }
    client->used -= used;
    memmove(client->bytes, client->bytes + used, client->used);
    return result != WS_READ_BROKEN;
}

/* The text is a number, a line end, and what all others are to get. The number comes back in the answer. */
static bool client_publish(struct bare *bare, struct client *publisher, const char *text, size_t length)
{
    const char *line_end = memchr(text, '\n', length);
    if (!line_end)
        return false;
    size_t payload_length = length - (size_t)(line_end + 1 - text);
    size_t header = ws_frame_header(bare->frame, WS_TEXT, payload_length, NULL);
    memcpy(bare->frame + header, line_end + 1, payload_length);
    for (size_t i = 0; i < bare->listener_count; i++)
        if (!fd_send(bare->listeners[i]->fd, bare->frame, header + payload_length))
            shutdown(bare->listeners[i]->fd, SHUT_RDWR); /* the loop finds its end and frees it */

    char answer[64];
    int answer_length = snprintf(answer, sizeof answer, "{\"id\":%lu,\"publish\":{}}", strtoul(text, NULL, 10));
    header = ws_frame_header(bare->frame, WS_TEXT, (size_t)answer_length, NULL);
    memcpy(bare->frame + header, answer, (size_t)answer_length);
    return fd_send(publisher->fd, bare->frame, header + (size_t)answer_length);
}

static bool fd_send(int fd, const unsigned char *bytes, size_t length)
{
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    while (sent != (ssize_t)length) {
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, WAIT_MS) != 1)
            return false;
        sent = send(fd, bytes, length, MSG_NOSIGNAL);
    }
    return true;
}

static bool listener_add(struct bare *bare, struct client *client)
{
    if (bare->listener_count == bare->listener_capacity) {
        size_t capacity = bare->listener_capacity ? 2 * bare->listener_capacity : 1024;
        struct client **listeners = realloc(bare->listeners, capacity * sizeof *listeners);
        if (!listeners)
            return false;
        bare->listeners = listeners;
        bare->listener_capacity = capacity;
    }
    client->place = bare->listener_count;
    bare->listeners[bare->listener_count++] = client;
    return true;
}

static void client_close(struct bare *bare, struct client *client)
{
    if (client->place != PLACE_NONE) {
        struct client *last = bare->listeners[--bare->listener_count];
        bare->listeners[client->place] = last;
        last->place = client->place;
    }
    close(client->fd);
    free(client->bytes);
    free(client);
}
