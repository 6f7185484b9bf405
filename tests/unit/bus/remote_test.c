/* Nodes that hear each other through a real Redis, and what happens when it is away. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "world.h"

#define SKIP_WITHOUT_REDIS()                                                                                           \
    if (redis_is_missing())                                                                                            \
    skip()

static void two_up(struct world *world, struct ear *a, struct ear *b)
{
    redis_start(world, NULL);
    ear_open(world, a, NULL, 0);
    ear_open(world, b, NULL, 0);
    RUN_UNTIL(world, a->ups == 1 && b->ups == 1);
}

static void two_close(struct world *world, struct ear *a, struct ear *b)
{
    ear_close(a);
    ear_close(b);
    world_close(world);
}

static void nodes_hear_each_other_but_not_themselves(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    two_up(world, &a, &b);
    bus_listen(a.bus, "room");
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, a.trues == 1 && b.trues == 1);

    ear_publish(&a, "room", "from a");
    RUN_UNTIL(world, b.messages == 1);
    assert_string_equal(b.text, "from a");
    assert_string_equal(b.channel, "room");
    ear_publish(&b, "room", "from b");
    RUN_UNTIL(world, a.messages == 1);
    assert_string_equal(a.text, "from b");

    struct bus_stats stats;
    bus_stats(a.bus, &stats);
    assert_true(stats.is_up && !stats.is_local);
    assert_int_equal(stats.published, 1);
    assert_int_equal(stats.received, 1);
    assert_int_equal(stats.dropped + stats.reconnects, 0);
    assert_int_equal(b.messages, 1);
    two_close(world, &a, &b);
}

static void bytes_of_any_kind_arrive_as_they_were_sent(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    static char large[1 << 20];
    memset(large, '\n', sizeof large);
    two_up(world, &a, &b);
    bus_listen(b.bus, "room\r\n with $3 of anything");
    RUN_UNTIL(world, b.trues == 1);

    bus_publish(a.bus, "room\r\n with $3 of anything", "", 0);
    bus_publish(a.bus, "room\r\n with $3 of anything", large, sizeof large);
    RUN_UNTIL(world, b.messages == 2);

    assert_int_equal(b.text[0], '\n');
    assert_int_equal(strlen(b.text), sizeof b.text - 1);
    two_close(world, &a, &b);
}

static void a_channel_is_heard_until_its_last_listener_left(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    char answer[256];
    two_up(world, &a, &b);
    bus_listen(b.bus, "end");
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 2);
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 3); /* in force already, and told nevertheless */

    bus_unlisten(b.bus, "room");
    ear_publish(&a, "room", "one");
    RUN_UNTIL(world, b.messages == 1);
    bus_unlisten(b.bus, "room");
    ear_publish(&a, "room", "two");
    ear_publish(&a, "end", "end");
    RUN_UNTIL(world, b.messages == 2);

    assert_string_equal(b.text, "end");
    redis_say(world, "PUBSUB NUMSUB test:room\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "test:room\r\n:0\r\n"));
    two_close(world, &a, &b);
}

static void unlisten_by_name(struct ear *ear, const char *channel)
{
    bus_unlisten(ear->bus, channel);
}

static void a_listen_that_crosses_an_unlisten_ends_subscribed(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    two_up(world, &a, &b);

    /* All in one turn. */
    bus_listen(b.bus, "room");
    bus_unlisten(b.bus, "room");
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 1);
    ear_publish(&a, "room", "one");
    RUN_UNTIL(world, b.messages == 1);

    /* While the unsubscribe is under way. One turn sends it, and Redis needs another one to answer. */
    for (int i = 0; i < 20; i++) {
        int trues = b.trues;
        bus_unlisten(b.bus, "room");
        uv_run(&world->loop, UV_RUN_NOWAIT);
        bus_listen(b.bus, "room");
        RUN_UNTIL(world, b.trues > trues);
        ear_publish(&a, "room", "again");
        RUN_UNTIL(world, b.messages == 2 + i);
    }

    /* The same with the subscribe under way, ending unsubscribed. */
    bus_unlisten(b.bus, "room");
    bus_listen(b.bus, "end");
    bus_listen(b.bus, "hall");
    uv_run(&world->loop, UV_RUN_NOWAIT);
    bus_unlisten(b.bus, "hall");
    int trues = b.trues;
    bus_listen(b.bus, "end");
    RUN_UNTIL(world, b.trues > trues);
    ear_publish(&a, "room", "not heard");
    ear_publish(&a, "hall", "not heard");
    ear_publish(&a, "end", "end");
    RUN_UNTIL(world, b.messages == 22);
    assert_string_equal(b.text, "end");
    two_close(world, &a, &b);
}

static void a_redis_that_comes_later_is_joined(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    struct bus_stats stats;
    world->port = -1;
    redis_start(world, NULL); /* only to choose a port */
    redis_kill(world);
    char url[64];
    snprintf(url, sizeof url, "redis://localhost:%d/0", world->port);
    ear_open(world, &a, NULL, 0);
    ear_open(world, &b, url, 0);
    bus_listen(a.bus, "room");
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, a.falses == 1 && b.falses == 1); /* refused: whoever waits knows */
    ear_publish(&a, "room", "dropped");
    bus_stats(a.bus, &stats);
    assert_int_equal(stats.dropped, 1);
    assert_false(bus_is_up(a.bus));
    for (int i = 0; i < 5; i++) /* some refusals more */
        uv_run(&world->loop, UV_RUN_ONCE);

    redis_start(world, NULL);
    RUN_UNTIL(world, a.ups == 1 && b.ups == 1);

    assert_int_equal(a.trues + b.trues, 2);
    ear_publish(&a, "room", "hello");
    RUN_UNTIL(world, b.messages == 1);
    assert_string_equal(b.text, "hello");
    assert_int_equal(a.falses + b.falses, 2);
    bus_stats(a.bus, &stats);
    assert_int_equal(stats.reconnects, 0);
    two_close(world, &a, &b);
}

static void a_killed_redis_is_left_and_joined_again(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    struct bus_stats stats;
    two_up(world, &a, &b);
    bus_listen(b.bus, "room");
    bus_listen(b.bus, "left");
    RUN_UNTIL(world, b.trues == 2);

    for (int i = 1; i <= 3; i++) {
        redis_kill(world);
        RUN_UNTIL(world, a.downs == i && b.downs == i);
        assert_false(bus_is_up(a.bus));
        if (i == 1) {
            bus_unlisten(b.bus, "left"); /* while it is away */
            bus_listen(b.bus, "new");
            RUN_UNTIL(world, b.falses == 1);
        }
        redis_start(world, NULL);
        RUN_UNTIL(world, a.ups == 1 + i && b.ups == 1 + i);
        assert_int_equal(b.trues, 3); /* only the new one: the rest is told by the state */
        ear_publish(&a, "left", "not heard");
        ear_publish(&a, "room", "back");
        ear_publish(&a, "new", "end");
        RUN_UNTIL(world, b.messages == 2 * i);
        assert_string_equal(b.text, "end");
    }

    bus_stats(b.bus, &stats);
    assert_int_equal(stats.reconnects, 3);
    assert_int_equal(b.falses, 1);
    two_close(world, &a, &b);
}

static void many_channels_come_back_after_a_loss(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    enum { CHANNELS = 5000 };
    struct world *world = world_open();
    struct ear a, b;
    char name[32];
    two_up(world, &a, &b);
    for (int i = 0; i < CHANNELS; i++) {
        snprintf(name, sizeof name, "room%d", i);
        bus_listen(b.bus, name);
    }
    RUN_UNTIL(world, b.trues == CHANNELS);

    redis_kill(world);
    RUN_UNTIL(world, a.downs == 1 && b.downs == 1);
    redis_start(world, NULL);
    RUN_UNTIL(world, a.ups == 2 && b.ups == 2);

    for (int i = 0; i < CHANNELS; i++) {
        snprintf(name, sizeof name, "room%d", i);
        ear_publish(&a, name, "hello");
    }
    RUN_UNTIL(world, b.messages == CHANNELS);
    two_close(world, &a, &b);
}

static void a_lost_subscription_link_is_noticed_and_restored(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    char answer[64];
    two_up(world, &a, &b);
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 1);

    for (int i = 1; i <= 10; i++) {
        redis_say(world, "CLIENT KILL TYPE pubsub\r\n", answer, sizeof answer);
        assert_string_equal(answer, ":2\r\n");
        RUN_UNTIL(world, a.downs == i && b.downs == i && a.ups == i + 1 && b.ups == i + 1);
        ear_publish(&a, "room", "hello");
        RUN_UNTIL(world, b.messages == i);
    }

    assert_int_equal(b.trues, 1);
    two_close(world, &a, &b);
}

static size_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void a_frozen_redis_is_left_with_bounded_memory(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    enum { IN_FLIGHT_MAX = 1 << 20, SLACK = 4096, PIECE = 1000, PIECES = 100000 };
    struct world *world = world_open();
    struct ear a, b;
    struct bus_stats stats;
    static char piece[PIECE];
    redis_start(world, NULL);
    ear_open(world, &a, NULL, IN_FLIGHT_MAX);
    ear_open(world, &b, NULL, IN_FLIGHT_MAX);
    RUN_UNTIL(world, a.ups == 1 && b.ups == 1);
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 1);
    kill(world->redis, SIGSTOP);

    size_t before = resident_bytes();
    for (int i = 0; i < PIECES; i++) {
        bus_publish(a.bus, "room", piece, PIECE);
        if (i % 1000 == 0)
            uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    bus_stats(a.bus, &stats);
    assert_true(stats.in_flight <= IN_FLIGHT_MAX + SLACK);
    assert_int_equal(stats.published + stats.dropped, PIECES);
    assert_true(stats.published >= IN_FLIGHT_MAX / 2 / PIECE && stats.published <= IN_FLIGHT_MAX / PIECE);
    /* 100 MB were offered. */
    assert_true(resident_bytes() < before + ((size_t)32 << 20));
    /* A channel changed to and fro does not pile up commands either. */
    for (int i = 0; i < 1000; i++) {
        bus_listen(b.bus, "hall");
        uv_run(&world->loop, UV_RUN_NOWAIT);
        bus_unlisten(b.bus, "hall");
        uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    bus_listen(b.bus, "hall");

    RUN_UNTIL(world, a.downs == 1 && b.downs == 1);
    bus_stats(a.bus, &stats);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(b.trues, 1);
    RUN_UNTIL(world, b.falses == 1); /* whoever waits for the hall knows */
    kill(world->redis, SIGCONT);
    RUN_UNTIL(world, a.ups == 2 && b.ups == 2);

    int messages = b.messages;
    assert_int_equal(b.trues, 2);
    ear_publish(&a, "hall", "back");
    RUN_UNTIL(world, b.messages > messages && strcmp(b.text, "back") == 0);
    two_close(world, &a, &b);
}

static void the_right_password_is_needed(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear right, named, wrong, none;
    char url[128];
    world->port = -1;
    redis_start(world, "sesame");
    snprintf(url, sizeof url, "redis://:sesame@127.0.0.1:%d", world->port);
    ear_open(world, &right, url, 0);
    snprintf(url, sizeof url, "redis://default:ses%%61me@127.0.0.1:%d/0", world->port);
    ear_open(world, &named, url, 0);
    snprintf(url, sizeof url, "redis://:secret@127.0.0.1:%d", world->port);
    ear_open(world, &wrong, url, 0);
    ear_open(world, &none, NULL, 0);

    RUN_UNTIL(world, right.ups == 1 && named.ups == 1);
    bus_listen(right.bus, "room");
    RUN_UNTIL(world, right.trues == 1);
    /* The others try on meanwhile: give them the time of several attempts, counted in losses of ours. */
    for (int i = 1; i <= 5; i++) {
        char answer[64];
        redis_say(world, "AUTH sesame\r\nCLIENT KILL TYPE pubsub\r\n", answer, sizeof answer);
        RUN_UNTIL(world, right.ups == i + 1 && named.ups == i + 1);
    }
    ear_publish(&named, "room", "hello");
    RUN_UNTIL(world, right.messages == 1);

    assert_int_equal(wrong.ups + wrong.downs + none.ups + none.downs, 0);
    assert_false(bus_is_up(wrong.bus) || bus_is_up(none.bus));
    ear_close(&wrong);
    ear_close(&none);
    two_close(world, &right, &named);
}

static void what_other_programs_publish_is_passed_over(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    char answer[64];
    two_up(world, &a, &b);
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 1);

    redis_say(world, "PUBLISH test:room x\r\n", answer, sizeof answer);
    assert_string_equal(answer, ":1\r\n");
    redis_say(world, "PUBLISH test:room \"\"\r\n", answer, sizeof answer);
    redis_say(world, "PUBLISH test:room {\"forged\":\"json, but without the id of a node\"}\r\n", answer,
              sizeof answer);
    ear_publish(&a, "room", "ours");
    RUN_UNTIL(world, b.messages == 1);

    assert_string_equal(b.text, "ours");
    assert_int_equal(b.downs, 0);
    two_close(world, &a, &b);
}

static void close_bus(struct ear *ear, const char *channel)
{
    (void)channel;
    ear_close(ear);
}

static void a_listener_may_close_or_unlisten_in_any_callback(void **state)
{
    (void)state;
    SKIP_WITHOUT_REDIS();
    struct world *world = world_open();
    struct ear a, b;
    two_up(world, &a, &b);

    ear_close(&b); /* while it is up */
    ear_open(world, &b, NULL, 0);
    ear_close(&b); /* before it began to connect */
    ear_open(world, &b, NULL, 0);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    ear_close(&b); /* while it connects */

    ear_open(world, &b, NULL, 0);
    b.act = close_bus;
    RUN_UNTIL(world, !b.bus); /* in state(true) */

    ear_open(world, &b, NULL, 0);
    RUN_UNTIL(world, b.ups == 1);
    bus_listen(b.bus, "room");
    b.act = close_bus;
    RUN_UNTIL(world, !b.bus); /* in listening(true) */

    ear_open(world, &b, NULL, 0);
    RUN_UNTIL(world, b.ups == 1);
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 1);
    b.act = unlisten_by_name;
    ear_publish(&a, "room", "one");
    ear_publish(&a, "room", "two");
    RUN_UNTIL(world, b.messages == 1); /* in message() */
    bus_listen(b.bus, "room");
    RUN_UNTIL(world, b.trues == 2);
    b.act = close_bus;
    for (int i = 0; i < 100; i++)
        ear_publish(&a, "room", "more");
    RUN_UNTIL(world, !b.bus);

    a.act = close_bus;
    redis_kill(world);
    RUN_UNTIL(world, !a.bus); /* in state(false) */
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_hear_each_other_but_not_themselves),
        cmocka_unit_test(bytes_of_any_kind_arrive_as_they_were_sent),
        cmocka_unit_test(a_channel_is_heard_until_its_last_listener_left),
        cmocka_unit_test(a_listen_that_crosses_an_unlisten_ends_subscribed),
        cmocka_unit_test(a_redis_that_comes_later_is_joined),
        cmocka_unit_test(a_killed_redis_is_left_and_joined_again),
        cmocka_unit_test(many_channels_come_back_after_a_loss),
        cmocka_unit_test(a_lost_subscription_link_is_noticed_and_restored),
        cmocka_unit_test(a_frozen_redis_is_left_with_bounded_memory),
        cmocka_unit_test(the_right_password_is_needed),
        cmocka_unit_test(what_other_programs_publish_is_passed_over),
        cmocka_unit_test(a_listener_may_close_or_unlisten_in_any_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
