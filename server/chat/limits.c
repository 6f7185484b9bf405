/* chat/limits.c: two token buckets for each person who wrote lately. */
#include "chat/limits.h"
#include <stdlib.h>
#include "lib/bucket.h"
#include "lib/hash.h"

/* A burst of messages is three times what is allowed each second. */
#define MESSAGE_BURST 3.0F
/* A client says that somebody types each 3 s at most; tabs and a quick change of rooms may add to that. */
#define TYPING_PER_S 1.0F
#define TYPING_BURST 5.0F
/* Above this many people those who were silent for a while are forgotten: their buckets are full again. */
#define PEOPLE_KEPT 10000
#define SILENT_MS   60000

struct limit {
    struct bucket messages, typing;
    int64_t used_ms;
};
struct limits {
    struct int_map *by_user; /* user id → struct limit */
    int64_t swept_ms;
};

static struct limit *limit_of(struct limits *limits, int64_t user_id, int64_t now_ms);
static void sweep(struct limits *limits, int64_t now_ms);

struct limits *limits_new(void)
{
    SCOPED(limits_free) struct limits *limits = calloc(1, sizeof *limits);
    if (!limits)
        return NULL;
    limits->by_user = int_map_new();
    return limits->by_user ? TAKE(limits) : NULL;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    void *limit;
    size_t cursor = 0;
    while (limits->by_user && int_map_next(limits->by_user, &cursor, NULL, &limit))
        free(limit);
    int_map_free(limits->by_user);
    free(limits);
}

bool limits_take_message(struct limits *limits, int64_t user_id, int64_t now_ms, int64_t per_s, int64_t *wait_ms)
{
    struct limit *limit = limit_of(limits, user_id, now_ms);
    if (limit && bucket_take(&limit->messages, now_ms, (float)per_s, MESSAGE_BURST * (float)per_s))
        return true;
    *wait_ms = limit ? bucket_wait_ms(&limit->messages, (float)per_s) : 1000;
    return false;
}

bool limits_take_typing(struct limits *limits, int64_t user_id, int64_t now_ms)
{
    struct limit *limit = limit_of(limits, user_id, now_ms);
    return limit && bucket_take(&limit->typing, now_ms, TYPING_PER_S, TYPING_BURST);
}

/* NULL: no memory, and without it nobody writes unlimited. */
static struct limit *limit_of(struct limits *limits, int64_t user_id, int64_t now_ms)
{
    struct limit *limit = int_map_get(limits->by_user, (uint64_t)user_id);
    if (!limit) {
        if (int_map_count(limits->by_user) >= PEOPLE_KEPT)
            sweep(limits, now_ms);
        limit = calloc(1, sizeof *limit);
        if (limit && !int_map_set(limits->by_user, (uint64_t)user_id, limit))
            free(TAKE(limit));
    }
    if (limit)
        limit->used_ms = now_ms;
    return limit;
}

static void sweep(struct limits *limits, int64_t now_ms)
{
    /* Seldom, so that a crowd of newcomers does not make each of them walk the whole table. */
    if (limits->swept_ms && now_ms - limits->swept_ms < SILENT_MS / 6)
        return;
    limits->swept_ms = now_ms;
    uint64_t user_id;
    void *value;
    size_t cursor = 0;
    while (int_map_next(limits->by_user, &cursor, &user_id, &value)) {
        struct limit *limit = value;
        if (now_ms - limit->used_ms >= SILENT_MS) {
            int_map_remove(limits->by_user, user_id);
            free(limit);
        }
    }
}
