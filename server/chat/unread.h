/* chat/unread.h: tells the members of small rooms through their own channels that something is unread. What matters is
 * the newest offset, so a busy room tells once per UNREAD_MS, not once per message. Who is mentioned is told in large
 * rooms too. Loop thread. */
#pragma once
#include <stdint.h>
#include "chat/mentions.h"

struct chat;
struct unreads;

#define UNREAD_MS 500

struct unreads *unreads_new(struct chat *chat);
void unreads_free(struct unreads *unreads);
/* A message of @author_id came at @offset; for those whom it mentions the notice says so. */
void unreads_tell(struct unreads *unreads, int64_t room_id, uint64_t offset, int64_t author_id,
                  const struct mentions *mentions);
/* Only those who are mentioned, at once: a message that was changed mentions them now. */
void unreads_tell_mentioned(struct unreads *unreads, int64_t room_id, uint64_t offset, const struct mentions *mentions);
