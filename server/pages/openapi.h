/* pages/openapi.h: the description of the API (OpenAPI 3.1), for programs at /api/v1/openapi.json and for people at
 * /api/docs. It is made when the program starts, from the routes and the models, so that it cannot drift from them.
 * What the routes do not tell of an application's own actions is in schema/api/actions.json. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/dispatch.h"
#include "lib/buffer.h"
#include "pages/pages.h"

#define OPENAPI_PATH      "/api/v1/openapi.json"
#define OPENAPI_DOCS_PATH "/api/docs"
#define OPENAPI_ETAG_SIZE 32

struct openapi_parts; /* opaque: only pages/openapi_parts.c looks inside */

/**
 * The document as text. Every route that has a path must be described, and what is described must have a route.
 * thread  before the loop runs
 * errors  INVALID: @why names the action that is not so
 */
enum status openapi_print(const struct dispatch *dispatch, struct buffer *json, char *why, size_t why_size);
/* Make the document one of the @pages; where the bundle has no page for people, a plain one says so. The same errors.
 * *@parts: the same for openapi_parts_answer(), the caller's to free; its models must outlive it. */
enum status openapi_add(const struct dispatch *dispatch, struct pages *pages, struct openapi_parts **parts, char *why,
                        size_t why_size);
/* Is @path one of the two? They lie among the actions' addresses, and are pages. */
bool openapi_is_path(const char *path);

/**
 * What of the document is about the models @words ("news,comment"), with all that it refers to, and its tag.
 * errors  NOT_FOUND: one is no model; MALFORMED: too many
 */
enum status openapi_parts_print(const struct openapi_parts *parts, const char *words, struct buffer *json,
                                char etag[OPENAPI_ETAG_SIZE]);
/* Answer @request if it asks for the description of some models: …/openapi.json?model=news. False: it does not. */
bool openapi_parts_answer(const struct openapi_parts *parts, struct http *http, const struct http_request *request);
void openapi_parts_free(struct openapi_parts *parts);
DEFINE_SCOPED(struct openapi_parts *, openapi_parts_free)
