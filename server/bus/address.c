/* bus/address.c: reads "unix:/path/redis.sock" and "redis://[user:password@]127.0.0.1:6379[/db]". Host
 * names are refused, except localhost, because looking one up would stop the loop. */
#include "bus/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PORT_DEFAULT   6379
#define PORT_MAX       65535
#define DB_MAX         65535
#define URL_LENGTH_MAX 1024

/* What people try, and what to do instead. */
static const struct {
    const char *scheme, *why;
} refusals[] = {
    {"rediss:",
     "TLS is not supported; use a Unix socket, or let stunnel (or ssh -L) on this machine carry it and write "
     "redis:// with the address where it listens here"},
    {"redis-sentinel:", "Sentinel is not asked who the master is; write redis:// with an address that follows the "
                        "master, such as HAProxy's, which asks each Redis for its role"},
    {"sentinel:", "Sentinel is not asked who the master is; write redis:// with an address that follows the master, "
                  "such as HAProxy's, which asks each Redis for its role"},
    {"redis-cluster:", "of a Redis Cluster write redis:// with the address of any one node: it hands publications on "
                       "to all the others"},
};

static const char *read_unix(struct redis_address *address, const char *path);
static const char *read_tcp(struct redis_address *address, char *rest);
static const char *read_login(struct redis_address *address, char *login);
static const char *read_host(struct redis_address *address, char *host);
static bool decode(char *text);
static int hex_digit(char c);
static int read_number(const char *text, int most);

enum status redis_address_read(const char *url, struct redis_address **out, char *why, size_t why_size)
{
    static const char unix_scheme[] = "unix:", tcp_scheme[] = "redis://";
    SCOPED(redis_address_free) struct redis_address *address = calloc(1, sizeof *address);
    const char *wrong = NULL;
    if (!address)
        return FAULT("no memory for the address of Redis");
    if (strlen(url) > URL_LENGTH_MAX) {
        wrong = "it is too long";
    } else if (strncmp(url, unix_scheme, strlen(unix_scheme)) == 0) {
        wrong = read_unix(address, url + strlen(unix_scheme));
    } else if (strncmp(url, tcp_scheme, strlen(tcp_scheme)) == 0) {
        char *rest = strdup(url + strlen(tcp_scheme));
        wrong = rest ? read_tcp(address, rest) : "no memory";
        free(rest);
    } else {
        wrong = "it must begin with unix: or redis://";
        for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++)
            if (strncmp(url, refusals[i].scheme, strlen(refusals[i].scheme)) == 0)
                wrong = refusals[i].why;
    }
    if (wrong) {
        snprintf(why, why_size, "the address of Redis is not right: %s", wrong);
        return STATUS_INVALID;
    }
    *out = TAKE(address);
    return STATUS_OK;
}

void redis_address_free(struct redis_address *address)
{
    if (!address)
        return;
    free(address->path);
    free(address->host);
    free(address->user);
    free(address->password);
    free(address->text);
    free(address);
}

/* The answer of each reader is what is wrong, NULL if nothing is. */
static const char *read_unix(struct redis_address *address, const char *path)
{
    if (!*path)
        return "the path of the Unix socket is missing";
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return "the path of the Unix socket is too long (107 bytes at most)";
    address->path = strdup(path);
    address->text = strdup(path);
    return address->path && address->text ? NULL : "no memory";
}

static const char *read_tcp(struct redis_address *address, char *rest)
{
    const char *wrong = NULL;
    char *at = strrchr(rest, '@'), *host = rest, *slash;
    if (at) { /* The last one: a password may hold others. */
        *at = '\0';
        host = at + 1;
        wrong = read_login(address, rest);
    }
    slash = strchr(host, '/');
    if (slash) {
        *slash = '\0';
        /* Channels are shared by all data bases of a Redis, so the number is only checked. */
        if (slash[1] && read_number(slash + 1, DB_MAX) < 0)
            return "behind the / stands the number of a data base";
    }
    return wrong ? wrong : read_host(address, host);
}

static const char *read_login(struct redis_address *address, char *login)
{
    char *password = strchr(login, ':');
    if (!password)
        return "write user:password@, or :password@ without a user";
    *password++ = '\0';
    if (!decode(login) || !decode(password))
        return "a % in the user or the password must be followed by two hexadecimal digits";
    if (!*password)
        return "the password is empty";
    address->password = strdup(password);
    address->user = *login ? strdup(login) : NULL;
    return address->password && (address->user || !*login) ? NULL : "no memory";
}

static const char *read_host(struct redis_address *address, char *host)
{
    unsigned char binary[sizeof(struct in6_addr)];
    char *port = NULL;
    bool is_ipv6 = *host == '[';
    if (is_ipv6) {
        char *end = strchr(++host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return "an IPv6 address is written [::1] or [::1]:6379";
        *end = '\0';
        port = end[1] ? end + 2 : NULL;
    } else if ((port = strchr(host, ':'))) {
        *port++ = '\0';
    }
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, host, binary) != 1)
        return "the host must be an IP address or localhost, since looking up a name would stop the server";
    address->port = port ? read_number(port, PORT_MAX) : PORT_DEFAULT;
    if (address->port <= 0)
        return "the port must be a number from 1 to 65535";
    address->host = strdup(host);
    if (asprintf(&address->text, is_ipv6 ? "[%s]:%d" : "%s:%d", host, address->port) < 0)
        address->text = NULL;
    return address->host && address->text ? NULL : "no memory";
}

/* Percent-decode in place. False: an escape is malformed, or hides a NUL. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        *to = *from;
        if (*from != '%')
            continue;
        int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || high + low == 0)
            return false;
        *to = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return digit ? (int)(digit - digits) : -1;
}

/* -1: no number, or above @most. */
static int read_number(const char *text, int most)
{
    int number = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        number = number * 10 + (*text - '0');
        if (number > most)
            return -1;
    }
    return number;
}
