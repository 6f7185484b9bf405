/* What people type becomes a full-text query of quoted words. */
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_match(const char *text, size_t words, const char *wanted)
{
    SCOPED(buffer_free) struct buffer match = {0};
    assert_int_equal(words_match(text, &match), words);
    assert_string_equal(match.bytes ? match.bytes : "", wanted);
}

static void words_are_quoted(void **state)
{
    (void)state;
    assert_match("kettle", 1, "\"kettle\"");
    assert_match("  the  kettle ", 2, "\"the\" \"kettle\"");
    assert_match("42 café", 2, "\"42\" \"café\"");
}

static void a_star_makes_three_characters_or_more_a_beginning(void **state)
{
    (void)state;
    assert_match("ket* on", 2, "\"ket\"* \"on\"");
    assert_match("ke*", 1, "\"ke\"");
    assert_match("éà*", 1, "\"éà\"");
    assert_match("éàé*", 1, "\"éàé\"*");
    assert_match("kettle *", 1, "\"kettle\"");
}

static void operators_only_part_words(void **state)
{
    (void)state;
    assert_match("a\"b OR (c)", 4, "\"a\" \"b\" \"OR\" \"c\"");
    assert_match("text:x-y", 3, "\"text\" \"x\" \"y\"");
}

static void what_has_no_word_asks_for_nothing(void **state)
{
    (void)state;
    assert_match("", 0, "");
    assert_match(" *\"-( ", 0, "");
}

static void too_many_words_are_counted_and_not_asked_for(void **state)
{
    (void)state;
    assert_match("a b c d e f g h i j k l m n o p q r s t u", 21, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted),
        cmocka_unit_test(a_star_makes_three_characters_or_more_a_beginning),
        cmocka_unit_test(operators_only_part_words),
        cmocka_unit_test(what_has_no_word_asks_for_nothing),
        cmocka_unit_test(too_many_words_are_counted_and_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
