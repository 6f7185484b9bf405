/* base/turns.c: a queue for each person who reads lists at this moment. */
#include "base/turns.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "lib/hash.h"

struct reader {
    char name[56]; /* "7" or "@192.0.2.1" */
    size_t reading, waiting_count;
    struct list waiting; /* requests, by the link of their jobs */
};
struct turns {
    const struct settings *settings;
    struct text_map *readers; /* by name; only those who read */
};

static struct reader *reader_of(struct turns *turns, const struct request *request);
static void reader_free(struct turns *turns, struct reader *reader);

struct turns *turns_new(const struct settings *settings)
{
    SCOPED(turns_free) struct turns *turns = calloc(1, sizeof *turns);
    if (turns) {
        turns->settings = settings;
        turns->readers = text_map_new();
    }
    return turns && turns->readers ? TAKE(turns) : NULL;
}

void turns_free(struct turns *turns)
{
    if (turns)
        text_map_free(turns->readers);
    free(turns);
}

bool turns_concern(const struct request *request)
{
    const char *dot = strrchr(request->route->name, '.');
    return dot && strcmp(dot, ".list") == 0 && !request->actor.is_shell && !(request->route->flags & ROUTE_NODE);
}

void turns_take(struct turns *turns, struct request *request)
{
    struct reader *reader = reader_of(turns, request);
    bool is_full = reader && reader->reading >= (size_t)turns->settings->data_lists_per_user;
    if (!reader || (is_full && reader->waiting_count >= (size_t)turns->settings->data_lists_waiting)) {
        request->retry_after_s = 1;
        request_refuse(request, STATUS_TOO_MANY, "You read too many lists at once: wait for the answers.");
        request_finish(request, STATUS_TOO_MANY);
        return;
    }
    request->turn = reader;
    if (is_full) {
        list_append(&reader->waiting, &request->job.link);
        reader->waiting_count++;
        return;
    }
    reader->reading++;
    store_read(dispatch_store(request->dispatch), &request->job);
}

void turns_leave(struct turns *turns, struct request *request)
{
    struct reader *reader = TAKE(request->turn);
    if (reader->waiting_count) {
        struct list *first = list_take_first(&reader->waiting);
        reader->waiting_count--;
        store_read(dispatch_store(request->dispatch), container_of(first, struct store_job, link));
    } else if (--reader->reading == 0) {
        reader_free(turns, reader);
    }
}

/* NULL: no memory. */
static struct reader *reader_of(struct turns *turns, const struct request *request)
{
    char name[sizeof((struct reader *)NULL)->name];
    if (request->actor.user_id > 0)
        snprintf(name, sizeof name, "%lld", (long long)request->actor.user_id);
    else
        snprintf(name, sizeof name, "@%s", request->peer);
    struct reader *reader = text_map_get(turns->readers, name, strlen(name));
    if (reader)
        return reader;
    reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    memcpy(reader->name, name, sizeof name);
    list_init(&reader->waiting);
    if (text_map_set(turns->readers, reader->name, strlen(reader->name), reader))
        return reader;
    free(reader);
    return NULL;
}

static void reader_free(struct turns *turns, struct reader *reader)
{
    text_map_remove(turns->readers, reader->name, strlen(reader->name));
    free(reader);
}
