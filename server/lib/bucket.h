/* lib/bucket.h: a token bucket: so many per second, so many at once. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bucket {
    int64_t filled_ms; /* when it was last filled; 0: full */
    float tokens;
};
/* Take one token at @now_ms (monotonic); false if there is none. */
bool bucket_take(struct bucket *bucket, int64_t now_ms, float per_second, float burst);
/* Milliseconds until the next token. */
int64_t bucket_wait_ms(const struct bucket *bucket, float per_second);
