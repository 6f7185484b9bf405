/* What is said in rooms: who may say it, and in which order it is heard. */
#include "world.h"
#include <stdio.h>
#include <string.h>

static void a_message_is_answered_heard_and_kept(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");

    struct answer *answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'h\\\\i'}", (long long)room);

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_int_equal(answer->created_id, look_int(answer->json, "id"));
    assert_int_equal(look_int(answer->json, "room"), room);
    assert_int_equal(look_int(answer->json, "offset"), 1);
    assert_string_equal(look_text(answer->json, "author_name"), "ann");
    assert_string_equal(look_text(answer->json, "text"), "h\\i");
    assert_true(cJSON_IsNull(look(answer->json, "reply_to")));
    assert_false(has(answer->json, "key"));
    assert_false(has(answer->json, "deleted"));
    assert_false(has(answer->json, "reactions"));
    const struct note *event = last_event(world, room);
    assert_non_null(event);
    assert_int_equal(event->offset, 1);
    assert_string_equal(look_text(event->json, "event"), "message.created");
    assert_true(cJSON_Compare(look(event->json, "message"), answer->json, true));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM event WHERE offset = 1"), 1);
}

static void a_repeated_key_answers_the_first_message_and_adds_nothing(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "member");
    struct answer *first =
        ask(world, world->ann, "message.create", "{'id':%lld,'text':'one','key':'k'}", (long long)room);
    size_t heard = world->hub->count;

    struct answer *again =
        ask(world, world->ann, "message.create", "{'id':%lld,'text':'two','key':'k'}", (long long)room);
    struct answer *others =
        ask(world, world->bob, "message.create", "{'id':%lld,'text':'three','key':'k'}", (long long)room);

    assert_int_equal(first->status, STATUS_CREATED);
    assert_int_equal(again->status, STATUS_OK);
    assert_true(cJSON_Compare(first->json, again->json, true));
    assert_string_equal(look_text(again->json, "key"), "k");
    assert_int_equal(again->notes_before, heard);
    assert_int_equal(others->status, STATUS_CREATED); /* a key is one's own */
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM message"), 2);
}

static void the_same_key_sent_twice_at_once_makes_one_message(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");

    struct answer *first =
        send_as(world, world->ann, "message.create", "{'id':%lld,'text':'a','key':'k'}", (long long)room);
    struct answer *second =
        send_as(world, world->ann, "message.create", "{'id':%lld,'text':'a','key':'k'}", (long long)room);
    world_run(world);

    assert_int_equal(first->status, STATUS_CREATED);
    assert_int_equal(second->status, STATUS_OK);
    assert_int_equal(look_int(first->json, "id"), look_int(second->json, "id"));
    assert_int_equal(count_events(world, "room:1", "message.created"), 1);
}

static void offsets_have_no_holes_and_are_heard_in_order(void **state)
{
    struct world *world = *state;
    int64_t rooms[2] = {make_room(world, world->ann, "public", "one"), make_room(world, world->ann, "public", "two")};
    add_member(world, world->ann, rooms[0], world->bob, "member");
    uint64_t last[2] = {0, 0};

    /* Refused ones among them, which are rolled back inside the same group of writes. */
    for (int i = 0; i < 300; i++) {
        send_as(world, i % 3 ? world->ann : world->bob, "message.create", "{'id':%lld,'text':'%d'}",
                (long long)rooms[i % 2], i);
        if (i % 5 == 0)
            send_as(world, world->ann, "message.create", "{'id':%lld,'text':'x','reply_to':99999}",
                    (long long)rooms[i % 2]);
        if (i % 7 == 0)
            send_as(world, world->ann, "room.update", "{'id':%lld,'topic':'%d'}", (long long)rooms[i % 2], i);
    }
    world_run(world);

    for (size_t i = 0; i < world->hub->count; i++) {
        const struct note *note = &world->hub->notes[i];
        int which = strcmp(note->channel, "room:1") == 0 ? 0 : strcmp(note->channel, "room:2") == 0 ? 1 : -1;
        if (note->kind != NOTE_PUBLISH || which < 0)
            continue;
        assert_int_equal(note->offset, last[which] + 1);
        last[which] = note->offset;
    }
    assert_true(last[0] > 150 && last[1] > 90);
    assert_int_equal(world_get_int(world, "SELECT top FROM room WHERE id = 1"), last[0]);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM event WHERE room_id = 1"), last[0]);
    struct channel_top top;
    assert_int_equal(authorize(world, world->ann, "2", &top), STATUS_OK);
    assert_int_equal(top.offset, last[1]);
}

static void who_is_not_in_the_room_or_only_reads_may_not_write(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    int64_t hidden = make_room(world, world->ann, "private", "hidden");
    add_member(world, world->ann, room, world->bob, "reader");

    struct answer *reader = ask(world, world->bob, "message.create", "{'id':%lld,'text':'x'}", (long long)room);
    struct answer *passer = ask(world, world->eve, "message.create", "{'id':%lld,'text':'x'}", (long long)room);
    struct answer *blind = ask(world, world->eve, "message.create", "{'id':%lld,'text':'x'}", (long long)hidden);
    struct answer *nowhere = ask(world, world->eve, "message.create", "{'id':999,'text':'x'}");

    assert_int_equal(reader->status, STATUS_FORBIDDEN);
    assert_non_null(reader->detail);
    assert_int_equal(passer->status, STATUS_FORBIDDEN);
    assert_string_not_equal(passer->detail, reader->detail);
    assert_int_equal(blind->status, STATUS_NOT_FOUND);
    assert_null(blind->detail); /* nothing tells it from a room that is not there */
    assert_int_equal(nowhere->status, STATUS_NOT_FOUND);
    assert_null(nowhere->detail);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM message"), 0);
}

static void texts_have_a_length_and_something_to_see(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    world->settings->chat_text_max = 5;
    static const struct {
        const char *text;
        bool is_fine;
    } texts[] = {{"ééééé", true},           {"éééééé", false},         {"", false},   {" \\n\\t ", false},
                 {"\\u00a0\\u200b", false}, {"\\u2028\\u3000", false}, {" a ", true}, {"👍", true}};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct answer *answer =
            ask(world, world->ann, "message.create", "{'id':%lld,'text':'%s'}", (long long)room, texts[i].text);
        assert_int_equal(answer->status, texts[i].is_fine ? STATUS_CREATED : STATUS_INVALID);
        assert_int_equal(answer->errors == NULL, texts[i].is_fine);
    }
}

static void wrong_fields_are_all_named(void **state)
{
    struct world *world = *state;
    struct answer *answer =
        ask(world, world->ann, "message.create", "{'id':0,'text':7,'reply_to':'x','key':'','colour':'red'}");
    assert_int_equal(answer->status, STATUS_INVALID);
    static const char *const pointers[] = {"/id", "/text", "/reply_to", "/key", "/colour"};
    for (size_t i = 0; i < ARRAY_LENGTH(pointers); i++)
        assert_non_null(strstr(answer->errors, pointers[i]));
}

static void a_reply_stays_in_its_room(void **state)
{
    struct world *world = *state;
    int64_t one = make_room(world, world->ann, "public", "one"), two = make_room(world, world->ann, "public", "two");
    int64_t first = say(world, world->ann, one, "first");

    struct answer *here = ask(world, world->ann, "message.create", "{'id':%lld,'text':'x','reply_to':%lld}",
                              (long long)one, (long long)first);
    struct answer *there = ask(world, world->ann, "message.create", "{'id':%lld,'text':'x','reply_to':%lld}",
                               (long long)two, (long long)first);

    assert_int_equal(here->status, STATUS_CREATED);
    assert_int_equal(look_int(here->json, "reply_to"), first);
    assert_int_equal(there->status, STATUS_INVALID);
    assert_non_null(strstr(there->errors, "/reply_to"));
}

static void who_writes_too_fast_is_told_when_to_try_again(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    world->settings->chat_messages_per_s = 1;
    size_t refused = 0;
    for (int i = 0; i < 10; i++) {
        struct answer *answer = send_as(world, world->ann, "message.create", "{'id':%lld,'text':'x'}", (long long)room);
        if (answer->is_done && answer->status == STATUS_TOO_MANY) {
            refused++;
            assert_true(answer->retry_after_s >= 1);
        }
    }
    world_run(world);
    assert_in_range(refused, 1, 7); /* a burst of three goes through in any case */
    assert_int_equal(ask(world, world->bob, "room.join", "{'id':%lld}", (long long)room)->status, STATUS_OK);
    say(world, world->bob, room, "others are not slowed down");
}

static void members_of_small_rooms_hear_that_something_is_unread(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "member");

    say(world, world->ann, room, "hello");

    assert_int_equal(count_events(world, "user:2", "unread"), 1);
    assert_int_equal(count_events(world, "user:1", "unread"), 0);
    assert_int_equal(count_events(world, "user:3", "unread"), 0);
    const struct note *push = &world->hub->notes[world->hub->count - 1];
    assert_int_equal(look_int(push->json, "room"), room);
    assert_int_equal(look_int(push->json, "offset"), last_event(world, room)->offset);
    assert_int_equal(push->offset, 0);
}

static void a_busy_room_tells_what_is_unread_once_and_then_the_newest(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "member");

    for (int i = 0; i < 5; i++)
        say(world, world->ann, room, "hello");
    assert_int_equal(count_events(world, "user:2", "unread"), 1);
    world_fire_timers(world);
    assert_int_equal(count_events(world, "user:2", "unread"), 2);
    const struct note *push = &world->hub->notes[world->hub->count - 1];
    assert_int_equal(look_int(push->json, "offset"), last_event(world, room)->offset);

    /* Quiet: nothing more is told, and the next message is told at once again. */
    world_fire_timers(world);
    world_fire_timers(world);
    assert_int_equal(count_events(world, "user:2", "unread"), 2);
    say(world, world->ann, room, "hello again");
    assert_int_equal(count_events(world, "user:2", "unread"), 3);
}

static void members_of_large_rooms_are_not_each_told(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "crowd");
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        send_as(world, world_add_user(world, name), "room.join", "{'id':%lld}", (long long)room);
    }
    world_run(world);

    say(world, world->ann, room, "hello");

    for (size_t i = 0; i < world->hub->count; i++)
        assert_string_not_equal(look_text(world->hub->notes[i].json, "event"), "unread");
}

static void only_the_author_edits_and_moderators_delete(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    add_member(world, world->ann, room, world->bob, "member");
    add_member(world, world->ann, room, world->eve, "moderator");
    int64_t id = say(world, world->bob, room, "tpyo");

    struct answer *owner = ask(world, world->ann, "message.update", "{'id':%lld,'text':'x'}", (long long)id);
    struct answer *author = ask(world, world->bob, "message.update", "{'id':%lld,'text':'typo'}", (long long)id);
    assert_int_equal(owner->status, STATUS_FORBIDDEN);
    assert_int_equal(author->status, STATUS_OK);
    assert_string_equal(look_text(author->json, "text"), "typo");
    assert_int_equal(look_int(author->json, "version"), 2);
    assert_true(cJSON_Compare(look(last_event(world, room)->json, "message"), author->json, true));
    assert_string_equal(look_text(last_event(world, room)->json, "event"), "message.updated");

    int64_t mine = say(world, world->ann, room, "mine");
    assert_int_equal(ask(world, world->bob, "message.delete", "{'id':%lld}", (long long)mine)->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->dan, "message.delete", "{'id':%lld}", (long long)id)->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, world->eve, "message.delete", "{'id':%lld}", (long long)id)->status, STATUS_NO_CONTENT);
}

static void a_deleted_message_is_blank_and_stays_deleted(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    int64_t id = say(world, world->ann, room, "secret");
    ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'👍'}", (long long)id);

    struct answer *answer = ask(world, world->ann, "message.delete", "{'id':%lld}", (long long)id);
    assert_int_equal(answer->status, STATUS_NO_CONTENT);
    assert_null(answer->json);
    const struct note *event = last_event(world, room);
    assert_string_equal(look_text(event->json, "event"), "message.deleted");
    assert_true(cJSON_IsTrue(look(event->json, "message.deleted")));
    assert_string_equal(look_text(event->json, "message.text"), "");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM reaction"), 0);

    size_t heard = world->hub->count;
    assert_int_equal(ask(world, world->ann, "message.delete", "{'id':%lld}", (long long)id)->status, STATUS_NO_CONTENT);
    assert_int_equal(ask(world, world->ann, "message.update", "{'id':%lld,'text':'x'}", (long long)id)->status,
                     STATUS_CONFLICT);
    assert_int_equal(ask(world, world->ann, "reaction.create", "{'id':%lld,'emoji':'x'}", (long long)id)->status,
                     STATUS_CONFLICT);
    assert_int_equal(world->hub->count, heard);
    struct answer *detail = ask(world, world->ann, "message.detail", "{'id':%lld}", (long long)id);
    assert_true(cJSON_IsTrue(look(detail->json, "deleted")));
}

static void a_private_room_is_read_by_members_only(void **state)
{
    struct world *world = *state;
    int64_t hidden = make_room(world, world->ann, "private", "hidden"),
            open = make_room(world, world->ann, "public", "open");
    int64_t secret = say(world, world->ann, hidden, "secret"), news = say(world, world->ann, open, "news");

    assert_int_equal(ask(world, world->bob, "message.list", "{'id':%lld}", (long long)hidden)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "message.detail", "{'id':%lld}", (long long)secret)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "reaction.create", "{'id':%lld,'emoji':'x'}", (long long)secret)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "message.delete", "{'id':%lld}", (long long)secret)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->bob, "message.list", "{'id':%lld}", (long long)open)->status, STATUS_OK);
    assert_int_equal(ask(world, world->bob, "message.detail", "{'id':%lld}", (long long)news)->status, STATUS_OK);
}

static void leaving_stops_the_messages_that_wait_behind_it(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");

    struct answer *before = send_as(world, world->ann, "message.create", "{'id':%lld,'text':'a'}", (long long)room);
    struct answer *leave = send_as(world, world->ann, "room.leave", "{'id':%lld}", (long long)room);
    struct answer *after = send_as(world, world->ann, "message.create", "{'id':%lld,'text':'b'}", (long long)room);
    world_run(world);

    assert_int_equal(before->status, STATUS_CREATED);
    assert_int_equal(leave->status, STATUS_NO_CONTENT);
    assert_int_equal(after->status, STATUS_FORBIDDEN);
}

static enum status pass_gate(struct store_job *job, struct db *db);
static enum status take_grant(struct store_job *job, struct db *db);
static void nothing_done(struct store_job *job);

static uv_sem_t gate;

static void a_grant_taken_away_stops_the_writes_that_wait_behind_it(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    struct store_job waiting = {.work = pass_gate, .done = nothing_done};
    struct store_job taking = {.work = take_grant, .done = nothing_done};
    uv_sem_init(&gate, 0);

    store_write(world->store, &waiting);
    store_write(world->store, &taking);
    /* The loop still allows it: what it knows changes only after the commit. */
    struct answer *answer = send_as(world, world->ann, "message.create", "{'id':%lld,'text':'a'}", (long long)room);
    uv_sem_post(&gate);
    world_run(world);
    uv_sem_destroy(&gate);

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM message"), 0);
}

static enum status pass_gate(struct store_job *job, struct db *db)
{
    (void)job;
    (void)db;
    uv_sem_wait(&gate);
    return STATUS_OK;
}

static enum status take_grant(struct store_job *job, struct db *db)
{
    (void)job;
    db_acl_changed(db);
    return db_run(db, "DELETE FROM \"grant\" WHERE model = 'message'", "");
}

static void nothing_done(struct store_job *job)
{
    (void)job;
}

static void nobody_hears_of_what_was_not_committed(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "private", "team");
    add_member(world, world->ann, room, world->bob, "member");
    size_t heard = world->hub->count;
    /* The last step of the work fails: offset, message and text are there already. */
    world_run_sql(world, "CREATE TRIGGER no BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no'); END");

    struct answer *answer = ask(world, world->ann, "message.create", "{'id':%lld,'text':'x'}", (long long)room);

    assert_false(status_is_ok(answer->status));
    assert_int_equal(world->hub->count, heard);
    world_run_sql(world, "DROP TRIGGER no");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM message"), 0);
    say(world, world->ann, room, "y");
    assert_int_equal(last_event(world, room)->offset, 2); /* behind the joining, without a hole */
}

static void nobody_and_the_shell_cannot_speak(void **state)
{
    struct world *world = *state;
    make_room(world, world->ann, "public", "general");
    permissions_set(world->permissions, SUBJECT_EVERYONE, 0, "message", RIGHT_ALL);
    assert_int_equal(ask(world, 0, "message.create", "{'id':1,'text':'x'}")->status, STATUS_UNAUTHENTICATED);
    assert_int_equal(ask_shell(world, "message.create", "{'id':1,'text':'x'}")->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, 0, "message.list", "{'id':1}")->status, STATUS_OK);
}

static void a_publication_becomes_a_message(void **state)
{
    struct world *world = *state;
    const struct channel_kind *kind = world->hub->kind;
    assert_string_equal(kind->publish_route, "message.create");
    SCOPED(json_free) cJSON *data = json_parse("{\"text\":\"hi\",\"key\":\"k\",\"odd\":1}", 31, NULL);
    assert_non_null(data);
    SCOPED(json_free) cJSON *params = kind->publish_params("7", data);
    assert_int_equal(look_int(params, "id"), 7);
    assert_string_equal(look_text(params, "text"), "hi");
    assert_string_equal(look_text(params, "key"), "k");
    assert_true(has(params, "odd")); /* for the form to refuse by its name */

    static const char *const wrong[] = {"[]", "\"text\"", "null", "{\"text\":\"x\",\"id\":9}"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        SCOPED(json_free) cJSON *other = json_parse(wrong[i], strlen(wrong[i]), NULL);
        assert_null(kind->publish_params("7", other));
    }
    SCOPED(json_free) cJSON *object = cJSON_CreateObject();
    assert_null(kind->publish_params("07", object));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_answered_heard_and_kept),
        TEST(a_repeated_key_answers_the_first_message_and_adds_nothing),
        TEST(the_same_key_sent_twice_at_once_makes_one_message),
        TEST(offsets_have_no_holes_and_are_heard_in_order),
        TEST(who_is_not_in_the_room_or_only_reads_may_not_write),
        TEST(texts_have_a_length_and_something_to_see),
        TEST(wrong_fields_are_all_named),
        TEST(a_reply_stays_in_its_room),
        TEST(who_writes_too_fast_is_told_when_to_try_again),
        TEST(members_of_small_rooms_hear_that_something_is_unread),
        TEST(a_busy_room_tells_what_is_unread_once_and_then_the_newest),
        TEST(members_of_large_rooms_are_not_each_told),
        TEST(only_the_author_edits_and_moderators_delete),
        TEST(a_deleted_message_is_blank_and_stays_deleted),
        TEST(a_private_room_is_read_by_members_only),
        TEST(leaving_stops_the_messages_that_wait_behind_it),
        TEST(a_grant_taken_away_stops_the_writes_that_wait_behind_it),
        TEST(nobody_hears_of_what_was_not_committed),
        TEST(nobody_and_the_shell_cannot_speak),
        TEST(a_publication_becomes_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
