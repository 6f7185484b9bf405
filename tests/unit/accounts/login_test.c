/* Registering, signing in and out, passwords and sessions, from the dispatcher to the data base. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "people.h"

/* ---- registering ---- */

static void who_registers_is_signed_in(void **state)
{
    struct world *world = *state;
    struct answer *answer =
        ask(world, nobody, "account.register", "{'name':'Ann','password':'" PASSWORD "','email':'a@b.c'}");

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_string_equal(look_text(answer->json, "user.name"), "Ann");
    assert_false(json_get_bool(json_get(answer->json, "user"), "superuser"));
    struct actor ann = signed_in(world, answer);
    assert_int_equal(ann.user_id, look_int(answer->json, "user.id"));
    char csrf[RANDOM_TOKEN_SIZE];
    assert_string_equal(look_text(answer->json, "csrf"), session_csrf(answer->session_token, csrf));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user WHERE password_hash LIKE '$argon2id$%'"), 1);
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM session WHERE token_digest LIKE '%%%s%%'", answer->session_token);
    assert_int_equal(world_get_int(world, sql), 0); /* only its digest is stored */
}

static void names_are_told_apart_without_case(void **state)
{
    struct world *world = *state;
    registered(world, "Ann");

    struct answer *answer = ask(world, nobody, "account.register", "{'name':'aNN','password':'" PASSWORD "'}");

    assert_int_equal(answer->status, STATUS_CONFLICT);
    assert_null(answer->session_token);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user"), 1);
}

static void who_is_called_by_a_number_from_earlier_times_signs_in(void **state)
{
    struct world *world = *state;
    registered(world, "ann");
    world_run_sql(world, "UPDATE user SET name = '42', name_folded = '42'");

    struct answer *answer = ask(world, nobody, "account.login", "{'name':'42','password':'" PASSWORD "'}");

    assert_int_equal(answer->status, STATUS_OK);
}

static void what_is_wrong_with_a_new_account_is_told_at_once(void **state)
{
    struct world *world = *state;
    struct answer *answer =
        ask(world, nobody, "account.register", "{'name':'a b','password':'short','email':'nobody','admin':true}");

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_non_null(strstr(answer->errors, "\"/name\""));
    assert_non_null(strstr(answer->errors, "\"/password\""));
    assert_non_null(strstr(answer->errors, "\"/email\""));
    assert_non_null(strstr(answer->errors, "\"/admin\""));
    static const char *const wrong[] = {
        "", "x", ".ann", "-ann", "ann!", "\xc3\xa4nn", "a\\u0001b", "an/n", "123456789012345678901234567890123", "42"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(
            ask(world, nobody, "account.register", "{'name':'%s','password':'" PASSWORD "'}", wrong[i])->status,
            STATUS_INVALID);
    static const char *const emails[] = {"@b.c", "a@", "a b@c", "a@b\\u0007", "a@b\\u007f", "<a@b>"};
    for (size_t i = 0; i < ARRAY_LENGTH(emails); i++)
        assert_int_equal(
            ask(world, nobody, "account.register", "{'name':'ann','password':'" PASSWORD "','email':'%s'}", emails[i])
                ->status,
            STATUS_INVALID);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user"), 0);
}

static void a_password_longer_than_it_can_be_hashed_is_refused(void **state)
{
    struct world *world = *state;
    char password[4 * PASSWORD_BYTES_MAX] = "";
    for (int i = 0; i < PASSWORD_BYTES_MAX - 1; i++) /* few enough characters, but too many bytes */
        strcat(password, "\xc3\xa4");

    struct answer *answer = ask(world, nobody, "account.register", "{'name':'ann','password':'%s'}", password);

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_non_null(strstr(answer->errors, "/password"));
}

static void closed_registration_lets_nobody_in(void **state)
{
    struct world *world = *state;
    world->settings->account_registration = "closed";

    assert_int_equal(ask(world, nobody, "account.register", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, shell(), "user.create", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_CREATED);
}

/* ---- signing in ---- */

static void nobody_is_told_why_he_does_not_get_in(void **state)
{
    struct world *world = *state;
    registered(world, "ann");
    registered(world, "bob");
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE name = 'bob'");
    world_run_sql(
        world,
        "INSERT INTO user(name, name_folded, password_hash, created_at, updated_at) VALUES ('eve', 'eve', '', 0, 0)");
    struct answer *answers[] = {
        ask(world, nobody, "account.login", "{'name':'ann','password':'a wrong password'}"),
        ask(world, nobody, "account.login", "{'name':'unknown','password':'" PASSWORD "'}"),
        ask(world, nobody, "account.login", "{'name':'no name!','password':'" PASSWORD "'}"),
        ask(world, nobody, "account.login", "{'name':'bob','password':'" PASSWORD "'}"),
        ask(world, nobody, "account.login", "{'name':'eve','password':'x'}"),
        ask(world, nobody, "account.login", "{'name':'nobody','password':'nobody'}"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        assert_int_equal(answers[i]->status, STATUS_UNAUTHENTICATED);
        assert_string_equal(answers[i]->detail, "This name and password do not belong together.");
        assert_null(answers[i]->errors);
        assert_null(answers[i]->session_token);
    }
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ANN','password':'" PASSWORD "'}")->status,
                     STATUS_OK);
}

static void a_new_session_takes_the_place_of_the_one_that_came_along(void **state)
{
    struct world *world = *state;
    registered(world, "bob");
    struct actor ann = registered(world, "ann");

    struct answer *answer = ask(world, ann, "account.login", "{'name':'bob','password':'" PASSWORD "'}");

    assert_int_equal(answer->status, STATUS_OK);
    assert_null(sessions_find_id(world->sessions, ann.session_id));
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, ann.user_id), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session"), 2); /* bob's two */
}

static void who_is_disabled_while_signing_in_stays_out(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    world_hold(world);
    struct answer *update =
        send_as(world, shell(), "user.update", "{'id':%lld,'disabled':true}", (long long)ann.user_id);
    struct answer *login = send_as(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}");
    run_until_queued(world, 2);
    world_release(world);
    world_run(world);

    assert_int_equal(update->status, STATUS_OK);
    assert_int_equal(login->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(sessions_count(world->sessions), 0);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session"), 0);
}

static void a_hash_of_old_costs_is_replaced_at_the_next_sign_in(void **state)
{
    struct world *world = *state;
    registered(world, "ann");
    world->settings->account_hash_passes = 2;
    restart(world);

    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_OK);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user WHERE password_hash LIKE '%t=2%'"), 1);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_OK);
}

static void too_many_tries_have_to_wait_but_only_from_there(void **state)
{
    struct world *world = *state;
    registered(world, "ann");
    world->peer = "192.0.2.66";
    struct answer *answer;
    int count = 0;
    do
        answer = ask(world, nobody, "account.login", "{'name':'ann','password':'guess'}");
    while (answer->status == STATUS_UNAUTHENTICATED && ++count < 100);

    assert_int_equal(answer->status, STATUS_TOO_MANY);
    assert_true(answer->retry_after_s > 0);
    assert_int_equal(count, 5);
    world->peer = "192.0.2.1";
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_OK);
}

static void a_class_that_shares_an_address_can_register(void **state)
{
    char name[20];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "pupil%d", i);
        registered(*state, name);
    }
}

static void who_signs_out_is_out(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");

    struct answer *answer = ask(world, ann, "account.logout", "{}");

    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    assert_string_equal(answer->session_token, ""); /* ends the cookie */
    assert_int_equal(ask(world, ann, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session"), 0);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, ann.user_id), 1);
}

/* ---- passwords ---- */

static void a_new_password_ends_the_other_sessions(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    struct actor other =
        signed_in(world, ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}"));

    struct answer *answer = ask(world, ann, "account.password", "{'old':'" PASSWORD "','new':'an even better one'}");

    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    assert_int_equal(ask(world, ann, "me.detail", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, other, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}")->status,
                     STATUS_UNAUTHENTICATED);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'an even better one'}")->status,
                     STATUS_OK);
}

static void the_old_password_must_be_right_and_the_new_one_good(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    struct answer *answer = ask(world, ann, "account.password", "{'old':'wrong','new':'an even better one'}");
    assert_int_equal(answer->status, STATUS_INVALID);
    assert_non_null(strstr(answer->errors, "\"/old\""));

    answer = ask(world, ann, "account.password", "{'old':'','new':'short'}");

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_non_null(strstr(answer->errors, "\"/old\""));
    assert_non_null(strstr(answer->errors, "\"/new\""));
    assert_null(strstr(answer->errors, "\"/password\""));
}

static void an_account_without_a_password_has_no_old_one(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    world_run_sql(world, "UPDATE user SET password_hash = ''");

    struct answer *answer = ask(world, ann, "account.password", "{'old':'anything','new':'an even better one'}");

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM user WHERE password_hash = ''"), 1);
}

static void of_two_changes_with_one_old_password_the_first_counts(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    world_hold(world);
    struct answer *first = send_as(world, ann, "account.password", "{'old':'" PASSWORD "','new':'the first of two'}");
    run_until_queued(world, 1);
    struct answer *second = send_as(world, ann, "account.password", "{'old':'" PASSWORD "','new':'the second of two'}");
    run_until_queued(world, 2);
    world_release(world);
    world_run(world);

    assert_int_equal(first->status, STATUS_NO_CONTENT);
    assert_int_equal(second->status, STATUS_INVALID);
    assert_int_equal(ask(world, nobody, "account.login", "{'name':'ann','password':'the first of two'}")->status,
                     STATUS_OK);
}

/* ---- sessions ---- */

static void one_sees_and_ends_ones_own_sessions_only(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann"), bob = registered(world, "bob");
    struct actor other =
        signed_in(world, ask(world, nobody, "account.login", "{'name':'ann','password':'" PASSWORD "'}"));
    struct answer *list = ask(world, ann, "session.list", "{}");
    assert_int_equal(cJSON_GetArraySize(json_get(list->json, "items")), 2);
    assert_int_equal(look_int(list->json, "items.0.id"), other.session_id);
    assert_true(json_get_bool(cJSON_GetArrayItem(json_get(list->json, "items"), 1), "current"));

    assert_int_equal(ask(world, ann, "session.delete", "{'id':%lld}", (long long)bob.session_id)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, ann, "session.delete", "{'id':%lld}", (long long)other.session_id)->status,
                     STATUS_NO_CONTENT);

    assert_int_equal(ask(world, bob, "me.detail", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, other, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask(world, ann, "session.delete", "{'id':%lld}", (long long)other.session_id)->status,
                     STATUS_NOT_FOUND);
    struct answer *own = ask(world, ann, "session.delete", "{'id':%lld}", (long long)ann.session_id);
    assert_string_equal(own->session_token, "");
}

static void sweep(struct world *world)
{
    struct accounts *accounts = app(world)->accounts;
    accounts->used_timer.timer_cb(&accounts->used_timer);
    while (accounts->is_writing_used)
        uv_run(&world->loop, UV_RUN_ONCE);
}

static void sessions_that_are_over_are_ended_everywhere(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann"), bob = registered(world, "bob"), eve = registered(world, "eve");
    sessions_find_id(world->sessions, ann.session_id)->expires_ms = clock_wall_ms();
    sessions_find_id(world->sessions, bob.session_id)->used_ms -= world->settings->account_session_idle_s * 1000 + 1;

    sweep(world);

    assert_int_equal(sessions_count(world->sessions), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session"), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, ann.user_id), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, bob.user_id), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_DISCONNECT, eve.user_id), 0);
}

static void whose_session_was_lent_is_to_show_the_token_again(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann"), bob = registered(world, "bob");
    int64_t now_ms = clock_wall_ms();
    assert_non_null(sessions_lend(world->sessions, ann.user_id, "ann", now_ms, now_ms));
    sessions_find_id(world->sessions, bob.session_id)->expires_ms = now_ms;

    sweep(world);

    const struct hub *hub = &app(world)->hub;
    int seen = 0;
    for (size_t i = 0; i < hub->count; i++)
        if (hub->notes[i].kind == NOTE_DISCONNECT) {
            seen++;
            assert_int_equal(hub->notes[i].code, hub->notes[i].user_id == ann.user_id ? 3011 : 3507);
        }
    assert_int_equal(seen, 2);
    assert_null(sessions_find_id(world->sessions, SESSION_LENT + ann.user_id));
}

static void when_sessions_were_used_is_written_for_all_of_them(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann");
    char sql[300], digest[DIGEST_TEXT_SIZE];
    for (int i = 0; i < 2100; i++) { /* more than one transaction takes */
        snprintf(digest, sizeof digest, "digest%d", i);
        struct session session = {.id = 1000 + i,
                                  .user_id = ann.user_id,
                                  .used_ms = 5,
                                  .stored_ms = 5,
                                  .expires_ms = INT64_MAX,
                                  .name = ann.name};
        strcpy(session.digest, digest);
        assert_true(sessions_add(world->sessions, &session));
    }
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2099) INSERT INTO session"
             "(id, user_id, token_digest, created_at, used_at, expires_at, peer, agent) "
             "SELECT 1000 + i, %lld, 'digest' || i, 5, 5, %lld, '', '' FROM n",
             (long long)ann.user_id, (long long)clock_wall_ms() * 2);
    assert_int_equal(world_run_sql(world, sql), STATUS_OK);
    size_t cursor = 0;
    for (struct session *session; (session = sessions_next(world->sessions, &cursor));)
        session->used_ms = clock_wall_ms();

    sweep(world);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM session WHERE used_at > 5"), 2101);
}

static void sessions_outlive_a_restart_but_not_of_the_disabled(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann"), bob = registered(world, "bob"), eve = administrator(world, "eve");
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE name = 'bob'");

    restart(world);

    assert_int_equal(ask(world, ann, "me.detail", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, bob, "me.detail", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_true(permissions_is_superuser(world->permissions, &eve));
}

static void ones_own_feed_is_ones_own(void **state)
{
    struct world *world = *state;
    struct actor ann = registered(world, "ann"), bob = registered(world, "bob");
    struct channel_top top;
    const struct channel_kind *kind = app(world)->hub.kind;
    assert_int_equal(kind->authorize(app(world)->hub.app, &ann, "1", &top), STATUS_OK);
    assert_int_equal(kind->authorize(app(world)->hub.app, &bob, "1", &top), STATUS_FORBIDDEN);
    assert_int_equal(kind->authorize(app(world)->hub.app, &ann, "01", &top), STATUS_FORBIDDEN);
    assert_int_equal(kind->authorize(app(world)->hub.app, &nobody, "0", &top), STATUS_FORBIDDEN);
}

/* The store is closed, then accounts, then the loop runs out: passwords that were being hashed meanwhile come home. */
static void who_signs_in_while_the_program_stops_is_told_to_come_back(void **state)
{
    struct world *world = *state;
    struct answer *answers[10];
    char name[20];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "user%d", i);
        answers[i] = send_as(world, nobody, "account.register", "{'name':'%s','password':'" PASSWORD "'}", name);
    }
    world_close_store(world);
    accounts_close(app(world)->accounts);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    accounts_free(TAKE(app(world)->accounts));

    for (int i = 0; i < 10; i++)
        assert_int_equal(answers[i]->status, STATUS_UNAVAILABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, people_setup, people_teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_registers_is_signed_in),
        TEST(names_are_told_apart_without_case),
        TEST(who_is_called_by_a_number_from_earlier_times_signs_in),
        TEST(what_is_wrong_with_a_new_account_is_told_at_once),
        TEST(a_password_longer_than_it_can_be_hashed_is_refused),
        TEST(closed_registration_lets_nobody_in),
        TEST(nobody_is_told_why_he_does_not_get_in),
        TEST(a_new_session_takes_the_place_of_the_one_that_came_along),
        TEST(who_is_disabled_while_signing_in_stays_out),
        TEST(a_hash_of_old_costs_is_replaced_at_the_next_sign_in),
        TEST(too_many_tries_have_to_wait_but_only_from_there),
        TEST(a_class_that_shares_an_address_can_register),
        TEST(who_signs_out_is_out),
        TEST(a_new_password_ends_the_other_sessions),
        TEST(the_old_password_must_be_right_and_the_new_one_good),
        TEST(an_account_without_a_password_has_no_old_one),
        TEST(of_two_changes_with_one_old_password_the_first_counts),
        TEST(one_sees_and_ends_ones_own_sessions_only),
        TEST(sessions_that_are_over_are_ended_everywhere),
        TEST(whose_session_was_lent_is_to_show_the_token_again),
        TEST(when_sessions_were_used_is_written_for_all_of_them),
        TEST(sessions_outlive_a_restart_but_not_of_the_disabled),
        TEST(ones_own_feed_is_ones_own),
        TEST(who_signs_in_while_the_program_stops_is_told_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
