/* settings_secret.c: settings that are secrets: given as they are or, better, as the name of a file, because a command
 * line is seen by everybody on the machine. They are never shown. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/scope.h"
#include "settings_table.h"

/* A shorter one can be guessed, without asking the server, from one token that it signed. */
#define SECRET_BYTES_MIN  16
#define SECRET_BYTES_MAX  4096
#define CLUSTER_BYTES_MIN 32 /* BUS_SECRET_LENGTH_MIN, which settings may not see */

static const char *const secrets[] = {"api.key", "cluster.secret", "token.hmac_secret"};

static size_t bytes_min(const struct setting *setting);
static char *secret_file(const struct setting *setting, const char *path, char *why, size_t why_size);

bool setting_is_secret(const struct setting *setting)
{
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++)
        if (strcmp(secrets[i], setting->name) == 0)
            return true;
    return false;
}

char *setting_secret_read(const struct setting *setting, const char *value, char *why, size_t why_size)
{
    char *secret = value[0] == '@' ? secret_file(setting, value + 1, why, why_size) : strdup(value);
    size_t length = secret ? strlen(secret) : 0;
    if (!secret && value[0] != '@')
        snprintf(why, why_size, "no memory for %s", setting->name);
    if (!secret || (length >= bytes_min(setting) && length <= SECRET_BYTES_MAX) || !value[0])
        return secret;
    free(secret);
    snprintf(why, why_size, "%s must have %zu to %d bytes; make one with: openssl rand -hex 32", setting->name,
             bytes_min(setting), SECRET_BYTES_MAX);
    return NULL;
}

/* As much as the bus asks for, so that nobody is told twice to lengthen the same secret. */
static size_t bytes_min(const struct setting *setting)
{
    return strcmp(setting->name, "cluster.secret") == 0 ? CLUSTER_BYTES_MIN : SECRET_BYTES_MIN;
}

static char *secret_file(const struct setting *setting, const char *path, char *why, size_t why_size)
{
    FILE *file = fopen(path, "re");
    char *secret = file ? calloc(1, SECRET_BYTES_MAX + 3) : NULL;
    /* Two bytes more than it may have: a line end behind it, or one that is too many. */
    size_t length = secret ? fread(secret, 1, SECRET_BYTES_MAX + 2, file) : 0;
    bool is_read = secret && !ferror(file);
    if (!is_read)
        snprintf(why, why_size, "%s: cannot read %s: %s", setting->name, path, strerror(errno ? errno : EIO));
    if (file)
        fclose(file);
    if (is_read && memchr(secret, '\0', length)) {
        snprintf(why, why_size, "%s: %s holds a zero byte: it must be text", setting->name, path);
        is_read = false;
    }
    if (!is_read) {
        free(secret);
        return NULL;
    }
    while (length && (secret[length - 1] == '\n' || secret[length - 1] == '\r'))
        secret[--length] = '\0';
    return secret;
}
