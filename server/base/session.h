/* base/session.h: the sessions that are alive, in memory: who a token belongs to. Loaded from the store at start,
 * changed after each commit that makes or ends one. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/permission.h"
#include "lib/random.h"

struct session {
    int64_t id, user_id;
    int64_t created_ms, expires_ms, used_ms; /* wall clock */
    int64_t stored_ms;                       /* used_ms as the data base knows it */
    char digest[DIGEST_TEXT_SIZE];           /* of the token, as stored */
    char *name;                              /* the user's, owned */
    struct scopes *scopes;                   /* an API token's, owned; NULL: somebody has signed in */
};

/* A session that is not in the data base: lent to user N (its id is SESSION_LENT + N) by connection tokens, until the
 * last of them is over. */
#define SESSION_LENT (INT64_C(1) << 52)
/* Why a connection is closed, with 3011, when it ends by itself: the token may still be good. */
#define SESSION_LENT_OVER "show your token again"

struct scopes;
struct sessions;
struct sessions *sessions_new(int64_t idle_ms);
void sessions_free(struct sessions *sessions);
DEFINE_SCOPED(struct sessions *, sessions_free)

/* Copies; false: no memory. */
bool sessions_add(struct sessions *sessions, const struct session *session);
/* By the token's digest: NULL if there is none or it has expired (idle or absolute). Marks it used. */
struct session *sessions_find(struct sessions *sessions, const char *digest, int64_t now_wall_ms);
/* By its id, whether it has expired or not. */
const struct session *sessions_get(const struct sessions *sessions, int64_t id);
struct session *sessions_find_id(struct sessions *sessions, int64_t id);
/* As sessions_find(), for who has shown the token before (an open socket). */
struct session *sessions_use(struct sessions *sessions, int64_t id, int64_t now_wall_ms);
bool sessions_is_over(const struct sessions *sessions, const struct session *session, int64_t now_wall_ms);
bool sessions_remove(struct sessions *sessions, int64_t id);
/* End all of a user's sessions but @except_id (0: all). */
void sessions_remove_user(struct sessions *sessions, int64_t user_id, int64_t except_id);
/* Changes whenever one is ended: what was read of the data base before that may be old. */
uint64_t sessions_ended(const struct sessions *sessions);
/* Lend @user_id a session, or the one that he has for longer. NULL: no memory. */
struct session *sessions_lend(struct sessions *sessions, int64_t user_id, const char *name, int64_t until_ms,
                              int64_t now_wall_ms);
/* What the user of a session is called; NULL: no session of @user_id is known. */
const char *sessions_name(const struct sessions *sessions, int64_t user_id);
size_t sessions_count(const struct sessions *sessions);
/* Walk, as int_map_next. */
struct session *sessions_next(const struct sessions *sessions, size_t *cursor);
void session_actor(const struct session *session, struct actor *actor);
/* The session's CSRF token, derived from its token. */
static inline char *session_csrf(const char *token, char csrf[RANDOM_TOKEN_SIZE])
{
    return digest_derive(token, "csrf", csrf);
}
