/* lib/pattern.h: regular expressions whose time grows with the text only, whatever the pattern says. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/scope.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PATTERN_BYTES_MAX 1000

struct pattern;
/**
 * Compile @text: the common part of ECMA-262's syntax and RE2's. It looks anywhere in a text; "^" and "$" are the
 * text's beginning and end.
 * errors  NULL, and the reason in @why: looking around and back references do not exist here
 */
struct pattern *pattern_new(const char *text, char *why, size_t why_size);
/* Is it somewhere in @text, which is UTF-8? thread any */
bool pattern_matches(const struct pattern *pattern, const char *text, size_t length);
void pattern_free(struct pattern *pattern);

#ifdef __cplusplus
}
#endif
DEFINE_SCOPED(struct pattern *, pattern_free)
