/* peer.c: one socket's part of the protocol. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "world.h"

#define OPEN_NS    INT64_C(15000000000) /* from the attempt until all rooms are entered */
#define BACK_NS    INT64_C(500000000)   /* the first wait after a failure; doubled up to 20 s */
#define STAMP_MAX  128
#define CONNECT_ID 1
/* The ids of a connection: connect, then a subscribe for each seat, then the rest. */
#define SEAT_ID 2

static void peer_opened(void *owner);
static void peer_text(void *owner, const char *text, size_t length);
static void peer_line(struct peer *peer, struct span line);
static void peer_reply(struct peer *peer, struct span line);
static void peer_refused(struct peer *peer, const char *what, struct span error);
static void peer_entered(struct peer *peer, struct seat *seat, struct span reply);
static void peer_top(struct peer *peer, struct span reply, uint64_t id);
static void peer_ready(struct peer *peer);
static void peer_answered(struct peer *peer, uint32_t id, struct span line, bool is_error);
static void peer_unsubscribed(struct peer *peer, struct span push);
static void peer_heard(struct peer *peer, struct seat *seat, const struct publication *publication, bool is_live);
static void peer_closed(void *owner, unsigned code, const char *reason);
static void peer_retry(struct peer *peer, bool is_final);
static void subscribe_append(struct peer *peer, struct buffer *text, size_t seat);
static void pending_send(struct peer *peer, struct pending *pending);

const struct ws_handlers peer_handlers = {peer_opened, peer_text, peer_closed};

static const struct options *options_of(const struct peer *peer)
{
    return peer->crowd->world->options;
}

static const struct person *person_of(const struct peer *peer)
{
    return &peer->crowd->world->people[(size_t)peer->number % peer->crowd->world->people_count];
}

void peer_open(struct peer *peer)
{
    struct crowd *crowd = peer->crowd;
    const struct person *person = person_of(peer);
    char head[200] = "";
    if (person->cookie[0])
        snprintf(head, sizeof head, "Cookie: %s\r\n", person->cookie);
    peer->command = 0;
    peer->waits = peer->seat_count;
    for (size_t i = 0; i < peer->seat_count; i++)
        peer->seats[i].is_ready = false;
    peer->ws = ws_connect(&crowd->loop, head, (uint32_t)peer->number, peer);
    if (!peer->ws) {
        crowd->totals.errors++;
        crowd_note(crowd,
                   errno == EADDRNOTAVAIL ? "no local port is free for a connection" : "cannot open a connection",
                   strerror(errno), strlen(strerror(errno)));
        peer_retry(peer, false);
        return;
    }
    peer->state = PEER_OPENING;
    peer->due_ns = now_ns() + OPEN_NS;
    crowd->opening++;
}

void peer_cut(struct peer *peer, int64_t due_ns)
{
    struct crowd *crowd = peer->crowd;
    crowd->up -= peer->state == PEER_UP;
    crowd->opening -= peer->state == PEER_OPENING;
    ws_cut(peer->ws);
    peer->ws = NULL;
    peer->state = PEER_DOWN;
    peer->due_ns = due_ns;
    crowd->totals.cuts++;
}

void peer_give_up(struct peer *peer)
{
    static const char why[] = "not ready after 15 s";
    struct crowd *crowd = peer->crowd;
    crowd->totals.errors++;
    crowd_note(crowd, "a connection was given up", why, sizeof why - 1);
    ws_cut(peer->ws);
    peer_retry(peer, false);
}

bool peer_may_say(const struct peer *peer, size_t seat)
{
    return peer->state == PEER_UP && peer->seats[seat].is_ready && peer->pending_count < PENDING_MAX;
}

void peer_say(struct peer *peer, size_t seat, uint32_t publisher)
{
    if (peer->pending_count == peer->pending_size) {
        uint32_t size = peer->pending_size ? 2 * peer->pending_size : 4;
        struct pending *larger = realloc(peer->pending, size * sizeof *larger);
        if (!larger)
            return;
        peer->pending = larger;
        peer->pending_size = size;
    }
    struct pending *pending = &peer->pending[peer->pending_count++];
    int64_t now = now_ns();
    *pending = (struct pending){
        .sequence = ++peer->crowd->sequence, .publisher = publisher, .seat = (uint32_t)seat, .said_ns = now};
    peer->crowd->totals.sent++;
    pending_send(peer, pending);
}

/* The text begins with who said it and when, so that a listener knows without being told. The key makes saying it
 * again harmless: that is how what had no answer is said after a cut. */
static void pending_send(struct peer *peer, struct pending *pending)
{
    const struct options *options = options_of(peer);
    struct crowd *crowd = peer->crowd;
    static char filler[60001];
    static struct buffer text; /* one thread: kept from one message to the next */
    char stamp[STAMP_MAX];
    if (!filler[0])
        memset(filler, 'x', sizeof filler - 1);
    int length = snprintf(stamp, sizeof stamp, "pl:%s:%u:%u:%lld ", crowd->world->run, crowd->process,
                          pending->sequence, (long long)pending->said_ns);
    int more = options->payload > length ? (int)options->payload - length : 0;
    pending->id = ++peer->command;
    pending->sent_ns = now_ns();
    buffer_clear(&text);
    buffer_printf(
        &text,
        "{\"publish\":{\"channel\":\"room:%lld\",\"data\":{\"text\":\"%s%.*s\",\"key\":\"pl-%s-%u-%u\"}},\"id\":%u}",
        (long long)crowd->world->rooms[peer->seats[pending->seat].room], stamp, more, filler, crowd->world->run,
        crowd->process, pending->sequence, pending->id);
    ws_send(peer->ws, text.bytes, text.length);
}

void peer_ask_top(struct peer *peer, size_t seat)
{
    struct crowd *crowd = peer->crowd;
    char text[128];
    int length = snprintf(text, sizeof text, "{\"history\":{\"channel\":\"room:%lld\",\"limit\":0},\"id\":%u}",
                          (long long)crowd->world->rooms[peer->seats[seat].room], 1000000000U + (uint32_t)seat);
    ws_send(peer->ws, text, (size_t)length);
}

/* Connect and enter all rooms in one frame, without waiting, as the published clients do. */
static void peer_opened(void *owner)
{
    struct peer *peer = owner;
    SCOPED(buffer_free) struct buffer text = {0};
    const struct person *person = person_of(peer);
    peer->command = CONNECT_ID + peer->seat_count;
    buffer_printf(&text, "{\"connect\":{\"name\":\"parley-load\"%s%s%s},\"id\":%d}",
                  person->token[0] ? ",\"token\":\"" : "", person->token, person->token[0] ? "\"" : "", CONNECT_ID);
    for (size_t i = 0; i < peer->seat_count; i++) {
        /* The server bounds the commands of one frame. */
        if (i % 32 == 31) {
            ws_send(peer->ws, text.bytes, text.length);
            buffer_clear(&text);
        }
        if (text.length > 0)
            buffer_char(&text, '\n');
        subscribe_append(peer, &text, i);
    }
    if (text.length > 0)
        ws_send(peer->ws, text.bytes, text.length);
}

static void subscribe_append(struct peer *peer, struct buffer *text, size_t index)
{
    const struct seat *seat = &peer->seats[index];
    buffer_printf(text, "{\"subscribe\":{\"channel\":\"room:%lld\"", (long long)peer->crowd->world->rooms[seat->room]);
    if (seat->has_position)
        buffer_printf(text, ",\"recover\":true,\"offset\":%llu,\"epoch\":\"%s\"", (unsigned long long)seat->offset,
                      peer->crowd->rooms[seat->room].epoch);
    buffer_printf(text, "},\"id\":%zu}", SEAT_ID + index);
}

static void peer_text(void *owner, const char *text, size_t length)
{
    struct peer *peer = owner;
    const char *end = text + length;
    while (text < end && peer->ws) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t line = line_end ? (size_t)(line_end - text) : (size_t)(end - text);
        if (line > 0)
            peer_line(peer, (struct span){text, line});
        text += line + 1;
    }
}

static void peer_line(struct peer *peer, struct span line)
{
    struct crowd *crowd = peer->crowd;
    struct publication publication;
    struct span push;
    if (push_read(line, crowd->mark, &publication)) {
        for (size_t i = 0; i < peer->seat_count; i++) {
            if ((uint64_t)crowd->world->rooms[peer->seats[i].room] == publication.room) {
                peer_heard(peer, &peer->seats[i], &publication, true);
                return;
            }
        }
    } else if (span_is(line, "{}")) {
        ws_send(peer->ws, "{}", 2);
    } else if (span_member(line, "push", &push)) {
        peer_unsubscribed(peer, push);
    } else {
        peer_reply(peer, line);
    }
}

/* How late something is that was recovered says how long the socket was away, so only live ones are timed. */
static void peer_heard(struct peer *peer, struct seat *seat, const struct publication *publication, bool is_live)
{
    struct crowd *crowd = peer->crowd;
    crowd->totals.recovered += !is_live;
    crowd->totals.heard_ns = crowd->loop.now_ns;
    if (check_delivery(&crowd->check, seat, peer->number, publication) && publication->is_ours && is_live)
        histogram_record(&crowd->delivery, crowd->loop.now_ns - publication->stamp_ns);
}

static void peer_reply(struct peer *peer, struct span line)
{
    struct span value = {"", 0};
    uint64_t id = span_member(line, "id", &value) ? span_number(value) : 0;
    bool is_error = span_member(line, "error", &value);
    if (id >= 1000000000) {
        peer_top(peer, line, id - 1000000000);
    } else if (id > CONNECT_ID && id < SEAT_ID + peer->seat_count) {
        struct seat *seat = &peer->seats[id - SEAT_ID];
        if (is_error) {
            peer_refused(peer, "a room was refused", value);
        } else if (span_member(line, "subscribe", &value) && !seat->is_ready) {
            peer_entered(peer, seat, value);
        }
    } else if (id == CONNECT_ID) {
        if (is_error) {
            peer_refused(peer, "connect was refused", value);
        } else if (peer->waits == 0) {
            peer_ready(peer);
        }
    } else {
        peer_answered(peer, (uint32_t)id, value, is_error);
    }
}

/* It cannot do its part without: it comes again only if the server says that this may help. */
static void peer_refused(struct peer *peer, const char *what, struct span error)
{
    struct span temporary;
    crowd_note(peer->crowd, what, error.at, error.length);
    peer->crowd->totals.errors++;
    ws_cut(peer->ws);
    peer_retry(peer, !span_member(error, "temporary", &temporary));
}

static void peer_entered(struct peer *peer, struct seat *seat, struct span reply)
{
    struct crowd *crowd = peer->crowd;
    struct room *room = &crowd->rooms[seat->room];
    struct span value = {"", 0}, list, item;
    uint64_t offset = span_member(reply, "offset", &value) ? span_number(value) : 0; /* 0 is left out */
    struct span epoch = span_member(reply, "epoch", &value) ? span_text(value) : (struct span){"", 0};
    bool is_other = room->epoch[0] && !span_is(epoch, room->epoch);
    if (is_other) {
        crowd->totals.errors++;
        crowd_note(crowd, "a room has another epoch than before", epoch.at, epoch.length);
    }
    snprintf(room->epoch, sizeof room->epoch, "%.*s", (int)epoch.length, epoch.at);

    if (!seat->has_position || is_other) {
        seat_place(seat, offset);
    } else if (span_member(reply, "recovered", &value) && span_is(value, "true")) {
        struct publication publication;
        size_t cursor = 0;
        if (span_member(reply, "publications", &list))
            while (span_next(list, &cursor, &item))
                if (publication_read(item, crowd->mark, &publication))
                    peer_heard(peer, seat, &publication, false);
    } else {
        /* The server says that it cannot give what was missed: whoever chats reloads, and here it is lost. */
        crowd->totals.unrecovered++;
        check_end(&crowd->check, seat, peer->number, offset);
        seat_place(seat, offset);
    }
    seat->is_ready = true;
    if (--peer->waits == 0)
        peer_ready(peer);
}

static void peer_ready(struct peer *peer)
{
    struct crowd *crowd = peer->crowd;
    if (peer->state != PEER_OPENING)
        return;
    peer->state = PEER_UP;
    peer->tries = 0;
    crowd->opening--;
    crowd->up++;
    crowd->totals.opened++;
    for (uint32_t i = 0; i < peer->pending_count; i++) {
        crowd->totals.resent++;
        pending_send(peer, &peer->pending[i]);
    }
}

static void peer_answered(struct peer *peer, uint32_t id, struct span error, bool is_error)
{
    struct crowd *crowd = peer->crowd;
    for (uint32_t i = 0; i < peer->pending_count; i++) {
        struct pending found = peer->pending[i];
        if (found.id != id)
            continue;
        peer->pending[i] = peer->pending[--peer->pending_count];
        histogram_record(&crowd->answer, crowd->loop.now_ns - found.sent_ns);
        if (is_error) {
            crowd->totals.refused++;
            crowd->totals.errors++;
            crowd_note(crowd, "a message was refused", error.at, error.length);
        } else {
            crowd->totals.answered++;
        }
        crowd->answered(crowd, found.publisher);
        return;
    }
}

/* Where a room stands: up to there everything must have come. */
static void peer_top(struct peer *peer, struct span line, uint64_t index)
{
    struct span history, offset;
    if (index >= peer->seat_count)
        return;
    struct room *room = &peer->crowd->rooms[peer->seats[index].room];
    room->is_known = true;
    if (span_member(line, "history", &history) && span_member(history, "offset", &offset)) {
        uint64_t top = span_number(offset);
        room->top = top > room->top ? top : room->top;
    }
}

/* 2500 and above ask to come again; anything lower is final. Other pushes are no concern of ours. */
static void peer_unsubscribed(struct peer *peer, struct span push)
{
    struct crowd *crowd = peer->crowd;
    struct span channel, unsubscribe, code = {"", 0};
    if (!span_member(push, "unsubscribe", &unsubscribe) || !span_member(push, "channel", &channel))
        return;
    for (size_t i = 0; i < peer->seat_count; i++) {
        char name[40];
        snprintf(name, sizeof name, "\"room:%lld\"", (long long)crowd->world->rooms[peer->seats[i].room]);
        if (!span_is(channel, name) || !peer->seats[i].is_ready)
            continue;
        peer->seats[i].is_ready = false;
        peer->waits++;
        crowd->totals.errors++;
        crowd_note(crowd, "a room was taken away", unsubscribe.at, unsubscribe.length);
        if (span_member(unsubscribe, "code", &code) && span_number(code) >= 2500) {
            SCOPED(buffer_free) struct buffer text = {0};
            subscribe_append(peer, &text, i);
            ws_send(peer->ws, text.bytes, text.length);
        }
    }
}

static void peer_closed(void *owner, unsigned code, const char *reason)
{
    struct peer *peer = owner;
    struct crowd *crowd = peer->crowd;
    char what[80];
    crowd->totals.errors++;
    if (peer->state == PEER_OPENING && code == 0)
        snprintf(what, sizeof what, "a connection could not be opened");
    else
        snprintf(what, sizeof what, "a connection was closed with code %u", code);
    crowd_note(crowd, what, reason, strlen(reason));
    peer_retry(peer, (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code == 1009);
}

static void peer_retry(struct peer *peer, bool is_final)
{
    struct crowd *crowd = peer->crowd;
    crowd->up -= peer->state == PEER_UP;
    crowd->opening -= peer->state == PEER_OPENING;
    crowd->over += is_final;
    peer->ws = NULL;
    peer->state = is_final ? PEER_OVER : PEER_DOWN;
    int64_t wait = BACK_NS << (peer->tries < 5 ? peer->tries : 5);
    peer->tries++;
    peer->due_ns = now_ns() + wait / 2 + (int64_t)((uint64_t)peer->number * 2654435761U % (uint64_t)wait);
}

void crowd_note(struct crowd *crowd, const char *what, const char *text, size_t length)
{
    struct note note = {.times = 1};
    snprintf(note.text, sizeof note.text, "%s: %.*s", what, length > 180 ? 180 : (int)length, text);
    for (size_t i = 0; i < crowd->note_count; i++) {
        if (strcmp(crowd->notes[i].text, note.text) == 0) {
            crowd->notes[i].times++;
            return;
        }
    }
    if (crowd->note_count < NOTES_MAX)
        crowd->notes[crowd->note_count++] = note;
}
