/* net/gate.h: who may come in: the number of connections in all and per address, which proxies are believed,
 * which origins' pages may connect. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "base/status.h"
#include "net/http_parse.h"

struct gate;
struct gate_address; /* one client address and how many connections it holds */

#define GATE_PEER_SIZE 46 /* the text of an address and the NUL */

/* errors: @why names the origin or proxy that is not one */
enum status gate_new(const char *const *origins, const char *const *proxies, size_t connections_max,
                     size_t per_address_max, struct gate **out, char *why, size_t why_size);
void gate_free(struct gate *gate);

/* A connection from @peer. *address is counted for it (NULL if addresses are not counted: a proxy, a local
 * socket). False: too many; nothing is counted. */
bool gate_admit(struct gate *gate, const struct sockaddr_storage *peer, struct gate_address **address);
/* The same address for a client behind a proxy, told by its text; the connection itself is counted already.
 */
bool gate_admit_forwarded(struct gate *gate, const char *peer, struct gate_address **address);
/* A connection is gone, and the address it was counted for. */
void gate_release(struct gate *gate, struct gate_address *address);
size_t gate_count(const struct gate *gate);
size_t gate_count_max(const struct gate *gate);

bool gate_is_proxy(const struct gate *gate, const struct sockaddr_storage *peer);
/* The text of @peer. */
void gate_peer_text(const struct sockaddr_storage *peer, char text[GATE_PEER_SIZE]);
/* The client behind a believed proxy: the last address of X-Forwarded-For that is no proxy. False: none. */
bool gate_forwarded_for(const struct gate *gate, const struct http_headers *headers, char text[GATE_PEER_SIZE]);
/* @origin is scheme, host and port of @host itself (NULL: none), or in the allow-list. */
bool gate_origin_is_allowed(const struct gate *gate, const char *origin, const char *host, bool is_secure);
/* @origin is in the allow-list: pages of another site that may use the API with their visitors' cookies. */
bool gate_origin_is_listed(const struct gate *gate, const char *origin);
bool gate_has_listed_origins(const struct gate *gate);
