/* lib/bucket.c: a token bucket. */
#include "lib/bucket.h"

#include <math.h>

/* What a token may lack and still be one: the share that rounding loses when it is asked for again and
 * again. Without it, bucket_wait_ms() would promise too much. */
#define TOKEN_ROUNDING 0.001
/* A rate of nothing never gives a token; callers add the wait to a clock, so it must not be endless. */
#define WAIT_MS_MAX (24.0 * 60 * 60 * 1000)

bool bucket_take(struct bucket *bucket, int64_t now_ms, float per_second, float burst)
{
    double tokens = burst;
    if (bucket->filled_ms != 0) {
        int64_t elapsed_ms = now_ms > bucket->filled_ms ? now_ms - bucket->filled_ms : 0;
        tokens = fmin(burst, bucket->tokens + (double)elapsed_ms * per_second / 1000);
    }
    bucket->filled_ms = now_ms != 0 ? now_ms : 1; /* 0 means full */
    bool has_token = tokens >= 1 - TOKEN_ROUNDING;
    bucket->tokens = (float)(has_token ? fmax(tokens - 1, 0) : tokens);
    return has_token;
}

int64_t bucket_wait_ms(const struct bucket *bucket, float per_second)
{
    double missing = bucket->filled_ms == 0 ? 0 : 1 - (double)bucket->tokens;
    if (missing <= 0)
        return 0;
    return (int64_t)ceil(fmin(WAIT_MS_MAX, missing * 1000 / fmax(per_second, 1e-9)));
}
