/* chat/unread.h: tells the members of small rooms through their own channels that something is unread. What matters is
 * the newest offset, so a busy room tells once per UNREAD_MS, not once per message. Loop thread. */
#pragma once
#include <stdint.h>

struct chat;
struct unreads;

#define UNREAD_MS 500

struct unreads *unreads_new(struct chat *chat);
void unreads_free(struct unreads *unreads);
/* A message of @author_id came at @offset. */
void unreads_tell(struct unreads *unreads, int64_t room_id, uint64_t offset, int64_t author_id);
