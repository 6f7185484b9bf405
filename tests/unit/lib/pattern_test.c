/* Patterns: what they match, which are refused, and that none of them is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pattern.h"

static char why[256];

static bool matches(const char *pattern_text, const char *text)
{
    SCOPED(pattern_free) struct pattern *pattern = pattern_new(pattern_text, why, sizeof why);
    if (!pattern)
        fail_msg("%s: %s", pattern_text, why);
    return pattern_matches(pattern, text, strlen(text));
}

static void a_pattern_looks_anywhere_in_the_text(void **state)
{
    (void)state;
    assert_true(matches("b", "abc"));
    assert_false(matches("d", "abc"));
    assert_true(matches("", ""));
    assert_true(matches("^$", ""));
    assert_false(matches("^$", "a"));
}

static void its_ends_are_those_of_the_text(void **state)
{
    (void)state;
    assert_true(matches("^abc$", "abc"));
    assert_false(matches("^abc$", "abc\n"));
    assert_false(matches("^b$", "a\nb\nc"));
}

static void it_knows_characters_not_bytes(void **state)
{
    (void)state;
    assert_true(matches("^.$", "\xf0\x9f\x98\x80"));
    assert_true(matches("^\xc3\xa9{2}$", "\xc3\xa9\xc3\xa9"));
    assert_true(matches("^\\p{Lu}\\d$", "\xc3\x89"
                                        "7"));
}

static void a_length_is_the_end_not_a_nul(void **state)
{
    (void)state;
    SCOPED(pattern_free) struct pattern *pattern = pattern_new("^a.c$", why, sizeof why);
    assert_true(pattern_matches(pattern, "a\0cd", 3));
    assert_false(pattern_matches(pattern, "abcd", 4));
    assert_false(pattern_matches(pattern, NULL, 0));
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {"(", "a)", "[z-a]", "*", "a{2,1}", "\\", "(?=a)", "(?<!a)b", "(a)\\1", "\\u0041"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        why[0] = '\0';
        if (pattern_new(bad[i], why, sizeof why))
            fail_msg("%s was taken", bad[i]);
        assert_true(strncmp(why, "the pattern is not understood: ", 31) == 0);
    }
}

static void a_pattern_that_is_too_large_is_refused(void **state)
{
    (void)state;
    char text[PATTERN_BYTES_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    text[PATTERN_BYTES_MAX + 1] = '\0';
    assert_null(pattern_new(text, why, sizeof why));
    assert_string_equal(why, "the pattern is longer than 1000 bytes");
    text[PATTERN_BYTES_MAX] = '\0';
    pattern_free(pattern_new(text, why, sizeof why));
    /* Short to write, long when unfolded. */
    assert_null(pattern_new("((\\pL{1,100}){1,100}){1,100}", why, sizeof why));
}

/* With backtracking each of these would not end within the age of the universe. */
static void no_pattern_is_slow(void **state)
{
    (void)state;
    static const char *const patterns[] = {"^(a+)+$",  "^(a|aa)+$",          "^(a*)*b$",
                                           "(x+x+)+y", "^(.*)*(.*)*(.*)*$b", "(a?){100}a{100}$b"};
    size_t length = 100000;
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'a', length);
    text[length - 1] = '!';
    text[length] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
        assert_false(matches(patterns[i], text));
    free(text);
}

static void *match_often(void *pattern)
{
    char text[64];
    intptr_t hits = 0;
    for (int i = 0; i < 2000; i++) {
        memset(text, 'a' + i % 26, sizeof text);
        hits += pattern_matches(pattern, text, (size_t)(i % 60));
    }
    return (void *)hits;
}

static void threads_share_a_pattern(void **state)
{
    (void)state;
    SCOPED(pattern_free) struct pattern *pattern = pattern_new("^[a-m]{3,40}$", why, sizeof why);
    intptr_t alone = (intptr_t)match_often(pattern);
    pthread_t threads[3];
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, match_often, pattern), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        void *hits;
        pthread_join(threads[i], &hits);
        assert_int_equal((intptr_t)hits, alone);
    }
    assert_true(alone > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_looks_anywhere_in_the_text),
        cmocka_unit_test(its_ends_are_those_of_the_text),
        cmocka_unit_test(it_knows_characters_not_bytes),
        cmocka_unit_test(a_length_is_the_end_not_a_nul),
        cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
        cmocka_unit_test(a_pattern_that_is_too_large_is_refused),
        cmocka_unit_test(no_pattern_is_slow),
        cmocka_unit_test(threads_share_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
