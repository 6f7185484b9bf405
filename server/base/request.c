/* base/request.c: the life of a request between its door, the loop and the store. */
#include "base/request.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "base/etag.h"
#include "base/idempotency.h"
#include "base/turns.h"
#include "lib/clock.h"
#include "lib/utf8.h"

static enum status read_work(struct store_job *job, struct db *db);
static enum status write_work(struct store_job *job, struct db *db);
static void job_done(struct store_job *job);

static void answer_unsent(struct request *request, enum status status);

void request_write(struct request *request, request_work *work, request_done *done)
{
    struct store *store = dispatch_store(request->dispatch);
    request->work = work;
    request->done = done;
    request->acl_seen = 0;
    request->job.work = write_work;
    request->job.done = job_done;
    if (request->capture)
        request->capture(request, true);
    else if (!store)
        answer_unsent(request, STATUS_UNAVAILABLE);
    else if (!idempotency_begin(request))
        answer_unsent(request, FAULT("no memory for an idempotency key"));
    else
        store_write(store, &request->job);
}

void request_read(struct request *request, request_work *work, request_done *done)
{
    struct turns *turns = dispatch_turns(request->dispatch);
    request->work = work;
    request->done = done;
    request->acl_seen = 0;
    request->job.work = read_work;
    request->job.done = job_done;
    if (request->capture)
        request->capture(request, false);
    else if (!dispatch_store(request->dispatch))
        answer_unsent(request, STATUS_UNAVAILABLE);
    else if (turns_concern(request))
        turns_take(turns, request);
    else
        store_read(dispatch_store(request->dispatch), &request->job);
}

/* The node is closing, and what was on its way elsewhere (a password being hashed) comes too late; or the like. */
static void answer_unsent(struct request *request, enum status status)
{
    request->job.status = status;
    job_done(&request->job);
}

static enum status work_run(struct request *request, struct db *db, request_work *work)
{
    char before[REQUEST_ID_SIZE], ignored[REQUEST_ID_SIZE];
    /* A group that failed runs its jobs a second time: what the first time left must not be answered twice. */
    buffer_clear(&request->errors);
    free(TAKE(request->detail));
    status_set_request(request->id, before);
    enum status status = work(request, db);
    status_set_request(before, ignored);
    return status;
}

static enum status read_work(struct store_job *job, struct db *db)
{
    struct request *request = container_of(job, struct request, job);
    return work_run(request, db, request->work);
}

static enum status write_work(struct store_job *job, struct db *db)
{
    struct request *request = container_of(job, struct request, job);
    enum status status = work_run(request, db, request->kept ? idempotency_work : request->work);
    request->acl_seen = db_acl_version(db);
    return status;
}

static void job_done(struct store_job *job)
{
    struct request *request = container_of(job, struct request, job);
    struct dispatch *dispatch = request->dispatch;
    uint64_t acl_seen = request->acl_seen;
    char before[REQUEST_ID_SIZE], ignored[REQUEST_ID_SIZE];
    status_set_request(request->id, before);
    request->status = job->status;
    if (request->status == STATUS_BUSY)
        request->retry_after_s = 1;
    if (request->turn)
        turns_leave(dispatch_turns(dispatch), request);
    /* What was done before was told before. */
    if (request->done && !request->is_replayed)
        request->done(request);
    else
        request_finish(request, request->status);
    /* Writes are done in the order of their commits: what they changed up to here is in memory now. */
    dispatch_acl_applied(dispatch, acl_seen);
    status_set_request(before, ignored);
}

/* printf into @text; what does not fit is left out, but no half of a character stays. */
static void print_words(char *text, size_t size, const char *format, va_list values)
{
    vsnprintf(text, size, format, values);
    size_t length = 0, step;
    while ((step = utf8_step(text + length, strlen(text + length))))
        length += step;
    text[length] = '\0';
}

enum status request_refuse(struct request *request, enum status status, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    print_words(text, sizeof text, format, values);
    va_end(values);
    free(request->detail);
    request->detail = strdup(text);
    return status;
}

enum status request_invalid(struct request *request, const char *pointer, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    print_words(text, sizeof text, format, values);
    va_end(values);
    if (request->errors.length)
        buffer_char(&request->errors, ',');
    buffer_char(&request->errors, '{');
    buffer_json_member(&request->errors, "pointer", pointer);
    buffer_char(&request->errors, ',');
    buffer_json_member(&request->errors, "detail", text);
    buffer_char(&request->errors, '}');
    return STATUS_INVALID;
}

struct buffer *request_result(struct request *request)
{
    buffer_clear(&request->result);
    return &request->result;
}

/* True: it is not there, or fits into @to. */
static bool condition_take(struct request *request, const char *name, char *to, size_t size)
{
    cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(request->params, name);
    const char *text = json_text(item);
    bool is_fine = !item || (text && strlen(text) < size);
    if (text && is_fine)
        strcpy(to, text);
    cJSON_Delete(item);
    if (!is_fine)
        request_refuse(request, STATUS_MALFORMED, "\"%s\" must be a text of at most %zu bytes.", name, size - 1);
    return is_fine;
}

bool request_take_conditions(struct request *request)
{
    return condition_take(request, "if_match", request->if_match, sizeof request->if_match) &&
           condition_take(request, "idempotency_key", request->idempotency_key, sizeof request->idempotency_key);
}

struct permissions *request_permissions(struct request *request)
{
    return dispatch_permissions(request->dispatch);
}

struct sessions *request_sessions(struct request *request)
{
    return dispatch_sessions(request->dispatch);
}

enum status request_if_match(const struct request *request, int64_t version)
{
    return !request->if_match[0] || etag_list_has(request->if_match, version) ? STATUS_OK : STATUS_PRECONDITION;
}

enum status request_if_none_match(const struct request *request, int64_t version)
{
    return request->if_none_match[0] && etag_list_has(request->if_none_match, version) ? STATUS_NOT_MODIFIED
                                                                                       : STATUS_OK;
}

/* What the data base grants @actor on @model now, API tokens aside; to a superuser all. Rights are bits: their union
 * over the subjects is taken bit by bit. */
static enum status rights_select(struct db *db, const struct actor *actor, const char *model, unsigned *rights)
{
    int64_t found = 0;
    enum status status = db_get_int(
        db, &found,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM user WHERE id = ?1 AND superuser AND NOT disabled) THEN 15 ELSE "
        "ifnull(max(rights & 1) | max(rights & 2) | max(rights & 4) | max(rights & 8), 0) END FROM \"grant\" "
        "WHERE model = ?2 AND (until IS NULL OR until > ?3) AND (subject = 'everyone' OR (?1 > 0 AND subject = "
        "'members') OR user_id = ?1 OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1))",
        "iti", actor->user_id, model, clock_wall_ms());
    if (status == STATUS_OK)
        *rights = (unsigned)found;
    return status;
}

enum status request_rights_left(const struct request *request, struct db *db, const char *model, unsigned *rights)
{
    unsigned granted = 0;
    if (request->is_privileged || request->route->flags & ROUTE_NODE || db_acl_version(db) == request->acl_version)
        return STATUS_OK;
    enum status status = rights_select(db, &request->actor, model, &granted);
    *rights &= status == STATUS_OK ? granted : 0;
    return status;
}

enum status request_recheck(struct request *request, struct db *db)
{
    const struct actor *actor = &request->actor;
    const struct route *route = request->route;
    int64_t is_superuser = 0, session_id = actor->session_id < SESSION_LENT ? actor->session_id : 0;
    if (actor->is_shell || route->flags & ROUTE_NODE || db_acl_version(db) == request->acl_version)
        return STATUS_OK;
    request->rights = 0;
    request->is_privileged = false;
    request->lacks = 0;
    if (actor->user_id) {
        enum status status =
            db_get_int(db, &is_superuser,
                       "SELECT superuser FROM user WHERE id = ?1 AND disabled = 0 AND "
                       "(?2 = 0 OR EXISTS (SELECT 1 FROM session WHERE session.id = ?2 AND user_id = ?1))",
                       "ii", actor->user_id, session_id);
        if (status == STATUS_NOT_FOUND && route->flags & ROUTE_OPEN)
            return STATUS_OK; /* anyone may, also somebody who is nobody any more */
        if (status == STATUS_NOT_FOUND)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "Your session has ended: sign in again.");
        if (status != STATUS_OK)
            return status;
    }
    if (is_superuser && !actor->is_token) {
        request->rights = route->model ? RIGHT_ALL : 0;
        request->is_privileged = true;
        return STATUS_OK;
    }
    if (route->flags & ROUTE_SUPERUSER)
        return request_forbid(request, 0);
    if (!route->model)
        return STATUS_OK;
    /* To a superuser whose token this is, everything that it was made for. */
    enum status status = rights_select(db, actor, route->model, &request->rights);
    request->rights &= request->scope;
    unsigned missing = route->needs & ~request->rights;
    return status == STATUS_OK && missing ? request_forbid(request, missing) : status;
}

/* ---- parameters ---- */

char *param_pointer(const char *name, char pointer[PARAM_POINTER_SIZE])
{
    size_t length = 0, step;
    pointer[length++] = '/';
    for (const char *at = name; (step = utf8_step(at, strlen(at))) && length + 5 < PARAM_POINTER_SIZE; at += step) {
        /* RFC 6901: "~" is "~0", and "/" is "~1". */
        bool is_special = *at == '~' || *at == '/';
        memcpy(pointer + length, is_special ? (*at == '~' ? "~0" : "~1") : at, is_special ? 2 : step);
        length += is_special ? 2 : step;
    }
    pointer[length] = '\0';
    return pointer;
}

bool param_is_given(const struct request *request, const char *name)
{
    const cJSON *item = json_get(request->params, name);
    return item && !cJSON_IsNull(item);
}

static bool param_wrong(struct request *request, const char *name, const char *detail)
{
    char pointer[PARAM_POINTER_SIZE];
    request_invalid(request, param_pointer(name, pointer), "%s", detail);
    return false;
}

static const cJSON *param_find(struct request *request, const char *name, enum param_need need, bool *is_fine)
{
    *is_fine =
        param_is_given(request, name) || need == PARAM_OPTIONAL || param_wrong(request, name, "This is required.");
    return param_is_given(request, name) ? json_get(request->params, name) : NULL;
}

/* What stands in a query string is text: a canonical whole number there is a number. */
static bool query_int(const struct request *request, const cJSON *item, int64_t *number)
{
    const char *text = request->is_query ? json_text(item) : NULL;
    if (!text || strlen(text) > 16)
        return false;
    char *end;
    *number = strtoll(text, &end, 10);
    char again[24];
    snprintf(again, sizeof again, "%lld", (long long)*number);
    return *end == '\0' && strcmp(again, text) == 0;
}

bool param_int(struct request *request, const char *name, enum param_need need, int64_t least, int64_t most,
               int64_t *value)
{
    bool is_fine;
    const cJSON *item = param_find(request, name, need, &is_fine);
    if (!item)
        return is_fine;
    int64_t number;
    if ((json_int(item, &number) || query_int(request, item, &number)) && number >= least && number <= most) {
        *value = number;
        return true;
    }
    char detail[120];
    if (most >= INT64_MAX / 2)
        snprintf(detail, sizeof detail, "This must be a whole number from %lld up.", (long long)least);
    else
        snprintf(detail, sizeof detail, "This must be a whole number from %lld to %lld.", (long long)least,
                 (long long)most);
    return param_wrong(request, name, detail);
}

bool param_text(struct request *request, const char *name, enum param_need need, size_t least, size_t most,
                const char **value)
{
    bool is_fine;
    const cJSON *item = param_find(request, name, need, &is_fine);
    if (!item)
        return is_fine;
    const char *text = json_text(item);
    if (!text)
        return param_wrong(request, name, "This must be a text.");
    size_t count = utf8_count(text, strlen(text));
    char detail[160];
    if (count < least) {
        snprintf(detail, sizeof detail, "This must have at least %zu character%s.", least, least == 1 ? "" : "s");
        return param_wrong(request, name, detail);
    }
    if (count > most) {
        snprintf(detail, sizeof detail, "This has %zu characters; at most %zu are allowed.", count, most);
        return param_wrong(request, name, detail);
    }
    *value = text;
    return true;
}

bool param_bool(struct request *request, const char *name, enum param_need need, bool *value)
{
    bool is_fine;
    const cJSON *item = param_find(request, name, need, &is_fine);
    if (!item)
        return is_fine;
    const char *text = request->is_query ? json_text(item) : NULL;
    if (text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *value = text[0] == 't';
        return true;
    }
    if (!cJSON_IsBool(item))
        return param_wrong(request, name, "This must be true or false.");
    *value = cJSON_IsTrue(item);
    return true;
}

bool param_word(struct request *request, const char *name, enum param_need need, const char *const *words, int *index)
{
    bool is_fine;
    const cJSON *item = param_find(request, name, need, &is_fine);
    if (!item)
        return is_fine;
    const char *text = json_text(item);
    for (int i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return true;
        }
    SCOPED(buffer_free) struct buffer list = {0};
    for (int i = 0; words[i]; i++)
        buffer_printf(&list, "%s%s", i ? ", " : "", words[i]);
    char detail[256];
    snprintf(detail, sizeof detail, "This must be one of: %s.", list.bytes ? list.bytes : "");
    return param_wrong(request, name, detail);
}

bool params_only(struct request *request, const char *const *names)
{
    bool is_fine = true;
    for (const cJSON *item = request->params->child; item; item = item->next) {
        bool is_known = false;
        for (size_t i = 0; names && names[i] && !is_known; i++)
            is_known = strcmp(item->string, names[i]) == 0;
        if (is_known)
            continue;
        is_fine = param_wrong(request, item->string, "There is no such parameter.");
    }
    return is_fine;
}
