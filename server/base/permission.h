/* base/permission.h: who may do what, in memory. Loaded from the store at start and changed after each commit
 * that changes a grant, so it is what was acknowledged, never more. Loop thread. Default is no. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "lib/buffer.h"

/* GRANT: to give and take rights on the model, though never more than one has. */
enum { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_DELETE = 4, RIGHT_GRANT = 8, RIGHT_ALL = 15 };

#define NAME_CHARACTERS_MAX 32
#define NAME_SIZE           (NAME_CHARACTERS_MAX * 4 + 1)

/* Who asks. Plain data: it travels to the store's threads and to other nodes. */
struct actor {
    int64_t user_id;    /* 0: anonymous */
    int64_t session_id; /* 0: none */
    bool is_shell;      /* the machine's administrator, through the administration socket: may do everything */
    bool is_token;      /* the session is an API token's: its scopes limit what may be done, and it is no superuser */
    bool is_person;     /* with user_id 0: not nobody, but somebody of another system, who has no rights on models */
    char name[NAME_SIZE];
};

/* Whom a grant is for. */
enum subject { SUBJECT_EVERYONE, SUBJECT_MEMBERS, SUBJECT_USER, SUBJECT_GROUP };
const char *subject_word(enum subject subject);

struct permissions;
struct sessions;
struct permissions *permissions_new(void);
void permissions_free(struct permissions *permissions);
DEFINE_SCOPED(struct permissions *, permissions_free)

/* Set what @subject (@id: of the user or group, else 0) may do on @model; 0 takes it away. False: no memory. */
bool permissions_set(struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                     unsigned rights);
/* The same until a moment (ms since 1970), from which on it counts as taken away; 0: for good. */
bool permissions_set_until(struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                           unsigned rights, int64_t until_ms);
/* What was set last; 0: nothing. *until_ms may be over by now. */
unsigned permissions_get(const struct permissions *permissions, enum subject subject, int64_t id, const char *model,
                         int64_t *until_ms);
bool permissions_join(struct permissions *permissions, int64_t group_id, int64_t user_id);
void permissions_part(struct permissions *permissions, int64_t group_id, int64_t user_id);
bool permissions_is_in_group(const struct permissions *permissions, int64_t group_id, int64_t user_id);
void permissions_drop_group(struct permissions *permissions, int64_t group_id);
void permissions_drop_user(struct permissions *permissions, int64_t user_id);
bool permissions_set_superuser(struct permissions *permissions, int64_t user_id, bool is_superuser);
bool permissions_is_superuser(const struct permissions *permissions, const struct actor *actor);

/* Where the scopes of API tokens are found; without it (NULL) a token may do nothing. */
void permissions_set_sessions(struct permissions *permissions, const struct sessions *sessions);
/* What @actor's API token leaves of the rights on @model (NULL: of no model, 0); all bits for who uses none. */
unsigned permissions_scope(const struct permissions *permissions, const struct actor *actor, const char *model);
/* The union of what @actor may do on @model. An unknown model: 0 (for a superuser and the shell: all). */
unsigned permissions_of(const struct permissions *permissions, const struct actor *actor, const char *model);
/* The same if @subject had these @rights on @model, and no others: what would be. */
unsigned permissions_of_if(const struct permissions *permissions, const struct actor *actor, const char *model,
                           enum subject subject, int64_t id, unsigned rights);
bool permissions_allow(const struct permissions *permissions, const struct actor *actor, const char *model,
                       unsigned rights);
/* May @actor grant on @model (NULL: on any model at all)? */
bool permissions_may_grant(const struct permissions *permissions, const struct actor *actor, const char *model);
/* Walk over who may give @right on @model: they hold it themselves, and may grant. *cursor begins as 0; 0: that was the
 * last. */
int64_t permissions_giver_next(const struct permissions *permissions, const char *model, unsigned right,
                               size_t *cursor);
bool permissions_may_give(const struct permissions *permissions, int64_t user_id, const char *model, unsigned right);
/* {"message":["read","write"],…}: everything @actor may do. */
void permissions_print(const struct permissions *permissions, const struct actor *actor, struct buffer *json);
/* Is anything at all open to those who are not signed in? */
bool permissions_have_public(const struct permissions *permissions);
/* "read,write" or ["read","write"] words to bits and back. */
unsigned rights_from_word(const char *word);             /* 0: unknown */
const char *right_word(unsigned right);                  /* of one bit */
void rights_print(unsigned rights, struct buffer *json); /* ["read","write"] */
