/* commands.h: the subcommands for administrators. */
#pragma once
#include "settings.h"

/* Exit codes of every subcommand. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

struct subcommand {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;
    /* @words are what is left of the command line when the settings are taken out. */
    int (*run)(const struct settings *settings, int count, char **words);
};
extern const struct subcommand subcommands[]; /* ended by a NULL name */
