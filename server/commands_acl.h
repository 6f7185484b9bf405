/* commands_acl.h: the subcommands for people and permissions. */
#pragma once
#include "settings.h"

int user_run(const struct settings *settings, int count, char **words);
int group_run(const struct settings *settings, int count, char **words);
int grant_run(const struct settings *settings, int count, char **words);
int revoke_run(const struct settings *settings, int count, char **words);
int explain_run(const struct settings *settings, int count, char **words);
int who_run(const struct settings *settings, int count, char **words);
int audit_run(const struct settings *settings, int count, char **words);
