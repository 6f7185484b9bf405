/* pages/pages.h: the browser client's files, read once at the start and held in memory: no request
 * ever waits for a disk. The bundle says in its manifest.json what it holds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"
#include "lib/scope.h"
#include "net/http.h"

#define PAGES_BYTES_MAX (32 * 1024 * 1024) /* of all files together; a bundle is below 4 MB */

struct pages; /* opaque: only pages/pages.c looks inside */

/**
 * Read the bundle in @client_dir; "" or NULL: beside the program, where it was built or installed.
 * A folder without a bundle is no error: a plain page then says how to get one.
 * thread  before the loop runs: it reads files
 * owns    the caller frees *out
 * errors  INVALID: the bundle is damaged, @why says which file and how. FAULT: no memory.
 */
enum status pages_open(const char *client_dir, struct pages **out, char *why, size_t why_size);
/* After the front is closed: answers under way point into the pages. */
void pages_free(struct pages *pages);
DEFINE_SCOPED(struct pages *, pages_free)

/**
 * One more page, that the program made itself; with gzip, if that is shorter. @type is a literal, @body is copied.
 * thread  before the loop runs
 * errors  FAULT: no memory
 */
enum status pages_add(struct pages *pages, const char *path, const char *type, const char *body, size_t length);
/* Is there a page at just this address? */
bool pages_have(const struct pages *pages, const char *path);

/* False: the plain page stands in for the client. */
bool pages_has_client(const struct pages *pages);

/**
 * What a GET of @path is answered with. @accept_encoding and @if_none_match are the headers, or NULL.
 * False: the path is not a page of ours, *answer is untouched.
 */
bool pages_find(const struct pages *pages, const char *path, const char *accept_encoding, const char *if_none_match,
                struct http_answer *answer);
/* Answer @request if it asks for a page. True: answered; false: not a page of ours. */
bool pages_answer(struct pages *pages, struct http *http, const struct http_request *request);
