/* base/batch.c: each operation is a request of its own that is started as if it had come alone, but instead of being
 * handed to the store its work is collected. One job then does the works in order, in one transaction; afterwards each
 * one's done function runs, and the answers are collected. Until then nobody has heard of anything. */
#include "base/batch.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/refusal.h"
#include "lib/scope.h"

enum operation_state { OPERATION_STARTING, OPERATION_COLLECTED, OPERATION_REFUSED, OPERATION_ANSWERED };

struct operation {
    struct request *request; /* NULL: it is gone */
    enum operation_state state;
    enum status status;   /* of its work; REFUSED, ANSWERED: of the whole */
    struct buffer answer; /* {"status":…,"body":…}; REFUSED: the elements of "errors" */
    char *detail;         /* REFUSED: why; may be NULL */
};
struct batch {
    struct request request;
    struct operation *operations;
    size_t count, unanswered;
    bool has_failed;           /* what follows was written by the work */
    size_t failed;             /* the operation that failed */
    void (*settle)(void *app); /* of request_settle(); NULL: nobody asked for it */
    void *settle_app;
};

static void batch_start(struct request *request);
static void batch_free(struct request *request);
static enum status operations_read(struct batch *batch);
static enum status operation_read(struct batch *batch, size_t index, cJSON *item);
static bool operation_start(struct batch *batch, size_t index);
static void operation_capture(struct request *request, bool is_write);
static void operation_came_late(struct request *request, bool is_write);
static void operation_reply(struct request *request);
static enum status batch_work(struct request *request, struct db *db);
static void batch_done(struct request *request);
static void batch_settle(struct batch *batch);
static enum status batch_refuse(struct batch *batch, size_t index, enum status status, const char *detail,
                                const struct buffer *errors);
static void needs_take(struct batch *batch, const struct request *part);
static void answer_print(const struct request *part, enum status status, struct buffer *json);
static void batch_print(const struct batch *batch, struct buffer *json);
static void batch_answer(struct batch *batch);

static const struct route batch_routes[] = {
    {"batch.create", HTTP_M_POST, "batch", ROUTE_OPEN, NULL, 0, batch_start, sizeof(struct batch), batch_free}};

void batch_add(struct dispatch *dispatch)
{
    dispatch_add(dispatch, batch_routes, ARRAY_LENGTH(batch_routes), NULL);
}

static struct batch *batch_of(struct request *request)
{
    return container_of(request, struct batch, request);
}

/* An operation that is not collected may still be on its way elsewhere: it is left alone and ends by itself. */
static void batch_free(struct request *request)
{
    struct batch *batch = batch_of(request);
    for (size_t i = 0; i < batch->count; i++) {
        struct operation *operation = &batch->operations[i];
        if (operation->request && operation->state == OPERATION_STARTING && operation->request->capture) {
            operation->request->reply = NULL;
            operation->request->capture = operation_came_late;
        } else {
            request_free(operation->request);
        }
        buffer_free(&operation->answer);
        free(operation->detail);
    }
    free(batch->operations);
}

/* ---- start: each operation, in order, up to the first that cannot be done ---- */

static void batch_start(struct request *request)
{
    static const char *const names[] = {"operations", NULL};
    struct batch *batch = batch_of(request);
    enum status status = params_only(request, names) ? operations_read(batch) : STATUS_INVALID;
    for (size_t i = 0; i < batch->count && status == STATUS_OK; i++) {
        const struct operation *operation = &batch->operations[i];
        if (!operation_start(batch, i))
            status = batch_refuse(batch, i, operation->status, operation->detail, &operation->answer);
    }
    if (status == STATUS_OK)
        request_write(request, batch_work, batch_done);
    else
        request_finish(request, status);
}

/* The whole fails as one of its operations does, and says which. */
static enum status batch_refuse(struct batch *batch, size_t index, enum status status, const char *detail,
                                const struct buffer *errors)
{
    struct request *request = &batch->request;
    char pointer[PARAM_POINTER_SIZE * 2];
    SCOPED(buffer_free) struct buffer list = {0};
    buffer_printf(&list, "[%s]", errors->length ? errors->bytes : "");
    SCOPED(json_free) cJSON *items = list.has_failed ? NULL : json_parse(list.bytes, list.length, NULL);
    const cJSON *item = items ? items->child : NULL;
    if (!detail)
        detail = status_words(status);
    snprintf(pointer, sizeof pointer, "/operations/%zu", index);
    if (!item)
        request_invalid(request, pointer, "%s", detail);
    for (; item; item = item->next) {
        const char *place = json_get_text(item, "pointer"), *words = json_get_text(item, "detail");
        snprintf(pointer, sizeof pointer, "/operations/%zu/params%.*s", index, PARAM_POINTER_SIZE, place ? place : "");
        request_invalid(request, pointer, "%s", words ? words : detail);
    }
    return request_refuse(request, status, "Nothing was changed, because operation %zu (counted from 0) failed: %s",
                          index, detail);
}

static enum status operations_read(struct batch *batch)
{
    struct request *request = &batch->request;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(request->params, "operations");
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    if (count < 1 || count > BATCH_OPERATIONS_MAX)
        return request_invalid(request, "/operations", "This must be a list of 1 to %d operations.",
                               BATCH_OPERATIONS_MAX);
    batch->operations = calloc((size_t)count, sizeof *batch->operations);
    if (!batch->operations)
        return FAULT("no memory for a batch");
    batch->count = (size_t)count;
    enum status status = STATUS_OK;
    size_t index = 0;
    for (cJSON *item = list->child; item; item = item->next, index++) {
        enum status read = operation_read(batch, index, item);
        status = read == STATUS_OK ? status : read;
    }
    return status;
}

/* {"action":"news.create","params":{…}} */
static enum status operation_read(struct batch *batch, size_t index, cJSON *item)
{
    struct request *request = &batch->request;
    char pointer[PARAM_POINTER_SIZE];
    const char *action = json_get_text(item, "action");
    const cJSON *params = json_get(item, "params");
    snprintf(pointer, sizeof pointer, "/operations/%zu", index);
    if (!action || (params && !cJSON_IsObject(params)) || cJSON_GetArraySize(item) != (params ? 2 : 1))
        return request_invalid(request, pointer, "This must be {\"action\": …, \"params\": {…}}.");
    struct request *part = dispatch_request(request->dispatch, action);
    if (part && part->route->flags & ROUTE_NODE) {
        request_free(part);
        part = NULL;
    }
    if (!part) {
        snprintf(pointer, sizeof pointer, "/operations/%zu/action", index);
        return request_invalid(request, pointer, "There is no such action.");
    }
    batch->operations[index].request = part;
    if (params) {
        cJSON_Delete(part->params);
        part->params = cJSON_DetachItemFromObjectCaseSensitive(item, "params");
    }
    part->actor = request->actor;
    memcpy(part->peer, request->peer, sizeof part->peer);
    memcpy(part->agent, request->agent, sizeof part->agent);
    memcpy(part->client, request->client, sizeof part->client);
    memcpy(part->id, request->id, sizeof part->id);
    part->reply = operation_reply;
    part->door = batch;
    part->door_id = index;
    return STATUS_OK;
}

/* False: it was refused, or is no single write. */
static bool operation_start(struct batch *batch, size_t index)
{
    struct operation *operation = &batch->operations[index];
    struct request *request = operation->request;
    const struct route *route = request->route;
    bool is_possible = !(route->flags & (ROUTE_HTTP_ONLY | ROUTE_SECRET)) && route->start != batch_start;
    enum status status = STATUS_OK;
    if (!request_take_conditions(request))
        status = STATUS_MALFORMED;
    else if (request->idempotency_key[0])
        status = request_refuse(request, STATUS_MALFORMED, "An idempotency key is for the batch as a whole.");
    request->capture = operation_capture;
    if (!is_possible)
        operation_capture(request, false);
    else if (status == STATUS_OK)
        dispatch_start(request);
    else
        request_finish(request, status);
    if (operation->state == OPERATION_STARTING) { /* it asks somebody else first: a password is being hashed */
        static const char words[] = "This action takes more than one step: it cannot be part of a batch.";
        operation->status = STATUS_MALFORMED;
        operation->detail = strdup(words);
    }
    return operation->state == OPERATION_COLLECTED;
}

static void operation_capture(struct request *request, bool is_write)
{
    struct batch *batch = request->door;
    if (is_write) {
        batch->operations[request->door_id].state = OPERATION_COLLECTED;
        return;
    }
    request_refuse(request, STATUS_MALFORMED,
                   "Only actions that change something, in one step, can be part of a batch.");
    request_finish(request, STATUS_MALFORMED);
}

static void operation_came_late(struct request *request, bool is_write)
{
    (void)is_write;
    request_finish(request, STATUS_UNAVAILABLE); /* nobody waits for it */
}

/* ---- the works, as one ---- */

static enum status batch_work(struct request *request, struct db *db)
{
    struct batch *batch = batch_of(request);
    batch->has_failed = false;
    for (size_t i = 0; i < batch->count; i++) {
        struct operation *operation = &batch->operations[i];
        struct request *part = operation->request;
        buffer_clear(&part->errors);
        free(TAKE(part->detail));
        /* It looks at rights anew if an operation before it has changed some. */
        operation->status = part->work(part, db);
        if (status_is_ok(operation->status))
            continue;
        batch->has_failed = true;
        batch->failed = i;
        return operation->status;
    }
    /* What is kept for an idempotency key if the server ends before the done functions have run. */
    batch_print(batch, request_result(request));
    return STATUS_OK;
}

static void batch_done(struct request *request)
{
    struct batch *batch = batch_of(request);
    if (request->status != STATUS_OK) {
        if (batch->has_failed && request->status == batch->operations[batch->failed].status) {
            struct request *part = batch->operations[batch->failed].request;
            request->retry_after_s = part->retry_after_s;
            refusal_explain(part);
            needs_take(batch, part);
            batch_refuse(batch, batch->failed, request->status, part->detail, &part->errors);
        }
        request_finish(request, request->status);
        return;
    }
    /* One more, so that the last answer does not end the batch while this still looks at it. */
    batch->unanswered = batch->count + 1;
    for (size_t i = 0; i < batch->count; i++) {
        struct request *part = batch->operations[i].request;
        if (part->app != batch->settle_app)
            batch_settle(batch);
        part->capture = NULL;
        part->job.status = part->status = batch->operations[i].status;
        if (part->done)
            part->done(part);
        else
            request_finish(part, part->status);
    }
    batch_settle(batch);
    batch_answer(batch);
}

void request_settle(struct request *request, void (*settle)(void *app))
{
    struct batch *batch = request->reply == operation_reply ? request->door : NULL;
    if (!batch) {
        settle(request->app);
        return;
    }
    batch->settle = settle;
    batch->settle_app = request->app;
}

static void batch_settle(struct batch *batch)
{
    void (*settle)(void *app) = TAKE(batch->settle);
    if (settle)
        settle(TAKE(batch->settle_app));
}

/* What @part lacks, the whole lacks. */
static void needs_take(struct batch *batch, const struct request *part)
{
    buffer_clear(&batch->request.needs);
    if (part->needs.length)
        buffer_append(&batch->request.needs, part->needs.bytes, part->needs.length);
}

/* The door of an operation. */
static void operation_reply(struct request *request)
{
    struct batch *batch = request->door;
    struct operation *operation = &batch->operations[request->door_id];
    operation->request = NULL; /* it is freed behind this */
    if (operation->state == OPERATION_STARTING) {
        operation->state = OPERATION_REFUSED;
        operation->status = status_is_ok(request->status) ? STATUS_MALFORMED : request->status;
        operation->detail = status_is_ok(request->status) ? strdup("This action changes nothing.") : request->detail;
        request->detail = status_is_ok(request->status) ? request->detail : NULL;
        buffer_append(&operation->answer, request->errors.bytes, request->errors.length);
        needs_take(batch, request);
        if (request->retry_after_s)
            batch->request.retry_after_s = request->retry_after_s;
        return;
    }
    assert(operation->state == OPERATION_COLLECTED);
    operation->state = OPERATION_ANSWERED;
    answer_print(request, request->status, &operation->answer);
    batch_answer(batch);
}

static void answer_print(const struct request *part, enum status status, struct buffer *json)
{
    bool is_empty = status_is_ok(status) && !part->result.length;
    buffer_printf(json, "{\"status\":%d,\"body\":", status_http(is_empty ? STATUS_NO_CONTENT : status));
    if (!status_is_ok(status))
        request_problem(part, json);
    else
        buffer_text(json, is_empty ? "null" : part->result.bytes);
    buffer_char(json, '}');
    json->has_failed |= part->result.has_failed;
}

static void batch_print(const struct batch *batch, struct buffer *json)
{
    buffer_text(json, "{\"results\":[");
    for (size_t i = 0; i < batch->count; i++) {
        const struct operation *operation = &batch->operations[i];
        if (i)
            buffer_char(json, ',');
        if (operation->request)
            answer_print(operation->request, operation->status, json);
        else
            buffer_append(json, operation->answer.bytes, operation->answer.length);
        json->has_failed |= operation->answer.has_failed;
    }
    buffer_text(json, "]}");
}

static void batch_answer(struct batch *batch)
{
    if (--batch->unanswered)
        return;
    batch_print(batch, request_result(&batch->request));
    request_finish(&batch->request, STATUS_OK);
}
