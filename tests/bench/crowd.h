/* crowd.h: many connections that speak the realtime protocol as far as a bench needs it: connect, subscribe
 * to a room, publish, and check that every message of the room comes once and in order. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "histogram.h"
#include "ws.h"

#define CROWD_WINDOW_MAX 256  /* unanswered publishes of one connection */
#define CROWD_BATCH_MAX  64   /* messages in one frame of the bare server */
#define CROWD_TEXT_MAX   4000 /* bytes of one message */

struct crowd_options {
    struct ws_loop *loop;
    const char *host;
    uint16_t port;
    const char *path;
    char *const *cookies; /* Cookie headers, given out in turn; or none */
    size_t cookie_count;
    const char *token;             /* of the connect command, or NULL */
    size_t count;                  /* connections */
    int64_t room_first, room_last; /* given out in turn; room_first 0: no room */
    bool subscribes;               /* to its room; if not it only publishes */
    bool is_bare;                  /* the bare server: no commands, frames as they are */
    uint32_t sources;              /* loopback addresses to leave from, 1: as the system likes */
};

struct crowd;
struct peer {
    struct crowd *crowd;
    struct ws *ws;
    int64_t room;
    bool is_ready;
    int64_t opened_ns; /* when the attempt was made */
    bool is_closed;
    bool has_offset;
    uint64_t offset;  /* of the last message heard */
    uint32_t command; /* id of the last command sent */
    size_t pending_count;
    struct {
        uint32_t id;
        int64_t sent_ns;
        size_t messages;
    } pending[CROWD_WINDOW_MAX];
};

struct crowd {
    struct crowd_options options;
    struct peer **peers;
    size_t opened;  /* attempts made */
    size_t ready;   /* connected, and subscribed if wanted */
    size_t closed;  /* that ended, whatever the reason */
    size_t retried; /* subscribes sent again, because the server asked for it */
    char why[400];  /* the first thing that went wrong; empty if nothing did */

    /* What the peers heard and were answered; the owner may set them to 0 at any time. */
    uint64_t deliveries; /* messages of the room */
    uint64_t missed;     /* offsets jumped over */
    uint64_t duplicates; /* offsets heard again */
    uint64_t other_pushes;
    uint64_t published;         /* sent */
    uint64_t accepted;          /* answered with success */
    uint64_t refused;           /* answered with an error */
    int64_t delivered_ns;       /* when the last delivery came */
    size_t push_bytes;          /* length of the last message as the server sent it */
    struct histogram delivery;  /* from the stamp in the text to its arrival */
    struct histogram answer;    /* from a publish to its answer */
    struct histogram readiness; /* from the attempt to connect until it was ready */
    uint64_t recovered;         /* messages that came with the answer to a subscribe that recovers */

    uint64_t bare_offset; /* the bare server's messages are numbered here */
};

/* NULL: no memory. */
struct crowd *crowd_new(const struct crowd_options *options);
/* Open all connections, at most @at_once not ready at a time. False, with `why`: one failed, or @timeout_ms
 * passed. */
bool crowd_open(struct crowd *crowd, size_t at_once, int64_t timeout_ms);
/* All connections end at once and without a word. The next crowd_open() recovers what was missed meanwhile. */
void crowd_drop(struct crowd *crowd);
void crowd_free(struct crowd *crowd);
void crowd_counters_clear(struct crowd *crowd);

/* Publish one message of @bytes of text, or on the bare server @batch messages as frames of @push_bytes each.
 * False: the peer is gone, or has @window publishes unanswered. */
struct publish {
    size_t bytes;
    size_t batch;
    size_t push_bytes;
    size_t window;
};
bool peer_publish(struct peer *peer, const struct publish *publish);

/* One line of what a server sent. */
enum line_kind { LINE_MESSAGE, LINE_EVENT, LINE_OTHER_PUSH, LINE_PING, LINE_REPLY };
struct line {
    enum line_kind kind;
    bool has_offset;
    uint64_t offset;
    int64_t stamp_ns; /* of a message */
    uint32_t id;      /* of a reply */
    bool is_error;
};
void line_read(const char *text, size_t length, struct line *out);
