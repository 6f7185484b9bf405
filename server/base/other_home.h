/* base/other_home.h: whether another home speaks on our Redis, as a second server without --edge does that has the same
 * redis.prefix: both answer every edge, which believes now one and now the other. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/random.h"

struct other_home {
    char id[RANDOM_ID_SIZE]; /* "": none was heard */
    int64_t heard_ms;
    bool is_there; /* heard twice, and logged */
};

/* A home other than this one gave a sign of life. A single sign is nothing: a home that has ended may have left it. */
void other_home_hear(struct other_home *other, const char *id);
/* It is gone once it was silent for @silence_ms. */
void other_home_check(struct other_home *other, int64_t silence_ms);
