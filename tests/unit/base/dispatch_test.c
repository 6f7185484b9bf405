/* The table of actions: what a path or a name leads to, and that nothing is started without what it needs. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int started;

static void note_start(struct request *request)
{
    started++;
    request_finish(request, STATUS_OK);
}

static const struct route routes[] = {
    {"open.see", HTTP_M_GET, "open", ROUTE_OPEN, NULL, 0, note_start, 0, NULL},
    {"me.see", HTTP_M_GET, "me", ROUTE_SIGNED_IN, NULL, 0, note_start, 0, NULL},
    {"thing.list", HTTP_M_GET, "thing", ROUTE_MODEL, "thing", RIGHT_READ, note_start, 0, NULL},
    {"thing.create", HTTP_M_POST, "thing", ROUTE_MODEL, "thing", RIGHT_WRITE, note_start, 0, NULL},
    {"thing.detail", HTTP_M_GET, "thing/:id", ROUTE_MODEL, "thing", RIGHT_READ, note_start, 0, NULL},
    {"thing.move", HTTP_M_PATCH, "thing/:id", ROUTE_MODEL, "thing", RIGHT_READ | RIGHT_WRITE, note_start, 0, NULL},
    {"thing.delete", HTTP_M_DELETE, "thing/:id", ROUTE_MODEL, "thing", RIGHT_DELETE, note_start, 0, NULL},
    {"part.delete", HTTP_M_DELETE, "thing/:id/part/:word*", ROUTE_MODEL, "thing", RIGHT_DELETE, note_start, 0, NULL},
    {"all.stop", HTTP_M_POST, "stop", ROUTE_SUPERUSER, NULL, 0, note_start, 0, NULL},
    {"node.only", HTTP_M_GET, "node", ROUTE_NODE, NULL, 0, note_start, 0, NULL},
};

static int setup(void **state)
{
    struct world *world = world_open();
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), world);
    started = 0;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

/* What @path leads to: the route's name, or the status's code; the Allow list goes to @allow if it is not NULL. */
static const char *lead(struct world *world, enum http_method method, const char *path, char *allow)
{
    SCOPED(buffer_free) struct buffer list = {0};
    enum status status;
    struct request *request = dispatch_request_http(world->dispatch, method, path, &status, &list);
    if (allow)
        strcpy(allow, list.bytes ? list.bytes : "");
    const char *name = request ? request->route->name : status_code(status);
    request_free(request);
    return name;
}

static void a_path_leads_to_its_action(void **state)
{
    assert_string_equal(lead(*state, HTTP_M_GET, "thing", NULL), "thing.list");
    assert_string_equal(lead(*state, HTTP_M_POST, "thing", NULL), "thing.create");
    assert_string_equal(lead(*state, HTTP_M_GET, "thing/5", NULL), "thing.detail");
    assert_string_equal(lead(*state, HTTP_M_HEAD, "thing/5", NULL), "thing.detail");
    assert_string_equal(lead(*state, HTTP_M_DELETE, "thing/5/part/a-b", NULL), "part.delete");
    assert_string_equal(lead(*state, HTTP_M_GET, "thing/0", NULL), "thing.detail");
    assert_string_equal(lead(*state, HTTP_M_GET, "thing/999999999999999", NULL), "thing.detail");
}

static void anything_else_is_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "things",
        "thin",
        "Thing",
        "thing/",
        "/thing",
        "thing//5",
        "thing/05",
        "thing/+5",
        "thing/-5",
        "thing/5x",
        "thing/ 5",
        "thing/5/",
        "thing/5/x",
        "thing/5/part",
        "thing/00",
        "thing/0x5",
        "thing/5/part/",
        "thing/1e3",
        "open/x",
        "thing/5/Part/a",
        "thing/５",
        "thing/1000000000000000000000",
        "thing/5/part/a/b",
        ":id",
        "thing/:id",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
        assert_string_equal(lead(*state, HTTP_M_GET, paths[i], NULL), "not_found");
}

static void what_only_nodes_may_ask_has_no_address(void **state)
{
    assert_string_equal(lead(*state, HTTP_M_GET, "node", NULL), "not_found");
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    char allow[200];
    assert_string_equal(lead(*state, HTTP_M_PUT, "thing/5", allow), "method_not_allowed");
    assert_string_equal(allow, "GET, HEAD, PATCH, DELETE");
    assert_string_equal(lead(*state, HTTP_M_DELETE, "stop", allow), "method_not_allowed");
    assert_string_equal(allow, "POST");
    assert_string_equal(lead(*state, HTTP_M_OPTIONS, "thing", allow), "method_not_allowed");
    assert_string_equal(allow, "GET, HEAD, POST");
}

static void path_parameters_come_as_numbers_and_texts(void **state)
{
    struct world *world = *state;
    SCOPED(buffer_free) struct buffer allow = {0};
    enum status status;
    struct request *request =
        dispatch_request_http(world->dispatch, HTTP_M_DELETE, "thing/12/part/\xf0\x9f\x91\x8d", &status, &allow);

    assert_non_null(request);
    assert_int_equal(look_int(request->params, "id"), 12);
    assert_string_equal(look_text(request->params, "word"), "\xf0\x9f\x91\x8d");
    request_free(request);
}

static void an_unknown_name_is_no_action(void **state)
{
    struct world *world = *state;
    assert_null(dispatch_request(world->dispatch, "thing.fly"));
    assert_null(dispatch_request(world->dispatch, ""));
    assert_true(dispatch_knows(world->dispatch, "thing.detail"));
    assert_false(dispatch_knows(world->dispatch, "part.detail"));
}

static void who_is_unknown_is_asked_to_sign_in(void **state)
{
    struct actor nobody = {0};
    assert_int_equal(ask(*state, nobody, "open.see", "{}")->status, STATUS_OK);
    assert_int_equal(ask(*state, nobody, "me.see", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask(*state, nobody, "thing.list", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask(*state, nobody, "all.stop", "{}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(started, 1);
}

static void who_lacks_a_right_is_told_which(void **state)
{
    struct world *world = *state;
    struct actor ann = person(1, 0);
    assert_string_equal(ask(world, ann, "thing.delete", "{}")->detail,
                        "You may not delete thing. An administrator can grant it.");
    permissions_set(world->permissions, SUBJECT_USER, 1, "thing", RIGHT_WRITE);

    struct answer *answer = ask(world, ann, "thing.move", "{}"); /* needs read and write */

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_string_equal(answer->detail,
                        "You may not read thing. An administrator can grant it.");
    permissions_set(world->permissions, SUBJECT_USER, 1, "thing", RIGHT_READ);
    answer = ask(world, ann, "thing.move", "{}");
    assert_string_equal(answer->detail,
                        "You may not write thing. An administrator can grant it.");
    assert_string_equal(ask(world, ann, "all.stop", "{}")->detail, "Only an administrator may do this.");
    assert_int_equal(started, 0);
}

static void who_has_the_right_gets_through(void **state)
{
    struct world *world = *state;
    permissions_set(world->permissions, SUBJECT_EVERYONE, 0, "thing", RIGHT_READ);
    permissions_set(world->permissions, SUBJECT_USER, 1, "thing", RIGHT_WRITE);
    permissions_set_superuser(world->permissions, 2, true);

    assert_int_equal(ask(world, person(0, 0), "thing.list", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, person(1, 0), "thing.move", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, person(2, 0), "all.stop", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, person(2, 0), "thing.delete", "{}")->status, STATUS_OK);
    assert_int_equal(ask(world, shell(), "all.stop", "{}")->status, STATUS_OK);
    assert_int_equal(started, 5);
}

static void a_session_that_is_over_is_nobodys(void **state)
{
    struct world *world = *state;
    struct answer *answer = ask(world, person(1, 99), "open.see", "{}");

    assert_int_equal(answer->status, STATUS_UNAUTHENTICATED);
    assert_string_equal(answer->detail, "Your session has ended: sign in again.");
}

/* An edge fills in who it believes to have asked; the home believes its own sessions only. */
static void an_unknown_token_makes_nobody_of_the_one_who_asks(void **state)
{
    struct world *world = *state;
    struct request *request = dispatch_request(world->dispatch, "me.see");
    request->actor.user_id = 1;
    digest_text("wrong", 5, request->credential);

    dispatch_start(request);

    assert_int_equal(started, 0);
}

static bool ends_by_abort(const struct route *list, size_t count)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct dispatch *dispatch = dispatch_new(NULL);
        dispatch_add(dispatch, list, count, NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_route_that_forgets_what_it_needs_stops_the_program(void **state)
{
    (void)state;
    static const struct route bad[] = {
        {"a.b", HTTP_M_GET, "a", 0, NULL, 0, note_start, 0, NULL},
        {"a.b", HTTP_M_GET, "a", ROUTE_HTTP_ONLY, NULL, 0, note_start, 0, NULL},
        {"a.b", HTTP_M_GET, "a", ROUTE_OPEN | ROUTE_SIGNED_IN, NULL, 0, note_start, 0, NULL},
        {"a.b", HTTP_M_GET, "a", ROUTE_MODEL, NULL, RIGHT_READ, note_start, 0, NULL},
        {"a.b", HTTP_M_GET, "a", ROUTE_MODEL, "a", 0, note_start, 0, NULL},
        {"a.b", HTTP_M_GET, "a", ROUTE_OPEN, "a", RIGHT_READ, note_start, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_true(ends_by_abort(&bad[i], 1));
    static const struct route twice[] = {
        {"a.b", HTTP_M_GET, "a", ROUTE_OPEN, NULL, 0, note_start, 0, NULL},
        {"a.b", HTTP_M_POST, "b", ROUTE_OPEN, NULL, 0, note_start, 0, NULL},
    };
    assert_true(ends_by_abort(twice, 2));
    assert_false(ends_by_abort(routes, ARRAY_LENGTH(routes)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_that_forgets_what_it_needs_stops_the_program),
        TEST(a_path_leads_to_its_action),
        TEST(anything_else_is_not_found),
        TEST(what_only_nodes_may_ask_has_no_address),
        TEST(a_wrong_method_is_told_the_right_ones),
        TEST(path_parameters_come_as_numbers_and_texts),
        TEST(an_unknown_name_is_no_action),
        TEST(who_is_unknown_is_asked_to_sign_in),
        TEST(who_lacks_a_right_is_told_which),
        TEST(who_has_the_right_gets_through),
        TEST(a_session_that_is_over_is_nobodys),
        TEST(an_unknown_token_makes_nobody_of_the_one_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
