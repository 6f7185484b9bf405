/* base/request.c: the life of a request between its door, the loop and the store. */
#include "base/request.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dispatch.h"
#include "lib/utf8.h"

static enum status job_work(struct store_job *job, struct db *db);
static void job_done(struct store_job *job);

static void prepare(struct request *request, request_work *work, request_done *done)
{
    request->work = work;
    request->done = done;
    request->job.work = job_work;
    request->job.done = job_done;
}

void request_write(struct request *request, request_work *work, request_done *done)
{
    prepare(request, work, done);
    store_write(dispatch_store(request->dispatch), &request->job);
}

void request_read(struct request *request, request_work *work, request_done *done)
{
    prepare(request, work, done);
    store_read(dispatch_store(request->dispatch), &request->job);
}

static enum status job_work(struct store_job *job, struct db *db)
{
    struct request *request = container_of(job, struct request, job);
    /* A group that failed runs its jobs a second time: what the first time left must not be answered twice. */
    buffer_clear(&request->errors);
    free(TAKE(request->detail));
    return request->work(request, db);
}

static void job_done(struct store_job *job)
{
    struct request *request = container_of(job, struct request, job);
    request->status = job->status;
    if (request->status == STATUS_BUSY)
        request->retry_after_s = 1;
    if (request->done)
        request->done(request);
    else
        request_finish(request, request->status);
}

enum status request_refuse(struct request *request, enum status status, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
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
    vsnprintf(text, sizeof text, format, values);
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
    if (request->actor.is_shell || db_acl_version(db) == request->acl_version)
        return STATUS_OK;
    if (request->actor.session_id) {
        int64_t alive = 0;
        enum status status = db_get_int(db, &alive, "SELECT 1 FROM session JOIN user ON user.id = user_id "
                                                    "WHERE session.id = ?1 AND disabled = 0",
                                        "i", request->actor.session_id);
        if (status == STATUS_NOT_FOUND)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "Your session has ended: sign in again.");
        if (status != STATUS_OK)
            return status;
    }
    int64_t is_superuser = 0, rights = 0;
    enum status status = db_get_int(db, &is_superuser, "SELECT superuser FROM user WHERE id = ?1 AND disabled = 0", "i",
                                    request->actor.user_id);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (is_superuser || request->route->flags & (ROUTE_OPEN | ROUTE_SIGNED_IN | ROUTE_NODE))
        return STATUS_OK;
    if (request->route->flags & ROUTE_SUPERUSER)
        return STATUS_FORBIDDEN;
    /* Rights are bits: their union over the subjects is taken bit by bit. */
    status = db_get_int(db, &rights,
                        "SELECT ifnull(max(rights & 1) | max(rights & 2) | max(rights & 4), 0) FROM \"grant\" "
                        "WHERE model = ?2 AND (subject = 'everyone' OR (?1 > 0 AND subject = 'members') OR user_id = ?1 "
                        "OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1))",
                        "it", request->actor.user_id, request->route->model);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    return ((unsigned)rights & request->route->needs) == request->route->needs ? STATUS_OK : STATUS_FORBIDDEN;
}

/* ---- parameters ---- */

static const cJSON *param_find(struct request *request, const char *name, enum param_need need, bool *is_fine)
{
    const cJSON *item = json_get(request->params, name);
    *is_fine = true;
    if (item && !cJSON_IsNull(item))
        return item;
    if (need == PARAM_REQUIRED) {
        char pointer[80];
        snprintf(pointer, sizeof pointer, "/%s", name);
        request_invalid(request, pointer, "This is required.");
        *is_fine = false;
    }
    return NULL;
}

static bool param_wrong(struct request *request, const char *name, const char *detail)
{
    char pointer[80];
    snprintf(pointer, sizeof pointer, "/%s", name);
    request_invalid(request, pointer, "%s", detail);
    return false;
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
        for (size_t i = 0; names[i] && !is_known; i++)
            is_known = strcmp(item->string, names[i]) == 0;
        if (is_known)
            continue;
        is_fine = false;
        char pointer[80];
        snprintf(pointer, sizeof pointer, "/%.64s", item->string);
        if (!utf8_is_valid(pointer, strlen(pointer))) /* cut inside a character */
            snprintf(pointer, sizeof pointer, "/");
        request_invalid(request, pointer, "There is no such parameter.");
    }
    return is_fine;
}
