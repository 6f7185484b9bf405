/* UTF-8: every code point both ways, and the malformed forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/utf8.h"

/* Write @code as UTF-8 without asking whether it may be. */
static size_t put_code(uint32_t code, char text[4])
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned leads[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i > 0; i--, code >>= 6)
        text[i] = (char)(0x80 | (code & 0x3F));
    text[0] = (char)(leads[more] | code);
    return more + 1;
}

static void every_code_point_is_valid_and_decoded_except_surrogates(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char text[4];
        size_t length = put_code(code, text);
        bool may_be = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        assert_int_equal(utf8_is_valid(text, length), may_be);
        assert_int_equal(utf8_step(text, length), may_be ? length : 0);
        if (!may_be)
            continue;
        const char *at = text;
        assert_int_equal(utf8_next(&at), code);
        assert_ptr_equal(at, text + length);
        assert_int_equal(utf8_count(text, length), 1);
        for (size_t cut = 1; cut < length; cut++)
            assert_int_equal(utf8_step(text, cut), 0);
    }
}

static void malformed_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc3(",
        "\xe2(\xa1",
        "\xe2\x82(",
        "\xf0(\x8c\xbc",
        "\xf0\x90(\xbc",
        "\xf0\x90\x8c(",
        "\xc3\xa9\x80",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        /* Also behind ASCII of every length up to 20, where the steps of eight bytes begin and end. */
        for (size_t before = 0; before < 20; before++) {
            char text[64];
            memset(text, 'a', sizeof text);
            size_t length = strlen(malformed[i]);
            memcpy(text + before, malformed[i], length);
            assert_false(utf8_is_valid(text, before + length));
            assert_false(utf8_is_valid(text, sizeof text));
        }
    }
}

static void mixed_text_is_valid_and_counted_in_characters(void **state)
{
    (void)state;
    static const char text[] = "plain ascii, then \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 and \0 again";
    assert_true(utf8_is_valid(text, sizeof text - 1));
    assert_int_equal(utf8_count(text, sizeof text - 1), 18 + 3 + 12);
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid(NULL, 0));
    assert_int_equal(utf8_step("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid_and_decoded_except_surrogates),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(mixed_text_is_valid_and_counted_in_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
