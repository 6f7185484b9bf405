/* base/batch.h: several actions as one, all or nothing: batch.create. */
#pragma once
#include "base/dispatch.h"

#define BATCH_OPERATIONS_MAX 200

/* Registers the action. */
void batch_add(struct dispatch *dispatch);
/* For a done function: call @settle with the request's app when the done functions of the same application that follow
 * it in the same batch have run too, before those of others and before the answer; at once if the request came alone.
 * What costs much and is the same for many operations is so done once. */
void request_settle(struct request *request, void (*settle)(void *app));
