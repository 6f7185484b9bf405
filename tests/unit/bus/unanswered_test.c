/* The ring of sizes keeps their order while it grows and wraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bus/unanswered.h"

static void the_oldest_comes_first_however_it_grows(void **state)
{
    (void)state;
    struct unanswered unanswered = {0};
    uint32_t added = 0, taken = 0, size;
    assert_false(unanswered_take(&unanswered, &size));

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 100; i++)
            assert_true(unanswered_add(&unanswered, added++));
        for (int i = 0; i < 90; i++) {
            assert_true(unanswered_take(&unanswered, &size));
            assert_int_equal(size, taken++);
        }
    }

    assert_int_equal(unanswered.count, added - taken);
    assert_true(unanswered.capacity <= 1024);
    unanswered_free(&unanswered);
    assert_false(unanswered_take(&unanswered, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_comes_first_however_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
