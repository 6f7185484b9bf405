/* The hand-over between the loop and the store's threads, and that a right taken back on the way is noticed. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct note {
    struct request request;
    int64_t number;
    int runs;
};
static int frees;

static struct note *note_of(struct request *request)
{
    return container_of(request, struct note, request);
}

static void note_free(struct request *request)
{
    (void)request;
    frees++;
}

/* Writes a row if that is still allowed. */
static enum status write_work(struct request *request, struct db *db)
{
    struct note *note = note_of(request);
    note->runs++;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO setting(name, value) VALUES (?1, 'x')", "i", note->number);
    buffer_printf(request_result(request), "{\"number\":%lld,\"runs\":%d,\"rights\":%u,\"is_privileged\":%d}",
                  (long long)note->number, note->runs, request->rights, request->is_privileged);
    return status;
}

static void write_start(struct request *request)
{
    note_of(request)->number = json_get_int(request->params, "number", 0);
    request_write(request, write_work, NULL);
}

static enum status complain_work(struct request *request, struct db *db)
{
    (void)db;
    note_of(request)->runs++;
    request_refuse(request, STATUS_INVALID, "run %d", note_of(request)->runs);
    return request_invalid(request, "/number", "This is wrong.");
}

static void complain_start(struct request *request)
{
    request_write(request, complain_work, NULL);
}

/* Breaks a rule that only the commit looks at. */
static enum status spoil_work(struct request *request, struct db *db)
{
    (void)request;
    return db_run(db, "INSERT INTO later(id, owner) VALUES (1, 999)", "");
}

static void spoil_start(struct request *request)
{
    request_write(request, spoil_work, NULL);
}

/* Takes the members' right on messages back. */
static enum status take_work(struct request *request, struct db *db)
{
    enum status status = db_run(db, "DELETE FROM \"grant\" WHERE model = 'message'", "");
    db_acl_changed(db);
    return json_get_bool(request->params, "fail") ? STATUS_CONFLICT : status;
}

static void take_done(struct request *request)
{
    if (request->status == STATUS_OK)
        permissions_set(request_permissions(request), SUBJECT_MEMBERS, 0, "message", 0);
    request_finish(request, request->status);
}

static void take_start(struct request *request)
{
    request_write(request, take_work, take_done);
}

static enum status read_work(struct request *request, struct db *db)
{
    int64_t count = 0;
    enum status status = db_get_int(db, &count, "SELECT count(*) FROM setting", "");
    buffer_printf(request_result(request), "{\"count\":%lld}", (long long)count);
    return status;
}

static void read_start(struct request *request)
{
    request_read(request, read_work, NULL);
}

static const struct route routes[] = {
    {"note.write", HTTP_M_POST, NULL, ROUTE_MODEL, "message", RIGHT_WRITE, write_start, sizeof(struct note), note_free},
    {"note.own", HTTP_M_POST, NULL, ROUTE_SIGNED_IN, NULL, 0, write_start, sizeof(struct note), note_free},
    {"note.rule", HTTP_M_POST, NULL, ROUTE_SUPERUSER, NULL, 0, write_start, sizeof(struct note), note_free},
    {"note.open", HTTP_M_POST, NULL, ROUTE_OPEN, NULL, 0, write_start, sizeof(struct note), note_free},
    {"note.complain", HTTP_M_POST, NULL, ROUTE_OPEN, NULL, 0, complain_start, sizeof(struct note), note_free},
    {"note.count", HTTP_M_GET, NULL, ROUTE_OPEN, NULL, 0, read_start, 0, NULL},
    {"right.take", HTTP_M_POST, NULL, ROUTE_OPEN, NULL, 0, take_start, 0, NULL},
    {"group.spoil", HTTP_M_POST, NULL, ROUTE_OPEN, NULL, 0, spoil_start, 0, NULL},
};

static int setup(void **state)
{
    struct world *world = world_open();
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), world);
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "message", RIGHT_ALL);
    world_add_user(world, "ann");
    world_add_user(world, "bob");
    frees = 0;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static int64_t rows(struct world *world)
{
    return world_get_int(world, "SELECT count(*) FROM setting");
}

static int64_t add_session(struct world *world, int64_t user_id)
{
    char sql[300], name[] = "ann";
    snprintf(sql, sizeof sql,
             "INSERT INTO session(user_id, token_digest, created_at, used_at, expires_at, peer, agent) "
             "VALUES (%lld, 'digest', 0, 0, 0, '', '')",
             (long long)user_id);
    assert_int_equal(world_run_sql(world, sql), STATUS_OK);
    struct session session = {.id = world_get_int(world, "SELECT max(id) FROM session"),
                              .user_id = user_id,
                              .used_ms = INT64_MAX / 2,
                              .expires_ms = INT64_MAX,
                              .digest = "digest",
                              .name = name};
    assert_true(sessions_add(world->sessions, &session));
    return session.id;
}

/* ---- the hand-over ---- */

static void each_request_is_answered_once_with_its_own_answer(void **state)
{
    struct world *world = *state;
    struct answer *answers[600];
    for (int i = 0; i < 600; i++)
        answers[i] = i % 3 ? send_as(world, person(1, 0), "note.write", "{'number':%d}", i)
                           : send_as(world, person(1, 0), "note.count", "{}");
    world_run(world);

    for (int i = 0; i < 600; i++) {
        assert_true(answers[i]->is_done);
        assert_int_equal(answers[i]->status, STATUS_OK);
        if (i % 3)
            assert_int_equal(look_int(answers[i]->json, "number"), i);
    }
    assert_int_equal(frees, 400);
    assert_int_equal(rows(world), 400);
}

static void a_work_that_runs_twice_answers_once(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "CREATE TABLE later(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES user(id) "
                         "DEFERRABLE INITIALLY DEFERRED) STRICT");
    world_hold(world);
    struct answer *wrote = send_as(world, person(1, 0), "note.write", "{'number':1}");
    struct answer *complained = send_as(world, person(1, 0), "note.complain", "{}");
    struct answer *spoiled = send_as(world, person(1, 0), "group.spoil", "{}");
    world_release(world);
    world_run(world);

    assert_int_equal(spoiled->status, STATUS_CONFLICT);
    assert_int_equal(wrote->status, STATUS_OK);
    assert_int_equal(look_int(wrote->json, "runs"), 2); /* or this test shows nothing */
    assert_string_equal(complained->detail, "run 2");
    assert_string_equal(complained->errors, "{\"pointer\":\"/number\",\"detail\":\"This is wrong.\"}");
    assert_int_equal(rows(world), 1);
}

static void a_full_queue_is_busy_and_says_when_to_come_back(void **state)
{
    struct world *world = *state;
    world_hold(world);
    for (int i = 0; i < 1000; i++)
        send_as(world, person(1, 0), "note.write", "{'number':%d}", i);

    struct answer *late = send_as(world, person(1, 0), "note.write", "{'number':1000}");

    assert_false(late->is_done); /* not within the call */
    world_release(world);
    world_run(world);
    assert_int_equal(late->status, STATUS_BUSY);
    assert_int_equal(late->retry_after_s, 1);
    assert_int_equal(rows(world), 1000);
}

static void what_comes_after_the_store_was_closed_is_refused(void **state)
{
    struct world *world = *state;
    world_close_store(world);

    struct answer *answer = send_as(world, person(1, 0), "note.write", "{'number':1}");

    assert_int_equal(answer->status, STATUS_UNAVAILABLE);
    assert_int_equal(frees, 1);
}

static void what_was_queued_when_the_store_closes_is_still_done(void **state)
{
    struct world *world = *state;
    struct answer *answer = send_as(world, person(1, 0), "note.write", "{'number':1}");

    world_close_store(world);

    assert_int_equal(answer->status, STATUS_OK);
}

/* ---- rights on the way ---- */

static void a_right_taken_back_before_the_write_refuses_it(void **state)
{
    struct world *world = *state;
    send_as(world, shell(), "right.take", "{}");
    struct answer *answer = send_as(world, person(1, 0), "note.write", "{'number':1}");
    assert_false(answer->is_done); /* the loop let it through */
    world_run(world);

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_string_equal(answer->detail,
                        "You may not write message. An administrator can grant it.");
    assert_int_equal(rows(world), 0);
}

/* The change is committed, but the loop has not heard of it: what the loop allows now is allowed by what was. */
static void a_change_that_is_committed_but_not_in_memory_counts(void **state)
{
    struct world *world = *state;
    uint64_t writes = world_writes(world);
    send_as(world, shell(), "right.take", "{}");
    world_await_writes(world, writes + 1);

    struct answer *answer = send_as(world, person(1, 0), "note.write", "{'number':1}");
    assert_false(answer->is_done);
    world_run(world);

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_int_equal(rows(world), 0);
}

static void who_still_has_the_right_is_not_stopped_by_a_change(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "INSERT INTO \"group\"(id, name, created_at) VALUES (5, 'writers', 0)");
    world_run_sql(world, "INSERT INTO group_member(group_id, user_id) VALUES (5, 1)");
    world_run_sql(world, "UPDATE \"grant\" SET rights = 1 WHERE model = 'message'");
    world_run_sql(
        world,
        "INSERT INTO \"grant\"(subject, group_id, model, rights, created_at) VALUES ('group', 5, 'message', 2, 0)");
    world_run_sql(world, "UPDATE user SET superuser = 1 WHERE id = 2");
    permissions_set_superuser(world->permissions, 2, true);

    send_as(world, shell(), "right.take", "{'fail':true}"); /* so that each looks again */
    struct answer *answers[] = {
        send_as(world, person(1, 0), "note.write", "{'number':1}"),
        send_as(world, person(2, 0), "note.rule", "{'number':2}"),
        send_as(world, person(2, 0), "note.write", "{'number':3}"),
        send_as(world, person(1, 0), "note.own", "{'number':4}"),
        send_as(world, person(0, 0), "note.open", "{'number':5}"),
        send_as(world, shell(), "note.rule", "{'number':6}"),
    };
    world_run(world);

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++)
        assert_int_equal(answers[i]->status, STATUS_OK);
}

static void a_demoted_administrators_write_is_refused(void **state)
{
    struct world *world = *state;
    permissions_set_superuser(world->permissions, 2, true); /* in memory still, in the data base no longer */
    send_as(world, shell(), "right.take", "{}");
    struct answer *answer = send_as(world, person(2, 0), "note.rule", "{'number':1}");
    world_run(world);

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_string_equal(answer->detail, "Only an administrator may do this.");
}

static void a_session_ended_before_the_write_refuses_it(void **state)
{
    struct world *world = *state;
    int64_t session = add_session(world, 1);
    struct answer *before = ask(world, person(1, session), "note.own", "{'number':1}");
    world_run_sql(world, "DELETE FROM session");
    send_as(world, shell(), "right.take", "{'fail':true}");
    struct answer *after = send_as(world, person(1, session), "note.own", "{'number':2}");
    world_run(world);

    assert_int_equal(before->status, STATUS_OK);
    assert_int_equal(after->status, STATUS_UNAUTHENTICATED);
}

static void somebody_elses_session_is_no_session(void **state)
{
    struct world *world = *state;
    int64_t session = add_session(world, 2);
    send_as(world, shell(), "right.take", "{'fail':true}");
    struct answer *answer = send_as(world, person(1, session), "note.own", "{'number':2}");
    world_run(world);

    assert_int_equal(answer->status, STATUS_UNAUTHENTICATED);
}

static void a_disabled_users_write_is_refused(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE id = 1");
    send_as(world, shell(), "right.take", "{'fail':true}");
    struct answer *answer = send_as(world, person(1, 0), "note.write", "{'number':1}");
    world_run(world);

    assert_int_equal(answer->status, STATUS_UNAUTHENTICATED);
}

/* Looking again costs a query each time; it must end when memory knows the change. Here the data base says no and
 * memory says yes, so that who asked can be told apart. */
static void what_memory_knows_is_not_looked_up_again(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "DELETE FROM \"grant\"");
    ask(world, shell(), "right.take", "{'fail':true}");

    assert_int_equal(ask(world, person(1, 0), "note.write", "{'number':1}")->status, STATUS_OK);
}

static enum status note_change(struct db *db, void *context)
{
    db_acl_changed(db);
    return db_run(db, context, "");
}

static void a_grant_that_has_ended_counts_no_more(void **state)
{
    struct world *world = *state;
    char ends[] = "UPDATE \"grant\" SET until = 1 WHERE model = 'message'";
    assert_int_equal(world_write(world, note_change, ends), STATUS_OK);
    assert_int_equal(ask(world, person(1, 0), "note.write", "{'number':1}")->status, STATUS_FORBIDDEN);

    char goes_on[] = "UPDATE \"grant\" SET until = 9000000000000 WHERE model = 'message'";
    assert_int_equal(world_write(world, note_change, goes_on), STATUS_OK);
    assert_int_equal(ask(world, person(1, 0), "note.write", "{'number':2}")->status, STATUS_OK);
}

static void the_work_knows_the_rights_as_they_are(void **state)
{
    struct world *world = *state;
    const struct answer *before = ask(world, person(1, 0), "note.write", "{'number':1}");
    char less[] = "UPDATE \"grant\" SET rights = 2 WHERE model = 'message'";
    assert_int_equal(world_write(world, note_change, less), STATUS_OK);
    const struct answer *after = ask(world, person(1, 0), "note.write", "{'number':2}");
    char more[] = "UPDATE user SET superuser = 1 WHERE id = 1";
    assert_int_equal(world_write(world, note_change, more), STATUS_OK);
    const struct answer *promoted = ask(world, person(1, 0), "note.write", "{'number':3}");
    const struct answer *by_shell = ask(world, shell(), "note.write", "{'number':4}");

    assert_int_equal(look_int(before->json, "rights"), RIGHT_ALL);
    assert_int_equal(look_int(before->json, "is_privileged"), 0);
    assert_int_equal(look_int(after->json, "rights"), RIGHT_WRITE);
    assert_int_equal(look_int(promoted->json, "rights"), RIGHT_ALL);
    assert_int_equal(look_int(promoted->json, "is_privileged"), 1);
    assert_int_equal(look_int(by_shell->json, "is_privileged"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_request_is_answered_once_with_its_own_answer),
        TEST(a_work_that_runs_twice_answers_once),
        TEST(a_full_queue_is_busy_and_says_when_to_come_back),
        TEST(what_comes_after_the_store_was_closed_is_refused),
        TEST(what_was_queued_when_the_store_closes_is_still_done),
        TEST(a_right_taken_back_before_the_write_refuses_it),
        TEST(a_change_that_is_committed_but_not_in_memory_counts),
        TEST(who_still_has_the_right_is_not_stopped_by_a_change),
        TEST(a_demoted_administrators_write_is_refused),
        TEST(a_session_ended_before_the_write_refuses_it),
        TEST(somebody_elses_session_is_no_session),
        TEST(a_disabled_users_write_is_refused),
        TEST(what_memory_knows_is_not_looked_up_again),
        cmocka_unit_test_setup_teardown(a_grant_that_has_ended_counts_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(the_work_knows_the_rights_as_they_are, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
