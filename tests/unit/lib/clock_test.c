/* The two clocks, and times as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/clock.h"

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t last_us = clock_monotonic_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now_us = clock_monotonic_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
    assert_true(clock_monotonic_ms() >= last_us / 1000);
}

static void the_wall_clock_is_in_this_century(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_text(clock_wall_ms(), text);
    assert_memory_equal(text, "20", 2);
}

static void a_time_is_written_as_rfc_3339_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {2147483648000, "2038-01-19T03:14:08.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_ptr_equal(clock_text(times[i].wall_ms, text), text);
        assert_string_equal(text, times[i].text);
    }
}

static void a_time_that_four_digits_of_year_cannot_name_is_the_nearest_one(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_text(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
    assert_string_equal(clock_text(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_is_in_this_century),
        cmocka_unit_test(a_time_is_written_as_rfc_3339_with_milliseconds),
        cmocka_unit_test(a_time_that_four_digits_of_year_cannot_name_is_the_nearest_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
