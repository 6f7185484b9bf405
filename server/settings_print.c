/* settings_print.c: the table of settings for people, aligned, and for programs, as JSON. */
#include <inttypes.h>
#include <string.h>

#include "lib/buffer.h"
#include "settings_table.h"

#define COLUMNS   5  /* of the table for people */
#define WIDTH_MAX 36 /* a longer cell pushes the rest of its line to the right, not all lines */

static void print_people(const struct settings *settings, FILE *out);
static void cells_make(struct buffer cells[COLUMNS], const struct settings *settings, const struct setting *setting);
static void cells_measure(const struct buffer cells[COLUMNS], int widths[COLUMNS]);
static void cells_print(const struct buffer cells[COLUMNS], const int widths[COLUMNS], FILE *out);
static void cells_free(struct buffer cells[COLUMNS]);
static void print_json(const struct settings *settings, FILE *out);
static void put_member(struct buffer *out, const char *name, const struct buffer *value, bool is_text);
static void put_value(struct buffer *out, const struct settings *settings, const struct setting *setting);
static void put_default(struct buffer *out, const struct setting *setting);
static void put_without_password(struct buffer *out, const char *text);

void settings_print(const struct settings *settings, FILE *out, bool as_json)
{
    if (as_json)
        print_json(settings, out);
    else
        print_people(settings, out);
}

static void print_people(const struct settings *settings, FILE *out)
{
    struct buffer head[COLUMNS] = {0};
    static const char *const names[COLUMNS] = {"NAME", "VALUE", "DEFAULT", "RANGE", "HELP"};
    int widths[COLUMNS] = {0};
    for (size_t column = 0; column < COLUMNS; column++)
        buffer_text(&head[column], names[column]);
    cells_measure(head, widths);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        struct buffer cells[COLUMNS] = {0};
        cells_make(cells, settings, &settings_table[i]);
        cells_measure(cells, widths);
        cells_free(cells);
    }
    cells_print(head, widths, out);
    cells_free(head);
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        struct buffer cells[COLUMNS] = {0};
        cells_make(cells, settings, &settings_table[i]);
        cells_print(cells, widths, out);
        cells_free(cells);
    }
}

static void cells_make(struct buffer cells[COLUMNS], const struct settings *settings, const struct setting *setting)
{
    buffer_text(&cells[0], setting->name);
    put_value(&cells[1], settings, setting);
    put_default(&cells[2], setting);
    if (setting->kind == SETTING_INT)
        buffer_printf(&cells[3], "%" PRId64 "-%" PRId64 " %s", setting->least, setting->most, setting->unit);
    buffer_text(&cells[4], setting->help);
    for (size_t column = 0; column < COLUMNS; column++)
        if (cells[column].length == 0)
            buffer_text(&cells[column], "-");
}

static void cells_measure(const struct buffer cells[COLUMNS], int widths[COLUMNS])
{
    for (size_t column = 0; column < COLUMNS; column++) {
        size_t length = cells[column].length;
        if (length <= WIDTH_MAX && (int)length > widths[column])
            widths[column] = (int)length;
    }
}

static void cells_print(const struct buffer cells[COLUMNS], const int widths[COLUMNS], FILE *out)
{
    for (size_t column = 0; column < COLUMNS - 1; column++)
        fprintf(out, "%-*s  ", widths[column], cells[column].bytes ? cells[column].bytes : "");
    fprintf(out, "%s\n", cells[COLUMNS - 1].bytes ? cells[COLUMNS - 1].bytes : "");
}

static void cells_free(struct buffer cells[COLUMNS])
{
    for (size_t column = 0; column < COLUMNS; column++)
        buffer_free(&cells[column]);
}

static void print_json(const struct settings *settings, FILE *out)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &settings_table[i];
        bool is_text = setting->kind == SETTING_TEXT;
        SCOPED(buffer_free) struct buffer value = {0};
        SCOPED(buffer_free) struct buffer fallback = {0};
        SCOPED(buffer_free) struct buffer line = {0};
        put_value(&value, settings, setting);
        put_default(&fallback, setting);
        buffer_text(&line, i == 0 ? "[\n{" : ",\n{");
        buffer_json_member(&line, "name", setting->name);
        put_member(&line, "value", &value, is_text);
        put_member(&line, "default", &fallback, is_text);
        if (setting->kind == SETTING_INT)
            buffer_printf(&line, ",\"least\":%" PRId64 ",\"most\":%" PRId64, setting->least, setting->most);
        buffer_char(&line, ',');
        buffer_json_member(&line, "unit", setting->unit);
        buffer_char(&line, ',');
        buffer_json_member(&line, "help", setting->help);
        fprintf(out, "%s}", line.bytes ? line.bytes : "");
    }
    fputs("\n]\n", out);
}

static void put_member(struct buffer *out, const char *name, const struct buffer *value, bool is_text)
{
    buffer_printf(out, ",\"%s\":", name);
    if (is_text)
        buffer_json(out, value->bytes, value->length);
    else
        buffer_append(out, value->bytes, value->length);
}

static void put_value(struct buffer *out, const struct settings *settings, const struct setting *setting)
{
    const void *field = setting_field(settings, setting);
    if (setting_is_secret(setting))
        buffer_text(out, **(const char *const *)field ? "***" : "");
    else if (setting->kind == SETTING_TEXT)
        put_without_password(out, *(const char *const *)field);
    else if (setting->kind == SETTING_INT)
        buffer_int(out, *(const int64_t *)field);
    else
        buffer_text(out, *(const bool *)field ? "true" : "false");
}

static void put_default(struct buffer *out, const struct setting *setting)
{
    if (setting->kind == SETTING_TEXT)
        buffer_text(out, setting->text);
    else if (setting->kind == SETTING_INT)
        buffer_int(out, setting->number);
    else
        buffer_text(out, setting->number ? "true" : "false");
}

/* redis://user:secret@host becomes redis with three stars: what is printed may end in a bug report. */
static void put_without_password(struct buffer *out, const char *text)
{
    const char *scheme_end = strstr(text, "://");
    const char *host = scheme_end ? strrchr(scheme_end, '@') : NULL;
    if (host) {
        buffer_append(out, text, (size_t)(scheme_end + 3 - text));
        buffer_text(out, "***");
    }
    buffer_text(out, host ? host : text);
}
