/* bus/unanswered.c: a ring of numbers that grows. Redis answers in order, so the oldest is the one whose
 * answer comes next. */
#include "bus/unanswered.h"

#include <stdlib.h>

#define CAPACITY_LEAST 64

static bool unanswered_grow(struct unanswered *unanswered);

bool unanswered_add(struct unanswered *unanswered, uint32_t size)
{
    if (unanswered->count == unanswered->capacity && !unanswered_grow(unanswered))
        return false;
    unanswered->sizes[(unanswered->first + unanswered->count++) & (unanswered->capacity - 1)] = size;
    return true;
}

static bool unanswered_grow(struct unanswered *unanswered)
{
    size_t capacity = unanswered->capacity ? unanswered->capacity * 2 : CAPACITY_LEAST;
    uint32_t *sizes = calloc(capacity, sizeof *sizes);
    if (!sizes)
        return false;
    for (size_t i = 0; i < unanswered->count; i++)
        sizes[i] = unanswered->sizes[(unanswered->first + i) & (unanswered->capacity - 1)];
    free(unanswered->sizes);
    unanswered->sizes = sizes;
    unanswered->first = 0;
    unanswered->capacity = capacity;
    return true;
}

bool unanswered_take(struct unanswered *unanswered, uint32_t *size)
{
    if (unanswered->count == 0)
        return false;
    *size = unanswered->sizes[unanswered->first];
    unanswered->first = (unanswered->first + 1) & (unanswered->capacity - 1);
    unanswered->count--;
    return true;
}

void unanswered_free(struct unanswered *unanswered)
{
    free(unanswered->sizes);
    *unanswered = (struct unanswered){0};
}
