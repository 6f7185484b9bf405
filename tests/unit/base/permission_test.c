/* Grants in memory: what somebody may do is the union of what is given to everyone, members, him and his groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/permission.h"
#include "lib/clock.h"

static const struct actor nobody = {0}, ann = {.user_id = 1}, bob = {.user_id = 2}, shell = {.is_shell = true};

static int setup(void **state)
{
    *state = permissions_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    permissions_free(*state);
    return 0;
}

static void without_grants_nobody_may_do_anything(void **state)
{
    assert_int_equal(permissions_of(*state, &ann, "message"), 0);
    assert_false(permissions_allow(*state, &ann, "message", RIGHT_READ));
    assert_false(permissions_have_public(*state));
}

static void rights_are_the_union_of_all_that_apply(void **state)
{
    permissions_set(*state, SUBJECT_EVERYONE, 0, "room", RIGHT_READ);
    permissions_set(*state, SUBJECT_MEMBERS, 0, "message", RIGHT_READ);
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_WRITE);
    permissions_set(*state, SUBJECT_GROUP, 7, "message", RIGHT_DELETE);
    permissions_join(*state, 7, 1);

    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE);
    assert_int_equal(permissions_of(*state, &bob, "message"), RIGHT_READ);
    assert_int_equal(permissions_of(*state, &nobody, "message"), 0);
    assert_int_equal(permissions_of(*state, &nobody, "room"), RIGHT_READ);
    assert_int_equal(permissions_of(*state, &bob, "room"), RIGHT_READ);
}

static void all_the_rights_asked_for_are_needed(void **state)
{
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_READ | RIGHT_DELETE);

    assert_true(permissions_allow(*state, &ann, "message", RIGHT_READ | RIGHT_DELETE));
    assert_false(permissions_allow(*state, &ann, "message", RIGHT_READ | RIGHT_WRITE));
    assert_false(permissions_allow(*state, &ann, "message", 0));
}

static void what_is_taken_back_is_gone_and_the_rest_stays(void **state)
{
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_ALL);
    permissions_set(*state, SUBJECT_USER, 1, "room", RIGHT_READ);
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_READ);
    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ);

    assert_true(permissions_set(*state, SUBJECT_USER, 1, "message", 0));

    assert_int_equal(permissions_of(*state, &ann, "message"), 0);
    assert_int_equal(permissions_of(*state, &ann, "room"), RIGHT_READ);
}

static void a_grant_holds_until_its_end_and_nothing_has_to_happen_then(void **state)
{
    int64_t now_ms = clock_wall_ms();
    permissions_set_until(*state, SUBJECT_MEMBERS, 0, "message", RIGHT_READ, now_ms + 3600000);
    permissions_set_until(*state, SUBJECT_USER, 1, "message", RIGHT_WRITE, now_ms);
    permissions_set_until(*state, SUBJECT_EVERYONE, 0, "room", RIGHT_READ, now_ms - 1);

    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ);
    assert_int_equal(permissions_of(*state, &nobody, "room"), 0);
    assert_false(permissions_have_public(*state));

    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_WRITE); /* the same again, for good */
    permissions_set_until(*state, SUBJECT_EVERYONE, 0, "room", RIGHT_READ, now_ms + 3600000);
    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ | RIGHT_WRITE);
    assert_true(permissions_have_public(*state));
}

static void to_grant_is_a_right_on_each_model(void **state)
{
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_READ | RIGHT_GRANT);
    permissions_set(*state, SUBJECT_USER, 2, "message", RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE);
    permissions_set_superuser(*state, 3, true);
    const struct actor root = {.user_id = 3};

    assert_true(permissions_may_grant(*state, &ann, "message"));
    assert_true(permissions_may_grant(*state, &ann, NULL));
    assert_false(permissions_may_grant(*state, &ann, "room"));
    assert_false(permissions_may_grant(*state, &bob, "message"));
    assert_false(permissions_may_grant(*state, &bob, NULL));
    assert_false(permissions_may_grant(*state, &nobody, NULL));
    assert_true(permissions_may_grant(*state, &root, "room"));
    assert_true(permissions_may_grant(*state, &root, NULL));
    assert_true(permissions_may_grant(*state, &shell, NULL));
    permissions_set_until(*state, SUBJECT_USER, 1, "message", RIGHT_GRANT, 1);
    assert_false(permissions_may_grant(*state, &ann, NULL));
}

static void taking_back_what_was_never_given_is_fine(void **state)
{
    assert_true(permissions_set(*state, SUBJECT_USER, 1, "unheard", 0));
    assert_true(permissions_set(*state, SUBJECT_GROUP, 9, "unheard", 0));
    assert_true(permissions_set(*state, SUBJECT_EVERYONE, 0, "unheard", 0));
    assert_false(permissions_have_public(*state));
}

static void what_would_be_is_told_without_doing_it(void **state)
{
    permissions_set(*state, SUBJECT_MEMBERS, 0, "room", RIGHT_READ);
    permissions_set_until(*state, SUBJECT_GROUP, 7, "room", RIGHT_READ | RIGHT_WRITE, INT64_MAX);
    permissions_join(*state, 7, 1);
    int64_t until_ms = 0;

    assert_int_equal(permissions_of_if(*state, &ann, "room", SUBJECT_GROUP, 7, 0), RIGHT_READ);
    assert_int_equal(permissions_of_if(*state, &bob, "room", SUBJECT_GROUP, 7, 0), RIGHT_READ);
    assert_int_equal(permissions_of_if(*state, &bob, "room", SUBJECT_MEMBERS, 0, 0), 0);
    assert_int_equal(permissions_of_if(*state, &bob, "new", SUBJECT_USER, 2, RIGHT_GRANT), RIGHT_GRANT);
    assert_int_equal(permissions_of_if(*state, &ann, "new", SUBJECT_USER, 2, RIGHT_GRANT), 0);
    assert_int_equal(permissions_of_if(*state, &nobody, "room", SUBJECT_EVERYONE, 0, RIGHT_READ), RIGHT_READ);

    assert_int_equal(permissions_of(*state, &ann, "room"), RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(permissions_get(*state, SUBJECT_GROUP, 7, "room", &until_ms), RIGHT_READ | RIGHT_WRITE);
    assert_true(until_ms == INT64_MAX);
    assert_int_equal(permissions_get(*state, SUBJECT_GROUP, 8, "room", &until_ms), 0);
    assert_int_equal(permissions_get(*state, SUBJECT_USER, 1, "new", &until_ms), 0);
}

static void who_leaves_a_group_loses_what_it_gave(void **state)
{
    permissions_set(*state, SUBJECT_GROUP, 7, "message", RIGHT_WRITE);
    permissions_set(*state, SUBJECT_GROUP, 8, "message", RIGHT_READ);
    permissions_join(*state, 7, 1);
    permissions_join(*state, 7, 1); /* twice is once */
    permissions_join(*state, 8, 1);
    permissions_join(*state, 7, 2);

    permissions_part(*state, 7, 1);

    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ);
    assert_int_equal(permissions_of(*state, &bob, "message"), RIGHT_WRITE);
}

static void a_group_that_is_dropped_gives_nothing_to_anybody(void **state)
{
    permissions_set(*state, SUBJECT_GROUP, 7, "message", RIGHT_ALL);
    permissions_join(*state, 7, 1);
    permissions_join(*state, 7, 2);

    permissions_drop_group(*state, 7);

    assert_int_equal(permissions_of(*state, &ann, "message"), 0);
    permissions_set(*state, SUBJECT_GROUP, 7, "message", RIGHT_ALL); /* the number comes back, the people do not */
    assert_int_equal(permissions_of(*state, &bob, "message"), 0);
}

static void a_user_that_is_dropped_has_what_members_have(void **state)
{
    permissions_set(*state, SUBJECT_MEMBERS, 0, "message", RIGHT_READ);
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_WRITE);
    permissions_set_superuser(*state, 1, true);

    permissions_drop_user(*state, 1);

    assert_int_equal(permissions_of(*state, &ann, "message"), RIGHT_READ);
    assert_false(permissions_is_superuser(*state, &ann));
}

static void superusers_and_the_shell_may_do_everything(void **state)
{
    permissions_set_superuser(*state, 1, true);

    assert_true(permissions_is_superuser(*state, &ann));
    assert_int_equal(permissions_of(*state, &ann, "never heard of"), RIGHT_ALL);
    assert_true(permissions_is_superuser(*state, &shell));
    assert_int_equal(permissions_of(*state, &shell, "message"), RIGHT_ALL);
    assert_false(permissions_is_superuser(*state, &nobody));
    permissions_set_superuser(*state, 1, false);
    assert_int_equal(permissions_of(*state, &ann, "message"), 0);
}

static void an_unknown_model_is_a_no(void **state)
{
    permissions_set(*state, SUBJECT_EVERYONE, 0, "message", RIGHT_ALL);

    assert_int_equal(permissions_of(*state, &ann, "Message"), 0);
    assert_int_equal(permissions_of(*state, &ann, "messages"), 0);
    assert_int_equal(permissions_of(*state, &ann, ""), 0);
}

static void more_models_than_there_is_room_for_are_refused(void **state)
{
    char name[16];
    bool is_fine = true;
    int count = 0;
    for (; is_fine && count < 5000; count++) {
        snprintf(name, sizeof name, "model%d", count);
        is_fine = permissions_set(*state, SUBJECT_MEMBERS, 0, name, RIGHT_READ);
    }

    assert_false(is_fine);
    assert_int_equal(permissions_of(*state, &ann, "model0"), RIGHT_READ);
    assert_int_equal(permissions_of(*state, &ann, name), 0);
}

static void what_one_may_do_is_printed_by_model(void **state)
{
    SCOPED(buffer_free) struct buffer json = {0};
    permissions_set(*state, SUBJECT_MEMBERS, 0, "room", RIGHT_READ | RIGHT_DELETE);
    permissions_set(*state, SUBJECT_USER, 2, "grant", RIGHT_READ);
    permissions_set(*state, SUBJECT_USER, 1, "message", RIGHT_WRITE);

    permissions_print(*state, &ann, &json);

    assert_string_equal(json.bytes, "{\"room\":[\"read\",\"delete\"],\"message\":[\"write\"]}");
    for (unsigned right = RIGHT_READ; right <= RIGHT_GRANT; right *= 2) {
        static const char *const words[] = {
            [RIGHT_READ] = "read", [RIGHT_WRITE] = "write", [RIGHT_DELETE] = "delete", [RIGHT_GRANT] = "grant"};
        assert_int_equal(rights_from_word(words[right]), right);
        assert_string_equal(right_word(right), words[right]);
    }
    assert_int_equal(rights_from_word("Read"), 0);
    assert_int_equal(rights_from_word(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_grants_nobody_may_do_anything),
        TEST(rights_are_the_union_of_all_that_apply),
        TEST(all_the_rights_asked_for_are_needed),
        TEST(what_is_taken_back_is_gone_and_the_rest_stays),
        TEST(a_grant_holds_until_its_end_and_nothing_has_to_happen_then),
        TEST(to_grant_is_a_right_on_each_model),
        TEST(taking_back_what_was_never_given_is_fine),
        TEST(what_would_be_is_told_without_doing_it),
        TEST(who_leaves_a_group_loses_what_it_gave),
        TEST(a_group_that_is_dropped_gives_nothing_to_anybody),
        TEST(a_user_that_is_dropped_has_what_members_have),
        TEST(superusers_and_the_shell_may_do_everything),
        TEST(an_unknown_model_is_a_no),
        TEST(more_models_than_there_is_room_for_are_refused),
        TEST(what_one_may_do_is_printed_by_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
