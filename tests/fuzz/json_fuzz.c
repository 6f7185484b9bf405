/* Fuzz test of lib/json: whatever the bytes, checking ends without harm; what is taken, cJSON reads too, and
 * printing and reading it again changes nothing.
 *   clang -fsanitize=fuzzer,address,undefined: libFuzzer    with standalone.c: the files named, or standard input
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "json_fuzz: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t offset = 0;
    const char *why = json_check_place((const char *)data, size, &offset);
    require(!why || offset <= size, "the place of the mistake is outside the text");
    if (why)
        return 0;
    SCOPED(json_free) cJSON *first = json_parse((const char *)data, size, &why);
    require(first, "cJSON refused what was checked");
    char *printed = json_print(first);
    require(printed && json_check(printed, strlen(printed)) == NULL, "what was printed is no JSON");
    SCOPED(json_free) cJSON *second = json_parse(printed, strlen(printed), &why);
    char *again = json_print(second);
    require(again && strcmp(printed, again) == 0, "what was printed reads differently");
    free(printed);
    free(again);
    return 0;
}
