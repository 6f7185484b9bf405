#include "realtime/recent.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "realtime/internal.h"

/* What a frame costs beside its bytes: its head, the allocator's, its place in the ring. */
#define FRAME_COST (sizeof(struct frame) + 16 + sizeof(struct frame *))

struct recents {
    struct hub *hub;
    struct text_map *map; /* channel → struct recent */
    struct list used;     /* the one that was not needed for longest first */
    struct wheel_timer timer;
    bool is_closing;
};

static void sweep(struct wheel_timer *timer);
static struct recent *recent_new(struct recents *recents, const char *channel, size_t length);
static void recent_free(struct recent *recent);
static void recent_empty(struct recent *recent, uint64_t top);
static void recent_use(struct recent *recent);
static bool recent_grow(struct recent *recent);
static void recent_drop(struct recent *recent);
static void recent_count(struct recent *recent, size_t more, size_t less);
static void total_bound(struct recents *recents, const struct recent *keep);
static const char *data_of(const struct recent *recent, const struct frame *frame, uint64_t offset, size_t *length);
static const char *event_take(const char *at, const char *end, uint64_t *offset, const char **data, size_t *length);

static const struct settings *limits(const struct recent *recent)
{
    return recent->recents->hub->settings;
}

struct recents *recents_new(struct hub *hub)
{
    struct recents *recents = calloc(1, sizeof *recents);
    if (!recents)
        return NULL;
    recents->hub = hub;
    list_init(&recents->used);
    wheel_timer_init(&recents->timer, sweep);
    recents->map = text_map_new();
    if (!recents->map) {
        recents_free(recents);
        return NULL;
    }
    return recents;
}

void recents_free(struct recents *recents)
{
    if (!recents)
        return;
    while (!list_is_empty(&recents->used))
        recent_free(container_of(recents->used.next, struct recent, link));
    text_map_free(recents->map);
    free(recents);
}

void recents_close(struct recents *recents)
{
    recents->is_closing = true;
    wheel_cancel(recents->hub->wheel, &recents->timer);
}

/* ---- what comes and goes ---- */

void recents_add(struct recents *recents, const char *channel, size_t length, const char *epoch, uint64_t offset,
                 struct frame *frame)
{
    if (!recents->hub->settings->realtime_recent_events)
        return;
    struct recent *recent = recents_find(recents, channel, length);
    const struct channel *listened = recent ? NULL : channel_find(recents->hub, channel, length);
    if (listened && listened->kind->read_log)
        recent = recent_new(recents, channel, length);
    if (!recent)
        return;
    bool is_other = epoch && strcmp(epoch, recent->epoch) != 0;
    if (!is_other && offset <= recent->top)
        return; /* it was read before it was pushed, or will be read */
    if (is_other || offset != recent->top + 1)
        recent_empty(recent, offset - 1);
    if (epoch) /* emptying forgot it */
        memcpy(recent->epoch, epoch, sizeof recent->epoch);
    size_t data_length;
    if (!data_of(recent, frame, offset, &data_length) || (recent->count == recent->capacity && !recent_grow(recent))) {
        recent_empty(recent, offset);
        return;
    }
    recent->frames[(recent->begin + recent->count++) % recent->capacity] = frame_ref(frame);
    recent->top = offset;
    recent_count(recent, frame->length + FRAME_COST, 0);
    while (recent->count > limits(recent)->realtime_recent_events)
        recent_drop(recent);
    while (recent->count && recent->bytes > (size_t)limits(recent)->realtime_recent_bytes) {
        recent->is_full = true;
        recent_drop(recent);
    }
    recent_use(recent);
    total_bound(recents, recent);
}

void recents_leave(struct recents *recents, const char *channel, size_t length)
{
    struct recent *recent = recents_find(recents, channel, length);
    if (recent)
        recent_use(recent);
}

void recents_forget(struct recents *recents, const char *channel, size_t length)
{
    struct recent *recent = recents_find(recents, channel, length);
    if (recent)
        recent_empty(recent, 0);
}

struct recent *recents_find(struct recents *recents, const char *channel, size_t length)
{
    return text_map_get(recents->map, channel, length);
}

struct recent *recents_get(struct recents *recents, const char *channel, size_t length, const char *epoch, uint64_t top)
{
    if (!recents->hub->settings->realtime_recent_events)
        return NULL;
    struct recent *recent = recents_find(recents, channel, length);
    if (!recent)
        recent = recent_new(recents, channel, length);
    if (!recent)
        return NULL;
    bool is_other = recent->epoch[0] && strcmp(recent->epoch, epoch) != 0;
    if (is_other || recent->top < top)
        recent_empty(recent, top);
    strncpy(recent->epoch, epoch, sizeof recent->epoch - 1);
    recent_use(recent);
    total_bound(recents, recent);
    return recent;
}

/* ---- one channel ---- */

size_t recent_wanted(const struct recent *recent, uint64_t from)
{
    uint64_t most = (uint64_t)limits(recent)->realtime_recent_events, first = recent_first(recent);
    uint64_t lowest = recent->top > most ? recent->top - most + 1 : 1;
    if (from >= first || from < lowest || recent->is_full)
        return 0;
    return (size_t)(first - (recent->count ? lowest : from));
}

void recent_fill(struct recent *recent, const char *epoch, uint64_t before, const char *json, size_t length)
{
    const char *end = json + length, *data;
    uint64_t offset;
    size_t data_length;
    bool has_more = false;
    if (strcmp(recent->epoch, epoch) != 0 || recent_first(recent) != before)
        return; /* it was emptied meanwhile */
    while (json && (json = event_take(json, end, &offset, &data, &data_length)) && offset == recent_first(recent) - 1) {
        SCOPED(frame_unref)
        struct frame *frame = codec_push_pub(recent->name, recent->name_length, offset, data, data_length);
        if (!frame || (recent->count == recent->capacity && !recent_grow(recent)))
            return;
        size_t bytes = frame->length + FRAME_COST;
        has_more = recent->count < limits(recent)->realtime_recent_events &&
                   recent->bytes + bytes <= (size_t)limits(recent)->realtime_recent_bytes;
        if (!has_more)
            break;
        recent->begin = (recent->begin + recent->capacity - 1) % recent->capacity;
        recent->frames[recent->begin] = TAKE(frame);
        recent->count++;
        recent_count(recent, bytes, 0);
    }
    recent->is_full = !has_more;
    total_bound(recent->recents, recent);
}

void recent_read(const struct recent *recent, uint64_t since, size_t limit, bool reversed, struct buffer *json,
                 size_t *count, uint64_t *last)
{
    uint64_t first = recent_first(recent), offset = since;
    *count = 0;
    if (reversed && (!since || since > recent->top))
        offset = recent->top + 1;
    while (*count < limit && (reversed ? offset > first : offset < recent->top)) {
        offset = reversed ? offset - 1 : offset + 1;
        size_t length;
        const struct frame *frame = recent->frames[(recent->begin + (uint32_t)(offset - first)) % recent->capacity];
        const char *data = data_of(recent, frame, offset, &length);
        buffer_printf(json, "%s{\"offset\":%llu,\"data\":", *count ? "," : "", (unsigned long long)offset);
        buffer_append(json, data, length);
        buffer_char(json, '}');
        *last = offset;
        ++*count;
    }
}

/* The data in a frame's text {"push":{"channel":…,"pub":{"data":…,"offset":N}}}. NULL: it is none. */
static const char *data_of(const struct recent *recent, const struct frame *frame, uint64_t offset, size_t *length)
{
    static const char before[] = "\"pub\":{\"data\":";
    char behind[48];
    size_t text_length = frame_payload_length(frame);
    size_t behind_length = (size_t)snprintf(behind, sizeof behind, ",\"offset\":%llu}}}", (unsigned long long)offset);
    const char *text = frame_payload(frame);
    if (text_length <= recent->prefix + behind_length ||
        memcmp(text + recent->prefix - strlen(before), before, strlen(before)) != 0 ||
        memcmp(text + text_length - behind_length, behind, behind_length) != 0)
        return NULL;
    *length = text_length - recent->prefix - behind_length;
    return text + recent->prefix;
}

/* Where the JSON value at @at ends; NULL: it does not. It was checked when it was made: only strings and depth count.
 */
static const char *value_end(const char *at, const char *end)
{
    unsigned depth = 0;
    bool is_string = false;
    for (; at < end; at++) {
        if (is_string) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                is_string = false;
        } else if (*at == '"') {
            is_string = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']') && depth) {
            depth--;
        } else if (!depth && (*at == '}' || *at == ']' || *at == ',')) {
            return at;
        }
    }
    return NULL;
}

/* One {"offset":N,"data":…} and the comma behind it; NULL: that is none. */
static const char *event_take(const char *at, const char *end, uint64_t *offset, const char **data, size_t *length)
{
    static const char before[] = "{\"offset\":", between[] = ",\"data\":";
    if ((size_t)(end - at) < strlen(before) || memcmp(at, before, strlen(before)) != 0)
        return NULL;
    *offset = 0;
    for (at += strlen(before); at < end && *at >= '0' && *at <= '9'; at++)
        *offset = *offset * 10 + (uint64_t)(*at - '0');
    if ((size_t)(end - at) < strlen(between) || memcmp(at, between, strlen(between)) != 0)
        return NULL;
    *data = at + strlen(between);
    const char *data_end = value_end(*data, end);
    if (!data_end || *data_end != '}')
        return NULL;
    *length = (size_t)(data_end - *data);
    at = data_end + 1;
    return at < end && *at == ',' ? at + 1 : at;
}

static struct recent *recent_new(struct recents *recents, const char *channel, size_t length)
{
    SCOPED(frame_unref) struct frame *empty = codec_push_pub(channel, length, 0, "", 0);
    struct recent *recent = empty ? calloc(1, sizeof *recent + length + 1) : NULL;
    if (!recent)
        return NULL;
    recent->recents = recents;
    recent->name_length = (uint32_t)length;
    recent->prefix = frame_payload_length(empty) - strlen("}}}");
    memcpy(recent->name, channel, length);
    list_init(&recent->link);
    list_init(&recent->waiting);
    if (!text_map_set(recents->map, recent->name, length, recent)) {
        free(recent);
        return NULL;
    }
    recents->hub->stats.recent_channels++;
    recent_count(recent, sizeof *recent + length, 0);
    recent_use(recent);
    return recent;
}

static void recent_free(struct recent *recent)
{
    struct recents *recents = recent->recents;
    recent_empty(recent, 0);
    recents->hub->stats.recent_bytes -= recent->bytes;
    recents->hub->stats.recent_channels--;
    text_map_remove(recents->map, recent->name, recent->name_length);
    list_remove(&recent->link);
    free(recent->frames);
    free(recent);
}

/* Nothing is known of the log but where it stands. */
static void recent_empty(struct recent *recent, uint64_t top)
{
    while (recent->count)
        recent_drop(recent);
    recent->top = top;
    recent->epoch[0] = '\0';
    recent->is_full = false;
}

static void recent_drop(struct recent *recent)
{
    struct frame *oldest = recent->frames[recent->begin];
    recent->begin = (recent->begin + 1) % recent->capacity;
    recent->count--;
    recent_count(recent, 0, oldest->length + FRAME_COST);
    frame_unref(oldest);
}

static void recent_count(struct recent *recent, size_t more, size_t less)
{
    recent->bytes += more - less;
    recent->recents->hub->stats.recent_bytes += more - less;
}

static bool recent_grow(struct recent *recent)
{
    uint32_t capacity = recent->capacity ? recent->capacity * 2 : 4;
    struct frame **frames = calloc(capacity, sizeof(struct frame *));
    if (!frames)
        return false;
    for (uint32_t i = 0; i < recent->count; i++)
        frames[i] = recent->frames[(recent->begin + i) % recent->capacity];
    free(recent->frames);
    recent->frames = frames;
    recent->begin = 0;
    recent->capacity = capacity;
    return true;
}

/* ---- bounds ---- */

static void recent_use(struct recent *recent)
{
    struct recents *recents = recent->recents;
    recent->used_ms = clock_monotonic_ms();
    list_remove(&recent->link);
    list_append(&recents->used, &recent->link);
    if (!recents->is_closing && !wheel_is_armed(&recents->timer))
        wheel_arm(recents->hub->wheel, &recents->timer, recents->hub->settings->realtime_recent_ms);
}

/* The others are to go until all together are no more than may be kept. */
static void total_bound(struct recents *recents, const struct recent *keep)
{
    size_t most = (size_t)recents->hub->settings->realtime_recent_total_bytes;
    LIST_EACH_SAFE (&recents->used, node) {
        struct recent *recent = container_of(node, struct recent, link);
        if (recents->hub->stats.recent_bytes <= most)
            return;
        if (recent != keep && !recent->is_filling)
            recent_free(recent);
    }
}

static void sweep(struct wheel_timer *timer)
{
    struct recents *recents = container_of(timer, struct recents, timer);
    int64_t now_ms = clock_monotonic_ms(), keep_ms = recents->hub->settings->realtime_recent_ms;
    LIST_EACH_SAFE (&recents->used, node) {
        struct recent *recent = container_of(node, struct recent, link);
        if (recent->used_ms + keep_ms > now_ms) {
            wheel_arm(recents->hub->wheel, timer, recent->used_ms + keep_ms - now_ms);
            return;
        }
        if (recent->is_filling || channel_find(recents->hub, recent->name, recent->name_length))
            recent_use(recent); /* arms the timer, too */
        else
            recent_free(recent);
    }
}
