/* histogram.c: durations counted in log-linear buckets. */
#include "histogram.h"

#include <string.h>

static int64_t bucket_value(uint32_t bucket);

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_record(struct histogram *histogram, int64_t value_ns)
{
    uint64_t value = value_ns < 0 ? 0 : (uint64_t)value_ns;
    uint32_t bucket = (uint32_t)value;
    if (value >= HISTOGRAM_PARTS) {
        /* The ten bits behind the highest one choose the part. */
        uint32_t power = 53U - (uint32_t)__builtin_clzll(value);
        bucket =
            power > HISTOGRAM_POWERS ? HISTOGRAM_BUCKETS - 1 : power * HISTOGRAM_PARTS + (uint32_t)(value >> power);
    }
    histogram_add_bucket(histogram, bucket, 1);
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (from->buckets[i] > 0)
            histogram_add_bucket(into, i, from->buckets[i]);
}

void histogram_add_bucket(struct histogram *into, uint32_t bucket, uint64_t times)
{
    into->count += times;
    into->buckets[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1] += times;
}

int64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    if (histogram->count == 0)
        return 0;
    double wanted = fraction * (double)histogram->count;
    uint64_t seen = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        seen += histogram->buckets[i];
        last = i;
        if ((double)seen >= wanted)
            break;
    }
    return bucket_value(last);
}

double histogram_mean(const struct histogram *histogram)
{
    double sum = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum += (double)histogram->buckets[i] * (double)bucket_value(i);
    return histogram->count > 0 ? sum / (double)histogram->count : 0;
}

/* The middle of a bucket. */
static int64_t bucket_value(uint32_t bucket)
{
    if (bucket < 2 * HISTOGRAM_PARTS)
        return bucket;
    uint32_t power = bucket / HISTOGRAM_PARTS - 1;
    int64_t least = (int64_t)(HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS) << power;
    return least + (((int64_t)1 << power) >> 1);
}
