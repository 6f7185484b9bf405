/* bus/trust.c: whoever can write to Redis can say what he likes there; what our own nodes said is known by the
 * signature that the shared secret makes, and by a number that comes once. */
#include "bus/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/senders.h"
#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/log.h"

#define PURPOSE "parley bus "

struct trust {
    struct digest_key key;
    bool has_secret;
    char self[RANDOM_ID_SIZE];
    uint64_t number; /* of the latest message */
    struct senders *senders;
    struct log_rate forged_rate, heard_rate, version_rate;
};

static bool trust_believes(struct trust *trust, const struct envelope *envelope, const struct digest_piece *channel);
static bool trust_hears(struct trust *trust, const struct envelope *envelope, struct bus_stats *stats);

enum status trust_new(const char *secret, const char *prefix, struct trust **out, char *why, size_t why_size)
{
    SCOPED(trust_free) struct trust *trust = calloc(1, sizeof *trust);
    SCOPED(buffer_free) struct buffer purpose = {0};
    buffer_text(&purpose, PURPOSE);
    buffer_text(&purpose, prefix);
    if (secret && *secret && strlen(secret) < BUS_SECRET_LENGTH_MIN) {
        snprintf(why, why_size, "cluster.secret has fewer than %d characters: it could be guessed",
                 BUS_SECRET_LENGTH_MIN);
        return STATUS_INVALID;
    }
    if (trust)
        trust->senders = senders_new();
    if (!trust || !trust->senders || purpose.has_failed) {
        snprintf(why, why_size, "no memory");
        return FAULT("no memory for the bus");
    }
    trust->has_secret = secret && *secret;
    if (trust->has_secret)
        digest_key_make(&trust->key, secret, purpose.bytes);
    random_id(trust->self);
    *out = TAKE(trust);
    return STATUS_OK;
}

void trust_free(struct trust *trust)
{
    if (!trust)
        return;
    senders_free(trust->senders);
    free(trust);
}

void trust_write(struct trust *trust, char text[ENVELOPE_LENGTH], const struct digest_piece *channel,
                 const struct digest_piece *payload)
{
    envelope_write(text, trust->self, ++trust->number, clock_wall_ms(), trust->has_secret ? &trust->key : NULL, channel,
                   payload);
}

enum trust_verdict trust_judge(struct trust *trust, const struct digest_piece *channel, const char *bytes,
                               size_t length, struct digest_piece *payload, struct bus_stats *stats)
{
    struct envelope envelope;
    enum envelope_kind kind = envelope_read(bytes, length, &envelope);
    if (kind == ENVELOPE_OF_ANOTHER_VERSION) {
        stats->forged++;
        if (log_may(&trust->version_rate))
            log_warning("bus.version", "a message in a format that this version does not know was dropped: a node of "
                                       "a newer version is there; give all nodes the same version");
        return TRUST_NOBODY;
    }
    if (kind != ENVELOPE_FINE || !trust_believes(trust, &envelope, channel)) {
        stats->forged++;
        if (log_may(&trust->forged_rate))
            log_warning("bus.forged",
                        "a message on channel %.*s that %s was dropped (%llu so far): all nodes need the same "
                        "cluster.secret; if they have it, somebody else writes to this Redis",
                        (int)channel->length, (const char *)channel->bytes,
                        kind != ENVELOPE_FINE ? "no node has sent"
                        : !trust->has_secret  ? "is signed, while this node has no secret,"
                        : envelope.is_signed  ? "is signed with another secret, or was changed,"
                                              : "is not signed",
                        (unsigned long long)stats->forged);
        return TRUST_NOBODY;
    }
    *payload = (struct digest_piece){envelope.payload, envelope.payload_length};
    if (memcmp(envelope.sender, trust->self, ENVELOPE_SENDER_LENGTH) == 0)
        return TRUST_OURSELVES;
    return trust_hears(trust, &envelope, stats) ? TRUST_ANOTHER : TRUST_NOBODY;
}

static bool trust_believes(struct trust *trust, const struct envelope *envelope, const struct digest_piece *channel)
{
    if (!trust->has_secret || !envelope->is_signed)
        return trust->has_secret == envelope->is_signed;
    return envelope_is_right(envelope, &trust->key, channel);
}

static bool trust_hears(struct trust *trust, const struct envelope *envelope, struct bus_stats *stats)
{
    int64_t wall_ms = clock_wall_ms();
    enum sender_verdict verdict = senders_hear(trust->senders, envelope, clock_monotonic_ms(), wall_ms);
    if (verdict == SENDER_NEW_MESSAGE)
        return true;
    stats->replayed++;
    if (verdict == SENDER_REPEATS || !log_may(&trust->heard_rate))
        return false;
    if (verdict == SENDER_IS_SURPLUS)
        log_warning("bus.senders", "messages of too many processes arrive: those of a new one were dropped; does "
                                   "somebody else write to this Redis?");
    else
        log_warning("bus.clock",
                    "the first message of a node was dropped: by the clocks it was sent %lld ms %s; if this goes on, "
                    "the clocks of the nodes differ: set them (NTP)",
                    llabs((long long)(wall_ms - envelope->sent_ms)),
                    verdict == SENDER_IS_FUTURE ? "from now" : "ago, or before this node was here");
    return false;
}
