/* commands_ask.h: how a subcommand reads its words, asks, and prints the answer. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "commands.h"
#include "lib/buffer.h"
#include "lib/json.h"
#include "net/http.h"

/* One line with a hint on stderr. The exit code. */
int usage_error(const char *words);
/* Take an option out of the words: is it there? What stands behind its "=" (NULL: it is not there)? */
bool flag_take(int *count, char **words, const char *flag);
const char *option_take(int *count, char **words, const char *prefix);
/* "yes" or "no"; false: neither. */
bool yes_read(const char *word, bool *is_yes);
/* Digits: they name something by its id, also in a path. */
bool is_id(const char *word);
void query_append(struct buffer *path, const char *value);

/* Ask; on success @answer holds the body, else one line was printed. Exit code. */
int ask(const struct settings *settings, enum http_method method, const char *path, const cJSON *body,
        struct buffer *answer);
/* The id of the user called @name. Exit code. */
int user_find(const struct settings *settings, const char *name, int64_t *id);
/* The same of a user or a group that is named by its id or its name. */
int user_id_find(const struct settings *settings, const char *word, int64_t *id);
int group_id_find(const struct settings *settings, const char *word, int64_t *id);
void answer_print(const struct buffer *answer);
/* All items of a list, page by page, one line each, or as one JSON document. @path has a query, or the list is one
 * page; @cursor is the parameter that the next page begins with. Exit code. */
int list_print(const struct settings *settings, const char *path, const char *cursor, bool as_json);
