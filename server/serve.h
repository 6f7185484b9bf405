/* serve.h: the subcommand `serve`: a node with its doors, until it is told to stop. */
#pragma once
#include <stdbool.h>
#include "settings.h"

/* Returns the exit code. */
int serve_run(const struct settings *settings, bool is_edge);
