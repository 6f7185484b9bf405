/* realtime/recent.h: the newest events of channels, kept for those who come back. What is kept are the frames that were
 * made for the listeners anyway. A channel is forgotten some time after its last listener left, and those that were not
 * needed for longest go first when all together are too many bytes. Loop thread. */
#pragma once
#include "lib/buffer.h"
#include "lib/list.h"
#include "lib/random.h"
#include "net/frame.h"

struct hub;
struct recents; /* of this node */

/* Of one channel: its log's end, from `first` up to `top` without a gap. */
struct recent {
    struct recents *recents;
    struct list link;           /* in recents->used */
    struct list waiting;        /* who waits for a read that is under way; what they are, their file knows */
    bool is_filling;            /* a read is under way: it is not given up */
    bool is_full;               /* older ones were refused or dropped: reading them again brings nothing */
    char epoch[RANDOM_ID_SIZE]; /* "": not known yet */
    uint64_t top;
    struct frame **frames; /* a ring that ends with the event numbered top */
    uint32_t begin, count, capacity;
    int64_t used_ms;
    size_t bytes;  /* with its own */
    size_t prefix; /* of a frame's text: what is in front of the data */
    uint32_t name_length;
    char name[];
};

/* NULL: no memory. */
struct recents *recents_new(struct hub *hub);
void recents_free(struct recents *recents);
/* Its timer ends: the wheel is about to go. */
void recents_close(struct recents *recents);

/**
 * Something was pushed to @channel: remember it if somebody listens or lately did. One that does not follow the newest
 * known one empties the memory first.
 * owns    takes a reference of its own
 * units   @epoch: of the log; NULL: this node's only one
 */
void recents_add(struct recents *recents, const char *channel, size_t length, const char *epoch, uint64_t offset,
                 struct frame *frame);
/* The last listener left: from now on it is kept for a while. */
void recents_leave(struct recents *recents, const char *channel, size_t length);
/* Whatever is remembered of this channel is of no use. */
void recents_forget(struct recents *recents, const char *channel, size_t length);
/* NULL: nothing is known of it. */
struct recent *recents_find(struct recents *recents, const char *channel, size_t length);
/* What is known of the log of @epoch, which stands at @top; what is of another or older is forgotten. Stays until the
 * loop goes on, longer only while is_filling. NULL: nothing is to be remembered, or there is no memory. */
struct recent *recents_get(struct recents *recents, const char *channel, size_t length, const char *epoch,
                           uint64_t top);

static inline uint64_t recent_first(const struct recent *recent)
{
    return recent->top - recent->count + 1;
}
/* How many events in front of the known ones are to be read so that @from is among them: the first time no more than
 * that, then as many as can be kept, as others may want older ones still. 0: it is known, or cannot be kept. */
size_t recent_wanted(const struct recent *recent, uint64_t from);
/* Add what was read of the log of @epoch in front of @before, which was the first one known when the reading began:
 * events as recent_read() writes them, newest first. */
void recent_fill(struct recent *recent, const char *epoch, uint64_t before, const char *json, size_t length);
/* As read_log() of struct channel_kind, of what is known. */
void recent_read(const struct recent *recent, uint64_t since, size_t limit, bool reversed, struct buffer *json,
                 size_t *count, uint64_t *last);
