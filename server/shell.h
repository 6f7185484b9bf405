/* shell.h: how the command line reaches the data: through the running server's administration socket, or, if none runs,
 * through a home of its own without doors. Either way it is the same action with the same checks. Blocking. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/buffer.h"
#include "net/http.h"
#include "settings.h"

#define SHELL_PATH_SIZE 4096
/* Where the administration socket is: the setting, or beside the data base and named after it (parley.db: parley.sock),
 * so that two data bases in one folder are never taken for each other. */
char *shell_path(const struct settings *settings, char path[SHELL_PATH_SIZE]);

/**
 * Ask for an action as the machine's administrator. @path is below /api/v1/; @body is JSON or NULL.
 * units   returns the HTTP status, 0 if nobody could be asked (then @why says it)
 * owns    @answer (the body) is filled in; the caller frees it
 */
int shell_call(const struct settings *settings, enum http_method method, const char *path, const char *body,
               struct buffer *answer, char *why, size_t why_size);
