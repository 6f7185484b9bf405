/* base/turns.h: reading a list may cost much, so nobody reads more than a few at once: the next ones of the same
 * person (of the same address, for who is not signed in) wait, and too many are refused. Loop thread. */
#pragma once
#include "base/request.h"

struct settings;
struct turns; /* of a dispatcher */
struct turns *turns_new(const struct settings *settings);
void turns_free(struct turns *turns);
DEFINE_SCOPED(struct turns *, turns_free)
/* Is @request one that waits its turn? */
bool turns_concern(const struct request *request);
/* Hand @request to a reader now or later, or answer it with TOO_MANY. */
void turns_take(struct turns *turns, struct request *request);
/* It was read: the next one may. */
void turns_leave(struct turns *turns, struct request *request);
