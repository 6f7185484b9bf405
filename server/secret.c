/* secret.c: reads secrets from settings and from files, which other people of the machine cannot list as they can the
 * words of a command line. */
#include "secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_LENGTH_MAX 1024

static bool file_read(const char *path, const char *setting, char **out, char *why, size_t why_size);

bool secret_read(const char *value, const char *setting, char **out, char *why, size_t why_size)
{
    *out = NULL;
    if (*value == '@')
        return file_read(value + 1, setting, out, why, why_size);
    if (!*value)
        return true;
    *out = strdup(value);
    if (!*out)
        snprintf(why, why_size, "no memory for %s", setting);
    return *out != NULL;
}

static bool file_read(const char *path, const char *setting, char **out, char *why, size_t why_size)
{
    char text[SECRET_LENGTH_MAX + 2];
    FILE *file = fopen(path, "re");
    errno = file ? 0 : errno;
    bool is_read = file && fgets(text, sizeof text, file);
    int error = errno;
    if (file)
        fclose(file);
    if (is_read) {
        text[strcspn(text, "\r\n")] = '\0';
        *out = *text && strlen(text) <= SECRET_LENGTH_MAX ? strdup(text) : NULL;
        explicit_bzero(text, sizeof text);
    }
    if (!*out)
        snprintf(why, why_size, "%s cannot be read from %s: %s", setting, path,
                 error ? strerror(error) : "its first line must be the secret, of 32 to 1024 characters");
    return *out != NULL;
}

void secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
