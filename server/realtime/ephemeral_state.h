/* realtime/ephemeral_state.h: what the files of ephemeral channels share. */
#pragma once
#include "lib/buffer.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "net/wheel.h"
#include "realtime/ephemeral.h"
#include "settings_namespaces.h"

/* ---- ephemeral_log.c: the history of each channel, bounded in all ways ---- */
struct ephemeral_logs {
    struct hub *hub;
    struct text_map *by_name;
    size_t channels_max;
    uint64_t bytes, bytes_max;
    struct list items; /* of all logs, in the order in which they were published */
};
struct ephemeral_log;

bool ephemeral_logs_open(struct ephemeral_logs *logs, struct hub *hub, const struct settings *settings);
void ephemeral_logs_close(struct ephemeral_logs *logs);
/* NULL: nothing was published or listened to lately. */
struct ephemeral_log *ephemeral_log_find(struct ephemeral_logs *logs, const char *name);
/* Finds or makes it. NULL: there are too many, or no memory. */
struct ephemeral_log *ephemeral_log_get(struct ephemeral_logs *logs, const char *name,
                                        const struct channel_namespace *space);
void ephemeral_log_top(const struct ephemeral_log *log, struct channel_top *top);
/* Adds {"offset":N,@members}. 0: it is full of what is too young to go, or no memory. */
uint64_t ephemeral_log_append(struct ephemeral_log *log, const struct buffer *members);
/* As read_log of struct channel_kind. */
void ephemeral_log_read(struct ephemeral_log *log, uint64_t since, size_t limit, bool reversed, struct buffer *json,
                        size_t *count, uint64_t *last);
/* Forgets what was published; the position stays. */
void ephemeral_log_clear(struct ephemeral_log *log);

/* ---- ephemeral_keys.c: what was published under which idempotency key ---- */
struct ephemeral_keys {
    struct text_map *by_text;
    struct list oldest;
};
struct ephemeral_key {
    struct list link;
    int64_t due_ms;
    struct channel_top at; /* where it stands in its channel's history; "", 0: nowhere */
    size_t length;
    char text[];
};

bool ephemeral_keys_open(struct ephemeral_keys *keys);
void ephemeral_keys_close(struct ephemeral_keys *keys);
/* NULL: it is new. */
const struct ephemeral_key *ephemeral_key_find(struct ephemeral_keys *keys, const char *channel, const char *key);
/* Remembered from now on, to be filled in. NULL: too many are. */
struct ephemeral_key *ephemeral_key_add(struct ephemeral_keys *keys, const char *channel, const char *key);
void ephemeral_key_remove(struct ephemeral_keys *keys, struct ephemeral_key *key);

/* ---- ephemeral.c ---- */
/* The channels behind one prefix. */
struct ephemeral_kind {
    struct channel_kind kind;
    struct ephemeral *ephemeral;
    const struct channel_namespace *space;
    char prefix[NAMESPACE_NAME_MAX + 3]; /* "chat:", "$chat:", "" */
};

struct ephemeral {
    struct dispatch *dispatch;
    struct hub *hub;
    struct ephemeral_logs logs;
    struct ephemeral_keys keys;
    struct namespaces namespaces;
    size_t kinds_count;
    struct ephemeral_kind kinds[2 * NAMESPACES_MAX];
};

/* May @actor listen to the channel @name? The one place that decides. */
enum status ephemeral_may_subscribe(const struct channel_namespace *space, const struct actor *actor, const char *name);
/* Only with a subscription token. */
bool ephemeral_needs_token(const struct channel_namespace *space, const char *name);
/* NULL: no ephemeral channel is called so. */
const struct ephemeral_kind *ephemeral_kind_find(const struct ephemeral *ephemeral, const char *name);

/* ---- ephemeral_actions.c ---- */
extern const struct route ephemeral_routes[];
extern const size_t ephemeral_routes_count;
