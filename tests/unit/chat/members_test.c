/* Members: joining, inviting, roles, and leaving in a way that bites at once. */
#include "world.h"
#include <string.h>

#define LL(number) ((long long)(number))

static struct answer *set_role(struct world *world, int64_t actor, int64_t room, int64_t user, const char *role)
{
    return ask(world, actor, "member.update", "{'id':%lld,'user':%lld,'role':'%s'}", LL(room), LL(user), role);
}

static struct answer *drop(struct world *world, int64_t actor, int64_t room, int64_t user)
{
    return ask(world, actor, "member.delete", "{'id':%lld,'user':%lld}", LL(room), LL(user));
}

static struct answer *invite(struct world *world, int64_t actor, int64_t room, int64_t user, const char *role)
{
    return ask(world, actor, "member.create", "{'id':%lld,'user':%lld,'role':'%s'}", LL(room), LL(user), role);
}

static void anyone_joins_a_public_room_once(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    say(world, world->ann, room, "before");

    struct answer *joined = ask(world, world->bob, "room.join", "{'id':%lld}", LL(room));
    size_t heard = world->hub->count;
    struct answer *again = ask(world, world->bob, "room.join", "{'id':%lld}", LL(room));

    assert_int_equal(joined->status, STATUS_OK);
    assert_string_equal(look_text(joined->json, "membership.role"), "member");
    assert_int_equal(look_int(joined->json, "membership.unread"), 0); /* what was said before is not news */
    assert_int_equal(look_int(joined->json, "members"), 2);
    const struct note *event = last_event(world, room);
    assert_string_equal(look_text(event->json, "event"), "member.joined");
    assert_string_equal(look_text(event->json, "member.name"), "bob");
    assert_string_equal(look_text(event->json, "member.role"), "member");
    assert_true(has(event->json, "member.joined_at"));
    assert_int_equal(count_events(world, "user:2", "room.added"), 1);
    assert_int_equal(again->status, STATUS_OK);
    assert_int_equal(world->hub->count, heard);
}

static void a_private_room_is_entered_by_invitation_only(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "hidden");
    struct channel_top top;
    assert_int_equal(ask(world, world->bob, "room.join", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "member.list", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);

    struct answer *answer = invite(world, world->ann, room, world->bob, "member");

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_int_equal(look_int(answer->json, "user"), world->bob);
    assert_int_equal(count_events(world, "user:2", "room.added"), 1);
    assert_string_equal(look_text(world->hub->notes[world->hub->count - 1].json, "room.membership.role"), "member");
    assert_int_equal(authorize(world, world->bob, "1", &top), STATUS_OK);
    assert_int_equal(invite(world, world->ann, room, world->bob, "member")->status, STATUS_CONFLICT);
}

static void who_may_invite_whom_as_what(void **state)
{
    struct world *world = *state;
    int64_t open = make_room(world, world->ann, "public", "open"),
            closed = make_room(world, world->ann, "private", "closed");
    add_member(world, world->ann, open, world->bob, "member");
    add_member(world, world->ann, closed, world->bob, "member");
    assert_int_equal(invite(world, world->bob, closed, world->eve, "member")->status, STATUS_FORBIDDEN);
    assert_int_equal(invite(world, world->bob, open, world->eve, "moderator")->status, STATUS_FORBIDDEN);
    assert_int_equal(invite(world, world->bob, open, world->eve, "reader")->status, STATUS_FORBIDDEN);
    assert_int_equal(invite(world, world->eve, open, world->dan, "member")->status, STATUS_FORBIDDEN);
    assert_int_equal(invite(world, world->bob, open, world->eve, "member")->status, STATUS_CREATED);
    set_role(world, world->ann, closed, world->bob, "moderator");
    assert_int_equal(invite(world, world->bob, closed, world->eve, "owner")->status, STATUS_FORBIDDEN);
    assert_int_equal(invite(world, world->bob, closed, world->eve, "reader")->status, STATUS_CREATED);
    assert_int_equal(invite(world, world->ann, closed, world->dan, "owner")->status, STATUS_CREATED);
    assert_int_equal(invite(world, world->ann, closed, 999, "member")->status, STATUS_INVALID);
    assert_int_equal(invite(world, world->ann, closed, world->dan, "king")->status, STATUS_INVALID);
}

static void a_room_has_no_more_members_than_allowed(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "small");
    world->settings->chat_members_max = 2;
    assert_int_equal(ask(world, world->bob, "room.join", "{'id':%lld}", LL(room))->status, STATUS_OK);
    assert_int_equal(ask(world, world->eve, "room.join", "{'id':%lld}", LL(room))->status, STATUS_LIMIT);
    assert_int_equal(ask(world, world->bob, "room.join", "{'id':%lld}", LL(room))->status, STATUS_OK);
}

static void who_is_removed_from_a_private_room_is_out_at_once(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "member");
    size_t before = world->hub->count;

    struct answer *answer = drop(world, world->ann, room, world->bob);

    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    size_t dropped = find_note(world, before, NOTE_UNSUBSCRIBE, "room:1");
    assert_true(dropped < find_note(world, before, NOTE_PUBLISH, "room:1"));
    assert_true(dropped < answer->notes_before);
    assert_int_equal(world->hub->notes[dropped].user_id, world->bob);
    const struct note *event = last_event(world, room);
    assert_string_equal(look_text(event->json, "event"), "member.left");
    assert_int_equal(look_int(event->json, "user"), world->bob);
    assert_string_equal(look_text(event->json, "name"), "bob");
    assert_int_equal(count_events(world, "user:2", "room.removed"), 1);
    assert_int_equal(look_int(world->hub->notes[world->hub->count - 1].json, "room"), room);
    assert_int_equal(authorize(world, world->bob, "1", &(struct channel_top){0}), STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "message.create", "{'id':%lld,'text':'x'}", LL(room))->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "message.list", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);
}

static void who_leaves_a_public_room_goes_on_reading(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    ask(world, world->bob, "room.join", "{'id':%lld}", LL(room));
    assert_int_equal(ask(world, world->bob, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_NO_CONTENT);
    assert_int_equal(find_note(world, 0, NOTE_UNSUBSCRIBE, "room:1"), NOTES_MAX);
    assert_int_equal(authorize(world, world->bob, "1", &(struct channel_top){0}), STATUS_OK);
    assert_int_equal(ask(world, world->bob, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_NOT_FOUND);
}

static void a_room_with_people_in_it_keeps_an_owner(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "member");

    struct answer *leave = ask(world, world->ann, "room.leave", "{'id':%lld}", LL(room));
    assert_int_equal(leave->status, STATUS_CONFLICT);
    assert_non_null(leave->detail);
    assert_int_equal(set_role(world, world->ann, room, world->ann, "member")->status, STATUS_CONFLICT);
    assert_int_equal(drop(world, world->ann, room, world->ann)->status, STATUS_CONFLICT);

    assert_int_equal(set_role(world, world->ann, room, world->bob, "owner")->status, STATUS_OK);
    assert_int_equal(ask(world, world->ann, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_NO_CONTENT);
    assert_int_equal(ask(world, world->bob, "room.leave", "{'id':%lld}", LL(room))->status, STATUS_NO_CONTENT);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM member"), 0);
}

static void two_owners_who_leave_at_once_leave_one(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "owner");
    add_member(world, world->ann, room, world->eve, "member");

    struct answer *first = send_as(world, world->ann, "room.leave", "{'id':%lld}", LL(room));
    struct answer *second = send_as(world, world->bob, "room.leave", "{'id':%lld}", LL(room));
    world_run(world);

    assert_int_equal(first->status, STATUS_NO_CONTENT);
    assert_int_equal(second->status, STATUS_CONFLICT);
}

static void roles_are_given_by_owners_and_in_part_by_moderators(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "moderator");
    add_member(world, world->ann, room, world->eve, "member");

    assert_int_equal(set_role(world, world->eve, room, world->eve, "owner")->status, STATUS_FORBIDDEN);
    assert_int_equal(set_role(world, world->bob, room, world->eve, "moderator")->status, STATUS_FORBIDDEN);
    assert_int_equal(set_role(world, world->bob, room, world->ann, "reader")->status, STATUS_FORBIDDEN);
    assert_int_equal(set_role(world, world->bob, room, world->bob, "owner")->status, STATUS_FORBIDDEN);
    assert_int_equal(set_role(world, world->ann, room, world->dan, "member")->status, STATUS_NOT_FOUND);
    struct answer *answer = set_role(world, world->bob, room, world->eve, "reader");
    assert_int_equal(answer->status, STATUS_OK);
    assert_string_equal(look_text(answer->json, "role"), "reader");
    assert_string_equal(look_text(last_event(world, room)->json, "event"), "member.updated");
    assert_string_equal(look_text(last_event(world, room)->json, "member.role"), "reader");
    assert_int_equal(ask(world, world->eve, "message.create", "{'id':%lld,'text':'x'}", LL(room))->status,
                     STATUS_FORBIDDEN);
    size_t heard = world->hub->count;
    assert_int_equal(set_role(world, world->bob, room, world->eve, "reader")->status, STATUS_OK);
    assert_int_equal(world->hub->count, heard); /* nothing has changed */
}

static void moderators_remove_members_but_not_each_other(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "moderator");
    add_member(world, world->ann, room, world->eve, "moderator");
    add_member(world, world->ann, room, world->dan, "member");
    assert_int_equal(drop(world, world->dan, room, world->bob)->status, STATUS_FORBIDDEN);
    assert_int_equal(drop(world, world->bob, room, world->eve)->status, STATUS_FORBIDDEN);
    assert_int_equal(drop(world, world->bob, room, world->ann)->status, STATUS_FORBIDDEN);
    assert_int_equal(drop(world, world->bob, room, world->dan)->status, STATUS_NO_CONTENT);
    assert_int_equal(drop(world, world->bob, room, world->dan)->status, STATUS_NOT_FOUND);
    assert_int_equal(drop(world, world->ann, room, world->eve)->status, STATUS_NO_CONTENT);
}

static void members_are_listed_page_by_page(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->eve, "reader");
    add_member(world, world->ann, room, world->bob, "member");

    struct answer *page = ask(world, world->dan, "member.list", "{'id':%lld,'limit':2}", LL(room));
    assert_int_equal(cJSON_GetArraySize(look(page->json, "items")), 2);
    assert_string_equal(look_text(page->json, "items.0.role"), "owner");
    assert_string_equal(look_text(page->json, "items.1.name"), "bob");
    page = ask(world, world->dan, "member.list", "{'id':%lld,'limit':2,'after':%lld}", LL(room),
               LL(look_int(page->json, "next")));
    assert_string_equal(look_text(page->json, "items.0.name"), "eve");
    assert_true(cJSON_IsNull(look(page->json, "next")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(anyone_joins_a_public_room_once),
        TEST(a_private_room_is_entered_by_invitation_only),
        TEST(who_may_invite_whom_as_what),
        TEST(a_room_has_no_more_members_than_allowed),
        TEST(who_is_removed_from_a_private_room_is_out_at_once),
        TEST(who_leaves_a_public_room_goes_on_reading),
        TEST(a_room_with_people_in_it_keeps_an_owner),
        TEST(two_owners_who_leave_at_once_leave_one),
        TEST(roles_are_given_by_owners_and_in_part_by_moderators),
        TEST(moderators_remove_members_but_not_each_other),
        TEST(members_are_listed_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
