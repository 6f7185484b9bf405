/* histogram.h: how often each duration came, kept to three significant digits: values below 2,048 ns have a bucket
 * each, and every power of two above is cut in 1,024 equal parts. Recording is an increment. */
#pragma once
#include <stdint.h>

#define HISTOGRAM_PARTS   1024
#define HISTOGRAM_POWERS  31 /* the largest value kept apart is 2^42 ns, about 73 minutes */
#define HISTOGRAM_BUCKETS ((HISTOGRAM_POWERS + 2) * HISTOGRAM_PARTS)

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
/* A negative value counts as 0, one that is too large as the largest. */
void histogram_record(struct histogram *histogram, int64_t value_ns);
void histogram_add(struct histogram *into, const struct histogram *from);
/* @times more values of bucket @bucket, as another process counted them. */
void histogram_add_bucket(struct histogram *into, uint32_t bucket, uint64_t times);
/* The value that @fraction (0 to 1) of the recorded ones do not exceed; 0 if empty. */
int64_t histogram_quantile(const struct histogram *histogram, double fraction);
double histogram_mean(const struct histogram *histogram);
