/* options.c: the flags of a bench program. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row *option_find(const struct option_row *rows, size_t count, const char *flag);
static void option_set(const struct option_row *row, const char *value);
static void options_print(const struct option_row *rows, size_t count, const char *purpose);

void options_read(const struct option_row *rows, size_t count, const char *purpose, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            options_print(rows, count, purpose);
            exit(0);
        }
        const struct option_row *row = option_find(rows, count, argv[i]);
        if (!row) {
            fprintf(stderr, "unknown flag %s: --help lists them\n", argv[i]);
            exit(2);
        }
        const char *equals = strchr(argv[i], '=');
        if (equals) {
            option_set(row, equals + 1);
        } else if (row->kind == OPTION_YES) {
            option_set(row, "yes");
        } else if (i + 1 < argc) {
            option_set(row, argv[++i]);
        } else {
            fprintf(stderr, "--%s needs a value\n", row->name);
            exit(2);
        }
    }
}

static const struct option_row *option_find(const struct option_row *rows, size_t count, const char *flag)
{
    if (strncmp(flag, "--", 2) != 0)
        return NULL;
    size_t length = strcspn(flag + 2, "=");
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, flag + 2, length) == 0)
            return &rows[i];
    return NULL;
}

static void option_set(const struct option_row *row, const char *value)
{
    if (row->kind == OPTION_TEXT) {
        *(const char **)row->value = value;
        return;
    }
    if (row->kind == OPTION_YES) {
        *(bool *)row->value = strcmp(value, "no") != 0;
        return;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end || number < row->least || number > row->most) {
        fprintf(stderr, "--%s must be a whole number from %lld to %lld, not \"%s\"\n", row->name, (long long)row->least,
                (long long)row->most, value);
        exit(2);
    }
    *(int64_t *)row->value = number;
}

static void options_print(const struct option_row *rows, size_t count, const char *purpose)
{
    printf("%s\n\n", purpose);
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = &rows[i];
        printf("  --%-18s %s", row->name, row->help);
        if (row->kind == OPTION_INT)
            printf(" (%lld)", (long long)*(const int64_t *)row->value);
        else if (row->kind == OPTION_TEXT && *(const char *const *)row->value)
            printf(" (%s)", *(const char *const *)row->value);
        printf("\n");
    }
}
