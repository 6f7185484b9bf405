/* lib/json.h: JSON from strangers. The raw bytes are checked before cJSON sees them. */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/scope.h"

#define JSON_DEPTH_MAX 32
#define JSON_KEYS_MAX  160  /* per object */
#define JSON_NODES_MAX 4096 /* values in the whole text */

/* Check one JSON value (RFC 8259, strict): UTF-8, depth, raw controls, duplicate keys (escapes
 * decoded), number grammar and range (finite as a double and no 0 by rounding, an integer literal below
 * 2^53, at most 63 bytes), no U+0000, no lone surrogate escapes, nothing behind it but white space.
 * Returns NULL if it is fine, else why not in plain words (a literal). */
const char *json_check(const char *text, size_t length);
/* The same; if it is not fine, *offset (may be NULL) tells where: for files that people write. */
const char *json_check_place(const char *text, size_t length, size_t *offset);
/* json_check(), then cJSON. NULL: *why (may be NULL) says why. The caller owns the tree.
 * thread  any, except that cJSON's global error pointer is never read */
cJSON *json_parse(const char *text, size_t length, const char **why);
static inline void json_free(cJSON *json)
{
    cJSON_Delete(json);
}
DEFINE_SCOPED(cJSON *, json_free)

/* Member @name (exact case) of @object, NULL if absent or @object is no object. */
const cJSON *json_get(const cJSON *object, const char *name);
/* True if @item is a number without fraction within ±(2^53-1), and not -0. */
bool json_int(const cJSON *item, int64_t *value);
/* The text of a string item, else NULL. */
const char *json_text(const cJSON *item);
/* The member's integer or text, or the fallback if it is absent or of another type. */
int64_t json_get_int(const cJSON *object, const char *name, int64_t fallback);
const char *json_get_text(const cJSON *object, const char *name);
bool json_get_bool(const cJSON *object, const char *name);
/* Compact text, the caller's to free(); NULL: no memory. Numbers come out exactly as they are, which
 * cJSON_Print() does not promise: of 9007199254740991 it makes 9.00719925474099e+15. */
char *json_print(const cJSON *item);
