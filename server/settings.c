/* settings.c: the table of settings, read from a file, the environment and flags, and printed. */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/json.h"
#include "lib/scope.h"
#include "lib/utf8.h"
#include "settings_namespaces.h"
#include "settings_table.h"

#define FILE_BYTES_MAX        (1024 * 1024)
#define NAME_SIZE             64 /* of any setting; a longer name is surely unknown */
#define VALUE_SIZE            32
#define ENVIRONMENT_PREFIX    "PARLEY_"
#define ENVIRONMENT_NAME_SIZE (NAME_SIZE + sizeof ENVIRONMENT_PREFIX)

#define ROW_TEXT(field, name, fallback, help)                                                                          \
    {name, SETTING_TEXT, offsetof(struct settings, field), fallback, 0, 0, 0, "", help},
#define ROW_INT(field, name, fallback, least, most, unit, help)                                                        \
    {name, SETTING_INT, offsetof(struct settings, field), NULL, fallback, least, most, unit, help},
#define ROW_BOOL(field, name, fallback, help)                                                                          \
    {name, SETTING_BOOL, offsetof(struct settings, field), NULL, fallback, 0, 1, "", help},
const struct setting settings_table[SETTINGS_COUNT] = {SETTINGS_TABLE(ROW_TEXT, ROW_INT, ROW_BOOL)};

/* Texts that must be one of a few words. */
static const struct {
    const char *name;
    const char *words; /* separated by one space */
} word_table[] = {
    {"account.registration", "open closed"},
    {"data.synchronous", "full normal"},
    {"log.format", "auto text json"},
    {"log.level", "error warning info debug"},
};

/* What settings_new() really makes: the texts that are not literals have their owner behind it. */
struct settings_owner {
    struct settings settings;
    char *texts[SETTINGS_COUNT];
};

static bool read_object(struct settings *settings, const cJSON *object, const char *prefix, char *why, size_t why_size);
static bool read_item(struct settings *settings, const cJSON *item, const char *name, char *why, size_t why_size);
static bool read_json(struct settings *settings, const cJSON *item, const struct setting *setting, char *why,
                      size_t why_size);
static char *file_read(const char *path, size_t *length, char *why, size_t why_size);
static size_t line_of(const char *text, size_t offset);
static bool setting_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                          size_t why_size);
static bool text_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                       size_t why_size);
static bool json_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                       size_t why_size);
static bool text_take(struct settings *settings, const struct setting *setting, char *copy, char *why, size_t why_size);
static bool int_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                      size_t why_size);
static bool is_json(const struct setting *setting);
static const struct setting *setting_find(const char *name);
static const struct setting *setting_find_environment(const char *name, size_t length);
static const struct setting *setting_nearest(const char *name);
static bool refuse_unknown(const char *name, char *why, size_t why_size);
static bool refuse_unknown_environment(const char *name, size_t length, char *why, size_t why_size);
static const char *words_of(const struct setting *setting);
static void environment_name(const char *name, char text[ENVIRONMENT_NAME_SIZE]);

struct settings *settings_new(void)
{
    struct settings_owner *owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        void *field = setting_field(&owner->settings, &settings_table[i]);
        if (settings_table[i].kind == SETTING_TEXT)
            *(const char **)field = settings_table[i].text;
        else if (settings_table[i].kind == SETTING_INT)
            *(int64_t *)field = settings_table[i].number;
        else
            *(bool *)field = settings_table[i].number != 0;
    }
    return &owner->settings;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    struct settings_owner *owner = container_of(settings, struct settings_owner, settings);
    for (size_t i = 0; i < ARRAY_LENGTH(owner->texts); i++)
        free(owner->texts[i]);
    free(owner);
}

bool settings_read_file(struct settings *settings, const char *path, char *why, size_t why_size)
{
    size_t length = 0, offset = 0;
    char *text = file_read(path, &length, why, why_size);
    if (!text)
        return false;
    const char *wrong = json_check_place(text, length, &offset);
    SCOPED(json_free) cJSON *json = NULL;
    bool is_done = false;
    if (wrong)
        setting_refuse(why, why_size, "%s, line %zu: %s", path, line_of(text, offset), wrong);
    else if (!(json = json_parse(text, length, &wrong)))
        setting_refuse(why, why_size, "%s: %s", path, wrong);
    else if (!cJSON_IsObject(json))
        setting_refuse(why, why_size, "%s: settings are an object, such as {\"http\": {\"address\": \"%s\"}}", path,
                       settings_table[0].text);
    else
        is_done = read_object(settings, json, "", why, why_size);
    free(text);
    return is_done;
}

bool settings_read_environment(struct settings *settings, char **environment, char *why, size_t why_size)
{
    for (; *environment; environment++) {
        const char *value = strchr(*environment, '=');
        if (!value || strncmp(*environment, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0)
            continue;
        size_t length = (size_t)(value - *environment);
        const struct setting *setting = setting_find_environment(*environment, length);
        if (!setting)
            return refuse_unknown_environment(*environment, length, why, why_size);
        if (!setting_store(settings, setting, value + 1, why, why_size))
            return false;
    }
    return true;
}

bool settings_set(struct settings *settings, const char *name, const char *value, char *why, size_t why_size)
{
    const struct setting *setting = setting_find(name);
    if (!setting)
        return refuse_unknown(name, why, why_size);
    return setting_store(settings, setting, value, why, why_size);
}

/* ---- The file ---- */

/* Calls itself for the objects within, JSON_DEPTH_MAX deep at most. */
static bool read_object(struct settings *settings, const cJSON *object, const char *prefix, char *why, size_t why_size)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, object) {
        char name[NAME_SIZE];
        /* What is cut here is longer than the name of any setting, so it is refused below. */
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", item->string);
        if (*name == '\0') /* as a prefix it would be none */
            return refuse_unknown("\"\"", why, why_size);
        if (cJSON_IsObject(item) && !setting_find(name)) {
            if (!read_object(settings, item, name, why, why_size))
                return false;
        } else if (!read_item(settings, item, name, why, why_size)) {
            return false;
        }
    }
    return true;
}

static bool read_item(struct settings *settings, const cJSON *item, const char *name, char *why, size_t why_size)
{
    const struct setting *setting = setting_find(name);
    if (!setting)
        return refuse_unknown(name, why, why_size);
    if (is_json(setting))
        return read_json(settings, item, setting, why, why_size);
    char text[VALUE_SIZE];
    const char *value = NULL;
    int64_t number;
    switch (setting->kind) {
    case SETTING_TEXT:
        value = json_text(item);
        if (!value)
            return setting_refuse(why, why_size, "%s must be a text in double quotes", name);
        break;
    case SETTING_INT:
        if (!json_int(item, &number))
            return setting_refuse(why, why_size, "%s must be a whole number from %" PRId64 " to %" PRId64, name,
                                  setting->least, setting->most);
        snprintf(text, sizeof text, "%" PRId64, number);
        value = text;
        break;
    case SETTING_BOOL:
        if (!cJSON_IsBool(item))
            return setting_refuse(why, why_size, "%s must be true or false", name);
        value = cJSON_IsTrue(item) ? "true" : "false";
        break;
    }
    return setting_store(settings, setting, value, why, why_size);
}

/* An object of the file is a text everywhere else. */
static bool read_json(struct settings *settings, const cJSON *item, const struct setting *setting, char *why,
                      size_t why_size)
{
    char *text = json_print(item);
    bool is_done = text ? setting_store(settings, setting, text, why, why_size)
                        : setting_refuse(why, why_size, "no memory for %s", setting->name);
    free(text);
    return is_done;
}

/* The whole file, the caller's to free(). */
static char *file_read(const char *path, size_t *length, char *why, size_t why_size)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        setting_refuse(why, why_size, "cannot read the settings in %s: %s", path, strerror(errno));
        return NULL;
    }
    SCOPED(buffer_free) struct buffer text = {0};
    while (text.length <= FILE_BYTES_MAX && buffer_reserve(&text, 4096)) {
        errno = 0;
        size_t count = fread(text.bytes + text.length, 1, 4096, file);
        if (count == 0)
            break;
        text.length += count;
        text.bytes[text.length] = '\0';
    }
    bool is_read = !ferror(file);
    int error = errno;
    fclose(file);
    if (!is_read)
        setting_refuse(why, why_size, "cannot read the settings in %s: %s", path, strerror(error));
    else if (text.length > FILE_BYTES_MAX)
        setting_refuse(why, why_size, "%s has more than %d bytes: too large for settings", path, FILE_BYTES_MAX);
    else if (text.has_failed)
        setting_refuse(why, why_size, "no memory to read the settings in %s", path);
    else
        return buffer_take(&text, length);
    return NULL;
}

static size_t line_of(const char *text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

/* ---- One value ---- */

static bool setting_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                          size_t why_size)
{
    switch (setting->kind) {
    case SETTING_TEXT:
        return text_store(settings, setting, value, why, why_size);
    case SETTING_INT:
        return int_store(settings, setting, value, why, why_size);
    case SETTING_BOOL:
        break;
    }
    bool is_true = strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0)
        return setting_refuse(why, why_size, "%s must be true or false", setting->name);
    *(bool *)setting_field(settings, setting) = is_true;
    return true;
}

static void text_free(char *text)
{
    free(text);
}
DEFINE_SCOPED(char *, text_free)

static bool text_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                       size_t why_size)
{
    if (is_json(setting))
        return json_store(settings, setting, value, why, why_size);
    SCOPED(text_free) char *secret = NULL;
    if (setting_is_secret(setting)) {
        secret = setting_secret_read(setting, value, why, why_size);
        if (!secret)
            return false;
        value = secret;
    }
    /* A bad value is not repeated here: it may hold a password. */
    if (!utf8_is_valid(value, strlen(value)))
        return setting_refuse(why, why_size, "%s is not valid UTF-8", setting->name);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return setting_refuse(why, why_size, "%s has a control character", setting->name);
    const char *words = words_of(setting);
    bool is_word = words == NULL;
    for (const char *word = words; word && !is_word; word = strchr(word, ' ')) {
        word += *word == ' ';
        size_t length = strcspn(word, " ");
        is_word = strlen(value) == length && memcmp(word, value, length) == 0;
    }
    if (!is_word)
        return setting_refuse(why, why_size, "%s must be one of these: %s", setting->name, words);
    return text_take(settings, setting, strdup(value), why, why_size);
}

/* Checked, and kept in one line. */
static bool json_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                       size_t why_size)
{
    struct namespaces namespaces;
    if (!namespaces_read(value, &namespaces, why, why_size))
        return false;
    SCOPED(json_free) cJSON *json = json_parse(value[0] ? value : "{}", value[0] ? strlen(value) : 2, NULL);
    return text_take(settings, setting, json ? json_print(json) : NULL, why, why_size);
}

/* @copy is the settings' from now on; NULL: no memory. */
static bool text_take(struct settings *settings, const struct setting *setting, char *copy, char *why, size_t why_size)
{
    if (!copy)
        return setting_refuse(why, why_size, "no memory for %s", setting->name);
    struct settings_owner *owner = container_of(settings, struct settings_owner, settings);
    char **owned = &owner->texts[setting - settings_table];
    free(*owned);
    *owned = copy;
    *(const char **)setting_field(settings, setting) = copy;
    return true;
}

static bool int_store(struct settings *settings, const struct setting *setting, const char *value, char *why,
                      size_t why_size)
{
    char *end;
    size_t sign = value[0] == '-';
    /* strtoll() would take spaces and a plus too. */
    bool has_digit = value[sign] >= '0' && value[sign] <= '9';
    long long number = strtoll(value, &end, 10);
    if (!has_digit || *end || number < setting->least || number > setting->most)
        return setting_refuse(why, why_size, "%s must be a whole number from %" PRId64 " to %" PRId64 " (%s)",
                              setting->name, setting->least, setting->most, setting->unit);
    *(int64_t *)setting_field(settings, setting) = number;
    return true;
}

/* ---- Names ---- */

static const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++)
        if (strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

static const struct setting *setting_find_environment(const char *name, size_t length)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        char known[ENVIRONMENT_NAME_SIZE];
        environment_name(settings_table[i].name, known);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return &settings_table[i];
    }
    return NULL;
}

static const struct setting *setting_nearest(const char *name)
{
    const struct setting *nearest = &settings_table[0];
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        size_t distance = settings_distance(name, settings_table[i].name);
        if (distance < least) {
            least = distance;
            nearest = &settings_table[i];
        }
    }
    return nearest;
}

/* row[j] holds the distance between what was read of @a and the first j characters of @b. */
size_t settings_distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE];
    size_t columns = strnlen(b, NAME_SIZE - 1);
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i < NAME_SIZE && a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t one = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < one ? change : one;
        }
    }
    return row[columns];
}

static bool refuse_unknown(const char *name, char *why, size_t why_size)
{
    return setting_refuse(why, why_size, "there is no setting %s; the nearest is %s", name,
                          setting_nearest(name)->name);
}

static bool refuse_unknown_environment(const char *name, size_t length, char *why, size_t why_size)
{
    size_t prefix_length = strlen(ENVIRONMENT_PREFIX);
    char lower[NAME_SIZE], nearest[ENVIRONMENT_NAME_SIZE];
    snprintf(lower, sizeof lower, "%.*s", (int)(length - prefix_length), name + prefix_length);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    environment_name(setting_nearest(lower)->name, nearest);
    return setting_refuse(why, why_size, "there is no setting %.*s; the nearest is %s", (int)length, name, nearest);
}

bool setting_refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, why_size, format, arguments);
    va_end(arguments);
    return false;
}

/* Texts that are JSON. */
static bool is_json(const struct setting *setting)
{
    return strcmp(setting->name, "namespaces") == 0;
}

static const char *words_of(const struct setting *setting)
{
    for (size_t i = 0; i < ARRAY_LENGTH(word_table); i++)
        if (strcmp(word_table[i].name, setting->name) == 0)
            return word_table[i].words;
    return NULL;
}

/* http.address becomes PARLEY_HTTP_ADDRESS. */
static void environment_name(const char *name, char text[ENVIRONMENT_NAME_SIZE])
{
    snprintf(text, ENVIRONMENT_NAME_SIZE, "%s%s", ENVIRONMENT_PREFIX, name);
    for (char *c = text; *c; c++) {
        if (*c == '.')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}
