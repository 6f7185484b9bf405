/* realtime/home.c: what the home answers about channels: who may listen, where the log stands, what was missed. Asked
 * by this node's own connections and by edges, through the same actions. Loop thread. */
#include <string.h>
#include "realtime/internal.h"

#define LOG_PIECE 50 /* events read at once */

enum status home_authorize(struct request *request, const char **name, const struct kind_entry **kind,
                           struct channel_top *top)
{
    struct hub *hub = request->app;
    *name = json_get_text(request->params, "channel");
    *kind = *name ? kind_find(hub, *name) : NULL;
    if (!*name || strlen(*name) > CHANNEL_NAME_MAX)
        return request_refuse(request, STATUS_MALFORMED, "A channel has a name of 1 to 255 bytes.");
    if (!*kind)
        return request_refuse(request, STATUS_NOT_FOUND, "There is no channel of this kind.");
    /* "granted": by a token, now or when it subscribed; the node that has the connection says so. */
    struct actor actor = request->actor;
    actor.is_shell |= (*kind)->kind->takes_tokens && json_get_bool(request->params, "granted");
    return (*kind)->kind->authorize((*kind)->app, &actor, *name + strlen((*kind)->kind->prefix), top);
}

static bool log_begin(struct request *request, struct log_request *log)
{
    const char *name;
    enum status status = home_authorize(request, &name, &log->kind, &log->top);
    if (status != STATUS_OK) {
        request_finish(request, status);
        return false;
    }
    log->rest = name + strlen(log->kind->kind->prefix);
    /* One answer must leave room for others in the queue of its connection. */
    log->bytes_max = (size_t)((struct hub *)request->app)->settings->realtime_queue_bytes_max / 2;
    return true;
}

static void log_free(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    if (log->is_reading)
        list_remove(&log->read_link);
    buffer_free(&log->publications);
}

/* Read events from the one numbered @from on, then @done: at once if the log is in memory. */
static void log_read(struct request *request, struct log_request *log, uint64_t from, request_done *done)
{
    if (!log->kind->kind->read_now) {
        log_recall(log, from, done);
        return;
    }
    request->status = log_work(request, NULL);
    done(request);
}

enum status log_work(struct request *request, struct db *db)
{
    struct log_request *log = container_of(request, struct log_request, request);
    struct buffer *json = &log->publications;
    buffer_clear(json);
    log->count = 0;
    log->last = log->since;
    while (log->count < log->limit && json->length < log->bytes_max) {
        size_t most = log->is_exact ? 1 : LOG_PIECE;
        size_t piece = log->limit - log->count < most ? log->limit - log->count : most, found = 0;
        size_t length = json->length;
        uint64_t last = log->last;
        if (length)
            buffer_char(json, ',');
        const struct channel_kind *kind = log->kind->kind;
        enum status status = STATUS_OK;
        if (kind->read_now)
            status = kind->read_now(log->kind->app, log->rest, log->last, piece, log->reversed, json, &found, &last);
        else if (db)
            status = kind->read_log(db, log->rest, log->last, piece, log->reversed, json, &found, &last);
        else
            recent_read(log->recent, log->last, piece, log->reversed, json, &found, &last);
        if (status != STATUS_OK)
            return status;
        if (!found) {
            json->length = length; /* without the comma */
            break;
        }
        log->count += found;
        log->last = last;
        if (found < piece)
            break;
    }
    if (json->bytes)
        json->bytes[json->length] = '\0';
    return STATUS_OK;
}

/* ---- subscribe ---- */

static void subscribe_answer(struct log_request *log)
{
    struct request *request = &log->request;
    struct hub *hub = request->app;
    const struct channel_kind *kind = log->kind->kind;
    if (log->is_recovering && !log->is_recovered && json_get_int(request->params, "flag", 0) & 2) {
        request_finish(request, STATUS_UNRECOVERABLE);
        return;
    }
    if (log->is_gone) {
        request_finish(request, STATUS_UNAVAILABLE); /* nobody waits for it any more */
        return;
    }
    if (request->node && !remote_add(hub, json_get_text(request->params, "channel"), request->node, request->client,
                                     &request->actor, request->persona, log->by_token)) {
        request_finish(request, STATUS_UNAVAILABLE);
        return;
    }
    struct buffer *json = request_result(request);
    buffer_char(json, '{');
    if (kind->is_positioned) {
        uint64_t offset = log->is_recovered ? log->since : log->top.offset;
        request->position.is_positioned = true;
        request->position.offset = log->is_recovered ? log->last : log->top.offset;
        memcpy(request->position.epoch, log->top.epoch, sizeof request->position.epoch);
        buffer_text(json, "\"recoverable\":true,\"positioned\":true,");
        buffer_json_member(json, "epoch", log->top.epoch);
        buffer_printf(json, ",\"offset\":%llu", (unsigned long long)offset);
    }
    if (log->is_recovering)
        buffer_printf(json, "%s\"was_recovering\":true", kind->is_positioned ? "," : "");
    if (log->is_recovered)
        buffer_printf(json, ",\"recovered\":true,\"publications\":[%s]",
                      log->publications.length ? log->publications.bytes : "");
    token_print(log->token_expires_ms, json);
    buffer_char(json, '}');
    request_finish(request, log->publications.has_failed ? FAULT("no memory") : STATUS_OK);
}

static void subscribe_done(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    /* Meanwhile the right may have gone. */
    if (!log_begin(request, log))
        return;
    /* What came after the reading began waits in the hub, behind the subscription. */
    log->is_recovered = log->count && log->last - log->since == log->count && log->last >= log->wanted;
    subscribe_answer(log);
}

/* A token goes before rights, in channels that know tokens. False: it was refused. */
static bool token_take(struct request *request, struct log_request *log)
{
    const char *name = json_get_text(request->params, "channel"), *token = json_get_text(request->params, "token");
    const struct kind_entry *kind = name ? kind_find(request->app, name) : NULL;
    if (!kind || !kind->kind->takes_tokens)
        return true;
    enum status status = STATUS_OK;
    if (token && token[0])
        status = token_subscribe(request, name, &log->token_expires_ms);
    else if (!json_get_bool(request->params, "granted"))
        return true;
    if (status == STATUS_OK && token && !cJSON_AddTrueToObject(request->params, "granted"))
        status = FAULT("no memory");
    log->by_token = status == STATUS_OK;
    if (status == STATUS_OK)
        return true;
    request_finish(request, status);
    return false;
}

static void subscribe_start(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    struct hub *hub = request->app;
    if (!token_take(request, log) || !log_begin(request, log))
        return;
    const struct channel_kind *kind = log->kind->kind;
    enum status status = kind->begin_log ? kind->begin_log(log->kind->app, log->rest, &log->top) : STATUS_OK;
    if (status != STATUS_OK) {
        request_refuse(request, status,
                       "The server keeps the position of as many channels as it may: try again later.");
        request_finish(request, status);
        return;
    }
    log->is_recovering = json_get_bool(request->params, "recover");
    /* What is no offset at all is none of this log: nothing is recovered. */
    log->since = json_get(request->params, "offset") ? (uint64_t)json_get_int(request->params, "offset", -1) : 0;
    log->limit = (size_t)hub->settings->realtime_recover_max;
    log->reversed = false;
    const char *epoch = json_get_text(request->params, "epoch");
    bool is_same_log = !epoch || !epoch[0] || strcmp(epoch, log->top.epoch) == 0;
    bool is_possible = log->is_recovering && kind->is_positioned && is_same_log && (int64_t)log->since >= 0 &&
                       log->since <= log->top.offset && log->top.offset - log->since <= log->limit;
    if (is_possible && log->since < log->top.offset) {
        log->wanted = log->top.offset;
        /* Up to the position that is said and no further: an edge takes it for that of the whole channel. */
        log->limit = (size_t)(log->top.offset - log->since);
        if (!request->node || kind->read_now || !json_get_bool(request->params, "leaves_out")) {
            if (request->node)
                remote_reading(log);
            log_read(request, log, log->since + 1, subscribe_done);
            return;
        }
    }
    log->is_recovered = is_possible;
    log->last = log->top.offset; /* an edge adds what was missed; else nothing was */
    subscribe_answer(log);
}

/* ---- history ---- */

static void history_done(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    struct channel_top top = log->top;
    if (!request->actor.is_shell && !log_begin(request, log)) /* meanwhile the right may have gone */
        return;
    /* The position must not be ahead of the events: what came after the reading is not among them. */
    log->top = top;
    if (!log->reversed && log->count && log->last > top.offset)
        log->top.offset = log->last;
    struct buffer *json = request_result(request);
    buffer_printf(json, "{\"publications\":[%s],", log->publications.length ? log->publications.bytes : "");
    buffer_json_member(json, "epoch", log->top.epoch);
    buffer_printf(json, ",\"offset\":%llu}", (unsigned long long)log->top.offset);
    request_finish(request, STATUS_OK);
}

static void history_run(struct request *request, struct log_request *log)
{
    struct hub *hub = request->app;
    int64_t most = hub->settings->realtime_recover_max;
    if (!log->kind->kind->is_positioned && !log->kind->kind->read_now) {
        request_refuse(request, STATUS_UNKNOWN_METHOD, "This channel keeps no history.");
        request_finish(request, STATUS_UNKNOWN_METHOD);
        return;
    }
    const cJSON *since = json_get(request->params, "since");
    const char *epoch = json_get_text(since, "epoch");
    if (epoch && epoch[0] && strcmp(epoch, log->top.epoch) != 0) {
        request_finish(request, STATUS_UNRECOVERABLE);
        return;
    }
    int64_t limit = json_get_int(request->params, "limit", 0);
    int64_t offset = json_get_int(since, "offset", 0);
    log->reversed = json_get_bool(request->params, "reverse");
    log->since = offset > 0 ? (uint64_t)offset : 0;
    log->limit = (size_t)(limit < 0 || limit > most ? most : limit);
    if (!log->limit) {
        history_done(request);
        return;
    }
    uint64_t first = log->since + 1;
    if (log->reversed) {
        uint64_t before = log->since && log->since <= log->top.offset ? log->since : log->top.offset + 1;
        first = before > log->limit ? before - log->limit : 1;
    }
    log_read(request, log, first, history_done);
}

static void history_start(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    if (log_begin(request, log))
        history_run(request, log);
}

/* The same for an edge's own use: it repairs what it missed, for listeners that were authorized one by one. */
static void read_start(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    request->actor = (struct actor){.is_shell = true};
    if (!log_begin(request, log))
        return;
    int64_t bytes = json_get_int(request->params, "bytes", 0);
    log->is_exact = bytes > 0 && (size_t)bytes < log->bytes_max;
    if (log->is_exact)
        log->bytes_max = (size_t)bytes;
    history_run(request, log);
}

const struct route home_routes[] = {
    {.name = "connection.open",
     .flags = ROUTE_NODE,
     .start = open_start,
     .size = sizeof(struct open_request),
     .free = open_request_free},
    {.name = "connection.refresh",
     .flags = ROUTE_NODE,
     .start = refresh_start,
     .size = sizeof(struct open_request),
     .free = open_request_free},
    {.name = "channel.refresh", .flags = ROUTE_NODE, .start = token_sub_refresh_start},
    {.name = "channel.subscribe",
     .flags = ROUTE_NODE,
     .start = subscribe_start,
     .size = sizeof(struct log_request),
     .free = log_free},
    {.name = "channel.history",
     .flags = ROUTE_NODE,
     .start = history_start,
     .size = sizeof(struct log_request),
     .free = log_free},
    {.name = "channel.read",
     .flags = ROUTE_NODE,
     .start = read_start,
     .size = sizeof(struct log_request),
     .free = log_free},
    {.name = "channel.presence", .flags = ROUTE_NODE, .start = presence_start},
    {.name = "channel.presence_stats", .flags = ROUTE_NODE, .start = presence_stats_start},
    {.name = "channel.left", .flags = ROUTE_NODE, .start = left_start},
    {.name = "channel.announce", .flags = ROUTE_NODE, .start = announce_start},
    {.name = "channel.check", .flags = ROUTE_NODE, .start = check_start},
    {.name = "channel.positions", .flags = ROUTE_NODE, .start = positions_start},
    {.name = "rights.version", .flags = ROUTE_NODE, .start = rights_start},
};
const size_t home_routes_count = ARRAY_LENGTH(home_routes);
