/* chat/message_models.c: SQL of messages and reactions. */
#include "chat/message_models.h"
#include <string.h>
#include "chat/mentions.h"
#include "chat/pin_models.h"
#include "lib/clock.h"

#define PAGE_MESSAGES_MAX 200

/* The columns that message_append() reads. The reactions come with their message in one query: read one by
 * one they would cost a query for each message of a page. Mentions are looked for only where an @ stands. */
#define MESSAGE_SELECT                                                                                                 \
    "SELECT m.id, m.room_id, m.offset, m.author, u.name, m.text, m.reply_to, m.key, m.created_at, "                    \
    "m.updated_at, m.version, m.deleted, (SELECT json_group_array(json_object('emoji', emoji, 'users', "               \
    "json(users))) FROM (SELECT emoji, json_group_array(user_id) AS users FROM reaction WHERE message_id = "           \
    "m.id GROUP BY emoji ORDER BY min(created_at), emoji)), CASE WHEN instr(m.text, '@') THEN (SELECT "                \
    "json_group_array(user_id) FROM mention WHERE message_id = m.id) END FROM message m JOIN user u ON u.id = "        \
    "m.author "

static void message_append(struct rows *rows, struct buffer *json);

enum status message_select(struct db *db, int64_t id, struct message *message)
{
    struct rows *rows = db_query(db, "SELECT room_id, author, deleted, offset FROM message WHERE id = ?1", "i", id);
    struct message found = {.id = id};
    bool is_found = rows_next(rows);
    if (is_found) {
        found.room_id = rows_int(rows, 0);
        found.author = rows_int(rows, 1);
        found.is_deleted = rows_int(rows, 2) != 0;
        found.offset = rows_int(rows, 3);
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

/* Nothing, if it is empty. */
static void append_list(struct rows *rows, int column, const char *name, struct buffer *json)
{
    size_t length = 0;
    const char *list = rows_text(rows, column, &length);
    if (!list || length <= strlen("[]"))
        return;
    buffer_printf(json, ",\"%s\":", name);
    buffer_append(json, list, length);
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
    append_list(rows, 12, "reactions", json);
    append_list(rows, 13, "mentions", json);
    buffer_char(json, '}');
}

/* ---- pages ---- */

/* One side of a page, as it was read. */
struct stretch {
    struct buffer texts;
    size_t starts[PAGE_MESSAGES_MAX], count;
    int64_t first, last; /* offsets, in the order of reading */
    bool has_more;
};

static void stretch_free(struct stretch *stretch)
{
    buffer_free(&stretch->texts);
}

static inline void stretch_free_scoped(struct stretch *stretch)
{
    stretch_free(stretch);
}

void message_page_free(struct message_page *page)
{
    buffer_free(&page->items);
}

/* One message more than asked for tells whether there is a next page. */
static int64_t limit_bounded(int64_t limit)
{
    return limit < PAGE_MESSAGES_MAX ? limit : PAGE_MESSAGES_MAX;
}

static enum status stretch_read(struct rows *rows, int64_t limit, size_t bytes_max, struct stretch *stretch)
{
    while (rows_next(rows)) {
        stretch->has_more = stretch->count == (size_t)limit || stretch->texts.length > bytes_max;
        if (stretch->has_more)
            break;
        stretch->starts[stretch->count++] = stretch->texts.length;
        message_append(rows, &stretch->texts);
        stretch->last = rows_int(rows, 2);
        if (stretch->count == 1)
            stretch->first = stretch->last;
    }
    enum status status = rows_end(rows);
    if (status == STATUS_OK && stretch->texts.has_failed)
        return FAULT("no memory for a page of messages");
    return status;
}

/* Newest first, as it is read. */
static enum status stretch_read_before(struct db *db, int64_t room_id, int64_t before, int64_t limit, size_t bytes_max,
                                       struct stretch *stretch)
{
    limit = limit_bounded(limit);
    return stretch_read(db_query(db,
                                 MESSAGE_SELECT "WHERE m.room_id = ?1 AND m.offset < ?2 ORDER BY m.offset DESC LIMIT "
                                                "?3",
                                 "iii", room_id, before, limit + 1),
                        limit, bytes_max, stretch);
}

static enum status stretch_read_after(struct db *db, int64_t room_id, int64_t after, int64_t limit, size_t bytes_max,
                                      struct stretch *stretch)
{
    limit = limit_bounded(limit);
    return stretch_read(db_query(db, MESSAGE_SELECT "WHERE m.room_id = ?1 AND m.offset > ?2 ORDER BY m.offset LIMIT ?3",
                                 "iii", room_id, after, limit + 1),
                        limit, bytes_max, stretch);
}

static void stretch_append_reversed(const struct stretch *stretch, struct buffer *json)
{
    size_t end = stretch->texts.length;
    for (size_t i = stretch->count; i-- > 0; end = stretch->starts[i]) {
        buffer_append(json, stretch->texts.bytes + stretch->starts[i], end - stretch->starts[i]);
        buffer_text(json, i ? "," : "");
    }
}

static void stretch_append(const struct stretch *stretch, struct buffer *json)
{
    for (size_t i = 0; i < stretch->count; i++) {
        size_t end = i + 1 < stretch->count ? stretch->starts[i + 1] : stretch->texts.length;
        buffer_text(json, i ? "," : "");
        buffer_append(json, stretch->texts.bytes + stretch->starts[i], end - stretch->starts[i]);
    }
}

/* Is there a message with @least <= offset <= @most? */
static enum status is_message_between(struct db *db, int64_t room_id, int64_t least, int64_t most, int64_t *is_there)
{
    return db_get_int(db, is_there,
                      "SELECT EXISTS (SELECT 1 FROM message WHERE room_id = ?1 AND offset BETWEEN ?2 AND ?3)", "iii",
                      room_id, least, most);
}

enum status message_list_before(struct db *db, int64_t room_id, int64_t before, int64_t limit,
                                struct message_page *page)
{
    SCOPED(stretch_free) struct stretch older = {0};
    int64_t is_more = 0;
    enum status status = stretch_read_before(db, room_id, before, limit, page->bytes_max, &older);
    if (status == STATUS_OK)
        status = is_message_between(db, room_id, before, INT64_MAX, &is_more);
    if (status != STATUS_OK)
        return status;
    stretch_append_reversed(&older, &page->items);
    page->older = older.has_more ? older.last : -1;
    page->newer = !is_more ? -1 : older.count ? older.first : 0;
    return STATUS_OK;
}

enum status message_list_after(struct db *db, int64_t room_id, int64_t after, int64_t limit, struct message_page *page)
{
    SCOPED(stretch_free) struct stretch newer = {0};
    int64_t is_more = 0;
    enum status status = stretch_read_after(db, room_id, after, limit, page->bytes_max, &newer);
    if (status == STATUS_OK)
        status = is_message_between(db, room_id, 0, after, &is_more);
    if (status != STATUS_OK)
        return status;
    stretch_append(&newer, &page->items);
    page->older = !is_more ? -1 : newer.count ? newer.first : after + 1;
    page->newer = newer.has_more ? newer.last : -1;
    return STATUS_OK;
}

enum status message_list_around(struct db *db, int64_t room_id, int64_t offset, int64_t limit,
                                struct message_page *page)
{
    SCOPED(stretch_free) struct stretch older = {0};
    SCOPED(stretch_free) struct stretch newer = {0};
    enum status status = stretch_read_before(db, room_id, offset, limit / 2, page->bytes_max / 2, &older);
    if (status == STATUS_OK)
        status = stretch_read_after(db, room_id, offset - 1, limit - limit / 2, page->bytes_max / 2, &newer);
    if (status != STATUS_OK)
        return status;
    stretch_append_reversed(&older, &page->items);
    buffer_text(&page->items, older.count && newer.count ? "," : "");
    stretch_append(&newer, &page->items);
    page->older = !older.has_more ? -1 : older.count ? older.last : offset;
    page->newer = newer.has_more ? newer.last : -1;
    return STATUS_OK;
}

/* ---- search ---- */

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
    if (status == STATUS_OK)
        status = db_run(db, "DELETE FROM reaction WHERE message_id = ?1", "i", id);
    if (status == STATUS_OK)
        status = mentions_delete(db, id);
    return status == STATUS_OK ? pin_delete_message(db, id) : status;
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
