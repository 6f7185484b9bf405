/* bus/envelope.h: the line in front of every publication: which process sent it, its number there, when, and the
 * signature. Private to bus/.
 *
 *   P1 <sender, 22> <number, 16 hex> <milliseconds since 1970, 12 hex> <signature, 43>[ <more>]\n<payload>
 *
 * Without a secret the signature is dashes. A later version may put more words before the line end: they are passed
 * over, but signed. What an older node must not take for something else begins with another number than P1. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/random.h"

#define ENVELOPE_SENDER_LENGTH    ((size_t)RANDOM_ID_SIZE - 1)
#define ENVELOPE_SIGNATURE_LENGTH ((size_t)RANDOM_TOKEN_SIZE - 1)
#define ENVELOPE_LENGTH           (3 + ENVELOPE_SENDER_LENGTH + 1 + 16 + 1 + 12 + 1 + ENVELOPE_SIGNATURE_LENGTH + 1)

struct envelope {
    const char *sender; /* ENVELOPE_SENDER_LENGTH bytes */
    uint64_t number;
    int64_t sent_ms;  /* by the sender's clock */
    bool is_signed;   /* says the envelope: envelope_is_right() says whether it is so */
    const char *head; /* all that is in front of the signature, and all that is behind it */
    size_t head_length;
    const char *rest;
    size_t rest_length;
    const char *payload;
    size_t payload_length;
};

enum envelope_kind { ENVELOPE_FINE, ENVELOPE_NONE, ENVELOPE_OF_ANOTHER_VERSION };

/* Write the line for @payload on @channel. @key NULL: unsigned. */
void envelope_write(char text[ENVELOPE_LENGTH], const char sender[ENVELOPE_SENDER_LENGTH], uint64_t number,
                    int64_t sent_ms, const struct digest_key *key, const struct digest_piece *channel,
                    const struct digest_piece *payload);
/* @envelope points into @bytes. */
enum envelope_kind envelope_read(const char *bytes, size_t length, struct envelope *envelope);
/* It was signed with @key for that channel. */
bool envelope_is_right(const struct envelope *envelope, const struct digest_key *key,
                       const struct digest_piece *channel);
