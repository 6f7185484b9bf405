/* realtime/edge_recover.c: how an edge gives what was missed to who comes back. The home decides for each client
 * whether it may listen and whether its log reaches back so far, and names the position; the events up to there are the
 * same for all, and come out of this node's memory, or are read from the home once for all who wait for the same
 * channel. While rights are uncertain nothing is given from memory: the home is asked for the whole answer. Loop
 * thread. */
#include <stdlib.h>
#include <string.h>
#include "realtime/internal.h"

/* As on the home: for what was asked for, and for all that may be kept. */
#define WAITS_MAX 2

/* What stands behind the events in a subscribe answer; they are put in front of its last two bytes. */
static const char left_out[] = "\"publications\":[]}";
static const char page_begins[] = "{\"publications\":[";

struct recovery {
    struct list link; /* in recent->waiting */
    struct subscription *subscription;
    cJSON *command;
    struct buffer answer; /* the home's, without the events */
    uint64_t since, top;  /* those behind the one, up to the other */
    char epoch[RANDOM_ID_SIZE];
    unsigned waits;
};

static void recovery_go_on(struct recovery *recovery);
static bool answer_now(const struct recovery *recovery, const struct recent *recent);
static void ask_in_full(struct recovery *recovery);
static bool fill_ask(struct hub *hub, struct recent *recent, size_t wanted);
static void fill_reply(struct request *request);

bool edge_recover(struct subscription *subscription, struct request *answer)
{
    uint64_t since = (uint64_t)json_get_int(answer->params, "offset", 0);
    size_t tail = strlen(left_out), length = answer->result.length;
    if (!json_get_bool(answer->params, "leaves_out") || answer->position.offset <= since || length < tail ||
        memcmp(answer->result.bytes + length - tail, left_out, tail) != 0)
        return false;
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (!recovery) {
        connection_close(subscription->connection, 3004, "server error: no memory, try again");
        return true;
    }
    list_init(&recovery->link);
    recovery->subscription = subscription;
    recovery->command = TAKE(answer->params);
    recovery->answer = answer->result;
    answer->result = (struct buffer){0};
    recovery->since = since;
    recovery->top = answer->position.offset;
    memcpy(recovery->epoch, answer->position.epoch, sizeof recovery->epoch);
    subscription->recovery = recovery;
    recovery_go_on(recovery);
    return true;
}

void recovery_free(struct recovery *recovery)
{
    if (!recovery)
        return;
    list_remove(&recovery->link);
    cJSON_Delete(recovery->command);
    buffer_free(&recovery->answer);
    free(recovery);
}

static void recovery_go_on(struct recovery *recovery)
{
    struct channel *channel = recovery->subscription->channel;
    struct hub *hub = channel->hub;
    struct recent *recent = NULL;
    if (recovery->subscription->connection->is_closing)
        return;
    if (!hub->is_suspended && channel->is_synced) /* else it may be that of a log that is no more */
        recent = recents_get(hub->recents, channel->name, channel->name_length, recovery->epoch, recovery->top);
    bool is_known = recent && recovery->since + 1 >= recent_first(recent);
    if (!recovery->waits)
        ++*(is_known ? &hub->stats.recent_hits : &hub->stats.recent_misses);
    if (is_known && answer_now(recovery, recent))
        return;
    size_t wanted = recent && recovery->waits < WAITS_MAX ? recent_wanted(recent, recovery->since + 1) : 0;
    if (!wanted) {
        ask_in_full(recovery);
        return;
    }
    recovery->waits++;
    list_append(&recent->waiting, &recovery->link);
    if (!recent->is_filling && !fill_ask(hub, recent, wanted)) /* it may have been answered at once: with an error */
        ask_in_full(recovery);
}

/* Up to the position at which the home said yes and no further: what came later is live, and waits for the same checks
 * as with all the others. False: it is more than one answer takes. */
static bool answer_now(const struct recovery *recovery, const struct recent *recent)
{
    struct subscription *subscription = recovery->subscription;
    const struct settings *settings = subscription->connection->hub->settings;
    SCOPED(buffer_free) struct buffer json = {0};
    size_t count;
    uint64_t last;
    buffer_append(&json, recovery->answer.bytes, recovery->answer.length - strlen("]}"));
    recent_read(recent, recovery->since, (size_t)(recovery->top - recovery->since), false, &json, &count, &last);
    buffer_text(&json, "]}");
    if (json.has_failed || json.length > (size_t)settings->realtime_queue_bytes_max / 2)
        return false;
    uint64_t position = recovery->top;
    recovery_free(TAKE(subscription->recovery));
    command_subscribed(subscription, json.bytes, json.length, position);
    return true;
}

static void ask_in_full(struct recovery *recovery)
{
    struct subscription *subscription = recovery->subscription;
    SCOPED(json_free) cJSON *command = TAKE(recovery->command);
    recovery_free(TAKE(subscription->recovery));
    command_subscribe_send(subscription, command, false);
}

/* ---- what this node does not know ---- */

static bool fill_ask(struct hub *hub, struct recent *recent, size_t wanted)
{
    struct request *request = edge_call(hub, "channel.read", fill_reply);
    if (!request)
        return false;
    cJSON *since = cJSON_AddObjectToObject(request->params, "since");
    cJSON_AddStringToObject(request->params, "channel", recent->name);
    cJSON_AddNumberToObject(request->params, "limit", (double)wanted);
    cJSON_AddTrueToObject(request->params, "reverse");
    cJSON_AddNumberToObject(since, "offset", (double)recent_first(recent));
    cJSON_AddStringToObject(since, "epoch", recent->epoch);
    recent->is_filling = true;
    dispatch_start(request);
    return true;
}

static void fill_reply(struct request *request)
{
    struct hub *hub = request->door;
    const char *name = json_get_text(request->params, "channel");
    struct recent *recent = name ? recents_find(hub->recents, name, strlen(name)) : NULL;
    const cJSON *since = json_get(request->params, "since");
    const char *epoch = json_get_text(since, "epoch");
    size_t begin = strlen(page_begins);
    if (!recent || !epoch)
        return;
    struct list waiting, *node;
    list_init(&waiting);
    list_move_all(&waiting, &recent->waiting);
    recent->is_filling = false;
    bool is_fine = status_is_ok(request->status);
    if (is_fine && request->result.length > begin && memcmp(request->result.bytes, page_begins, begin) == 0)
        recent_fill(recent, epoch, (uint64_t)json_get_int(since, "offset", 0), request->result.bytes + begin,
                    request->result.length - begin);
    if (!is_fine && status_is_temporary(request->status)) {
        while ((node = list_take_first(&waiting)))
            edge_refuse(container_of(node, struct recovery, link)->subscription);
        return;
    }
    if (!is_fine) /* each asks for itself, but not all in this turn */
        LIST_EACH (&waiting, each)
            container_of(each, struct recovery, link)->waits = WAITS_MAX;
    list_move_all(&hub->woken, &waiting);
    edge_recover_turn(hub);
}

void edge_recover_turn(struct hub *hub)
{
    struct list *node;
    for (int64_t i = 0; i < hub->settings->realtime_slice && (node = list_take_first(&hub->woken)); i++)
        recovery_go_on(container_of(node, struct recovery, link));
}
