/* workers.h: `serve --workers=N`: a home and edges on one port, each a process of its own, watched over by this one. It
 * starts again what dies, restarts them one by one at SIGHUP, and stops them in order: edges first, then the home. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "settings.h"

/* Can there be as many workers as are set? False: what to do is in @why. */
bool workers_check(const struct settings *settings, char *why, size_t why_size);
/* Until told to stop. @words: the settings as on the command line, for the workers. @is_edge: edges only, whose home
 * runs elsewhere. Returns the exit code. */
int workers_run(const struct settings *settings, bool is_edge, int count, char **words);
