/* operate_connections.c: who is connected to this node, for administrators, who may close a connection. Its client
 * does not come back by itself; its session goes on: that is ended with the session. */
#include <stdlib.h>
#include <string.h>
#include "accounts/models.h"
#include "base/node_name.h"
#include "lib/clock.h"
#include "operate.h"

#define PAGE_MAX HUB_PEERS_MAX

static void list_start(struct request *request);
static void delete_start(struct request *request);
static enum status delete_work(struct request *request, struct db *db);
static void delete_done(struct request *request);

struct connection_delete {
    struct request request;
    int64_t user_id;
    char name[NAME_SIZE], client[RANDOM_ID_SIZE];
};

static const struct route connection_routes[] = {
    {"connection.list", HTTP_M_GET, "connection", ROUTE_SUPERUSER, NULL, 0, list_start, 0, NULL},
    {"connection.delete", HTTP_M_DELETE, "connection/:id*", ROUTE_SUPERUSER, NULL, 0, delete_start,
     sizeof(struct connection_delete), NULL},
};

void operate_connections_add(struct dispatch *dispatch, struct hub *hub)
{
    dispatch_add(dispatch, connection_routes, ARRAY_LENGTH(connection_routes), hub);
}

/* ---- list ---- */

/* `next` of the page before: a number, as text because it is nobody's to reckon with. */
static bool cursor_read(struct request *request, uint64_t *cursor)
{
    const char *text = NULL;
    if (!param_text(request, "cursor", PARAM_OPTIONAL, 1, 20, &text))
        return false;
    if (!text)
        return true;
    char *end = NULL;
    *cursor = strtoull(text, &end, 10);
    bool is_fine = text[0] >= '1' && text[0] <= '9' && !*end && *cursor != UINT64_MAX;
    return is_fine || request_invalid(request, "/cursor", "This is not `next` of a page.") == STATUS_OK;
}

static void peer_print(const struct hub_peer *peer, struct buffer *json)
{
    char at[CLOCK_TEXT_SIZE];
    buffer_char(json, '{');
    buffer_json_member(json, "id", peer->client);
    if (peer->user_id) {
        buffer_printf(json, ",\"user\":%lld,", (long long)peer->user_id);
        buffer_json_member(json, "name", peer->name);
    } else {
        buffer_text(json, ",\"user\":null,\"name\":null");
    }
    buffer_char(json, ',');
    buffer_json_member(json, "peer", peer->peer);
    buffer_char(json, ',');
    buffer_json_member(json, "agent", peer->agent);
    buffer_char(json, ',');
    buffer_json_member(json, "transport", peer->transport);
    buffer_char(json, ',');
    buffer_json_member(json, "connected_at", clock_text(peer->opened_ms, at));
    buffer_printf(json, ",\"subscriptions\":%zu,\"queued_bytes\":%llu}", peer->subscriptions,
                  (unsigned long long)peer->queued_bytes);
}

static void list_start(struct request *request)
{
    static const char *const names[] = {"limit", "cursor", "user", NULL};
    struct hub_peer peers[PAGE_MAX];
    int64_t limit = 50, user_id = 0;
    uint64_t cursor = 0, last = 0;
    bool is_fine = params_only(request, names);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, PAGE_MAX, &limit);
    is_fine &= param_int(request, "user", PARAM_OPTIONAL, 1, INT64_MAX, &user_id);
    is_fine &= cursor_read(request, &cursor);
    if (!is_fine) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    struct buffer *json = request_result(request);
    size_t count = hub_peers(request->app, user_id, cursor, (size_t)limit, peers, &last);
    buffer_text(json, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_char(json, ',');
        peer_print(&peers[i], json);
    }
    buffer_text(json, "],");
    buffer_json_member(json, "node", node_name());
    if (last)
        buffer_printf(json, ",\"next\":\"%llu\"}", (unsigned long long)last);
    else
        buffer_text(json, ",\"next\":null}");
    request_finish(request, STATUS_OK);
}

/* ---- delete ---- */

static struct connection_delete *connection_delete_of(struct request *request)
{
    return container_of(request, struct connection_delete, request);
}

static void delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    struct connection_delete *delete = connection_delete_of(request);
    const char *client = NULL;
    struct hub_peer peer;
    if (!params_only(request, names) || !param_text(request, "id", PARAM_REQUIRED, 1, 100, &client)) {
        request_finish(request, STATUS_INVALID);
        return;
    }
    if (!hub_peer_find(request->app, client, &peer)) {
        request_refuse(request, STATUS_NOT_FOUND, "There is no such connection on this node (%s).", node_name());
        request_finish(request, STATUS_NOT_FOUND);
        return;
    }
    delete->user_id = peer.user_id;
    strncpy(delete->name, peer.name, sizeof delete->name - 1);
    strncpy(delete->client, peer.client, sizeof delete->client - 1);
    request_write(request, delete_work, delete_done);
}

static enum status delete_work(struct request *request, struct db *db)
{
    const struct connection_delete *delete = connection_delete_of(request);
    SCOPED(buffer_free) struct buffer detail = {0};
    enum status status = request_recheck(request, db);
    if (status != STATUS_OK)
        return status;
    buffer_char(&detail, '{');
    buffer_json_member(&detail, "connection", delete->client);
    if (delete->user_id) {
        buffer_printf(&detail, ",\"user\":%lld,", (long long)delete->user_id);
        buffer_json_member(&detail, "name", delete->name);
    }
    buffer_char(&detail, '}');
    return audit_insert(db, request->actor.user_id, "connection.delete", &detail);
}

static void delete_done(struct request *request)
{
    /* If it has gone by itself meanwhile, so much the better. */
    if (request->status == STATUS_OK)
        hub_peer_close(request->app, connection_delete_of(request)->client, 3503, "disconnected by an administrator");
    request_finish(request, request->status == STATUS_OK ? STATUS_NO_CONTENT : request->status);
}
