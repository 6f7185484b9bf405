/* secret.h: a secret that a setting holds or names the file of. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/scope.h"

/* @value is the secret, or @ and the path of a file whose first line it is. @out is NULL if @value is "". False: see
 * @why, which names the setting and the file, never the secret. */
bool secret_read(const char *value, const char *setting, char **out, char *why, size_t why_size);
/* Overwrites it too. */
void secret_free(char *secret);
DEFINE_SCOPED(char *, secret_free)
