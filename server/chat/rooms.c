/* chat/rooms.c: the directory of rooms and members. */
#include "chat/rooms.h"
#include <stdio.h>
#include <stdlib.h>
#include "lib/hash.h"
#include "lib/log.h"

struct rooms {
    struct int_map *by_id; /* room id → struct room */
};

static struct room *room_get(const struct rooms *rooms, int64_t room_id);
static void room_free(struct room *room);
DEFINE_SCOPED(struct room *, room_free)

struct rooms *rooms_new(void)
{
    SCOPED(rooms_free) struct rooms *rooms = calloc(1, sizeof *rooms);
    if (!rooms)
        return NULL;
    rooms->by_id = int_map_new();
    return rooms->by_id ? TAKE(rooms) : NULL;
}

void rooms_free(struct rooms *rooms)
{
    if (!rooms)
        return;
    void *room;
    size_t cursor = 0;
    while (rooms->by_id && int_map_next(rooms->by_id, &cursor, NULL, &room))
        room_free(room);
    int_map_free(rooms->by_id);
    free(rooms);
}

static void room_free(struct room *room)
{
    if (!room)
        return;
    int_map_free(room->members);
    free(room);
}

enum status rooms_load(struct rooms *rooms, struct db *db)
{
    struct rows *rows = db_query(db, "SELECT id, kind, epoch, top FROM room", "");
    while (rows_next(rows))
        rooms_add(rooms, rows_int(rows, 0), room_kind_from_word(rows_text(rows, 1, NULL)), rows_text(rows, 2, NULL),
                  (uint64_t)rows_int(rows, 3));
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    rows = db_query(db, "SELECT room_id, user_id, role FROM member", "");
    while (rows_next(rows))
        rooms_set_member(rooms, rows_int(rows, 0), rows_int(rows, 1), role_from_word(rows_text(rows, 2, NULL)));
    return rows_end(rows);
}

static struct room *room_get(const struct rooms *rooms, int64_t room_id)
{
    return int_map_get(rooms->by_id, (uint64_t)room_id);
}

size_t rooms_count(const struct rooms *rooms)
{
    return int_map_count(rooms->by_id);
}

const struct room *rooms_find(const struct rooms *rooms, int64_t room_id)
{
    return room_get(rooms, room_id);
}

enum role rooms_role(const struct rooms *rooms, int64_t room_id, int64_t user_id)
{
    const struct room *room = room_get(rooms, room_id);
    return room ? (enum role)(uintptr_t)int_map_get(room->members, (uint64_t)user_id) : ROLE_NONE;
}

size_t room_members_count(const struct room *room)
{
    return int_map_count(room->members);
}

bool room_members_next(const struct room *room, size_t *cursor, int64_t *user_id)
{
    uint64_t key;
    void *role;
    if (!int_map_next(room->members, cursor, &key, &role))
        return false;
    *user_id = (int64_t)key;
    return true;
}

void rooms_add(struct rooms *rooms, int64_t room_id, enum room_kind kind, const char *epoch, uint64_t top)
{
    SCOPED(room_free) struct room *room = calloc(1, sizeof *room);
    if (room) {
        room->id = room_id;
        room->kind = kind;
        room->top = top;
        snprintf(room->epoch, sizeof room->epoch, "%s", epoch);
        room->members = int_map_new();
    }
    if (room && room->members && int_map_set(rooms->by_id, (uint64_t)room_id, room))
        room = NULL; /* the map has it */
    else
        log_error("chat.memory", "no memory for room %lld: nobody can open it until the next start",
                  (long long)room_id);
}

void rooms_remove(struct rooms *rooms, int64_t room_id)
{
    room_free(int_map_remove(rooms->by_id, (uint64_t)room_id));
}

void rooms_set_kind(struct rooms *rooms, int64_t room_id, enum room_kind kind)
{
    struct room *room = room_get(rooms, room_id);
    if (room)
        room->kind = kind;
}

void rooms_set_top(struct rooms *rooms, int64_t room_id, uint64_t top)
{
    struct room *room = room_get(rooms, room_id);
    if (room)
        room->top = top;
}

void rooms_set_member(struct rooms *rooms, int64_t room_id, int64_t user_id, enum role role)
{
    struct room *room = room_get(rooms, room_id);
    if (room && role != ROLE_NONE && !int_map_set(room->members, (uint64_t)user_id, (void *)(uintptr_t)role))
        log_error("chat.memory", "no memory for user %lld in room %lld: refused until the next start",
                  (long long)user_id, (long long)room_id);
}

void rooms_remove_member(struct rooms *rooms, int64_t room_id, int64_t user_id)
{
    struct room *room = room_get(rooms, room_id);
    if (room)
        int_map_remove(room->members, (uint64_t)user_id);
}
