/* base/idempotency.c: answers kept in the table `idempotency`. What an action's work leaves in the request is kept
 * with it in one transaction. Some done functions finish the answer on the loop: then the whole one follows in a write
 * of its own, and until that is done it waits in memory. Done functions come in the order of the commits, so whoever
 * was given the unfinished one finds the whole one there. */
#include "base/idempotency.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "lib/clock.h"
#include "lib/hash.h"

#define KEPT_MS             (24LL * 60 * 60 * 1000)
#define PURGE_MAX           20 /* old ones that go with each new one */
#define PATH_PARAMETERS_MAX 8

/* What there is of a request with a key. */
struct kept {
    char digest[DIGEST_TEXT_SIZE]; /* of the parameters */
    char *answer;                  /* as its work left it; see answer_print() */
    int64_t created_id;
    bool is_over; /* a second write of the same request: it goes on from the first */
};
/* A whole answer on its way into the table. */
struct follower {
    struct store_job job;
    struct idempotency *owner;
    int64_t user_id, created_id;
    char *answer;
    char key[sizeof((struct request *)NULL)->idempotency_key];
    char name[sizeof((struct request *)NULL)->idempotency_key + 24]; /* user and key */
};
struct idempotency {
    struct text_map *followers; /* by name */
};

static char *digest_params(const struct request *request, char digest[DIGEST_TEXT_SIZE]);
static enum status answer_select(struct request *request, struct db *db);
static enum status answer_insert(struct request *request, struct db *db);
static char *answer_print(const struct request *request, enum status status);
static bool answer_read(struct request *request, const char *answer, int64_t created_id);
static void follow(struct idempotency *idempotency, struct request *request, char *answer);

struct idempotency *idempotency_new(void)
{
    SCOPED(idempotency_free) struct idempotency *idempotency = calloc(1, sizeof *idempotency);
    if (idempotency)
        idempotency->followers = text_map_new();
    return idempotency && idempotency->followers ? TAKE(idempotency) : NULL;
}

void idempotency_free(struct idempotency *idempotency)
{
    if (idempotency)
        text_map_free(idempotency->followers);
    free(idempotency);
}

void kept_free(struct kept *kept)
{
    if (kept)
        free(kept->answer);
    free(kept);
}

/* ---- loop: before ---- */

static bool takes_key(const struct route *route)
{
    size_t length = strlen(route->name), suffix = strlen(".create");
    bool creates = length > suffix && strcmp(route->name + length - suffix, ".create") == 0;
    return (creates || route->flags & ROUTE_IDEMPOTENT) && !(route->flags & ROUTE_SECRET);
}

enum status idempotency_check(struct request *request)
{
    const char *key = request->idempotency_key;
    if (!key[0])
        return STATUS_OK;
    if (!takes_key(request->route))
        return request_refuse(request, STATUS_MALFORMED,
                              "This action takes no idempotency key: nothing was done. Send it without one.");
    if (request->actor.user_id <= 0)
        return request_refuse(request, STATUS_MALFORMED,
                              "An idempotency key is for who is signed in: send this without one.");
    for (const char *c = key; *c; c++)
        if (*c < ' ' || *c > '~')
            return request_refuse(request, STATUS_MALFORMED,
                                  "An idempotency key is made of plain letters, digits and signs (ASCII).");
    return STATUS_OK;
}

bool idempotency_begin(struct request *request)
{
    if (request->kept)
        request->kept->is_over = true;
    if (!request->idempotency_key[0] || request->kept)
        return true;
    struct kept *kept = calloc(1, sizeof *kept);
    if (!kept || !digest_params(request, kept->digest)) {
        free(kept);
        return false;
    }
    request->kept = kept;
    return true;
}

/* The order of an object's members means nothing, so it is the same request in any order. */
static int by_name(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static void canonical_print(const cJSON *item, struct buffer *text)
{
    if (cJSON_IsObject(item)) {
        const cJSON *members[JSON_KEYS_MAX + PATH_PARAMETERS_MAX];
        size_t count = 0;
        for (const cJSON *member = item->child; member; member = member->next, count++) {
            assert(count < ARRAY_LENGTH(members));
            members[count] = member;
        }
        qsort(members, count, sizeof *members, by_name);
        buffer_char(text, '{');
        for (size_t i = 0; i < count; i++) {
            buffer_json(text, members[i]->string, strlen(members[i]->string));
            canonical_print(members[i], text);
        }
        buffer_char(text, '}');
    } else if (cJSON_IsArray(item)) {
        buffer_char(text, '[');
        for (const cJSON *element = item->child; element; element = element->next) {
            canonical_print(element, text);
            buffer_char(text, ',');
        }
        buffer_char(text, ']');
    } else {
        char *scalar = json_print(item);
        buffer_text(text, scalar ? scalar : "");
        text->has_failed |= !scalar;
        free(scalar);
    }
}

/* This comes behind the action's start function, which has taken passwords out of the parameters: no hash of one is
 * ever kept that is quickly guessed. */
static char *digest_params(const struct request *request, char digest[DIGEST_TEXT_SIZE])
{
    SCOPED(buffer_free) struct buffer text = {0};
    canonical_print(request->params, &text);
    return text.has_failed ? NULL : digest_text(text.bytes, text.length, digest);
}

/* ---- writer ---- */

enum status idempotency_work(struct request *request, struct db *db)
{
    if (request->kept->is_over)
        return request->work(request, db);
    request->is_replayed = false;
    free(TAKE(request->kept->answer));
    /* What may not be done any more may not be seen again either. */
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = answer_select(request, db);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = request->work(request, db);
    if (!status_is_ok(status))
        return status;
    request->kept->created_id = request->created_id;
    request->kept->answer = answer_print(request, status);
    enum status kept = answer_insert(request, db);
    return kept == STATUS_OK ? status : kept;
}

/* NOT_FOUND: it is new. */
static enum status answer_select(struct request *request, struct db *db)
{
    SCOPED(rows_end)
    struct rows *rows = db_query(
        db, "SELECT action, digest, answer, created_id FROM idempotency WHERE user_id = ?1 AND key = ?2 AND at > ?3",
        "iti", request->actor.user_id, request->idempotency_key, clock_wall_ms() - KEPT_MS);
    if (!rows)
        return STATUS_FAULT;
    if (!rows_next(rows)) {
        enum status status = rows_end(TAKE(rows));
        return status == STATUS_OK ? STATUS_NOT_FOUND : status;
    }
    if (strcmp(rows_text(rows, 0, NULL), request->route->name) != 0 ||
        strcmp(rows_text(rows, 1, NULL), request->kept->digest) != 0)
        return request_refuse(request, STATUS_INVALID,
                              "This idempotency key was used for another request already: take a new one.");
    if (!answer_read(request, rows_text(rows, 2, NULL), rows_int(rows, 3)))
        return FAULT("no memory, or the kept answer of %s is damaged", request->route->name);
    request->is_replayed = true;
    return request->status;
}

static enum status answer_insert(struct request *request, struct db *db)
{
    int64_t now_ms = clock_wall_ms();
    if (!request->kept->answer)
        return FAULT("no memory for the answer of %s", request->route->name);
    enum status status =
        db_run(db,
               "DELETE FROM idempotency WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency WHERE at <= ?1 "
               "ORDER BY at LIMIT ?2)",
               "ii", now_ms - KEPT_MS, (int64_t)PURGE_MAX);
    /* OR REPLACE: an old one may not have been purged yet. */
    if (status == STATUS_OK)
        status = db_run(db,
                        "INSERT OR REPLACE INTO idempotency(user_id, key, action, digest, answer, created_id, at) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        "ittttii", request->actor.user_id, request->idempotency_key, request->route->name,
                        request->kept->digest, request->kept->answer, request->kept->created_id, now_ms);
    return status;
}

/* ---- an answer as text: its status and version on the first line, the result behind it ---- */

static char *answer_print(const struct request *request, enum status status)
{
    SCOPED(buffer_free) struct buffer text = {0};
    buffer_printf(&text, "%s %lld\n", status_code(status), (long long)request->version);
    if (request->result.length)
        buffer_append(&text, request->result.bytes, request->result.length);
    text.has_failed |= request->result.has_failed;
    return buffer_take(&text, NULL);
}

static bool answer_read(struct request *request, const char *answer, int64_t created_id)
{
    char code[40];
    long long version;
    const char *result = strchr(answer, '\n');
    if (!result || sscanf(answer, "%39s %lld", code, &version) != 2)
        return false;
    struct buffer *json = request_result(request);
    buffer_text(json, result + 1);
    request->status = status_from_code(code);
    request->version = version;
    request->created_id = created_id;
    return !json->has_failed && status_is_ok(request->status);
}

/* ---- loop: behind ---- */

static void name_print(const struct request *request, char *name, size_t size)
{
    snprintf(name, size, "%lld %s", (long long)request->actor.user_id, request->idempotency_key);
}

void idempotency_finish(struct idempotency *idempotency, struct request *request)
{
    char name[sizeof((struct follower *)NULL)->name];
    if (!request->kept || !status_is_ok(request->status))
        return;
    name_print(request, name, sizeof name);
    if (request->is_replayed) {
        const struct follower *follower = text_map_get(idempotency->followers, name, strlen(name));
        if (follower && !answer_read(request, follower->answer, follower->created_id))
            request->status = FAULT("no memory for the answer of %s", request->route->name);
        return;
    }
    char *answer = request->kept->answer ? answer_print(request, request->status) : NULL;
    bool is_whole =
        !answer || (strcmp(answer, request->kept->answer) == 0 && request->created_id == request->kept->created_id);
    if (is_whole || !dispatch_store(request->dispatch))
        free(answer);
    else
        follow(idempotency, request, answer);
}

static enum status follow_work(struct store_job *job, struct db *db)
{
    struct follower *follower = container_of(job, struct follower, job);
    return db_run(db, "UPDATE idempotency SET answer = ?3, created_id = ?4 WHERE user_id = ?1 AND key = ?2", "itti",
                  follower->user_id, follower->key, follower->answer, follower->created_id);
}

static void follow_done(struct store_job *job)
{
    struct follower *follower = container_of(job, struct follower, job);
    text_map_remove(follower->owner->followers, follower->name, strlen(follower->name));
    free(follower->answer);
    free(follower);
}

/* If this cannot be done, the answer that is given again is the one that the work left: it tells what was made. */
static void follow(struct idempotency *idempotency, struct request *request, char *answer)
{
    struct follower *follower = calloc(1, sizeof *follower);
    if (!follower) {
        free(answer);
        return;
    }
    follower->owner = idempotency;
    follower->user_id = request->actor.user_id;
    follower->created_id = request->created_id;
    follower->answer = answer;
    memcpy(follower->key, request->idempotency_key, sizeof follower->key);
    name_print(request, follower->name, sizeof follower->name);
    follower->job.work = follow_work;
    follower->job.done = follow_done;
    if (!text_map_set(idempotency->followers, follower->name, strlen(follower->name), follower)) {
        free(follower->answer);
        free(follower);
        return;
    }
    store_write(dispatch_store(request->dispatch), &follower->job);
}
