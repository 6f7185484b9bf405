/* bus/unanswered.h: the sizes of what Redis was sent and has not answered, oldest first. Private to bus/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unanswered {
    uint32_t *sizes;               /* a ring */
    size_t first, count, capacity; /* capacity: 0 or a power of two */
};

/* False: no memory. */
bool unanswered_add(struct unanswered *unanswered, uint32_t size);
/* False: there is none. */
bool unanswered_take(struct unanswered *unanswered, uint32_t *size);
/* Forget all of them, and give the memory back. */
void unanswered_free(struct unanswered *unanswered);
