/* bus/redis.h: one connection to Redis on a libuv loop: commands out, answers in. hiredis stays behind it.
 * What is no answer that the bus could get (an error, a strange shape) ends the connection.
 * Private to bus/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "bus/address.h"

/* The most that one answer may hold. */
#define REDIS_ANSWER_BYTES_MAX ((size_t)32 << 20)

enum answer_kind { ANSWER_STATUS, ANSWER_NUMBER, ANSWER_SUBSCRIBED, ANSWER_UNSUBSCRIBED, ANSWER_MESSAGE };

struct redis_answer {
    enum answer_kind kind;
    const char *channel; /* of the last three kinds; not NUL-terminated */
    size_t channel_length;
    const char *bytes; /* of a status or a message */
    size_t length;
};

struct redis_link;

struct redis_listener {
    void *context;
    void (*answered)(void *context, struct redis_link *link, const struct redis_answer *answer);
    /* Called once, never inside one of the functions below; the listener then closes the link. */
    void (*lost)(void *context, struct redis_link *link, const char *why);
    /* After redis_link_close(): its handle is gone. */
    void (*closed)(void *context);
};

/* Starts to connect; commands may be sent at once. NULL: it cannot even start, see @why. */
struct redis_link *redis_link_open(const struct redis_address *address, uv_loop_t *loop,
                                   const struct redis_listener *listener, char *why, size_t why_size);
/* The listener hears nothing more but closed(). Allowed inside its callbacks. NULL is allowed. */
void redis_link_close(struct redis_link *link);
/* Queue one command in Redis' own format; redis_link_flush() writes. False: no memory. */
bool redis_link_send(struct redis_link *link, const char *bytes, size_t length);
/* Write what the socket takes; the rest goes by itself. */
void redis_link_flush(struct redis_link *link);
/* Waits until all is written, for @most_ms at the longest: for the end of the program only. */
void redis_link_drain(struct redis_link *link, int64_t most_ms);
