/* accounts/models.h: users, sessions and the record of changes in the data base. Store threads, inside work functions.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/session.h"
#include "lib/buffer.h"
#include "store/store.h"

struct user {
    int64_t id;
    char name[NAME_SIZE];
    char *password_hash; /* owned */
    bool is_superuser, is_disabled;
};
void user_clear(struct user *user);

/* Lower case; how two names are compared. */
void name_fold(const char *name, char folded[NAME_SIZE]);
/* NULL if @name may be a user's name, else why not. */
const char *name_check(const char *name);
/* The same of a name that is new. */
const char *name_check_new(const char *name);
/* Digits only: where an id or a name is asked for, they are the id of somebody else. New people and groups are not
 * called so. */
bool name_is_number(const char *name);
#define NAME_IS_NUMBER "A name of digits only would be taken for an id: add a letter."

/* CONFLICT: the name or the e-mail address is taken. @email may be NULL. */
enum status user_insert(struct db *db, const char *name, const char *email, const char *password_hash,
                        bool is_superuser, int64_t *id);
enum status user_select(struct db *db, const char *name, struct user *user);
enum status user_select_id(struct db *db, int64_t id, struct user *user);
/* Superusers who can sign in, without @except_id. */
enum status superusers_count(struct db *db, int64_t except_id, int64_t *count);

enum status session_insert(struct db *db, struct session *session, const char *peer, const char *agent);
/* All of the user's but @except_id. */
enum status sessions_delete(struct db *db, int64_t user_id, int64_t except_id);

/* ---- the record of changes: accounts/audit.c ---- */

/* One entry more in the record of who changed which permission, in the same transaction as the change. @actor_id 0: the
 * shell, or the server itself. @detail is JSON: what was before, and what is after. */
enum status audit_insert(struct db *db, int64_t actor_id, const char *action, const struct buffer *detail);
/* An account was made (@before is NULL) or changed. */
enum status audit_user(struct db *db, int64_t actor_id, const char *action, const struct user *before,
                       const struct user *after, bool has_new_password);
/* How far the record was checked; begins as all zeros. */
struct audit_check {
    int64_t id, count;             /* the last entry that is right, and how many are */
    char digest[DIGEST_TEXT_SIZE]; /* its digest */
    int64_t broken_id;             /* the first entry that was changed or is gone; 0: none so far */
    bool is_done;
};
/* Go on with at most @most entries. */
enum status audit_verify(struct db *db, struct audit_check *check, int64_t most);
