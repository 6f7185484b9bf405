/* chat/unread.c: a room that was told about lately waits on the wheel; what comes meanwhile is told together. */
#include "chat/unread.h"
#include <stdio.h>
#include <stdlib.h>
#include "chat/events.h"
#include "chat/state.h"
#include "lib/hash.h"
#include "net/wheel.h"

/* Above this many members a message raises no push to each of them: one message would become hundreds. Who
 * has the room open hears the message itself; the others see what is unread when they look at their rooms. */
#define UNREAD_PUSH_MEMBERS_MAX 100

struct waiting {
    struct wheel_timer timer;
    struct unreads *unreads;
    int64_t room_id;
    uint64_t offset;           /* 0: nothing new since it was told */
    int64_t author_id;         /* of all that is new; 0: of several */
    struct int_map *mentioned; /* whom what is new mentions: user id → anything; owned, NULL: nobody */
};
struct unreads {
    struct chat *chat;
    struct int_map *waiting; /* room id → struct waiting */
};

static struct waiting *waiting_new(struct unreads *unreads, int64_t room_id);
static void waiting_free(struct waiting *waiting);
static void waiting_fire(struct wheel_timer *timer);
static void note(struct waiting *waiting, uint64_t offset, int64_t author_id, const struct mentions *mentions);
static void tell(struct waiting *waiting);
static bool is_mentioned(const struct waiting *waiting, int64_t user_id);
static void push(struct chat *chat, int64_t room_id, uint64_t offset, int64_t user_id, bool is_mentioned);

struct unreads *unreads_new(struct chat *chat)
{
    struct unreads *unreads = calloc(1, sizeof *unreads);
    if (!unreads)
        return NULL;
    unreads->chat = chat;
    unreads->waiting = int_map_new();
    if (unreads->waiting)
        return unreads;
    free(unreads);
    return NULL;
}

/* The wheel is closed by now, with all that was armed on it. */
void unreads_free(struct unreads *unreads)
{
    if (!unreads)
        return;
    void *value;
    size_t cursor = 0;
    while (int_map_next(unreads->waiting, &cursor, NULL, &value))
        waiting_free(value);
    int_map_free(unreads->waiting);
    free(unreads);
}

static void waiting_free(struct waiting *waiting)
{
    int_map_free(waiting->mentioned);
    free(waiting);
}

void unreads_tell(struct unreads *unreads, int64_t room_id, uint64_t offset, int64_t author_id,
                  const struct mentions *mentions)
{
    struct waiting *waiting = int_map_get(unreads->waiting, (uint64_t)room_id);
    struct waiting alone = {.unreads = unreads, .room_id = room_id}; /* without memory it is told by itself */
    bool is_first = !waiting;
    if (is_first)
        waiting = waiting_new(unreads, room_id);
    if (!waiting)
        waiting = &alone;
    note(waiting, offset, author_id, mentions);
    if (is_first)
        tell(waiting);
}

static struct waiting *waiting_new(struct unreads *unreads, int64_t room_id)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting || !int_map_set(unreads->waiting, (uint64_t)room_id, waiting)) {
        free(waiting);
        return NULL;
    }
    waiting->unreads = unreads;
    waiting->room_id = room_id;
    wheel_timer_init(&waiting->timer, waiting_fire);
    wheel_arm(hub_wheel(unreads->chat->hub), &waiting->timer, UNREAD_MS);
    return waiting;
}

static void note(struct waiting *waiting, uint64_t offset, int64_t author_id, const struct mentions *mentions)
{
    waiting->author_id = !waiting->offset || waiting->author_id == author_id ? author_id : 0;
    waiting->offset = offset;
    if (mentions->count && !waiting->mentioned)
        waiting->mentioned = int_map_new();
    /* Who does not fit into memory hears of a message, but not of the mention in it. */
    for (size_t i = 0; i < mentions->count && waiting->mentioned; i++)
        (void)int_map_set(waiting->mentioned, (uint64_t)mentions->user_ids[i], waiting);
}

/* Tell what has come, and begin anew. */
static void tell(struct waiting *waiting)
{
    struct chat *chat = waiting->unreads->chat;
    const struct room *room = rooms_find(chat->rooms, waiting->room_id);
    size_t cursor = 0;
    uint64_t key;
    void *any;
    int64_t user_id;
    if (room && room_members_count(room) <= UNREAD_PUSH_MEMBERS_MAX) {
        while (room_members_next(room, &cursor, &user_id))
            if (user_id != waiting->author_id)
                push(chat, waiting->room_id, waiting->offset, user_id, is_mentioned(waiting, user_id));
    } else if (room && waiting->mentioned) {
        while (int_map_next(waiting->mentioned, &cursor, &key, &any))
            push(chat, waiting->room_id, waiting->offset, (int64_t)key, true);
    }
    waiting->offset = 0;
    int_map_free(TAKE(waiting->mentioned));
}

static bool is_mentioned(const struct waiting *waiting, int64_t user_id)
{
    return waiting->mentioned && int_map_get(waiting->mentioned, (uint64_t)user_id);
}

/* To a member; who has left meanwhile hears nothing. */
static void push(struct chat *chat, int64_t room_id, uint64_t offset, int64_t user_id, bool is_mentioned)
{
    char json[112];
    if (rooms_role(chat->rooms, room_id, user_id) == ROLE_NONE)
        return;
    int length = snprintf(json, sizeof json, "{\"event\":\"unread\",\"room\":%lld,\"offset\":%llu%s}",
                          (long long)room_id, (unsigned long long)offset, is_mentioned ? ",\"mention\":true" : "");
    push_to_user(chat, user_id, json, (size_t)length);
}

static void waiting_fire(struct wheel_timer *timer)
{
    struct waiting *waiting = container_of(timer, struct waiting, timer);
    struct unreads *unreads = waiting->unreads;
    if (!waiting->offset) {
        int_map_remove(unreads->waiting, (uint64_t)waiting->room_id);
        waiting_free(waiting);
        return;
    }
    tell(waiting);
    wheel_arm(hub_wheel(unreads->chat->hub), timer, UNREAD_MS);
}

void unreads_tell_mentioned(struct unreads *unreads, int64_t room_id, uint64_t offset, const struct mentions *mentions)
{
    for (size_t i = 0; i < mentions->count; i++)
        push(unreads->chat, room_id, offset, mentions->user_ids[i], true);
}
