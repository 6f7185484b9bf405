/* Live sessions in memory: found by token, ended by age, by idleness, and on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/session.h"

#define IDLE_MS 1000

static int setup(void **state)
{
    *state = sessions_new(IDLE_MS);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    sessions_free(*state);
    return 0;
}

/* Session @id, made at 10000, over at 15000 at the latest; its digest is "digest-@id". */
static void add(struct sessions *sessions, int64_t id, int64_t user_id)
{
    char name[] = "ann";
    struct session session = {
        .id = id, .user_id = user_id, .created_ms = 10000, .used_ms = 10000, .expires_ms = 15000, .name = name};
    snprintf(session.digest, sizeof session.digest, "digest-%d", (int)id);
    assert_true(sessions_add(sessions, &session));
    name[0] = '?'; /* it was copied */
}

static void a_session_is_found_by_its_tokens_digest_only(void **state)
{
    add(*state, 1, 7);

    struct session *found = sessions_find(*state, "digest-1", 10000);

    assert_non_null(found);
    assert_int_equal(found->user_id, 7);
    assert_string_equal(found->name, "ann");
    assert_null(sessions_find(*state, "digest-2", 10000));
    assert_null(sessions_find(*state, "digest-", 10000));
    assert_null(sessions_find(*state, "", 10000));
}

static void a_session_unused_too_long_is_over(void **state)
{
    add(*state, 1, 7);

    assert_non_null(sessions_find(*state, "digest-1", 10000 + IDLE_MS - 1));
    assert_non_null(sessions_find(*state, "digest-1", 10000 + 2 * IDLE_MS - 2)); /* it was used meanwhile */
    assert_null(sessions_find(*state, "digest-1", 10000 + 3 * IDLE_MS - 2));
}

static void using_a_session_does_not_keep_it_for_ever(void **state)
{
    add(*state, 1, 7);
    for (int64_t now_ms = 10500; now_ms < 15000; now_ms += 500)
        assert_non_null(sessions_find(*state, "digest-1", now_ms));

    assert_null(sessions_find(*state, "digest-1", 15000));
}

static void an_open_socket_uses_its_session_and_ends_with_it(void **state)
{
    add(*state, 1, 7);

    assert_non_null(sessions_use(*state, 1, 10900));
    assert_non_null(sessions_find(*state, "digest-1", 11800)); /* kept alive by the socket */
    assert_null(sessions_use(*state, 1, 15000));
    assert_null(sessions_use(*state, 2, 10000));
    assert_non_null(sessions_find_id(*state, 1)); /* still there, to be looked at */
    assert_true(sessions_is_over(*state, sessions_find_id(*state, 1), 15000));
}

static void a_clock_that_steps_back_ends_nothing(void **state)
{
    add(*state, 1, 7);

    struct session *found = sessions_find(*state, "digest-1", 5000);

    assert_non_null(found);
    assert_int_equal(found->used_ms, 10000);
}

static void ending_one_session_leaves_the_others(void **state)
{
    add(*state, 1, 7);
    add(*state, 2, 7);

    assert_true(sessions_remove(*state, 1));

    assert_false(sessions_remove(*state, 1));
    assert_null(sessions_find(*state, "digest-1", 10000));
    assert_null(sessions_find_id(*state, 1));
    assert_non_null(sessions_find(*state, "digest-2", 10000));
    assert_int_equal(sessions_count(*state), 1);
}

static void all_sessions_of_a_user_end_but_the_one_kept(void **state)
{
    for (int64_t id = 1; id <= 5; id++)
        add(*state, id, 7);
    add(*state, 6, 8);

    sessions_remove_user(*state, 7, 3);

    assert_int_equal(sessions_count(*state), 2);
    assert_non_null(sessions_find_id(*state, 3));
    sessions_remove_user(*state, 7, 0);
    assert_int_equal(sessions_count(*state), 1);
    assert_non_null(sessions_find_id(*state, 6));
    sessions_remove_user(*state, 7, 0); /* nothing left: nothing happens */
    add(*state, 7, 7);                  /* and the user can come back */
    assert_non_null(sessions_find_id(*state, 7));
}

static void sessions_may_be_removed_on_a_walk(void **state)
{
    for (int64_t id = 1; id <= 100; id++)
        add(*state, id, id % 3);
    size_t cursor = 0, seen = 0;
    struct session *session;
    while ((session = sessions_next(*state, &cursor))) {
        seen++;
        if (session->user_id != 1)
            sessions_remove(*state, session->id);
    }

    assert_int_equal(seen, 100);
    assert_int_equal(sessions_count(*state), 34);
}

static void the_actor_is_the_sessions_user(void **state)
{
    struct actor actor;
    add(*state, 4, 7);

    session_actor(sessions_find_id(*state, 4), &actor);

    assert_int_equal(actor.user_id, 7);
    assert_int_equal(actor.session_id, 4);
    assert_string_equal(actor.name, "ann");
    assert_false(actor.is_shell);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_found_by_its_tokens_digest_only),
        TEST(a_session_unused_too_long_is_over),
        TEST(using_a_session_does_not_keep_it_for_ever),
        TEST(an_open_socket_uses_its_session_and_ends_with_it),
        TEST(a_clock_that_steps_back_ends_nothing),
        TEST(ending_one_session_leaves_the_others),
        TEST(all_sessions_of_a_user_end_but_the_one_kept),
        TEST(sessions_may_be_removed_on_a_walk),
        TEST(the_actor_is_the_sessions_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
