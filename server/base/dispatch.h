/* base/dispatch.h: the way from a door to an action: find the route, check what it needs, start it. On an edge the
 * request goes to the home instead and is checked and started there. Loop thread. */
#pragma once
#include "base/request.h"
#include "base/session.h"
#include "settings.h"

struct dispatch;
struct models;
struct refusals;
struct turns;
/* Carry @request to the home and fill in its answer, then request_finish(). */
typedef void dispatch_forward(void *context, struct request *request);

struct dispatch *dispatch_new(const struct settings *settings);
void dispatch_free(struct dispatch *dispatch);
DEFINE_SCOPED(struct dispatch *, dispatch_free)
/* Home: where actions run. A NULL store: it is closed, and what still asks for it is answered UNAVAILABLE. */
void dispatch_set_home(struct dispatch *dispatch, struct store *store, struct permissions *permissions,
                       struct sessions *sessions);
/* Edge: how they travel. */
void dispatch_set_edge(struct dispatch *dispatch, dispatch_forward *forward, void *context);
bool dispatch_is_edge(const struct dispatch *dispatch);
/* @routes must outlive it. Stops the program on a route that names no need (a bug, found at every start). */
void dispatch_add(struct dispatch *dispatch, const struct route *routes, size_t count, void *app);

bool dispatch_knows(const struct dispatch *dispatch, const char *name);
/* All routes, one by one: *cursor begins as 0; NULL: that was the last. */
const struct route *dispatch_route_next(const struct dispatch *dispatch, size_t *cursor);
/* By rpc name; NULL: unknown. */
struct request *dispatch_request(struct dispatch *dispatch, const char *name);
/* By method and path below /api/v1/; path parameters are put into params. NULL: *status is NOT_FOUND or
 * METHOD_NOT_ALLOWED (then @allow lists the methods, for the header). */
struct request *dispatch_request_http(struct dispatch *dispatch, enum http_method method, const char *path,
                                      enum status *status, struct buffer *allow);
/* Check and start (or forward). The request's door is answered later or during the call. */
void dispatch_start(struct request *request);
/* Free a request that was never started. */
void request_free(struct request *request);

const struct settings *dispatch_settings(const struct dispatch *dispatch);
struct store *dispatch_store(const struct dispatch *dispatch);
struct permissions *dispatch_permissions(const struct dispatch *dispatch);
struct sessions *dispatch_sessions(const struct dispatch *dispatch);
/* All models; set once at start, before routes are added. */
void dispatch_set_models(struct dispatch *dispatch, const struct models *models);
const struct models *dispatch_models(const struct dispatch *dispatch);
/* What belongs to the models' own actions; for model_actions.c. */
struct model_actions;
void dispatch_set_model_actions(struct dispatch *dispatch, struct model_actions *actions);
struct model_actions *dispatch_model_actions(const struct dispatch *dispatch);
/* The data base's changes of permissions up to @version are in memory. For request.c. */
void dispatch_acl_applied(struct dispatch *dispatch, uint64_t version);
/* FORBIDDEN, for want of the first of the @missing rights on the route's model (none: it needs a superuser). The answer
 * will say whom to ask: see base/refusal.h. thread any */
enum status request_forbid(struct request *request, unsigned missing);
/* A problem document (RFC 9457). NULL @detail: the status's words; NULL or empty @errors, @id (of the request), @more
 * (members): none. */
void problem_print(enum status status, const char *detail, const struct buffer *errors, const char *id,
                   const struct buffer *more, struct buffer *json);
/* The request's answer as one. */
void request_problem(const struct request *request, struct buffer *json);
/* For request.c: who reads lists. */
struct turns *dispatch_turns(const struct dispatch *dispatch);
/* For refusal.c: whom it found lately. */
struct refusals *dispatch_refusals(const struct dispatch *dispatch);
/* Requests, of all doors, that were answered FORBIDDEN; a batch is one. */
uint64_t dispatch_refused(const struct dispatch *dispatch);
size_t dispatch_in_flight(const struct dispatch *dispatch);
