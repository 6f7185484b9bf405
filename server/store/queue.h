/* store/queue.h: jobs on their way from the loop to the threads of the store. Private to store/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/scope.h"
#include "store/store.h"

struct queue;
/* NULL: no memory. */
struct queue *queue_new(size_t jobs_max);
void queue_free(struct queue *queue);
DEFINE_SCOPED(struct queue *, queue_free)
/* thread loop; false if it is full. */
bool queue_put(struct queue *queue, struct store_job *job);
/**
 * Move up to @most jobs, the oldest first, to the end of @jobs; wait for the first one if there is none.
 * units   waits at most @wait_ms; negative: without end
 * errors  false: the queue was stopped and is empty. True with nothing taken: the time has passed.
 */
bool queue_take(struct queue *queue, struct list *jobs, size_t most, int64_t wait_ms);
/* What is queued is still handed out; then queue_take() says false to every thread. */
void queue_stop(struct queue *queue);
size_t queue_count(struct queue *queue);
