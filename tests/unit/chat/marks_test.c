/* Small signs: reactions, read marks and typing. */
#include "world.h"
#include <stdio.h>
#include <string.h>

#define LL(number) ((long long)(number))

static void reactions_come_with_their_message(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "member");
    int64_t id = say(world, world->ann, room, "x"), other = say(world, world->ann, room, "y");
    (void)other;

    struct answer *answer = ask(world, world->bob, "reaction.create", "{'id':%lld,'emoji':'👍'}", LL(id));
    assert_int_equal(answer->status, STATUS_CREATED);
    const struct note *event = last_event(world, room);
    assert_string_equal(look_text(event->json, "event"), "reaction.added");
    assert_int_equal(look_int(event->json, "message"), id);
    assert_int_equal(look_int(event->json, "user"), world->bob);
    assert_string_equal(look_text(event->json, "name"), "bob");
    assert_string_equal(look_text(event->json, "emoji"), "👍");
    ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'👍'}", LL(id));
    ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'👩‍🚀'}", LL(id));

    struct answer *page = ask(world, world->ann, "message.list", "{'id':%lld}", LL(room));
    assert_int_equal(cJSON_GetArraySize(look(page->json, "items.0.reactions")), 2);
    const cJSON *first = look(page->json, "items.0.reactions.0");
    const cJSON *thumbs = strcmp(look_text(first, "emoji"), "👍") == 0 ? first : look(page->json, "items.0.reactions.1");
    assert_int_equal(cJSON_GetArraySize(look(thumbs, "users")), 2);
    assert_int_equal(look_int(thumbs, "users.0"), world->ann);
    assert_int_equal(look_int(thumbs, "users.1"), world->bob);
    assert_false(has(page->json, "items.1.reactions"));
}

static void the_same_reaction_twice_is_one(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general"), id = say(world, world->ann, room, "x");

    assert_int_equal(ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'👍'}", LL(id))->status,
                     STATUS_CREATED);
    assert_int_equal(ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'👍'}", LL(id))->status, STATUS_OK);
    assert_int_equal(count_events(world, "room:1", "reaction.added"), 1);
    assert_int_equal(ask(world, world->ann, "reaction.delete", "{'id':%lld,'emoji':'👍'}", LL(id))->status,
                     STATUS_NO_CONTENT);
    assert_int_equal(ask(world, world->ann, "reaction.delete", "{'id':%lld,'emoji':'👍'}", LL(id))->status,
                     STATUS_NO_CONTENT);
    assert_int_equal(count_events(world, "room:1", "reaction.removed"), 1);
    assert_int_equal(world_get_int(world, "SELECT top FROM room"), 3);
}

static void a_reaction_is_a_short_sign(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general"), id = say(world, world->ann, room, "x");
    static const char *const wrong[] = {"", " ", "a b", "\\u200d", "\\t", "12345678901234567"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(
            ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'%s'}", LL(id), wrong[i])->status,
            STATUS_INVALID);
    assert_int_equal(ask(world, world->bob, "reaction.create", "{'id':%lld,'emoji':'x'}", LL(id))->status,
                     STATUS_FORBIDDEN);
}

static void a_message_has_a_bounded_number_of_reactions(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general"), id = say(world, world->ann, room, "x");
    world_run_sql(world, "INSERT INTO reaction(message_id, user_id, emoji, created_at) "
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
                         "SELECT 1, 2, 'e' || i, 0 FROM n");
    assert_int_equal(ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'x'}", LL(id))->status,
                     STATUS_LIMIT);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM reaction"), 500);
}

static int64_t unread(struct world *world, int64_t user_id, int64_t room)
{
    return look_int(ask(world, user_id, "room.detail", "{'id':%lld}", LL(room))->json, "membership.unread");
}

static void unread_are_the_messages_of_others_behind_the_mark(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    say(world, world->ann, room, "before bob");
    ask(world, world->bob, "room.join", "{'id':%lld}", LL(room));
    int64_t first = say(world, world->ann, room, "1");
    say(world, world->ann, room, "2");
    say(world, world->bob, room, "mine");
    ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'x'}", LL(first));
    assert_int_equal(unread(world, world->bob, room), 2);
    ask(world, world->ann, "message.delete", "{'id':%lld}", LL(first));
    assert_int_equal(unread(world, world->bob, room), 1);

    struct answer *answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':3}", LL(room));
    assert_int_equal(answer->status, STATUS_OK);
    assert_int_equal(look_int(answer->json, "read_offset"), 3);
    assert_int_equal(look_int(answer->json, "unread"), 1);
    answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':4}", LL(room));
    assert_int_equal(look_int(answer->json, "unread"), 0);
    assert_int_equal(unread(world, world->bob, room), 0);
    assert_int_equal(count_events(world, "user:2", "read"), 2);
    const struct note *push = &world->hub->notes[world->hub->count - 1];
    assert_int_equal(look_int(push->json, "room"), room);
    assert_int_equal(look_int(push->json, "read_offset"), 4);
    assert_int_equal(look_int(push->json, "unread"), 0);
}

static void a_read_mark_goes_forward_only_and_not_past_the_end(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    say(world, world->ann, room, "1");
    say(world, world->ann, room, "2");
    struct answer *answer = ask(world, world->ann, "room.read", "{'id':%lld,'offset':9000}", LL(room));
    assert_int_equal(look_int(answer->json, "read_offset"), 2);
    answer = ask(world, world->ann, "room.read", "{'id':%lld,'offset':1}", LL(room));
    assert_int_equal(look_int(answer->json, "read_offset"), 2);
    assert_int_equal(count_events(world, "user:1", "read"), 1);
    assert_int_equal(ask(world, world->bob, "room.read", "{'id':%lld,'offset':1}", LL(room))->status, STATUS_FORBIDDEN);
}

static void counting_unread_messages_is_bounded(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    ask(world, world->bob, "room.join", "{'id':%lld}", LL(room));
    world_run_sql(world, "INSERT INTO message(room_id, offset, author, text, created_at, updated_at) "
                         "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                         "SELECT 1, i, 1, 'x', 0, 0 FROM n");
    assert_int_equal(unread(world, world->bob, room), 1000);
}

static void typing_is_heard_but_not_kept(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");

    struct answer *answer = ask(world, world->ann, "room.typing", "{'id':%lld}", LL(room));

    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    const struct note *event = last_event(world, room);
    assert_int_equal(event->offset, 0);
    assert_string_equal(look_text(event->json, "event"), "typing");
    assert_string_equal(look_text(event->json, "name"), "ann");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM event"), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(world, world->ann, "room.typing", "{'id':%lld}", LL(room))->status, STATUS_NO_CONTENT);
    assert_true(count_events(world, "room:1", "typing") < 40); /* dropped, not refused */
}

static void only_who_may_write_may_type(void **state)
{
    struct world *world = *state;
    int64_t open = make_room(world, world->ann, "public", "open"),
            hidden = make_room(world, world->ann, "private", "hidden");
    add_member(world, world->ann, open, world->bob, "reader");
    assert_int_equal(ask(world, world->bob, "room.typing", "{'id':%lld}", LL(open))->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->eve, "room.typing", "{'id':%lld}", LL(open))->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->eve, "room.typing", "{'id':%lld}", LL(hidden))->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->eve, "room.typing", "{'id':99}")->status, STATUS_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reactions_come_with_their_message),
        TEST(the_same_reaction_twice_is_one),
        TEST(a_reaction_is_a_short_sign),
        TEST(a_message_has_a_bounded_number_of_reactions),
        TEST(unread_are_the_messages_of_others_behind_the_mark),
        TEST(a_read_mark_goes_forward_only_and_not_past_the_end),
        TEST(counting_unread_messages_is_bounded),
        TEST(typing_is_heard_but_not_kept),
        TEST(only_who_may_write_may_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
