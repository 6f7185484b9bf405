/* bus/address.h: where Redis is and who we are there, read from a URL. Private to bus/. */
#pragma once
#include <stddef.h>
#include "base/status.h"
#include "lib/scope.h"

struct redis_address {
    char *path; /* of a Unix socket; NULL: TCP */
    char *host; /* an IP address in digits */
    int port;
    char *user;     /* NULL: the default user */
    char *password; /* NULL: none is asked for */
    char *text;     /* for people: without the password */
};

/* errors: INVALID with what is wrong in @why, which never holds the password */
enum status redis_address_read(const char *url, struct redis_address **out, char *why, size_t why_size);
void redis_address_free(struct redis_address *address);
DEFINE_SCOPED(struct redis_address *, redis_address_free)
