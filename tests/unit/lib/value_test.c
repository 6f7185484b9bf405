/* Values: ordered as SQLite orders them, and copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "lib/scope.h"
#include "lib/value.h"

static struct value real(double number)
{
    return (struct value){.kind = VALUE_REAL, .real = number};
}

static struct value text(const char *bytes)
{
    return value_text(bytes, strlen(bytes));
}

/* Every pair is compared, both ways round. */
static void values_are_in_one_order(void **state)
{
    (void)state;
    const struct value ordered[] = {
        {.kind = VALUE_NULL},
        real(-INFINITY),
        real(-1e300),
        value_int(INT64_MIN),
        value_int(INT64_MIN + 1),
        value_int(-9007199254740993), /* between two doubles */
        real(-9007199254740992.0),
        value_int(-2),
        real(-1.5),
        value_int(-1),
        real(-0.5),
        value_int(0),
        real(5e-324),
        real(0.5),
        value_int(1),
        real(1.5),
        value_int(9007199254740991),
        real(9007199254740992.0),
        value_int(9007199254740993),
        value_int(INT64_MAX),
        real(9223372036854775808.0),
        real(INFINITY),
        text(""),
        text("1"),
        text("A"),
        text("Z"),
        text("a"),
        text("aa"),
        text("b"),
        text("\xc3\xa9"),
        text("\xf0\x9f\x98\x80"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(ordered); i++)
        for (size_t j = 0; j < ARRAY_LENGTH(ordered); j++) {
            int order = value_compare(&ordered[i], &ordered[j]);
            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                fail_msg("%zu and %zu: %d", i, j, order);
        }
}

static void integers_and_reals_of_the_same_number_are_equal(void **state)
{
    (void)state;
    const struct value pairs[][2] = {
        {value_int(0), real(0)},
        {value_int(0), real(-0.0)},
        {value_int(7), real(7)},
        {value_int(-7), real(-7)},
        {value_int(9007199254740992), real(9007199254740992.0)},
        {value_int(INT64_MIN), real(-9223372036854775808.0)},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        assert_int_equal(value_compare(&pairs[i][0], &pairs[i][1]), 0);
        assert_int_equal(value_compare(&pairs[i][1], &pairs[i][0]), 0);
    }
}

static void what_is_no_number_has_a_place_too(void **state)
{
    (void)state;
    const struct value nan = real(NAN), least = real(-INFINITY), integer = value_int(INT64_MIN), null = {0};
    assert_int_equal(value_compare(&nan, &nan), 0);
    assert_true(value_compare(&nan, &least) < 0 && value_compare(&least, &nan) > 0);
    assert_true(value_compare(&nan, &integer) < 0 && value_compare(&integer, &nan) > 0);
    assert_true(value_compare(&nan, &null) > 0);
}

static void texts_are_compared_by_their_length_not_to_a_nul(void **state)
{
    (void)state;
    struct value whole = value_text("abc", 3), cut = value_text("abcd", 3), empty = value_text(NULL, 0);
    assert_int_equal(value_compare(&whole, &cut), 0);
    assert_true(value_compare(&empty, &whole) < 0);
    assert_int_equal(value_compare(&empty, &empty), 0);
}

static void a_copy_owns_its_text(void **state)
{
    (void)state;
    char bytes[] = "abcd";
    struct value from = value_text(bytes, 3), copy = {0}, number = {0};

    assert_true(value_copy(&copy, &from));
    assert_true(value_copy(&number, &(struct value){.kind = VALUE_INT, .number = 5}));
    memset(bytes, 'x', 4);

    assert_int_equal(copy.length, 3);
    assert_string_equal(copy.text, "abc");
    assert_int_equal(number.number, 5);
    value_clear(&copy);
    value_clear(&copy);
    assert_int_equal(copy.kind, VALUE_NULL);
    value_clear(&number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_in_one_order),
        cmocka_unit_test(integers_and_reals_of_the_same_number_are_equal),
        cmocka_unit_test(what_is_no_number_has_a_place_too),
        cmocka_unit_test(texts_are_compared_by_their_length_not_to_a_nul),
        cmocka_unit_test(a_copy_owns_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
