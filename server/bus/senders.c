/* bus/senders.c: a window of numbers for each sender. The clock is asked once per sender, when it is first heard: from
 * then on its numbers say what is new, and a clock that jumps does no harm. */
#include "bus/senders.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"

/* How old the first message of a sender may be, and how far its clock may be ahead. */
#define AGE_MS_MAX 60000
/* As much as the clocks of two machines usually differ. */
#define SKEW_MS 2000
/* A sender is forgotten only when all that it said is too old to come from somebody unknown, so more than twice that.
 */
#define SILENCE_MS_MAX 300000
#define SENDERS_MAX    2048
#define WORD_BITS      64

struct sender {
    char id[ENVELOPE_SENDER_LENGTH];
    uint64_t newest;
    int64_t heard_ms;
    uint64_t heard[SENDERS_WINDOW / WORD_BITS]; /* a bit for each number of the window, at the number's remainder */
};

struct senders {
    struct text_map *map; /* id → struct sender */
    int64_t start_ms;
};

static enum sender_verdict sender_meet(struct senders *senders, const struct envelope *envelope, int64_t now_ms,
                                       int64_t wall_ms);
static void senders_forget(struct senders *senders, int64_t now_ms);
static bool sender_note(struct sender *sender, uint64_t number);

struct senders *senders_new(void)
{
    struct senders *senders = calloc(1, sizeof *senders);
    if (!senders)
        return NULL;
    senders->map = text_map_new();
    senders->start_ms = clock_monotonic_ms();
    if (senders->map)
        return senders;
    free(senders);
    return NULL;
}

void senders_free(struct senders *senders)
{
    size_t cursor = 0;
    void *value;
    if (!senders)
        return;
    while (text_map_next(senders->map, &cursor, NULL, NULL, &value))
        free(value);
    text_map_free(senders->map);
    free(senders);
}

enum sender_verdict senders_hear(struct senders *senders, const struct envelope *envelope, int64_t now_ms,
                                 int64_t wall_ms)
{
    struct sender *sender = text_map_get(senders->map, envelope->sender, ENVELOPE_SENDER_LENGTH);
    if (!sender)
        return sender_meet(senders, envelope, now_ms, wall_ms);
    if (!sender_note(sender, envelope->number))
        return SENDER_REPEATS;
    sender->heard_ms = now_ms;
    return SENDER_NEW_MESSAGE;
}

/* What was said before we were here was said to another process, which may have done it: the home was started again,
 * and somebody says it once more. Our own time here is measured by the clock that nobody sets. For the seconds that
 * clocks differ calls name the home they are for (base/remote.c), and events have numbers. */
static enum sender_verdict sender_meet(struct senders *senders, const struct envelope *envelope, int64_t now_ms,
                                       int64_t wall_ms)
{
    int64_t age_ms = wall_ms - envelope->sent_ms, here_ms = now_ms - senders->start_ms;
    if (age_ms < -AGE_MS_MAX)
        return SENDER_IS_FUTURE;
    if (age_ms > AGE_MS_MAX || age_ms > here_ms + SKEW_MS)
        return SENDER_IS_STALE;
    senders_forget(senders, now_ms);
    struct sender *sender = text_map_count(senders->map) < SENDERS_MAX ? malloc(sizeof *sender) : NULL;
    if (!sender)
        return SENDER_IS_SURPLUS;
    /* Whatever it said before this is as if we had heard it. */
    memset(sender, 0xFF, sizeof *sender);
    memcpy(sender->id, envelope->sender, sizeof sender->id);
    sender->newest = envelope->number;
    sender->heard_ms = now_ms;
    if (text_map_set(senders->map, sender->id, sizeof sender->id, sender))
        return SENDER_NEW_MESSAGE;
    free(sender);
    return SENDER_IS_SURPLUS;
}

static void senders_forget(struct senders *senders, int64_t now_ms)
{
    size_t cursor = 0;
    void *value;
    while (text_map_next(senders->map, &cursor, NULL, NULL, &value)) {
        struct sender *sender = value;
        if (now_ms - sender->heard_ms <= SILENCE_MS_MAX)
            continue;
        text_map_remove(senders->map, sender->id, sizeof sender->id);
        free(sender);
    }
}

/* False: it was heard, or is so old that nobody knows. */
static bool sender_note(struct sender *sender, uint64_t number)
{
    uint64_t bit = (uint64_t)1 << number % WORD_BITS, *word = &sender->heard[number % SENDERS_WINDOW / WORD_BITS];
    if (number <= sender->newest) {
        if (sender->newest - number >= SENDERS_WINDOW || *word & bit)
            return false;
        *word |= bit;
        return true;
    }
    if (number - sender->newest >= SENDERS_WINDOW)
        memset(sender->heard, 0, sizeof sender->heard);
    else
        while (++sender->newest < number)
            sender->heard[sender->newest % SENDERS_WINDOW / WORD_BITS] &= ~((uint64_t)1 << sender->newest % WORD_BITS);
    sender->newest = number;
    *word |= bit;
    return true;
}
