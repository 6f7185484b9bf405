/* The list of connections that administrators see. */
#include "world.h"
#include <string.h>

static size_t listed(const struct world *world)
{
    struct hub_peer peers[HUB_PEERS_MAX];
    uint64_t last;
    return hub_peers(world->hub, 0, 0, HUB_PEERS_MAX, peers, &last);
}

static void who_is_disconnected_is_not_listed_while_he_takes_his_time_to_go(void **state)
{
    struct world *world = *state;
    const struct websocket *gone = world_connect(world);
    const struct websocket *stays = world_connect(world);
    struct hub_peer peer;
    assert_int_equal(listed(world), 2);

    assert_true(hub_peer_close(world->hub, gone->connection->client, 3503, "disconnected by an administrator"));

    assert_int_equal(listed(world), 1);
    assert_false(hub_peer_find(world->hub, gone->connection->client, &peer));
    assert_true(hub_peer_find(world->hub, stays->connection->client, &peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_disconnected_is_not_listed_while_he_takes_his_time_to_go, world_open,
                                        world_close),
    };
    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
