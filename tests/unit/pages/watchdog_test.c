/* The loop's lag: how waits become figures, and that the watchdog comes and goes with its loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/scope.h"
#include "pages/watchdog.h"

static void without_samples_the_lag_is_nothing(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag);
    assert_true(lag_p99_s(&lag) == 0);
    lag_add(&lag, 0);
    assert_int_equal(histogram_count(&lag.histogram), 1);
    assert_true(lag_p99_s(&lag) == 0);
}

static void one_short_wait_in_ten_seconds_is_not_the_p99_but_two_are(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag);
    for (int i = 0; i < LAG_SAMPLES; i++)
        lag_add(&lag, .002);
    lag_add(&lag, .09);
    assert_true(lag_p99_s(&lag) == .002);
    lag_add(&lag, .08);
    assert_true(lag_p99_s(&lag) == .08);
}

static void a_long_wait_counts_for_all_it_kept_waiting(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag);
    for (int i = 0; i < LAG_SAMPLES; i++)
        lag_add(&lag, 0);
    lag_add(&lag, 5);
    assert_true(lag_p99_s(&lag) > 4.8);
    assert_true(histogram_count(&lag.histogram) >= LAG_SAMPLES + 50);
    for (int i = 0; i < LAG_SAMPLES; i++)
        lag_add(&lag, .001);
    assert_true(lag_p99_s(&lag) == .001);
}

static void a_wait_of_years_is_bounded_work(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag);
    lag_add(&lag, 1e9);
    assert_int_equal(histogram_count(&lag.histogram), LAG_SAMPLES);
}

static void stop_after_two_samples(uv_check_t *check)
{
    const struct watchdog *watchdog = check->data;
    if (watchdog_lag(watchdog)->count >= 2)
        uv_close((uv_handle_t *)check, NULL);
}

static void a_watched_loop_is_sampled_and_lets_the_watchdog_go(void **state)
{
    (void)state;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct watchdog *watchdog = watchdog_open(&loop);
    assert_non_null(watchdog);
    uv_check_t check;
    uv_check_init(&loop, &check);
    check.data = watchdog;
    uv_check_start(&check, stop_after_two_samples);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    SCOPED(buffer_free) struct buffer out = {0};
    lag_print(watchdog_lag(watchdog), &out);
    assert_non_null(strstr(out.bytes, "parley_loop_lag_seconds_bucket{le=\"0.0025\"} "));
    assert_non_null(strstr(out.bytes, "\nparley_loop_lag_p99_seconds "));
    watchdog_close(watchdog);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_samples_the_lag_is_nothing),
        cmocka_unit_test(one_short_wait_in_ten_seconds_is_not_the_p99_but_two_are),
        cmocka_unit_test(a_long_wait_counts_for_all_it_kept_waiting),
        cmocka_unit_test(a_wait_of_years_is_bounded_work),
        cmocka_unit_test(a_watched_loop_is_sampled_and_lets_the_watchdog_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
