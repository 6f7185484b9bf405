/* realtime/home_presence.c: who listens to a channel, here and on edges, as anybody who may read it may ask. Loop
 * thread. */
#include <string.h>
#include "realtime/internal.h"

#define PRESENCE_MAX 1000 /* clients listed; a larger answer would be megabytes for everyone who asks */

static enum status presence_authorize(struct request *request, const char **name)
{
    const struct kind_entry *kind;
    struct channel_top top;
    enum status status = home_authorize(request, name, &kind, &top);
    if (status == STATUS_OK && (kind->kind->is_judged || kind->kind->hides_presence))
        return request_refuse(request, STATUS_UNKNOWN_METHOD, "This channel does not tell who listens.");
    return status;
}

void presence_start(struct request *request)
{
    const char *name;
    enum status status = presence_authorize(request, &name);
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    struct channel *channel = channel_find(request->app, name, strlen(name));
    struct buffer *json = request_result(request);
    const char *comma = "";
    if (channel && channel->count + remotes_count(channel) > PRESENCE_MAX) {
        request_refuse(request, STATUS_LIMIT, "Too many people are here to list them all; ask presence_stats.");
        request_finish(request, STATUS_LIMIT);
        return;
    }
    buffer_text(json, "{\"presence\":{");
    for (uint32_t i = 0; channel && i < channel->count; i++) {
        const struct connection *connection = channel->members[i]->connection;
        if (!channel->members[i]->is_live || connection->is_closing)
            continue;
        buffer_printf(json, "%s\"%s\":", comma, connection->client);
        struct client_info info = subscription_info(channel->members[i]);
        codec_client_info(json, &info);
        comma = ",";
    }
    const struct remote *remote;
    size_t cursor = 0;
    while (channel && (remote = remote_next(channel, &cursor))) {
        buffer_printf(json, "%s\"%s\":", comma, remote->client);
        struct client_info info = remote_info(remote);
        codec_client_info(json, &info);
        comma = ",";
    }
    buffer_text(json, "}}");
    request_finish(request, STATUS_OK);
}

static void user_count(struct int_map *users, struct text_map *people, int64_t user_id, const char *persona)
{
    size_t length = user_id ? 0 : persona_user(persona);
    if (length)
        text_map_set(people, persona, length, people);
    else
        int_map_set(users, (uint64_t)user_id, users); /* 0: all who are nobody, together */
}

void presence_stats_start(struct request *request)
{
    const char *name;
    enum status status = presence_authorize(request, &name);
    SCOPED(int_map_free) struct int_map *users = status == STATUS_OK ? int_map_new() : NULL;
    SCOPED(text_map_free) struct text_map *people = status == STATUS_OK ? text_map_new() : NULL;
    if (status == STATUS_OK && (!users || !people))
        status = FAULT("no memory");
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    struct channel *channel = channel_find(request->app, name, strlen(name));
    uint64_t clients = 0;
    for (uint32_t i = 0; channel && i < channel->count; i++) {
        const struct connection *connection = channel->members[i]->connection;
        if (!channel->members[i]->is_live || connection->is_closing)
            continue;
        clients++;
        user_count(users, people, connection->actor.user_id, subscription_info(channel->members[i]).persona);
    }
    const struct remote *remote;
    size_t cursor = 0;
    while (channel && (remote = remote_next(channel, &cursor))) {
        clients++;
        user_count(users, people, remote->user_id, remote->persona);
    }
    buffer_printf(request_result(request), "{\"num_clients\":%llu,\"num_users\":%zu}", (unsigned long long)clients,
                  int_map_count(users) + text_map_count(people));
    request_finish(request, STATUS_OK);
}
