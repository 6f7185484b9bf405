/* pages/metrics.c: Prometheus text from tables. */
#include "pages/metrics.h"

#include <math.h>
#include <string.h>

static void print_number(struct buffer *out, double value);
static void print_label_value(struct buffer *out, const char *text);

void metrics_print_info(struct buffer *out, const char *name, const char *help, const char *const *labels)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s", name, help, name, name);
    for (size_t i = 0; labels[i]; i += 2) {
        buffer_printf(out, "%c%s=\"", i ? ',' : '{', labels[i]);
        print_label_value(out, labels[i + 1]);
        buffer_char(out, '"');
    }
    buffer_text(out, "} 1\n");
}

void metrics_print(struct buffer *out, const struct metric *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &metrics[i];
        if (i == 0 || strcmp(metric->name, metrics[i - 1].name) != 0)
            buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                          metric->kind == METRIC_COUNTER ? "counter" : "gauge");
        buffer_text(out, metric->name);
        if (metric->label) {
            buffer_printf(out, "{%s=\"", metric->label);
            print_label_value(out, metric->label_value);
            buffer_text(out, "\"}");
        }
        buffer_char(out, ' ');
        print_number(out, metric->value);
        buffer_char(out, '\n');
    }
}

void histogram_add(struct histogram *histogram, double value)
{
    size_t i = 0;
    while (i < histogram->bound_count && value > histogram->bounds[i])
        i++;
    histogram->counts[i]++;
    histogram->sum += value;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++)
        count += histogram->counts[i];
    return count;
}

void histogram_print(struct buffer *out, const char *name, const char *help, const struct histogram *histogram)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    uint64_t below = 0;
    for (size_t i = 0; i < histogram->bound_count; i++) {
        below += histogram->counts[i];
        buffer_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, histogram->bounds[i], (unsigned long long)below);
    }
    unsigned long long count = histogram_count(histogram);
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum ", name, count, name);
    print_number(out, histogram->sum);
    buffer_printf(out, "\n%s_count %llu\n", name, count);
}

static void print_number(struct buffer *out, double value)
{
    /* The format's own words for what is no number: printf's differ. */
    if (isnan(value))
        buffer_text(out, "NaN");
    else if (isinf(value))
        buffer_text(out, value > 0 ? "+Inf" : "-Inf");
    else if (fabs(value) < 9e15 && value - trunc(value) == 0)
        buffer_printf(out, "%.0f", value);
    else
        buffer_printf(out, "%.9g", value);
}

static void print_label_value(struct buffer *out, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '\n')
            buffer_text(out, "\\n");
        else {
            if (*text == '"' || *text == '\\')
                buffer_char(out, '\\');
            buffer_char(out, *text);
        }
    }
}
