/* metrics.h: what a server says of its own loop on /metrics. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "target.h"

#define LAG_BUCKETS_MAX 64

/* The lines that begin with parley_loop_lag. A histogram counts from the start of the server, so that two
 * readings are subtracted; any other line is kept as it is. */
struct lag {
    size_t bucket_count;
    double bounds[LAG_BUCKETS_MAX]; /* seconds; the last one may be infinite */
    double counts[LAG_BUCKETS_MAX]; /* at most the bound, as Prometheus counts */
    double sum, count;
    char others[1024]; /* lines of other kinds, each ended by a line end */
};

/* The text of /metrics, to be freed; NULL: it could not be had. */
char *metrics_fetch(const struct target *target);
/* The value of the metric @name, which has no labels; -1: it is not there. */
double metrics_value(const char *text, const char *name);
void lag_read(struct lag *lag, const char *text);
/* The bound that @fraction of what came between @before and @after does not exceed; -1: nothing came. */
double lag_quantile(const struct lag *before, const struct lag *after, double fraction);
