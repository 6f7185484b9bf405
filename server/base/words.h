/* base/words.h: what people type into a search box, as a full-text query that no word of theirs can break out of. */
#pragma once
#include "lib/buffer.h"

#define WORDS_MAX            20
#define WORDS_CHARACTERS_MAX 200

/**
 * Append the words of @text in quotes, in which nothing is an operator: "two" "wor"*. The last may be half typed.
 * errors  more than WORDS_MAX words: nothing is appended
 * units   returns the number of words
 */
size_t words_match(const char *text, struct buffer *match);
