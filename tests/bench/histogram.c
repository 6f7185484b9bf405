/* histogram.c: durations counted in log-linear buckets. */
#include "histogram.h"

#include <string.h>

#define BUCKETS (HISTOGRAM_PARTS * (HISTOGRAM_POWERS + 1))

static unsigned bucket_of(uint64_t value);
static int64_t bucket_middle(unsigned bucket);

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_record(struct histogram *histogram, int64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value < 0 ? 0 : (uint64_t)value)]++;
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    for (unsigned i = 0; i < BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

int64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    if (histogram->count == 0)
        return 0;
    double wanted = fraction * (double)histogram->count;
    uint64_t seen = 0;
    unsigned last = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        seen += histogram->buckets[i];
        last = i;
        if ((double)seen >= wanted)
            break;
    }
    return bucket_middle(last);
}

/* Values below 64 have a bucket each. Above, the six bits behind the highest one choose the part. */
static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_PARTS)
        return (unsigned)value;
    unsigned power = 63U - (unsigned)__builtin_clzll(value) - 6U;
    if (power >= HISTOGRAM_POWERS)
        return BUCKETS - 1;
    return (power + 1) * HISTOGRAM_PARTS + (unsigned)((value >> power) - HISTOGRAM_PARTS);
}

static int64_t bucket_middle(unsigned bucket)
{
    if (bucket < HISTOGRAM_PARTS)
        return (int64_t)bucket;
    unsigned power = bucket / HISTOGRAM_PARTS - 1;
    int64_t least = (int64_t)(HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS) << power;
    return least + (((int64_t)1 << power) >> 1);
}
