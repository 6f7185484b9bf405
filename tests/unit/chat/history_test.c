/* What was said, read again: pages of messages, and the log of events. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a page as one word. */
static const char *page_word(const struct answer *answer)
{
    static char word[256];
    word[0] = '\0';
    for (const cJSON *item = look(answer->json, "items")->child; item; item = item->next)
        strncat(word, look_text(item, "text"), sizeof word - strlen(word) - 1);
    return word;
}

static void pages_go_back_and_forth_without_a_hole(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    for (const char *c = "abcdefgh"; *c; c++) {
        char text[2] = {*c, '\0'};
        say(world, world->ann, room, text);
    }
    struct answer *page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':3}", (long long)room);
    assert_string_equal(page_word(page), "fgh");
    assert_int_equal(look_int(page->json, "offset"), 8);
    assert_string_not_equal(look_text(page->json, "epoch"), "");
    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':3,'before':%lld}", (long long)room,
               (long long)look_int(page->json, "next"));
    assert_string_equal(page_word(page), "cde");
    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':3,'before':%lld}", (long long)room,
               (long long)look_int(page->json, "next"));
    assert_string_equal(page_word(page), "ab");
    assert_true(cJSON_IsNull(look(page->json, "next")));

    assert_int_equal(look_int(page->json, "newer"), 2);

    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':5,'after':1}", (long long)room);
    assert_string_equal(page_word(page), "bcdef");
    assert_int_equal(look_int(page->json, "next"), 2);
    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':5,'after':%lld}", (long long)room,
               (long long)look_int(page->json, "newer"));
    assert_string_equal(page_word(page), "gh");
    assert_true(cJSON_IsNull(look(page->json, "newer")));
    assert_int_equal(look_int(page->json, "next"), 7);
    assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,'limit':201}", (long long)room)->status,
                     STATUS_INVALID);
    assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,'limit':0}", (long long)room)->status,
                     STATUS_INVALID);
}

static void a_page_around_a_message_goes_on_in_both_directions(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general"), ids[8];
    for (size_t i = 0; i < ARRAY_LENGTH(ids); i++)
        ids[i] = say(world, world->ann, room, (char[]){(char)('a' + i), '\0'});
    static const struct {
        size_t message;
        int limit;
        const char *word;
        int older, newer; /* 0: null */
    } cases[] = {
        {4, 4, "cdef", 3, 6}, {4, 5, "cdefg", 3, 7}, {0, 4, "ab", 0, 2},         {7, 4, "fgh", 6, 0},
        {3, 1, "d", 4, 4},    {3, 2, "cd", 3, 4},    {3, 200, "abcdefgh", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct answer *page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':%d,'around':%lld}",
                                  (long long)room, cases[i].limit, (long long)ids[cases[i].message]);
        assert_string_equal(page_word(page), cases[i].word);
        const cJSON *older = look(page->json, "next"), *newer = look(page->json, "newer");
        assert_int_equal(cJSON_IsNull(older) ? 0 : older->valueint, cases[i].older);
        assert_int_equal(cJSON_IsNull(newer) ? 0 : newer->valueint, cases[i].newer);
        assert_int_equal(look_int(page->json, "offset"), 8);
    }
}

static void a_page_is_asked_for_in_one_way(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general"),
            other = make_room(world, world->ann, "public", "other");
    int64_t here = say(world, world->ann, room, "a"), there = say(world, world->ann, other, "b");
    static const char *const wrong[] = {"'after':0,'before':6", "'after':0,'around':1", "'before':6,'around':1",
                                        "'around':0", "'around':'x'"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,%s}", (long long)room, wrong[i])->status,
                         STATUS_INVALID);
    assert_int_equal(
        ask(world, world->ann, "message.list", "{'id':%lld,'around':%lld}", (long long)room, (long long)there)->status,
        STATUS_NOT_FOUND);
    assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,'around':99}", (long long)room)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(
        ask(world, world->ann, "message.list", "{'id':%lld,'around':%lld}", (long long)room, (long long)here)->status,
        STATUS_OK);
}

static void an_empty_page_tells_where_messages_are(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    struct answer *page = ask(world, world->ann, "message.list", "{'id':%lld,'after':0}", (long long)room);
    assert_true(cJSON_IsNull(look(page->json, "next")) && cJSON_IsNull(look(page->json, "newer")));
    say(world, world->ann, room, "a");
    page = ask(world, world->ann, "message.list", "{'id':%lld,'after':1}", (long long)room);
    assert_string_equal(page_word(page), "");
    assert_int_equal(look_int(page->json, "next"), 2);
    assert_true(cJSON_IsNull(look(page->json, "newer")));
    page = ask(world, world->ann, "message.list", "{'id':%lld,'before':1}", (long long)room);
    assert_string_equal(page_word(page), "");
    assert_true(cJSON_IsNull(look(page->json, "next")));
    assert_int_equal(look_int(page->json, "newer"), 0);
}

static void a_page_of_long_messages_ends_early(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    world->settings->chat_text_max = 60000;
    char *text = malloc(60001);
    assert_non_null(text);
    memset(text, 'x', 60000);
    text[60000] = '\0';
    for (int i = 0; i < 30; i++)
        say(world, world->ann, room, text);
    free(text);

    struct answer *page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':200}", (long long)room);
    int size = cJSON_GetArraySize(look(page->json, "items"));
    /* Half of what may wait for a connection. */
    assert_int_equal(size, (int)(world->settings->realtime_queue_bytes_max / 2 / 60000) + 1);
    assert_int_equal(look_int(page->json, "next"), 30 - size + 1);
}

struct log_read {
    const struct channel_kind *kind;
    const char *rest;
    uint64_t since, last;
    size_t limit, count;
    bool reversed;
    struct buffer json;
};

static enum status read_log(struct db *db, void *context)
{
    struct log_read *read = context;
    buffer_clear(&read->json);
    return read->kind->read_log(db, read->rest, read->since, read->limit, read->reversed, &read->json, &read->count,
                                &read->last);
}

static void the_log_gives_events_as_they_were_pushed(void **state)
{
    struct world *world = *state;
    int64_t room = make_room(world, world->ann, "public", "general");
    for (int i = 0; i < 5; i++)
        say(world, world->ann, room, "x");
    struct log_read forward = {.kind = world->hub->kind, .rest = "1", .since = 1, .limit = 3};
    struct log_read back = {.kind = world->hub->kind, .rest = "1", .since = 0, .limit = 2, .reversed = true};
    struct log_read none = {.kind = world->hub->kind, .rest = "1", .since = UINT64_MAX, .limit = 2};

    assert_int_equal(world_write(world, read_log, &forward), STATUS_OK);
    assert_int_equal(world_write(world, read_log, &back), STATUS_OK);
    assert_int_equal(world_write(world, read_log, &none), STATUS_OK);

    assert_int_equal(forward.count, 3);
    assert_int_equal(forward.last, 4);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.last, 4);
    assert_int_equal(none.count, 0);
    char list[8192];
    snprintf(list, sizeof list, "[%s]", back.json.bytes);
    SCOPED(json_free) cJSON *entries = json_parse(list, strlen(list), NULL);
    assert_int_equal(look_int(entries, "0.offset"), 5);
    assert_true(cJSON_Compare(look(entries, "0.data"), last_event(world, room)->json, true));
    buffer_free(&forward.json);
    buffer_free(&back.json);
    buffer_free(&none.json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_go_back_and_forth_without_a_hole), TEST(a_page_around_a_message_goes_on_in_both_directions),
        TEST(a_page_is_asked_for_in_one_way),         TEST(an_empty_page_tells_where_messages_are),
        TEST(a_page_of_long_messages_ends_early),     TEST(the_log_gives_events_as_they_were_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
