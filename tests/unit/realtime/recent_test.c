/* What is remembered of channels: how far back it reaches, what makes it void, and when it goes; and an edge that gives
 * it to somebody only while rights are certain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

#define CHANNEL "log:1"

static enum status anyone(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    (void)app, (void)actor, (void)rest;
    *top = (struct channel_top){.epoch = "epoch"};
    return STATUS_OK;
}

static enum status read_nothing(struct db *db, const char *rest, uint64_t since, size_t limit, bool reversed,
                                struct buffer *json, size_t *count, uint64_t *last)
{
    (void)db, (void)rest, (void)since, (void)limit, (void)reversed, (void)json, (void)last;
    *count = 0;
    return STATUS_OK;
}

static const struct channel_kind logs = {
    .prefix = "log:", .is_positioned = true, .authorize = anyone, .read_log = read_nothing};

static int logs_open(void **state)
{
    world_open(state);
    struct world *world = *state;
    hub_add_kind(world->hub, &logs, NULL);
    world->settings->realtime_recent_events = 5;
    return 0;
}

static void publish(struct world *world, const char *channel, uint64_t from, uint64_t to)
{
    char text[32];
    for (uint64_t offset = from; offset <= to; offset++) {
        snprintf(text, sizeof text, "d%llu", (unsigned long long)offset);
        world_publish(world, channel, offset, text);
    }
    world_settle(world);
}

static struct recent *known(struct world *world, uint64_t top)
{
    return recents_get(world->hub->recents, CHANNEL, strlen(CHANNEL), "epoch", top);
}

/* What recent_read() gives, as it gives it. */
static const char *texts(const struct recent *recent, uint64_t since, size_t limit, bool reversed)
{
    static char said[1000];
    SCOPED(buffer_free) struct buffer json = {0};
    size_t count;
    uint64_t last;
    recent_read(recent, since, limit, reversed, &json, &count, &last);
    snprintf(said, sizeof said, "%s", json.length ? json.bytes : "");
    return said;
}

static void events_are_remembered_as_they_were_sent(void **state)
{
    struct world *world = *state;
    world_listen(world_connect(world), CHANNEL);

    publish(world, CHANNEL, 7, 9);

    const struct recent *recent = known(world, 9);
    assert_int_equal(recent_first(recent), 7);
    assert_string_equal(texts(recent, 7, 10, false), "{\"offset\":8,\"data\":\"d8\"},{\"offset\":9,\"data\":\"d9\"}");
    assert_string_equal(texts(recent, 0, 1, true), "{\"offset\":9,\"data\":\"d9\"}");
    assert_string_equal(texts(recent, 9, 10, true), "{\"offset\":8,\"data\":\"d8\"},{\"offset\":7,\"data\":\"d7\"}");
    assert_string_equal(texts(recent, 9, 10, false), "");
    assert_string_equal(texts(recent, 12, 10, false), "");
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
    struct world *world = *state;
    world_listen(world_connect(world), CHANNEL);
    publish(world, CHANNEL, 1, 12);
    assert_int_equal(recent_first(known(world, 12)), 8);

    world->settings->realtime_recent_bytes = (int64_t)known(world, 12)->bytes;
    publish(world, CHANNEL, 1000000, 1000004); /* longer numbers */
    assert_int_equal(recent_first(known(world, 1000004)), 1000001);
    assert_int_equal(recent_wanted(known(world, 1000004), 1000000), 0); /* no use to read it again */
}

static void a_gap_and_another_epoch_empty_it(void **state)
{
    struct world *world = *state;
    world_listen(world_connect(world), CHANNEL);
    publish(world, CHANNEL, 1, 3);
    publish(world, CHANNEL, 5, 6);
    assert_int_equal(recent_first(known(world, 6)), 5);

    assert_int_equal(known(world, 7)->count, 0); /* the log is further than what we heard */
    publish(world, CHANNEL, 8, 8);
    assert_int_equal(known(world, 8)->count, 1);
    assert_int_equal(recents_get(world->hub->recents, CHANNEL, strlen(CHANNEL), "other", 8)->count, 0);
}

static void nobody_listens_and_nothing_is_remembered(void **state)
{
    struct world *world = *state;
    publish(world, CHANNEL, 1, 3);
    assert_int_equal(world->hub->stats.recent_channels, 0);
    world->settings->realtime_recent_events = 0;
    world_listen(world_connect(world), CHANNEL);
    publish(world, CHANNEL, 4, 6);
    assert_int_equal(world->hub->stats.recent_channels, 0);
    assert_null(known(world, 6));
}

static void older_ones_are_put_in_front(void **state)
{
    struct world *world = *state;
    struct recent *recent = known(world, 10);
    assert_int_equal(recent_wanted(recent, 9), 2); /* the first time: what is asked for */
    assert_int_equal(recent_wanted(recent, 5), 0); /* further back than is kept */
    publish(world, CHANNEL, 11, 11);               /* meanwhile */
    const char *read = "{\"offset\":10,\"data\":{\"a\":[\"}]\\\"\",{}]}},{\"offset\":9,\"data\":1}],\"epoch\":\"e\"}";

    recent_fill(recent, "epoch", 11, read, strlen(read));

    assert_int_equal(recent_first(recent), 9);
    assert_string_equal(texts(recent, 8, 2, false),
                        "{\"offset\":9,\"data\":1},{\"offset\":10,\"data\":{\"a\":[\"}]\\\"\",{}]}}");
    assert_int_equal(recent_wanted(recent, 8), 2); /* then: all that may be kept */
    assert_int_equal(recent_wanted(recent, 9), 0);
    recent_fill(recent, "other", 9, "{\"offset\":8,\"data\":1}", 22);
    recent_fill(recent, "epoch", 10, "{\"offset\":9,\"data\":1}", 22);
    assert_int_equal(recent_first(recent), 9); /* what does not fit is not taken */
    recent_fill(recent, "epoch", 9, NULL, 0);
    assert_int_equal(recent_wanted(recent, 8), 0); /* there is nothing older */
    for (size_t length = 0; length < strlen(read); length++) {
        char *cut = strndup(read, length); /* so that the sanitizer sees who reads on */
        recents_forget(world->hub->recents, CHANNEL, strlen(CHANNEL));
        recent_fill(known(world, 10), "epoch", 11, cut, length);
        free(cut);
    }
}

static void the_longest_unused_go_when_all_are_too_many(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    world->settings->realtime_recent_total_bytes = 2000;
    for (int i = 0; i < 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "log:%d", i);
        world_listen(socket, name);
        publish(world, name, 1, 3);
        assert_in_range(world->hub->stats.recent_bytes, 1, 2000);
        assert_non_null(recents_find(world->hub->recents, name, strlen(name)));
    }
    assert_null(recents_find(world->hub->recents, "log:0", 5));
    assert_non_null(recents_find(world->hub->recents, "log:18", 6));
}

static void tick_over(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
}

/* By the tests' clock; the wheel then needs a real tick of its own to see it. */
static void time_passes(struct world *world, int64_t ms)
{
    uv_timer_t timer;
    world_now_ms += ms;
    uv_timer_init(&world->loop, &timer);
    uv_timer_start(&timer, tick_over, 3 * WHEEL_TICK_MS, 0);
    while (!uv_is_closing((uv_handle_t *)&timer))
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_run(&world->loop, UV_RUN_NOWAIT);
}

static void it_goes_some_time_after_the_last_listener(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    struct subscription *subscription = world_listen(socket, CHANNEL);
    publish(world, CHANNEL, 1, 3);

    time_passes(world, world->settings->realtime_recent_ms * 3);
    assert_int_equal(known(world, 3)->count, 3);
    time_passes(world, world->settings->realtime_recent_ms / 2);
    subscription_free(subscription);
    publish(world, CHANNEL, 4, 4); /* still heard for those who come back */
    time_passes(world, world->settings->realtime_recent_ms * 3 / 4);
    assert_int_equal(world->hub->stats.recent_channels, 1);
    assert_int_equal(recents_find(world->hub->recents, CHANNEL, strlen(CHANNEL))->count, 4);
    time_passes(world, world->settings->realtime_recent_ms);
    assert_int_equal(world->hub->stats.recent_channels, 0);
    assert_int_equal(world->hub->stats.recent_bytes, 0);
}

/* ---- on an edge ---- */

static struct request *calls[16];
static size_t calls_count;

static void forward(void *context, struct request *request)
{
    (void)context;
    assert_true(calls_count < ARRAY_LENGTH(calls));
    calls[calls_count++] = request;
}
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
    logs_open(state);
    struct world *world = *state;
    char why[100];
    const struct bus_options options = {.message = unheard, .state = unchanged, .listening = unlistened};
    calls_count = 0;
    dispatch_set_edge(world->dispatch, forward, NULL);
    assert_int_equal(bus_open(&options, &world->loop, &world->hub->bus, why, sizeof why), STATUS_OK);
    return 0;
}

static struct request *call_take(const char *name)
{
    for (size_t i = 0; i < calls_count; i++) {
        struct request *call = calls[i];
        if (strcmp(call->route->name, name) != 0)
            continue;
        memmove(calls + i, calls + i + 1, (--calls_count - i) * sizeof(struct request *));
        return call;
    }
    return NULL;
}

static int edge_close(void **state)
{
    struct world *world = *state;
    while (world->count > 0)
        world_leave(world, world->sockets[world->count - 1]);
    while (calls_count) {
        struct request *call = calls[--calls_count];
        request_finish(call, STATUS_OK);
    }
    dispatch_set_edge(world->dispatch, NULL, NULL);
    bus_close(world->hub->bus);
    return world_close(state);
}

static void answer(struct request *call, uint64_t offset, const char *json)
{
    call->position.is_positioned = offset > 0;
    call->position.offset = offset;
    strcpy(call->position.epoch, "epoch");
    buffer_text(request_result(call), json);
    request_finish(call, STATUS_OK);
}

static struct request *come_back(struct world *world, struct websocket *socket, int offset)
{
    char command[200];
    int length =
        snprintf(command, sizeof command,
                 "{\"id\":1,\"subscribe\":{\"channel\":\"" CHANNEL "\",\"recover\":true,\"offset\":%d}}", offset);
    commands_handle(socket->connection, command, (size_t)length);
    hub_bus_listening(world->hub, HUB_BUS_CHANNEL CHANNEL, true);
    return call_take("channel.subscribe");
}

static void events_come(struct world *world, int from, int to)
{
    for (int offset = from; offset <= to; offset++) {
        char text[200];
        int length = snprintf(
            text, sizeof text,
            "E%d 100\n{\"push\":{\"channel\":\"" CHANNEL "\",\"pub\":{\"data\":\"x\",\"offset\":%d}}}", offset, offset);
        hub_bus_message(world->hub, HUB_BUS_CHANNEL CHANNEL, text, (size_t)length);
    }
    for (int i = 0; i < 10; i++)
        world_turn(world);
}

#define YES     "{\"recovered\":true,\"publications\":[]}"
#define READ    "{\"publications\":[{\"offset\":2,\"data\":\"x\"}],\"epoch\":\"epoch\",\"offset\":2}"
#define TWO     "{\"id\":1,\"subscribe\":{\"recovered\":true,\"publications\":[{\"offset\":2,\"data\":\"x\"}]}}"
#define CHANGED "{\"op\":\"recheck\",\"version\":101,\"user\":0,\"session\":0,\"code\":0}"

static void change_comes(struct world *world)
{
    hub_bus_message(world->hub, HUB_BUS_CONTROL, CHANGED, strlen(CHANGED));
}

static void one_read_serves_all_who_wait_and_memory_those_behind_them(void **state)
{
    struct world *world = *state;
    struct websocket *first = world_connect(world), *second = world_connect(world), *third = world_connect(world);
    world->hub->rights_version = 100;
    struct request *subscribe = come_back(world, first, 1);
    assert_true(json_get_bool(subscribe->params, "leaves_out"));
    answer(subscribe, 2, YES);
    answer(come_back(world, second, 1), 2, YES);
    events_come(world, 3, 4);
    assert_int_equal(first->count + second->count, 0);
    answer(call_take("channel.read"), 0, READ);
    assert_null(call_take("channel.read"));
    answer(come_back(world, third, 3), 4, YES);
    events_come(world, 5, 5);

    assert_null(call_take("channel.read"));
    assert_string_equal(first->texts[0], TWO);
    assert_string_equal(second->texts[0], TWO);
    assert_non_null(strstr(third->texts[0], "\"publications\":[{\"offset\":4,\"data\":\"x\"}]"));
    assert_string_equal(world_heard(first), "3 4 5");
    assert_string_equal(world_heard(second), "3 4 5");
    assert_string_equal(world_heard(third), "5");
}

static void while_rights_are_uncertain_the_home_is_asked_for_all(void **state)
{
    struct world *world = *state;
    struct websocket *early = world_connect(world), *late = world_connect(world);
    world->hub->rights_version = 100;
    answer(come_back(world, early, 1), 2, YES);
    struct request *read = call_take("channel.read"), *subscribe = come_back(world, late, 1);

    change_comes(world);
    answer(subscribe, 2, YES);
    answer(read, 0, READ);

    for (int i = 0; i < 2; i++) {
        struct request *whole = call_take("channel.subscribe");
        assert_non_null(whole);
        assert_false(json_get_bool(whole->params, "leaves_out"));
        assert_true(json_get_bool(whole->params, "recover"));
        request_finish(whole, STATUS_FORBIDDEN);
    }
    for (int i = 0; i < 10; i++)
        world_turn(world);
    assert_null(strstr(early->texts[0], "publications"));
    assert_null(strstr(late->texts[0], "publications"));
    assert_int_equal(early->count, 1);
}

static void who_goes_while_the_events_are_read_gets_an_answer(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    answer(come_back(world, socket, 1), 2, YES);
    char leave[] = "{\"id\":2,\"unsubscribe\":{\"channel\":\"" CHANNEL "\"}}";
    commands_handle(socket->connection, leave, strlen(leave));

    answer(call_take("channel.read"), 0, READ);

    world_settle(world);
    assert_int_equal(socket->count, 2);
    assert_non_null(strstr(socket->texts[0], "\"code\":103"));
    assert_string_equal(socket->texts[1], "{\"id\":2,\"unsubscribe\":{}}");
}

static void a_home_that_is_silent_is_an_error_for_those_who_wait(void **state)
{
    struct world *world = *state;
    struct websocket *socket = world_connect(world);
    answer(come_back(world, socket, 1), 2, YES);

    request_finish(call_take("channel.read"), STATUS_UNAVAILABLE);

    world_settle(world);
    assert_int_equal(socket->count, 1);
    assert_non_null(strstr(socket->texts[0], "\"code\":100"));
    assert_int_equal(world->hub->stats.subscriptions, 0);
}

int main(void)
{
#define TEST(name)    cmocka_unit_test_setup_teardown(name, logs_open, world_close)
#define ON_EDGE(name) cmocka_unit_test_setup_teardown(name, edge_open, edge_close)
    const struct CMUnitTest tests[] = {
        TEST(events_are_remembered_as_they_were_sent),
        TEST(the_oldest_go_when_there_are_too_many),
        TEST(a_gap_and_another_epoch_empty_it),
        TEST(nobody_listens_and_nothing_is_remembered),
        TEST(older_ones_are_put_in_front),
        TEST(the_longest_unused_go_when_all_are_too_many),
        TEST(it_goes_some_time_after_the_last_listener),
        ON_EDGE(one_read_serves_all_who_wait_and_memory_those_behind_them),
        ON_EDGE(while_rights_are_uncertain_the_home_is_asked_for_all),
        ON_EDGE(who_goes_while_the_events_are_read_gets_an_answer),
        ON_EDGE(a_home_that_is_silent_is_an_error_for_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
