/* histogram.h: how often each duration came, in fixed log-linear buckets: every power of two is cut in 64
 * equal parts, so that a quantile is right to 1.6 % whatever its size, and recording is an increment. */
#pragma once
#include <stdint.h>

#define HISTOGRAM_PARTS  64 /* buckets of one power of two */
#define HISTOGRAM_POWERS 36 /* the largest value kept apart is 64 * 2^35 ns, about 36 minutes */

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_PARTS * (HISTOGRAM_POWERS + 1)];
};

void histogram_clear(struct histogram *histogram);
/* A negative value counts as 0, one that is too large as the largest. */
void histogram_record(struct histogram *histogram, int64_t value);
void histogram_add(struct histogram *into, const struct histogram *from);
/* The value that @fraction (0 to 1) of the recorded ones do not exceed: the middle of its bucket. 0 if empty.
 */
int64_t histogram_quantile(const struct histogram *histogram, double fraction);
