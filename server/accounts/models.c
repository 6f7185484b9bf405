/* accounts/models.c: SQL of users and sessions. */
#include "accounts/models.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

void user_clear(struct user *user)
{
    free(user->password_hash);
    *user = (struct user){0};
}

void name_fold(const char *name, char folded[NAME_SIZE])
{
    size_t i = 0;
    for (; name[i] && i < NAME_SIZE - 1; i++)
        folded[i] = (char)tolower((unsigned char)name[i]);
    folded[i] = '\0';
}

const char *name_check(const char *name)
{
    size_t length = strlen(name);
    if (length < 2 || length > NAME_CHARACTERS_MAX)
        return "A name has 2 to 32 characters.";
    /* ASCII only: no two names can look alike, and none can turn the direction of a line. */
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("._-", name[i])))
            return "A name has letters a-z, digits, and inside also dots, hyphens and underscores.";
    return NULL;
}

const char *name_check_new(const char *name)
{
    const char *why = name_check(name);
    return why ? why : name_is_number(name) ? NAME_IS_NUMBER : NULL;
}

bool name_is_number(const char *name)
{
    return name[0] && strspn(name, "0123456789") == strlen(name);
}

enum status user_insert(struct db *db, const char *name, const char *email, const char *password_hash,
                        bool is_superuser, int64_t *id)
{
    char folded[NAME_SIZE];
    int64_t now_ms = clock_wall_ms();
    name_fold(name, folded);
    enum status status =
        db_run(db,
               "INSERT INTO user(name, name_folded, email, password_hash, superuser, created_at, updated_at) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
               "ttttii", name, folded, email, password_hash, (int64_t)is_superuser, now_ms);
    if (status == STATUS_OK)
        *id = db_last_id(db);
    return status;
}

static enum status user_read(struct rows *rows, struct user *user)
{
    *user = (struct user){0};
    if (!rows || !rows_next(rows)) {
        enum status status = rows ? rows_end(rows) : STATUS_FAULT;
        return status == STATUS_OK ? STATUS_NOT_FOUND : status;
    }
    user->id = rows_int(rows, 0);
    strncpy(user->name, rows_text(rows, 1, NULL), NAME_SIZE - 1);
    user->password_hash = strdup(rows_text(rows, 2, NULL));
    user->is_superuser = rows_int(rows, 3) != 0;
    user->is_disabled = rows_int(rows, 4) != 0;
    enum status status = rows_end(rows);
    if (status == STATUS_OK && user->password_hash)
        return STATUS_OK;
    user_clear(user);
    if (status == STATUS_OK)
        return FAULT("no memory");
    return status;
}

#define USER_COLUMNS "SELECT id, name, password_hash, superuser, disabled FROM user "

enum status user_select(struct db *db, const char *name, struct user *user)
{
    char folded[NAME_SIZE];
    name_fold(name, folded);
    return user_read(db_query(db, USER_COLUMNS "WHERE name_folded = ?1", "t", folded), user);
}

enum status user_select_id(struct db *db, int64_t id, struct user *user)
{
    return user_read(db_query(db, USER_COLUMNS "WHERE id = ?1", "i", id), user);
}

enum status superusers_count(struct db *db, int64_t except_id, int64_t *count)
{
    return db_get_int(
        db, count,
        "SELECT count(*) FROM user WHERE superuser = 1 AND disabled = 0 AND password_hash <> '' AND id <> ?1", "i",
        except_id);
}

enum status session_insert(struct db *db, struct session *session, const char *peer, const char *agent)
{
    enum status status =
        db_run(db,
               "INSERT INTO session(user_id, token_digest, created_at, used_at, expires_at, peer, agent) "
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
               "itiiitt", session->user_id, session->digest, session->created_ms, session->used_ms, session->expires_ms,
               peer, agent);
    if (status == STATUS_OK)
        session->id = db_last_id(db);
    return status;
}

enum status sessions_delete(struct db *db, int64_t user_id, int64_t except_id)
{
    return db_run(db, "DELETE FROM session WHERE user_id = ?1 AND id <> ?2", "ii", user_id, except_id);
}
