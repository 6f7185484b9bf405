/* accounts/hasher.c: a queue before libuv's pool, so that logins never fill it. */
#include "accounts/hasher.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/scope.h"

#define RUNNING_MAX 2
#define WAITING_MAX 64

struct hasher {
    uv_loop_t *loop;
    unsigned long long passes;
    size_t memory;
    struct list waiting;
    unsigned running, waiting_count;
    bool is_stopped;
};

static void job_run(struct hasher *hasher, struct hash_job *job);
static void work(uv_work_t *work);
static void after(uv_work_t *work, int status);

struct hasher *hasher_new(uv_loop_t *loop, const struct settings *settings)
{
    struct hasher *hasher = calloc(1, sizeof *hasher);
    if (!hasher)
        return NULL;
    hasher->loop = loop;
    hasher->passes = (unsigned long long)settings->account_hash_passes;
    hasher->memory = (size_t)settings->account_hash_memory_kib * 1024;
    list_init(&hasher->waiting);
    return hasher;
}

void hasher_stop(struct hasher *hasher)
{
    hasher->is_stopped = true;
    for (struct list *node; (node = list_take_first(&hasher->waiting));) {
        struct hash_job *job = container_of(node, struct hash_job, link);
        sodium_memzero(job->password, sizeof job->password);
        hasher->waiting_count--;
        job->done(job);
    }
}

void hasher_free(struct hasher *hasher)
{
    free(hasher);
}

bool hasher_submit(struct hasher *hasher, struct hash_job *job)
{
    job->hasher = hasher;
    job->has_run = job->is_fine = false;
    list_init(&job->link);
    if (hasher->running < RUNNING_MAX && !hasher->is_stopped) {
        job_run(hasher, job);
        return true;
    }
    if (hasher->waiting_count >= WAITING_MAX || hasher->is_stopped) {
        sodium_memzero(job->password, sizeof job->password);
        return false;
    }
    list_append(&hasher->waiting, &job->link);
    hasher->waiting_count++;
    return true;
}

static void job_run(struct hasher *hasher, struct hash_job *job)
{
    hasher->running++;
    job->work.data = job;
    uv_queue_work(hasher->loop, &job->work, work, after);
}

/* Pool thread. */
static void work(uv_work_t *uv_work)
{
    struct hash_job *job = uv_work->data;
    const struct hasher *hasher = job->hasher;
    size_t length = strlen(job->password);
    job->hash[0] = '\0';
    if (!job->expected[0]) {
        job->is_fine = crypto_pwhash_str_alg(job->hash, job->password, length, hasher->passes, hasher->memory,
                                             crypto_pwhash_ALG_ARGON2ID13) == 0;
    } else {
        job->is_fine = crypto_pwhash_str_verify(job->expected, job->password, length) == 0;
        if (job->is_fine && crypto_pwhash_str_needs_rehash(job->expected, hasher->passes, hasher->memory) != 0 &&
            crypto_pwhash_str_alg(job->hash, job->password, length, hasher->passes, hasher->memory,
                                  crypto_pwhash_ALG_ARGON2ID13) != 0)
            job->hash[0] = '\0';
    }
    sodium_memzero(job->password, sizeof job->password);
}

static void after(uv_work_t *uv_work, int status)
{
    struct hash_job *job = uv_work->data;
    struct hasher *hasher = job->hasher;
    hasher->running--;
    job->has_run = status == 0;
    struct list *next = list_take_first(&hasher->waiting);
    if (next) {
        hasher->waiting_count--;
        job_run(hasher, container_of(next, struct hash_job, link));
    }
    job->done(job);
}
