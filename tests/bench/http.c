/* http.c: a closed loop of HTTP requests on epoll, without a library in between: what is measured is the server. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

#define ANSWER_BYTES_MAX (1 << 20)
#define EVENTS_MAX       64
#define SILENCE_MS       10000

struct client {
    int fd;
    int64_t sent_ns;
    size_t used;
    char *bytes; /* the answer so far */
    char request[1024];
    size_t request_length;
};
struct run {
    const struct http_load *load;
    struct http_result *result;
    struct client *clients;
    int epoll;
    bool is_over;
};

static bool clients_open(struct run *run);
static bool client_open(struct run *run, struct client *client);
static bool client_ask(struct run *run, struct client *client);
static bool client_read(struct run *run, struct client *client);
static void clients_close(struct run *run);
static bool fail(struct run *run, const char *why);

void http_run(const struct http_load *load, struct http_result *result)
{
    struct run run = {.load = load, .result = result, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    *result = (struct http_result){0};
    run.clients = calloc(load->connections, sizeof *run.clients);
    if (!run.clients || run.epoll < 0)
        fail(&run, "no memory");
    else if (clients_open(&run)) {
        struct epoll_event events[EVENTS_MAX];
        int64_t start_ns = now_ns(), end_ns = start_ns + load->ms * 1000000;
        for (size_t i = 0; i < load->connections && !run.is_over; i++)
            client_ask(&run, &run.clients[i]);
        while (!run.is_over && now_ns() < end_ns) {
            int count = epoll_wait(run.epoll, events, EVENTS_MAX, SILENCE_MS);
            if (count == 0)
                fail(&run, "no answer for 10 s");
            for (int i = 0; i < count && !run.is_over; i++)
                client_read(&run, events[i].data.ptr);
        }
        result->busy_ns = now_ns() - start_ns;
    }
    clients_close(&run);
}

static bool fail(struct run *run, const char *why)
{
    snprintf(run->result->why, sizeof run->result->why, "%s", why);
    run->is_over = true;
    return false;
}

static bool clients_open(struct run *run)
{
    for (size_t i = 0; i < run->load->connections; i++)
        run->clients[i].fd = -1;
    for (size_t i = 0; i < run->load->connections; i++) {
        struct client *client = &run->clients[i];
        const struct cookies *cookies = run->load->cookies;
        const char *cookie = cookies->count ? cookies->lines[i % cookies->count] : NULL;
        client->request_length =
            (size_t)snprintf(client->request, sizeof client->request, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n%s%s%s\r\n",
                             run->load->path, run->load->target.host, run->load->target.port, cookie ? "Cookie: " : "",
                             cookie ? cookie : "", cookie ? "\r\n" : "");
        if (client->request_length >= sizeof client->request)
            return fail(run, "the request is too long");
        if (!client_open(run, client))
            return false;
    }
    return true;
}

static bool client_open(struct run *run, struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(run->load->target.port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    int yes = 1;
    inet_pton(AF_INET, run->load->target.host, &address.sin_addr);
    client->bytes = malloc(ANSWER_BYTES_MAX + 1);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!client->bytes || client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(run, strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return epoll_ctl(run->epoll, EPOLL_CTL_ADD, client->fd, &event) == 0 || fail(run, strerror(errno));
}

static bool client_ask(struct run *run, struct client *client)
{
    client->used = 0;
    client->sent_ns = now_ns();
    /* A small request always fits into an empty socket buffer. */
    if (send(client->fd, client->request, client->request_length, MSG_NOSIGNAL) != (ssize_t)client->request_length)
        return fail(run, "a request could not be sent");
    return true;
}

/* The length of the whole answer; 0: its headers are not complete. */
static size_t answer_length(const struct client *client)
{
    const char *end = strstr(client->bytes, "\r\n\r\n");
    if (!end)
        return 0;
    const char *length = strcasestr(client->bytes, "\r\ncontent-length:");
    size_t head = (size_t)(end - client->bytes) + 4;
    return length && length < end ? head + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : head;
}

static bool client_read(struct run *run, struct client *client)
{
    ssize_t got = recv(client->fd, client->bytes + client->used, ANSWER_BYTES_MAX - client->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return fail(run, "the server closed a connection, or an answer is too long");
    client->used += (size_t)got;
    client->bytes[client->used] = '\0';
    size_t length = answer_length(client);
    if (!length || client->used < length)
        return true;
    struct http_result *result = run->result;
    if (strncmp(client->bytes, "HTTP/1.1 200", 12) == 0) {
        result->answers++;
        histogram_record(&result->latency, now_ns() - client->sent_ns);
    } else if (result->others++ == 0) {
        snprintf(result->why, sizeof result->why, "%.190s", client->bytes);
    }
    result->bytes += length;
    return client_ask(run, client);
}

static void clients_close(struct run *run)
{
    for (size_t i = 0; run->clients && i < run->load->connections; i++) {
        if (run->clients[i].fd > 0)
            close(run->clients[i].fd);
        free(run->clients[i].bytes);
    }
    free(run->clients);
    if (run->epoll >= 0)
        close(run->epoll);
}
