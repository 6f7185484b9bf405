/* base/scopes.h: what an API token may be used for: {"news":["read"],"*":["read"]} ("*": every model). The rights of
 * its owner still decide; scopes only take away. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/buffer.h"
#include "lib/json.h"

#define SCOPES_MAX 64 /* models named in one token */

struct scopes;
/**
 * owns    the caller frees it
 * errors  NULL, and in @why (if it is not NULL) what is wrong, in @pointer where: a JSON pointer below @json's own
 * place
 */
struct scopes *scopes_read(const cJSON *json, const char **why, char *pointer, size_t pointer_size);
/* The same from the text that scopes_print() made. NULL: no memory, or the text is damaged. */
struct scopes *scopes_parse(const char *text);
struct scopes *scopes_copy(const struct scopes *scopes);
void scopes_free(struct scopes *scopes);
DEFINE_SCOPED(struct scopes *, scopes_free)
/* The RIGHT_… that they leave on @model. */
unsigned scopes_of(const struct scopes *scopes, const char *model);
/* Walk, with *cursor = 0 first: the next model's name ("*") and rights; false at the end. */
bool scopes_next(const struct scopes *scopes, size_t *cursor, const char **model, unsigned *rights);
void scopes_print(const struct scopes *scopes, struct buffer *json);
