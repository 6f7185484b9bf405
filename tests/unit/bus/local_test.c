/* The bus of a node that is alone. */
#include "world.h"

static void a_publication_comes_back_to_those_who_listen_in_order(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct ear ear;
    ear_open(world, &ear, "", 0);
    bus_listen(ear.bus, "room");

    ear_publish(&ear, "other", "not for us");
    ear_publish(&ear, "room", "first");
    ear_publish(&ear, "room", "second");
    assert_int_equal(ear.messages, 0); /* nothing is called inside the call */
    RUN_UNTIL(world, ear.messages == 2);

    assert_string_equal(ear.text, "second");
    assert_string_equal(ear.channel, "room");
    ear_close(&ear);
    world_close(world);
}

static void every_listen_is_told_to_be_in_force_later_in_the_turn(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct ear ear;
    ear_open(world, &ear, "", 0);
    assert_true(bus_is_up(ear.bus));

    bus_listen(ear.bus, "room");
    assert_int_equal(ear.trues, 0);
    RUN_UNTIL(world, ear.trues == 1);
    bus_listen(ear.bus, "room");
    RUN_UNTIL(world, ear.trues == 2);

    assert_int_equal(ear.falses, 0);
    ear_close(&ear);
    world_close(world);
}

static void as_many_unlistens_as_listens_end_it(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct ear ear;
    ear_open(world, &ear, "", 0);
    bus_listen(ear.bus, "room");
    bus_listen(ear.bus, "room");
    bus_listen(ear.bus, "end");

    bus_unlisten(ear.bus, "room");
    ear_publish(&ear, "room", "heard");
    RUN_UNTIL(world, ear.messages == 1);
    bus_unlisten(ear.bus, "room");
    bus_unlisten(ear.bus, "room"); /* one too many does no harm */
    ear_publish(&ear, "room", "not heard");
    ear_publish(&ear, "end", "end");
    RUN_UNTIL(world, ear.messages == 2);

    assert_string_equal(ear.text, "end");
    ear_close(&ear);
    world_close(world);
}

static void what_does_not_fit_is_dropped_and_counted(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct ear ear;
    struct bus_stats stats;
    static char large[4096];
    ear_open(world, &ear, "", 65536);
    bus_listen(ear.bus, "room");

    for (int i = 0; i < 100; i++)
        bus_publish(ear.bus, "room", large, sizeof large);
    bus_stats(ear.bus, &stats);
    RUN_UNTIL(world, ear.messages == (int)stats.published);

    assert_true(stats.is_local && stats.is_up);
    assert_true(stats.in_flight <= 65536);
    assert_in_range(stats.published, 10, 16);
    assert_int_equal(stats.published + stats.dropped, 100);
    bus_stats(ear.bus, &stats);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.received, stats.published);
    ear_close(&ear);
    world_close(world);
}

static void unlisten_all(struct ear *ear, const char *channel)
{
    bus_unlisten(ear->bus, channel);
}
static void publish_again(struct ear *ear, const char *channel)
{
    bus_publish(ear->bus, channel, "again", 5);
    bus_listen(ear->bus, channel);
}
static void close_bus(struct ear *ear, const char *channel)
{
    (void)channel;
    ear_close(ear);
}

static void a_listener_may_do_anything_in_its_callbacks(void **state)
{
    (void)state;
    void (*acts[])(struct ear *, const char *) = {unlisten_all, publish_again, close_bus};
    for (size_t i = 0; i < ARRAY_LENGTH(acts); i++) {
        for (int is_message = 0; is_message <= 1; is_message++) {
            struct world *world = world_open();
            struct ear ear;
            ear_open(world, &ear, "", 0);
            bus_listen(ear.bus, "room");
            bus_listen(ear.bus, "hall");
            if (is_message)
                RUN_UNTIL(world, ear.trues == 2);
            ear.act = acts[i];

            ear_publish(&ear, "room", "one");
            ear_publish(&ear, "hall", "two");
            RUN_UNTIL(world, !ear.act);

            if (ear.bus)
                ear_close(&ear);
            world_close(world);
        }
    }
}

static void closing_frees_what_was_not_delivered(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct ear ear;
    ear_open(world, &ear, "", 0);
    bus_listen(ear.bus, "room");
    ear_publish(&ear, "room", "never heard");

    ear_close(&ear);
    bus_close(NULL);
    world_close(world);

    assert_int_equal(ear.messages + ear.trues, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_comes_back_to_those_who_listen_in_order),
        cmocka_unit_test(every_listen_is_told_to_be_in_force_later_in_the_turn),
        cmocka_unit_test(as_many_unlistens_as_listens_end_it),
        cmocka_unit_test(what_does_not_fit_is_dropped_and_counted),
        cmocka_unit_test(a_listener_may_do_anything_in_its_callbacks),
        cmocka_unit_test(closing_frees_what_was_not_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
