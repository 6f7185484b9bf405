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
    uint64_t offset;   /* 0: nothing new since it was told */
    int64_t author_id; /* of all that is new; 0: of several */
};
struct unreads {
    struct chat *chat;
    struct int_map *waiting; /* room id → struct waiting */
};

static void waiting_fire(struct wheel_timer *timer);

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
        free(value);
    int_map_free(unreads->waiting);
    free(unreads);
}

static void push(struct unreads *unreads, int64_t room_id, uint64_t offset, int64_t author_id)
{
    char json[96];
    int length = snprintf(json, sizeof json, "{\"event\":\"unread\",\"room\":%lld,\"offset\":%llu}", (long long)room_id,
                          (unsigned long long)offset);
    push_to_members(unreads->chat, room_id, author_id, UNREAD_PUSH_MEMBERS_MAX, json, (size_t)length);
}

void unreads_tell(struct unreads *unreads, int64_t room_id, uint64_t offset, int64_t author_id)
{
    struct waiting *waiting = int_map_get(unreads->waiting, (uint64_t)room_id);
    if (waiting) {
        waiting->author_id = !waiting->offset || waiting->author_id == author_id ? author_id : 0;
        waiting->offset = offset;
        return;
    }
    push(unreads, room_id, offset, author_id);
    waiting = calloc(1, sizeof *waiting);
    if (!waiting || !int_map_set(unreads->waiting, (uint64_t)room_id, waiting)) {
        free(waiting); /* the next message is told by itself again */
        return;
    }
    waiting->unreads = unreads;
    waiting->room_id = room_id;
    wheel_timer_init(&waiting->timer, waiting_fire);
    wheel_arm(hub_wheel(unreads->chat->hub), &waiting->timer, UNREAD_MS);
}

static void waiting_fire(struct wheel_timer *timer)
{
    struct waiting *waiting = container_of(timer, struct waiting, timer);
    struct unreads *unreads = waiting->unreads;
    if (!waiting->offset) {
        int_map_remove(unreads->waiting, (uint64_t)waiting->room_id);
        free(waiting);
        return;
    }
    push(unreads, waiting->room_id, waiting->offset, waiting->author_id);
    waiting->offset = 0;
    wheel_arm(hub_wheel(unreads->chat->hub), timer, UNREAD_MS);
}
