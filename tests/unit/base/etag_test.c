/* Entity tags: what is a list of them, and which versions it names. */
#include "base/etag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/scope.h"

static void a_list_of_quoted_texts_is_fine(void **state)
{
    static const char *const fine[] = {"", "*", "\"3\"", "\"3\",\"4\"", "\"3\" , \"x-y\"", ", \"3\",,\"4\",", "\"\""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fine); i++)
        assert_true(etag_list_is_fine(fine[i], false));
}

static void anything_else_is_not(void **state)
{
    static const char *const wrong[] = {"3",       "\"3",     "3\"",     "\"3\"\"4\"", "\"3\" \"4\"", "*,\"3\"",
                                        "\"3\",*", "\"3\";",  "W/\"3\"", "W/3",        ",",           " ",
                                        "**",      "\"a b\"", "'3'",     "\"3\x7f\"",  "w/\"3\"",     "\"3\",4"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(etag_list_is_fine(wrong[i], false));
}

static void a_weak_tag_is_for_reading_only(void **state)
{
    (void)state;
    assert_true(etag_list_is_fine("W/\"3\"", true));
    assert_true(etag_list_is_fine("\"1\", W/\"3\"", true));
    assert_false(etag_list_is_fine("\"1\", W/\"3\"", false));
    assert_false(etag_list_is_fine("W/", true));
    assert_false(etag_list_is_fine("w/\"3\"", true));
}

static void a_list_names_its_versions_and_no_other(void **state)
{
    (void)state;
    assert_true(etag_list_has("\"3\"", 3));
    assert_true(etag_list_has("\"1\", \"3\"", 3));
    assert_true(etag_list_has("W/\"3\"", 3));
    assert_true(etag_list_has("*", 3));
    assert_false(etag_list_has("\"33\"", 3));
    assert_false(etag_list_has("\"3\"", 33));
    assert_false(etag_list_has("\"03\"", 3));
    assert_false(etag_list_has("\"x\",\"4\"", 3));
    assert_false(etag_list_has("", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_quoted_texts_is_fine),
        cmocka_unit_test(anything_else_is_not),
        cmocka_unit_test(a_weak_tag_is_for_reading_only),
        cmocka_unit_test(a_list_names_its_versions_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
