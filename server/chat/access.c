/* chat/access.c: object permissions of rooms. */
#include "chat/access.h"
#include <stdio.h>

enum status access_select(struct request *request, struct db *db, int64_t room_id, struct access *access)
{
    struct rows *rows = db_query(db,
                                 "SELECT kind, top, role, ifnull(read_offset, 0), epoch FROM room LEFT JOIN member "
                                 "ON room_id = room.id AND user_id = ?2 WHERE room.id = ?1",
                                 "ii", room_id, request->actor.user_id);
    struct access found = {.room_id = room_id};
    if (rows_next(rows)) {
        found.kind = room_kind_from_word(rows_text(rows, 0, NULL));
        found.top = rows_int(rows, 1);
        found.role = role_from_word(rows_text(rows, 2, NULL));
        found.read_offset = rows_int(rows, 3);
        snprintf(found.epoch, sizeof found.epoch, "%s", rows_text(rows, 4, NULL));
    }
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    if (found.kind == ROOM_NONE || (found.kind != ROOM_PUBLIC && found.role == ROLE_NONE))
        return STATUS_NOT_FOUND;
    *access = found;
    return STATUS_OK;
}

enum status access_select_to_write(struct request *request, struct db *db, int64_t room_id, struct access *access)
{
    enum status status = request_recheck(request, db);
    return status == STATUS_OK ? access_select(request, db, room_id, access) : status;
}

enum status access_select_message(struct request *request, struct db *db, int64_t id, struct message *message,
                                  struct access *access)
{
    enum status status = message_select(db, id, message);
    return status == STATUS_OK ? access_select(request, db, message->room_id, access) : status;
}

enum status access_select_message_to_write(struct request *request, struct db *db, int64_t id, struct message *message,
                                           struct access *access)
{
    enum status status = request_recheck(request, db);
    return status == STATUS_OK ? access_select_message(request, db, id, message, access) : status;
}

enum status access_may_write(struct request *request, const struct access *access)
{
    if (access->role == ROLE_NONE)
        return request_refuse(request, STATUS_FORBIDDEN, "Join the room before you write in it.");
    if (access->role == ROLE_READER)
        return request_refuse(request, STATUS_FORBIDDEN, "You may read in this room, but not write.");
    return STATUS_OK;
}

enum status access_needs(struct request *request, const struct access *access, enum role role, const char *what)
{
    if (access->role >= role)
        return STATUS_OK;
    const char *who = role == ROLE_OWNER       ? "Only owners of the room"
                      : role == ROLE_MODERATOR ? "Only owners and moderators of the room"
                                               : "Only members of the room";
    return request_refuse(request, STATUS_FORBIDDEN, "%s may %s.", who, what);
}
