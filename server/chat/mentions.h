/* chat/mentions.h: people who are meant in a message, by `@` and their name. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "store/store.h"

/* So many are looked at in one text; those behind them are words like any other. */
#define MENTIONS_MAX 50

struct mentions {
    size_t count;
    int64_t user_ids[MENTIONS_MAX];
};

/* What stands behind an `@`. A dot at the end may belong to the name or end the sentence: the name has from
 * @length_min up to @length bytes. */
struct mention_word {
    const char *name;
    size_t length, length_min;
};
/**
 * Find the next word in @text that may be a mention; *@at begins as @text.
 * thread  any
 * errors  false: there is none any more
 */
bool mention_next(const char *text, const char **at, struct mention_word *word);

/* Where mentions are looked for. */
struct mention_place {
    int64_t message_id, room_id;
    int64_t offset; /* of the event */
    int64_t author; /* who speaks is not told of it */
    const char *text;
};
/* Note who is mentioned in a new message; @mentions gets them. thread writer */
enum status mentions_insert(struct db *db, const struct mention_place *place, struct mentions *mentions);
/* The same after a change: who is not mentioned any more is forgotten, who was before stays as it was, and @mentions
 * gets only those who are new. */
enum status mentions_update(struct db *db, const struct mention_place *place, struct mentions *mentions);
enum status mentions_delete(struct db *db, int64_t message_id);
/* How many @user_id has not read yet; at most 1000 are counted. thread store */
enum status mentions_count_unread(struct db *db, int64_t room_id, int64_t user_id, int64_t *count);
