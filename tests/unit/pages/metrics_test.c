/* Prometheus text from tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "lib/scope.h"
#include "pages/metrics.h"

static void a_name_is_explained_once_and_values_keep_their_digits(void **state)
{
    (void)state;
    const struct metric metrics[] = {
        {"parley_requests_total", "Requests.", METRIC_COUNTER, NULL, NULL, 9007199254740.0},
        {"parley_bus", "State.", METRIC_GAUGE, "kind", "local", 1},
        {"parley_bus", "State.", METRIC_GAUGE, "kind", "a\"b\\c\nd", 0.25},
        {"parley_odd", "Not a number.", METRIC_GAUGE, NULL, NULL, NAN},
        {"parley_much", "Infinite.", METRIC_GAUGE, NULL, NULL, -INFINITY},
    };
    SCOPED(buffer_free) struct buffer out = {0};
    metrics_print(&out, metrics, ARRAY_LENGTH(metrics));
    assert_string_equal(out.bytes, "# HELP parley_requests_total Requests.\n# TYPE parley_requests_total counter\n"
                                   "parley_requests_total 9007199254740\n"
                                   "# HELP parley_bus State.\n# TYPE parley_bus gauge\n"
                                   "parley_bus{kind=\"local\"} 1\nparley_bus{kind=\"a\\\"b\\\\c\\nd\"} 0.25\n"
                                   "# HELP parley_odd Not a number.\n# TYPE parley_odd gauge\nparley_odd NaN\n"
                                   "# HELP parley_much Infinite.\n# TYPE parley_much gauge\nparley_much -Inf\n");
}

static void a_histogram_counts_upwards(void **state)
{
    (void)state;
    static const double bounds[] = {.001, .1, 1};
    struct histogram histogram = {.bounds = bounds, .bound_count = 3};
    const double values[] = {0, .001, .05, .1, .5, 7};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        histogram_add(&histogram, values[i]);
    SCOPED(buffer_free) struct buffer out = {0};
    histogram_print(&out, "wait_seconds", "Waits.", &histogram);
    assert_string_equal(out.bytes, "# HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n"
                                   "wait_seconds_bucket{le=\"0.001\"} 2\nwait_seconds_bucket{le=\"0.1\"} 4\n"
                                   "wait_seconds_bucket{le=\"1\"} 5\nwait_seconds_bucket{le=\"+Inf\"} 6\n"
                                   "wait_seconds_sum 7.651\nwait_seconds_count 6\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_explained_once_and_values_keep_their_digits),
        cmocka_unit_test(a_histogram_counts_upwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
