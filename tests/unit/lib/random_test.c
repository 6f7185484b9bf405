/* Ids, tokens and digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/random.h"

static void ids_and_tokens_are_base64url_and_differ(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char ids[100][RANDOM_ID_SIZE], tokens[100][RANDOM_TOKEN_SIZE];
    for (size_t i = 0; i < 100; i++) {
        assert_ptr_equal(random_id(ids[i]), ids[i]);
        assert_ptr_equal(random_token(tokens[i]), tokens[i]);
        assert_int_equal(strspn(ids[i], alphabet), RANDOM_ID_SIZE - 1);
        assert_int_equal(strlen(ids[i]), RANDOM_ID_SIZE - 1);
        assert_int_equal(strspn(tokens[i], alphabet), RANDOM_TOKEN_SIZE - 1);
        assert_int_equal(strlen(tokens[i]), RANDOM_TOKEN_SIZE - 1);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
            assert_string_not_equal(tokens[i], tokens[j]);
        }
    }
}

static void a_bound_is_kept_and_every_value_below_it_comes(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t value = random_below(5);
        assert_true(value < 5);
        seen |= 1U << value;
    }
    assert_int_equal(seen, 31);
    assert_int_equal(random_below(1), 0);
    assert_int_equal(random_below(0), 0);
}

static void a_digest_is_sha_256_in_hex(void **state)
{
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    assert_string_equal(digest_text("abc", 3, text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(digest_text("", 0, text), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_derived_secret_depends_on_key_and_text_of_any_length(void **state)
{
    (void)state;
    char first[RANDOM_TOKEN_SIZE], other[RANDOM_TOKEN_SIZE];
    char long_key[500];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    assert_ptr_equal(digest_derive("key", "text", first), first);
    assert_int_equal(strlen(first), RANDOM_TOKEN_SIZE - 1);
    assert_string_equal(digest_derive("key", "text", other), first);
    assert_string_not_equal(digest_derive("key", "texts", other), first);
    assert_string_not_equal(digest_derive("keyt", "ext", other), first);
    assert_string_not_equal(digest_derive("", "text", other), first);
    digest_derive(long_key, "text", first);
    long_key[498] = 'x';
    assert_string_not_equal(digest_derive(long_key, "text", other), first);
}

static void texts_are_equal_only_if_all_of_them_is(void **state)
{
    (void)state;
    assert_true(digest_equal("", ""));
    assert_true(digest_equal("abc", "abc"));
    assert_false(digest_equal("abc", "abd"));
    assert_false(digest_equal("abc", "xbc"));
    assert_false(digest_equal("abc", "ab"));
    assert_false(digest_equal("", "a"));
}

static int open_random(void **state)
{
    (void)state;
    return random_open() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_tokens_are_base64url_and_differ),
        cmocka_unit_test(a_bound_is_kept_and_every_value_below_it_comes),
        cmocka_unit_test(a_digest_is_sha_256_in_hex),
        cmocka_unit_test(a_derived_secret_depends_on_key_and_text_of_any_length),
        cmocka_unit_test(texts_are_equal_only_if_all_of_them_is),
    };
    return cmocka_run_group_tests(tests, open_random, NULL);
}
