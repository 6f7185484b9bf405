/* realtime/recall.c: the home answers from memory of recent events whoever asks for what was missed. What is not there
 * is read once for all who wait for the same channel, so that the data base is read as often as there are channels, not
 * as often as there are clients. Loop thread. */
#include <string.h>
#include "realtime/internal.h"

/* For one read of what was asked for, and one of all that may be kept; who is not served then reads alone. */
#define WAITS_MAX 2

static void fill_done(struct request *request);

void log_recall(struct log_request *log, uint64_t from, request_done *done)
{
    struct request *request = &log->request;
    struct hub *hub = request->app;
    const char *name = json_get_text(request->params, "channel");
    struct recent *recent = recents_get(hub->recents, name, strlen(name), log->top.epoch, log->top.offset);
    bool is_known = recent && from >= recent_first(recent);
    if (!log->waits)
        ++*(is_known ? &hub->stats.recent_hits : &hub->stats.recent_misses);
    log->recent = recent;
    if (is_known) {
        request->status = log_work(request, NULL);
        done(request);
        return;
    }
    size_t wanted = recent && log->waits < WAITS_MAX ? recent_wanted(recent, from) : 0;
    if (!wanted) {
        hub->stats.recent_reads++;
        request_read(request, log_work, done);
        return;
    }
    log->waits++;
    if (recent->is_filling) {
        list_append(&recent->waiting, &log->link);
        return;
    }
    recent->is_filling = true;
    log->since = recent_first(recent);
    log->reversed = true;
    log->limit = wanted;
    log->bytes_max = (size_t)hub->settings->realtime_recent_bytes;
    hub->stats.recent_reads++;
    request_read(request, log_work, fill_done);
}

static void fill_done(struct request *request)
{
    struct log_request *log = container_of(request, struct log_request, request);
    struct hub *hub = request->app;
    struct recent *recent = log->recent;
    enum status status = request->status;
    if (status == STATUS_OK) {
        list_append(&hub->woken, &log->link);
        list_move_all(&hub->woken, &recent->waiting);
        recent->is_filling = false;
        recent_fill(recent, log->top.epoch, log->since, log->publications.bytes, log->publications.length);
        recall_turn(hub);
        return;
    }
    struct list waiting, *node;
    list_init(&waiting);
    list_move_all(&waiting, &recent->waiting);
    recent->is_filling = false;
    request_finish(request, status);
    while ((node = list_take_first(&waiting)))
        request_finish(&container_of(node, struct log_request, link)->request, status);
}

void recall_turn(struct hub *hub)
{
    struct list *node;
    for (int64_t i = 0; i < hub->settings->realtime_slice && (node = list_take_first(&hub->woken)); i++) {
        struct request *waiter = &container_of(node, struct log_request, link)->request;
        waiter->route->start(waiter); /* from the beginning: meanwhile the right may have gone */
    }
}
