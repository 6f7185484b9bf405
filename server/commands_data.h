/* commands_data.h: the subcommands that work on the data base file itself, while no server has it. */
#pragma once
#include "settings.h"

int migrate_run(const struct settings *settings, int count, char **words);
int restore_run(const struct settings *settings, int count, char **words);
/* What their --help says besides; NULL: another command. */
const char *data_help(const char *name);
