/* lib/scope.h: a SCOPED variable is freed on every way out; TAKE hands it on instead. */
#pragma once
#include <stddef.h>

#define SCOPED(free_fn) __attribute__((cleanup(free_fn##_scoped)))
#define DEFINE_SCOPED(type, free_fn)                                                                                   \
    static inline void free_fn##_scoped(type *p)                                                                       \
    {                                                                                                                  \
        free_fn(*p);                                                                                                   \
    }
#define TAKE(p)                                                                                                        \
    (__extension__({                                                                                                   \
        __typeof__(p) taken_ = (p);                                                                                    \
        (p) = NULL;                                                                                                    \
        taken_;                                                                                                        \
    }))

/* The structure that holds @member at @pointer. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define ARRAY_LENGTH(array)                 (sizeof(array) / sizeof((array)[0]))
