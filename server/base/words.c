/* base/words.c: letters and digits make words; everything else only parts them. */
#include "base/words.h"
#include "lib/utf8.h"

/* As long as the beginnings that the indexes know by themselves. */
#define BEGINNING_CHARACTERS 3

static size_t word_length(const char *at)
{
    size_t length = 0;
    for (unsigned char c = (unsigned char)*at; c; c = (unsigned char)at[++length])
        if (c < 0x80 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
            break;
    return length;
}

static size_t words_count(const char *at)
{
    size_t count = 0;
    for (size_t length; *at; at += length ? length : 1) {
        length = word_length(at);
        count += length > 0;
    }
    return count;
}

size_t words_match(const char *text, struct buffer *match)
{
    size_t count = words_count(text), done = 0;
    if (count > WORDS_MAX)
        return count;
    for (size_t length; *text; text += length ? length : 1) {
        length = word_length(text);
        if (!length)
            continue;
        buffer_text(match, done++ ? " \"" : "\"");
        buffer_append(match, text, length);
        buffer_char(match, '"');
        if (text[length] == '*' && utf8_count(text, length) >= BEGINNING_CHARACTERS)
            buffer_char(match, '*');
    }
    return count;
}
