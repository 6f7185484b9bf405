/* base/dispatch.c: the joined table of actions and the one place where a right is asked for. */
#include "base/dispatch.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/hash.h"

struct entry {
    const struct route *route;
    void *app;
};
struct dispatch {
    const struct settings *settings;
    struct store *store;
    struct permissions *permissions;
    struct sessions *sessions;
    const struct models *models;
    dispatch_forward *forward; /* NULL: this is the home */
    void *forward_context;
    struct entry *entries;
    size_t count;
    struct text_map *by_name; /* → route's index + 1 */
    uint64_t acl_version;     /* up to which permissions and sessions in memory follow the data base */
    size_t in_flight;
};

static struct request *request_new(struct dispatch *dispatch, const struct entry *entry);
static bool path_matches(const char *pattern, const char *path, cJSON *params);
static enum status needs_check(struct request *request);

struct dispatch *dispatch_new(const struct settings *settings)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (!dispatch)
        return NULL;
    dispatch->settings = settings;
    dispatch->by_name = text_map_new();
    if (!dispatch->by_name) {
        free(dispatch);
        return NULL;
    }
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    text_map_free(dispatch->by_name);
    free(dispatch->entries);
    free(dispatch);
}

void dispatch_set_home(struct dispatch *dispatch, struct store *store, struct permissions *permissions,
                       struct sessions *sessions)
{
    dispatch->store = store;
    dispatch->permissions = permissions;
    dispatch->sessions = sessions;
}

void dispatch_set_edge(struct dispatch *dispatch, dispatch_forward *forward, void *context)
{
    dispatch->forward = forward;
    dispatch->forward_context = context;
}

bool dispatch_is_edge(const struct dispatch *dispatch)
{
    return dispatch->forward != NULL;
}

void dispatch_add(struct dispatch *dispatch, const struct route *routes, size_t count, void *app)
{
    struct entry *entries = reallocarray(dispatch->entries, dispatch->count + count, sizeof *entries);
    if (!entries)
        abort();
    dispatch->entries = entries;
    for (size_t i = 0; i < count; i++) {
        unsigned needs = routes[i].flags & (ROUTE_OPEN | ROUTE_SIGNED_IN | ROUTE_MODEL | ROUTE_SUPERUSER | ROUTE_NODE);
        /* A route that forgets what it needs is a hole: the program does not start with it. */
        if (!needs || needs & (needs - 1) || ((needs == ROUTE_MODEL) != (routes[i].model && routes[i].needs)))
            abort();
        if (dispatch_knows(dispatch, routes[i].name))
            abort();
        entries[dispatch->count] = (struct entry){&routes[i], app};
        dispatch->count++;
        if (!text_map_set(dispatch->by_name, routes[i].name, strlen(routes[i].name), (void *)dispatch->count))
            abort();
    }
}

bool dispatch_knows(const struct dispatch *dispatch, const char *name)
{
    return text_map_get(dispatch->by_name, name, strlen(name)) != NULL;
}

struct request *dispatch_request(struct dispatch *dispatch, const char *name)
{
    size_t index = (size_t)text_map_get(dispatch->by_name, name, strlen(name));
    return index ? request_new(dispatch, &dispatch->entries[index - 1]) : NULL;
}

struct request *dispatch_request_http(struct dispatch *dispatch, enum http_method method, const char *path,
                                      enum status *status, struct buffer *allow)
{
    if (method == HTTP_M_HEAD)
        method = HTTP_M_GET;
    *status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < dispatch->count; i++) {
        const struct route *route = dispatch->entries[i].route;
        if (!route->path || route->flags & ROUTE_NODE || !path_matches(route->path, path, NULL))
            continue;
        if (route->method == method) {
            struct request *request = request_new(dispatch, &dispatch->entries[i]);
            if (request && path_matches(route->path, path, request->params))
                return request;
            request_free(request);
            *status = STATUS_UNAVAILABLE;
            return NULL;
        }
        *status = STATUS_METHOD_NOT_ALLOWED;
        buffer_printf(allow, "%s%s", allow->length ? ", " : "", http_method_text(route->method));
        if (route->method == HTTP_M_GET)
            buffer_text(allow, ", HEAD");
    }
    return NULL;
}

/* Canonical: no sign, no leading zero, below 2^53. */
static bool id_read(const char *text, size_t length, int64_t *id)
{
    int64_t value = 0;
    if (!length || length > 15 || (text[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *id = value;
    return true;
}

static bool path_matches(const char *pattern, const char *path, cJSON *params)
{
    for (;;) {
        size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");
        if (pattern[0] == ':') {
            bool is_text = pattern[want - 1] == '*';
            int64_t id = 0;
            if (!have || (!is_text && !id_read(path, have, &id)))
                return false;
            if (params) {
                char name[32], *text = is_text ? strndup(path, have) : NULL;
                size_t length = want - 1 - is_text;
                assert(length < sizeof name);
                memcpy(name, pattern + 1, length);
                name[length] = '\0';
                cJSON *item = is_text ? (text ? cJSON_CreateString(text) : NULL) : cJSON_CreateNumber((double)id);
                free(text);
                if (!item || !cJSON_AddItemToObject(params, name, item))
                    return false;
            }
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
        if (!*pattern || !*path)
            return *pattern == *path;
        pattern++;
        path++;
    }
}

static struct request *request_new(struct dispatch *dispatch, const struct entry *entry)
{
    size_t size = entry->route->size ? entry->route->size : sizeof(struct request);
    struct request *request = calloc(1, size);
    if (!request)
        return NULL;
    request->params = cJSON_CreateObject();
    if (!request->params) {
        free(request);
        return NULL;
    }
    request->route = entry->route;
    request->app = entry->app;
    request->dispatch = dispatch;
    dispatch->in_flight++;
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    request->dispatch->in_flight--;
    if (request->route->free)
        request->route->free(request);
    cJSON_Delete(request->params);
    free(request->detail);
    buffer_free(&request->errors);
    buffer_free(&request->result);
    free(request->session_token);
    free(request);
}

void dispatch_start(struct request *request)
{
    struct dispatch *dispatch = request->dispatch;
    if (dispatch->forward) {
        dispatch->forward(dispatch->forward_context, request);
        return;
    }
    if (request->credential[0]) {
        const struct session *session = sessions_find(dispatch->sessions, request->credential, clock_wall_ms());
        request->actor = (struct actor){0};
        if (session)
            session_actor(session, &request->actor);
    } else if (request->actor.session_id &&
               !sessions_use(dispatch->sessions, request->actor.session_id, clock_wall_ms())) {
        request_refuse(request, STATUS_UNAUTHENTICATED, "Your session has ended: sign in again.");
        request_finish(request, STATUS_UNAUTHENTICATED);
        return;
    }
    /* Not the data base's own: a change may be committed that memory does not know yet. */
    request->acl_version = dispatch->acl_version;
    enum status status = needs_check(request);
    if (status == STATUS_OK)
        request->route->start(request);
    else
        request_finish(request, status);
}

static enum status needs_check(struct request *request)
{
    const struct route *route = request->route;
    const struct actor *actor = &request->actor;
    bool is_known = actor->user_id > 0 || actor->is_shell;
    if (route->flags & (ROUTE_OPEN | ROUTE_NODE))
        return STATUS_OK;
    if (route->flags & ROUTE_SIGNED_IN)
        return is_known ? STATUS_OK : STATUS_UNAUTHENTICATED;
    if (route->flags & ROUTE_SUPERUSER && permissions_is_superuser(request->dispatch->permissions, actor))
        return STATUS_OK;
    if (route->flags & ROUTE_MODEL &&
        permissions_allow(request->dispatch->permissions, actor, route->model, route->needs))
        return STATUS_OK;
    if (!is_known)
        return STATUS_UNAUTHENTICATED;
    unsigned have = route->model ? permissions_of(request->dispatch->permissions, actor, route->model) : 0;
    return request_forbid(request, route->needs & ~have);
}

enum status request_forbid(struct request *request, unsigned missing)
{
    if (!missing)
        return request_refuse(request, STATUS_FORBIDDEN, "Only an administrator may do this.");
    const char *right = missing & RIGHT_READ ? "read" : missing & RIGHT_WRITE ? "write" : "delete";
    return request_refuse(request, STATUS_FORBIDDEN,
                          "You lack the permission \"%s\" on \"%s\"; an administrator can grant it.", right,
                          request->route->model);
}

void dispatch_acl_applied(struct dispatch *dispatch, uint64_t version)
{
    if (version > dispatch->acl_version)
        dispatch->acl_version = version;
}

void request_finish(struct request *request, enum status status)
{
    request->status = status;
    if (request->result.has_failed || request->errors.has_failed)
        request->status = FAULT("no memory for the answer of %s", request->route->name);
    if (request->reply)
        request->reply(request);
    request_free(request);
}

void request_problem(const struct request *request, struct buffer *json)
{
    problem_print(request->status, request->detail, &request->errors, json);
}

void problem_print(enum status status, const char *detail, const struct buffer *errors, struct buffer *json)
{
    buffer_printf(json, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",",
                  status_words(status), status_http(status), status_code(status));
    buffer_json_member(json, "detail", detail ? detail : status_words(status));
    if (errors && errors->length)
        buffer_printf(json, ",\"errors\":[%s]", errors->bytes);
    buffer_char(json, '}');
}

const struct settings *dispatch_settings(const struct dispatch *dispatch)
{
    return dispatch->settings;
}
struct store *dispatch_store(const struct dispatch *dispatch)
{
    return dispatch->store;
}
struct permissions *dispatch_permissions(const struct dispatch *dispatch)
{
    return dispatch->permissions;
}
struct sessions *dispatch_sessions(const struct dispatch *dispatch)
{
    return dispatch->sessions;
}
size_t dispatch_in_flight(const struct dispatch *dispatch)
{
    return dispatch->in_flight;
}
void dispatch_set_models(struct dispatch *dispatch, const struct models *models)
{
    dispatch->models = models;
}
const struct models *dispatch_models(const struct dispatch *dispatch)
{
    return dispatch->models;
}
