/* When another home is taken to be there. */
#include "base/other_home.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void it_is_there_once_it_was_heard_twice(void **state)
{
    (void)state;
    struct other_home other = {0};
    other_home_hear(&other, "one");
    assert_false(other.is_there);
    other_home_hear(&other, "another");
    assert_false(other.is_there);
    other_home_hear(&other, "one");
    assert_true(other.is_there);
}

static void it_is_gone_once_it_was_silent_for_long(void **state)
{
    (void)state;
    struct other_home other = {0};
    other_home_hear(&other, "one");
    other_home_hear(&other, "one");
    other_home_check(&other, 3600000);
    assert_true(other.is_there);
    other_home_check(&other, 0);
    assert_false(other.is_there);
    other_home_hear(&other, "one");
    assert_false(other.is_there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_there_once_it_was_heard_twice),
        cmocka_unit_test(it_is_gone_once_it_was_silent_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
