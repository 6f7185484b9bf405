/* http.h: many keep-alive connections that ask for one address again and again, each as soon as it has its
 * answer. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "target.h"

struct http_load {
    struct target target;
    const char *path;
    const struct cookies *cookies; /* given out to the connections in turn; may be empty */
    size_t connections;
    int64_t ms;
};

/* Plain data: it travels through a pipe. */
struct http_result {
    uint64_t answers; /* 200 and whole */
    uint64_t others;  /* any other status */
    uint64_t bytes;   /* of the answers, with their headers */
    int64_t busy_ns;
    char why[200]; /* empty: nothing went wrong */
    struct histogram latency;
};

void http_run(const struct http_load *load, struct http_result *result);
