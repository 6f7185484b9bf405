/* How often one may try: nobody can guess fast, and nobody can lock somebody else out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "accounts/throttle.h"

#define PAIR_BURST 5
#define PEER_BURST 60

static int setup(void **state)
{
    *state = throttle_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    throttle_free(*state);
    return 0;
}

/* How many tries at time @now_ms are let through before one is not; at most @most. */
static int tries(struct throttle *throttle, const char *peer, const char *account, int64_t now_ms, int most)
{
    int64_t wait_s;
    int count = 0;
    while (count < most && throttle_take(throttle, peer, account, now_ms, &wait_s))
        count++;
    return count;
}

static void one_account_from_one_address_has_few_tries(void **state)
{
    int64_t wait_s = 0;
    assert_int_equal(tries(*state, "192.0.2.1", "ann", 1000, 100), PAIR_BURST);

    assert_false(throttle_take(*state, "192.0.2.1", "ann", 1000, &wait_s));

    assert_in_range(wait_s, 1, 11);
    assert_true(throttle_take(*state, "192.0.2.1", "ann", 1000 + wait_s * 1000, &wait_s)); /* it promised that */
    assert_false(throttle_take(*state, "192.0.2.1", "ann", 1000 + wait_s * 1000, &wait_s));
}

static void the_owner_gets_in_from_elsewhere_while_somebody_guesses(void **state)
{
    tries(*state, "192.0.2.1", "ann", 1000, 100);

    assert_int_equal(tries(*state, "192.0.2.2", "ann", 1000, 100), PAIR_BURST);
    assert_int_equal(tries(*state, "192.0.2.1", "bob", 1000, 100), PAIR_BURST);
}

static void one_address_cannot_try_account_after_account(void **state)
{
    char account[20];
    int64_t wait_s = 0;
    int count = 0;
    do
        snprintf(account, sizeof account, "user%d", count);
    while (throttle_take(*state, "192.0.2.1", account, 1000, &wait_s) && ++count < 1000);

    assert_int_equal(count, PEER_BURST);
    assert_int_equal(tries(*state, "192.0.2.1", NULL, 1000, 10), 0);
    assert_int_equal(tries(*state, "192.0.2.1", NULL, 4000, 10), 3);
}

static void an_ipv6_network_of_64_bits_is_one_address(void **state)
{
    assert_int_equal(tries(*state, "2001:db8::1", "ann", 1000, 100), PAIR_BURST);

    assert_int_equal(tries(*state, "2001:db8::dead:beef", "ann", 1000, 100), 0);
    assert_int_equal(tries(*state, "2001:db8:0:1::1", "ann", 1000, 100), PAIR_BURST);
    assert_int_equal(tries(*state, "::ffff:192.0.2.1", "ann", 1000, 100), PAIR_BURST);
    assert_int_equal(tries(*state, "::ffff:192.0.2.2", "ann", 1000, 100), PAIR_BURST);
}

static void a_name_may_be_anything_and_long(void **state)
{
    char name[300];
    for (size_t i = 0; i < sizeof name - 1; i++)
        name[i] = '\xe2';
    name[sizeof name - 1] = '\0';

    assert_int_equal(tries(*state, "192.0.2.1", name, 1000, 100), PAIR_BURST);
    assert_int_equal(tries(*state, "192.0.2.1", "", 1000, 100), PAIR_BURST);
}

/* Memory is bounded: of very many addresses the longest quiet is forgotten, the busy one is not. */
static void only_the_longest_quiet_is_forgotten(void **state)
{
    char peer[40];
    tries(*state, "192.0.2.1", "quiet", 1000, 100);
    for (int i = 0; i < 30000; i++) {
        int64_t wait_s;
        snprintf(peer, sizeof peer, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_true(throttle_take(*state, peer, NULL, 1000, &wait_s));
        if (i % 1000 == 0)
            tries(*state, "192.0.2.2", "busy", 1000, 100);
    }

    assert_int_equal(tries(*state, "192.0.2.2", "busy", 1000, 100), 0);
    assert_int_equal(tries(*state, "192.0.2.1", "quiet", 1000, 100), PAIR_BURST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_account_from_one_address_has_few_tries),
        TEST(the_owner_gets_in_from_elsewhere_while_somebody_guesses),
        TEST(one_address_cannot_try_account_after_account),
        TEST(an_ipv6_network_of_64_bits_is_one_address),
        TEST(a_name_may_be_anything_and_long),
        TEST(only_the_longest_quiet_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
