/* chat/member_models.h: members in the data base, and as JSON. Store threads. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/permission.h"
#include "base/status.h"
#include "chat/role.h"
#include "lib/buffer.h"
#include "store/store.h"

/* Append {"user":2,"name":"bob","role":"owner","joined_at":"…"}. */
enum status member_print(struct db *db, int64_t room_id, int64_t user_id, struct buffer *json);
/* Append members with a user id above @after, separated by commas; with a @beginning only those whose names begin so
 * (NULL: all). *next is the last one's id, 0: that was all. */
enum status member_list(struct db *db, int64_t room_id, const char *beginning, int64_t after, int64_t limit,
                        struct buffer *json, int64_t *next);
/* NOT_FOUND: not in the room. */
enum status member_select_role(struct db *db, int64_t room_id, int64_t user_id, enum role *role);
/* Counts up to @most. */
enum status member_count(struct db *db, int64_t room_id, int64_t most, int64_t *count);
/* Is somebody else in the room, but no other owner? Then @user_id must stay owner. OK, CONFLICT or a fault.
 */
enum status member_may_lose_owner(struct db *db, int64_t room_id, int64_t user_id);
/* CONFLICT: in the room already. A new member has read all that was said before. */
enum status member_insert(struct db *db, int64_t room_id, int64_t user_id, enum role role);
enum status member_update(struct db *db, int64_t room_id, int64_t user_id, enum role role);
/* CONFLICT: it is so already. */
enum status member_update_notify(struct db *db, int64_t room_id, int64_t user_id, const char *notify);
enum status member_delete(struct db *db, int64_t room_id, int64_t user_id);
/* Move the read mark forward to @offset, never back; @read_offset is where it stands then. */
enum status member_read(struct db *db, int64_t room_id, int64_t user_id, int64_t offset, int64_t *read_offset);
/* Move it back to @offset, never forward. */
enum status member_unread_from(struct db *db, int64_t room_id, int64_t user_id, int64_t offset, int64_t *read_offset);
enum status member_unread(struct db *db, int64_t room_id, int64_t user_id, int64_t *unread);
/* How many rooms @user_id owns. */
enum status member_count_owned(struct db *db, int64_t user_id, int64_t *count);

struct person {
    char name[NAME_SIZE];
    bool is_disabled;
};
/* NOT_FOUND: no such user. */
enum status person_select(struct db *db, int64_t user_id, struct person *person);
/* 1 or 0, as the data base has it now. */
enum status person_is_superuser(struct db *db, int64_t user_id, int64_t *is_superuser);
