/* realtime/fanout.c: from the channels' logs to the sockets. What a channel received during one turn of the loop leaves
 * as one write per listener; big channels go in slices, so that nobody else waits; whoever cannot take more keeps its
 * place in the log and goes on when its socket is writable. */
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "realtime/internal.h"

/* What one listener gets at once: more would only be copied into the library's buffer. */
#define WRITE_BYTES_MAX 65536
/* In one turn, before sockets are looked at again: for channels that begin a pass, and again for those that go on. */
#define SENDS_PER_TURN 500

enum { WROTE, NOTHING_TO_WRITE, IS_BLOCKED, HAS_GAP };

static void channels_serve(struct hub *hub, struct list *channels, struct list *unfinished);
static uint32_t channel_pass(struct channel *channel, uint32_t sends_max, bool *is_done);
static void members_prefetch(const struct channel *channel);
static int pending_check(struct subscription *member, const struct channel *channel);
static int member_write(struct subscription *member, struct channel *channel);
static void lagging_check(struct subscription *member, struct channel *channel);
static struct joined *joined_get(struct channel *channel, const struct subscription *member, bool *has_gap);
static bool is_same_choice(const struct channel *channel, const struct joined *joined,
                           const struct subscription *member);
static struct joined *joined_make(struct channel *channel, const struct subscription *member, bool *has_gap);
static void channel_trim(struct channel *channel, uint64_t low);
static bool outbox_write(struct connection *connection);

/* Bytes that are kept for a listener at @seq. */
static uint64_t backlog(const struct channel *channel, uint64_t seq)
{
    if (seq >= channel_head(channel))
        return 0;
    const struct entry *first = channel_entry(channel, seq);
    return channel->bytes - first->end_bytes + entry_bytes(first);
}

uint64_t fanout_backlog(const struct subscription *subscription)
{
    return backlog(subscription->channel, subscription->seq);
}

void fanout_mark(struct channel *channel)
{
    if (channel->is_passing || !list_is_empty(&channel->dirty_link))
        return;
    channel->cursor = 0;
    channel->pass_head = channel_head(channel);
    channel->pass_low = UINT64_MAX;
    channel->wants_pass = false;
    list_append(&channel->hub->dirty, &channel->dirty_link);
}

void fanout_turn(struct hub *hub)
{
    struct list flushing;
    list_init(&flushing);
    list_move_all(&flushing, &hub->flushing);
    struct list *node;
    while ((node = list_take_first(&flushing)))
        fanout_connection(container_of(node, struct connection, flush_link));

    if (!edge_may_deliver(hub)) {
        uv_idle_stop(&hub->idle);
        return;
    }
    /* Who begins goes first: a small room waits for no slice of a big one. Who goes on has its own share of the turn,
     * so that no number of small rooms holds up a big one. */
    struct list unfinished;
    list_init(&unfinished);
    channels_serve(hub, &hub->dirty, &unfinished);
    channels_serve(hub, &hub->passing, &unfinished);
    list_move_all(&hub->passing, &unfinished);
    if (list_is_empty(&hub->dirty) && list_is_empty(&hub->passing) && list_is_empty(&hub->flushing))
        uv_idle_stop(&hub->idle);
    else
        uv_idle_start(&hub->idle, hub->idle.idle_cb);
}

/* One slice for each of @channels, in turn, as far as the turn goes. */
static void channels_serve(struct hub *hub, struct list *channels, struct list *unfinished)
{
    uint32_t sends = 0;
    struct list *node;
    while (sends < SENDS_PER_TURN && (node = list_take_first(channels))) {
        struct channel *channel = container_of(node, struct channel, dirty_link);
        bool is_done;
        channel->is_passing = true;
        sends += channel_pass(channel, (uint32_t)hub->settings->realtime_slice, &is_done);
        channel->is_passing = false;
        if (is_done)
            channel_release(channel);
        else
            list_append(unfinished, &channel->dirty_link);
    }
}

/* Visit members from the cursor until @sends_max were written to. Done: everybody has everything or is blocked. */
static uint32_t channel_pass(struct channel *channel, uint32_t sends_max, bool *is_done)
{
    uint32_t sends = 0;
    *is_done = false;
    while (channel->cursor < channel->count && sends < sends_max) {
        members_prefetch(channel);
        struct subscription *member = channel->members[channel->cursor++];
        int result = member->is_live ? member_write(member, channel) : pending_check(member, channel);
        if (result == HAS_GAP) {
            member->seq = channel_head(channel);
            subscription_drop(member, 2500, "insufficient state: subscribe again to recover");
            continue;
        }
        sends += result == WROTE;
        if (member->seq < channel->pass_low)
            channel->pass_low = member->seq;
    }
    if (channel->cursor < channel->count)
        return sends;
    channel_trim(channel, channel->count ? channel->pass_low : channel_head(channel));
    bool is_finished = !channel->wants_pass && channel->pass_head == channel_head(channel);
    channel->cursor = 0;
    channel->pass_head = channel_head(channel);
    channel->pass_low = UINT64_MAX;
    channel->wants_pass = false;
    *is_done = is_finished;
    return sends;
}

/* A pass touches a few far-away lines of memory per member, which have been cold since the last one. They are asked
 * for while the kernel works on the members before: each step needs what the one before it brought. What malloc gives
 * may begin in the midst of a line, so that the fields of a write lie in up to two. */
static void members_prefetch(const struct channel *channel)
{
    struct subscription *const *members = channel->members + channel->cursor;
    if (channel->count - channel->cursor <= 8)
        return;
    __builtin_prefetch(members + 8);
    __builtin_prefetch(members[4], 1);
    __builtin_prefetch(&members[4]->by_token, 1);
    __builtin_prefetch(members[3]->connection);
    __builtin_prefetch(&members[3]->connection->outbox.bytes);
    if (members[2]->connection->websocket)
        websocket_prefetch(members[2]->connection->websocket);
    if (members[1]->connection->websocket)
        websocket_prefetch_rest(members[1]->connection->websocket);
}

/* What comes while a listener's log is read waits for it, but not without bound. It is told as soon as it has its
 * answer: an unsubscribe before the answer would be final to it. */
static int pending_check(struct subscription *member, const struct channel *channel)
{
    if (backlog(channel, member->seq) > (uint64_t)channel->hub->settings->realtime_queue_bytes_max) {
        member->seq = channel_head(channel);
        member->has_missed = true;
    }
    return NOTHING_TO_WRITE;
}

/* One write of at most WRITE_BYTES_MAX from the log to a live member. */
static int member_write(struct subscription *member, struct channel *channel)
{
    struct connection *connection = member->connection;
    if (connection->is_closing)
        member->seq = channel_head(channel); /* gets nothing more, and must not hold the log */
    else if (member->has_missed)
        return HAS_GAP;
    /* What is for others must not make this one a slow reader. */
    while (member->seq < channel_head(channel) && !entry_is_for(channel_entry(channel, member->seq), member->index))
        member->seq++;
    if (member->seq == channel_head(channel))
        return NOTHING_TO_WRITE;
    if (connection->is_lagging || connection->outbox.count) {
        connection_lag(connection);
        lagging_check(member, channel);
        return IS_BLOCKED;
    }
    bool has_gap = false;
    struct joined *joined = joined_get(channel, member, &has_gap);
    if (has_gap)
        return HAS_GAP;
    if (!joined) {
        connection_close(connection, 3004, "server error: no memory, try again");
        return IS_BLOCKED;
    }
    if (joined->frame && !connection_write(connection, joined->frame)) {
        connection_lag(connection);
        return IS_BLOCKED;
    }
    channel->hub->stats.deliveries += joined->to - joined->from;
    member->seq = joined->to;
    member->position = joined->position_after;
    if (member->seq != channel_head(channel))
        channel->wants_pass = true; /* more than one write's worth: come again */
    return WROTE;
}

/* A slow reader pays for itself: too much waits for it, or it has taken nothing for too long. */
static void lagging_check(struct subscription *member, struct channel *channel)
{
    struct connection *connection = member->connection;
    const struct settings *settings = channel->hub->settings;
    uint64_t waiting = backlog(channel, member->seq) + connection->outbox.bytes;
    int64_t blocked_ms = clock_monotonic_ms() - connection->blocked_since_ms;
    if (waiting <= (uint64_t)settings->realtime_queue_bytes_max && blocked_ms <= settings->realtime_queue_ms)
        return;
    channel->hub->stats.closed_slow++;
    connection_close(connection, 3008, "slow: more was waiting for this connection than it may keep");
}

static struct joined *joined_get(struct channel *channel, const struct subscription *member, bool *has_gap)
{
    for (size_t i = 0; i < ARRAY_LENGTH(channel->joined); i++) {
        struct joined *joined = &channel->joined[i];
        if ((joined->is_cut || joined->to == channel_head(channel)) && joined->from == member->seq &&
            joined->position == member->position && joined->with_join_leave == member->wants_join_leave && joined->to &&
            (!channel->kind->is_judged || is_same_choice(channel, joined, member)))
            return joined;
    }
    return joined_make(channel, member, has_gap);
}

/* Judged channels: does it hold what is for @member, and nothing else? */
static bool is_same_choice(const struct channel *channel, const struct joined *joined,
                           const struct subscription *member)
{
    for (uint64_t i = 0; i < joined->to - joined->from; i++)
        if (entry_is_for(channel_entry(channel, joined->from + i), member->index) !=
            (joined->chosen[i / 64] >> i % 64 & 1))
            return false;
    return true;
}

static struct joined *joined_make(struct channel *channel, const struct subscription *member, bool *has_gap)
{
    struct frame *frames[JOIN_FRAMES_MAX];
    size_t count = 0, bytes = 0;
    uint64_t seq = member->seq, position = member->position, chosen[JOIN_FRAMES_MAX / 64] = {0};
    for (; seq < channel_head(channel) && seq - member->seq < ARRAY_LENGTH(frames); seq++) {
        const struct entry *entry = channel_entry(channel, seq);
        if (count && bytes + frame_payload_length(entry->frame) > WRITE_BYTES_MAX)
            break;
        if (entry->kind == ENTRY_JOIN_LEAVE && !member->wants_join_leave)
            continue;
        if (!entry_is_for(entry, member->index))
            continue;
        if (entry->offset) {
            if (entry->offset <= position)
                continue;
            if (entry->offset != position + 1) {
                *has_gap = true;
                return NULL;
            }
            position = entry->offset;
        }
        chosen[(seq - member->seq) / 64] |= UINT64_C(1) << (seq - member->seq) % 64;
        frames[count++] = entry->frame;
        bytes += frame_payload_length(entry->frame) + 1;
    }
    struct frame *frame = count ? frame_join(frames, count) : NULL;
    if (count && !frame)
        return NULL;
    struct joined *joined = &channel->joined[channel->joined_next++ % ARRAY_LENGTH(channel->joined)];
    frame_unref(joined->frame);
    *joined = (struct joined){.from = member->seq,
                              .to = seq,
                              .position = member->position,
                              .position_after = position,
                              .with_join_leave = member->wants_join_leave,
                              .is_cut = seq < channel_head(channel),
                              .frame = frame};
    memcpy(joined->chosen, chosen, sizeof chosen);
    return joined;
}

static void channel_trim(struct channel *channel, uint64_t low)
{
    while (channel->log_count && channel->base_seq < low) {
        struct entry *entry = &channel->log[channel->log_first];
        channel->hub->stats.log_bytes -= entry_bytes(entry);
        frame_unref(entry->frame);
        free(entry->audience);
        channel->log_first = (channel->log_first + 1) % channel->log_capacity;
        channel->log_count--;
        channel->base_seq++;
    }
    if (channel->log_count)
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(channel->joined); i++) {
        frame_unref(channel->joined[i].frame);
        channel->joined[i] = (struct joined){0};
    }
}

bool fanout_connection(struct connection *connection)
{
    if (connection->is_closing)
        return false;
    if (!outbox_write(connection)) {
        connection_lag(connection);
        return false;
    }
    if (!connection->is_lagging || !edge_may_deliver(connection->hub))
        return true;
    connection->is_lagging = false;
    connection->hub->stats.lagging--;
    LIST_EACH_SAFE (&connection->subscriptions, node) {
        struct subscription *member = container_of(node, struct subscription, link);
        struct channel *channel = member->channel;
        while (member->is_live && member->seq < channel_head(channel)) {
            int result = member_write(member, channel);
            if (result == HAS_GAP) {
                subscription_drop(member, 2500, "insufficient state: subscribe again to recover");
                break;
            }
            if (result == IS_BLOCKED)
                return false;
            fanout_mark(channel); /* what everybody has by now can be trimmed */
            if (channel->cursor > 0)
                channel->wants_pass = true; /* the pass under way knows its older place */
        }
    }
    connection->blocked_since_ms = 0;
    return true;
}

/* False: the socket took less than all. */
static bool outbox_write(struct connection *connection)
{
    struct outbox *outbox = &connection->outbox;
    uint32_t written = 0;
    bool is_blocked = false;
    while (written < outbox->count && !is_blocked) {
        uint32_t count = outbox->count - written < JOIN_FRAMES_MAX ? outbox->count - written : JOIN_FRAMES_MAX;
        struct frame *joined = frame_join(outbox->frames + written, count);
        if (!joined) { /* no memory: one by one */
            count = 1;
            joined = frame_ref(outbox->frames[written]);
        }
        is_blocked = !connection_write(connection, joined);
        frame_unref(joined);
        for (uint32_t i = 0; i < count && !is_blocked; i++) {
            outbox->bytes -= outbox->frames[written]->length;
            frame_unref(outbox->frames[written++]);
        }
    }
    outbox->count -= written;
    for (uint32_t i = 0; written && i < outbox->count; i++)
        outbox->frames[i] = outbox->frames[written + i];
    return !is_blocked;
}
