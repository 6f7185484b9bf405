/* lib/buffer.h: bytes that grow. A failed allocation is remembered, so that a text can be built in
 * many steps and checked once at the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/scope.h"

struct buffer {
    char *bytes;   /* NULL while empty; always NUL-terminated otherwise */
    size_t length; /* without the NUL */
    size_t capacity;
    bool has_failed; /* memory ran out: the content is incomplete */
};

void buffer_free(struct buffer *buffer); /* frees the bytes and empties it; the struct is the caller's */
static inline void buffer_free_scoped(struct buffer *buffer)
{
    buffer_free(buffer);
}

/* Make room for @more bytes. False: no memory. */
bool buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char c);
void buffer_int(struct buffer *buffer, int64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; @text must be valid UTF-8 (controls, quotes, backslash, U+2028 escaped). */
void buffer_json(struct buffer *buffer, const char *text, size_t length);
/* `"name":"text"`; NULL becomes null. No comma. */
void buffer_json_member(struct buffer *buffer, const char *name, const char *text);
/* Drop @count bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t count);
void buffer_clear(struct buffer *buffer); /* keeps the memory */
/* The bytes, now the caller's to free(); NULL if it has failed. The buffer is empty after it. */
char *buffer_take(struct buffer *buffer, size_t *length);
