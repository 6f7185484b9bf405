/* Tokens that another system signed: what is taken, and everything that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/jwt.h"
#include "lib/random.h"

#define SECRET "a secret that two systems share"
#define NOW_MS INT64_C(1700000000000)
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static const struct jwt_rules rules = {.secret = SECRET, .audience = "", .issuer = ""};

static void encode(const void *bytes, size_t length, char *text, size_t size)
{
    sodium_bin2base64(text, size, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static char *make(const char *header, const char *claims, const char *secret)
{
    static char token[64 * 1024];
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    encode(header, strlen(header), token, sizeof token);
    strcat(token, ".");
    encode(claims, strlen(claims), token + strlen(token), sizeof token - strlen(token));
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)token, strlen(token));
    crypto_auth_hmacsha256_final(&state, digest);
    strcat(token, ".");
    encode(digest, sizeof digest, token + strlen(token), sizeof token - strlen(token));
    return token;
}

static enum jwt_verdict verify_by(const char *token, const struct jwt_rules *by)
{
    SCOPED(json_free) cJSON *claims = NULL;
    const char *why = NULL;
    enum jwt_verdict verdict = jwt_verify(token, by, NOW_MS, &claims, &why);
    assert_int_equal(verdict == JWT_FINE, claims != NULL);
    assert_int_equal(verdict != JWT_FINE, why != NULL);
    return verdict;
}

static enum jwt_verdict verify(const char *token)
{
    return verify_by(token, &rules);
}

static enum jwt_verdict verify_claims(const char *claims)
{
    return verify(make(HEADER, claims, SECRET));
}

static void a_token_that_the_secret_signed_says_who_it_is_for(void **state)
{
    (void)state;
    SCOPED(json_free) cJSON *claims = NULL;
    const char *why;
    char *token = make(HEADER, "{\"sub\":\"ann\",\"exp\":1700000001.5}", SECRET);

    assert_int_equal(jwt_verify(token, &rules, NOW_MS, &claims, &why), JWT_FINE);

    assert_string_equal(json_get_text(claims, "sub"), "ann");
    assert_int_equal(jwt_time_ms(claims, "exp"), INT64_C(1700000001500));
    assert_int_equal(jwt_time_ms(claims, "nbf"), 0);
}

/* Made elsewhere, so that the two halves of this test cannot be wrong in the same way: the example of RFC 7515, A.1. */
static void the_example_of_the_standard_is_right(void **state)
{
    (void)state;
    static const char *const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
                                     "b290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char key_text[] =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    unsigned char key[65] = {0};
    size_t length;
    assert_int_equal(sodium_base642bin(key, 64, key_text, strlen(key_text), NULL, &length, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    assert_null(memchr(key, 0, length));
    SCOPED(json_free) cJSON *claims = NULL;
    const char *why;
    struct jwt_rules by = {.secret = (const char *)key, .audience = "", .issuer = "joe"};

    assert_int_equal(jwt_verify(token, &by, INT64_C(1300819379000), &claims, &why), JWT_FINE);

    assert_int_equal(verify_by(token, &by), JWT_EXPIRED);
}

static void only_hs256_is_an_algorithm(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":[\"HS256\"]}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "[]",
        "HS256",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_int_equal(verify(make(headers[i], "{\"sub\":\"1\"}", SECRET)), JWT_INVALID);
    /* And without a signature, as "none" would have it. */
    char *token = make(headers[0], "{\"sub\":\"1\"}", SECRET);
    strrchr(token, '.')[1] = '\0';
    assert_int_equal(verify(token), JWT_INVALID);
}

static void what_was_changed_after_signing_is_refused(void **state)
{
    (void)state;
    char *token = make(HEADER, "{\"sub\":\"1\"}", SECRET);
    size_t length = strlen(token);
    for (size_t i = 0; i < length; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(verify(token), JWT_INVALID);
        token[i] = was;
    }
    assert_int_equal(verify(token), JWT_FINE);
    assert_int_equal(verify(make(HEADER, "{\"sub\":\"1\"}", SECRET "!")), JWT_INVALID);
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    ".",       "..",   "...",   "a.b.c",
                                        "a.b", "a.b.c.d", "a..c", "=.=.=", "\xff.\xff.\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(verify(texts[i]), JWT_INVALID);
    static const char *const claims[] = {
        "", "[]", "1", "{\"sub\":\"1\",\"sub\":\"2\"}", "{\"sub\":7}", "{\"sub\":null}", "{\"sub\":\"1\"} {}"};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        assert_int_equal(verify_claims(claims[i]), JWT_INVALID);
    char *token = make(HEADER, "{\"sub\":\"1\"}", SECRET);
    strcat(token, "=");
    assert_int_equal(verify(token), JWT_INVALID);
}

static void a_token_that_is_too_long_is_not_even_read(void **state)
{
    (void)state;
    static char claims[20000];
    memset(claims, ' ', sizeof claims - 1);
    memcpy(claims, "{\"sub\":\"1\"}", 11);
    assert_int_equal(verify_claims(claims), JWT_INVALID);
    claims[1000] = '\0';
    assert_int_equal(verify_claims(claims), JWT_FINE);
}

static void times_are_numbers_and_are_kept(void **state)
{
    (void)state;
    assert_int_equal(verify_claims("{\"exp\":1700000001}"), JWT_FINE);
    assert_int_equal(verify_claims("{\"exp\":1700000000}"), JWT_EXPIRED);
    assert_int_equal(verify_claims("{\"exp\":0}"), JWT_EXPIRED);
    assert_int_equal(verify_claims("{\"nbf\":1700000000}"), JWT_FINE);
    assert_int_equal(verify_claims("{\"nbf\":1700000001}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"iat\":1800000000}"), JWT_FINE);
    assert_int_equal(verify_claims("{\"exp\":\"1700000001\"}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"exp\":-1}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"exp\":1e300}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"exp\":null}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"iat\":[]}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"expire_at\":1700000001}"), JWT_FINE);
    assert_int_equal(verify_claims("{\"expire_at\":0}"), JWT_FINE); /* it does not end */
    assert_int_equal(verify_claims("{\"expire_at\":\"1700000001\"}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"expire_at\":-1}"), JWT_INVALID);
    assert_int_equal(verify_claims("{\"expire_at\":null}"), JWT_INVALID);
}

static void it_must_be_for_us_and_from_them(void **state)
{
    (void)state;
    struct jwt_rules strict = {.secret = SECRET, .audience = "parley", .issuer = "shop"};
    static const char *const fine[] = {"{\"aud\":\"parley\",\"iss\":\"shop\"}",
                                       "{\"aud\":[\"other\",\"parley\"],\"iss\":\"shop\"}"};
    static const char *const wrong[] = {"{}",
                                        "{\"aud\":\"parley\"}",
                                        "{\"iss\":\"shop\"}",
                                        "{\"aud\":\"parleys\",\"iss\":\"shop\"}",
                                        "{\"aud\":[],\"iss\":\"shop\"}",
                                        "{\"aud\":{\"a\":\"parley\"},\"iss\":\"shop\"}",
                                        "{\"aud\":\"parley\",\"iss\":[\"shop\"]}"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_int_equal(verify_by(make(HEADER, fine[i], SECRET), &strict), JWT_FINE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(verify_by(make(HEADER, wrong[i], SECRET), &strict), JWT_INVALID);
}

static void without_a_secret_no_token_is_fine(void **state)
{
    (void)state;
    struct jwt_rules none = {.secret = "", .audience = "", .issuer = ""};
    assert_int_equal(verify_by(make(HEADER, "{\"sub\":\"1\"}", ""), &none), JWT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_the_secret_signed_says_who_it_is_for),
        cmocka_unit_test(the_example_of_the_standard_is_right),
        cmocka_unit_test(only_hs256_is_an_algorithm),
        cmocka_unit_test(what_was_changed_after_signing_is_refused),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_token_that_is_too_long_is_not_even_read),
        cmocka_unit_test(times_are_numbers_and_are_kept),
        cmocka_unit_test(it_must_be_for_us_and_from_them),
        cmocka_unit_test(without_a_secret_no_token_is_fine),
    };
    return random_open() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
