/* store/queue.c: jobs on their way from the loop to the threads of the store. */
#include "store/queue.h"
#include <stdlib.h>
#include <uv.h>

struct queue {
    uv_mutex_t lock; /* guards all below */
    uv_cond_t changed;
    struct list jobs;
    size_t count, jobs_max;
    unsigned sleepers; /* threads waiting for @changed: nobody is woken who is awake */
    bool is_stopped;
};

static void take_oldest(struct queue *queue, struct list *jobs, size_t most);

struct queue *queue_new(size_t jobs_max)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    list_init(&queue->jobs);
    queue->jobs_max = jobs_max;
    if (uv_mutex_init(&queue->lock) != 0) {
        free(queue);
        return NULL;
    }
    if (uv_cond_init(&queue->changed) != 0) {
        uv_mutex_destroy(&queue->lock);
        free(queue);
        return NULL;
    }
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    uv_cond_destroy(&queue->changed);
    uv_mutex_destroy(&queue->lock);
    free(queue);
}

bool queue_put(struct queue *queue, struct store_job *job)
{
    uv_mutex_lock(&queue->lock);
    bool has_room = queue->count < queue->jobs_max;
    if (has_room) {
        list_append(&queue->jobs, &job->link);
        queue->count++;
    }
    bool must_wake = has_room && queue->sleepers > 0;
    uv_mutex_unlock(&queue->lock);
    if (must_wake)
        uv_cond_signal(&queue->changed);
    return has_room;
}

bool queue_take(struct queue *queue, struct list *jobs, size_t most, int64_t wait_ms)
{
    uv_mutex_lock(&queue->lock);
    bool has_waited = false;
    while (queue->count == 0 && !queue->is_stopped && !has_waited) {
        queue->sleepers++;
        if (wait_ms < 0)
            uv_cond_wait(&queue->changed, &queue->lock);
        else
            has_waited = uv_cond_timedwait(&queue->changed, &queue->lock, (uint64_t)wait_ms * 1000000U) == UV_ETIMEDOUT;
        queue->sleepers--;
    }
    bool goes_on = queue->count > 0 || !queue->is_stopped;
    take_oldest(queue, jobs, most);
    uv_mutex_unlock(&queue->lock);
    return goes_on;
}

static void take_oldest(struct queue *queue, struct list *jobs, size_t most)
{
    if (queue->count <= most) {
        list_move_all(jobs, &queue->jobs);
        queue->count = 0;
        return;
    }
    for (size_t i = 0; i < most; i++)
        list_append(jobs, list_take_first(&queue->jobs));
    queue->count -= most;
}

void queue_stop(struct queue *queue)
{
    uv_mutex_lock(&queue->lock);
    queue->is_stopped = true;
    uv_mutex_unlock(&queue->lock);
    uv_cond_broadcast(&queue->changed);
}

size_t queue_count(struct queue *queue)
{
    uv_mutex_lock(&queue->lock);
    size_t count = queue->count;
    uv_mutex_unlock(&queue->lock);
    return count;
}
