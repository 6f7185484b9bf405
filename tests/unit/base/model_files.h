/* Models from texts, as if they were files, for tests of reading them. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include "base/model.h"

/* Why the last reading was refused, or "". */
extern char why[512];

/* With the built-in models in it, so that there is something to refer to. */
struct models *some_models(void);
/* Reads one file and joins it with the built-in models. NULL: refused. */
struct models *read_one(const char *name, const char *text, bool is_builtin);
