/* chat/pin_models.h: messages that a room keeps in view, in the data base and as JSON. Store threads. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "lib/buffer.h"
#include "store/store.h"

/* CONFLICT: it is pinned already. */
enum status pin_insert(struct db *db, int64_t room_id, int64_t message_id, int64_t user_id);
/* NOT_FOUND: it is not pinned in this room. */
enum status pin_delete(struct db *db, int64_t room_id, int64_t message_id);
/* Whatever room it is in, if it is pinned at all. */
enum status pin_delete_message(struct db *db, int64_t message_id);
enum status pin_count(struct db *db, int64_t room_id, int64_t *count);
/* Append {"message":{…},"user":3,"name":"ann","created_at":"…"}. NOT_FOUND: it is not pinned. */
enum status pin_print(struct db *db, int64_t message_id, struct buffer *json);
/* Append pins of a room with numbers below @before, the newest first, separated by commas; so many bytes end them
 * early. *next: `before` of the next page, 0: that was all. */
enum status pin_list(struct db *db, int64_t room_id, int64_t before, size_t bytes_max, struct buffer *json,
                     int64_t *next);
