/* pages/health.h: is the program alive, and may a load balancer send people to it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "net/http.h"

/* One part that has to work before others are sent here. */
struct health_part {
    const char *name; /* "store", "bus" */
    bool is_ready;
    const char *detail; /* what is wrong, in plain words; NULL if nothing is */
};

/* Answer /healthz (200 as long as the loop turns) and /readyz (200, or 503 that names the parts that are
 * not ready). True: answered; false: another address. */
bool health_answer(struct http *http, const struct http_request *request, const struct health_part *parts,
                   size_t count);
