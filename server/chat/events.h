/* chat/events.h: what a room hears. Each event gets the room's next offset inside the writing transaction, is
 * kept in the room's log as it is pushed, and is pushed after the commit; done functions come in the order of
 * the commits, so events are pushed in the order of their offsets. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "lib/buffer.h"
#include "store/store.h"

struct chat;

struct event {
    int64_t room_id;
    uint64_t offset;    /* 0: there is nothing to publish */
    struct buffer data; /* the JSON of pub.data */
};

/**
 * Take the room's next offset and begin the text: {"event":"@name","@member": — the caller appends the value.
 * thread  writer
 */
enum status event_open(struct db *db, int64_t room_id, const char *name, const char *member, struct event *event);
/* Close the text and put the event into the room's log. thread writer */
enum status event_append(struct db *db, struct event *event);
/* Nothing, if nothing was opened. thread loop, after the commit */
void event_publish(struct chat *chat, const struct event *event);
/* As if it had never been opened; keeps the memory. */
void event_clear(struct event *event);
void event_free(struct event *event);

/* The log of a room for recovery and history: see struct channel_kind. thread reader */
enum status event_read_log(struct db *db, const char *rest, uint64_t since, size_t limit, bool reversed,
                           struct buffer *json, size_t *count, uint64_t *last);

/* A text for one person, through the channel of their own. thread loop */
void push_to_user(struct chat *chat, int64_t user_id, const char *json, size_t length);
/* The same text to every member of @room_id but @except_id; to nobody if there are more than @members_max. */
void push_to_members(struct chat *chat, int64_t room_id, int64_t except_id, size_t members_max, const char *json,
                     size_t length);

#define ROOM_CHANNEL_SIZE 32
/* "room:7" */
char *room_channel(int64_t room_id, char channel[ROOM_CHANNEL_SIZE]);
/* "7" as it is written canonically: digits, no leading zero, from 1 up to 2^53-1. False: something else. */
bool room_id_read(const char *text, int64_t *room_id);
