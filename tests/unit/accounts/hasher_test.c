/* Password hashes away from the loop: right, bounded, in turn, and given up in order when the program stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "accounts/hasher.h"
#include "lib/random.h"
#include "lib/scope.h"

struct world {
    uv_loop_t loop;
    struct settings *settings;
    struct hasher *hasher;
};
struct
try {
    struct hash_job job;
    int done_place; /* 1: the first that was done; 0: not yet */
};
static int done_count;

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world || !random_open())
        return -1;
    uv_loop_init(&world->loop);
    world->settings = settings_new();
    world->settings->account_hash_memory_kib = 64;
    world->settings->account_hash_passes = 1;
    world->hasher = hasher_new(&world->loop, world->settings);
    done_count = 0;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    hasher_free(world->hasher);
    settings_free(world->settings);
    free(world);
    return 0;
}

static void done(struct hash_job *job)
{
    container_of(job, struct try, job)->done_place = ++done_count;
}

static bool submit(struct world *world, struct try *try, const char *password, const char *expected)
{
    *try = (struct try){.job = {.done = done}};
    snprintf(try->job.password, sizeof try->job.password, "%s", password);
    snprintf(try->job.expected, sizeof try->job.expected, "%s", expected);
    return hasher_submit(world->hasher, &try->job);
}

static void run(struct world *world, struct try *try, const char *password, const char *expected)
{
    assert_true(submit(world, try, password, expected));
    assert_int_equal(try->done_place, 0); /* never within the call */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(try->job.has_run);
}

static void only_the_right_password_matches_its_hash(void **state)
{
    struct try made, right, wrong;
    run(*state, &made, "correct horse", "");
    assert_true(made.job.is_fine);
    assert_int_equal(strncmp(made.job.hash, "$argon2id$", 10), 0);

    run(*state, &right, "correct horse", made.job.hash);
    run(*state, &wrong, "correct horsf", made.job.hash);

    assert_true(right.job.is_fine);
    assert_string_equal(right.job.hash, ""); /* good as it is */
    assert_false(wrong.job.is_fine);
}

static void a_long_password_counts_to_its_last_byte(void **state)
{
    struct try made, wrong;
    char password[PASSWORD_BYTES_MAX + 1];
    memset(password, 'a', PASSWORD_BYTES_MAX);
    password[PASSWORD_BYTES_MAX] = '\0';
    run(*state, &made, password, "");
    password[PASSWORD_BYTES_MAX - 1] = 'b';

    run(*state, &wrong, password, made.job.hash);

    assert_false(wrong.job.is_fine);
}

static void a_hash_of_other_costs_is_made_anew(void **state)
{
    struct world *world = *state;
    struct try made, right, wrong, again;
    run(world, &made, "correct horse", "");
    hasher_free(world->hasher);
    world->settings->account_hash_passes = 2;
    world->hasher = hasher_new(&world->loop, world->settings);

    run(world, &right, "correct horse", made.job.hash);
    run(world, &wrong, "wrong horse", made.job.hash);
    run(world, &again, "correct horse", right.job.hash);

    assert_true(right.job.is_fine);
    assert_non_null(strstr(right.job.hash, "t=2"));
    assert_string_equal(wrong.job.hash, "");
    assert_true(again.job.is_fine);
}

static void a_damaged_hash_matches_nothing(void **state)
{
    struct try try;
    run(*state, &try, "", "$argon2id$");
    assert_false(try.job.is_fine);
    run(*state, &try, "nonsense", "nonsense");
    assert_false(try.job.is_fine);
}

static void passwords_are_wiped(void **state)
{
    struct try made;
    run(*state, &made, "correct horse", "");
    for (size_t i = 0; i < sizeof made.job.password; i++)
        assert_int_equal(made.job.password[i], 0);
}

static void no_more_than_a_bounded_number_waits_and_each_has_its_turn(void **state)
{
    struct world *world = *state;
    static struct try tries[70];
    int taken = 0;
    while (taken < 70 && submit(world, &tries[taken], "correct horse", ""))
        taken++;
    assert_int_equal(taken, 2 + 64);
    assert_string_equal(tries[taken].job.password, "");

    uv_run(&world->loop, UV_RUN_DEFAULT);

    assert_int_equal(done_count, taken);
    /* Two run at a time, and one may take long. But the one at place i began when all but one of those before it
     * were done. */
    for (int i = 0; i < taken; i++)
        assert_true(tries[i].done_place >= i);
    run(world, &tries[0], "correct horse", ""); /* there is room again */
}

static void what_waits_is_given_up_when_it_stops(void **state)
{
    struct world *world = *state;
    static struct try tries[10];
    struct try late;
    for (int i = 0; i < 10; i++)
        assert_true(submit(world, &tries[i], "correct horse", ""));

    hasher_stop(world->hasher);

    for (int i = 2; i < 10; i++) {
        assert_true(tries[i].done_place > 0);
        assert_false(tries[i].job.has_run);
        assert_false(tries[i].job.is_fine);
        assert_string_equal(tries[i].job.password, "");
    }
    assert_false(submit(world, &late, "correct horse", ""));
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(tries[0].job.has_run && tries[1].job.has_run); /* what ran comes to its end */
    assert_int_equal(done_count, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_the_right_password_matches_its_hash),
        TEST(a_long_password_counts_to_its_last_byte),
        TEST(a_hash_of_other_costs_is_made_anew),
        TEST(a_damaged_hash_matches_nothing),
        TEST(passwords_are_wiped),
        TEST(no_more_than_a_bounded_number_waits_and_each_has_its_turn),
        TEST(what_waits_is_given_up_when_it_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
