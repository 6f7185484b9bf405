/* base/session.c: live sessions by digest, by id and by user. */
#include "base/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/scopes.h"
#include "lib/hash.h"
#include "lib/list.h"

struct entry {
    struct session session;
    struct list link; /* of the user's sessions */
};
struct sessions {
    int64_t idle_ms;
    uint64_t ended;
    struct text_map *by_digest;
    struct int_map *by_id;
    struct int_map *by_user; /* user id → list head */
};

static struct session *session_use(struct sessions *sessions, struct session *session, int64_t now_wall_ms);
static void entry_remove(struct sessions *sessions, struct entry *entry);
static void entry_free(struct entry *entry);

struct sessions *sessions_new(int64_t idle_ms)
{
    SCOPED(sessions_free) struct sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions)
        return NULL;
    sessions->idle_ms = idle_ms;
    sessions->by_digest = text_map_new();
    sessions->by_id = int_map_new();
    sessions->by_user = int_map_new();
    if (!sessions->by_digest || !sessions->by_id || !sessions->by_user)
        return NULL;
    return TAKE(sessions);
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    void *value;
    size_t cursor = 0;
    while (sessions->by_id && int_map_next(sessions->by_id, &cursor, NULL, &value))
        entry_free(value);
    cursor = 0;
    while (sessions->by_user && int_map_next(sessions->by_user, &cursor, NULL, &value))
        free(value);
    text_map_free(sessions->by_digest);
    int_map_free(sessions->by_id);
    int_map_free(sessions->by_user);
    free(sessions);
}

bool sessions_add(struct sessions *sessions, const struct session *session)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return false;
    entry->session = *session;
    list_init(&entry->link);
    entry->session.name = strdup(session->name);
    entry->session.scopes = session->scopes ? scopes_copy(session->scopes) : NULL;
    bool is_copied = entry->session.name && (!session->scopes || entry->session.scopes);
    struct list *head = int_map_get(sessions->by_user, (uint64_t)session->user_id);
    if (!head && (head = malloc(sizeof *head))) {
        list_init(head);
        if (!int_map_set(sessions->by_user, (uint64_t)session->user_id, head)) {
            free(head);
            head = NULL;
        }
    }
    if (!head || !is_copied ||
        !text_map_set(sessions->by_digest, entry->session.digest, strlen(entry->session.digest), entry) ||
        !int_map_set(sessions->by_id, (uint64_t)session->id, entry)) {
        text_map_remove(sessions->by_digest, entry->session.digest, strlen(entry->session.digest));
        entry_free(entry);
        return false;
    }
    list_append(head, &entry->link);
    return true;
}

struct session *sessions_find(struct sessions *sessions, const char *digest, int64_t now_wall_ms)
{
    struct entry *entry = text_map_get(sessions->by_digest, digest, strlen(digest));
    return entry ? session_use(sessions, &entry->session, now_wall_ms) : NULL;
}

struct session *sessions_use(struct sessions *sessions, int64_t id, int64_t now_wall_ms)
{
    struct session *session = sessions_find_id(sessions, id);
    return session ? session_use(sessions, session, now_wall_ms) : NULL;
}

bool sessions_is_over(const struct sessions *sessions, const struct session *session, int64_t now_wall_ms)
{
    /* A token that is needed once a month is no less good for that. */
    bool is_idle = !session->scopes && now_wall_ms - session->used_ms >= sessions->idle_ms;
    return now_wall_ms >= session->expires_ms || is_idle;
}

static struct session *session_use(struct sessions *sessions, struct session *session, int64_t now_wall_ms)
{
    if (sessions_is_over(sessions, session, now_wall_ms))
        return NULL;
    if (now_wall_ms > session->used_ms)
        session->used_ms = now_wall_ms;
    return session;
}

struct session *sessions_find_id(struct sessions *sessions, int64_t id)
{
    struct entry *entry = int_map_get(sessions->by_id, (uint64_t)id);
    return entry ? &entry->session : NULL;
}

const struct session *sessions_get(const struct sessions *sessions, int64_t id)
{
    const struct entry *entry = int_map_get(sessions->by_id, (uint64_t)id);
    return entry ? &entry->session : NULL;
}

static void entry_remove(struct sessions *sessions, struct entry *entry)
{
    struct session *session = &entry->session;
    text_map_remove(sessions->by_digest, session->digest, strlen(session->digest));
    int_map_remove(sessions->by_id, (uint64_t)session->id);
    list_remove(&entry->link);
    struct list *head = int_map_get(sessions->by_user, (uint64_t)session->user_id);
    if (head && list_is_empty(head))
        free(int_map_remove(sessions->by_user, (uint64_t)session->user_id));
    entry_free(entry);
}

static void entry_free(struct entry *entry)
{
    free(entry->session.name);
    scopes_free(entry->session.scopes);
    free(entry);
}

struct session *sessions_lend(struct sessions *sessions, int64_t user_id, const char *name, int64_t until_ms,
                              int64_t now_wall_ms)
{
    struct session *session = sessions_find_id(sessions, SESSION_LENT + user_id);
    if (!session) {
        struct session lent = {.id = SESSION_LENT + user_id,
                               .user_id = user_id,
                               .created_ms = now_wall_ms,
                               .used_ms = now_wall_ms,
                               .stored_ms = now_wall_ms,
                               .name = (char *)(uintptr_t)name};
        /* No digest is like this: nobody can show a token for it. */
        snprintf(lent.digest, sizeof lent.digest, "lent %lld", (long long)user_id);
        session = sessions_add(sessions, &lent) ? sessions_find_id(sessions, lent.id) : NULL;
    }
    if (session && session->expires_ms < until_ms)
        session->expires_ms = until_ms;
    if (session && session->used_ms < now_wall_ms)
        session->used_ms = now_wall_ms;
    return session;
}

uint64_t sessions_ended(const struct sessions *sessions)
{
    return sessions->ended;
}

bool sessions_remove(struct sessions *sessions, int64_t id)
{
    struct entry *entry = int_map_get(sessions->by_id, (uint64_t)id);
    sessions->ended++;
    if (entry)
        entry_remove(sessions, entry);
    return entry != NULL;
}

void sessions_remove_user(struct sessions *sessions, int64_t user_id, int64_t except_id)
{
    struct list *head = int_map_get(sessions->by_user, (uint64_t)user_id);
    /* The head goes with the last entry, so the walk ends on a count taken before. */
    size_t left = 0;
    sessions->ended++;
    if (head)
        LIST_EACH (head, node)
            left++;
    struct list *node = head ? head->next : NULL;
    while (left--) {
        struct list *next = node->next;
        struct entry *entry = container_of(node, struct entry, link);
        if (entry->session.id != except_id)
            entry_remove(sessions, entry);
        node = next;
    }
}

const char *sessions_name(const struct sessions *sessions, int64_t user_id)
{
    const struct list *head = int_map_get(sessions->by_user, (uint64_t)user_id);
    return head && !list_is_empty(head) ? container_of(head->next, struct entry, link)->session.name : NULL;
}

size_t sessions_count(const struct sessions *sessions)
{
    return int_map_count(sessions->by_id);
}

struct session *sessions_next(const struct sessions *sessions, size_t *cursor)
{
    void *value;
    return int_map_next(sessions->by_id, cursor, NULL, &value) ? &((struct entry *)value)->session : NULL;
}

void session_actor(const struct session *session, struct actor *actor)
{
    memset(actor, 0, sizeof *actor);
    actor->user_id = session->user_id;
    actor->session_id = session->id;
    actor->is_token = session->scopes != NULL;
    size_t length = strlen(session->name);
    memcpy(actor->name, session->name, length < NAME_SIZE ? length : NAME_SIZE - 1);
}
