/* Answers on their way to one connection, and what makes a reader a slow one. */
#include "world.h"
#include <stdio.h>
#include <string.h>

#define ROOM "room:1"

static void answers_send(struct websocket *socket, uint32_t from, uint32_t to)
{
    for (uint32_t id = from; id <= to; id++)
        connection_send(socket->connection, codec_reply(id, "publish", "{}", 2));
}

/* The texts are the answers 1, 2 … @count, then @pushes more. */
static void assert_answers(const struct websocket *socket, size_t count, size_t pushes)
{
    assert_int_equal(socket->count, count + pushes);
    for (size_t i = 0; i < count; i++) {
        char text[48];
        snprintf(text, sizeof text, "{\"id\":%zu,\"publish\":{}}", i + 1);
        assert_string_equal(socket->texts[i], text);
    }
}

static void answers_of_one_turn_leave_together_in_order(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    answers_send(socket, 1, 50);
    assert_int_equal(socket->writes, 0);
    world_settle(world);
    assert_answers(socket, 50, 0);
    assert_int_equal(socket->writes, 1);
}

static void a_thousand_answers_of_one_turn_all_leave(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    answers_send(socket, 1, 1000);
    world_settle(world);
    assert_answers(socket, 1000, 0);
    assert_int_equal(world->hub->stats.lagging, 0);
}

static void answers_leave_before_the_pushes_behind_them(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    world_publish(world, ROOM, 1, "text");
    answers_send(socket, 1, 1000);
    world_settle(world);
    assert_answers(socket, 1000, 1);
    assert_string_equal(world_heard(socket), "1");
}

static void answers_to_a_blocked_socket_wait_and_keep_their_order(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    socket->is_blocked = true;
    answers_send(socket, 1, 400);
    world_settle(world);
    world_publish(world, ROOM, 1, "text");
    world_settle(world);
    answers_send(socket, 401, 700);
    world_settle(world);
    assert_int_equal(socket->count, 0);

    for (int writes = 0; writes < 10 && socket->count < 701; writes++) {
        socket->takes = 1; /* one write at a time, as a slow network takes them */
        world_unblock(socket);
        world_settle(world);
    }
    assert_answers(socket, 700, 1);
    socket->takes = 0;
    world_unblock(socket);
    world_settle(world);
    assert_int_equal(world->hub->stats.lagging, 0);
}

static void much_that_is_taken_is_no_slowness(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world->settings->realtime_queue_bytes_max = 1000;
    answers_send(socket, 1, 500);
    world_settle(world);
    assert_int_equal(socket->close_code, 0);
    assert_answers(socket, 500, 0);
}

static void answers_that_nobody_takes_close_with_3008(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world->settings->realtime_queue_bytes_max = 1000;
    socket->is_blocked = true;
    answers_send(socket, 1, 500);
    world_settle(world);
    assert_int_equal(socket->close_code, 3008);
    assert_int_equal(world->hub->stats.closed_slow, 1);
    assert_true(socket->connection->outbox.bytes < 1100);
}

static void events_that_nobody_takes_close_with_3008(void **state)
{
    struct world *world = *state;
    struct websocket *slow = world_connect(world), *quick = world_connect(world);
    world_listen(slow, ROOM);
    world_listen(quick, ROOM);
    world->settings->realtime_queue_bytes_max = 1000;
    slow->is_blocked = true;
    for (uint64_t offset = 1; offset <= 100; offset++) {
        world_publish(world, ROOM, offset, "text");
        world_settle(world);
    }
    assert_int_equal(slow->close_code, 3008);
    assert_int_equal(quick->count, 100);
    assert_int_equal(world_log_bytes(world), 0);
}

static void a_reader_that_takes_nothing_for_too_long_is_closed(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    socket->is_blocked = true;
    world_publish(world, ROOM, 1, "text");
    world_settle(world);
    world_now_ms += world->settings->realtime_queue_ms;
    world_publish(world, ROOM, 2, "text");
    world_settle(world);
    assert_int_equal(socket->close_code, 0);
    world_now_ms++;
    world_publish(world, ROOM, 3, "text");
    world_settle(world);
    assert_int_equal(socket->close_code, 3008);
}

static void a_reader_that_goes_on_slowly_is_not_closed(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    uint64_t offset = 0;
    char text[40001]; /* one for each write */
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    world->settings->realtime_queue_bytes_max = 1 << 30;
    world_listen(socket, ROOM);
    socket->is_blocked = true;
    for (int i = 0; i < 20; i++)
        world_publish(world, ROOM, ++offset, text);
    world_settle(world);
    for (size_t i = 0; i < 20; i++) {
        world_now_ms += world->settings->realtime_queue_ms - 1;
        socket->takes = 1;
        world_unblock(socket);
        world_publish(world, ROOM, ++offset, text);
        world_settle(world);
        assert_int_equal(socket->close_code, 0);
        assert_int_equal(socket->count, i + 1);
    }
    socket->takes = 0;
    world_unblock(socket);
    world_settle(world);
    assert_int_equal(socket->count, offset);
}

static void a_close_lets_ready_answers_out_unless_a_right_is_gone(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world), *other = world_connect(world);
    answers_send(socket, 1, 3);
    answers_send(other, 1, 3);
    connection_close(socket->connection, 3001, "shutdown");
    connection_close(other->connection, 3507, "your session has ended, sign in again");
    world_settle(world);
    assert_answers(socket, 3, 0);
    assert_int_equal(other->count, 0);
}

static void an_answer_leaves_while_deliveries_are_suspended(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world_listen(socket, ROOM);
    socket->is_blocked = true;
    world_publish(world, ROOM, 1, "text");
    world_settle(world);
    world->hub->is_suspended = true;
    world_unblock(socket);
    assert_int_equal(socket->count, 0);
    answers_send(socket, 1, 1);
    world_turn(world);
    assert_answers(socket, 1, 0);
    world->hub->is_suspended = false;
    world_unblock(socket);
    world_settle(world);
    assert_answers(socket, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_open, world_close)
        TEST(answers_of_one_turn_leave_together_in_order),
        TEST(a_thousand_answers_of_one_turn_all_leave),
        TEST(answers_leave_before_the_pushes_behind_them),
        TEST(answers_to_a_blocked_socket_wait_and_keep_their_order),
        TEST(much_that_is_taken_is_no_slowness),
        TEST(answers_that_nobody_takes_close_with_3008),
        TEST(events_that_nobody_takes_close_with_3008),
        TEST(a_reader_that_takes_nothing_for_too_long_is_closed),
        TEST(a_reader_that_goes_on_slowly_is_not_closed),
        TEST(a_close_lets_ready_answers_out_unless_a_right_is_gone),
        TEST(an_answer_leaves_while_deliveries_are_suspended),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
