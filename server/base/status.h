/* base/status.h: every way a request can end, with its HTTP status, its code on the realtime
 * protocol, its stable name and its words. */
#pragma once
#include <stdbool.h>

/* name, http, realtime, code, words */
#define STATUS_TABLE(X)                                                                                                \
    X(OK, 200, 0, "ok", "done")                                                                                        \
    X(CREATED, 201, 0, "created", "created")                                                                           \
    X(NO_CONTENT, 204, 0, "no_content", "done")                                                                        \
    X(NOT_MODIFIED, 304, 0, "not_modified", "You have the newest version.")                                            \
    X(MALFORMED, 400, 107, "malformed", "The request is malformed.")                                                   \
    X(UNAUTHENTICATED, 401, 101, "unauthenticated", "Sign in first.")                                                  \
    X(TOKEN_INVALID, 401, 101, "token_invalid", "This token is not valid here.")                                       \
    X(TOKEN_EXPIRED, 401, 109, "token_expired", "This token has expired: get a new one.")                              \
    X(FORBIDDEN, 403, 103, "forbidden", "You may not do this.")                                                        \
    X(NOT_FOUND, 404, 102, "not_found", "There is nothing here that you may see.")                                     \
    X(METHOD_NOT_ALLOWED, 405, 104, "method_not_allowed", "This address does not take that method.")                   \
    X(CONFLICT, 409, 409, "conflict", "This is in conflict with what is there.")                                       \
    X(LAST_ADMINISTRATOR, 409, 409, "last_administrator", "This is the last administrator: make another one first.")   \
    X(PRECONDITION, 412, 412, "precondition_failed", "It was changed by somebody else meanwhile.")                     \
    X(TOO_LARGE, 413, 107, "too_large", "The request is too large.")                                                   \
    X(MEDIA_TYPE, 415, 107, "media_type", "Send the body as application/json.")                                        \
    X(INVALID, 422, 107, "invalid", "Some fields are not right.")                                                      \
    X(TOO_MANY, 429, 111, "too_many_requests", "Too many requests: wait and try again.")                               \
    X(FAULT, 500, 100, "fault", "The server failed, and noted it.")                                                    \
    X(BUSY, 503, 111, "busy", "The server is busy: try again in a moment.")                                            \
    X(UNAVAILABLE, 503, 100, "unavailable", "The server cannot do this right now: try again soon.")                    \
    X(NO_SPACE, 507, 100, "no_space", "The server's disk is full: nothing was saved. Reading goes on.")                \
    X(UNRECOVERABLE, 409, 112, "unrecoverable", "The position is unknown: reload from the start.")                     \
    X(SUBSCRIBED, 409, 105, "already_subscribed", "You are subscribed to this channel already.")                       \
    X(UNKNOWN_METHOD, 404, 108, "unknown_method", "There is no such method.")                                          \
    X(LIMIT, 400, 106, "limit_exceeded", "That is more than is allowed.")

#define STATUS_ENUM(name, http, realtime, code, words) STATUS_##name,
enum status { STATUS_TABLE(STATUS_ENUM) STATUS_COUNT };

int status_http(enum status status);
int status_realtime(enum status status); /* 0: success */
const char *status_code(enum status status);
const char *status_words(enum status status);
static inline bool status_is_ok(enum status status)
{
    return status <= STATUS_NOT_MODIFIED;
}
/* A client may try the same again later. */
bool status_is_temporary(enum status status);
/* The status whose code is @code; STATUS_FAULT if there is none. */
enum status status_from_code(const char *code);

#define REQUEST_ID_SIZE 65 /* 64 characters and the NUL */
/* What this thread works on, for the lines of its faults: @id ("": nothing). @before gets what it was. */
void status_set_request(const char *id, char before[REQUEST_ID_SIZE]);
void status_fault(const char *function, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A fault is ours: logged once, where it is found. */
#define FAULT(...) (status_fault(__func__, __VA_ARGS__), STATUS_FAULT)
