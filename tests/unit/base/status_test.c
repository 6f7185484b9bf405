/* The table of statuses: complete, and read the same from both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/status.h"

static void every_status_is_found_by_its_code(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status = (enum status)i;
        assert_int_equal(status_from_code(status_code(status)), status);
        assert_true(strlen(status_words(status)) > 0);
        assert_in_range(status_http(status), 200, 599);
    }
}

static void only_success_is_zero_on_the_socket_and_below_400_in_http(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status = (enum status)i;
        assert_int_equal(status_realtime(status) == 0, status_is_ok(status));
        assert_int_equal(status_http(status) < 400, status_is_ok(status));
        assert_false(status_is_ok(status) && status_is_temporary(status));
    }
}

static void what_is_too_much_or_broken_may_be_tried_again(void **state)
{
    (void)state;
    assert_true(status_is_temporary(STATUS_BUSY));
    assert_true(status_is_temporary(STATUS_TOO_MANY));
    assert_true(status_is_temporary(STATUS_UNAVAILABLE));
    assert_true(status_is_temporary(STATUS_FAULT));
    assert_true(status_is_temporary(STATUS_NO_SPACE));
    assert_false(status_is_temporary(STATUS_FORBIDDEN));
    assert_false(status_is_temporary(STATUS_INVALID));
    assert_false(status_is_temporary(STATUS_CONFLICT));
}

static void an_unknown_code_or_number_is_a_fault(void **state)
{
    (void)state;
    assert_int_equal(status_from_code("no such code"), STATUS_FAULT);
    assert_int_equal(status_from_code(""), STATUS_FAULT);
    assert_int_equal(status_from_code(NULL), STATUS_FAULT);
    assert_int_equal(status_http(STATUS_COUNT), 500);
}

static void a_fault_is_its_status(void **state)
{
    (void)state;
    assert_int_equal(FAULT("only a %s", "test"), STATUS_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_found_by_its_code),
        cmocka_unit_test(only_success_is_zero_on_the_socket_and_below_400_in_http),
        cmocka_unit_test(what_is_too_much_or_broken_may_be_tried_again),
        cmocka_unit_test(an_unknown_code_or_number_is_a_fault),
        cmocka_unit_test(a_fault_is_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
