/* Several actions as one: all or nothing, in order, each with its own rights. */
#include "base/batch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

static int tells, frees, settles;

static void settle(void *app)
{
    (void)app;
    settles++;
    assert_true(tells > 0);
}

struct note {
    struct request request;
    uv_timer_t timer; /* of what takes two steps */
};

static void note_free(struct request *request)
{
    (void)request;
    frees++;
}

static enum status note_work(struct request *request, struct db *db)
{
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK && json_get_bool(request->params, "wrong"))
        return request_invalid(request, "/wrong", "This is wrong.");
    if (status == STATUS_OK)
        status = db_run(db, "INSERT INTO setting(name, value) VALUES (?1, 'x')", "t",
                        json_get_text(request->params, "name"));
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "It is there already.");
    buffer_printf(request_result(request), "{\"name\":\"%s\"}", json_get_text(request->params, "name"));
    return status == STATUS_OK ? STATUS_CREATED : status;
}

static void note_done(struct request *request)
{
    tells++;
    if (request->status == STATUS_CREATED)
        request_settle(request, settle);
    request_finish(request, request->status);
}

static void note_start(struct request *request)
{
    if (json_get_bool(request->params, "bad")) {
        request_finish(request, request_invalid(request, "/bad", "This is bad."));
        return;
    }
    request_write(request, note_work, note_done);
}

static enum status clear_work(struct request *request, struct db *db)
{
    enum status status = request_recheck(request, db);
    return status == STATUS_OK ? db_run(db, "DELETE FROM setting", "") : status;
}

static void clear_done(struct request *request)
{
    tells++;
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}

static void clear_start(struct request *request)
{
    request_write(request, clear_work, clear_done);
}

static enum status take_work(struct request *request, struct db *db)
{
    db_acl_changed(db);
    (void)request;
    return db_run(db, "DELETE FROM \"grant\" WHERE model = 'note'", "");
}

static enum status give_work(struct request *request, struct db *db)
{
    db_acl_changed(db);
    (void)request;
    return db_run(db, "INSERT INTO \"grant\"(subject, model, rights, created_at) VALUES ('members', 'note', 7, 0)", "");
}

static void take_start(struct request *request)
{
    request_write(request, take_work, NULL);
}

static void give_start(struct request *request)
{
    request_write(request, give_work, NULL);
}

static enum status read_work(struct request *request, struct db *db)
{
    (void)db;
    buffer_text(request_result(request), "{}");
    return STATUS_OK;
}

static void read_start(struct request *request)
{
    request_read(request, read_work, NULL);
}

static void slow_closed(uv_handle_t *handle)
{
    struct note *note = container_of((uv_timer_t *)handle, struct note, timer);
    request_write(&note->request, note_work, note_done);
}

static void slow_fire(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, slow_closed);
}

static void slow_start(struct request *request)
{
    struct note *note = container_of(request, struct note, request);
    struct world *world = request->app;
    uv_timer_init(&world->loop, &note->timer);
    uv_timer_start(&note->timer, slow_fire, 0, 0);
}

static void nothing_start(struct request *request)
{
    request_finish(request, STATUS_OK);
}

static const struct route routes[] = {
    {"note.create", HTTP_M_POST, "note", ROUTE_MODEL, "note", RIGHT_WRITE, note_start, sizeof(struct note), note_free},
    {"note.clear", HTTP_M_POST, "clear", ROUTE_MODEL, "note", RIGHT_DELETE, clear_start, 0, NULL},
    {"note.slow", HTTP_M_POST, "slow", ROUTE_MODEL, "note", RIGHT_WRITE, slow_start, sizeof(struct note), note_free},
    {"note.list", HTTP_M_GET, "note", ROUTE_OPEN, NULL, 0, read_start, 0, NULL},
    {"right.take", HTTP_M_POST, "take", ROUTE_SIGNED_IN, NULL, 0, take_start, 0, NULL},
    {"right.give", HTTP_M_POST, "give", ROUTE_SIGNED_IN, NULL, 0, give_start, 0, NULL},
    {"nothing.do", HTTP_M_POST, "nothing", ROUTE_OPEN, NULL, 0, nothing_start, 0, NULL},
    {"cookie.set", HTTP_M_POST, "cookie", ROUTE_OPEN | ROUTE_HTTP_ONLY, NULL, 0, note_start, sizeof(struct note), NULL},
    {"secret.create", HTTP_M_POST, "secret", ROUTE_OPEN | ROUTE_SECRET, NULL, 0, note_start, sizeof(struct note), NULL},
    {"node.only", HTTP_M_POST, NULL, ROUTE_NODE, NULL, 0, note_start, sizeof(struct note), NULL},
};

static int setup(void **state)
{
    struct world *world = world_open();
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), world);
    batch_add(world->dispatch);
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "note", RIGHT_ALL);
    world_run_sql(world, "INSERT INTO \"grant\"(subject, model, rights, created_at) VALUES ('members', 'note', 7, 0)");
    world_add_user(world, "ann");
    tells = frees = settles = 0;
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

#define NOTE(name) "{'action':'note.create','params':{'name':'" name "'}}"

/* A batch of ann's; "[…]" are its operations. */
static struct answer *batch(struct world *world, const char *operations)
{
    return ask(world, person(1, 0), "batch.create", "{'operations':%s}", operations);
}

static void all_are_done_in_order(void **state)
{
    struct world *world = *state;
    const struct answer *answer = batch(world, "[" NOTE("a") ",{'action':'note.clear'}," NOTE("a") "," NOTE("b") "]");

    assert_int_equal(answer->status, STATUS_OK);
    assert_int_equal(look_int(answer->json, "results.0.status"), 201);
    assert_string_equal(look_text(answer->json, "results.0.body.name"), "a");
    assert_int_equal(look_int(answer->json, "results.1.status"), 204);
    assert_int_equal(look_int(answer->json, "results.3.status"), 201);
    assert_string_equal(look_text(answer->json, "results.3.body.name"), "b");
    assert_int_equal(notes(world), 2);
    assert_int_equal(tells, 4);
    assert_int_equal(frees, 3);
    assert_int_equal(settles, 1); /* behind the last of the same application */
}

static void one_that_fails_undoes_all(void **state)
{
    struct world *world = *state;
    const struct answer *answer = batch(world, "[" NOTE("a") "," NOTE("b") "," NOTE("a") "," NOTE("c") "]");

    assert_int_equal(answer->status, STATUS_CONFLICT);
    assert_string_equal(answer->errors, "{\"pointer\":\"/operations/2\",\"detail\":\"It is there already.\"}");
    assert_non_null(strstr(answer->detail, "It is there already."));
    assert_int_equal(notes(world), 0);
    assert_int_equal(tells, 0); /* nobody hears of what is undone */
    assert_int_equal(frees, 4);
}

static void errors_point_into_their_operation(void **state)
{
    struct world *world = *state;
    const struct answer *work =
        batch(world, "[" NOTE("a") ",{'action':'note.create','params':{'name':'b','wrong':true}}]");
    const struct answer *start =
        batch(world, "[" NOTE("a") ",{'action':'note.create','params':{'name':'b','bad':true}}," NOTE("c") "]");

    assert_int_equal(work->status, STATUS_INVALID);
    assert_string_equal(work->errors, "{\"pointer\":\"/operations/1/params/wrong\",\"detail\":\"This is wrong.\"}");
    assert_int_equal(start->status, STATUS_INVALID);
    assert_string_equal(start->errors, "{\"pointer\":\"/operations/1/params/bad\",\"detail\":\"This is bad.\"}");
    assert_int_equal(notes(world), 0);
    assert_int_equal(frees, 5);
}

static void each_needs_its_own_right(void **state)
{
    struct world *world = *state;
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "note", RIGHT_WRITE);

    const struct answer *member = batch(world, "[" NOTE("a") ",{'action':'note.clear'}]");
    const struct answer *nobody = ask(world, (struct actor){0}, "batch.create", "{'operations':[" NOTE("a") "]}");

    assert_int_equal(member->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(member->errors, "/operations/1\""));
    assert_int_equal(nobody->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(notes(world), 0);
}

static void a_right_taken_by_one_is_missing_to_the_next(void **state)
{
    struct world *world = *state;
    const struct answer *taken = batch(world, "[" NOTE("a") ",{'action':'right.take'}," NOTE("b") "]");
    const struct answer *given = batch(world, "[{'action':'right.take'},{'action':'right.give'}," NOTE("b") "]");

    assert_int_equal(taken->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(taken->errors, "/operations/2\""));
    assert_int_equal(given->status, STATUS_OK);
    assert_int_equal(notes(world), 1);
}

static void only_single_writes_are_possible(void **state)
{
    static const char *const actions[] = {"note.list",  "note.slow",     "nothing.do",
                                          "cookie.set", "secret.create", "batch.create"};
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        char operations[200];
        snprintf(operations, sizeof operations, "[" NOTE("a") ",{'action':'%s','params':{'name':'b'}}]", actions[i]);
        const struct answer *answer = batch(world, operations);
        assert_int_equal(answer->status, STATUS_MALFORMED);
        assert_non_null(strstr(answer->errors, "/operations/1\""));
    }
    world_run(world);
    assert_int_equal(notes(world), 0);
    assert_int_equal(tells, 0);
}

static void what_is_no_list_of_operations_is_refused(void **state)
{
    static const char *const wrong[] = {
        "[]",
        "{}",
        "'x'",
        "[1]",
        "[{}]",
        "[{'action':1}]",
        "[{'action':'note.create','params':[]}]",
        "[{'action':'note.create','params':{'name':'a'},'more':1}]",
        "[{'action':'note.fly','params':{}}]",
        "[{'action':'node.only','params':{'name':'a'}}]",
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(batch(world, wrong[i])->status, STATUS_INVALID);
    assert_int_equal(ask(world, person(1, 0), "batch.create", "{'operations':[" NOTE("a") "],'x':1}")->status,
                     STATUS_INVALID);
    SCOPED(buffer_free) struct buffer many = {0};
    buffer_text(&many, "[" NOTE("a"));
    for (int i = 0; i < BATCH_OPERATIONS_MAX; i++)
        buffer_text(&many, "," NOTE("a"));
    buffer_text(&many, "]");
    assert_int_equal(batch(world, many.bytes)->status, STATUS_INVALID);
    assert_int_equal(notes(world), 0);
}

static void a_batch_with_a_key_is_done_once(void **state)
{
    struct world *world = *state;
    static const char params[] = "{'operations':[" NOTE("a") "," NOTE("b") "],'idempotency_key':'k'}";
    world_hold(world);
    const struct answer *first = send_as(world, person(1, 0), "batch.create", "%s", params);
    const struct answer *second = send_as(world, person(1, 0), "batch.create", "%s", params);
    world_release(world);
    world_run(world);
    const struct answer *other =
        ask(world, person(1, 0), "batch.create", "{'operations':[" NOTE("c") "],'idempotency_key':'k'}");

    assert_int_equal(first->status, STATUS_OK);
    assert_int_equal(second->status, STATUS_OK);
    assert_true(second->is_replayed);
    assert_string_equal(look_text(second->json, "results.1.body.name"), "b");
    assert_int_equal(other->status, STATUS_INVALID);
    assert_int_equal(notes(world), 2);
    assert_int_equal(tells, 2);
}

static void an_operation_has_no_key_of_its_own(void **state)
{
    struct world *world = *state;
    const struct answer *answer =
        batch(world, "[{'action':'note.create','params':{'name':'a','idempotency_key':'k'}}]");

    assert_int_equal(answer->status, STATUS_MALFORMED);
    assert_int_equal(notes(world), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_done_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_undoes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_point_into_their_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(each_needs_its_own_right, setup, teardown),
        cmocka_unit_test_setup_teardown(a_right_taken_by_one_is_missing_to_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(only_single_writes_are_possible, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_list_of_operations_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_with_a_key_is_done_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operation_has_no_key_of_its_own, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
