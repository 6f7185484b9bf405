/* chat/room_models.h: rooms in the data base, and as JSON. Store threads. */
#pragma once
#include <stdint.h>
#include "base/status.h"
#include "chat/role.h"
#include "lib/buffer.h"
#include "lib/random.h"
#include "store/store.h"

struct room_new {
    enum room_kind kind;
    const char *name, *topic;
    const char *direct_key; /* NULL: not direct */
    int64_t created_by;
};

/* Append room @id as JSON, as @viewer_id sees it: with their membership, and the other one of a direct room.
 */
enum status room_print(struct db *db, int64_t id, int64_t viewer_id, struct buffer *json);
/* The same for everybody in it: without a membership. */
enum status room_print_for_all(struct db *db, int64_t id, struct buffer *json);
/* Append the rooms that @viewer_id is in and the public ones with an id above @after, separated by commas.
 * *next is the last one's id, 0: that was all. */
enum status room_list(struct db *db, int64_t viewer_id, int64_t after, int64_t limit, struct buffer *json,
                      int64_t *next);
/* CONFLICT: a public room has this name, or the direct room is there. */
enum status room_insert(struct db *db, const struct room_new *room, char epoch[RANDOM_ID_SIZE], int64_t *id);
/* What is NULL or NONE stays. CONFLICT: as above. */
enum status room_update(struct db *db, int64_t id, const char *name, const char *topic, enum room_kind kind);
/* With all that was said in it. */
enum status room_delete(struct db *db, int64_t id);
/* NOT_FOUND: none yet. */
enum status room_select_direct(struct db *db, const char *direct_key, int64_t *id);
