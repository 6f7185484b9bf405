/* The token bucket: bursts, rates and waits, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/bucket.h"

static void a_new_bucket_gives_its_whole_burst_and_then_nothing(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    for (int i = 0; i < 5; i++)
        assert_true(bucket_take(&bucket, 1000, 10, 5));
    assert_false(bucket_take(&bucket, 1000, 10, 5));
}

static void tokens_come_back_at_the_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    while (bucket_take(&bucket, 1000, 10, 5))
        ;
    assert_false(bucket_take(&bucket, 1050, 10, 5));
    assert_true(bucket_take(&bucket, 1100, 10, 5));
    assert_false(bucket_take(&bucket, 1100, 10, 5));
}

static void a_long_rest_gives_no_more_than_the_burst(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    int64_t now_ms = 1000;
    while (bucket_take(&bucket, now_ms, 10, 5))
        ;
    now_ms += 1000 * 1000;
    int taken = 0;
    while (bucket_take(&bucket, now_ms, 10, 5))
        taken++;
    assert_int_equal(taken, 5);
}

static void asking_all_the_time_does_not_lose_what_trickles_in(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    int taken = 0;
    for (int64_t now_ms = 1; now_ms <= 10 * 60 * 1000; now_ms++) /* one a minute, asked each millisecond */
        taken += bucket_take(&bucket, now_ms, 1.0F / 60, 1);
    assert_in_range(taken, 10, 11);
}

static void waiting_as_long_as_told_is_enough(void **state)
{
    (void)state;
    static const float rates[] = {0.01F, 0.3F, 1, 3, 7, 50, 333, 100000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct bucket bucket = {0};
        int64_t now_ms = 123456789;
        for (int round = 0; round < 100; round++) {
            while (bucket_take(&bucket, now_ms, rates[i], 4))
                ;
            int64_t wait_ms = bucket_wait_ms(&bucket, rates[i]);
            assert_true(wait_ms >= 1);
            now_ms += wait_ms;
            assert_true(bucket_take(&bucket, now_ms, rates[i], 4));
        }
    }
}

static void asking_meanwhile_does_not_make_the_wait_longer(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, 1000, 1, 1));
    for (int64_t now_ms = 1001; now_ms < 1990; now_ms++)
        assert_false(bucket_take(&bucket, now_ms, 1, 1));
    assert_true(bucket_take(&bucket, 2000, 1, 1));
}

static void a_full_bucket_needs_no_wait(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_int_equal(bucket_wait_ms(&bucket, 1), 0);
    bucket_take(&bucket, 1000, 1, 5);
    assert_int_equal(bucket_wait_ms(&bucket, 1), 0);
}

static void a_rate_of_nothing_has_a_wait_that_can_be_added_to_a_clock(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    bucket_take(&bucket, 1000, 0, 1);
    assert_false(bucket_take(&bucket, INT64_MAX, 0, 1));
    assert_in_range(bucket_wait_ms(&bucket, 0), 1000, 24 * 60 * 60 * 1000);
}

static void the_start_of_the_clock_does_not_fill_it_again(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, 0, 1, 1));
    assert_false(bucket_take(&bucket, 0, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bucket_gives_its_whole_burst_and_then_nothing),
        cmocka_unit_test(tokens_come_back_at_the_rate),
        cmocka_unit_test(a_long_rest_gives_no_more_than_the_burst),
        cmocka_unit_test(asking_all_the_time_does_not_lose_what_trickles_in),
        cmocka_unit_test(waiting_as_long_as_told_is_enough),
        cmocka_unit_test(asking_meanwhile_does_not_make_the_wait_longer),
        cmocka_unit_test(a_full_bucket_needs_no_wait),
        cmocka_unit_test(a_rate_of_nothing_has_a_wait_that_can_be_added_to_a_clock),
        cmocka_unit_test(the_start_of_the_clock_does_not_fill_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
