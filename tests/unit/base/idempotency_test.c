/* The same request twice is done once: keys, the answers that are kept for them, and lists that wait their turn. */
#include "base/idempotency.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

static int tells; /* how often somebody heard of a note */

/* The answer is whole when the work is done. */
static enum status note_work(struct request *request, struct db *db)
{
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO setting(name, value) VALUES (?1, 'x')", "t",
                        json_get_text(request->params, "name"));
    int64_t count = 0;
    if (status == STATUS_OK)
        status = db_get_int(db, &count, "SELECT count(*) FROM setting", "");
    request->created_id = count;
    request->version = 1;
    buffer_printf(request_result(request), "{\"id\":%lld}", (long long)count);
    return status == STATUS_OK ? STATUS_CREATED : status;
}

static void note_done(struct request *request)
{
    tells++;
    request_finish(request, request->status);
}

static void note_start(struct request *request)
{
    request_write(request, note_work, note_done);
}

/* The answer is made on the loop. */
static enum status late_work(struct request *request, struct db *db)
{
    enum status status = note_work(request, db);
    buffer_clear(&request->result);
    return status == STATUS_CREATED ? STATUS_OK : status;
}

static void late_done(struct request *request)
{
    tells++;
    if (request->status == STATUS_OK)
        buffer_printf(request_result(request), "{\"late\":%lld}", (long long)request->created_id);
    request_finish(request, request->status == STATUS_OK ? STATUS_CREATED : request->status);
}

static void late_start(struct request *request)
{
    request_write(request, late_work, late_done);
}

static enum status list_work(struct request *request, struct db *db)
{
    struct world *world = request->app;
    (void)db;
    if (json_get_bool(request->params, "waits")) {
        uv_sem_post(&world->held);
        uv_sem_wait(&world->go);
    }
    buffer_text(request_result(request), "{\"items\":[]}");
    return STATUS_OK;
}

static void list_start(struct request *request)
{
    request_read(request, list_work, NULL);
}

static const struct route routes[] = {
    {"note.create", HTTP_M_POST, "note", ROUTE_MODEL, "note", RIGHT_WRITE, note_start, 0, NULL},
    {"late.create", HTTP_M_POST, "late", ROUTE_MODEL, "note", RIGHT_WRITE, late_start, 0, NULL},
    {"note.stamp", HTTP_M_POST, "stamp", ROUTE_MODEL | ROUTE_IDEMPOTENT, "note", RIGHT_WRITE, note_start, 0, NULL},
    {"note.update", HTTP_M_PATCH, "note/:id", ROUTE_MODEL, "note", RIGHT_WRITE, note_start, 0, NULL},
    {"secret.create", HTTP_M_POST, "secret", ROUTE_SIGNED_IN | ROUTE_SECRET, NULL, 0, note_start, 0, NULL},
    {"open.create", HTTP_M_POST, "open", ROUTE_OPEN, NULL, 0, note_start, 0, NULL},
    {"note.list", HTTP_M_GET, "note", ROUTE_OPEN, NULL, 0, list_start, 0, NULL},
};

static int setup(void **state)
{
    struct world *world = world_open();
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), world);
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "note", RIGHT_ALL);
    world_run_sql(world, "INSERT INTO \"grant\"(subject, model, rights, created_at) VALUES ('members', 'note', 7, 0)");
    world_add_user(world, "ann");
    world_add_user(world, "bob");
    tells = 0;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static int64_t notes(struct world *world)
{
    return world_get_int(world, "SELECT count(*) FROM setting");
}

static void a_repeated_request_gets_the_first_answer(void **state)
{
    struct world *world = *state;
    const struct answer *first = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    const struct answer *second = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(first->status, STATUS_CREATED);
    assert_false(first->is_replayed);
    assert_int_equal(second->status, STATUS_CREATED);
    assert_true(second->is_replayed);
    assert_int_equal(look_int(second->json, "id"), look_int(first->json, "id"));
    assert_int_equal(second->created_id, first->created_id);
    assert_int_equal(second->version, 1);
    assert_int_equal(notes(world), 1);
    assert_int_equal(tells, 1);
}

static void the_order_of_parameters_means_nothing(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "note.create", "{'name':'a','b':{'x':1,'y':[1,2]},'idempotency_key':'k'}");

    const struct answer *same =
        ask(world, person(1, 0), "note.create", "{'b':{'y':[1,2],'x':1},'idempotency_key':'k','name':'a'}");
    const struct answer *other =
        ask(world, person(1, 0), "note.create", "{'name':'a','b':{'x':1,'y':[2,1]},'idempotency_key':'k'}");

    assert_true(same->is_replayed);
    assert_int_equal(other->status, STATUS_INVALID);
}

static void the_same_key_for_another_request_is_refused(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    const struct answer *params = ask(world, person(1, 0), "note.create", "{'name':'b','idempotency_key':'k'}");
    const struct answer *action = ask(world, person(1, 0), "late.create", "{'name':'a','idempotency_key':'k'}");
    const struct answer *another = ask(world, person(2, 0), "note.create", "{'name':'c','idempotency_key':'k'}");

    assert_int_equal(params->status, STATUS_INVALID);
    assert_non_null(strstr(params->detail, "key"));
    assert_int_equal(action->status, STATUS_INVALID);
    assert_int_equal(another->status, STATUS_CREATED); /* keys are everyone's own */
    assert_int_equal(notes(world), 2);
}

static void two_at_the_same_time_are_done_once(void **state)
{
    struct world *world = *state;
    world_hold(world);
    const struct answer *first = send_as(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    const struct answer *second = send_as(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    world_release(world);
    world_run(world);

    assert_int_equal(first->status, STATUS_CREATED);
    assert_int_equal(second->status, STATUS_CREATED);
    assert_true(second->is_replayed);
    assert_int_equal(notes(world), 1);
    assert_int_equal(tells, 1);
}

static void an_answer_that_is_finished_on_the_loop_is_given_whole(void **state)
{
    struct world *world = *state;
    world_hold(world);
    const struct answer *first = send_as(world, person(1, 0), "late.create", "{'name':'a','idempotency_key':'k'}");
    const struct answer *with_it = send_as(world, person(1, 0), "late.create", "{'name':'a','idempotency_key':'k'}");
    world_release(world);
    world_run(world);
    world_get_int(world, "SELECT 1"); /* what followed is stored */
    const struct answer *later = ask(world, person(1, 0), "late.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(first->status, STATUS_CREATED);
    assert_int_equal(with_it->status, STATUS_CREATED);
    assert_int_equal(look_int(with_it->json, "late"), look_int(first->json, "late"));
    assert_true(later->is_replayed);
    assert_int_equal(later->status, STATUS_CREATED);
    assert_int_equal(look_int(later->json, "late"), look_int(first->json, "late"));
    assert_int_equal(world_get_int(world, "SELECT answer LIKE 'created 1%late%' FROM idempotency"), 1);
    assert_int_equal(tells, 1);
}

static void a_failure_is_not_kept(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "INSERT INTO setting(name, value) VALUES ('a', 'in the way')");
    const struct answer *failed = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    world_run_sql(world, "DELETE FROM setting");
    const struct answer *again = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(failed->status, STATUS_CONFLICT);
    assert_int_equal(again->status, STATUS_CREATED);
    assert_false(again->is_replayed);
}

static void who_lost_the_right_does_not_get_the_old_answer(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "note", 0);

    const struct answer *again = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(again->status, STATUS_FORBIDDEN);
    assert_null(again->json);
}

static enum status take_rights(struct db *db, void *context)
{
    (void)context;
    db_acl_changed(db);
    return db_run(db, "DELETE FROM \"grant\" WHERE model = 'note'", "");
}

static void a_right_that_went_on_the_way_counts_too(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    assert_int_equal(world_write(world, take_rights, NULL), STATUS_OK);

    const struct answer *again = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(again->status, STATUS_FORBIDDEN);
}

static void not_every_action_takes_a_key(void **state)
{
    struct world *world = *state;
    struct actor nobody = {0};
    assert_int_equal(ask(world, person(1, 0), "note.stamp", "{'name':'s','idempotency_key':'k1'}")->status,
                     STATUS_CREATED);
    assert_int_equal(ask(world, person(1, 0), "note.update", "{'name':'u','idempotency_key':'k2'}")->status,
                     STATUS_MALFORMED);
    assert_int_equal(ask(world, person(1, 0), "secret.create", "{'name':'v','idempotency_key':'k3'}")->status,
                     STATUS_MALFORMED);
    assert_int_equal(ask(world, nobody, "open.create", "{'name':'w','idempotency_key':'k4'}")->status,
                     STATUS_MALFORMED);
    assert_int_equal(ask(world, shell(), "note.create", "{'name':'x','idempotency_key':'k5'}")->status,
                     STATUS_MALFORMED);
    assert_int_equal(ask(world, person(1, 0), "note.create", "{'name':'y','idempotency_key':'k\\u00e4se'}")->status,
                     STATUS_MALFORMED);
    assert_int_equal(notes(world), 1);
}

static void what_is_older_than_a_day_is_forgotten(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");
    ask(world, person(1, 0), "note.create", "{'name':'b','idempotency_key':'l'}");
    world_run_sql(world, "UPDATE idempotency SET at = at - 24 * 60 * 60 * 1000");
    world_run_sql(world, "DELETE FROM setting");

    const struct answer *again = ask(world, person(1, 0), "note.create", "{'name':'a','idempotency_key':'k'}");

    assert_int_equal(again->status, STATUS_CREATED);
    assert_false(again->is_replayed);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM idempotency"), 1);
}

static void conditions_that_are_none_are_refused(void **state)
{
    struct world *world = *state;
    const struct answer *wrong = ask(world, person(1, 0), "note.create", "{'name':'a','if_match':'3'}");
    const struct answer *weak = ask(world, person(1, 0), "note.create", "{'name':'a','if_match':'W/\\u00223\\u0022'}");
    const struct answer *fine = ask(world, person(1, 0), "note.create", "{'name':'a','if_match':'\\u00223\\u0022'}");

    assert_int_equal(wrong->status, STATUS_MALFORMED);
    assert_non_null(strstr(wrong->detail, "If-Match"));
    assert_int_equal(weak->status, STATUS_MALFORMED);
    assert_int_equal(fine->status, STATUS_CREATED);
}

static void only_a_few_lists_of_one_person_are_read_at_once(void **state)
{
    struct world *world = *state;
    struct answer *answers[4];
    world->settings->data_lists_per_user = 1;
    world->settings->data_lists_waiting = 2;
    uv_sem_init(&world->held, 0);
    uv_sem_init(&world->go, 0);
    answers[0] = send_as(world, person(1, 0), "note.list", "{'waits':true}");
    uv_sem_wait(&world->held);
    for (size_t i = 1; i < ARRAY_LENGTH(answers); i++)
        answers[i] = send_as(world, person(1, 0), "note.list", "{}");

    const struct answer *other = ask(world, person(2, 0), "note.list", "{}");

    assert_int_equal(other->status, STATUS_OK);
    assert_false(answers[0]->is_done);
    assert_false(answers[1]->is_done);
    assert_false(answers[2]->is_done);
    assert_int_equal(answers[3]->status, STATUS_TOO_MANY);
    assert_int_equal(answers[3]->retry_after_s, 1);
    uv_sem_post(&world->go);
    world_run(world);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answers[i]->status, STATUS_OK);
    uv_sem_destroy(&world->held);
    uv_sem_destroy(&world->go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeated_request_gets_the_first_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_parameters_means_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_key_for_another_request_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(two_at_the_same_time_are_done_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_finished_on_the_loop_is_given_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(who_lost_the_right_does_not_get_the_old_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_right_that_went_on_the_way_counts_too, setup, teardown),
        cmocka_unit_test_setup_teardown(not_every_action_takes_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_older_than_a_day_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_that_are_none_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_few_lists_of_one_person_are_read_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
