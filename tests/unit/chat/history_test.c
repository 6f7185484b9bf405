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

    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':5,'after':1}", (long long)room);
    assert_string_equal(page_word(page), "bcdef");
    page = ask(world, world->ann, "message.list", "{'id':%lld,'limit':5,'after':%lld}", (long long)room,
               (long long)look_int(page->json, "next"));
    assert_string_equal(page_word(page), "gh");
    assert_true(cJSON_IsNull(look(page->json, "next")));
    page = ask(world, world->ann, "message.list", "{'id':%lld,'after':2,'before':6}", (long long)room);
    assert_string_equal(page_word(page), "cde");
    assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,'limit':201}", (long long)room)->status,
                     STATUS_INVALID);
    assert_int_equal(ask(world, world->ann, "message.list", "{'id':%lld,'limit':0}", (long long)room)->status,
                     STATUS_INVALID);
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
    assert_in_range(size, 10, 20);
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
        TEST(pages_go_back_and_forth_without_a_hole),
        TEST(a_page_of_long_messages_ends_early),
        TEST(the_log_gives_events_as_they_were_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
