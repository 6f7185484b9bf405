/* bus/envelope.c: writes and reads the line in front of every publication. No printf: it is on the road of each. */
#include "bus/envelope.h"

#include <string.h>

#define NUMBER_DIGITS 16
#define CLOCK_DIGITS  12
#define NUMBER_AT     (3 + ENVELOPE_SENDER_LENGTH + 1)
#define CLOCK_AT      (NUMBER_AT + NUMBER_DIGITS + 1)
#define SIGNATURE_AT  (CLOCK_AT + CLOCK_DIGITS + 1)
#define REST_AT       (SIGNATURE_AT + ENVELOPE_SIGNATURE_LENGTH)
/* For what later versions add; behind it nobody looks for the end of the line. */
#define LINE_MAX 1024

static const char version[] = "P1 ";

static void sign(const struct digest_key *key, const struct digest_piece *channel, const struct digest_piece *head,
                 const struct digest_piece *rest, const struct digest_piece *payload, char text[RANDOM_TOKEN_SIZE]);
static void put_hex(char *text, int digits, uint64_t value);
static bool read_hex(const char *text, int digits, uint64_t *value);
static bool is_unsigned(const char *signature);

void envelope_write(char text[ENVELOPE_LENGTH], const char sender[ENVELOPE_SENDER_LENGTH], uint64_t number,
                    int64_t sent_ms, const struct digest_key *key, const struct digest_piece *channel,
                    const struct digest_piece *payload)
{
    char signature[RANDOM_TOKEN_SIZE];
    memset(text, ' ', SIGNATURE_AT);
    memcpy(text, version, sizeof version - 1);
    memcpy(text + sizeof version - 1, sender, ENVELOPE_SENDER_LENGTH);
    put_hex(text + NUMBER_AT, NUMBER_DIGITS, number);
    put_hex(text + CLOCK_AT, CLOCK_DIGITS, (uint64_t)sent_ms);
    text[REST_AT] = '\n';
    memset(text + SIGNATURE_AT, '-', ENVELOPE_SIGNATURE_LENGTH);
    if (!key)
        return;
    sign(key, channel, &(struct digest_piece){text, SIGNATURE_AT}, &(struct digest_piece){text + REST_AT, 1}, payload,
         signature);
    memcpy(text + SIGNATURE_AT, signature, ENVELOPE_SIGNATURE_LENGTH);
}

enum envelope_kind envelope_read(const char *bytes, size_t length, struct envelope *envelope)
{
    static const size_t blanks[] = {NUMBER_AT - 1, CLOCK_AT - 1, SIGNATURE_AT - 1};
    uint64_t sent_ms;
    if (length < ENVELOPE_LENGTH)
        return ENVELOPE_NONE;
    if (memcmp(bytes, version, sizeof version - 1) != 0) {
        bool is_other = bytes[0] == 'P' && bytes[1] >= '0' && bytes[1] <= '9';
        return is_other ? ENVELOPE_OF_ANOTHER_VERSION : ENVELOPE_NONE;
    }
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (bytes[blanks[i]] != ' ')
            return ENVELOPE_NONE;
    const char *rest = bytes + REST_AT;
    size_t left = length - REST_AT;
    const char *end = memchr(rest, '\n', left < LINE_MAX ? left : LINE_MAX);
    if (!end || (*rest != ' ' && end != rest) || !read_hex(bytes + NUMBER_AT, NUMBER_DIGITS, &envelope->number) ||
        !read_hex(bytes + CLOCK_AT, CLOCK_DIGITS, &sent_ms))
        return ENVELOPE_NONE;
    envelope->sender = bytes + sizeof version - 1;
    envelope->sent_ms = (int64_t)sent_ms;
    envelope->is_signed = !is_unsigned(bytes + SIGNATURE_AT);
    envelope->head = bytes;
    envelope->head_length = SIGNATURE_AT;
    envelope->rest = rest;
    envelope->rest_length = (size_t)(end + 1 - rest);
    envelope->payload = end + 1;
    envelope->payload_length = length - (size_t)(end + 1 - bytes);
    return ENVELOPE_FINE;
}

bool envelope_is_right(const struct envelope *envelope, const struct digest_key *key,
                       const struct digest_piece *channel)
{
    char expected[RANDOM_TOKEN_SIZE], found[RANDOM_TOKEN_SIZE];
    sign(key, channel, &(struct digest_piece){envelope->head, envelope->head_length},
         &(struct digest_piece){envelope->rest, envelope->rest_length},
         &(struct digest_piece){envelope->payload, envelope->payload_length}, expected);
    memcpy(found, envelope->head + envelope->head_length, ENVELOPE_SIGNATURE_LENGTH);
    found[ENVELOPE_SIGNATURE_LENGTH] = '\0';
    return digest_equal(expected, found);
}

/* The channel is part of it, so that what was said on one is not good for another. */
static void sign(const struct digest_key *key, const struct digest_piece *channel, const struct digest_piece *head,
                 const struct digest_piece *rest, const struct digest_piece *payload, char text[RANDOM_TOKEN_SIZE])
{
    const struct digest_piece pieces[] = {*channel, *head, *rest, *payload};
    digest_sign(key, pieces, sizeof pieces / sizeof *pieces, text);
}

static void put_hex(char *text, int digits, uint64_t value)
{
    for (; digits > 0; value >>= 4)
        text[--digits] = "0123456789abcdef"[value & 15];
}

static bool read_hex(const char *text, int digits, uint64_t *value)
{
    uint64_t sum = 0;
    for (int i = 0; i < digits; i++) {
        char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        sum = sum << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *value = sum;
    return true;
}

static bool is_unsigned(const char *signature)
{
    for (size_t i = 0; i < ENVELOPE_SIGNATURE_LENGTH; i++)
        if (signature[i] != '-')
            return false;
    return true;
}
