/* base/calls.c: calls by their number and in the order in which they were asked, each with a deadline. */
#include "base/calls.h"
#include <stdlib.h>
#include "lib/hash.h"
#include "lib/list.h"

#define CALL_MS 4500 /* clients wait 5 s for an answer */

struct call {
    struct wheel_timer timer;
    struct list link; /* in calls->asked */
    struct calls *calls;
    uint64_t id;
    struct request *request;
};

struct calls {
    struct wheel *wheel;
    struct int_map *waiting; /* id → struct call */
    struct list asked;       /* the same, oldest first */
    uint64_t latest;
    uint64_t unsure; /* up to this one they may have been answered without our hearing it */
};

static void call_expired(struct wheel_timer *timer);
static void calls_end_until(struct calls *calls, uint64_t last);

struct calls *calls_new(struct wheel *wheel)
{
    struct calls *calls = calloc(1, sizeof *calls);
    struct int_map *waiting = int_map_new();
    if (!calls || !waiting) {
        int_map_free(waiting);
        free(calls);
        return NULL;
    }
    calls->wheel = wheel;
    calls->waiting = waiting;
    list_init(&calls->asked);
    return calls;
}

void calls_free(struct calls *calls)
{
    if (calls)
        int_map_free(calls->waiting);
    free(calls);
}

uint64_t calls_add(struct calls *calls, struct request *request)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call || !int_map_set(calls->waiting, calls->latest + 1, call)) {
        free(call);
        return 0;
    }
    call->calls = calls;
    call->id = ++calls->latest;
    call->request = request;
    list_append(&calls->asked, &call->link);
    wheel_timer_init(&call->timer, call_expired);
    wheel_arm(calls->wheel, &call->timer, CALL_MS);
    return call->id;
}

struct request *calls_take(struct calls *calls, uint64_t id)
{
    struct call *call = int_map_remove(calls->waiting, id);
    if (!call)
        return NULL;
    struct request *request = call->request;
    wheel_cancel(calls->wheel, &call->timer);
    list_remove(&call->link);
    free(call);
    return request;
}

static void call_refuse(struct call *call)
{
    struct request *request = calls_take(call->calls, call->id);
    request_refuse(request, STATUS_UNAVAILABLE, HOME_IS_SILENT);
    request_finish(request, STATUS_UNAVAILABLE);
}

static void call_expired(struct wheel_timer *timer)
{
    call_refuse(container_of(timer, struct call, timer));
}

void calls_unsure(struct calls *calls)
{
    calls->unsure = calls->latest;
}

bool calls_began(const struct calls *calls)
{
    return calls->latest > 0;
}

void calls_end(struct calls *calls)
{
    calls_end_until(calls, calls->latest); /* not those made by somebody who was just answered */
}

static void calls_end_until(struct calls *calls, uint64_t last)
{
    while (!list_is_empty(&calls->asked)) {
        struct call *oldest = container_of(calls->asked.next, struct call, link);
        if (oldest->id > last)
            break;
        call_refuse(oldest);
    }
}

void calls_again(struct calls *calls, bool (*ask)(void *context, const struct request *request, uint64_t id),
                 void *context)
{
    LIST_EACH (&calls->asked, link) {
        const struct call *call = container_of(link, struct call, link);
        if (call->id > calls->unsure)
            ask(context, call->request, call->id); /* one that fails meets its deadline */
    }
    calls_end_until(calls, calls->unsure);
}
