/* peer.h: one socket that speaks the realtime protocol: connects, sits in rooms, says messages, comes back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"
#include "wire.h"
#include "ws.h"

struct world;
#define NOTES_MAX   32
#define PENDING_MAX 256 /* unanswered messages of one socket */

enum peer_state { PEER_DOWN, PEER_OPENING, PEER_UP, PEER_OVER };
struct pending {
    uint32_t id; /* of its command */
    uint32_t sequence;
    uint32_t publisher;
    uint32_t seat;
    int64_t sent_ns, said_ns; /* the last time, and the first */
};
struct peer {
    struct crowd *crowd;
    struct ws *ws;
    int64_t number; /* among all sockets of the run */
    enum peer_state state;
    uint32_t tries;   /* in vain, one after the other */
    uint32_t command; /* id of the last one sent */
    uint32_t waits;   /* seats that are not ready */
    uint32_t seat_count;
    int64_t due_ns; /* DOWN: when to try; OPENING: when to give up */
    struct seat *seats;
    struct pending *pending;
    uint32_t pending_count, pending_size;
};

struct room {
    char epoch[64];
    uint64_t top; /* the newest offset, once asked for */
    bool is_asked, is_known;
};

/* All sockets of one process, and what they met. */
struct crowd {
    const struct world *world;
    struct ws_loop loop;
    char mark[MARK_BYTES];
    uint32_t process;
    struct peer *peers;
    size_t peer_count;
    struct seat *seats;
    struct room *rooms;
    size_t up, opening, over;
    uint32_t sequence;
    struct totals totals;
    struct check check;
    struct histogram delivery, answer; /* of this second */
    struct note notes[NOTES_MAX];
    size_t note_count;
    void (*answered)(struct crowd *crowd, uint32_t publisher); /* may say the next one */
};

extern const struct ws_handlers peer_handlers;

void peer_open(struct peer *peer);
/* Cut its connection; it comes back at @due_ns. */
void peer_cut(struct peer *peer, int64_t due_ns);
bool peer_may_say(const struct peer *peer, size_t seat);
void peer_say(struct peer *peer, size_t seat, uint32_t publisher);
/* Ask where the room of this seat stands. */
void peer_ask_top(struct peer *peer, size_t seat);
/* An attempt took too long. */
void peer_give_up(struct peer *peer);
void crowd_note(struct crowd *crowd, const char *what, const char *text, size_t length);
