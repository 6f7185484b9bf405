/* chat/member_models.c: SQL of members. */
#include "chat/member_models.h"
#include <stdio.h>
#include "lib/clock.h"

/* As in room_models.c: unread messages are counted among this many of the newest. */
#define UNREAD_WINDOW "1000"

#define MEMBER_SELECT "SELECT m.user_id, u.name, m.role, m.joined_at FROM member m JOIN user u ON u.id = m.user_id "

static void member_append(struct rows *rows, struct buffer *json);

enum status member_print(struct db *db, int64_t room_id, int64_t user_id, struct buffer *json)
{
    struct rows *rows = db_query(db, MEMBER_SELECT "WHERE m.room_id = ?1 AND m.user_id = ?2", "ii", room_id, user_id);
    bool is_found = rows_next(rows);
    if (is_found)
        member_append(rows, json);
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_found ? STATUS_NOT_FOUND : status;
}

enum status member_list(struct db *db, int64_t room_id, const char *beginning, int64_t after, int64_t limit,
                        struct buffer *json, int64_t *next)
{
    int64_t count = 0, last = 0;
    bool has_more = false;
    struct rows *rows =
        db_query(db,
                 MEMBER_SELECT "WHERE m.room_id = ?1 AND m.user_id > ?2 AND (?4 IS NULL OR "
                               "substr(u.name_folded, 1, length(?4)) = lower(?4)) ORDER BY m.user_id LIMIT ?3",
                 "iiit", room_id, after, limit + 1, beginning);
    while (rows_next(rows)) {
        has_more = count == limit;
        if (has_more)
            break;
        buffer_text(json, count++ ? "," : "");
        member_append(rows, json);
        last = rows_int(rows, 0);
    }
    enum status status = rows_end(rows);
    if (status == STATUS_OK)
        *next = has_more ? last : 0;
    return status;
}

static void member_append(struct rows *rows, struct buffer *json)
{
    char joined_at[CLOCK_TEXT_SIZE];
    buffer_printf(json, "{\"user\":%lld,", (long long)rows_int(rows, 0));
    buffer_json_member(json, "name", rows_text(rows, 1, NULL));
    buffer_char(json, ',');
    buffer_json_member(json, "role", rows_text(rows, 2, NULL));
    buffer_char(json, ',');
    buffer_json_member(json, "joined_at", clock_text(rows_int(rows, 3), joined_at));
    buffer_char(json, '}');
}

enum status member_select_role(struct db *db, int64_t room_id, int64_t user_id, enum role *role)
{
    struct rows *rows =
        db_query(db, "SELECT role FROM member WHERE room_id = ?1 AND user_id = ?2", "ii", room_id, user_id);
    enum role found = rows_next(rows) ? role_from_word(rows_text(rows, 0, NULL)) : ROLE_NONE;
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    if (found == ROLE_NONE)
        return STATUS_NOT_FOUND;
    *role = found;
    return STATUS_OK;
}

enum status member_count(struct db *db, int64_t room_id, int64_t most, int64_t *count)
{
    return db_get_int(db, count, "SELECT count(*) FROM (SELECT 1 FROM member WHERE room_id = ?1 LIMIT ?2)", "ii",
                      room_id, most);
}

enum status member_may_lose_owner(struct db *db, int64_t room_id, int64_t user_id)
{
    int64_t is_needed;
    enum status status = db_get_int(db, &is_needed,
                                    "SELECT EXISTS (SELECT 1 FROM member WHERE room_id = ?1 AND user_id = ?2 "
                                    "AND role = 'owner') "
                                    "AND EXISTS (SELECT 1 FROM member WHERE room_id = ?1 AND user_id <> ?2) "
                                    "AND NOT EXISTS (SELECT 1 FROM member WHERE room_id = ?1 AND user_id <> ?2 "
                                    "AND role = 'owner')",
                                    "ii", room_id, user_id);
    return status == STATUS_OK && is_needed ? STATUS_CONFLICT : status;
}

enum status member_insert(struct db *db, int64_t room_id, int64_t user_id, enum role role)
{
    return db_run(db,
                  "INSERT INTO member(room_id, user_id, role, read_offset, joined_at) "
                  "SELECT id, ?2, ?3, top, ?4 FROM room WHERE id = ?1",
                  "iiti", room_id, user_id, role_word(role), clock_wall_ms());
}

enum status member_update(struct db *db, int64_t room_id, int64_t user_id, enum role role)
{
    return db_run(db, "UPDATE member SET role = ?3 WHERE room_id = ?1 AND user_id = ?2", "iit", room_id, user_id,
                  role_word(role));
}

enum status member_update_notify(struct db *db, int64_t room_id, int64_t user_id, const char *notify)
{
    enum status status =
        db_run(db, "UPDATE member SET notify = ?3 WHERE room_id = ?1 AND user_id = ?2 AND notify <> ?3", "iit", room_id,
               user_id, notify);
    return status == STATUS_OK && db_changes(db) == 0 ? STATUS_CONFLICT : status;
}

enum status member_delete(struct db *db, int64_t room_id, int64_t user_id)
{
    return db_run(db, "DELETE FROM member WHERE room_id = ?1 AND user_id = ?2", "ii", room_id, user_id);
}

enum status member_read(struct db *db, int64_t room_id, int64_t user_id, int64_t offset, int64_t *read_offset)
{
    return db_get_int(db, read_offset,
                      "UPDATE member SET read_offset = max(read_offset, "
                      "min(?3, (SELECT top FROM room WHERE id = ?1))) "
                      "WHERE room_id = ?1 AND user_id = ?2 RETURNING read_offset",
                      "iii", room_id, user_id, offset);
}

enum status member_unread_from(struct db *db, int64_t room_id, int64_t user_id, int64_t offset, int64_t *read_offset)
{
    return db_get_int(db, read_offset,
                      "UPDATE member SET read_offset = min(read_offset, ?3) WHERE room_id = ?1 AND user_id = ?2 "
                      "RETURNING read_offset",
                      "iii", room_id, user_id, offset);
}

enum status member_unread(struct db *db, int64_t room_id, int64_t user_id, int64_t *unread)
{
    return db_get_int(db, unread,
                      "SELECT count(*) FROM (SELECT author, deleted FROM message WHERE room_id = ?1 AND offset > "
                      "(SELECT read_offset FROM member WHERE room_id = ?1 AND user_id = ?2) "
                      "ORDER BY offset DESC LIMIT " UNREAD_WINDOW ") WHERE author <> ?2 AND deleted = 0",
                      "ii", room_id, user_id);
}

enum status member_count_owned(struct db *db, int64_t user_id, int64_t *count)
{
    return db_get_int(db, count, "SELECT count(*) FROM member WHERE user_id = ?1 AND role = 'owner'", "i", user_id);
}

enum status person_select(struct db *db, int64_t user_id, struct person *person)
{
    struct rows *rows = db_query(db, "SELECT name, disabled FROM user WHERE id = ?1", "i", user_id);
    bool is_found = rows_next(rows);
    if (is_found) {
        snprintf(person->name, sizeof person->name, "%s", rows_text(rows, 0, NULL));
        person->is_disabled = rows_int(rows, 1) != 0;
    }
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_found ? STATUS_NOT_FOUND : status;
}

enum status person_is_superuser(struct db *db, int64_t user_id, int64_t *is_superuser)
{
    *is_superuser = 0;
    enum status status =
        db_get_int(db, is_superuser, "SELECT superuser FROM user WHERE id = ?1 AND disabled = 0", "i", user_id);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
