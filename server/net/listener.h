/* net/listener.h: a listening socket, TCP or Unix, that hands on what it accepts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>
#include "base/status.h"
#include "net/wheel.h"

struct listener;
/* An accepted socket, non-blocking and close-on-exec; the handler owns @fd. */
typedef void listener_accepted(void *context, int fd, const struct sockaddr_storage *peer);

/* @address: "127.0.0.1:8080", "[::1]:8080", port 0 for any. @is_shared: with others that share it too, such as the
 * holder of a reservation. errors: what to do in @why */
enum status listener_open_tcp(uv_loop_t *loop, struct wheel *wheel, const char *address, bool is_shared,
                              listener_accepted *accepted, void *context, struct listener **out, char *why,
                              size_t why_size);
/**
 * Take @address for processes that will share it, and refuse it to all others; nobody listens there yet.
 * owns    the descriptor returned, to be closed when the last of them has ended; -1: what to do is in @why
 * units   *port is the one that was really taken
 */
int listener_reserve(const char *address, int *port, char *why, size_t why_size);
/* A Unix socket at @path for its owner only; a file left behind by a server that died is replaced. */
enum status listener_open_unix(uv_loop_t *loop, struct wheel *wheel, const char *path, listener_accepted *accepted,
                               void *context, struct listener **out, char *why, size_t why_size);
/* The port of a TCP listener. */
int listener_port(const struct listener *listener);
/* Accept what waits already: to be called before a listener in use is closed. */
void listener_drain(struct listener *listener);
/* Stop listening and free it, once the loop has run; removes the file of a Unix socket. NULL is fine. */
void listener_close(struct listener *listener);
