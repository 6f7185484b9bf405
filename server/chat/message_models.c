/* chat/message_models.c: SQL of messages and reactions. */
#include "chat/message_models.h"
#include <string.h>
#include "lib/clock.h"

/* A page of long messages ends early, so that one answer cannot fill the memory. */
#define PAGE_BYTES_MAX    (1024 * 1024)
#define PAGE_MESSAGES_MAX 200

/* The columns that message_append() reads. The reactions come with their message in one query: read one by
 * one they would cost a query for each message of a page. */
#define MESSAGE_SELECT                                                                                                 \
    "SELECT m.id, m.room_id, m.offset, m.author, u.name, m.text, m.reply_to, m.key, m.created_at, "                    \
    "m.updated_at, m.version, m.deleted, (SELECT json_group_array(json_object('emoji', emoji, 'users', "               \
    "json(users))) FROM (SELECT emoji, json_group_array(user_id) AS users FROM reaction WHERE message_id = "           \
    "m.id GROUP BY emoji ORDER BY min(created_at), emoji)) FROM message m JOIN user u ON u.id = m.author "

static void message_append(struct rows *rows, struct buffer *json);
static void append_reversed(struct buffer *json, const struct buffer *texts, const size_t *starts, size_t count);

enum status message_select(struct db *db, int64_t id, struct message *message)
{
    struct rows *rows = db_query(db, "SELECT room_id, author, deleted FROM message WHERE id = ?1", "i", id);
    struct message found = {.id = id};
    bool is_found = rows_next(rows);
    if (is_found) {
        found.room_id = rows_int(rows, 0);
        found.author = rows_int(rows, 1);
        found.is_deleted = rows_int(rows, 2) != 0;
    }
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    if (!is_found)
        return STATUS_NOT_FOUND;
    *message = found;
    return STATUS_OK;
}

enum status message_select_key(struct db *db, int64_t room_id, int64_t author, const char *key, int64_t *id)
{
    return db_get_int(db, id, "SELECT id FROM message WHERE room_id = ?1 AND author = ?2 AND key = ?3", "iit", room_id,
                      author, key);
}

enum status message_print(struct db *db, int64_t id, struct buffer *json)
{
    struct rows *rows = db_query(db, MESSAGE_SELECT "WHERE m.id = ?1", "i", id);
    bool is_found = rows_next(rows);
    if (is_found)
        message_append(rows, json);
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_found ? STATUS_NOT_FOUND : status;
}

static void append_time(struct buffer *json, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    buffer_char(json, ',');
    buffer_json_member(json, name, clock_text(wall_ms, text));
}

static void message_append(struct rows *rows, struct buffer *json)
{
    buffer_printf(json, "{\"id\":%lld,\"room\":%lld,\"offset\":%lld,\"author\":%lld,", (long long)rows_int(rows, 0),
                  (long long)rows_int(rows, 1), (long long)rows_int(rows, 2), (long long)rows_int(rows, 3));
    buffer_json_member(json, "author_name", rows_text(rows, 4, NULL));
    buffer_char(json, ',');
    buffer_json_member(json, "text", rows_text(rows, 5, NULL));
    buffer_text(json, ",\"reply_to\":");
    if (rows_is_null(rows, 6))
        buffer_text(json, "null");
    else
        buffer_int(json, rows_int(rows, 6));
    if (!rows_is_null(rows, 7)) {
        buffer_char(json, ',');
        buffer_json_member(json, "key", rows_text(rows, 7, NULL));
    }
    append_time(json, "created_at", rows_int(rows, 8));
    append_time(json, "updated_at", rows_int(rows, 9));
    buffer_printf(json, ",\"version\":%lld", (long long)rows_int(rows, 10));
    if (rows_int(rows, 11))
        buffer_text(json, ",\"deleted\":true");
    size_t length = 0;
    const char *reactions = rows_text(rows, 12, &length);
    if (reactions && length > strlen("[]")) {
        buffer_text(json, ",\"reactions\":");
        buffer_append(json, reactions, length);
    }
    buffer_char(json, '}');
}

enum status message_list(struct db *db, const struct message_range *range, struct buffer *json, int64_t *next)
{
    size_t starts[PAGE_MESSAGES_MAX], count = 0;
    SCOPED(buffer_free) struct buffer texts = {0};
    int64_t limit = range->limit < PAGE_MESSAGES_MAX ? range->limit : PAGE_MESSAGES_MAX, last = 0;
    bool has_more = false;
    /* One more than asked for tells whether there is a next page. */
    struct rows *rows = range->is_forward
                            ? db_query(db,
                                       MESSAGE_SELECT "WHERE m.room_id = ?1 AND m.offset > ?2 AND m.offset < ?3 "
                                                      "ORDER BY m.offset LIMIT ?4",
                                       "iiii", range->room_id, range->after, range->before, limit + 1)
                            : db_query(db,
                                       MESSAGE_SELECT "WHERE m.room_id = ?1 AND m.offset > ?2 AND m.offset < ?3 "
                                                      "ORDER BY m.offset DESC LIMIT ?4",
                                       "iiii", range->room_id, range->after, range->before, limit + 1);
    while (rows_next(rows)) {
        has_more = count == (size_t)limit || texts.length > PAGE_BYTES_MAX;
        if (has_more)
            break;
        starts[count++] = texts.length;
        message_append(rows, &texts);
        last = rows_int(rows, 2);
    }
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    if (texts.has_failed)
        return FAULT("no memory for a page of messages");
    if (range->is_forward)
        for (size_t i = 0; i < count; i++) {
            size_t end = i + 1 < count ? starts[i + 1] : texts.length;
            buffer_text(json, i ? "," : "");
            buffer_append(json, texts.bytes + starts[i], end - starts[i]);
        }
    else
        append_reversed(json, &texts, starts, count);
    *next = has_more ? last : 0;
    return STATUS_OK;
}

static void append_reversed(struct buffer *json, const struct buffer *texts, const size_t *starts, size_t count)
{
    size_t end = texts->length;
    for (size_t i = count; i-- > 0; end = starts[i]) {
        buffer_append(json, texts->bytes + starts[i], end - starts[i]);
        buffer_text(json, i ? "," : "");
    }
}

enum status message_find(struct db *db, const struct message_hits *hits, struct buffer *json, int64_t *next)
{
    /* The index comes first (CROSS JOIN): it knows the hits in the order of their ids. */
    struct rows *rows = db_query(
        db,
        MESSAGE_SELECT
        "WHERE m.id IN (SELECT hit.id FROM message_search s CROSS JOIN message hit ON hit.id = s.rowid "
        "WHERE s.message_search MATCH ?1 AND s.rowid < ?2 AND hit.text <> '' AND (?3 = 0 OR hit.author = ?3) "
        "AND (?4 = 0 OR hit.room_id = ?4) AND hit.room_id IN (SELECT id FROM room WHERE kind = 'public' UNION "
        "ALL SELECT room_id FROM member WHERE user_id = ?5) ORDER BY s.rowid DESC LIMIT ?6) ORDER BY m.id DESC",
        "tiiiii", hits->match, hits->before, hits->author_id, hits->room_id, hits->user_id, hits->limit + 1);
    int64_t count = 0, last = 0;
    bool has_more = false;
    while (rows_next(rows)) {
        has_more = count == hits->limit;
        if (has_more)
            break;
        buffer_text(json, count++ ? "," : "");
        message_append(rows, json);
        last = rows_int(rows, 0);
    }
    *next = has_more ? last : 0;
    return rows_end(rows);
}

enum status message_insert(struct db *db, const struct message_new *message, int64_t *id)
{
    enum status status = db_run(db,
                                "INSERT INTO message(room_id, offset, author, text, reply_to, key, created_at, "
                                "updated_at) VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7, ?7)",
                                "iiititi", message->room_id, message->offset, message->author, message->text,
                                message->reply_to, message->key, clock_wall_ms());
    if (status == STATUS_OK)
        *id = db_last_id(db);
    return status;
}

enum status message_update(struct db *db, int64_t id, const char *text)
{
    return db_run(db, "UPDATE message SET text = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1", "iti", id,
                  text, clock_wall_ms());
}

enum status message_delete(struct db *db, int64_t id)
{
    enum status status =
        db_run(db, "UPDATE message SET text = '', deleted = 1, updated_at = ?2, version = version + 1 WHERE id = ?1",
               "ii", id, clock_wall_ms());
    return status == STATUS_OK ? db_run(db, "DELETE FROM reaction WHERE message_id = ?1", "i", id) : status;
}

enum status reaction_insert(struct db *db, int64_t message_id, int64_t user_id, const char *emoji)
{
    enum status status = db_run(db,
                                "INSERT OR IGNORE INTO reaction(message_id, user_id, emoji, created_at) "
                                "VALUES (?1, ?2, ?3, ?4)",
                                "iiti", message_id, user_id, emoji, clock_wall_ms());
    return status == STATUS_OK && db_changes(db) == 0 ? STATUS_CONFLICT : status;
}

enum status reaction_delete(struct db *db, int64_t message_id, int64_t user_id, const char *emoji)
{
    enum status status = db_run(db, "DELETE FROM reaction WHERE message_id = ?1 AND user_id = ?2 AND emoji = ?3", "iit",
                                message_id, user_id, emoji);
    return status == STATUS_OK && db_changes(db) == 0 ? STATUS_NOT_FOUND : status;
}

enum status reaction_count(struct db *db, int64_t message_id, int64_t *count)
{
    return db_get_int(db, count, "SELECT count(*) FROM reaction WHERE message_id = ?1", "i", message_id);
}
