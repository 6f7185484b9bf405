/* bus/senders.h: which messages of which processes were heard, so that each is heard once: Redis, or somebody who
 * recorded them, may bring them again. Private to bus/. */
#pragma once
#include <stdint.h>
#include "bus/envelope.h"
#include "lib/scope.h"

/* Messages of one sender may overtake each other by this much. */
#define SENDERS_WINDOW 1024

enum sender_verdict {
    SENDER_NEW_MESSAGE,
    SENDER_REPEATS,   /* it was heard before, or is older than the window */
    SENDER_IS_STALE,  /* of a sender not known yet, and too old, or from before we were here */
    SENDER_IS_FUTURE, /* the same, and its clock is far ahead of ours */
    SENDER_IS_SURPLUS /* there are too many senders, or no memory for one more */
};

struct senders;
struct senders *senders_new(void);
void senders_free(struct senders *senders);
DEFINE_SCOPED(struct senders *, senders_free)
/* Note the message. Times are given, so that nothing here waits: @now_ms is monotonic, @wall_ms the clock now. */
enum sender_verdict senders_hear(struct senders *senders, const struct envelope *envelope, int64_t now_ms,
                                 int64_t wall_ms);
