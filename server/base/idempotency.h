/* base/idempotency.h: the same request twice is done once. Whoever sends a key with an action that makes something
 * gets, for a day, the first answer again to the same request with the same key: also after a restart, and also when
 * both are under way at once. The answer is kept in the transaction that it belongs to. */
#pragma once
#include "base/request.h"

struct idempotency; /* of a dispatcher */
struct idempotency *idempotency_new(void);
void idempotency_free(struct idempotency *idempotency);
DEFINE_SCOPED(struct idempotency *, idempotency_free)

/* Loop, before the action starts: may it have the key that it came with? OK (also without one), or MALFORMED. */
enum status idempotency_check(struct request *request);
/* Loop, before it is handed to the writer: remember what is asked for. False: no memory. */
bool idempotency_begin(struct request *request);
/* Writer: the request's work, or the answer to an earlier one (request->is_replayed) if it still may be given. */
enum status idempotency_work(struct request *request, struct db *db);
/* Loop, when it is answered: what the done function added to the answer is kept too, and an answer that is given again
 * has it. */
void idempotency_finish(struct idempotency *idempotency, struct request *request);
void kept_free(struct kept *kept);
