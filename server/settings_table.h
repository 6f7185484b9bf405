/* settings_table.h: a row of the table of settings, as settings.c reads it and settings_print.c shows it. */
#pragma once
#include "settings.h"

enum setting_kind { SETTING_TEXT, SETTING_INT, SETTING_BOOL };

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;    /* of its field in struct settings */
    const char *text; /* the default */
    int64_t number;
    int64_t least, most;
    const char *unit;
    const char *help;
};

#define SETTINGS_ONE_TEXT(field, name, fallback, help)                   +1
#define SETTINGS_ONE_INT(field, name, fallback, least, most, unit, help) +1
#define SETTINGS_COUNT                                                   (SETTINGS_TABLE(SETTINGS_ONE_TEXT, SETTINGS_ONE_INT, SETTINGS_ONE_TEXT))
extern const struct setting settings_table[SETTINGS_COUNT];

/* Where @settings keeps the value: const char *, int64_t or bool, by the setting's kind. */
static inline void *setting_field(const struct settings *settings, const struct setting *setting)
{
    return (char *)settings + setting->offset;
}

/* One line in @why. Always false, so that a refusal is one line. */
bool setting_refuse(char *why, size_t why_size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* How many characters must be added, dropped or changed to make @b of @a. */
size_t settings_distance(const char *a, const char *b);

/* ---- settings_secret.c: texts that are never shown ---- */
bool setting_is_secret(const struct setting *setting);
/* The secret that @value is or, as @/path, that a file holds; without the line end behind it. The caller's to free();
 * NULL: one line in @why, which does not repeat it. */
char *setting_secret_read(const struct setting *setting, const char *value, char *why, size_t why_size);
