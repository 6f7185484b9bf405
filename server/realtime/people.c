/* realtime/people.c: whose connections are open here: of users by their ids, of people of other systems by what their
 * tokens call them. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "realtime/internal.h"

static struct user *user_find(const struct hub *hub, int64_t user_id, const char *key, size_t length);
static struct user *user_new(struct hub *hub, int64_t user_id, const char *key, size_t length);

size_t persona_user(const char *persona)
{
    size_t start = strlen("\"user\":\""), length = start;
    if (!persona || persona[length] == '"')
        return 0;
    while (persona[length] && persona[length] != '"')
        length += persona[length] == '\\' ? 2 : 1;
    return length;
}

bool user_id_read(const char *text, int64_t *user_id)
{
    size_t length = strlen(text);
    if (!length || length > 15 || text[0] == '0' || strspn(text, "0123456789") != length)
        return false;
    *user_id = strtoll(text, NULL, 10);
    return true;
}

struct hub_who hub_who_named(const char *text)
{
    struct hub_who who = {0};
    if (!user_id_read(text, &who.user_id))
        who.person = text;
    return who;
}

bool connection_identify(struct connection *connection)
{
    struct hub *hub = connection->hub;
    int64_t user_id = connection->actor.user_id;
    size_t length = persona_user(connection->persona);
    if (!user_id && !length)
        return true;
    struct user *user = user_find(hub, user_id, connection->persona, length);
    if (!user && !(user = user_new(hub, user_id, connection->persona, length)))
        return false;
    connection->user = user;
    list_append(&user->connections, &connection->user_link);
    user->count++;
    return true;
}

void connection_unidentify(struct connection *connection)
{
    struct user *user = connection->user;
    struct hub *hub = connection->hub;
    connection->user = NULL;
    list_remove(&connection->user_link);
    if (!user || --user->count)
        return;
    if (user->id)
        int_map_remove(hub->users, (uint64_t)user->id);
    else
        text_map_remove(hub->people, user->key, user->key_length);
    free(user);
}

static struct user *user_find(const struct hub *hub, int64_t user_id, const char *key, size_t length)
{
    return user_id ? int_map_get(hub->users, (uint64_t)user_id) : text_map_get(hub->people, key, length);
}

static struct user *user_new(struct hub *hub, int64_t user_id, const char *key, size_t length)
{
    size_t kept = user_id ? 0 : length;
    struct user *user = calloc(1, sizeof *user + kept);
    if (!user)
        return NULL;
    list_init(&user->connections);
    user->id = user_id;
    user->key_length = kept;
    if (kept)
        memcpy(user->key, key, kept);
    if (user_id ? int_map_set(hub->users, (uint64_t)user_id, user) : text_map_set(hub->people, user->key, kept, user))
        return user;
    free(user);
    return NULL;
}

struct user *hub_user(const struct hub *hub, const struct hub_who *who)
{
    if (!who->person || who->user_id)
        return user_find(hub, who->user_id, "", 0);
    SCOPED(buffer_free) struct buffer key = {0};
    buffer_json_member(&key, "user", who->person);
    return key.has_failed ? NULL : user_find(hub, 0, key.bytes, key.length - 1);
}

struct list *hub_user_connections(struct hub *hub, int64_t user_id)
{
    struct user *user = int_map_get(hub->users, (uint64_t)user_id);
    return user ? &user->connections : NULL;
}

uint32_t hub_same_count(const struct connection *connection)
{
    size_t length = persona_user(connection->persona);
    int64_t user_id = connection->actor.user_id;
    const struct user *user =
        user_id || length ? user_find(connection->hub, user_id, connection->persona, length) : NULL;
    return user ? user->count : 0;
}
