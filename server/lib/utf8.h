/* lib/utf8.h: UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_is_valid(const char *text, size_t length);
/* Bytes of the character that @text begins with; 0 if it is malformed, cut short or @length is 0. */
size_t utf8_step(const char *text, size_t length);
/* Characters (code points) in valid UTF-8. */
size_t utf8_count(const char *text, size_t length);
/* Copy @from (NULL: nothing), which may hold any byte, as far as whole characters fit into @size with the ending NUL;
 * what is not UTF-8 becomes "?". */
void utf8_copy(char *to, size_t size, const char *from);
/* Decode one code point of valid UTF-8 at @text and step *text over it. */
uint32_t utf8_next(const char **text);
