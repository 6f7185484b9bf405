/* base/request.c: the life of a request between its door, the loop and the store. */
#include "base/request.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "lib/utf8.h"

static enum status read_work(struct store_job *job, struct db *db);
static enum status write_work(struct store_job *job, struct db *db);
static void job_done(struct store_job *job);

typedef void hand_over(struct store *store, struct store_job *job);

static void submit(struct request *request, hand_over *way, request_work *work, request_done *done)
{
    struct store *store = dispatch_store(request->dispatch);
    request->work = work;
    request->done = done;
    request->acl_seen = 0;
    request->job.work = way == store_write ? write_work : read_work;
    request->job.done = job_done;
    if (store) {
        way(store, &request->job);
        return;
    }
    /* The node is closing: what was on its way elsewhere (a password being hashed) comes too late. */
    request->job.status = STATUS_UNAVAILABLE;
    job_done(&request->job);
}

void request_write(struct request *request, request_work *work, request_done *done)
{
    submit(request, store_write, work, done);
}

void request_read(struct request *request, request_work *work, request_done *done)
{
    submit(request, store_read, work, done);
}

static enum status read_work(struct store_job *job, struct db *db)
{
    struct request *request = container_of(job, struct request, job);
    /* A group that failed runs its jobs a second time: what the first time left must not be answered twice. */
    buffer_clear(&request->errors);
    free(TAKE(request->detail));
    return request->work(request, db);
}

static enum status write_work(struct store_job *job, struct db *db)
{
    enum status status = read_work(job, db);
    container_of(job, struct request, job)->acl_seen = db_acl_version(db);
    return status;
}

static void job_done(struct store_job *job)
{
    struct request *request = container_of(job, struct request, job);
    struct dispatch *dispatch = request->dispatch;
    uint64_t acl_seen = request->acl_seen;
    request->status = job->status;
    if (request->status == STATUS_BUSY)
        request->retry_after_s = 1;
    if (request->done)
        request->done(request);
    else
        request_finish(request, request->status);
    /* Writes are done in the order of their commits: what they changed up to here is in memory now. */
    dispatch_acl_applied(dispatch, acl_seen);
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

struct permissions *request_permissions(struct request *request)
{
    return dispatch_permissions(request->dispatch);
}

struct sessions *request_sessions(struct request *request)
{
    return dispatch_sessions(request->dispatch);
}

enum status request_recheck(struct request *request, struct db *db)
{
    const struct actor *actor = &request->actor;
    const struct route *route = request->route;
    int64_t is_superuser = 0, rights = 0;
    if (actor->is_shell || route->flags & (ROUTE_OPEN | ROUTE_NODE) || db_acl_version(db) == request->acl_version)
        return STATUS_OK;
    if (actor->user_id) {
        enum status status =
            db_get_int(db, &is_superuser,
                       "SELECT superuser FROM user WHERE id = ?1 AND disabled = 0 AND "
                       "(?2 = 0 OR EXISTS (SELECT 1 FROM session WHERE session.id = ?2 AND user_id = ?1))",
                       "ii", actor->user_id, actor->session_id);
        if (status == STATUS_NOT_FOUND)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "Your session has ended: sign in again.");
        if (status != STATUS_OK)
            return status;
    }
    if (is_superuser || route->flags & ROUTE_SIGNED_IN)
        return STATUS_OK;
    if (route->flags & ROUTE_SUPERUSER)
        return request_forbid(request, 0);
    /* Rights are bits: their union over the subjects is taken bit by bit. */
    enum status status =
        db_get_int(db, &rights,
                   "SELECT ifnull(max(rights & 1) | max(rights & 2) | max(rights & 4), 0) FROM \"grant\" "
                   "WHERE model = ?2 AND (subject = 'everyone' OR (?1 > 0 AND subject = 'members') OR user_id = ?1 "
                   "OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1))",
                   "it", actor->user_id, route->model);
    if (status != STATUS_OK)
        return status;
    unsigned missing = route->needs & ~(unsigned)rights;
    return missing ? request_forbid(request, missing) : STATUS_OK;
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
