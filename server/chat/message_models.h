/* chat/message_models.h: messages and reactions in the data base, and as JSON. Store threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "lib/buffer.h"
#include "store/store.h"

struct message {
    int64_t id, room_id, offset, author;
    bool is_deleted;
};

struct message_new {
    int64_t room_id, offset, author;
    const char *text;
    int64_t reply_to; /* 0: none */
    const char *key;  /* NULL: none */
};

/* Some messages of a room, oldest first. */
struct message_page {
    size_t bytes_max;     /* given: so many bytes end it early; it has one message at least */
    struct buffer items;  /* JSON, separated by commas */
    int64_t older, newer; /* `before` and `after` of the pages next to it; -1: there is nothing more */
};
void message_page_free(struct message_page *page); /* what it owns; the struct is the caller's */
static inline void message_page_free_scoped(struct message_page *page)
{
    message_page_free(page);
}

enum status message_select(struct db *db, int64_t id, struct message *message);
/* The message that @author wrote under @key; NOT_FOUND: none yet. */
enum status message_select_key(struct db *db, int64_t room_id, int64_t author, const char *key, int64_t *id);
/* Append message @id as JSON. */
enum status message_print(struct db *db, int64_t id, struct buffer *json);
/* The last @limit messages in front of offset @before; @page has only its bytes_max. */
enum status message_list_before(struct db *db, int64_t room_id, int64_t before, int64_t limit,
                                struct message_page *page);
/* The first @limit messages behind offset @after. */
enum status message_list_after(struct db *db, int64_t room_id, int64_t after, int64_t limit, struct message_page *page);
/* Half of @limit in front of offset @offset, half from it on. */
enum status message_list_around(struct db *db, int64_t room_id, int64_t offset, int64_t limit,
                                struct message_page *page);
/* Messages that a full-text query finds, newest first, among those that @user_id may read. */
struct message_hits {
    const char *match;
    int64_t user_id, room_id, author_id; /* 0: any room, any author */
    int64_t before, limit;               /* ids below @before */
};
/* Append a page, separated by commas; *next: `before` of the next page, 0: that was all. */
enum status message_find(struct db *db, const struct message_hits *hits, struct buffer *json, int64_t *next);
enum status message_insert(struct db *db, const struct message_new *message, int64_t *id);
enum status message_update(struct db *db, int64_t id, const char *text);
/* Blank the text and drop reactions, mentions and a pin; the row stays, because answers and offsets refer to it. */
enum status message_delete(struct db *db, int64_t id);

/* CONFLICT: it is there already. */
enum status reaction_insert(struct db *db, int64_t message_id, int64_t user_id, const char *emoji);
/* NOT_FOUND: there was none. */
enum status reaction_delete(struct db *db, int64_t message_id, int64_t user_id, const char *emoji);
enum status reaction_count(struct db *db, int64_t message_id, int64_t *count);
