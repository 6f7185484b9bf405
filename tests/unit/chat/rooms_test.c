/* Rooms: who sees which, what may be changed, and what the directory in memory says about subscriptions. */
#include "world.h"
#include <string.h>
#include "chat/demo.h"

#define LL(number) ((long long)(number))

static void a_new_room_is_seen_by_its_owner_in_all_windows(void **state)
{
    struct world *world = *state;

    struct answer *answer = ask(world, world->ann, "room.create", "{'kind':'private','name':'Tea','topic':'at five'}");

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_int_equal(answer->created_id, look_int(answer->json, "id"));
    assert_string_equal(look_text(answer->json, "kind"), "private");
    assert_string_equal(look_text(answer->json, "topic"), "at five");
    assert_int_equal(look_int(answer->json, "created_by"), world->ann);
    assert_int_equal(look_int(answer->json, "offset"), 0);
    assert_int_equal(look_int(answer->json, "members"), 1);
    assert_string_equal(look_text(answer->json, "membership.role"), "owner");
    assert_int_equal(look_int(answer->json, "membership.unread"), 0);
    assert_false(has(answer->json, "with"));
    assert_int_equal(count_events(world, "user:1", "room.added"), 1);
    assert_true(cJSON_Compare(look(world->hub->notes[0].json, "room"), answer->json, true));
    struct channel_top top = {.offset = 99};
    assert_int_equal(authorize(world, world->ann, "1", &top), STATUS_OK);
    assert_int_equal(top.offset, 0);
    assert_string_equal(top.epoch, look_text(answer->json, "epoch"));
}

static void public_names_are_unique_and_private_ones_are_not(void **state)
{
    struct world *world = *state;
    make_room(world, world->ann, "public", "general");
    struct answer *again = ask(world, world->bob, "room.create", "{'kind':'public','name':'General'}");
    assert_int_equal(again->status, STATUS_CONFLICT);
    assert_non_null(again->detail);
    int64_t mine = make_room(world, world->bob, "private", "general");
    struct answer *opened = ask(world, world->bob, "room.update", "{'id':%lld,'kind':'public'}", LL(mine));
    assert_int_equal(opened->status, STATUS_CONFLICT);
    assert_int_equal(authorize(world, world->eve, "2", &(struct channel_top){0}), STATUS_NOT_FOUND);
}

static void names_and_kinds_are_checked(void **state)
{
    struct world *world = *state;
    static const char *const wrong[] = {
        "{'kind':'public'}",
        "{'kind':'direct','name':'x'}",
        "{'kind':'public','name':'  '}",
        "{'kind':'public','name':'a\\u202eb'}",
        "{'kind':'public','name':'a\\nb'}",
        "{'kind':'public','name':'12345678901234567890123456789012345678901234567890123456789012345'}",
        "{'kind':'public','name':'x','epoch':'mine'}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct answer *answer = ask(world, world->ann, "room.create", "%s", wrong[i]);
        assert_int_equal(answer->status, STATUS_INVALID);
        assert_non_null(answer->errors);
    }
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM room"), 0);
}

static void the_list_has_my_rooms_and_public_ones_page_by_page(void **state)
{
    struct world *world = *state;
    int64_t open = make_room(world, world->ann, "public", "open"),
            hidden = make_room(world, world->ann, "private", "hidden");
    int64_t mine = make_room(world, world->bob, "private", "mine");
    ask(world, world->bob, "direct.create", "{'user':%lld}", LL(world->ann));
    say(world, world->ann, open, "hi");
    (void)hidden;

    struct answer *page = ask(world, world->bob, "room.list", "{'limit':2}");
    assert_int_equal(cJSON_GetArraySize(look(page->json, "items")), 2);
    assert_int_equal(look_int(page->json, "items.0.id"), open);
    assert_true(cJSON_IsNull(look(page->json, "items.0.membership")));
    assert_int_equal(look_int(page->json, "items.1.id"), mine);
    page = ask(world, world->bob, "room.list", "{'limit':2,'after':%lld}", LL(look_int(page->json, "next")));
    assert_int_equal(cJSON_GetArraySize(look(page->json, "items")), 1);
    assert_string_equal(look_text(page->json, "items.0.with.name"), "ann");
    assert_true(cJSON_IsNull(look(page->json, "next")));
    assert_int_equal(cJSON_GetArraySize(look(ask(world, world->eve, "room.list", "{}")->json, "items")), 1);
    world_run_sql(world, "UPDATE user SET superuser = 1 WHERE name = 'eve'");
    permissions_set_superuser(world->permissions, world->eve, true);
    assert_int_equal(cJSON_GetArraySize(look(ask(world, world->eve, "room.list", "{}")->json, "items")), 1);
}

static void a_direct_room_is_one_for_two_people(void **state)
{
    struct world *world = *state;

    struct answer *first = ask(world, world->bob, "direct.create", "{'user':%lld}", LL(world->ann));
    struct answer *again = ask(world, world->ann, "direct.create", "{'user':%lld}", LL(world->bob));

    assert_int_equal(first->status, STATUS_CREATED);
    assert_int_equal(again->status, STATUS_OK);
    int64_t room = look_int(first->json, "id");
    assert_int_equal(look_int(again->json, "id"), room);
    assert_string_equal(look_text(first->json, "with.name"), "ann");
    assert_string_equal(look_text(again->json, "with.name"), "bob");
    assert_int_equal(look_int(first->json, "members"), 2);
    assert_int_equal(count_events(world, "user:1", "room.added"), 1);
    assert_int_equal(count_events(world, "user:2", "room.added"), 1);
    say(world, world->ann, room, "psst");

    assert_int_equal(ask(world, world->eve, "room.detail", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);
    assert_int_equal(authorize(world, world->eve, "1", &(struct channel_top){0}), STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->ann, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_FORBIDDEN);
    assert_int_equal(
        ask(world, world->ann, "member.create", "{'id':%lld,'user':%lld}", LL(room), LL(world->eve))->status,
        STATUS_FORBIDDEN);
    assert_int_equal(
        ask(world, world->ann, "member.delete", "{'id':%lld,'user':%lld}", LL(room), LL(world->bob))->status,
        STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->ann, "room.update", "{'id':%lld,'kind':'public'}", LL(room))->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->ann, "room.delete", "{'id':%lld}", LL(room))->status, STATUS_FORBIDDEN);
}

static void a_direct_room_needs_somebody_else_who_is_there(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE name = 'eve'");
    assert_int_equal(ask(world, world->ann, "direct.create", "{'user':%lld}", LL(world->ann))->status, STATUS_INVALID);
    assert_int_equal(ask(world, world->ann, "direct.create", "{'user':999}")->status, STATUS_INVALID);
    assert_int_equal(ask(world, world->ann, "direct.create", "{'user':%lld}", LL(world->eve))->status, STATUS_INVALID);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM room"), 0);
}

static void moderators_rename_and_only_owners_close(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "moderator");
    add_member(world, world->ann, room, world->eve, "member");

    assert_int_equal(ask(world, world->eve, "room.update", "{'id':%lld,'topic':'x'}", LL(room))->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->dan, "room.update", "{'id':%lld,'topic':'x'}", LL(room))->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->bob, "room.update", "{'id':%lld,'kind':'private'}", LL(room))->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->bob, "room.update", "{'id':%lld}", LL(room))->status, STATUS_INVALID);
    struct answer *answer = ask(world, world->bob, "room.update", "{'id':%lld,'topic':'news'}", LL(room));
    assert_int_equal(answer->status, STATUS_OK);
    assert_string_equal(look_text(answer->json, "name"), "general");
    assert_string_equal(look_text(answer->json, "membership.role"), "moderator");
    const struct note *event = last_event(world, room);
    assert_string_equal(look_text(event->json, "event"), "room.updated");
    assert_string_equal(look_text(event->json, "room.topic"), "news");
    assert_false(has(event->json, "room.membership")); /* everybody hears the same text */
    assert_int_equal(look_int(event->json, "room.offset"), event->offset);
}

static void a_room_that_becomes_private_is_rechecked_before_it_says_so(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    struct channel_top top;
    assert_int_equal(authorize(world, world->bob, "1", &top), STATUS_OK);
    size_t before = world->hub->count;

    ask(world, world->ann, "room.update", "{'id':%lld,'kind':'private'}", LL(room));

    size_t recheck = find_note(world, before, NOTE_RECHECK_CHANNEL, "room:1");
    assert_true(recheck < find_note(world, before, NOTE_PUBLISH, "room:1"));
    assert_int_equal(authorize(world, world->bob, "1", &top), STATUS_NOT_FOUND);
    assert_int_equal(authorize(world, world->ann, "1", &top), STATUS_OK);
}

static void a_deleted_room_is_gone_with_all_that_was_said(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "moderator");
    int64_t id = say(world, world->ann, room, "x");
    ask(world, world->bob, "message.create", "{'id':%lld,'text':'y','reply_to':%lld}", LL(room), LL(id));
    assert_int_equal(ask(world, world->bob, "room.delete", "{'id':%lld}", LL(room))->status, STATUS_FORBIDDEN);
    size_t before = world->hub->count;

    struct answer *answer = ask(world, world->ann, "room.delete", "{'id':%lld}", LL(room));

    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    size_t drop = find_note(world, before, NOTE_UNSUBSCRIBE, "room:1");
    assert_true(drop < answer->notes_before);
    assert_int_equal(world->hub->notes[drop].user_id, 0);
    assert_int_equal(count_events(world, "user:1", "room.removed"), 1);
    assert_int_equal(count_events(world, "user:2", "room.removed"), 1);
    assert_int_equal(world_get_int(world, "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM event) + "
                                          "(SELECT count(*) FROM member)"),
                     0);
    assert_int_equal(authorize(world, world->ann, "1", &(struct channel_top){0}), STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->ann, "message.create", "{'id':%lld,'text':'x'}", LL(room))->status,
                     STATUS_NOT_FOUND);
}

static void superusers_and_the_shell_delete_any_room(void **state)
{
    struct world *world = *state;
    int64_t one = make_room(world, world->ann, "private", "one");
    make_room(world, world->ann, "private", "two");
    world_run_sql(world, "UPDATE user SET superuser = 1 WHERE name = 'eve'");
    permissions_set_superuser(world->permissions, world->eve, true);

    assert_int_equal(ask(world, world->eve, "room.detail", "{'id':%lld}", LL(one))->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->eve, "room.delete", "{'id':%lld}", LL(one))->status, STATUS_NO_CONTENT);
    assert_int_equal(ask_shell(world, "room.delete", "{'id':2}")->status, STATUS_NO_CONTENT);
    assert_int_equal(ask_shell(world, "room.delete", "{'id':2}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask_shell(world, "room.create", "{'kind':'public','name':'x'}")->status, STATUS_FORBIDDEN);
}

static void channels_are_decided_from_memory(void **state)
{
    struct world *world = *state;
    struct channel_top top;
    make_room(world, world->ann, "private", "hidden");
    static const char *const malformed[] = {
        "", "0", "01", "1 ", " 1", "+1", "-1", "1.0", "x", "9007199254740992", "99999999999999999999999"};
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++)
        assert_int_equal(authorize(world, world->ann, malformed[i], &top), STATUS_MALFORMED);
    assert_int_equal(authorize(world, world->ann, "1", &top), STATUS_OK);
    assert_int_equal(authorize(world, world->bob, "1", &top), STATUS_NOT_FOUND);
    assert_int_equal(authorize(world, world->bob, "9007199254740991", &top), STATUS_NOT_FOUND);
    assert_int_equal(authorize(world, 0, "1", &top), STATUS_FORBIDDEN);
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "message", RIGHT_WRITE);
    assert_int_equal(authorize(world, world->ann, "1", &top), STATUS_FORBIDDEN);
}

static void everyone_may_listen_to_public_rooms_if_granted(void **state)
{
    struct world *world = *state;
    struct channel_top top;
    make_room(world, world->ann, "public", "open");
    make_room(world, world->ann, "private", "hidden");
    permissions_set(world->permissions, SUBJECT_EVERYONE, 0, "message", RIGHT_READ);
    assert_int_equal(authorize(world, 0, "1", &top), STATUS_OK);
    assert_int_equal(authorize(world, 0, "2", &top), STATUS_NOT_FOUND);
}

static void a_restart_finds_rooms_members_and_positions(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "reader");
    say(world, world->ann, room, "x");
    struct channel_top before, after;
    assert_int_equal(authorize(world, world->bob, "1", &before), STATUS_OK);

    world_restart_chat(world);

    assert_int_equal(authorize(world, world->bob, "1", &after), STATUS_OK);
    assert_int_equal(after.offset, 2); /* the joining and the message */
    assert_int_equal(after.offset, before.offset);
    assert_string_equal(after.epoch, before.epoch);
    assert_int_equal(authorize(world, world->eve, "1", &after), STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "room.typing", "{'id':%lld}", LL(room))->status, STATUS_FORBIDDEN);
}

static enum status make_demo(struct db *db, void *context)
{
    const struct world *world = context;
    int64_t people[3] = {world->ann, world->bob, world->eve};
    return demo_rooms(db, people, 3);
}

static void demonstration_rooms_can_be_made_twice(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_write(world, make_demo, world), STATUS_OK);
    int64_t messages = world_get_int(world, "SELECT count(*) FROM message");
    assert_int_equal(world_write(world, make_demo, world), STATUS_OK);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM room"), 3);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM message"), messages);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM event"), messages);
    world_restart_chat(world);
    struct answer *news = ask(world, world->bob, "message.create", "{'id':3,'text':'x'}");
    assert_int_equal(news->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->ann, "message.create", "{'id':3,'text':'x'}")->status, STATUS_CREATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_room_is_seen_by_its_owner_in_all_windows),
        TEST(public_names_are_unique_and_private_ones_are_not),
        TEST(names_and_kinds_are_checked),
        TEST(the_list_has_my_rooms_and_public_ones_page_by_page),
        TEST(a_direct_room_is_one_for_two_people),
        TEST(a_direct_room_needs_somebody_else_who_is_there),
        TEST(moderators_rename_and_only_owners_close),
        TEST(a_room_that_becomes_private_is_rechecked_before_it_says_so),
        TEST(a_deleted_room_is_gone_with_all_that_was_said),
        TEST(superusers_and_the_shell_delete_any_room),
        TEST(channels_are_decided_from_memory),
        TEST(everyone_may_listen_to_public_rooms_if_granted),
        TEST(a_restart_finds_rooms_members_and_positions),
        TEST(demonstration_rooms_can_be_made_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
