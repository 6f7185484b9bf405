/* bus/trust.h: whose messages are heard: those of our own nodes, each once. Signs what is published, judges what
 * arrives, counts and tells what it dropped. Private to bus/. */
#pragma once
#include "bus/bus.h"
#include "bus/envelope.h"

struct trust;

enum trust_verdict { TRUST_NOBODY, TRUST_OURSELVES, TRUST_ANOTHER };

/* @secret NULL or "": nothing is signed, and nothing that is signed is heard. */
enum status trust_new(const char *secret, const char *prefix, struct trust **out, char *why, size_t why_size);
void trust_free(struct trust *trust);
DEFINE_SCOPED(struct trust *, trust_free)
/* The line in front of @payload. */
void trust_write(struct trust *trust, char text[ENVELOPE_LENGTH], const struct digest_piece *channel,
                 const struct digest_piece *payload);
/* Who sent it; of what nobody sent nothing is to be used, and
 * it is counted in @stats. @payload points into @bytes. */
enum trust_verdict trust_judge(struct trust *trust, const struct digest_piece *channel, const char *bytes,
                               size_t length, struct digest_piece *payload, struct bus_stats *stats);
