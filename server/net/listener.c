/* net/listener.c: accepting, also when the process is out of file descriptors. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/scope.h"

#define ACCEPTS_PER_TURN 64 /* the others have their turn before the rest of a storm */
#define BACKLOG          4096
#define DRAIN_MAX        65536 /* a storm must not keep a server from stopping */
#define PAUSE_MS         100   /* after an error that only time mends */
/* A peer that is gone without a word: the kernel gives up on unanswered bytes after this, and asks an idle
 * one. */
#define SILENCE_MS           30000
#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 10

struct listener {
    uv_poll_t poll;
    int fd;
    int spare_fd; /* closed for a moment to accept and refuse a connection when there is no other descriptor
                   */
    struct wheel *wheel;
    struct wheel_timer pause;
    listener_accepted *accepted;
    void *context;
    char *path; /* of a Unix socket */
};

static enum status listener_start(uv_loop_t *loop, struct wheel *wheel, int fd, const char *path,
                                  listener_accepted *accepted, void *context, struct listener **out, char *why,
                                  size_t why_size);
static struct addrinfo *address_find(const char *address, char *why, size_t why_size);
static int address_bind(const char *address, bool is_shared, char *why, size_t why_size);
static int socket_bind(const struct addrinfo *info, bool is_shared);
static int socket_port(int fd);
static bool unix_bind(int fd, const struct sockaddr_un *name, char *why, size_t why_size);
static bool unix_is_answered(const struct sockaddr_un *name);
static void listener_ready(uv_poll_t *poll, int status, int events);
static bool listener_accept(struct listener *listener);
static bool listener_failed(struct listener *listener, int error);
static void listener_refuse_one(struct listener *listener);
static void listener_resume(struct wheel_timer *timer);
static void socket_tune(int fd);
static void listener_closed(uv_handle_t *handle);

enum status listener_open_tcp(uv_loop_t *loop, struct wheel *wheel, const char *address, bool is_shared,
                              listener_accepted *accepted, void *context, struct listener **out, char *why,
                              size_t why_size)
{
    int fd = address_bind(address, is_shared, why, why_size);
    if (fd < 0)
        return STATUS_CONFLICT;
    return listener_start(loop, wheel, fd, NULL, accepted, context, out, why, why_size);
}

int listener_reserve(const char *address, int *port, char *why, size_t why_size)
{
    int on = 1;
    /* Bound without sharing, so that a server that is there already is noticed; those that come later may share, and
     * only they: the kernel refuses a port to whom does not ask to share it while it is listened on. */
    int fd = address_bind(address, false, why, why_size);
    if (fd < 0)
        return -1;
    *port = socket_port(fd);
    if (*port != 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0)
        return fd;
    snprintf(why, why_size, "cannot share %s: %s", address, strerror(errno));
    close(fd);
    return -1;
}

/* The descriptor, or -1 and what to do in @why. */
static int address_bind(const char *address, bool is_shared, char *why, size_t why_size)
{
    struct addrinfo *info = address_find(address, why, why_size);
    if (!info)
        return -1;
    int fd = socket_bind(info, is_shared);
    int error = errno;
    freeaddrinfo(info);
    if (fd < 0) {
        const char *hint = error == EADDRINUSE      ? "something else listens there: choose another http.address"
                           : error == EACCES        ? "ports below 1024 need a permission: choose another http.address"
                           : error == EADDRNOTAVAIL ? "this machine does not have that address"
                                                    : strerror(error);
        snprintf(why, why_size, "cannot listen on %s: %s", address, hint);
    }
    return fd;
}

enum status listener_open_unix(uv_loop_t *loop, struct wheel *wheel, const char *path, listener_accepted *accepted,
                               void *context, struct listener **out, char *why, size_t why_size)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        snprintf(why, why_size, "%s: the path of a socket has at most %zu characters", path, sizeof name.sun_path - 1);
        return STATUS_INVALID;
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* On Linux the file takes the mode of the socket, so nobody else can reach it even for a moment. */
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return STATUS_FAULT;
    }
    if (!unix_bind(fd, &name, why, why_size)) {
        close(fd);
        return STATUS_CONFLICT;
    }
    return listener_start(loop, wheel, fd, path, accepted, context, out, why, why_size);
}

static enum status listener_start(uv_loop_t *loop, struct wheel *wheel, int fd, const char *path,
                                  listener_accepted *accepted, void *context, struct listener **out, char *why,
                                  size_t why_size)
{
    struct listener *listener = calloc(1, sizeof *listener);
    char *path_copy = listener && path ? strdup(path) : NULL;
    bool has_memory = listener && (path_copy || !path);
    if (!has_memory || listen(fd, BACKLOG) != 0 || uv_poll_init(loop, &listener->poll, fd) != 0) {
        snprintf(why, why_size, "cannot listen: %s", has_memory ? strerror(errno) : "no memory");
        close(fd);
        free(path_copy);
        free(listener);
        return STATUS_FAULT;
    }
    listener->fd = fd;
    listener->path = path_copy;
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listener->wheel = wheel;
    listener->accepted = accepted;
    listener->context = context;
    listener->poll.data = listener;
    wheel_timer_init(&listener->pause, listener_resume);
    uv_poll_start(&listener->poll, UV_READABLE, listener_ready);
    *out = listener;
    return STATUS_OK;
}

/* Numbers only: a name would ask the network and wait for it. */
static struct addrinfo *address_find(const char *address, char *why, size_t why_size)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : sizeof host;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    if (length > 0 && length < sizeof host) {
        bool is_v6 = address[0] == '[' && length > 2 && address[length - 1] == ']';
        size_t skip = is_v6 ? 1 : 0;
        memcpy(host, address + skip, length - 2 * skip);
        host[length - 2 * skip] = '\0';
        bool is_plausible = is_v6 || !strchr(host, ':');
        if (is_plausible && colon[1] != '\0' && strlen(colon + 1) <= 5 && atoi(colon + 1) <= 65535 &&
            getaddrinfo(host, colon + 1, &hints, &info) == 0)
            return info;
    }
    snprintf(why, why_size, "\"%s\" is not an address and a port: write it as 127.0.0.1:8080 or [::1]:8080", address);
    return NULL;
}

/* The descriptor, or -1 and errno. */
static int socket_bind(const struct addrinfo *info, bool is_shared)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Workers share the port: the kernel spreads the connections. Nobody else does: two servers on one port by mistake
     * would each get half of the people. */
    if (is_shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    socket_tune(fd);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool unix_bind(int fd, const struct sockaddr_un *name, char *why, size_t why_size)
{
    if (bind(fd, (const struct sockaddr *)(const void *)name, sizeof *name) == 0)
        return true;
    if (errno == EADDRINUSE) {
        struct stat file;
        if (lstat(name->sun_path, &file) == 0 && !S_ISSOCK(file.st_mode)) {
            snprintf(why, why_size, "%s exists and is no socket: move it away", name->sun_path);
            return false;
        }
        if (unix_is_answered(name)) {
            snprintf(why, why_size, "another server already answers on %s: stop it first", name->sun_path);
            return false;
        }
        unlink(name->sun_path);
        if (bind(fd, (const struct sockaddr *)(const void *)name, sizeof *name) == 0)
            return true;
    }
    snprintf(why, why_size, "cannot make the socket %s: %s", name->sun_path, strerror(errno));
    return false;
}

static bool unix_is_answered(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool is_refused = connect(fd, (const struct sockaddr *)(const void *)name, sizeof *name) != 0 &&
                      (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    return !is_refused;
}

int listener_port(const struct listener *listener)
{
    return socket_port(listener->fd);
}

/* 0: it has none. */
static int socket_port(int fd)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (getsockname(fd, (struct sockaddr *)(void *)&name, &size) != 0)
        return 0;
    if (name.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
    return name.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)(void *)&name)->sin6_port) : 0;
}

/* A connection belongs to the listening socket that its handshake ended on, also where several share the port: what
 * still waits in a socket's queue when it is closed gets a reset, not another worker (unless the administrator has set
 * net.ipv4.tcp_migrate_req). Between the last accept4() and close() lie microseconds. */
void listener_drain(struct listener *listener)
{
    for (int i = 0; listener && i < DRAIN_MAX && listener_accept(listener); i++)
        continue;
}

void listener_close(struct listener *listener)
{
    if (!listener)
        return;
    wheel_cancel(listener->wheel, &listener->pause);
    uv_poll_stop(&listener->poll);
    close(listener->fd);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    if (listener->path)
        unlink(listener->path);
    uv_close((uv_handle_t *)&listener->poll, listener_closed);
}

static void listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    free(listener->path);
    free(listener);
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* accept4() says it better */
    (void)events;
    struct listener *listener = poll->data;
    for (int i = 0; i < ACCEPTS_PER_TURN && !uv_is_closing((uv_handle_t *)poll); i++)
        if (!listener_accept(listener))
            return;
}

/* False: nothing waits, or it must. */
static bool listener_accept(struct listener *listener)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(listener->fd, (struct sockaddr *)(void *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return listener_failed(listener, errno);
    listener->accepted(listener->context, fd, &peer);
    return true;
}

/* True: try the next one at once. */
static bool listener_failed(struct listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        /* Left in the backlog the connection would wake the loop for ever; with the spare descriptor it
         * is taken and dropped. */
        log_error_rarely("listener.full", "no file descriptor is left: raise the limit of open files");
        listener_refuse_one(listener);
        return listener->spare_fd >= 0;
    case ENOBUFS:
    case ENOMEM:
        log_error_rarely("listener.memory", "the kernel has no memory for a connection");
        break;
    default: /* the peer was gone before it was accepted, or its network was: no concern of ours */
        return true;
    }
    uv_poll_stop(&listener->poll);
    wheel_arm(listener->wheel, &listener->pause, PAUSE_MS);
    return false;
}

static void listener_refuse_one(struct listener *listener)
{
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (listener->spare_fd >= 0)
        return;
    uv_poll_stop(&listener->poll);
    wheel_arm(listener->wheel, &listener->pause, PAUSE_MS);
}

static void listener_resume(struct wheel_timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, pause);
    if (listener->spare_fd < 0)
        listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uv_poll_start(&listener->poll, UV_READABLE, listener_ready);
}

/* On Linux accepted sockets inherit all of these: nothing is left to do per connection. */
static void socket_tune(int fd)
{
    int on = 1, idle_s = KEEPALIVE_IDLE_S, interval_s = KEEPALIVE_INTERVAL_S;
    unsigned silence_ms = SILENCE_MS;
    /* None of them is vital: a kernel that refuses one still serves. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
}
