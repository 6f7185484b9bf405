/* serve.h: the subcommand `serve`: a node with its doors, until it is told to stop. */
#pragma once
#include <stdbool.h>
#include "settings.h"

#define SERVE_ALONE -1
/**
 * @ready: SERVE_ALONE, or one of several workers on one port, whose supervisor is told by this pipe: its stop_ms.
 * owns    closes @ready
 * units   returns the exit code
 */
int serve_run(const struct settings *settings, bool is_edge, int ready);
