/* An edge that did not hear of a change of rights: it notices by the numbers, delivers nothing, and asks the home. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

#define ROOM      "room:1"
#define CALLS_MAX 32

/* What this edge asks its home, unanswered. */
static struct request *calls[CALLS_MAX];
static size_t calls_count;

static void forward(void *context, struct request *request)
{
    (void)context;
    assert_true(calls_count < CALLS_MAX);
    calls[calls_count++] = request;
}

/* Answer everything that was asked so far; @checked is the answer to "channel.check". Returns how many of those. */
static size_t home_answers(const char *checked)
{
    size_t count = calls_count, checks = 0;
    struct request *asked[CALLS_MAX];
    memcpy(asked, calls, sizeof asked);
    calls_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_check = strcmp(asked[i]->route->name, "channel.check") == 0;
        checks += is_check;
        bool is_version = strcmp(asked[i]->route->name, "rights.version") == 0;
        buffer_text(request_result(asked[i]), is_check ? checked : is_version ? "{\"version\":100}" : "{}");
        request_finish(asked[i], STATUS_OK);
    }
    return checks;
}

#define NOBODY_DENIED "{\"denied\":[]}"
#define FIRST_DENIED  "{\"denied\":[[0,2]]}"

/* While deliveries are held there is always something left to do. */
static void turns(struct world *world)
{
    for (int i = 0; i < 10; i++)
        world_turn(world);
}

/* The bus is only there to be listened on: what it would bring, the tests bring. */
static void unheard(void *context, const char *channel, const char *bytes, size_t length)
{
    (void)context, (void)channel, (void)bytes, (void)length;
}
static void unchanged(void *context, bool is_up)
{
    (void)context, (void)is_up;
}
static void unlistened(void *context, const char *channel, bool is_listening)
{
    (void)context, (void)channel, (void)is_listening;
}

static int edge_open(void **state)
{
    world_open(state);
    struct world *world = *state;
    char why[100];
    const struct bus_options options = {.message = unheard, .state = unchanged, .listening = unlistened};
    calls_count = 0;
    dispatch_set_edge(world->dispatch, forward, NULL);
    assert_int_equal(bus_open(&options, &world->loop, &world->hub->bus, why, sizeof why), STATUS_OK);
    return 0;
}

static int edge_close(void **state)
{
    struct world *world = *state;
    while (world->count > 0)
        world_leave(world, world->sockets[world->count - 1]);
    while (calls_count)
        home_answers(NOBODY_DENIED);
    dispatch_set_edge(world->dispatch, NULL, NULL);
    bus_close(world->hub->bus);
    return world_close(state);
}

static void event_comes(struct world *world, int offset, int version)
{
    char text[200];
    int length = snprintf(text, sizeof text,
                          "E%d %d\n{\"push\":{\"channel\":\"" ROOM "\",\"pub\":{\"data\":\"x\",\"offset\":%d}}}",
                          offset, version, offset);
    hub_bus_message(world->hub, HUB_BUS_CHANNEL ROOM, text, (size_t)length);
    turns(world);
}

static void change_comes(struct world *world, int version, int user_id)
{
    char text[200];
    int length = snprintf(text, sizeof text, "{\"op\":\"recheck\",\"version\":%d,\"user\":%d,\"session\":0,\"code\":0}",
                          version, user_id);
    hub_bus_message(world->hub, HUB_BUS_CONTROL, text, (size_t)length);
    turns(world);
}

/* Somebody who listens, on an edge that knows of the changes up to 100. */
static struct websocket *listener(struct world *world)
{
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    change_comes(world, 100, 0);
    home_answers(NOBODY_DENIED);
    turns(world);
    return socket;
}

/* It asks when it begins, so that its first listeners need not be checked for nothing. */
static void an_edge_that_begins_asks_where_the_home_is(void **state)
{
    struct world *world = *state;
    hub_resume(world->hub);
    assert_int_equal(home_answers(NOBODY_DENIED), 0);
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);

    event_comes(world, 1, 100);

    assert_int_equal(calls_count, 0);
    assert_string_equal(world_heard(socket), "1");
}

/* The bus was away: nobody knows what was lost. */
static void an_edge_that_comes_back_checks_and_goes_on_from_there(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);
    hub_suspend(world->hub);

    hub_resume(world->hub);
    event_comes(world, 1, 100);

    assert_string_equal(world_heard(socket), "");
    assert_true(home_answers(NOBODY_DENIED) >= 1);
    while (calls_count)
        home_answers(NOBODY_DENIED);
    turns(world);
    assert_string_equal(world_heard(socket), "1");
    event_comes(world, 2, 100);
    assert_int_equal(calls_count, 0);
    assert_string_equal(world_heard(socket), "1 2");
}

static void what_comes_in_order_needs_no_questions(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);

    event_comes(world, 1, 100);
    change_comes(world, 101, 77); /* nobody here */
    event_comes(world, 2, 101);

    assert_int_equal(calls_count, 0);
    assert_string_equal(world_heard(socket), "1 2");
}

static void an_event_behind_a_lost_change_is_held_until_the_home_has_said_who_may(void **state)
{
    struct world *world = *state;
    struct websocket *lost = listener(world), *kept = world_connect(world);
    world_listen(kept, ROOM);
    event_comes(world, 1, 100);
    /* Change 101, which takes a right away, is dropped on the way. */
    event_comes(world, 2, 101);
    assert_string_equal(world_heard(lost), "1");
    assert_string_equal(world_heard(kept), "1");
    assert_int_equal(calls_count, 1);

    home_answers(FIRST_DENIED);
    turns(world);

    assert_true(strcmp(world_heard(lost), "1 u") == 0 || strcmp(world_heard(kept), "1 u") == 0);
    assert_true(strcmp(world_heard(lost), "1 2") == 0 || strcmp(world_heard(kept), "1 2") == 0);
}

static void a_change_behind_a_lost_one_checks_everybody(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);

    change_comes(world, 102, 77); /* 101 was about somebody else */

    event_comes(world, 1, 102);
    assert_string_equal(world_heard(socket), "");
    assert_int_equal(home_answers(FIRST_DENIED), 1);
    turns(world);
    assert_string_equal(world_heard(socket), "u");
}

static void another_home_is_noticed_by_its_numbers(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);

    event_comes(world, 1, 5000);

    assert_string_equal(world_heard(socket), "");
    assert_int_equal(home_answers(NOBODY_DENIED), 1);
    turns(world);
    assert_string_equal(world_heard(socket), "1");
    event_comes(world, 2, 5000);
    assert_string_equal(world_heard(socket), "1 2");
    assert_int_equal(calls_count, 0);
}

/* The answer to the first check was made before the second change. */
static void a_change_lost_while_a_check_is_under_way_is_checked_again(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);
    event_comes(world, 1, 101);
    event_comes(world, 2, 102);

    assert_int_equal(home_answers(NOBODY_DENIED), 1);
    turns(world);
    assert_string_equal(world_heard(socket), "");
    assert_int_equal(home_answers(FIRST_DENIED), 1);
    turns(world);

    assert_string_equal(world_heard(socket), "u");
}

static void who_comes_and_goes_is_held_back_too(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);
    struct subscription *subscription = subscription_find(socket->connection, ROOM);
    static const char join[] = "J101\n{\"push\":{\"channel\":\"" ROOM "\",\"join\":{\"info\":{}}}}";
    subscription->wants_join_leave = true;

    hub_bus_message(world->hub, HUB_BUS_CHANNEL ROOM, join, sizeof join - 1);
    turns(world);

    assert_string_equal(world_heard(socket), "");
    home_answers(NOBODY_DENIED);
    turns(world);
    assert_string_equal(world_heard(socket), "j");
}

static void a_message_without_a_number_is_a_lost_change(void **state)
{
    struct world *world = *state;
    struct websocket *socket = listener(world);
    static const char *const texts[] = {"E1\n7",    "E1 \n9", "E\n1",
                                        "E1 x\n{}", "J\n7",   "E99999999999999999999999 1\n{}"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        size_t checks = calls_count;
        hub_bus_message(world->hub, HUB_BUS_CHANNEL ROOM, texts[i], strlen(texts[i]));
        turns(world);
        assert_int_equal(socket->count, 0);
        assert_true(calls_count >= checks);
    }
    assert_true(calls_count > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edge_open, edge_close)
    const struct CMUnitTest tests[] = {
        TEST(an_edge_that_begins_asks_where_the_home_is),
        TEST(an_edge_that_comes_back_checks_and_goes_on_from_there),
        TEST(what_comes_in_order_needs_no_questions),
        TEST(an_event_behind_a_lost_change_is_held_until_the_home_has_said_who_may),
        TEST(a_change_behind_a_lost_one_checks_everybody),
        TEST(another_home_is_noticed_by_its_numbers),
        TEST(a_change_lost_while_a_check_is_under_way_is_checked_again),
        TEST(who_comes_and_goes_is_held_back_too),
        TEST(a_message_without_a_number_is_a_lost_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
