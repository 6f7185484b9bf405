/* bus/command.h: writes a command in Redis' own format. No printf: this is on the road of every
 * publication. Private to bus/. */
#pragma once
#include <string.h>
#include "lib/buffer.h"

/* @start is '*' for the number of words, '$' for the length of one. */
static inline void command_count(struct buffer *command, char start, size_t count)
{
    char text[24];
    size_t at = sizeof text;
    text[--at] = '\n';
    text[--at] = '\r';
    do
        text[--at] = (char)('0' + count % 10);
    while (count /= 10);
    text[--at] = start;
    buffer_append(command, text + at, sizeof text - at);
}

static inline void command_start(struct buffer *command, size_t words)
{
    buffer_clear(command);
    command_count(command, '*', words);
}

/* One word, made of two parts. */
static inline void command_word(struct buffer *command, const char *first, size_t first_length, const char *second,
                                size_t second_length)
{
    command_count(command, '$', first_length + second_length);
    buffer_append(command, first, first_length);
    buffer_append(command, second, second_length);
    buffer_append(command, "\r\n", 2);
}

static inline void command_text(struct buffer *command, const char *text)
{
    command_word(command, text, strlen(text), "", 0);
}
