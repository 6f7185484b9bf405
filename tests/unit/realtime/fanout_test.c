/* From the logs of channels to many listeners: slices, laggards, people who come and go in the middle. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM "room:1"

static void what_comes_in_one_turn_is_one_write(void **state)
{
    struct world *world = *state;
    struct websocket *one = world_connect(world), *two = world_connect(world);
    world_listen(one, ROOM);
    world_listen(two, ROOM);

    for (uint64_t offset = 1; offset <= 5; offset++)
        world_publish(world, ROOM, offset, "text");
    world_settle(world);

    assert_string_equal(world_heard(one), "1 2 3 4 5");
    assert_string_equal(world_heard(two), "1 2 3 4 5");
    assert_int_equal(one->writes, 1);
    assert_int_equal(world_log_bytes(world), 0);
}

static void a_big_channel_goes_in_slices_and_others_have_their_turn(void **state)
{
    struct world *world = *state;
    struct websocket *crowd[5], *other = world_connect(world);
    world->settings->realtime_slice = 2;
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        world_listen(crowd[i] = world_connect(world), ROOM);
    world_listen(other, "room:2");
    world_publish(world, ROOM, 1, "text");
    world_publish(world, "room:2", 1, "text");

    size_t served[4] = {0};
    for (size_t turn = 0; turn < ARRAY_LENGTH(served); turn++) {
        world_turn(world);
        for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
            served[turn] += crowd[i]->count;
        if (turn == 0)
            assert_string_equal(world_heard(other), "1");
    }

    assert_int_equal(served[0], 2);
    assert_int_equal(served[1], 4);
    assert_int_equal(served[2], 5);
    assert_int_equal(served[3], 5);
}

static void a_small_channel_does_not_wait_for_the_slice_of_a_big_one(void **state)
{
    struct world *world = *state;
    struct websocket *crowd[5], *other = world_connect(world);
    world->settings->realtime_slice = 2;
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        world_listen(crowd[i] = world_connect(world), ROOM);
    world_listen(other, "room:2");
    world_publish(world, ROOM, 1, "text");
    world_turn(world);
    world_publish(world, "room:2", 1, "text");
    world_writes = 0;

    world_turn(world);

    assert_string_equal(world_heard(other), "1");
    assert_int_equal(other->written_as, 1);
    world_settle(world);
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        assert_string_equal(world_heard(crowd[i]), "1");
}

static void no_number_of_small_channels_holds_up_a_big_one(void **state)
{
    struct world *world = *state;
    enum { SMALL = 600 }; /* more than one turn serves */
    struct websocket *crowd[5], *other = world_connect(world);
    char room[32];
    world->settings->realtime_slice = 2;
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        world_listen(crowd[i] = world_connect(world), ROOM);
    for (int i = 0; i < SMALL; i++) {
        snprintf(room, sizeof room, "room:%d", 100 + i);
        world_listen(other, room);
    }
    world_publish(world, ROOM, 1, "text");
    world_turn(world);
    for (int i = 0; i < SMALL; i++) {
        snprintf(room, sizeof room, "room:%d", 100 + i);
        world_publish(world, room, 1, "text");
    }

    world_turn(world);

    size_t served = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        served += crowd[i]->count;
    assert_true(other->count < SMALL);
    assert_int_equal(served, 4);
    world_settle(world);
    assert_int_equal(other->count, SMALL);
}

static void what_comes_during_a_pass_reaches_all_in_order(void **state)
{
    struct world *world = *state;
    struct websocket *crowd[5];
    world->settings->realtime_slice = 1;
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        world_listen(crowd[i] = world_connect(world), ROOM);

    for (uint64_t offset = 1; offset <= 7; offset++) {
        world_publish(world, ROOM, offset, "text");
        world_turn(world);
    }
    world_settle(world);

    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        assert_string_equal(world_heard(crowd[i]), "1 2 3 4 5 6 7");
}

static void a_laggard_keeps_its_place_and_the_others_wait_for_nobody(void **state)
{
    struct world *world = *state;
    struct websocket *slow = world_connect(world), *quick = world_connect(world);
    world_listen(slow, ROOM);
    world_listen(quick, ROOM);
    slow->is_blocked = true;

    for (uint64_t offset = 1; offset <= 3; offset++) {
        world_publish(world, ROOM, offset, "text");
        world_settle(world);
    }
    assert_string_equal(world_heard(quick), "1 2 3");
    assert_string_equal(world_heard(slow), "");
    assert_true(world_log_bytes(world) > 0);
    assert_int_equal(world->hub->stats.lagging, 1);

    world_unblock(slow);
    world_settle(world);
    assert_string_equal(world_heard(slow), "1 2 3");
    assert_int_equal(world_log_bytes(world), 0);
    assert_int_equal(world->hub->stats.lagging, 0);
}

static void whoever_leaves_in_the_middle_of_a_pass_costs_nobody_anything(void **state)
{
    struct world *world = *state;
    enum { CROWD = 6 };
    world->settings->realtime_slice = 1;
    for (size_t turns = 0; turns <= CROWD; turns++)
        for (size_t leaves = 0; leaves < CROWD; leaves++) {
            struct websocket *crowd[CROWD];
            for (size_t i = 0; i < CROWD; i++)
                world_listen(crowd[i] = world_connect(world), ROOM);
            world_publish(world, ROOM, 1, "text");
            for (size_t i = 0; i < turns; i++)
                world_turn(world);
            world_leave(world, crowd[leaves]);
            crowd[leaves] = crowd[0];
            world_publish(world, ROOM, 2, "text");
            world_settle(world);
            for (size_t i = 1; i < CROWD; i++)
                assert_string_equal(world_heard(crowd[i]), "1 2");
            while (world->count > 0)
                world_leave(world, world->sockets[world->count - 1]);
            world_settle(world);
        }
}

static void a_constant_coming_and_going_does_not_keep_the_log(void **state)
{
    struct world *world = *state;
    enum { CROWD = 20, TURNS = 400 };
    struct websocket *crowd[CROWD];
    uint64_t offset = 0, most = 0;
    world->settings->realtime_slice = 4;
    world->settings->realtime_join_leave_max = 0;
    for (size_t i = 0; i < CROWD; i++)
        world_listen(crowd[i] = world_connect(world), ROOM);

    for (size_t turn = 0; turn < TURNS; turn++) {
        size_t who = 1 + turn % (CROWD - 1);
        world_leave(world, crowd[who]);
        world_listen(crowd[who] = world_connect(world), ROOM);
        world_publish(world, ROOM, ++offset, "text");
        world_turn(world);
        if (world_log_bytes(world) > most)
            most = world_log_bytes(world);
    }
    world_settle(world);

    /* A pass takes five turns, or seven with somebody leaving in each; the events of two passes may be kept. */
    assert_true(most < 15 * strlen("{\"push\":{\"channel\":\"room:1\",\"pub\":{\"data\":\"text\",\"offset\":400}}}"));
    assert_int_equal(crowd[0]->count, TURNS);
}

static void random_crowds_hear_everything_once_and_in_order(void **state)
{
    struct world *world = *state;
    enum { CROWD = 12, STEPS = 20000 };
    struct websocket *crowd[CROWD];
    uint64_t offset = 0;
    srand(7);
    world->settings->realtime_slice = 3;
    for (size_t i = 0; i < CROWD; i++)
        world_listen(crowd[i] = world_connect(world), ROOM);
    for (int step = 0; step < STEPS; step++) {
        struct websocket **who = &crowd[rand() % CROWD];
        switch (rand() % 6) {
        case 0:
            world_publish(world, ROOM, ++offset, "text");
            break;
        case 1:
            (*who)->is_blocked = true;
            break;
        case 2:
            world_unblock(*who);
            break;
        case 3:
            if ((*who)->count < 30) /* else nobody would ever hear much */
                break;
            world_leave(world, *who);
            world_listen(*who = world_connect(world), ROOM);
            break;
        default:
            world_turn(world);
        }
    }
    for (size_t i = 0; i < CROWD; i++)
        world_unblock(crowd[i]);
    world_settle(world);
    assert_int_equal(world_log_bytes(world), 0);
    for (size_t i = 0; i < CROWD; i++) {
        /* Whoever came later has heard the end of it. */
        uint64_t expected = offset - crowd[i]->count;
        for (char *rest = (char *)(uintptr_t)world_heard(crowd[i]); *rest;)
            assert_int_equal(strtoull(rest, &rest, 10), ++expected);
    }
}

static void joined_frames_stay_below_64_kib(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    char *text = calloc(1, 70001);
    world_listen(socket, ROOM);

    memset(text, 'x', 2000);
    for (uint64_t offset = 1; offset <= 100; offset++)
        world_publish(world, ROOM, offset, text);
    world_settle(world);
    assert_int_equal(socket->count, 100);
    assert_in_range(socket->frame_bytes_max, 60000, 65536);

    /* What is longer by itself goes alone. */
    memset(text, 'x', 70000);
    world_publish(world, ROOM, 101, "before");
    world_publish(world, ROOM, 102, text);
    world_publish(world, ROOM, 103, "behind");
    world_settle(world);
    assert_int_equal(socket->count, 103);
    assert_in_range(socket->frame_bytes_max, 70000, 70100);
    free(text);
}

static void joins_and_leaves_are_for_those_who_asked(void **state)
{
    struct world *world = *state;
    struct websocket *asker = world_connect(world), *other = world_connect(world);
    world_listen(asker, ROOM)->wants_join_leave = true;
    struct channel *channel = world_listen(other, ROOM)->channel;

    world_publish(world, ROOM, 1, "text");
    channel_announce(channel, true, &(struct client_info){.user_id = 3, .client = "client", .name = "ann"});
    world_publish(world, ROOM, 2, "text");
    channel_announce(channel, false, &(struct client_info){.user_id = 3, .client = "client", .name = "ann"});
    world_settle(world);

    assert_string_equal(world_heard(asker), "1 j 2 l");
    assert_string_equal(world_heard(other), "1 2");
    channel_announce(channel, true, &(struct client_info){.user_id = 3, .client = "client", .name = "ann"});
    size_t writes = other->writes;
    world_settle(world);
    assert_string_equal(world_heard(asker), "1 j 2 l j");
    assert_int_equal(other->writes, writes); /* not even an empty frame */
    assert_int_equal(world_log_bytes(world), 0);
}

static void a_repetition_is_skipped_and_a_gap_ends_the_subscription(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    world_publish(world, ROOM, 1, "text");
    world_publish(world, ROOM, 1, "text");
    world_publish(world, ROOM, 0, "typing");
    world_settle(world);
    assert_string_equal(world_heard(socket), "1 0");

    world_publish(world, ROOM, 3, "text");
    world_settle(world);
    assert_string_equal(world_heard(socket), "1 0 u");
    assert_non_null(strstr(socket->texts[2], "\"code\":2500"));
    assert_int_equal(world->hub->stats.subscriptions, 0);
}

static void what_comes_while_the_log_is_read_waits_behind_it(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    enum status status;
    struct channel *channel = channel_get(world->hub, ROOM, strlen(ROOM), &status);
    struct subscription *pending = subscription_new(socket->connection, channel);
    for (uint64_t offset = 4; offset <= 7; offset++)
        world_publish(world, ROOM, offset, "text");
    world_settle(world);
    assert_int_equal(socket->count, 0);

    subscription_start(pending, 5); /* the answer held 4 and 5 */
    world_settle(world);
    assert_string_equal(world_heard(socket), "6 7");
    assert_int_equal(world_log_bytes(world), 0);
}

static void too_much_while_the_log_is_read_is_told_behind_the_answer(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    enum status status;
    world->settings->realtime_queue_bytes_max = 1000;
    struct channel *channel = channel_get(world->hub, ROOM, strlen(ROOM), &status);
    struct subscription *pending = subscription_new(socket->connection, channel);
    for (uint64_t offset = 4; offset <= 100; offset++) {
        world_publish(world, ROOM, offset, "text");
        world_settle(world);
    }
    assert_int_equal(socket->count, 0);
    assert_true(world_log_bytes(world) <= 1000);

    connection_send(socket->connection, codec_reply(7, "subscribe", "{}", 2));
    subscription_start(pending, 3);
    world_settle(world);
    assert_string_equal(socket->texts[0], "{\"id\":7,\"subscribe\":{}}");
    assert_string_equal(world_heard(socket), "u");
    assert_non_null(strstr(socket->texts[1], "\"code\":2500"));
}

static void whoever_is_being_closed_gets_nothing_and_holds_nothing(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world), *other = world_connect(world);
    world_listen(socket, ROOM);
    world_listen(other, ROOM);
    connection_close(socket->connection, 3507, "your session has ended, sign in again");
    world_publish(world, ROOM, 1, "text");
    world_settle(world);
    assert_int_equal(socket->count, 0);
    assert_string_equal(world_heard(other), "1");
    assert_int_equal(world_log_bytes(world), 0);
}

static void a_dropped_subscription_loses_what_was_queued(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    struct subscription *subscription = world_listen(socket, ROOM);
    world_publish(world, ROOM, 1, "text");
    subscription_drop(subscription, 2000, "permission taken away");
    world_settle(world);
    assert_string_equal(world_heard(socket), "u");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_open, world_close)
        TEST(what_comes_in_one_turn_is_one_write),
        TEST(a_big_channel_goes_in_slices_and_others_have_their_turn),
        TEST(a_small_channel_does_not_wait_for_the_slice_of_a_big_one),
        TEST(no_number_of_small_channels_holds_up_a_big_one),
        TEST(what_comes_during_a_pass_reaches_all_in_order),
        TEST(a_laggard_keeps_its_place_and_the_others_wait_for_nobody),
        TEST(whoever_leaves_in_the_middle_of_a_pass_costs_nobody_anything),
        TEST(a_constant_coming_and_going_does_not_keep_the_log),
        TEST(random_crowds_hear_everything_once_and_in_order),
        TEST(joined_frames_stay_below_64_kib),
        TEST(joins_and_leaves_are_for_those_who_asked),
        TEST(a_repetition_is_skipped_and_a_gap_ends_the_subscription),
        TEST(what_comes_while_the_log_is_read_waits_behind_it),
        TEST(too_much_while_the_log_is_read_is_told_behind_the_answer),
        TEST(whoever_is_being_closed_gets_nothing_and_holds_nothing),
        TEST(a_dropped_subscription_loses_what_was_queued),
    };
    return cmocka_run_group_tests_name("fanout", tests, NULL, NULL);
}
