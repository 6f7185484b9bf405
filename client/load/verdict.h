/* verdict.h: the numbers of a run that may be bounded, and whether they are. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct options;
struct results;

/* Add @text, such as p99=50ms. False: the reason was said on stderr. */
bool limit_add(struct options *options, const char *text);
/* How many numbers are above what they may be, and whether sockets are missing. Each is told to @say, if it is not
 * NULL. */
size_t verdict_count(const struct options *options, const struct results *results,
                     void (*say)(void *context, const char *line), void *context);
