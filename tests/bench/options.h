/* options.h: the flags of a bench program, one table each: adding a flag is adding a line. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind { OPTION_TEXT, OPTION_INT, OPTION_YES };

struct option_row {
    const char *name;
    enum option_kind kind;
    void *value; /* const char *, int64_t or bool: the default stands there before */
    int64_t least, most;
    const char *help;
};

#define OPTION_TEXT_ROW(name, value, help)                                                                             \
    {                                                                                                                  \
        name, OPTION_TEXT, value, 0, 0, help                                                                           \
    }
#define OPTION_INT_ROW(name, value, least, most, help)                                                                 \
    {                                                                                                                  \
        name, OPTION_INT, value, least, most, help                                                                     \
    }
#define OPTION_YES_ROW(name, value, help)                                                                              \
    {                                                                                                                  \
        name, OPTION_YES, value, 0, 0, help                                                                            \
    }

/* Read --name=value, --name value and, for yes and no, --name. On --help prints @purpose and the table and
 * ends the program; on a mistake says so in one line and ends it with 2. */
void options_read(const struct option_row *rows, size_t count, const char *purpose, int argc, char **argv);
