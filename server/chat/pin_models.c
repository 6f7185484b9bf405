/* chat/pin_models.c: SQL of pins. */
#include "chat/pin_models.h"
#include <stdbool.h>
#include "chat/message_models.h"
#include "lib/clock.h"

#define PIN_SELECT                                                                                                     \
    "SELECT p.message_id, p.user_id, u.name, p.created_at, p.id FROM pin p JOIN user u ON u.id = p.user_id "

static enum status pin_append(struct rows *rows, struct db *db, struct buffer *json);

enum status pin_insert(struct db *db, int64_t room_id, int64_t message_id, int64_t user_id)
{
    enum status status = db_run(db,
                                "INSERT OR IGNORE INTO pin(room_id, message_id, user_id, created_at) "
                                "VALUES (?1, ?2, ?3, ?4)",
                                "iiii", room_id, message_id, user_id, clock_wall_ms());
    return status == STATUS_OK && db_changes(db) == 0 ? STATUS_CONFLICT : status;
}

enum status pin_delete(struct db *db, int64_t room_id, int64_t message_id)
{
    enum status status =
        db_run(db, "DELETE FROM pin WHERE room_id = ?1 AND message_id = ?2", "ii", room_id, message_id);
    return status == STATUS_OK && db_changes(db) == 0 ? STATUS_NOT_FOUND : status;
}

enum status pin_delete_message(struct db *db, int64_t message_id)
{
    return db_run(db, "DELETE FROM pin WHERE message_id = ?1", "i", message_id);
}

enum status pin_count(struct db *db, int64_t room_id, int64_t *count)
{
    return db_get_int(db, count, "SELECT count(*) FROM pin WHERE room_id = ?1", "i", room_id);
}

enum status pin_print(struct db *db, int64_t message_id, struct buffer *json)
{
    struct rows *rows = db_query(db, PIN_SELECT "WHERE p.message_id = ?1", "i", message_id);
    enum status status = rows_next(rows) ? pin_append(rows, db, json) : STATUS_NOT_FOUND;
    enum status end = rows_end(rows);
    return end == STATUS_OK ? status : end;
}

enum status pin_list(struct db *db, int64_t room_id, int64_t before, size_t bytes_max, struct buffer *json,
                     int64_t *next)
{
    int64_t last = 0;
    enum status status = STATUS_OK;
    struct rows *rows =
        db_query(db, PIN_SELECT "WHERE p.room_id = ?1 AND p.id < ?2 ORDER BY p.id DESC", "ii", room_id, before);
    while (status == STATUS_OK && rows_next(rows)) {
        if (json->length > bytes_max) {
            *next = last;
            break;
        }
        buffer_text(json, last ? "," : "");
        last = rows_int(rows, 4);
        status = pin_append(rows, db, json);
    }
    enum status end = rows_end(rows);
    return end == STATUS_OK ? status : end;
}

/* Each message is asked for by itself: a room has few pins. */
static enum status pin_append(struct rows *rows, struct db *db, struct buffer *json)
{
    char created_at[CLOCK_TEXT_SIZE];
    buffer_text(json, "{\"message\":");
    enum status status = message_print(db, rows_int(rows, 0), json);
    buffer_printf(json, ",\"user\":%lld,", (long long)rows_int(rows, 1));
    buffer_json_member(json, "name", rows_text(rows, 2, NULL));
    buffer_char(json, ',');
    buffer_json_member(json, "created_at", clock_text(rows_int(rows, 3), created_at));
    buffer_char(json, '}');
    return status;
}
