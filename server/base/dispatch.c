/* base/dispatch.c: the joined table of actions and the one place where a right is asked for. */
#include "base/dispatch.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/etag.h"
#include "base/idempotency.h"
#include "base/refusal.h"
#include "base/turns.h"
#include "lib/clock.h"
#include "lib/hash.h"

#define SHAPE_SIZE 256 /* no address of ours is longer */

struct entry {
    const struct route *route;
    void *app;
    char *shape;       /* of its path, if the address alone tells it: see shape_make(); owned */
    size_t same_shape; /* the next route's index + 1; 0: none */
};
struct dispatch {
    const struct settings *settings;
    struct store *store;
    struct permissions *permissions;
    struct sessions *sessions;
    const struct models *models;
    struct model_actions *model_actions;
    dispatch_forward *forward; /* NULL: this is the home */
    void *forward_context;
    struct entry *entries;
    size_t count;
    struct text_map *by_name;  /* → route's index + 1 */
    struct text_map *by_shape; /* → the first route's index + 1 */
    size_t unshaped;           /* routes with a text in their path: the first one's index + 1 */
    struct idempotency *idempotency;
    struct turns *turns;
    struct refusals *refusals;
    uint64_t refused;
    uint64_t acl_version; /* up to which permissions and sessions in memory follow the data base */
    size_t in_flight;
};

static struct request *request_new(struct dispatch *dispatch, const struct entry *entry);
static void entry_file(struct dispatch *dispatch, size_t index);
static bool shape_make(const char *path, char shape[SHAPE_SIZE]);
static enum status actor_find(struct request *request);
static enum status conditions_check(struct request *request);
static bool path_matches(const char *pattern, const char *path, cJSON *params);
static enum status needs_check(struct request *request);

struct dispatch *dispatch_new(const struct settings *settings)
{
    SCOPED(dispatch_free) struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (!dispatch)
        return NULL;
    dispatch->settings = settings;
    dispatch->by_name = text_map_new();
    dispatch->by_shape = text_map_new();
    dispatch->idempotency = idempotency_new();
    dispatch->turns = turns_new(settings);
    dispatch->refusals = refusals_new();
    bool is_fine =
        dispatch->by_name && dispatch->by_shape && dispatch->idempotency && dispatch->turns && dispatch->refusals;
    return is_fine ? TAKE(dispatch) : NULL;
}

void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    text_map_free(dispatch->by_name);
    text_map_free(dispatch->by_shape);
    idempotency_free(dispatch->idempotency);
    turns_free(dispatch->turns);
    refusals_free(dispatch->refusals);
    for (size_t i = 0; i < dispatch->count; i++)
        free(dispatch->entries[i].shape);
    free(dispatch->entries);
    free(dispatch);
}

void dispatch_set_home(struct dispatch *dispatch, struct store *store, struct permissions *permissions,
                       struct sessions *sessions)
{
    dispatch->store = store;
    dispatch->permissions = permissions;
    dispatch->sessions = sessions;
    if (permissions)
        permissions_set_sessions(permissions, sessions);
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
        entries[dispatch->count] = (struct entry){.route = &routes[i], .app = app};
        entry_file(dispatch, dispatch->count);
        dispatch->count++;
        if (!text_map_set(dispatch->by_name, routes[i].name, strlen(routes[i].name), (void *)dispatch->count))
            abort();
    }
}

bool dispatch_knows(const struct dispatch *dispatch, const char *name)
{
    return text_map_get(dispatch->by_name, name, strlen(name)) != NULL;
}

const struct route *dispatch_route_next(const struct dispatch *dispatch, size_t *cursor)
{
    return *cursor < dispatch->count ? dispatch->entries[(*cursor)++].route : NULL;
}

struct request *dispatch_request(struct dispatch *dispatch, const char *name)
{
    size_t index = (size_t)text_map_get(dispatch->by_name, name, strlen(name));
    return index ? request_new(dispatch, &dispatch->entries[index - 1]) : NULL;
}

/* File the route under the shape of its path, behind the others there: methods are listed in the order of the table. */
static void entry_file(struct dispatch *dispatch, size_t index)
{
    struct entry *entry = &dispatch->entries[index];
    const char *path = entry->route->path;
    char shape[SHAPE_SIZE];
    size_t first = 0, length = 0;
    if (!path || entry->route->flags & ROUTE_NODE)
        return;
    bool is_shaped = !strchr(path, '*');
    if (is_shaped) {
        bool is_fine = shape_make(path, shape) && (entry->shape = strdup(shape));
        length = is_fine ? strlen(shape) : 0;
        first = is_fine ? (size_t)text_map_get(dispatch->by_shape, shape, length) : 0;
        if (!is_fine || (!first && !text_map_set(dispatch->by_shape, entry->shape, length, (void *)(index + 1))))
            abort();
    } else {
        first = dispatch->unshaped;
        if (!first)
            dispatch->unshaped = index + 1;
    }
    while (first) {
        struct entry *other = &dispatch->entries[first - 1];
        first = other->same_shape;
        if (!first)
            other->same_shape = index + 1;
    }
}

/* The path or pattern with ":" for each number and each ":id", so that an address is found at once: "room/7/join" and
 * "room/:id/join" are "room/:/join". False: too long for any. */
static bool shape_make(const char *path, char shape[SHAPE_SIZE])
{
    size_t length = 0;
    for (;;) {
        size_t part = strcspn(path, "/");
        bool is_parameter = path[0] == ':' || (part && strspn(path, "0123456789") >= part);
        size_t taken = is_parameter ? 1 : part;
        if (length + taken + 2 > SHAPE_SIZE)
            return false;
        memcpy(shape + length, is_parameter ? ":" : path, taken);
        length += taken;
        path += part;
        if (!*path)
            break;
        shape[length++] = *path++;
    }
    shape[length] = '\0';
    return true;
}

/* The route of @method among those from @index (+ 1) on that take @path; the others' methods are noted. */
static const struct entry *entry_find(struct dispatch *dispatch, size_t index, enum http_method method,
                                      const char *path, struct buffer *allow)
{
    for (const struct entry *entry; index; index = entry->same_shape) {
        entry = &dispatch->entries[index - 1];
        const struct route *route = entry->route;
        if (!path_matches(route->path, path, NULL))
            continue;
        if (route->method == method)
            return entry;
        buffer_printf(allow, "%s%s", allow->length ? ", " : "", http_method_text(route->method));
        if (route->method == HTTP_M_GET)
            buffer_text(allow, ", HEAD");
    }
    return NULL;
}

struct request *dispatch_request_http(struct dispatch *dispatch, enum http_method method, const char *path,
                                      enum status *status, struct buffer *allow)
{
    char shape[SHAPE_SIZE];
    if (method == HTTP_M_HEAD)
        method = HTTP_M_GET;
    size_t first = shape_make(path, shape) ? (size_t)text_map_get(dispatch->by_shape, shape, strlen(shape)) : 0;
    const struct entry *entry = entry_find(dispatch, first, method, path, allow);
    if (!entry)
        entry = entry_find(dispatch, dispatch->unshaped, method, path, allow);
    if (!entry) {
        *status = allow->length ? STATUS_METHOD_NOT_ALLOWED : STATUS_NOT_FOUND;
        return NULL;
    }
    struct request *request = request_new(dispatch, entry);
    if (request && path_matches(entry->route->path, path, request->params))
        return request;
    request_free(request);
    *status = STATUS_UNAVAILABLE;
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
    buffer_free(&request->needs);
    buffer_free(&request->result);
    free(request->session_token);
    free(request->persona);
    kept_free(request->kept);
    free(request);
}

void dispatch_start(struct request *request)
{
    struct dispatch *dispatch = request->dispatch;
    if (dispatch->forward) {
        dispatch->forward(dispatch->forward_context, request);
        return;
    }
    char before[REQUEST_ID_SIZE], ignored[REQUEST_ID_SIZE];
    status_set_request(request->id, before);
    enum status status = actor_find(request);
    if (status == STATUS_OK) {
        /* Not the data base's own: a change may be committed that memory does not know yet. */
        request->acl_version = dispatch->acl_version;
        request->is_privileged = permissions_is_superuser(dispatch->permissions, &request->actor);
        request->scope = permissions_scope(dispatch->permissions, &request->actor, request->route->model);
        if (request->route->model)
            request->rights = permissions_of(dispatch->permissions, &request->actor, request->route->model);
        status = needs_check(request);
    }
    if (status == STATUS_OK)
        status = conditions_check(request);
    if (status == STATUS_OK)
        request->route->start(request);
    else
        request_finish(request, status);
    status_set_request(before, ignored);
}

/* Who asks, by the sessions that are alive at this moment. */
static enum status actor_find(struct request *request)
{
    struct sessions *sessions = request->dispatch->sessions;
    int64_t now_ms = clock_wall_ms();
    if (request->credential[0]) {
        const struct session *session = sessions_find(sessions, request->credential, now_ms);
        request->actor = (struct actor){0};
        if (session)
            session_actor(session, &request->actor);
        /* A cookie is sent by itself, also an old one; a token in a header means to be somebody. */
        bool is_bearer = !request->csrf[0] && !(request->route->flags & ROUTE_NODE);
        if (!session && is_bearer)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "This token is not, or no longer, valid.");
    } else if (request->actor.session_id && !sessions_use(sessions, request->actor.session_id, now_ms)) {
        return request_refuse(request, STATUS_UNAUTHENTICATED, "Your session has ended: sign in again.");
    }
    return STATUS_OK;
}

static enum status conditions_check(struct request *request)
{
    if (!etag_list_is_fine(request->if_match, false))
        return request_refuse(request, STATUS_MALFORMED,
                              "If-Match is a version in quotes, such as \"3\", several with commas between, or *.");
    if (!etag_list_is_fine(request->if_none_match, true))
        return request_refuse(
            request, STATUS_MALFORMED,
            "If-None-Match is a version in quotes, such as \"3\", several with commas between, or *.");
    return idempotency_check(request);
}

static enum status needs_check(struct request *request)
{
    const struct route *route = request->route;
    const struct actor *actor = &request->actor;
    bool is_known = actor->user_id > 0 || actor->is_shell;
    if (route->flags & (ROUTE_OPEN | ROUTE_NODE))
        return STATUS_OK;
    if (route->flags & ROUTE_SIGNED_IN && actor->is_token && !(route->flags & ROUTE_TOKEN_OK))
        return request_refuse(request, STATUS_FORBIDDEN, "An API token may not do this: sign in.");
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

void dispatch_acl_applied(struct dispatch *dispatch, uint64_t version)
{
    if (version > dispatch->acl_version)
        dispatch->acl_version = version;
}

void request_finish(struct request *request, enum status status)
{
    request->status = status;
    if (status == STATUS_FORBIDDEN) {
        refusal_explain(request);
        request->dispatch->refused += !request->capture; /* in a batch it is the batch that is refused */
    }
    if (request->result.has_failed || request->errors.has_failed || request->needs.has_failed)
        request->status = FAULT("no memory for the answer of %s", request->route->name);
    idempotency_finish(request->dispatch->idempotency, request);
    if (request->reply)
        request->reply(request);
    request_free(request);
}

void request_problem(const struct request *request, struct buffer *json)
{
    /* Over a socket the command's number says which one it is. */
    const char *id = request->client[0] ? NULL : request->id;
    /* It may have been refused for one reason and answered for another. */
    const struct buffer *needs = request->status == STATUS_FORBIDDEN ? &request->needs : NULL;
    problem_print(request->status, request->detail, &request->errors, id, needs, json);
}

void problem_print(enum status status, const char *detail, const struct buffer *errors, const char *id,
                   const struct buffer *more, struct buffer *json)
{
    buffer_printf(json, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",",
                  status_words(status), status_http(status), status_code(status));
    buffer_json_member(json, "detail", detail ? detail : status_words(status));
    if (errors && errors->length)
        buffer_printf(json, ",\"errors\":[%s]", errors->bytes);
    if (id && id[0]) {
        buffer_char(json, ',');
        buffer_json_member(json, "request_id", id);
    }
    if (more && more->length) {
        buffer_char(json, ',');
        buffer_append(json, more->bytes, more->length);
    }
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
struct turns *dispatch_turns(const struct dispatch *dispatch)
{
    return dispatch->turns;
}
struct refusals *dispatch_refusals(const struct dispatch *dispatch)
{
    return dispatch->refusals;
}
uint64_t dispatch_refused(const struct dispatch *dispatch)
{
    return dispatch->refused;
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
void dispatch_set_model_actions(struct dispatch *dispatch, struct model_actions *actions)
{
    dispatch->model_actions = actions;
}
struct model_actions *dispatch_model_actions(const struct dispatch *dispatch)
{
    return dispatch->model_actions;
}
