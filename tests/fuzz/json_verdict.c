/* For json_differential.mjs: reads texts from standard input, each behind its length (4 bytes, little
 * endian), and writes a line for each: "+" and the text as json_print() has it, or "-" and why it was
 * refused. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"

#define TEXT_MAX (16 * 1024 * 1024)

int main(void)
{
    unsigned char prefix[4];
    while (fread(prefix, 1, sizeof prefix, stdin) == sizeof prefix) {
        size_t length = prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 24;
        char *text = length <= TEXT_MAX ? malloc(length ? length : 1) : NULL;
        if (!text || fread(text, 1, length, stdin) != length) {
            free(text);
            fprintf(stderr, "json_verdict: cannot read a text of %zu bytes\n", length);
            return 1;
        }
        const char *why = "no reason";
        bool is_fine = json_check(text, length) == NULL;
        SCOPED(json_free) cJSON *json = json_parse(text, length, &why);
        char *printed = json ? json_print(json) : NULL;
        if (is_fine != (printed != NULL)) {
            fprintf(stderr, "json_verdict: json_check() and json_parse() differ: %s\n", why);
            return 1;
        }
        printf("%c%s\n", printed ? '+' : '-', printed ? printed : why);
        free(printed);
        free(text);
    }
    return 0;
}
