/* Mentions: finding them in any text, and who hears of them. */
#include "chat/mentions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

#define LL(number) ((long long)(number))

/* ---- in a text ---- */

/* What is found, as "bob|ann.|": each word as long as it may be. */
static const char *found(const char *text)
{
    static char words[4096];
    const char *at = text;
    struct mention_word word;
    words[0] = '\0';
    while (mention_next(text, &at, &word)) {
        assert_true(word.name > text && word.name[-1] == '@');
        assert_true(word.length_min >= 2 && word.length_min <= word.length && word.length <= 32);
        strncat(words, word.name, word.length);
        strncat(words, "|", 2);
    }
    return words;
}

static void a_mention_is_a_whole_word_behind_an_at(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found;
    } cases[] = {
        {"@bob", "bob|"},
        {"hello @Bob, and @ann-2!", "Bob|ann-2|"},
        {"(@bob) \"@ann\" *@eve* @dan: @a_b/@c.d", "bob|ann|eve|dan|a_b|c.d|"},
        {"@bob\n@ann\t@eve", "bob|ann|eve|"},
        {"-@bob _@ann_ ...", "bob|ann_|"},
        {"ends @bob.", "bob.|"},
        {"ends @bob....", "bob...|"},
        {"héllo @bob é", "bob|"},
        {"你好@bob你好 👍@ann👍 „@eve“ @dan…", "bob|ann|eve|dan|"},
        {"안녕 @bob님", "bob|"},
        {"", ""},
        {"@", ""},
        {"@ bob @", ""},
        {"bob", ""},
        {"@b", ""}, /* too short for a name */
        {"@.bob @-bob @_bob", ""},
        {"ann@bob.org", ""},
        {"ann.x@bob a_@bob a-@bob a+b+@bob 9@bob", ""},
        {"é@bob Ω@bob я@bob ß@bob", ""},
        {"@bobé @bobя", ""},
        {"@@bob @bob@ann @bob@", ""},
        {"@0123456789012345678901234567890x @01234567890123456789012345678901x", "0123456789012345678901234567890x|"},
        {"@0123456789012345678901234567890x...", "0123456789012345678901234567890x|"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(found(cases[i].text), cases[i].found);
}

/* What is put between two words that a mention may touch, and what makes it one with a word. */
static const char *const apart[] = {" ", "\n", ",", "(", "/", "👍", "你", "…", "\u00a0", "!", "님", "*"};
static const char *const joined[] = {"x", "é", "9", "Я", "@", "a.", "z-", "0_"};

static void any_text_gives_the_mentions_that_were_put_into_it(void **state)
{
    (void)state;
    static const char *const names[] = {"bob", "Ann.b", "e-ve_3", "d4", "01234567890123456789012345678901"};
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char text[2048] = "", wanted[1024] = "";
        for (int pieces = rand() % 12; pieces > 0; pieces--) {
            const char *name = names[(size_t)rand() % ARRAY_LENGTH(names)];
            bool is_apart = rand() % 3 != 0;
            strcat(text, apart[(size_t)rand() % ARRAY_LENGTH(apart)]);
            if (!is_apart)
                strcat(text, joined[(size_t)rand() % ARRAY_LENGTH(joined)]);
            strcat(strcat(text, "@"), name);
            strcat(text, apart[(size_t)rand() % ARRAY_LENGTH(apart)]);
            if (is_apart)
                strcat(strcat(wanted, name), "|");
        }
        assert_string_equal(found(text), wanted);
    }
}

static void no_bytes_lead_out_of_the_text(void **state)
{
    (void)state;
    static const char *const pieces[] = {"@", "@", "a", "B", ".", "_", "é", "你", "👍", " ", "\u200d", "+"};
    srand(11);
    for (int round = 0; round < 20000; round++) {
        SCOPED(buffer_free) struct buffer text = {0}; /* on the heap, where a step too far is noticed */
        buffer_text(&text, "");
        for (int count = rand() % 40; count > 0; count--)
            buffer_text(&text, pieces[(size_t)rand() % ARRAY_LENGTH(pieces)]);
        char *exact = strdup(text.bytes ? text.bytes : "");
        assert_non_null(exact);
        found(exact);
        free(exact);
    }
}

static void a_long_text_is_walked_once(void **state)
{
    (void)state;
    const size_t length = 4000000;
    char *text = malloc(length + 1);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++)
        text[i] = "@._-"[i % 4 == 0 && i < length / 2 ? 0 : 1 + i % 3];
    text[length] = '\0';
    assert_string_equal(found(text), "");
    memset(text, '@', length);
    assert_string_equal(found(text), "");
    free(text);
}

/* ---- in a room ---- */

static int64_t room_with_bob_and_eve(struct world *world)
{
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "member");
    add_member(world, world->ann, room, world->eve, "reader");
    return room;
}

static const struct note *last_note(struct world *world, const char *channel, const char *event)
{
    for (size_t i = world->hub->count; i-- > 0;)
        if (world->hub->notes[i].kind == NOTE_PUBLISH && strcmp(world->hub->notes[i].channel, channel) == 0 &&
            strcmp(look_text(world->hub->notes[i].json, "event"), event) == 0)
            return &world->hub->notes[i];
    fail();
    return NULL;
}

static void members_are_mentioned_and_nobody_else(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);

    struct answer *answer = ask(world, world->ann, "message.create",
                                "{'id':%lld,'text':'@BOB, @eve. @bob @ann @dan @nobody x@eve'}", LL(room));

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_int_equal(cJSON_GetArraySize(look(answer->json, "mentions")), 2);
    assert_int_equal(look_int(answer->json, "mentions.0"), world->bob);
    assert_int_equal(look_int(answer->json, "mentions.1"), world->eve);
    assert_true(cJSON_Compare(look(last_event(world, room)->json, "message"), answer->json, true));
    assert_true(cJSON_IsTrue(look(last_note(world, "user:2", "unread")->json, "mention")));
    answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'@ann @dan'}", LL(room));
    assert_false(has(answer->json, "mentions"));
}

static void a_dot_at_the_end_belongs_to_who_has_it_in_the_name(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world), dotted = world_add_user(world, "bob.");
    struct answer *answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'@bob.'}", LL(room));
    assert_int_equal(look_int(answer->json, "mentions.0"), world->bob); /* the other one is not in the room */
    add_member(world, world->ann, room, dotted, "member");
    answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'@bob...'}", LL(room));
    assert_int_equal(cJSON_GetArraySize(look(answer->json, "mentions")), 1);
    assert_int_equal(look_int(answer->json, "mentions.0"), dotted);
}

static void a_folded_notice_keeps_the_mention(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);

    say(world, world->ann, room, "first");
    assert_false(has(last_note(world, "user:2", "unread")->json, "mention"));
    say(world, world->ann, room, "@bob");
    say(world, world->ann, room, "last");
    assert_int_equal(count_events(world, "user:2", "unread"), 1);
    world_fire_timers(world);

    const struct note *bob = last_note(world, "user:2", "unread"), *eve = last_note(world, "user:3", "unread");
    assert_int_equal(look_int(bob->json, "offset"), last_event(world, room)->offset);
    assert_true(cJSON_IsTrue(look(bob->json, "mention")));
    assert_int_equal(look_int(eve->json, "offset"), last_event(world, room)->offset);
    assert_false(has(eve->json, "mention"));
    say(world, world->ann, room, "later");
    world_fire_timers(world);
    assert_false(has(last_note(world, "user:2", "unread")->json, "mention"));
}

static void who_is_mentioned_in_a_large_room_is_told(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        send_as(world, world_add_user(world, name), "room.join", "{'id':%lld}", LL(room));
    }
    world_run(world);

    say(world, world->ann, room, "hello @bob");
    assert_int_equal(count_events(world, "user:2", "unread"), 1);
    assert_true(cJSON_IsTrue(look(last_note(world, "user:2", "unread")->json, "mention")));
    say(world, world->ann, room, "hello @eve");
    ask(world, world->ann, "member.delete", "{'id':%lld,'user':%lld}", LL(room), LL(world->eve));
    world_fire_timers(world);
    assert_int_equal(count_events(world, "user:2", "unread"), 1);
    assert_int_equal(count_events(world, "user:3", "unread"), 0); /* left before the notice */
}

static int64_t mentions_of(struct world *world, int64_t user_id, int64_t room)
{
    return look_int(ask(world, user_id, "room.detail", "{'id':%lld}", LL(room))->json, "membership.mentions");
}

static void a_change_mentions_only_those_who_are_new(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world), id = say(world, world->ann, room, "@bob");
    ask(world, world->bob, "room.read", "{'id':%lld,'offset':99}", LL(room));
    ask(world, world->eve, "room.read", "{'id':%lld,'offset':99}", LL(room));
    size_t bob_heard = count_events(world, "user:2", "unread"), eve_heard = count_events(world, "user:3", "unread");

    struct answer *answer = ask(world, world->ann, "message.update", "{'id':%lld,'text':'@bob @eve'}", LL(id));

    assert_int_equal(cJSON_GetArraySize(look(answer->json, "mentions")), 2);
    assert_true(cJSON_Compare(look(last_event(world, room)->json, "message"), answer->json, true));
    assert_int_equal(count_events(world, "user:2", "unread"), bob_heard);
    assert_int_equal(count_events(world, "user:3", "unread"), eve_heard + 1);
    const struct note *told = last_note(world, "user:3", "unread");
    assert_true(cJSON_IsTrue(look(told->json, "mention")));
    assert_int_equal(look_int(told->json, "offset"), last_event(world, room)->offset);
    assert_int_equal(mentions_of(world, world->bob, room), 0);
    assert_int_equal(mentions_of(world, world->eve, room), 1);
    answer = ask(world, world->ann, "message.update", "{'id':%lld,'text':'nobody'}", LL(id));
    assert_false(has(answer->json, "mentions"));
    assert_int_equal(mentions_of(world, world->eve, room), 0);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM mention"), 0);
}

static void reading_counts_mentions_down_and_going_back_up(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);
    say(world, world->ann, room, "@bob 1"); /* offset 3, behind the two joinings */
    say(world, world->ann, room, "2");
    say(world, world->ann, room, "@bob 3");
    assert_int_equal(mentions_of(world, world->bob, room), 2);
    struct answer *answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':3}", LL(room));
    assert_int_equal(look_int(answer->json, "mentions"), 1);
    answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':5}", LL(room));
    assert_int_equal(look_int(answer->json, "mentions"), 0);
    assert_int_equal(look_int(last_note(world, "user:2", "read")->json, "mentions"), 0);

    answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':2,'unread':true}", LL(room));
    assert_int_equal(look_int(answer->json, "read_offset"), 2);
    assert_int_equal(look_int(answer->json, "unread"), 3);
    assert_int_equal(look_int(answer->json, "mentions"), 2);
    const struct note *push = last_note(world, "user:2", "read");
    assert_int_equal(look_int(push->json, "read_offset"), 2);
    assert_int_equal(look_int(push->json, "mentions"), 2);
    answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':4,'unread':true}", LL(room));
    assert_int_equal(look_int(answer->json, "read_offset"), 2); /* to mark as unread reads nothing */
    answer = ask(world, world->bob, "room.read", "{'id':%lld,'offset':1,'unread':false}", LL(room));
    assert_int_equal(look_int(answer->json, "read_offset"), 2);
    assert_int_equal(count_events(world, "user:2", "read"), 3);
}

static void mentions_go_with_message_member_and_room(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world), id = say(world, world->ann, room, "@bob @eve");
    ask(world, world->ann, "member.delete", "{'id':%lld,'user':%lld}", LL(room), LL(world->eve));
    struct answer *answer = ask(world, world->ann, "message.detail", "{'id':%lld}", LL(id));
    assert_int_equal(cJSON_GetArraySize(look(answer->json, "mentions")), 1);
    ask(world, world->ann, "message.delete", "{'id':%lld}", LL(id));
    assert_false(has(last_event(world, room)->json, "message.mentions"));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM mention"), 0);
    assert_int_equal(mentions_of(world, world->bob, room), 0);
    say(world, world->ann, room, "@bob");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM mention"), 1);
    ask(world, world->ann, "room.delete", "{'id':%lld}", LL(room));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM mention"), 0);
}

static void a_text_mentions_a_bounded_number_of_people(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);
    SCOPED(buffer_free) struct buffer text = {0};
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        send_as(world, world_add_user(world, name), "room.join", "{'id':%lld}", LL(room));
        buffer_printf(&text, "@%s ", name);
    }
    world_run(world);
    struct answer *answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'%s'}", LL(room), text.bytes);
    assert_int_equal(cJSON_GetArraySize(look(answer->json, "mentions")), MENTIONS_MAX);
    buffer_clear(&text);
    for (int i = 0; i < MENTIONS_MAX; i++)
        buffer_text(&text, "@nobody ");
    answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'%s@bob'}", LL(room), text.bytes);
    assert_int_equal(answer->status, STATUS_CREATED);
    assert_false(has(answer->json, "mentions"));
}

static void a_repeated_key_mentions_nobody_twice(void **state)
{
    struct world *world = *state;
    int64_t room = room_with_bob_and_eve(world);
    for (int i = 0; i < 2; i++) {
        struct answer *answer =
            ask(world, world->ann, "message.create", "{'id':%lld,'text':'@bob','key':'k'}", LL(room));
        assert_int_equal(look_int(answer->json, "mentions.0"), world->bob);
    }
    world_fire_timers(world);
    assert_int_equal(count_events(world, "user:2", "unread"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mention_is_a_whole_word_behind_an_at),
        cmocka_unit_test(any_text_gives_the_mentions_that_were_put_into_it),
        cmocka_unit_test(no_bytes_lead_out_of_the_text),
        cmocka_unit_test(a_long_text_is_walked_once),
        TEST(members_are_mentioned_and_nobody_else),
        TEST(a_dot_at_the_end_belongs_to_who_has_it_in_the_name),
        TEST(a_folded_notice_keeps_the_mention),
        TEST(who_is_mentioned_in_a_large_room_is_told),
        TEST(a_change_mentions_only_those_who_are_new),
        TEST(reading_counts_mentions_down_and_going_back_up),
        TEST(mentions_go_with_message_member_and_room),
        TEST(a_text_mentions_a_bounded_number_of_people),
        TEST(a_repeated_key_mentions_nobody_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
