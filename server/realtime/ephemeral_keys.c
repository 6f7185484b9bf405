/* realtime/ephemeral_keys.c: what was published under an idempotency key is not published again for a while. Unlike
 * base/idempotency.c it keeps no answers and asks no data base: what it is about is in memory only, too. */
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "realtime/ephemeral_state.h"

#define KEPT_MS  300000
#define KEYS_MAX 100000

static void keys_expire(struct ephemeral_keys *keys);

bool ephemeral_keys_open(struct ephemeral_keys *keys)
{
    list_init(&keys->oldest);
    keys->by_text = text_map_new();
    return keys->by_text != NULL;
}

void ephemeral_keys_close(struct ephemeral_keys *keys)
{
    struct list *node;
    while (keys->by_text && (node = list_take_first(&keys->oldest)))
        free(container_of(node, struct ephemeral_key, link));
    text_map_free(keys->by_text);
}

/* A channel has no NUL in its name, so what is joined by one is never ambiguous. */
static size_t text_make(const char *channel, const char *key, struct buffer *text)
{
    buffer_append(text, channel, strlen(channel) + 1);
    buffer_text(text, key);
    return text->has_failed ? 0 : text->length;
}

const struct ephemeral_key *ephemeral_key_find(struct ephemeral_keys *keys, const char *channel, const char *key)
{
    SCOPED(buffer_free) struct buffer text = {0};
    keys_expire(keys);
    return text_make(channel, key, &text) ? text_map_get(keys->by_text, text.bytes, text.length) : NULL;
}

/* All are kept equally long, so the oldest are in front. */
static void keys_expire(struct ephemeral_keys *keys)
{
    int64_t now_ms = clock_monotonic_ms();
    while (!list_is_empty(&keys->oldest)) {
        struct ephemeral_key *key = container_of(keys->oldest.next, struct ephemeral_key, link);
        if (key->due_ms > now_ms)
            return;
        ephemeral_key_remove(keys, key);
    }
}

struct ephemeral_key *ephemeral_key_add(struct ephemeral_keys *keys, const char *channel, const char *key)
{
    SCOPED(buffer_free) struct buffer text = {0};
    if (text_map_count(keys->by_text) >= KEYS_MAX || !text_make(channel, key, &text))
        return NULL;
    struct ephemeral_key *added = calloc(1, sizeof *added + text.length);
    if (!added)
        return NULL;
    added->length = text.length;
    memcpy(added->text, text.bytes, text.length);
    if (!text_map_set(keys->by_text, added->text, added->length, added)) {
        free(added);
        return NULL;
    }
    added->due_ms = clock_monotonic_ms() + KEPT_MS;
    list_append(&keys->oldest, &added->link);
    return added;
}

void ephemeral_key_remove(struct ephemeral_keys *keys, struct ephemeral_key *key)
{
    list_remove(&key->link);
    text_map_remove(keys->by_text, key->text, key->length);
    free(key);
}
