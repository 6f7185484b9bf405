/* net/gate.c: limits, proxies and origins. */
#include "net/gate.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/log.h"
#include "lib/scope.h"

#define ADDRESS_BYTES 16  /* an IPv6 address; IPv4 is mapped into it */
#define ORIGIN_SIZE   300 /* scheme, host and port, and the NUL; what is longer is nobody's origin */

struct address {
    unsigned char bytes[ADDRESS_BYTES];
};
struct gate_address {
    struct address key; /* the network counted: an IPv4 address, or 64 bits of an IPv6 one */
    size_t count;
};
struct gate {
    struct text_map *addresses;
    size_t count, connections_max, per_address_max;
    char **origins; /* lower case, default ports left out */
    size_t origin_count;
    struct address *proxies;
    size_t proxy_count;
};

DEFINE_SCOPED(struct gate *, gate_free)

static bool origins_read(struct gate *gate, const char *const *origins, char *why, size_t why_size);
static bool proxies_read(struct gate *gate, const char *const *proxies, char *why, size_t why_size);
static bool origin_make(char origin[ORIGIN_SIZE], const char *host, bool is_secure);
static bool address_of_peer(const struct sockaddr_storage *peer, struct address *address);
static bool address_of_text(const char *text, size_t length, struct address *address);
static bool address_is_proxy(const struct gate *gate, const struct address *address);
static bool address_is_v4(const struct address *address);
static void address_text(const struct address *address, char text[GATE_PEER_SIZE]);
static bool address_count(struct gate *gate, const struct address *address, struct gate_address **out);

enum status gate_new(const char *const *origins, const char *const *proxies, size_t connections_max,
                     size_t per_address_max, struct gate **out, char *why, size_t why_size)
{
    SCOPED(gate_free) struct gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        return FAULT("no memory");
    gate->connections_max = connections_max;
    gate->per_address_max = per_address_max;
    gate->addresses = text_map_new();
    if (!gate->addresses)
        return FAULT("no memory");
    if (!origins_read(gate, origins, why, why_size) || !proxies_read(gate, proxies, why, why_size))
        return STATUS_INVALID;
    *out = TAKE(gate);
    return STATUS_OK;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    size_t cursor = 0;
    void *address;
    while (gate->addresses && text_map_next(gate->addresses, &cursor, NULL, NULL, &address)) {
        text_map_remove(gate->addresses, (const char *)((struct gate_address *)address)->key.bytes, ADDRESS_BYTES);
        free(address);
    }
    text_map_free(gate->addresses);
    for (size_t i = 0; i < gate->origin_count; i++)
        free(gate->origins[i]);
    free(gate->origins);
    free(gate->proxies);
    free(gate);
}

static bool origins_read(struct gate *gate, const char *const *origins, char *why, size_t why_size)
{
    size_t count = 0;
    while (origins && origins[count])
        count++;
    gate->origins = calloc(count + 1, sizeof *gate->origins);
    for (size_t i = 0; gate->origins && i < count; i++) {
        bool is_secure = strncasecmp(origins[i], "https://", 8) == 0;
        const char *host = origins[i] + (is_secure ? 8 : 7);
        char origin[ORIGIN_SIZE];
        bool has_scheme = is_secure || strncasecmp(origins[i], "http://", 7) == 0;
        if (!has_scheme || *host == '\0' || strpbrk(host, "/?#@* ") || !origin_make(origin, host, is_secure)) {
            snprintf(why, why_size, "\"%s\" is not an origin: write it as https://chat.example.org", origins[i]);
            return false;
        }
        gate->origins[i] = strdup(origin);
        if (gate->origins[i])
            gate->origin_count++;
    }
    if (gate->origin_count == count)
        return true;
    snprintf(why, why_size, "no memory");
    return false;
}

static bool proxies_read(struct gate *gate, const char *const *proxies, char *why, size_t why_size)
{
    size_t count = 0;
    while (proxies && proxies[count])
        count++;
    gate->proxies = calloc(count + 1, sizeof *gate->proxies);
    if (!gate->proxies) {
        snprintf(why, why_size, "no memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!address_of_text(proxies[i], strlen(proxies[i]), &gate->proxies[i])) {
            snprintf(why, why_size, "\"%s\" is not an address: write it as 127.0.0.1 or ::1", proxies[i]);
            return false;
        }
        gate->proxy_count++;
    }
    return true;
}

bool gate_admit(struct gate *gate, const struct sockaddr_storage *peer, struct gate_address **address)
{
    *address = NULL;
    if (gate->count >= gate->connections_max)
        return false;
    struct address key;
    if (address_of_peer(peer, &key) && !address_is_proxy(gate, &key) && !address_count(gate, &key, address))
        return false;
    gate->count++;
    return true;
}

bool gate_admit_forwarded(struct gate *gate, const char *peer, struct gate_address **address)
{
    struct address key;
    return !address_of_text(peer, strlen(peer), &key) || address_count(gate, &key, address);
}

static bool address_count(struct gate *gate, const struct address *address, struct gate_address **out)
{
    if (gate->per_address_max == 0)
        return true;
    struct address key = *address;
    /* One household or machine has a whole IPv6 network of 64 bits to choose from. */
    if (!address_is_v4(&key))
        memset(key.bytes + 8, 0, 8);
    struct gate_address *entry = text_map_get(gate->addresses, (const char *)key.bytes, ADDRESS_BYTES);
    if (entry && entry->count >= gate->per_address_max)
        return false;
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        if (!entry)
            return false;
        entry->key = key;
        if (!text_map_set(gate->addresses, (const char *)entry->key.bytes, ADDRESS_BYTES, entry)) {
            free(entry);
            return false;
        }
    }
    entry->count++;
    *out = entry;
    return true;
}

void gate_release(struct gate *gate, struct gate_address *address)
{
    gate->count--;
    if (!address || --address->count > 0)
        return;
    text_map_remove(gate->addresses, (const char *)address->key.bytes, ADDRESS_BYTES);
    free(address);
}

size_t gate_count(const struct gate *gate)
{
    return gate->count;
}

size_t gate_count_max(const struct gate *gate)
{
    return gate->connections_max;
}

bool gate_is_proxy(const struct gate *gate, const struct sockaddr_storage *peer)
{
    struct address address;
    return address_of_peer(peer, &address) && address_is_proxy(gate, &address);
}

void gate_peer_text(const struct sockaddr_storage *peer, char text[GATE_PEER_SIZE])
{
    struct address address;
    if (address_of_peer(peer, &address))
        address_text(&address, text);
    else
        snprintf(text, GATE_PEER_SIZE, "shell");
}

bool gate_forwarded_for(const struct gate *gate, const struct http_headers *headers, char text[GATE_PEER_SIZE])
{
    /* Each proxy appends the address it saw. What stands left of the last one that is no proxy of ours was
     * written by the client and proves nothing. */
    struct address found;
    bool has_found = false;
    size_t cursor = 0, length;
    const char *item;
    while (http_list_next(headers, HTTP_KNOWN_FORWARDED_FOR, &cursor, &item, &length)) {
        struct address address;
        if (!address_of_text(item, length, &address)) {
            has_found = false;
        } else if (!address_is_proxy(gate, &address)) {
            found = address;
            has_found = true;
        }
    }
    if (has_found)
        address_text(&found, text);
    return has_found;
}

bool gate_origin_is_allowed(const struct gate *gate, const char *origin, const char *host, bool is_secure)
{
    char own[ORIGIN_SIZE];
    if (host && origin_make(own, host, is_secure) && strcmp(own, origin) == 0)
        return true;
    return gate_origin_is_listed(gate, origin);
}

bool gate_origin_is_listed(const struct gate *gate, const char *origin)
{
    for (size_t i = 0; i < gate->origin_count; i++)
        if (strcmp(gate->origins[i], origin) == 0)
            return true;
    return false;
}

bool gate_has_listed_origins(const struct gate *gate)
{
    return gate->origin_count > 0;
}

/* scheme://host[:port] as a browser writes it: lower case, the scheme's own port left out. Browsers write
 * nothing else, so whatever differs by a byte is not compared further. */
static bool origin_make(char origin[ORIGIN_SIZE], const char *host, bool is_secure)
{
    int length = snprintf(origin, ORIGIN_SIZE, "%s://%s", is_secure ? "https" : "http", host);
    if (length < 0 || length >= ORIGIN_SIZE)
        return false;
    const char *port = is_secure ? ":443" : ":80";
    size_t port_length = strlen(port);
    if (strlen(host) > port_length && strcmp(origin + (size_t)length - port_length, port) == 0)
        origin[(size_t)length - port_length] = '\0';
    for (char *c = origin; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return true;
}

static bool address_of_peer(const struct sockaddr_storage *peer, struct address *address)
{
    if (peer->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)peer;
        memset(address->bytes, 0, 10);
        memset(address->bytes + 10, 0xff, 2);
        memcpy(address->bytes + 12, &v4->sin_addr, 4);
        return true;
    }
    if (peer->ss_family != AF_INET6)
        return false;
    memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, ADDRESS_BYTES);
    return true;
}

static bool address_of_text(const char *text, size_t length, struct address *address)
{
    char copy[GATE_PEER_SIZE];
    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    struct sockaddr_storage peer = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&peer;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&peer;
    if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1)
        peer.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, copy, &v6->sin6_addr) == 1)
        peer.ss_family = AF_INET6;
    else
        return false;
    return address_of_peer(&peer, address);
}

static bool address_is_proxy(const struct gate *gate, const struct address *address)
{
    for (size_t i = 0; i < gate->proxy_count; i++)
        if (memcmp(gate->proxies[i].bytes, address->bytes, ADDRESS_BYTES) == 0)
            return true;
    return false;
}

static bool address_is_v4(const struct address *address)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address->bytes, prefix, sizeof prefix) == 0;
}

static void address_text(const struct address *address, char text[GATE_PEER_SIZE])
{
    bool is_v4 = address_is_v4(address);
    inet_ntop(is_v4 ? AF_INET : AF_INET6, address->bytes + (is_v4 ? 12 : 0), text, GATE_PEER_SIZE);
}
