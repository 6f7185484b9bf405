/* What a home does for edges: above all, that nothing stays of one that is gone. */
#include "base/remote.h"
#include <string.h>
#include "world.h"

#define CALL "{\"node\":7,\"call\":1,\"action\":\"slow\"}\n{}"

static struct request *under_way;
static unsigned lost;

static void slow_start(struct request *request)
{
    under_way = request;
}

static const struct route routes[] = {{.name = "slow", .flags = ROUTE_NODE, .start = slow_start}};

static void node_lost(void *context, uint64_t node)
{
    (void)context;
    assert_int_equal(node, 7);
    lost++;
}

static void bus_arrived(void *context, const char *channel, const char *bytes, size_t length)
{
    (void)context, (void)channel, (void)bytes, (void)length;
}
static void bus_changed(void *context, bool is_up)
{
    (void)context, (void)is_up;
}
static void bus_heard(void *context, const char *channel, bool is_listening)
{
    (void)context, (void)channel, (void)is_listening;
}

/* A home, on a bus of its own, that gives edges up after half a second. */
struct home {
    struct world *world;
    struct wheel *wheel;
    struct bus *bus;
    struct remote *remote;
};

static struct home home_open(void)
{
    static const struct remote_handlers handlers = {.node_lost = node_lost};
    char why[256];
    struct home home = {.world = world_open()};
    home.world->settings->node_silence_ms = 500;
    home.wheel = wheel_open(&home.world->loop);
    struct bus_options options = {.prefix = "test:",
                                  .in_flight_max = 1 << 20,
                                  .message = bus_arrived,
                                  .state = bus_changed,
                                  .listening = bus_heard};
    assert_int_equal(bus_open(&options, &home.world->loop, &home.bus, why, sizeof why), STATUS_OK);
    dispatch_add(home.world->dispatch, routes, ARRAY_LENGTH(routes), NULL);
    home.remote = remote_new(home.world->dispatch, home.wheel, false, &handlers);
    remote_set_bus(home.remote, home.bus);
    under_way = NULL;
    lost = 0;
    return home;
}

static void home_close(struct home *home)
{
    remote_stop(home->remote);
    bus_close(home->bus);
    wheel_close(home->wheel);
    uv_run(&home->world->loop, UV_RUN_NOWAIT);
    remote_free(home->remote);
    world_close(home->world);
}

static void what_an_edge_asked_for_before_it_was_given_up_is_undone_when_it_ends(void **state)
{
    (void)state;
    struct home home = home_open();
    assert_true(remote_bus_message(home.remote, REMOTE_HOME_CHANNEL, CALL, strlen(CALL)));
    assert_non_null(under_way);
    while (!lost)
        uv_run(&home.world->loop, UV_RUN_ONCE);
    assert_int_equal(remote_nodes(home.remote), 0);

    request_finish(under_way, STATUS_OK);

    assert_int_equal(lost, 2);
    home_close(&home);
}

static void what_an_edge_asked_for_stays_while_it_lives(void **state)
{
    (void)state;
    struct home home = home_open();
    assert_true(remote_bus_message(home.remote, REMOTE_HOME_CHANNEL, CALL, strlen(CALL)));

    request_finish(under_way, STATUS_OK);

    assert_int_equal(lost, 0);
    assert_int_equal(remote_nodes(home.remote), 1);
    home_close(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_edge_asked_for_before_it_was_given_up_is_undone_when_it_ends),
        cmocka_unit_test(what_an_edge_asked_for_stays_while_it_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
