/* span.c: JSON looked at where it lies. */
#include "span.h"

#include <string.h>

#define ROOM_PUSH "{\"push\":{\"channel\":\"room:"
#define OFFSET    "\"offset\":"

static size_t value_end(struct span text, size_t at);
static size_t string_end(struct span text, size_t at);
static size_t blanks_end(struct span text, size_t at);
static size_t digits_read(struct span text, size_t at, uint64_t *value);
static void message_read(struct span text, const char *mark, struct publication *out);

bool span_member(struct span object, const char *name, struct span *value)
{
    size_t length = strlen(name), at = blanks_end(object, 0);
    if (at >= object.length || object.at[at] != '{')
        return false;
    at++;
    for (;;) {
        at = blanks_end(object, at);
        if (at >= object.length || object.at[at] != '"')
            return false;
        size_t key = at + 1;
        at = string_end(object, at);
        bool is_it = at >= key + 1 && at - key - 1 == length && memcmp(object.at + key, name, length) == 0;
        at = blanks_end(object, at);
        if (at >= object.length || object.at[at] != ':')
            return false;
        at = blanks_end(object, at + 1);
        size_t end = value_end(object, at);
        if (end == at)
            return false;
        if (is_it) {
            *value = (struct span){object.at + at, end - at};
            return true;
        }
        at = blanks_end(object, end);
        if (at >= object.length || object.at[at++] != ',')
            return false;
    }
}

bool span_next(struct span array, size_t *cursor, struct span *item)
{
    size_t at = blanks_end(array, *cursor);
    if (at >= array.length || array.at[at] != (*cursor == 0 ? '[' : ','))
        return false;
    at = blanks_end(array, at + 1);
    size_t end = value_end(array, at);
    if (end == at)
        return false;
    *item = (struct span){array.at + at, end - at};
    *cursor = end;
    return true;
}

uint64_t span_number(struct span value)
{
    uint64_t number = 0;
    digits_read(value, 0, &number);
    return number;
}

struct span span_text(struct span value)
{
    if (value.length < 2 || value.at[0] != '"')
        return (struct span){"", 0};
    return (struct span){value.at + 1, value.length - 2};
}

bool span_is(struct span value, const char *text)
{
    return value.length == strlen(text) && memcmp(value.at, text, value.length) == 0;
}

bool push_read(struct span line, const char *mark, struct publication *out)
{
    size_t head = sizeof ROOM_PUSH - 1;
    if (line.length < head || memcmp(line.at, ROOM_PUSH, head) != 0)
        return false;
    uint64_t room = 0;
    if (digits_read(line, head, &room) == head)
        return false;

    /* Usually the offset is the last thing in the line: 42}}} */
    size_t end = line.length;
    while (end > 0 && line.at[end - 1] == '}')
        end--;
    size_t digits = end;
    while (digits > 0 && line.at[digits - 1] >= '0' && line.at[digits - 1] <= '9')
        digits--;
    size_t name = sizeof OFFSET - 1;
    if (line.length - end == 3 && digits < end && digits >= name &&
        memcmp(line.at + digits - name, OFFSET, name) == 0) {
        *out = (struct publication){.room = room};
        digits_read(line, digits, &out->offset);
        message_read(line, mark, out);
        return true;
    }
    struct span push, publication;
    if (!span_member(line, "push", &push) || !span_member(push, "pub", &publication) ||
        !publication_read(publication, mark, out))
        return false;
    out->room = room;
    return true;
}

bool publication_read(struct span object, const char *mark, struct publication *out)
{
    struct span offset, data;
    if (!span_member(object, "offset", &offset))
        return false;
    *out = (struct publication){.offset = span_number(offset)};
    if (span_member(object, "data", &data))
        message_read(data, mark, out);
    return true;
}

/* Behind the mark: <process>:<sequence>:<stamp>. */
static void message_read(struct span text, const char *mark, struct publication *out)
{
    size_t length = strlen(mark);
    const char *found = memmem(text.at, text.length, mark, length);
    if (!found)
        return;
    uint64_t numbers[3] = {0};
    size_t at = (size_t)(found - text.at) + length;
    for (size_t i = 0; i < 3; i++) {
        size_t end = digits_read(text, at, &numbers[i]);
        if (end == at || end >= text.length)
            return;
        at = end + 1;
    }
    out->is_ours = true;
    out->process = (uint32_t)numbers[0];
    out->sequence = (uint32_t)numbers[1];
    out->stamp_ns = (int64_t)numbers[2];
}

/* Behind the value that begins at @at; @at itself: there is none, or it has no end. */
static size_t value_end(struct span text, size_t at)
{
    size_t depth = 0, from = at;
    while (at < text.length) {
        char c = text.at[at];
        if (c == '"') {
            at = string_end(text, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (depth == 0 && (c == ',' || c == ':')) {
            return at;
        } else {
            at++;
            /* A number or a word ends before what follows it. */
            if (depth == 0 && at < text.length && strchr(",:}] \t\r\n", text.at[at]))
                return at;
            continue;
        }
        if (depth == 0)
            return at;
    }
    return depth > 0 ? from : at;
}

/* Behind the closing quote of the string that begins at @at. */
static size_t string_end(struct span text, size_t at)
{
    for (at++; at < text.length; at++) {
        if (text.at[at] == '\\')
            at++;
        else if (text.at[at] == '"')
            return at + 1;
    }
    return text.length;
}

static size_t blanks_end(struct span text, size_t at)
{
    while (at < text.length &&
           (text.at[at] == ' ' || text.at[at] == '\t' || text.at[at] == '\r' || text.at[at] == '\n'))
        at++;
    return at;
}

static size_t digits_read(struct span text, size_t at, uint64_t *value)
{
    uint64_t number = 0;
    for (; at < text.length && text.at[at] >= '0' && text.at[at] <= '9'; at++)
        number = number * 10 + (uint64_t)(text.at[at] - '0');
    *value = number;
    return at;
}
