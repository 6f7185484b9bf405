/* lib/value.h: one value of a column, a parameter or a rule, whatever its type. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT };

/* Plain data: whoever made it says how long @text lives. */
struct value {
    enum value_kind kind;
    int64_t number; /* INT: also truths (0, 1) and times (ms since 1970, UTC) */
    double real;
    const char *text; /* UTF-8, ended by a 0 that is not counted in @length */
    size_t length;
};

static inline struct value value_int(int64_t number)
{
    return (struct value){.kind = VALUE_INT, .number = number};
}
static inline struct value value_text(const char *text, size_t length)
{
    return (struct value){.kind = VALUE_TEXT, .text = text, .length = length};
}
/* As SQLite orders values of one column: null first, then numbers, then texts by their bytes. <0, 0, >0 */
int value_compare(const struct value *a, const struct value *b);
/* A copy that owns its text, until value_clear() frees it and makes it null. False: no memory, *to is as it was. */
bool value_copy(struct value *to, const struct value *from);
void value_clear(struct value *value);
