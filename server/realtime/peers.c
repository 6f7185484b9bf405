/* realtime/peers.c: this node's connections as administrators see them. Looked for by a walk over all: it is seldom
 * asked, and an order of their own would cost every connection. */
#include <string.h>
#include "realtime/internal.h"

static size_t newest_find(const struct hub *hub, int64_t user_id, uint64_t before, size_t most, uint64_t *ids);
static void peer_fill(const struct connection *connection, struct hub_peer *peer);
static struct connection *client_find(const struct hub *hub, const char *client);

size_t hub_peers(const struct hub *hub, int64_t user_id, uint64_t before, size_t most, struct hub_peer *peers,
                 uint64_t *last)
{
    uint64_t ids[HUB_PEERS_MAX + 1];
    if (most > HUB_PEERS_MAX)
        most = HUB_PEERS_MAX;
    /* One more than asked for tells whether there is another page. */
    size_t found = newest_find(hub, user_id, before ? before : UINT64_MAX, most + 1, ids);
    size_t count = found < most ? found : most;
    for (size_t i = 0; i < count; i++)
        peer_fill(int_map_get(hub->connections, ids[i]), &peers[i]);
    *last = found > count && count ? ids[count - 1] : 0;
    return count;
}

/* The @most highest numbers below @before, falling. */
static size_t newest_find(const struct hub *hub, int64_t user_id, uint64_t before, size_t most, uint64_t *ids)
{
    size_t cursor = 0, count = 0;
    uint64_t id;
    void *value;
    while (int_map_next(hub->connections, &cursor, &id, &value)) {
        const struct connection *connection = value;
        bool is_full = count == most;
        bool is_meant = !connection->is_closing && (!user_id || connection->actor.user_id == user_id);
        if (!is_meant || id >= before || (is_full && id < ids[count - 1]))
            continue;
        size_t at = is_full ? count - 1 : count++;
        for (; at > 0 && ids[at - 1] < id; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
    }
    return count;
}

static void peer_fill(const struct connection *connection, struct hub_peer *peer)
{
    *peer = (struct hub_peer){.client = connection->client,
                              .user_id = connection->actor.user_id,
                              .name = connection->actor.name,
                              .peer = connection->peer,
                              .agent = connection->agent ? connection->agent : "",
                              .transport = !connection->emulation                         ? "websocket"
                                           : connection->emulation->kind == STREAM_EVENTS ? "sse"
                                                                                          : "http_stream",
                              .opened_ms = connection->opened_ms,
                              .subscriptions = connection->subscriptions_count,
                              .queued_bytes = connection->outbox.bytes};
    LIST_EACH (&connection->subscriptions, node)
        peer->queued_bytes += fanout_backlog(container_of(node, struct subscription, link));
}

static struct connection *client_find(const struct hub *hub, const char *client)
{
    size_t cursor = 0;
    void *value;
    while (int_map_next(hub->connections, &cursor, NULL, &value)) {
        struct connection *connection = value;
        if (!connection->is_closing && strcmp(connection->client, client) == 0)
            return connection;
    }
    return NULL;
}

bool hub_peer_find(const struct hub *hub, const char *client, struct hub_peer *peer)
{
    const struct connection *connection = client_find(hub, client);
    if (connection)
        peer_fill(connection, peer);
    return connection != NULL;
}

bool hub_peer_close(struct hub *hub, const char *client, uint16_t code, const char *reason)
{
    struct connection *connection = client_find(hub, client);
    if (connection)
        connection_close(connection, code, reason);
    return connection != NULL;
}
