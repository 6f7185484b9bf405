/* Runs a fuzz target on files, or on the standard input: to repeat what a fuzzer found, and where there is none. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(FILE *file)
{
    static uint8_t input[INPUT_MAX];
    size_t size = fread(input, 1, sizeof input, file);
    uint8_t *copy = malloc(size ? size : 1); /* of exactly this size, for the sanitizer */
    if (!copy)
        abort();
    memcpy(copy, input, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int count, char **paths)
{
    if (count == 1)
        run(stdin);
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (!file) {
            perror(paths[i]);
            return 1;
        }
        run(file);
        fclose(file);
    }
    return 0;
}
