/* lib/value.c: values compared and copied. */
#include "lib/value.h"

#include <stdlib.h>
#include <string.h>

/* Where doubles leave the integers of 64 bits: -2^63 is one of them, 2^63 is not. */
#define INT_END 9223372036854775808.0

static int rank(const struct value *value);
static int compare_texts(const struct value *a, const struct value *b);
static int compare_int_real(int64_t number, double real);
static int compare_reals(double a, double b);

int value_compare(const struct value *a, const struct value *b)
{
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (a->kind == VALUE_NULL)
        return 0;
    if (a->kind == VALUE_TEXT)
        return compare_texts(a, b);
    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return (a->number > b->number) - (a->number < b->number);
    if (a->kind == VALUE_INT)
        return compare_int_real(a->number, b->real);
    if (b->kind == VALUE_INT)
        return -compare_int_real(b->number, a->real);
    return compare_reals(a->real, b->real);
}

static int rank(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return 0;
    case VALUE_INT:
    case VALUE_REAL:
        return 1;
    case VALUE_TEXT:
        break;
    }
    return 2;
}

static int compare_texts(const struct value *a, const struct value *b)
{
    size_t common = a->length < b->length ? a->length : b->length;
    int order = common ? memcmp(a->text, b->text, common) : 0;
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* Exactly: an integer above 2^53 turned into a double might become another number. */
static int compare_int_real(int64_t number, double real)
{
    if (real != real) /* no number at all comes before all numbers; SQLite would store it as null */
        return 1;
    if (real >= INT_END)
        return -1;
    if (real < -INT_END)
        return 1;
    int64_t whole = (int64_t)real;
    if (number != whole)
        return number < whole ? -1 : 1;
    return compare_reals((double)whole, real);
}

static int compare_reals(double a, double b)
{
    if (a != a || b != b)
        return (a == a) - (b == b);
    return (a > b) - (a < b);
}

bool value_copy(struct value *to, const struct value *from)
{
    struct value copy = *from;
    if (from->kind == VALUE_TEXT) {
        char *text = malloc(from->length + 1);
        if (!text)
            return false;
        if (from->length)
            memcpy(text, from->text, from->length);
        text[from->length] = '\0';
        copy.text = text;
    }
    *to = copy;
    return true;
}

void value_clear(struct value *value)
{
    if (value->kind == VALUE_TEXT)
        free((char *)value->text);
    *value = (struct value){0};
}
