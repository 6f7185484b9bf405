/* base/calls.h: what an edge has asked of its home and has no answer to yet. Each call ends once: with the home's
 * answer, or with STATUS_UNAVAILABLE. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/request.h"
#include "net/wheel.h"

#define HOME_IS_SILENT "The home node does not answer: try again soon."

struct calls; /* opaque: only base/calls.c looks inside */

struct calls *calls_new(struct wheel *wheel); /* NULL: no memory */
void calls_free(struct calls *calls);         /* not the requests */
/* @request waits from now on, and is finished in time whatever happens. Its number; 0: no memory, nothing changed. */
uint64_t calls_add(struct calls *calls, struct request *request);
/* The request that waits under @id, which does so no longer: the caller finishes it. NULL: the answer came too late. */
struct request *calls_take(struct calls *calls, uint64_t id);
/* Those waiting now may have been answered without our hearing it. */
void calls_unsure(struct calls *calls);
/* No answer will come any more to those waiting now. */
void calls_end(struct calls *calls);
/* Ask again, in the order in which they were asked, what was certainly not done, and end what may have been. */
void calls_again(struct calls *calls, bool (*ask)(void *context, const struct request *request, uint64_t id),
                 void *context);
/* One was made, ever. */
bool calls_began(const struct calls *calls);
