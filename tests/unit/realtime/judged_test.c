/* Channels in which each listener gets what is its own: what waits for one must never reach another, however places
 * move, and nothing that was chosen under an older right may leave. */
#include "world.h"
#include <stdio.h>
#include <string.h>

#define FEED  "feed:news"
#define USERS 100

static bool may_listen;

static enum status authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    (void)app, (void)actor, (void)rest;
    *top = (struct channel_top){0};
    return may_listen ? STATUS_OK : STATUS_FORBIDDEN;
}

static const struct channel_kind feeds = {.prefix = "feed:", .is_judged = true, .authorize = authorize};

/* A text for each user who is among them: its JSON, or NULL. */
struct texts {
    const char *of[USERS];
    size_t asked;
};

static const char *choose(void *context, const struct actor *actor, size_t *length)
{
    struct texts *texts = context;
    const char *text = texts->of[actor->user_id];
    texts->asked++;
    if (text)
        *length = strlen(text);
    return text;
}

static int open_feed(void **state)
{
    world_open(state);
    struct world *world = *state;
    hub_add_kind(world->hub, &feeds, NULL);
    may_listen = true;
    return 0;
}

static struct websocket *listener(struct world *world, int64_t user_id)
{
    struct websocket *socket = world_connect(world);
    socket->connection->actor.user_id = user_id;
    assert_true(connection_identify(socket->connection));
    world_listen(socket, FEED);
    return socket;
}

static void publish_for(struct world *world, const char *text, int64_t first, int64_t second)
{
    struct texts texts = {0};
    texts.of[first] = texts.of[second] = text;
    hub_publish_each(world->hub, FEED, choose, &texts);
}

/* What was pushed, as the texts' letters: "a b"; an unsubscribe with its code. */
static const char *heard(const struct websocket *socket)
{
    static char words[4096];
    size_t length = 0;
    words[0] = '\0';
    for (size_t i = 0; i < socket->count; i++) {
        SCOPED(json_free) cJSON *object = json_parse(socket->texts[i], strlen(socket->texts[i]), NULL);
        const cJSON *push = json_get(object, "push"), *unsubscribe = json_get(push, "unsubscribe");
        const char *data = json_get_text(json_get(push, "pub"), "data"), *gap = length ? " " : "";
        if (data)
            length += (size_t)sprintf(words + length, "%s%s", gap, data);
        else if (unsubscribe)
            length += (size_t)sprintf(words + length, "%s%lld", gap, (long long)json_get_int(unsubscribe, "code", 0));
    }
    return words;
}

static void each_listener_gets_its_own_in_order(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2), *eve = listener(world, 3);
    publish_for(world, "\"a\"", 1, 2);
    publish_for(world, "\"b\"", 2, 2);
    publish_for(world, "\"c\"", 1, 1);
    publish_for(world, "\"d\"", 1, 2);
    world_settle(world);
    assert_string_equal(heard(ann), "a c d");
    assert_string_equal(heard(bob), "a b d");
    assert_string_equal(heard(eve), "");
}

static void who_gets_the_same_shares_one_frame(void **state)
{
    struct world *world = *state;
    struct texts texts = {.of = {[1] = "\"a\"", [2] = "\"b\""}};
    for (int i = 0; i < 10; i++)
        listener(world, 1 + i % 2);
    hub_publish_each(world->hub, FEED, choose, &texts);
    const struct channel *channel = channel_find(world->hub, FEED, strlen(FEED));
    assert_int_equal(texts.asked, 10);
    assert_int_equal(channel->log_count, 2);
    world_settle(world);
}

static void what_waits_keeps_its_owner_when_others_leave(void **state)
{
    struct world *world = *state;
    struct websocket *sockets[USERS] = {0};
    for (int i = 1; i <= 63; i++) {
        sockets[i] = listener(world, i);
        sockets[i]->is_blocked = true;
    }
    for (int i = 1; i <= 63; i++) {
        char text[8];
        snprintf(text, sizeof text, "\"%d\"", i);
        publish_for(world, text, i, i);
    }
    world_settle(world);
    /* The last ones take the places of those who leave. */
    for (int i = 1; i <= 60; i += 2)
        world_leave(world, sockets[i]);
    for (int i = 1; i <= 63; i++) {
        char text[8];
        if (i % 2 && i <= 60)
            continue;
        snprintf(text, sizeof text, "%d", i);
        world_unblock(sockets[i]);
        world_settle(world);
        assert_string_equal(heard(sockets[i]), text);
    }
}

static void who_comes_to_a_freed_place_gets_nothing_older(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    ann->is_blocked = bob->is_blocked = true;
    publish_for(world, "\"a\"", 2, 2);
    world_settle(world);
    world_leave(world, bob);
    struct websocket *eve = listener(world, 3);
    world_settle(world);
    assert_string_equal(heard(eve), "");
    world_unblock(ann);
    world_settle(world);
    assert_string_equal(heard(ann), "");
}

static void what_is_for_others_does_not_make_a_slow_reader(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    world->settings->realtime_queue_bytes_max = 1000;
    ann->is_blocked = true;
    connection_send(ann->connection, frame_new("{}", 2));
    world_settle(world);
    for (int i = 0; i < 100; i++) {
        publish_for(world, "\"a\"", 2, 2);
        world_settle(world);
    }
    assert_int_equal(ann->close_code, 0);
    assert_int_equal(bob->count, 100);
    for (int i = 0; i < 100; i++) {
        publish_for(world, "\"b\"", 1, 1);
        world_settle(world);
    }
    assert_int_equal(ann->close_code, 3008);
}

static void a_lost_right_takes_what_waits_along(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1);
    ann->is_blocked = true;
    publish_for(world, "\"a\"", 1, 1);
    world_settle(world);
    may_listen = false;
    hub_recheck(world->hub, 1);
    world_unblock(ann);
    world_settle(world);
    assert_string_equal(heard(ann), "2000");
}

static void what_was_chosen_before_rights_changed_is_not_sent(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    ann->is_blocked = true;
    publish_for(world, "\"a\"", 1, 2);
    world_settle(world);
    hub_recheck(world->hub, 0);
    publish_for(world, "\"b\"", 1, 2);
    world_unblock(ann);
    world_settle(world);
    /* Who had everything goes on; the other one is to read again. */
    assert_string_equal(heard(bob), "a b");
    assert_string_equal(heard(ann), "2500");
}

static void leaving_a_room_puts_what_waits_in_doubt_too(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    ann->is_blocked = bob->is_blocked = true;
    publish_for(world, "\"a\"", 1, 2);
    world_settle(world);
    hub_unsubscribe(world->hub, 1, "room:1");
    world_unblock(ann);
    world_unblock(bob);
    world_settle(world);
    assert_string_equal(heard(ann), "2500");
    assert_string_equal(heard(bob), "a");
}

static void what_cannot_be_told_ends_all_subscriptions(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    struct websocket *eve = world_connect(world);
    world_listen(eve, "feed:other");
    hub_publish_lost(world->hub, FEED);
    world_settle(world);
    assert_string_equal(heard(ann), "2500");
    assert_string_equal(heard(bob), "2500");
    assert_string_equal(heard(eve), "");
}

static void nobody_hears_who_else_listens(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1);
    LIST_EACH (&ann->connection->subscriptions, node)
        container_of(node, struct subscription, link)->wants_join_leave = true;
    const struct channel *channel = channel_find(world->hub, FEED, strlen(FEED));
    channel_announce((struct channel *)(uintptr_t)channel, true,
                     &(struct client_info){.user_id = 2, .client = "client", .name = "bob"});
    world_settle(world);
    assert_int_equal(ann->count, 0);
}

/* ---- what an edge gets ---- */

static void arrive(struct world *world, const struct websocket *first, const struct websocket *second,
                   const char *letter)
{
    char message[256];
    int length =
        snprintf(message, sizeof message, "T1 %s%s%s\n{\"push\":{\"channel\":\"" FEED "\",\"pub\":{\"data\":\"%s\"}}}",
                 first->connection->client, second ? "," : "", second ? second->connection->client : "", letter);
    hub_bus_message(world->hub, HUB_BUS_CHANNEL FEED, message, (size_t)length);
}

static void an_edge_hands_on_to_those_who_are_named(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2), *eve = listener(world, 3);
    arrive(world, ann, eve, "a");
    arrive(world, bob, NULL, "b");
    world_settle(world);
    assert_string_equal(heard(ann), "a");
    assert_string_equal(heard(bob), "b");
    assert_string_equal(heard(eve), "a");
}

static void an_edge_hands_nothing_to_who_has_no_answer_yet(void **state)
{
    struct world *world = *state;
    struct websocket *ann = world_connect(world), *bob = listener(world, 2);
    enum status status;
    struct channel *channel = channel_get(world->hub, FEED, strlen(FEED), &status);
    struct subscription *pending = subscription_new(ann->connection, channel);
    arrive(world, ann, bob, "a");
    subscription_start(pending, 0);
    world_settle(world);
    assert_string_equal(heard(ann), "");
    assert_string_equal(heard(bob), "a");
}

static void an_edge_hands_on_what_it_held(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1);
    world->hub->is_suspended = true;
    arrive(world, ann, NULL, "a");
    world_turn(world);
    assert_string_equal(heard(ann), "");
    world->hub->is_suspended = false;
    fanout_mark(channel_find(world->hub, FEED, strlen(FEED)));
    world_settle(world);
    assert_string_equal(heard(ann), "a");
}

static void an_edge_that_can_hold_no_more_lets_its_listeners_begin_again(void **state)
{
    struct world *world = *state;
    struct websocket *ann = listener(world, 1), *bob = listener(world, 2);
    world->settings->realtime_queue_bytes_max = 1000;
    world->hub->is_suspended = true;
    for (int i = 0; i < 100; i++)
        arrive(world, ann, bob, "a");
    world->hub->is_suspended = false;
    world_settle(world);
    assert_string_equal(heard(ann), "2500");
    assert_string_equal(heard(bob), "2500");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_feed, world_close)
        TEST(each_listener_gets_its_own_in_order),
        TEST(who_gets_the_same_shares_one_frame),
        TEST(what_waits_keeps_its_owner_when_others_leave),
        TEST(who_comes_to_a_freed_place_gets_nothing_older),
        TEST(what_is_for_others_does_not_make_a_slow_reader),
        TEST(a_lost_right_takes_what_waits_along),
        TEST(what_was_chosen_before_rights_changed_is_not_sent),
        TEST(leaving_a_room_puts_what_waits_in_doubt_too),
        TEST(what_cannot_be_told_ends_all_subscriptions),
        TEST(nobody_hears_who_else_listens),
        TEST(an_edge_hands_on_to_those_who_are_named),
        TEST(an_edge_hands_nothing_to_who_has_no_answer_yet),
        TEST(an_edge_hands_on_what_it_held),
        TEST(an_edge_that_can_hold_no_more_lets_its_listeners_begin_again),
    };
    return cmocka_run_group_tests_name("judged", tests, NULL, NULL);
}
