/* chat/rooms.h: the directory: which rooms there are and who is in them, in memory, so that a subscription is
 * decided without asking the store. Read at start, changed only after commits, in their order. Loop thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "chat/role.h"
#include "lib/random.h"
#include "lib/scope.h"
#include "store/store.h"

struct rooms;

/* A room as the directory knows it. */
struct room {
    int64_t id;
    enum room_kind kind;
    uint64_t top; /* the offset of the last event that was published */
    char epoch[RANDOM_ID_SIZE];
    struct int_map *members; /* user id → role, as a pointer that points nowhere */
};

struct rooms *rooms_new(void);
void rooms_free(struct rooms *rooms);
DEFINE_SCOPED(struct rooms *, rooms_free)
/* Fill an empty directory from the data base. */
enum status rooms_load(struct rooms *rooms, struct db *db);

size_t rooms_count(const struct rooms *rooms);
/* NULL: there is none. Valid until it is removed. */
const struct room *rooms_find(const struct rooms *rooms, int64_t room_id);
/* NONE: not in the room, or no such room. */
enum role rooms_role(const struct rooms *rooms, int64_t room_id, int64_t user_id);
size_t room_members_count(const struct room *room);
/* Walk, as int_map_next(). */
bool room_members_next(const struct room *room, size_t *cursor, int64_t *user_id);

/* What does not fit into memory is logged and left out: such a room or member is refused until the next
 * start. */
void rooms_add(struct rooms *rooms, int64_t room_id, enum room_kind kind, const char *epoch, uint64_t top);
void rooms_remove(struct rooms *rooms, int64_t room_id);
void rooms_set_kind(struct rooms *rooms, int64_t room_id, enum room_kind kind);
void rooms_set_top(struct rooms *rooms, int64_t room_id, uint64_t top);
void rooms_set_member(struct rooms *rooms, int64_t room_id, int64_t user_id, enum role role);
void rooms_remove_member(struct rooms *rooms, int64_t room_id, int64_t user_id);
