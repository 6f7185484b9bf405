/* realtime/ephemeral_log.c: what was published in a channel lately: a ring of texts that is bounded in number and age,
 * and a position that is good as long as this log is. A log that nobody needs any more is forgotten; the next one of
 * that name has another epoch, so that nobody takes its offsets for those of the old one. */
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "realtime/ephemeral_state.h"
#include "realtime/internal.h"

#define ITEM_COST 72 /* of one publication beyond its text: what the allocator and the ring need */
/* How long the log of a channel is kept in which nothing was ever said, so that nobody can have missed anything: names
 * cost whoever makes them up nothing. */
#define EMPTY_MS 30000

/* A publication. Its offset follows from its place: there are no holes. */
struct item {
    struct list link; /* in logs->items, the oldest of all first */
    struct ephemeral_log *log;
    int64_t due_ms; /* monotonic */
    size_t length;
    char json[];
};

struct ephemeral_log {
    struct ephemeral_logs *logs;
    const struct channel_namespace *space;
    struct wheel_timer timer; /* the end of the oldest publication, or of the log */
    int64_t used_ms;
    struct item **ring;
    uint32_t first, count, capacity;
    uint64_t top; /* offset of the newest ever */
    char epoch[RANDOM_ID_SIZE];
    size_t name_length;
    char name[];
};

static void log_fire(struct wheel_timer *timer);
static void log_free(struct ephemeral_log *log);
static void log_expire(struct ephemeral_log *log, int64_t now_ms);
static void log_drop_oldest(struct ephemeral_log *log);
static bool log_grow(struct ephemeral_log *log);
static struct item *log_item(const struct ephemeral_log *log, uint32_t index);
static size_t item_bytes(const struct item *item);
static int64_t ttl_ms(const struct ephemeral_log *log);
static int64_t idle_ms(const struct ephemeral_log *log);

bool ephemeral_logs_open(struct ephemeral_logs *logs, struct hub *hub, const struct settings *settings)
{
    logs->hub = hub;
    logs->channels_max = (size_t)settings->ephemeral_channels_max;
    logs->bytes_max = (uint64_t)settings->ephemeral_bytes_max;
    logs->by_name = text_map_new();
    list_init(&logs->items);
    return logs->by_name != NULL;
}

/* The wheel is gone by now. */
void ephemeral_logs_close(struct ephemeral_logs *logs)
{
    void *value;
    size_t cursor = 0;
    while (logs->by_name && text_map_next(logs->by_name, &cursor, NULL, NULL, &value)) {
        struct ephemeral_log *log = value;
        text_map_remove(logs->by_name, log->name, log->name_length);
        log_free(log);
    }
    text_map_free(logs->by_name);
}

static void log_free(struct ephemeral_log *log)
{
    while (log->count)
        log_drop_oldest(log);
    free(log->ring);
    free(log);
}

struct ephemeral_log *ephemeral_log_find(struct ephemeral_logs *logs, const char *name)
{
    return text_map_get(logs->by_name, name, strlen(name));
}

struct ephemeral_log *ephemeral_log_get(struct ephemeral_logs *logs, const char *name,
                                        const struct channel_namespace *space)
{
    size_t length = strlen(name);
    struct ephemeral_log *log = text_map_get(logs->by_name, name, length);
    if (!log) {
        if (text_map_count(logs->by_name) >= logs->channels_max)
            return NULL;
        log = calloc(1, sizeof *log + length + 1);
        if (!log)
            return NULL;
        log->logs = logs;
        log->space = space;
        log->name_length = length;
        memcpy(log->name, name, length);
        random_id(log->epoch);
        if (!text_map_set(logs->by_name, log->name, length, log)) {
            free(log);
            return NULL;
        }
        wheel_timer_init(&log->timer, log_fire);
        wheel_arm(hub_wheel(logs->hub), &log->timer, idle_ms(log));
    }
    log->used_ms = clock_monotonic_ms();
    return log;
}

static int64_t ttl_ms(const struct ephemeral_log *log)
{
    return log->space->history_ttl_s * 1000;
}

static int64_t idle_ms(const struct ephemeral_log *log)
{
    return log->top || ttl_ms(log) < EMPTY_MS ? ttl_ms(log) : EMPTY_MS;
}

/* Armed for what was the oldest then: whatever came later is looked at now, so that publishing arms nothing. */
static void log_fire(struct wheel_timer *timer)
{
    struct ephemeral_log *log = container_of(timer, struct ephemeral_log, timer);
    struct ephemeral_logs *logs = log->logs;
    int64_t now_ms = clock_monotonic_ms();
    log_expire(log, now_ms);
    /* Who listens has its position: a new log would make everybody subscribe again. */
    bool is_idle = !channel_find(logs->hub, log->name, log->name_length) && now_ms - log->used_ms >= idle_ms(log);
    if (log->count) {
        wheel_arm(hub_wheel(logs->hub), timer, log_item(log, 0)->due_ms - now_ms);
    } else if (!is_idle) {
        wheel_arm(hub_wheel(logs->hub), timer, idle_ms(log));
    } else {
        text_map_remove(logs->by_name, log->name, log->name_length);
        log_free(log);
    }
}

static void log_expire(struct ephemeral_log *log, int64_t now_ms)
{
    while (log->count && log_item(log, 0)->due_ms <= now_ms)
        log_drop_oldest(log);
}

static struct item *log_item(const struct ephemeral_log *log, uint32_t index)
{
    return log->ring[(log->first + index) % log->capacity];
}

static size_t item_bytes(const struct item *item)
{
    return ITEM_COST + item->length;
}

static void log_drop_oldest(struct ephemeral_log *log)
{
    struct item *item = log_item(log, 0);
    log->logs->bytes -= item_bytes(item);
    log->first = (log->first + 1) % log->capacity;
    log->count--;
    list_remove(&item->link);
    free(item);
}

void ephemeral_log_top(const struct ephemeral_log *log, struct channel_top *top)
{
    memcpy(top->epoch, log->epoch, sizeof top->epoch);
    top->offset = log->top;
}

uint64_t ephemeral_log_append(struct ephemeral_log *log, const struct buffer *members)
{
    struct ephemeral_logs *logs = log->logs;
    int64_t now_ms = clock_monotonic_ms();
    SCOPED(buffer_free) struct buffer json = {0};
    log_expire(log, now_ms);
    buffer_printf(&json, "{\"offset\":%llu,", (unsigned long long)log->top + 1);
    buffer_append(&json, members->bytes, members->length);
    buffer_char(&json, '}');
    uint64_t cost = ITEM_COST + json.length;
    if (json.has_failed || members->has_failed || cost > logs->bytes_max)
        return 0;
    if (log->count >= (uint64_t)log->space->history_size)
        log_drop_oldest(log);
    /* Whoever has been here longest makes room, whosever it is: nobody can keep the others from speaking, and who
     * misses what was dropped is told that he has not recovered. */
    while (logs->bytes + cost > logs->bytes_max)
        log_drop_oldest(container_of(logs->items.next, struct item, link)->log);
    struct item *item = malloc(sizeof *item + json.length);
    if (!item || (log->count == log->capacity && !log_grow(log))) {
        free(item);
        return 0;
    }
    item->log = log;
    item->due_ms = now_ms + ttl_ms(log);
    item->length = json.length;
    memcpy(item->json, json.bytes, json.length);
    log->ring[(log->first + log->count++) % log->capacity] = item;
    list_append(&logs->items, &item->link);
    logs->bytes += cost;
    return ++log->top;
}

static bool log_grow(struct ephemeral_log *log)
{
    uint32_t capacity = log->capacity ? log->capacity * 2 : 4;
    struct item **ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return false;
    for (uint32_t i = 0; i < log->count; i++)
        ring[i] = log_item(log, i);
    free(log->ring);
    log->ring = ring;
    log->first = 0;
    log->capacity = capacity;
    return true;
}

void ephemeral_log_read(struct ephemeral_log *log, uint64_t since, size_t limit, bool reversed, struct buffer *json,
                        size_t *count, uint64_t *last)
{
    log_expire(log, clock_monotonic_ms());
    uint64_t first = log->top - log->count + 1, end = log->top + 1; /* of what is there: first … end-1 */
    uint64_t from = since + 1 > first ? since + 1 : first;
    uint64_t to = since && since < end ? since : end; /* reversed: what is below it */
    size_t found = 0;
    while (found < limit && (reversed ? to > first : from < end)) {
        uint64_t offset = reversed ? --to : from++;
        const struct item *item = log_item(log, (uint32_t)(offset - first));
        if (found++)
            buffer_char(json, ',');
        buffer_append(json, item->json, item->length);
        *last = offset;
    }
    *count = found;
}

void ephemeral_log_clear(struct ephemeral_log *log)
{
    while (log->count)
        log_drop_oldest(log);
}
