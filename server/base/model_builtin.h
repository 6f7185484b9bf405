/* base/model_builtin.h: the files of schema/builtin/, which schema/embed.py makes a table of. */
#pragma once
#include <stddef.h>

struct model_text {
    const char *name, *text;
};
extern const struct model_text model_texts[];
extern const size_t model_texts_count;
