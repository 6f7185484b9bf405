/* crowd.c: many connections that connect, subscribe, publish and check what they hear. */
#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_CONNECT   1
#define COMMAND_SUBSCRIBE 2
#define STAMP_MARK        "\"t:" /* how the text of a message of ours begins */
#define OFFSET_MARK       "\"offset\":"
#define STAMP_DIGITS      19
#define STAMP_FORMAT      "t:%019lld "
#define STAMP_BYTES       (2 + STAMP_DIGITS + 1)
#define ROOM_PUSH         "{\"push\":{\"channel\":\"room:"
#define PUSH_BYTES_MAX    (CROWD_TEXT_MAX + 1000) /* what a server may put around a text */
#define PUSH              "{\"push\":"
#define TEMPORARY         "\"temporary\":true"
#define RECOVERED         "\"recovered\":true"

static void peer_opened(void *owner);
static int subscribe_command(const struct peer *peer, char *out, size_t size);
static void peer_text(void *owner, const char *text, size_t length);
static void peer_line(struct peer *peer, const char *text, size_t length);
static void peer_heard(struct peer *peer, const struct line *line, size_t length);
static void peer_replied(struct peer *peer, const struct line *line, const char *text, size_t length);
static void peer_recovered(struct peer *peer, const char *text, size_t length);
static void peer_answered(struct peer *peer, const struct line *line, const char *text, size_t length);
static void peer_ready(struct peer *peer);
static void peer_closed(void *owner, unsigned code, const char *reason);
static bool crowd_open_one(struct crowd *crowd);
static void crowd_complain(struct crowd *crowd, const char *what, const char *text, size_t length);
static size_t publish_command(const struct peer *peer, size_t bytes, char *out, size_t size);
static size_t publish_bare(struct peer *peer, const struct publish *publish, char *out, size_t size);
static bool number_after(const char *text, size_t length, const char *mark, uint64_t *out);
static bool number_near(const char *text, size_t length, const char *mark, size_t *at, uint64_t *out);
static uint64_t digits_read(const char *at, const char *end);

static const struct ws_handlers peer_handlers = {peer_opened, peer_text, peer_closed};

struct crowd *crowd_new(const struct crowd_options *options)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    struct peer **peers = calloc(options->count, sizeof *peers);
    if (!crowd || !peers) {
        free(crowd);
        free(peers);
        return NULL;
    }
    crowd->options = *options;
    crowd->peers = peers;
    return crowd;
}

bool crowd_open(struct crowd *crowd, size_t at_once, int64_t timeout_ms)
{
    int64_t deadline = now_ns() + timeout_ms * 1000000;
    while (crowd->ready < crowd->options.count) {
        while (crowd->opened < crowd->options.count && crowd->opened - crowd->ready < at_once)
            if (!crowd_open_one(crowd))
                return false;
        ws_loop_run(crowd->options.loop, 100);
        if (crowd->why[0])
            return false;
        if (now_ns() > deadline) {
            snprintf(crowd->why, sizeof crowd->why, "%zu of %zu connections were ready in %lld s", crowd->ready,
                     crowd->options.count, (long long)timeout_ms / 1000);
            return false;
        }
    }
    return true;
}

void crowd_free(struct crowd *crowd)
{
    if (!crowd)
        return;
    for (size_t i = 0; i < crowd->options.count; i++) {
        if (crowd->peers[i])
            ws_free(crowd->peers[i]->ws);
        free(crowd->peers[i]);
    }
    free(crowd->peers);
    free(crowd);
}

void crowd_drop(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->opened; i++) {
        struct peer *peer = crowd->peers[i];
        ws_free(peer->ws);
        peer->ws = NULL;
        peer->is_ready = peer->is_closed = false;
        peer->pending_count = 0;
    }
    crowd->opened = crowd->ready = 0;
}

void crowd_counters_clear(struct crowd *crowd)
{
    crowd->deliveries = crowd->missed = crowd->duplicates = crowd->other_pushes = 0;
    crowd->published = crowd->accepted = crowd->refused = crowd->recovered = 0;
    histogram_clear(&crowd->delivery);
    histogram_clear(&crowd->answer);
    histogram_clear(&crowd->readiness);
}

bool peer_publish(struct peer *peer, const struct publish *publish)
{
    static char text[CROWD_BATCH_MAX * (PUSH_BYTES_MAX + 200)];
    struct crowd *crowd = peer->crowd;
    if (peer->is_closed || peer->pending_count >= publish->window || peer->pending_count >= CROWD_WINDOW_MAX)
        return false;
    peer->command++;
    size_t length = crowd->options.is_bare ? publish_bare(peer, publish, text, sizeof text)
                                           : publish_command(peer, publish->bytes, text, sizeof text);
    if (!ws_send(peer->ws, text, length))
        return false;
    size_t messages = crowd->options.is_bare ? publish->batch : 1;
    peer->pending[peer->pending_count].id = peer->command;
    peer->pending[peer->pending_count].sent_ns = now_ns();
    peer->pending[peer->pending_count].messages = messages;
    peer->pending_count++;
    crowd->published += messages;
    return true;
}

void line_read(const char *text, size_t length, struct line *out)
{
    *out = (struct line){.kind = LINE_REPLY};
    if (length == 2) {
        out->kind = LINE_PING;
        return;
    }
    if (length > sizeof PUSH && memcmp(text, PUSH, sizeof PUSH - 1) == 0) {
        if (length < sizeof ROOM_PUSH || memcmp(text, ROOM_PUSH, sizeof ROOM_PUSH - 1) != 0) {
            out->kind = LINE_OTHER_PUSH;
            return;
        }
        /* The client shares the machine with the server, so it must not be what limits: both stand where they stood
         * in the line before, or one digit further. */
        static size_t offset_at, stamp_at;
        uint64_t stamp = 0;
        out->has_offset = number_near(text, length, OFFSET_MARK, &offset_at, &out->offset);
        bool has_stamp = number_near(text, length, STAMP_MARK, &stamp_at, &stamp);
        out->kind = has_stamp ? LINE_MESSAGE : LINE_EVENT;
        out->stamp_ns = (int64_t)stamp;
        return;
    }
    uint64_t id = 0;
    number_after(text, length, "\"id\":", &id);
    out->id = (uint32_t)id;
    out->is_error = memmem(text, length, "\"error\":", 8) != NULL;
    out->has_offset = number_after(text, length, OFFSET_MARK, &out->offset);
}

/* number_after(), looked for where it was found before; *at is where it was found. */
static bool number_near(const char *text, size_t length, const char *mark, size_t *at, uint64_t *out)
{
    size_t mark_length = strlen(mark);
    for (size_t from = *at > 0 ? *at - 1 : 0; from <= *at + 1; from++) {
        if (from + mark_length > length || memcmp(text + from, mark, mark_length) != 0)
            continue;
        *at = from;
        *out = digits_read(text + from + mark_length, text + length);
        return true;
    }
    const char *found = memmem(text, length, mark, mark_length);
    if (!found)
        return false;
    *at = (size_t)(found - text);
    *out = digits_read(found + mark_length, text + length);
    return true;
}

static bool number_after(const char *text, size_t length, const char *mark, uint64_t *out)
{
    size_t mark_length = strlen(mark);
    const char *at = memmem(text, length, mark, mark_length);
    if (!at)
        return false;
    *out = digits_read(at + mark_length, text + length);
    return true;
}

static uint64_t digits_read(const char *at, const char *end)
{
    uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

static bool crowd_open_one(struct crowd *crowd)
{
    const struct crowd_options *options = &crowd->options;
    size_t index = crowd->opened;
    /* Who was here before knows how far it has read. */
    struct peer *peer = crowd->peers[index] ? crowd->peers[index] : calloc(1, sizeof *peer);
    crowd->peers[index] = peer;
    if (!peer) {
        snprintf(crowd->why, sizeof crowd->why, "no memory");
        return false;
    }
    peer->crowd = crowd;
    peer->opened_ns = now_ns();
    if (options->room_first > 0)
        peer->room = options->room_first + (int64_t)index % (options->room_last - options->room_first + 1);
    struct ws_request request = {
        .host = options->host,
        .port = options->port,
        .path = options->path,
        .cookie = options->cookie_count > 0 ? options->cookies[index % options->cookie_count] : NULL,
        .source = options->sources > 1 ? (uint32_t)(index % options->sources) + 1 : 0,
    };
    peer->ws = ws_connect(options->loop, &request, &peer_handlers, peer, crowd->why, sizeof crowd->why);
    if (!peer->ws)
        return false;
    crowd->opened++;
    return true;
}

/* Connect and subscribe travel in one frame, as the published SDKs send them. */
static void peer_opened(void *owner)
{
    struct peer *peer = owner;
    const struct crowd_options *options = &peer->crowd->options;
    if (options->is_bare) {
        peer_ready(peer);
        return;
    }
    char text[1024];
    int length = options->token
                     ? snprintf(text, sizeof text, "{\"connect\":{\"name\":\"bench\",\"token\":\"%s\"},\"id\":%d}",
                                options->token, COMMAND_CONNECT)
                     : snprintf(text, sizeof text, "{\"connect\":{\"name\":\"bench\"},\"id\":%d}", COMMAND_CONNECT);
    if (options->subscribes && length > 0 && (size_t)length < sizeof text) {
        text[length++] = '\n';
        length += subscribe_command(peer, text + length, sizeof text - (size_t)length);
    }
    peer->command = COMMAND_SUBSCRIBE;
    if (length < 0 || (size_t)length >= sizeof text || !ws_send(peer->ws, text, (size_t)length))
        crowd_complain(peer->crowd, "cannot send the connect command", "", 0);
}

/* Who has heard something of the room already wants to recover what it missed. */
static int subscribe_command(const struct peer *peer, char *out, size_t size)
{
    char recover[64] = "";
    if (peer->has_offset)
        snprintf(recover, sizeof recover, ",\"recover\":true,\"offset\":%llu", (unsigned long long)peer->offset);
    return snprintf(out, size, "{\"subscribe\":{\"channel\":\"room:%lld\"%s},\"id\":%d}", (long long)peer->room,
                    recover, COMMAND_SUBSCRIBE);
}

static void peer_text(void *owner, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end)
            line_end = end;
        peer_line(owner, text, (size_t)(line_end - text));
        text = line_end + 1;
    }
}

static void peer_line(struct peer *peer, const char *text, size_t length)
{
    struct line line;
    line_read(text, length, &line);
    switch (line.kind) {
    case LINE_MESSAGE:
    case LINE_EVENT:
        peer_heard(peer, &line, length);
        break;
    case LINE_OTHER_PUSH:
        peer->crowd->other_pushes++;
        break;
    case LINE_PING:
        ws_send(peer->ws, "{}", 2);
        break;
    case LINE_REPLY:
        peer_replied(peer, &line, text, length);
        break;
    }
}

static void peer_heard(struct peer *peer, const struct line *line, size_t length)
{
    struct crowd *crowd = peer->crowd;
    if (line->has_offset) {
        if (peer->has_offset && line->offset <= peer->offset) {
            crowd->duplicates++;
            return;
        }
        if (peer->has_offset)
            crowd->missed += line->offset - peer->offset - 1;
        peer->offset = line->offset;
        peer->has_offset = true;
    }
    if (line->kind == LINE_EVENT) {
        crowd->other_pushes++;
        return;
    }
    crowd->deliveries++;
    crowd->push_bytes = length;
    crowd->delivered_ns = ws_loop_now_ns(crowd->options.loop);
    histogram_record(&crowd->delivery, crowd->delivered_ns - line->stamp_ns);
}

static void peer_replied(struct peer *peer, const struct line *line, const char *text, size_t length)
{
    struct crowd *crowd = peer->crowd;
    if (peer->is_ready) {
        peer_answered(peer, line, text, length);
        return;
    }
    if (line->is_error && line->id == COMMAND_SUBSCRIBE && memmem(text, length, TEMPORARY, sizeof TEMPORARY - 1)) {
        /* As the published SDKs do, only without a pause: the opening has its own limit of time. */
        char again[256];
        int again_length = subscribe_command(peer, again, sizeof again);
        crowd->retried++;
        if (!ws_send(peer->ws, again, (size_t)again_length))
            crowd_complain(crowd, "cannot subscribe again", text, length);
        return;
    }
    if (line->is_error) {
        crowd_complain(crowd, line->id == COMMAND_CONNECT ? "connect was refused" : "subscribe was refused", text,
                       length);
        return;
    }
    if (line->id == COMMAND_SUBSCRIBE && peer->has_offset) {
        peer_recovered(peer, text, length);
    } else if (line->id == COMMAND_SUBSCRIBE) {
        /* An offset of 0 is left out of the reply. */
        peer->offset = line->has_offset ? line->offset : 0;
        peer->has_offset = true;
    }
    if (line->id == (crowd->options.subscribes ? COMMAND_SUBSCRIBE : COMMAND_CONNECT))
        peer_ready(peer);
}

/* What was missed comes with the answer; a hole or a second copy shows in the offset of the next message. */
static void peer_recovered(struct peer *peer, const char *text, size_t length)
{
    if (!memmem(text, length, RECOVERED, sizeof RECOVERED - 1)) {
        crowd_complain(peer->crowd, "a subscription was not recovered", text, length);
        return;
    }
    const char *end = text + length;
    while ((text = memmem(text, (size_t)(end - text), STAMP_MARK, sizeof STAMP_MARK - 1))) {
        text += sizeof STAMP_MARK - 1;
        peer->crowd->recovered++;
        peer->offset++;
    }
}

static void peer_answered(struct peer *peer, const struct line *line, const char *text, size_t length)
{
    struct crowd *crowd = peer->crowd;
    for (size_t i = 0; i < peer->pending_count; i++) {
        if (peer->pending[i].id != line->id)
            continue;
        histogram_record(&crowd->answer, ws_loop_now_ns(crowd->options.loop) - peer->pending[i].sent_ns);
        if (line->is_error) {
            crowd->refused += peer->pending[i].messages;
            crowd_complain(crowd, "a publish was refused", text, length);
        } else {
            crowd->accepted += peer->pending[i].messages;
        }
        peer->pending[i] = peer->pending[--peer->pending_count];
        return;
    }
}

static void peer_ready(struct peer *peer)
{
    peer->is_ready = true;
    peer->crowd->ready++;
    histogram_record(&peer->crowd->readiness, now_ns() - peer->opened_ns);
}

static void peer_closed(void *owner, unsigned code, const char *reason)
{
    struct peer *peer = owner;
    char what[64];
    peer->is_closed = true;
    peer->crowd->closed++;
    snprintf(what, sizeof what, "a connection ended with code %u", code);
    crowd_complain(peer->crowd, what, reason, strlen(reason));
}

static void crowd_complain(struct crowd *crowd, const char *what, const char *text, size_t length)
{
    if (!crowd->why[0])
        snprintf(crowd->why, sizeof crowd->why, "%s: %.*s", what, (int)(length > 300 ? 300 : length), text);
}

/* The stamp, then a filler up to @bytes. Nothing in it needs escaping in JSON. */
static size_t text_fill(char *out, size_t bytes)
{
    size_t length = bytes > STAMP_BYTES ? bytes : STAMP_BYTES;
    snprintf(out, STAMP_BYTES + 1, STAMP_FORMAT, (long long)now_ns());
    memset(out + STAMP_BYTES, 'x', length - STAMP_BYTES);
    return length;
}

static size_t publish_command(const struct peer *peer, size_t bytes, char *out, size_t size)
{
    char text[CROWD_TEXT_MAX + STAMP_BYTES];
    size_t text_length = text_fill(text, bytes);
    return (size_t)snprintf(out, size,
                            "{\"publish\":{\"channel\":\"room:%lld\",\"data\":{\"text\":\"%.*s\"}},\"id\":%u}",
                            (long long)peer->room, (int)text_length, text, peer->command);
}

/* The id for the answer, then the payload that the bare server sends to all: lines like those of Parley. */
static size_t publish_bare(struct peer *peer, const struct publish *publish, char *out, size_t size)
{
    static const char head[] =
        ROOM_PUSH "1\",\"pub\":{\"data\":{\"event\":\"message.created\",\"message\":{\"text\":\"";
    size_t push_bytes = publish->push_bytes < PUSH_BYTES_MAX ? publish->push_bytes : PUSH_BYTES_MAX;
    char tail[64];
    size_t length = (size_t)snprintf(out, size, "%u\n", peer->command);
    for (size_t i = 0; i < publish->batch; i++) {
        size_t tail_length = (size_t)snprintf(tail, sizeof tail, "\"}},\"offset\":%llu}}}",
                                              (unsigned long long)++peer->crowd->bare_offset);
        size_t around = sizeof head - 1 + tail_length;
        if (i > 0)
            out[length++] = '\n';
        memcpy(out + length, head, sizeof head - 1);
        length += sizeof head - 1;
        length += text_fill(out + length, push_bytes > around ? push_bytes - around : 0);
        memcpy(out + length, tail, tail_length);
        length += tail_length;
    }
    return length;
}
