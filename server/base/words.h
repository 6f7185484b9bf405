/* base/words.h: what people type into a search box, as a full-text query that no word of theirs can break out of. */
#pragma once
#include "lib/buffer.h"

#define WORDS_MAX            20
#define WORDS_CHARACTERS_MAX 200

/**
 * Append the words of @text in quotes, in which nothing is an operator: "two" "wor"*. A word that ends in a star stands
 * for all that begin so, from its third character on. Not every word: the beginnings of one that is everywhere must all
 * be collected before the first hit is known.
 * errors  more than WORDS_MAX words: nothing is appended
 * units   returns the number of words
 */
size_t words_match(const char *text, struct buffer *match);
