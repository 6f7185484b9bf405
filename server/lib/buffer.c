/* lib/buffer.c: bytes that grow. */
#include "lib/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 64
#define INT_TEXT_SIZE  24 /* -9223372036854775808 and the NUL */

static size_t put_json_escape(char escape[8], const char *text, size_t length, size_t *step);

void buffer_free(struct buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->has_failed)
        return false;
    if (more < buffer->capacity - buffer->length) /* less, not equal: the NUL has its place too */
        return true;
    size_t capacity = buffer->capacity < CAPACITY_LEAST ? CAPACITY_LEAST : buffer->capacity;
    bool is_too_much = more >= SIZE_MAX / 2 - buffer->length;
    while (!is_too_much && capacity <= buffer->length + more)
        capacity *= 2;
    char *bytes = is_too_much ? NULL : realloc(buffer->bytes, capacity);
    if (!bytes) {
        buffer->has_failed = true;
        return false;
    }
    bytes[buffer->length] = '\0';
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0 || !buffer_reserve(buffer, length))
        return;
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_char(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}

void buffer_int(struct buffer *buffer, int64_t value)
{
    /* By hand: a page of rows is full of numbers, and printf takes several times as long. */
    char text[INT_TEXT_SIZE], *at = text + sizeof text;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    buffer_append(buffer, at, (size_t)(text + sizeof text - at));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0) {
        buffer->has_failed = true;
    } else if (buffer_reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

/* Nearly all bytes are none of these: the rest of a text is looked at quickly. */
static const bool may_need_escape[256] = {
    [0x00 ... 0x1F] = true, ['"'] = true, ['\\'] = true, [0x7F] = true, [0xE2] = true,
};

void buffer_json(struct buffer *buffer, const char *text, size_t length)
{
    buffer_char(buffer, '"');
    size_t copied = 0;
    for (size_t at = 0; at < length;) {
        if (!may_need_escape[(unsigned char)text[at]]) {
            at++;
            continue;
        }
        char escape[8];
        size_t step;
        size_t escape_length = put_json_escape(escape, text + at, length - at, &step);
        if (escape_length > 0) {
            buffer_append(buffer, text + copied, at - copied);
            buffer_append(buffer, escape, escape_length);
            copied = at + step;
        }
        at += step;
    }
    if (copied < length)
        buffer_append(buffer, text + copied, length - copied);
    buffer_char(buffer, '"');
}

/* The escape for the character at @text, and in *@step the bytes that it stands for; 0: none is needed. */
static size_t put_json_escape(char escape[8], const char *text, size_t length, size_t *step)
{
    unsigned char c = (unsigned char)text[0];
    *step = 1;
    escape[0] = '\\';
    switch (c) {
    case '"':
    case '\\':
        escape[1] = (char)c;
        return 2;
    case '\n':
        escape[1] = 'n';
        return 2;
    case '\r':
        escape[1] = 'r';
        return 2;
    case '\t':
        escape[1] = 't';
        return 2;
    case 0xE2: /* U+2028 and U+2029 end a line for older JavaScript */
        if (length < 3 || text[1] != '\x80' || (text[2] != '\xA8' && text[2] != '\xA9'))
            return 0;
        *step = 3;
        memcpy(escape, text[2] == '\xA8' ? "\\u2028" : "\\u2029", 6);
        return 6;
    default:
        if (c >= 0x20 && c != 0x7F)
            return 0;
        snprintf(escape, 8, "\\u%04x", (unsigned)c);
        return 6;
    }
}

void buffer_json_member(struct buffer *buffer, const char *name, const char *text)
{
    buffer_json(buffer, name, strlen(name));
    buffer_char(buffer, ':');
    if (text)
        buffer_json(buffer, text, strlen(text));
    else
        buffer_text(buffer, "null");
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    assert(count <= buffer->length);
    if (count == 0)
        return;
    buffer->length -= count;
    memmove(buffer->bytes, buffer->bytes + count, buffer->length + 1); /* the NUL moves along */
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->has_failed = false; /* nothing is missing from an empty text */
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

char *buffer_take(struct buffer *buffer, size_t *length)
{
    buffer_reserve(buffer, 0); /* an empty text is a text too */
    char *bytes = buffer->has_failed ? NULL : TAKE(buffer->bytes);
    if (bytes && length)
        *length = buffer->length;
    buffer_free(buffer);
    return bytes;
}
