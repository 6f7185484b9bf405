/* pages/metrics.h: figures as Prometheus text. The caller fills a table; this prints it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lib/buffer.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_kind { METRIC_GAUGE, METRIC_COUNTER };
struct metric {
    const char *name; /* with the unit at its end: parley_store_wait_seconds */
    const char *help; /* one line */
    enum metric_kind kind;
    const char *label, *label_value; /* NULL if it has none; lines of one name stand together */
    double value;
};

/* How often something took how long. Any number of bounds up to HISTOGRAM_BOUNDS_MAX, ascending. */
#define HISTOGRAM_BOUNDS_MAX 15
struct histogram {
    const double *bounds;
    size_t bound_count;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative; the last is what lies above every bound */
    double sum;
};

/* One that is always 1 and says something by its labels: names and values, ended by NULL. */
void metrics_print_info(struct buffer *out, const char *name, const char *help, const char *const *labels);
void metrics_print(struct buffer *out, const struct metric *metrics, size_t count);
void histogram_add(struct histogram *histogram, double value);
uint64_t histogram_count(const struct histogram *histogram);
void histogram_print(struct buffer *out, const char *name, const char *help, const struct histogram *histogram);
