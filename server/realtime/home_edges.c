/* realtime/home_edges.c: listeners on edges: the home keeps who they are, and answers what their nodes tell and ask of
 * them. Loop thread. */
#include <stdlib.h>
#include <string.h>
#include "realtime/internal.h"

static struct remote *remote_find(const struct channel *channel, const char *client)
{
    return channel->remotes ? text_map_get(channel->remotes, client, strlen(client)) : NULL;
}

size_t remotes_count(const struct channel *channel)
{
    return channel->remotes ? text_map_count(channel->remotes) : 0;
}

struct remote *remote_next(const struct channel *channel, size_t *cursor)
{
    void *value;
    return channel->remotes && text_map_next(channel->remotes, cursor, NULL, NULL, &value) ? value : NULL;
}

bool remote_actor(struct hub *hub, int64_t user_id, int64_t session_id, struct actor *actor)
{
    const struct session *session = session_id ? sessions_find_id(dispatch_sessions(hub->dispatch), session_id) : NULL;
    *actor = (struct actor){0}; /* one that names a user without a session is nobody's */
    if (session)
        session_actor(session, actor);
    return !session_id || (session && session->user_id == user_id);
}

bool remote_rights(struct hub *hub, const struct remote *remote, struct actor *actor)
{
    bool is_alive = remote_actor(hub, remote->user_id, remote->session_id, actor);
    actor->is_person = remote->is_person;
    return is_alive;
}

struct client_info remote_info(const struct remote *remote)
{
    return (struct client_info){
        .user_id = remote->user_id, .client = remote->client, .name = remote->name, .persona = remote->persona};
}

static void listener_free(struct remote *remote)
{
    if (remote)
        free(remote->persona);
    free(remote);
}

void remotes_free(struct channel *channel)
{
    struct remote *remote;
    size_t cursor = 0;
    while ((remote = remote_next(channel, &cursor)))
        listener_free(remote);
    text_map_free(channel->remotes);
    channel->remotes = NULL;
}

static struct remote *listener_new(uint64_t node, const char *client, const struct actor *actor, const char *persona,
                                   bool by_token)
{
    struct remote *remote = calloc(1, sizeof *remote + strlen(actor->name) + 1);
    if (!remote)
        return NULL;
    remote->node = node;
    remote->user_id = actor->user_id;
    remote->session_id = actor->session_id;
    strncpy(remote->client, client, sizeof remote->client - 1);
    strcpy(remote->name, actor->name);
    remote->is_person = actor->is_person;
    remote->by_token = by_token;
    remote->persona = persona ? strdup(persona) : NULL;
    if (persona && !remote->persona) {
        listener_free(remote);
        return NULL;
    }
    return remote;
}

bool remote_add(struct hub *hub, const char *name, uint64_t node, const char *client, const struct actor *actor,
                const char *persona, bool by_token)
{
    if (strlen(client) >= RANDOM_ID_SIZE)
        return false; /* no node of ours makes such a name */
    enum status status;
    struct channel *channel = channel_get(hub, name, strlen(name), &status);
    if (!channel)
        return false;
    struct remote *known = remote_find(channel, client);
    if (known) {
        known->session_id = actor->session_id; /* another, once it was refreshed */
        return true;
    }
    struct remote *remote = listener_new(node, client, actor, persona, by_token);
    if (!channel->remotes)
        channel->remotes = text_map_new();
    if (!remote || !channel->remotes ||
        !text_map_set(channel->remotes, remote->client, strlen(remote->client), remote)) {
        listener_free(remote);
        channel_release(channel);
        return false;
    }
    struct client_info info = remote_info(remote);
    channel_announce(channel, true, &info);
    return true;
}

static void remote_remove(struct channel *channel, struct remote *remote)
{
    text_map_remove(channel->remotes, remote->client, strlen(remote->client));
    struct client_info info = remote_info(remote);
    channel_announce(channel, false, &info);
    listener_free(remote);
}

void hub_node_lost(struct hub *hub, uint64_t node)
{
    size_t cursor = 0;
    void *value;
    while (text_map_next(hub->channels, &cursor, NULL, NULL, &value)) {
        struct channel *channel = value;
        struct remote *remote;
        size_t at = 0;
        while ((remote = remote_next(channel, &at)))
            if (remote->node == node)
                remote_remove(channel, remote);
        channel_release(channel);
    }
    LIST_EACH (&hub->reading, link) {
        struct log_request *log = container_of(link, struct log_request, read_link);
        log->is_gone |= log->request.node == node;
    }
}

void remote_reading(struct log_request *log)
{
    struct hub *hub = log->request.app;
    if (!log->is_reading)
        list_append(&hub->reading, &log->read_link);
    log->is_reading = true;
}

/* ---- what they tell and ask ---- */

void left_start(struct request *request)
{
    const char *name = json_get_text(request->params, "channel");
    struct channel *channel = name ? channel_find(request->app, name, strlen(name)) : NULL;
    struct remote *remote = channel ? remote_find(channel, request->client) : NULL;
    if (remote) {
        remote_remove(channel, remote);
        channel_release(channel);
    }
    struct hub *hub = request->app;
    LIST_EACH (&hub->reading, link) {
        struct log_request *log = container_of(link, struct log_request, read_link);
        const char *of = json_get_text(log->request.params, "channel");
        log->is_gone |= name && strcmp(of, name) == 0 && strcmp(log->request.client, request->client) == 0;
    }
    request_finish(request, STATUS_OK);
}

/* items: [channel, client, user, name, session, EDGE_…, persona if there is one] … : who listens on that node. */
void announce_start(struct request *request)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, json_get(request->params, "items")) {
        const char *name = json_text(cJSON_GetArrayItem(item, 0)), *client = json_text(cJSON_GetArrayItem(item, 1));
        int64_t user_id = 0, session_id = 0, flags = 0;
        struct actor actor;
        bool is_whole = name && client && json_int(cJSON_GetArrayItem(item, 2), &user_id) &&
                        json_int(cJSON_GetArrayItem(item, 4), &session_id);
        if (!is_whole || !remote_actor(request->app, user_id, session_id, &actor))
            continue;
        json_int(cJSON_GetArrayItem(item, 5), &flags);
        actor.is_person = flags & EDGE_IS_PERSON;
        remote_add(request->app, name, request->node, client, &actor, json_text(cJSON_GetArrayItem(item, 6)),
                   flags & EDGE_BY_TOKEN);
    }
    request_finish(request, STATUS_OK);
}

/* items: [user, session, channel, the edge's own number, EDGE_…] … → {"denied":[[index, 1: the session is over · 2: not
 * this channel], …]} */
void check_start(struct request *request)
{
    struct hub *hub = request->app;
    struct buffer *json = request_result(request);
    const char *comma = "";
    int64_t index = 0;
    const cJSON *item;
    buffer_text(json, "{\"denied\":[");
    cJSON_ArrayForEach (item, json_get(request->params, "items")) {
        struct actor actor;
        struct channel_top top;
        const char *name = json_text(cJSON_GetArrayItem(item, 2));
        const struct kind_entry *kind = name ? kind_find(hub, name) : NULL;
        int64_t user_id = 0, session_id = 0, flags = 0;
        json_int(cJSON_GetArrayItem(item, 0), &user_id);
        json_int(cJSON_GetArrayItem(item, 1), &session_id);
        json_int(cJSON_GetArrayItem(item, 4), &flags);
        int what = 0;
        if (!remote_actor(hub, user_id, session_id, &actor))
            what = 1;
        actor.is_person = flags & EDGE_IS_PERSON;
        if (what || (kind && kind->kind->takes_tokens && flags & EDGE_BY_TOKEN))
            ; /* that is all there is to ask */
        else if (!kind ||
                 kind->kind->authorize(kind->app, &actor, name + strlen(kind->kind->prefix), &top) != STATUS_OK)
            what = 2;
        if (what) {
            buffer_printf(json, "%s[%lld,%d]", comma, (long long)index, what);
            comma = ",";
        }
        index++;
    }
    buffer_text(json, "]}");
    request_finish(request, STATUS_OK);
}

/* Which change of rights the edges were told of last. What they ask for after this is answered no older. */
void rights_start(struct request *request)
{
    const struct hub *hub = request->app;
    buffer_printf(request_result(request), "{\"version\":%llu}", (unsigned long long)hub->rights_version);
    request_finish(request, STATUS_OK);
}

/* items: [channel, offset, epoch] … → {"behind":[channel, …]} */
void positions_start(struct request *request)
{
    struct hub *hub = request->app;
    struct buffer *json = request_result(request);
    struct actor shell = {.is_shell = true};
    const char *comma = "";
    const cJSON *item;
    buffer_text(json, "{\"behind\":[");
    cJSON_ArrayForEach (item, json_get(request->params, "items")) {
        const char *name = json_text(cJSON_GetArrayItem(item, 0)), *epoch = json_text(cJSON_GetArrayItem(item, 2));
        const struct kind_entry *kind = name ? kind_find(hub, name) : NULL;
        int64_t offset;
        struct channel_top top = {0};
        if (!kind || !epoch || !json_int(cJSON_GetArrayItem(item, 1), &offset))
            continue;
        if (kind->kind->authorize(kind->app, &shell, name + strlen(kind->kind->prefix), &top) == STATUS_OK &&
            top.offset == (uint64_t)offset && strcmp(top.epoch, epoch) == 0)
            continue;
        buffer_text(json, comma);
        buffer_json(json, name, strlen(name));
        comma = ",";
    }
    buffer_text(json, "]}");
    request_finish(request, STATUS_OK);
}
