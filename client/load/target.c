/* target.c: reading the address of the server. */
#include "target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_loopback(const struct sockaddr *address);

bool target_read(struct target *target, const char *url, char *why, size_t why_size)
{
    *target = (struct target){0};
    const char *rest = strstr(url, "://");
    bool is_plain = rest && (strncmp(url, "http://", 7) == 0 || strncmp(url, "ws://", 5) == 0);
    if (rest && !is_plain) {
        snprintf(why, why_size, "%s: only http:// and ws:// are spoken; load a TLS server behind its proxy", url);
        return false;
    }
    rest = rest ? rest + 3 : url;
    size_t length = strcspn(rest, "/?#");
    if (rest[length] != '\0' && strcmp(rest + length, "/") != 0) {
        snprintf(why, why_size, "%s: the address of the server is enough, without a path", url);
        return false;
    }
    snprintf(target->authority, sizeof target->authority, "%.*s", (int)length, rest);

    /* [::1]:8080 has its colons in brackets. */
    const char *port = "80";
    char name[sizeof target->authority];
    memcpy(name, target->authority, sizeof name);
    char *host = name, *colon = strrchr(name, ':'), *bracket = strrchr(name, ']');
    if (colon && (!bracket || colon > bracket)) {
        *colon = '\0';
        port = colon + 1;
    }
    if (bracket && *host == '[') {
        *bracket = '\0';
        host++;
    }
    if (*host == '\0' || *port == '\0' || strspn(port, "0123456789") != strlen(port)) {
        snprintf(why, why_size, "%s: this is not an address like http://127.0.0.1:8080", url);
        return false;
    }

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) {
        snprintf(why, why_size, "%s: %s", url, gai_strerror(error));
        return false;
    }
    /* Loopback only if all that the name stands for is: which of them answers is not known. */
    target->is_loopback = true;
    for (const struct addrinfo *each = found; each; each = each->ai_next)
        target->is_loopback = target->is_loopback && is_loopback(each->ai_addr);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}
