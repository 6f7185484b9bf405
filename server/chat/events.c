/* chat/events.c: the log of a room, and the way of an event to its listeners. */
#include "chat/events.h"
#include <stdio.h>
#include "chat/state.h"

#define ID_DIGITS_MAX 16
#define ID_MAX        INT64_C(9007199254740991)

enum status event_open(struct db *db, int64_t room_id, const char *name, const char *member, struct event *event)
{
    /* Two statements: for RETURNING alone SQLite would make a table in memory, with each message. */
    int64_t offset;
    enum status status = db_run(db, "UPDATE room SET top = top + 1 WHERE id = ?1", "i", room_id);
    if (status == STATUS_OK)
        status = db_get_int(db, &offset, "SELECT top FROM room WHERE id = ?1", "i", room_id);
    if (status != STATUS_OK)
        return status;
    event_clear(event);
    event->room_id = room_id;
    event->offset = (uint64_t)offset;
    buffer_printf(&event->data, "{\"event\":\"%s\",\"%s\":", name, member);
    return STATUS_OK;
}

enum status event_append(struct db *db, struct event *event)
{
    buffer_char(&event->data, '}');
    if (event->data.has_failed)
        return FAULT("no memory for an event of room %lld", (long long)event->room_id);
    return db_run(db, "INSERT INTO event(room_id, offset, data) VALUES (?1, ?2, ?3)", "iis", event->room_id,
                  (int64_t)event->offset, event->data.bytes, event->data.length);
}

void event_publish(struct chat *chat, const struct event *event)
{
    char channel[ROOM_CHANNEL_SIZE];
    if (!event->offset)
        return;
    /* First the directory: who subscribes during the push must be told a position that includes it. */
    rooms_set_top(chat->rooms, event->room_id, event->offset);
    hub_publish(chat->hub, room_channel(event->room_id, channel), event->offset, event->data.bytes, event->data.length);
}

void event_clear(struct event *event)
{
    event->room_id = 0;
    event->offset = 0;
    buffer_clear(&event->data);
}

void event_free(struct event *event)
{
    buffer_free(&event->data);
}

enum status event_read_log(struct db *db, const char *rest, uint64_t since, size_t limit, bool reversed,
                           struct buffer *json, size_t *count, uint64_t *last)
{
    int64_t room_id;
    if (!room_id_read(rest, &room_id))
        return STATUS_MALFORMED;
    int64_t bound = since > INT64_MAX || (reversed && !since) ? INT64_MAX : (int64_t)since;
    int64_t most = limit > INT32_MAX ? INT32_MAX : (int64_t)limit;
    struct rows *rows = reversed ? db_query(db,
                                            "SELECT offset, data FROM event WHERE room_id = ?1 AND offset < ?2 "
                                            "ORDER BY offset DESC LIMIT ?3",
                                            "iii", room_id, bound, most)
                                 : db_query(db,
                                            "SELECT offset, data FROM event WHERE room_id = ?1 AND offset > ?2 "
                                            "ORDER BY offset LIMIT ?3",
                                            "iii", room_id, bound, most);
    size_t found = 0;
    uint64_t offset = 0;
    while (rows_next(rows)) {
        size_t length;
        const char *data = rows_text(rows, 1, &length);
        offset = (uint64_t)rows_int(rows, 0);
        buffer_printf(json, "%s{\"offset\":%llu,\"data\":", found ? "," : "", (unsigned long long)offset);
        buffer_append(json, data, length);
        buffer_char(json, '}');
        found++;
    }
    enum status status = rows_end(rows);
    if (status == STATUS_OK) {
        *count = found;
        *last = offset;
    }
    return status;
}

void push_to_user(struct chat *chat, int64_t user_id, const char *json, size_t length)
{
    char channel[ROOM_CHANNEL_SIZE];
    snprintf(channel, sizeof channel, "user:%lld", (long long)user_id);
    hub_publish(chat->hub, channel, 0, json, length);
}

void push_to_members(struct chat *chat, int64_t room_id, int64_t except_id, size_t members_max, const char *json,
                     size_t length)
{
    const struct room *room = rooms_find(chat->rooms, room_id);
    if (!room || room_members_count(room) > members_max)
        return;
    size_t cursor = 0;
    int64_t user_id;
    while (room_members_next(room, &cursor, &user_id))
        if (user_id != except_id)
            push_to_user(chat, user_id, json, length);
}

char *room_channel(int64_t room_id, char channel[ROOM_CHANNEL_SIZE])
{
    snprintf(channel, ROOM_CHANNEL_SIZE, "room:%lld", (long long)room_id);
    return channel;
}

bool room_id_read(const char *text, int64_t *room_id)
{
    int64_t id = 0;
    size_t digits = 0;
    for (; text[digits]; digits++) {
        if (text[digits] < '0' || text[digits] > '9' || digits == ID_DIGITS_MAX || text[0] == '0')
            return false;
        id = id * 10 + (text[digits] - '0');
    }
    if (!digits || id > ID_MAX)
        return false;
    *room_id = id;
    return true;
}
