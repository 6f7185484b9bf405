/* base/model_error.c: what is wrong with a model's file, and where. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/model_read.h"

static bool pointer_find(const cJSON *tree, const cJSON *item, struct buffer *pointer);
static void pointer_part(struct buffer *pointer, const cJSON *child, size_t index, bool is_object);
static void keep_to_one_line(char *text);

/* Only a failure needs the place, so it is looked for only then. */
bool reading_fail(const struct reading *reading, const cJSON *item, const char *format, ...)
{
    SCOPED(buffer_free) struct buffer reason = {0};
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_text(&reason, ": ");
    buffer_text(&reason, text);
    return reading_fail_below(reading, item, reason.bytes ? reason.bytes : "");
}

bool reading_fail_below(const struct reading *reading, const cJSON *item, const char *below)
{
    SCOPED(buffer_free) struct buffer pointer = {0};
    pointer_find(reading->root, item, &pointer);
    const char *separator = below[0] == '/' || below[0] == ':' ? "" : ": ";
    /* The whole file has the empty pointer, which nobody would see. */
    bool is_root = pointer.length == 0 && below[0] != '/';
    snprintf(reading->why, reading->why_size, "%s: at %s%s%s%s", reading->file, is_root ? "the top" : "",
             pointer.bytes ? pointer.bytes : "", separator, below);
    keep_to_one_line(reading->why);
    return false;
}

static bool pointer_find(const cJSON *tree, const cJSON *item, struct buffer *pointer)
{
    if (tree == item)
        return true;
    size_t index = 0;
    for (const cJSON *child = tree->child; child; child = child->next, index++) {
        size_t length = pointer->length;
        pointer_part(pointer, child, index, cJSON_IsObject(tree));
        if (pointer_find(child, item, pointer))
            return true;
        pointer->length = length;
        if (pointer->bytes)
            pointer->bytes[length] = '\0';
    }
    return false;
}

static void pointer_part(struct buffer *pointer, const cJSON *child, size_t index, bool is_object)
{
    buffer_char(pointer, '/');
    if (!is_object) {
        buffer_int(pointer, (int64_t)index);
        return;
    }
    for (const char *at = child->string; *at; at++) {
        if (*at == '~')
            buffer_text(pointer, "~0");
        else if (*at == '/')
            buffer_text(pointer, "~1");
        else
            buffer_char(pointer, *at);
    }
}

/* A key may have any character in it. */
static void keep_to_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = '?';
}

bool reading_want(const struct reading *reading, const cJSON *item, enum want want)
{
    int64_t number;
    switch (want) {
    case WANT_ANY:
        return true;
    case WANT_TEXT:
        return json_text(item) ? true : reading_fail(reading, item, "this must be a text");
    case WANT_BOOL:
        return cJSON_IsBool(item) ? true : reading_fail(reading, item, "this must be true or false");
    case WANT_COUNT:
        return json_int(item, &number) && number >= 0 ? true : reading_fail(reading, item, "this must be 0 or more");
    case WANT_NUMBER:
        return cJSON_IsNumber(item) ? true : reading_fail(reading, item, "this must be a number");
    case WANT_LIST:
        return cJSON_IsArray(item) ? true : reading_fail(reading, item, "this must be a list");
    case WANT_OBJECT:
        break;
    }
    return cJSON_IsObject(item) ? true : reading_fail(reading, item, "this must be an object");
}
