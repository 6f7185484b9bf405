/* base/rest.h: the REST door: /api/v1/… to requests and their answers back. Loop thread. */
#pragma once
#include <stdbool.h>
#include "base/dispatch.h"
#include "net/http.h"

struct rest;
struct rest *rest_new(struct dispatch *dispatch, const struct settings *settings);
void rest_set_http(struct rest *rest, struct http *http);
void rest_free(struct rest *rest);
/* True: it is (or will be) answered; false: not below /api/. */
bool rest_handle(struct rest *rest, const struct http_request *http_request);

/* The address is there, but does not take the request's method: OPTIONS is told which (@allow, to which OPTIONS is
 * added), as are pages of listed origins that ask beforehand; any other is refused. */
void rest_answer_methods(struct http *http, const struct http_request *http_request, struct buffer *allow);

#define SESSION_COOKIE        "sid"        /* plain HTTP, for one's own machine */
#define SESSION_COOKIE_SECURE "__Host-sid" /* behind TLS */
