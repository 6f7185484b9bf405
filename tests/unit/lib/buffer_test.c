/* Bytes that grow: every way to append, and what a failure leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"

static void what_is_appended_stands_in_order_and_ends_with_a_nul(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    buffer_text(&buffer, "a");
    buffer_char(&buffer, '-');
    buffer_int(&buffer, INT64_MIN);
    buffer_printf(&buffer, "%s%d", "x", 7);
    buffer_append(&buffer, "\0z", 2);
    assert_int_equal(buffer.length, 26);
    assert_memory_equal(buffer.bytes, "a--9223372036854775808x7\0z", 27);
    assert_false(buffer.has_failed);
}

static void it_grows_byte_by_byte_as_well_as_at_once(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer slow = {0};
    SCOPED(buffer_free) struct buffer fast = {0};
    char block[5000];
    memset(block, 'q', sizeof block);
    for (size_t i = 0; i < sizeof block; i++)
        buffer_char(&slow, 'q');
    buffer_append(&fast, block, sizeof block);
    assert_int_equal(slow.length, sizeof block);
    assert_string_equal(slow.bytes, fast.bytes);
    assert_int_equal(strlen(slow.bytes), sizeof block);
}

static void nothing_appended_needs_no_memory(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    buffer_append(&buffer, NULL, 0);
    buffer_text(&buffer, "");
    buffer_consume(&buffer, 0);
    buffer_clear(&buffer);
    assert_null(buffer.bytes);
    assert_false(buffer.has_failed);
}

static void a_failed_allocation_is_remembered_until_it_is_cleared(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    buffer_text(&buffer, "first");
    assert_false(buffer_reserve(&buffer, SIZE_MAX - 3));
    buffer_text(&buffer, "second");
    assert_true(buffer.has_failed);
    assert_string_equal(buffer.bytes, "first");

    buffer_clear(&buffer);

    assert_false(buffer.has_failed);
    assert_true(buffer_reserve(&buffer, 10));
}

static void what_failed_cannot_be_taken(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_text(&buffer, "incomplete");
    buffer_reserve(&buffer, SIZE_MAX / 2);
    assert_null(buffer_take(&buffer, NULL));
    assert_null(buffer.bytes);
    assert_int_equal(buffer.length, 0);
}

static void what_is_taken_is_the_callers_and_the_buffer_is_empty(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    size_t length = 99;
    char *nothing = buffer_take(&buffer, &length);
    assert_string_equal(nothing, "");
    assert_int_equal(length, 0);
    buffer_text(&buffer, "text");
    char *text = buffer_take(&buffer, &length);
    assert_string_equal(text, "text");
    assert_int_equal(length, 4);
    assert_null(buffer.bytes);
    free(nothing);
    free(text);
}

static void the_front_can_be_dropped(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    buffer_text(&buffer, "abcdef");
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer.bytes, "ef");
    buffer_text(&buffer, "gh");
    assert_string_equal(buffer.bytes, "efgh");
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer.bytes, "");
    assert_int_equal(buffer.length, 0);
}

static void a_json_string_is_escaped(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    static const char text[] =
        "a\"b\\c/\n\r\t\b\x01\0\x7f \xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa \xc3\xa9 \xf0\x9f\x98\x80";
    buffer_json(&buffer, text, sizeof text - 1);
    assert_string_equal(buffer.bytes, "\"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u0001\\u0000\\u007f "
                                      "\\u2028\\u2029\xe2\x80\xaa \xc3\xa9 \xf0\x9f\x98\x80\"");
}

/* Such text is the caller's mistake, but it must not make us read beyond its end. */
static void a_json_string_that_is_cut_short_is_copied_as_it_is(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    char *cut = malloc(2);
    memcpy(cut, "\xe2\x80", 2);
    buffer_json(&buffer, cut, 2);
    buffer_json(&buffer, cut, 1);
    free(cut);
    assert_string_equal(buffer.bytes, "\"\xe2\x80\"\"\xe2\"");
}

static void a_json_member_of_nothing_is_null(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer buffer = {0};
    buffer_json_member(&buffer, "name", "value");
    buffer_char(&buffer, ',');
    buffer_json_member(&buffer, "none", NULL);
    buffer_json(&buffer, NULL, 0);
    assert_string_equal(buffer.bytes, "\"name\":\"value\",\"none\":null\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stands_in_order_and_ends_with_a_nul),
        cmocka_unit_test(it_grows_byte_by_byte_as_well_as_at_once),
        cmocka_unit_test(nothing_appended_needs_no_memory),
        cmocka_unit_test(a_failed_allocation_is_remembered_until_it_is_cleared),
        cmocka_unit_test(what_failed_cannot_be_taken),
        cmocka_unit_test(what_is_taken_is_the_callers_and_the_buffer_is_empty),
        cmocka_unit_test(the_front_can_be_dropped),
        cmocka_unit_test(a_json_string_is_escaped),
        cmocka_unit_test(a_json_string_that_is_cut_short_is_copied_as_it_is),
        cmocka_unit_test(a_json_member_of_nothing_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
