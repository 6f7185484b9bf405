/* chat/room_models.c: SQL of rooms. */
#include "chat/room_models.h"
#include <stdbool.h>
#include "lib/clock.h"

/* Unread messages are counted among this many of the newest, so that a room nobody read for a year costs no
 * more. */
#define UNREAD_WINDOW "1000"

/* The columns that room_append() reads; ?1 is the viewer. */
#define ROOM_SELECT                                                                                                    \
    "SELECT r.id, r.kind, r.name, r.topic, r.created_by, r.created_at, r.updated_at, r.version, r.epoch, "             \
    "r.top, (SELECT count(*) FROM member c WHERE c.room_id = r.id), me.role, me.read_offset, "                         \
    "(SELECT count(*) FROM (SELECT x.author, x.deleted FROM message x WHERE x.room_id = r.id "                         \
    "AND x.offset > me.read_offset ORDER BY x.offset DESC LIMIT " UNREAD_WINDOW ") "                                   \
    "WHERE author <> me.user_id AND deleted = 0), o.id, o.name, me.notify, "                                           \
    "(SELECT count(*) FROM (SELECT 1 FROM mention n WHERE n.user_id = me.user_id AND n.room_id = r.id "                \
    "AND n.offset > me.read_offset LIMIT " UNREAD_WINDOW ")) "                                                         \
    "FROM room r LEFT JOIN member me ON me.room_id = r.id AND me.user_id = ?1 "                                        \
    "LEFT JOIN user o ON o.id = (SELECT d.user_id FROM member d WHERE r.kind = 'direct' AND d.room_id = "              \
    "r.id "                                                                                                            \
    "AND d.user_id <> ?1 LIMIT 1) "

static void room_append(struct rows *rows, bool is_for_all, struct buffer *json);

static enum status print(struct db *db, int64_t id, int64_t viewer_id, bool is_for_all, struct buffer *json)
{
    struct rows *rows = db_query(db, ROOM_SELECT "WHERE r.id = ?2", "ii", viewer_id, id);
    bool is_found = rows_next(rows);
    if (is_found)
        room_append(rows, is_for_all, json);
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_found ? STATUS_NOT_FOUND : status;
}

enum status room_print(struct db *db, int64_t id, int64_t viewer_id, struct buffer *json)
{
    return print(db, id, viewer_id, false, json);
}

enum status room_print_for_all(struct db *db, int64_t id, struct buffer *json)
{
    return print(db, id, 0, true, json);
}

enum status room_list(struct db *db, int64_t viewer_id, int64_t after, int64_t limit, struct buffer *json,
                      int64_t *next)
{
    int64_t count = 0, last = 0;
    bool has_more = false;
    /* The ids first, from two indexes: what others talk about in private is never walked through. */
    struct rows *rows = db_query(db,
                                 ROOM_SELECT "WHERE r.id IN (SELECT room_id FROM member WHERE user_id = ?1 "
                                             "UNION SELECT id FROM room WHERE kind = 'public') "
                                             "AND r.id > ?2 ORDER BY r.id LIMIT ?3",
                                 "iii", viewer_id, after, limit + 1);
    while (rows_next(rows)) {
        has_more = count == limit;
        if (has_more)
            break;
        buffer_text(json, count++ ? "," : "");
        room_append(rows, false, json);
        last = rows_int(rows, 0);
    }
    enum status status = rows_end(rows);
    if (status == STATUS_OK)
        *next = has_more ? last : 0;
    return status;
}

static void append_text(struct buffer *json, const char *name, const char *text)
{
    buffer_char(json, ',');
    buffer_json_member(json, name, text);
}

static void append_time(struct buffer *json, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    append_text(json, name, clock_text(wall_ms, text));
}

static void room_append(struct rows *rows, bool is_for_all, struct buffer *json)
{
    buffer_printf(json, "{\"id\":%lld", (long long)rows_int(rows, 0));
    append_text(json, "kind", rows_text(rows, 1, NULL));
    append_text(json, "name", rows_text(rows, 2, NULL));
    append_text(json, "topic", rows_text(rows, 3, NULL));
    buffer_text(json, ",\"created_by\":");
    if (rows_is_null(rows, 4))
        buffer_text(json, "null");
    else
        buffer_int(json, rows_int(rows, 4));
    append_time(json, "created_at", rows_int(rows, 5));
    append_time(json, "updated_at", rows_int(rows, 6));
    buffer_printf(json, ",\"version\":%lld", (long long)rows_int(rows, 7));
    append_text(json, "epoch", rows_text(rows, 8, NULL));
    buffer_printf(json, ",\"offset\":%lld,\"members\":%lld", (long long)rows_int(rows, 9),
                  (long long)rows_int(rows, 10));
    if (!is_for_all && rows_is_null(rows, 11)) {
        buffer_text(json, ",\"membership\":null");
    } else if (!is_for_all) {
        buffer_text(json, ",\"membership\":{");
        buffer_json_member(json, "role", rows_text(rows, 11, NULL));
        buffer_printf(json, ",\"read_offset\":%lld,\"unread\":%lld,\"mentions\":%lld", (long long)rows_int(rows, 12),
                      (long long)rows_int(rows, 13), (long long)rows_int(rows, 17));
        append_text(json, "notify", rows_text(rows, 16, NULL));
        buffer_char(json, '}');
    }
    if (!rows_is_null(rows, 14)) {
        buffer_printf(json, ",\"with\":{\"id\":%lld,", (long long)rows_int(rows, 14));
        buffer_json_member(json, "name", rows_text(rows, 15, NULL));
        buffer_char(json, '}');
    }
    buffer_char(json, '}');
}

enum status room_insert(struct db *db, const struct room_new *room, char epoch[RANDOM_ID_SIZE], int64_t *id)
{
    random_id(epoch);
    enum status status = db_run(db,
                                "INSERT INTO room(kind, name, topic, direct_key, created_by, created_at, updated_at, "
                                "epoch) VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?6, ?7)",
                                "ttttiit", room_kind_word(room->kind), room->name, room->topic, room->direct_key,
                                room->created_by, clock_wall_ms(), epoch);
    if (status == STATUS_OK)
        *id = db_last_id(db);
    return status;
}

enum status room_update(struct db *db, int64_t id, const char *name, const char *topic, enum room_kind kind)
{
    return db_run(db,
                  "UPDATE room SET name = ifnull(?2, name), topic = ifnull(?3, topic), kind = ifnull(?4, kind), "
                  "updated_at = ?5, version = version + 1 WHERE id = ?1",
                  "ittti", id, name, topic, kind == ROOM_NONE ? NULL : room_kind_word(kind), clock_wall_ms());
}

enum status room_delete(struct db *db, int64_t id)
{
    return db_run(db, "DELETE FROM room WHERE id = ?1", "i", id);
}

enum status room_select_direct(struct db *db, const char *direct_key, int64_t *id)
{
    return db_get_int(db, id, "SELECT id FROM room WHERE direct_key = ?1", "t", direct_key);
}
