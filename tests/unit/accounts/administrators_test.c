/* The first administrator, the last one, and what administrators do with accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "people.h"

/* ---- the first administrator, and the last ---- */

static void the_set_up_link_makes_exactly_one_administrator(void **state)
{
    struct world *world = *state;
    const char *link = accounts_setup_token(app(world)->accounts);
    assert_non_null(link);
    char token[RANDOM_TOKEN_SIZE], peer[40][20];
    strcpy(token, link);
    struct answer *answers[40];
    for (int i = 0; i < 40; i++) {
        snprintf(peer[i], sizeof peer[i], "192.0.2.%d", i);
        world->peer = peer[i];
        answers[i] = send_as(world, nobody, "setup.create", "{'token':'%s','name':'root%d','password':'" PASSWORD "'}",
                             token, i);
    }
    world_run(world);

    int made = 0;
    for (int i = 0; i < 40; i++)
        if (answers[i]->status == STATUS_CREATED) {
            made++;
            struct actor root = signed_in(world, answers[i]);
            assert_true(permissions_is_superuser(world->permissions, &root));
        } else {
            assert_int_equal(answers[i]->status, STATUS_NOT_FOUND);
        }
    assert_int_equal(made, 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user"), 1);
    assert_int_equal(ask(world, nobody, "setup.detail", "{'token':'%s'}", token)->status, STATUS_NOT_FOUND);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit WHERE action = 'setup' AND user_id = 1"), 1);
}

static void the_set_up_link_must_be_whole_and_young(void **state)
{
    struct world *world = *state;
    struct accounts *accounts = app(world)->accounts;
    char token[RANDOM_TOKEN_SIZE];
    strcpy(token, accounts_setup_token(accounts));
    assert_int_equal(ask(world, nobody, "setup.detail", "{'token':'%s'}", token)->status, STATUS_NO_CONTENT);
    assert_int_equal(ask(world, nobody, "setup.detail", "{'token':''}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, nobody, "setup.detail", "{'token':'%.20s'}", token)->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, nobody, "setup.detail", "{}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, nobody, "setup.create", "{'token':'','name':'root','password':'" PASSWORD "'}")->status,
                     STATUS_NOT_FOUND);

    accounts->setup_until_ms = clock_monotonic_ms();

    assert_int_equal(ask(world, nobody, "setup.detail", "{'token':'%s'}", token)->status, STATUS_NOT_FOUND);
    assert_int_equal(
        ask(world, nobody, "setup.create", "{'token':'%s','name':'root','password':'" PASSWORD "'}", token)->status,
        STATUS_NOT_FOUND);
}

static void an_administrator_of_any_making_closes_the_set_up(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    assert_non_null(accounts_setup_token(app(world)->accounts));

    ask(world, shell(), "user.update", "{'id':%lld,'superuser':true}", (long long)ann.user_id);

    assert_null(accounts_setup_token(app(world)->accounts));
    restart(world);
    assert_null(accounts_setup_token(app(world)->accounts));
}

static void the_last_administrator_stays(void **state)
{
    struct world *world = *state;
    struct actor root = administrator(world, "root");
    for (int i = 0; i < 2; i++) {
        struct answer *answer = ask(world, i ? shell() : root, "user.update", "{'id':%lld,'%s':%s}",
                                    (long long)root.user_id, i ? "disabled" : "superuser", i ? "true" : "false");
        assert_int_equal(answer->status, STATUS_LAST_ADMINISTRATOR);
    }
    assert_true(permissions_is_superuser(world->permissions, &root));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user WHERE superuser = 1 AND disabled = 0"), 1);
}

static void of_two_administrators_demoted_at_once_one_stays(void **state)
{
    struct world *world = *state;
    struct actor one = administrator(world, "one"), two = administrator(world, "two");
    world_hold(world);
    struct answer *first = send_as(world, one, "user.update", "{'id':%lld,'superuser':false}", (long long)two.user_id);
    struct answer *second = send_as(world, two, "user.update", "{'id':%lld,'disabled':true}", (long long)one.user_id);
    struct answer *third =
        send_as(world, shell(), "user.update", "{'id':%lld,'superuser':false}", (long long)one.user_id);
    world_release(world);
    world_run(world);

    assert_int_equal(first->status, STATUS_OK);
    assert_int_equal(second->status, STATUS_FORBIDDEN); /* the one who asked is no administrator any more */
    assert_int_equal(third->status, STATUS_LAST_ADMINISTRATOR);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user WHERE superuser = 1 AND disabled = 0"), 1);
}

/* ---- what administrators do ---- */

static void only_what_is_named_is_changed(void **state)
{
    struct world *world = *state;
    struct actor root = administrator(world, "root"), ann = registered(world, "ann");
    long long id = (long long)ann.user_id;
    ask(world, root, "user.update", "{'id':%lld,'superuser':true,'disabled':true}", id);

    assert_int_equal(
        ask(world, root, "user.update", "{'id':%lld,'superuser':null,'disabled':null,'password':null}", id)->status,
        STATUS_INVALID);
    assert_int_equal(
        ask(world, root, "user.update", "{'id':%lld,'superuser':null,'password':'another password'}", id)->status,
        STATUS_OK);

    assert_int_equal(world_get_int(world, "SELECT superuser + disabled FROM user WHERE name = 'ann'"), 2);
}

static void a_disabled_user_is_thrown_out_and_can_come_back(void **state)
{
    struct world *world = *state;
    struct actor root = administrator(world, "root"), ann = registered(world, "ann");
    long long id = (long long)ann.user_id;

    assert_int_equal(ask(world, root, "user.update", "{'id':%lld,'disabled':true}", id)->status, STATUS_OK);

    assert_int_equal(ask(world, ann, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, ann.user_id), 1);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_UNAUTHENTICATED);
    ask(world, root, "user.update", "{'id':%lld,'disabled':false}", id);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_OK);
    assert_int_equal(ask(world, ann, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED); /* the old session does not */
}

static void who_sets_his_own_password_stays_signed_in_unless_disabled(void **state)
{
    struct world *world = *state;
    struct actor root = administrator(world, "root");
    administrator(world, "other");
    long long id = (long long)root.user_id;
    assert_int_equal(ask(world, root, "user.update", "{'id':%lld,'password':'another password'}", id)->status,
                     STATUS_OK);
    assert_int_equal(ask(world, root, "me.detail", "{}")->status, STATUS_OK);

    ask(world, root, "user.update", "{'id':%lld,'password':'yet another one','disabled':true}", id);

    assert_int_equal(ask(world, root, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session WHERE user_id = 1"), 0);
}

static void who_becomes_an_administrator_hears_of_it(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");

    ask(world, shell(), "user.update", "{'id':%lld,'superuser':true}", (long long)ann.user_id);

    assert_int_equal(hub_count(&app(world)->hub, NOTE_RECHECK, ann.user_id), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_PUBLISH, ann.user_id), 1);
}

static void changes_of_accounts_are_recorded(void **state)
{
    struct world *world = *state;
    struct actor root = administrator(world, "root"), ann = registered(world, "ann");
    ask(world, root, "user.update", "{'id':%lld,'disabled':true}", (long long)ann.user_id);
    ask(world, root, "user.update", "{'id':999,'disabled':true}");
    ask(world, root, "user.create", "{'name':'bob','password':'" PASSWORD "'}");

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), 3);
    assert_int_equal(
        world_get_int(world, "SELECT count(*) FROM audit WHERE action = 'user.create' AND user_id IS NULL"), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit WHERE action = 'user.create' AND user_id = 1"),
                     1);
    assert_int_equal(
        world_get_int(world, "SELECT json_extract(detail, '$.after.disabled') FROM audit WHERE action = 'user.update'"), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit WHERE detail LIKE '%password\":\"%'"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, people_setup, people_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_set_up_link_makes_exactly_one_administrator),
        TEST(the_set_up_link_must_be_whole_and_young),
        TEST(an_administrator_of_any_making_closes_the_set_up),
        TEST(the_last_administrator_stays),
        TEST(of_two_administrators_demoted_at_once_one_stays),
        TEST(only_what_is_named_is_changed),
        TEST(a_disabled_user_is_thrown_out_and_can_come_back),
        TEST(who_sets_his_own_password_stays_signed_in_unless_disabled),
        TEST(who_becomes_an_administrator_hears_of_it),
        TEST(changes_of_accounts_are_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
