/* base/form_value.c: one value, checked against its field: its kind first, then its limits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/form.h"
#include "lib/pattern.h"
#include "lib/utf8.h"

#define EMAIL_BYTES_MAX 254 /* what a mail server takes */
#define DAY_MINUTES     1440
/* The first and the last millisecond of the years 0001 to 9999, UTC. */
#define TIME_LEAST INT64_C(-62135596800000)
#define TIME_MOST  INT64_C(253402300799999)

static bool wrong(const char **why, const char *words);
static bool explain(struct buffer *hold, size_t at, const char **why);
static bool kind_read(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                      const char **why);
static bool text_read(const cJSON *item, struct value *value);
static bool list_read(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                      const char **why);
static bool length_check(const struct field *field, size_t length, struct buffer *hold, const char **why);
static bool text_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why);
static bool range_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why);
static bool choice_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why);
static bool is_email(const char *text, size_t length);
static bool is_uri(const char *text);
static bool is_uuid(const char *text);
static bool date_read(const char **at, int64_t *days);
static bool offset_read(const char **at, int *minutes);
static bool digits_read(const char **at, int count, int *number);

bool form_value(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                const char **why)
{
    struct value read = {0};
    *why = NULL;
    if (cJSON_IsNull(item)) {
        if (!field->is_nullable)
            return wrong(why, "This cannot be null.");
    } else if (!kind_read(field, item, &read, hold, why) ||
               (field->kind == FIELD_TEXT && !text_check(field, &read, hold, why)) ||
               !range_check(field, &read, hold, why) || !choice_check(field, &read, hold, why)) {
        return false;
    }
    *value = read;
    return true;
}

bool form_value_text(const struct field *field, const char *text, struct value *value, struct buffer *hold,
                     const char **why)
{
    if (field->kind == FIELD_TEXT || field->kind == FIELD_DATE || field->kind == FIELD_TIME) {
        const cJSON item = {.type = cJSON_String, .valuestring = (char *)text};
        return form_value(field, &item, value, hold, why);
    }
    /* Numbers, truths and lists are written as in JSON, but nothing stands around them. A word that is none of them
     * takes the way of a text and is told what it must be. */
    bool is_bare = field->kind == FIELD_LIST || !strpbrk(text, " \t\r\n");
    SCOPED(json_free) cJSON *item = is_bare ? json_parse(text, strlen(text), NULL) : NULL;
    const cJSON other = {.type = cJSON_String, .valuestring = (char *)text};
    return form_value(field, item && !cJSON_IsNull(item) ? item : &other, value, hold, why);
}

static bool wrong(const char **why, const char *words)
{
    *why = words;
    return false;
}

/* The words that were printed into @hold from @at on are the reason. */
static bool explain(struct buffer *hold, size_t at, const char **why)
{
    buffer_char(hold, '\0');
    return wrong(why, hold->has_failed ? "There is no memory for it." : hold->bytes + at);
}

static bool kind_read(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                      const char **why)
{
    const char *text = json_text(item);
    int64_t number, days;
    switch (field->kind) {
    case FIELD_INTEGER:
        if (!json_int(item, &number))
            return wrong(why, "This must be a whole number.");
        *value = value_int(number);
        return true;
    case FIELD_NUMBER:
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
            return wrong(why, "This must be a number.");
        /* Minus zero becomes zero, which is what SQLite would store. */
        *value = (struct value){.kind = VALUE_REAL, .real = item->valuedouble + 0.0};
        return true;
    case FIELD_BOOLEAN:
        if (!cJSON_IsBool(item))
            return wrong(why, "This must be true or false.");
        *value = value_int(cJSON_IsTrue(item));
        return true;
    case FIELD_TEXT:
        return text_read(item, value) || wrong(why, "This must be a text.");
    case FIELD_DATE:
        if (!text || !date_read(&text, &days) || *text)
            return wrong(why, "This must be a date like 2026-01-31.");
        return text_read(item, value);
    case FIELD_TIME:
        if (!text || !time_read(text, &number))
            return wrong(why, "This must be a time like 2026-01-31T10:00:00Z.");
        *value = value_int(number);
        return true;
    case FIELD_LIST:
        return list_read(field, item, value, hold, why);
    }
    return wrong(why, "This is of no known kind.");
}

static bool text_read(const cJSON *item, struct value *value)
{
    const char *text = json_text(item);
    if (text)
        *value = value_text(text, strlen(text));
    return text != NULL;
}

/* A list is stored as it is written in JSON, without spaces. */
static bool list_read(const struct field *field, const cJSON *item, struct value *value, struct buffer *hold,
                      const char **why)
{
    SCOPED(buffer_free) struct buffer scratch = {0};
    struct value unused;
    const char *item_why;
    size_t count = 0, at = hold->length;
    if (!cJSON_IsArray(item))
        return wrong(why, "This must be a list.");
    for (const cJSON *child = item->child; child; child = child->next) {
        count++;
        if (form_value(field->items, child, &unused, &scratch, &item_why))
            continue;
        buffer_printf(hold, "Item %zu: %s", count, item_why);
        return explain(hold, at, why);
    }
    if (!length_check(field, count, hold, why))
        return false;
    char *text = json_print(item);
    buffer_text(hold, text ? text : "");
    buffer_char(hold, '\0');
    bool has_text = text && !hold->has_failed;
    free(text);
    if (!has_text)
        return wrong(why, "There is no memory for it.");
    *value = value_text(hold->bytes + at, hold->length - at - 1);
    return true;
}

/* @length: of a text in characters, of a list in items. */
static bool length_check(const struct field *field, size_t length, struct buffer *hold, const char **why)
{
    const char *unit = field->kind == FIELD_LIST ? "item" : "character";
    size_t at = hold->length;
    if (field->length_min >= 0 && length < (size_t)field->length_min) {
        buffer_printf(hold, "This must have at least %lld %s%s.", (long long)field->length_min, unit,
                      field->length_min == 1 ? "" : "s");
        return explain(hold, at, why);
    }
    if (field->length_max >= 0 && length > (size_t)field->length_max) {
        buffer_printf(hold, "This has %zu %ss; at most %lld are allowed.", length, unit, (long long)field->length_max);
        return explain(hold, at, why);
    }
    return true;
}

static bool text_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why)
{
    if (!length_check(field, utf8_count(value->text, value->length), hold, why))
        return false;
    if (field->pattern && !pattern_matches(field->pattern, value->text, value->length))
        return wrong(why, "This does not have the form that is asked for.");
    switch (field->format) {
    case FORMAT_NONE:
        return true;
    case FORMAT_EMAIL:
        return is_email(value->text, value->length) || wrong(why, "This is not an e-mail address.");
    case FORMAT_URI:
        return is_uri(value->text) || wrong(why, "This must be an address that begins with http, https or mailto.");
    case FORMAT_UUID:
        return is_uuid(value->text) || wrong(why, "This must be a UUID.");
    }
    return wrong(why, "This is of no known format.");
}

static bool range_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why)
{
    bool is_too_small = field->has_minimum && value_compare(value, &field->minimum) < 0;
    bool is_too_large = field->has_maximum && value_compare(value, &field->maximum) > 0;
    size_t at = hold->length;
    if (!is_too_small && !is_too_large)
        return true;
    buffer_text(hold, field->kind == FIELD_INTEGER ? "This must be a whole number " : "This must be a number ");
    if (field->has_minimum) {
        buffer_text(hold, "from ");
        field_print(field, &field->minimum, hold);
        buffer_text(hold, field->has_maximum ? " to " : " up");
    } else {
        buffer_text(hold, "up to ");
    }
    if (field->has_maximum)
        field_print(field, &field->maximum, hold);
    buffer_char(hold, '.');
    return explain(hold, at, why);
}

static bool choice_check(const struct field *field, const struct value *value, struct buffer *hold, const char **why)
{
    size_t at = hold->length;
    if (!field->choices)
        return true;
    for (size_t i = 0; i < field->choices_count; i++)
        if (value_compare(value, &field->choices[i]) == 0)
            return true;
    buffer_text(hold, field->choices_count == 1 ? "This must be " : "This must be one of: ");
    for (size_t i = 0; i < field->choices_count; i++) {
        buffer_text(hold, i ? ", " : "");
        field_print(field, &field->choices[i], hold);
    }
    buffer_char(hold, '.');
    return explain(hold, at, why);
}

/* ---- formats ---- */

/* Only what surely is none is refused: mail servers decide the rest. */
static bool is_email(const char *text, size_t length)
{
    const char *at = memchr(text, '@', length), *end = text + length;
    if (!at || at == text || length > EMAIL_BYTES_MAX || memchr(at + 1, '@', (size_t)(end - at) - 1))
        return false;
    for (const char *c = text; c < end; c++) {
        bool is_empty_part = *c == '.' && c > at && (c[-1] == '@' || c[-1] == '.');
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("<>,;:\"\\()[]", *c) || is_empty_part)
            return false;
    }
    return end[-1] != '@' && end[-1] != '.';
}

static bool is_hex(char c)
{
    return c && strchr("0123456789abcdefABCDEF", c);
}

/* Absolute, and of a kind that a page may safely make a link of: never javascript or data. */
static bool is_uri(const char *text)
{
    for (const char *c = text; *c; c++) {
        bool is_bad_escape = *c == '%' && (!is_hex(c[1]) || !is_hex(c[2]));
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\"<>\\^`{|}", *c) || is_bad_escape)
            return false;
    }
    if (strncasecmp(text, "mailto:", 7) == 0)
        return is_email(text + 7, strcspn(text + 7, "?#"));
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
    const char *host = text + scheme;
    size_t length = strcspn(host, "/?#");
    const char *user_end = memchr(host, '@', length);
    if (user_end) {
        length -= (size_t)(user_end + 1 - host);
        host = user_end + 1;
    }
    return scheme && length && !memchr(host, '@', length) && *host != ':' && *host != '.';
}

static bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof shape; i++) /* with the end of both */
        if (shape[i] == 'x' ? !is_hex(text[i]) : text[i] != shape[i])
            return false;
    return true;
}

/* ---- dates and times ---- */

bool time_read(const char *text, int64_t *wall_ms)
{
    const char *at = text;
    int64_t days;
    int hour, minute, second, offset, ms = 0;
    if (!date_read(&at, &days) || (*at != 'T' && *at != 't'))
        return false;
    at++;
    if (!digits_read(&at, 2, &hour) || *at++ != ':' || !digits_read(&at, 2, &minute) || *at++ != ':' ||
        !digits_read(&at, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59) /* no leap second: the clocks here have none */
        return false;
    if (*at == '.') {
        size_t digits = strspn(at + 1, "0123456789");
        for (size_t i = 1; i <= 3; i++) /* what is finer than a millisecond is cut off */
            ms = ms * 10 + (i <= digits ? at[i] - '0' : 0);
        if (digits == 0)
            return false;
        at += 1 + digits;
    }
    if (!offset_read(&at, &offset) || *at)
        return false;
    int64_t minutes = days * DAY_MINUTES + hour * 60 + minute - offset;
    int64_t read_ms = (minutes * 60 + second) * 1000 + ms;
    if (read_ms < TIME_LEAST || read_ms > TIME_MOST)
        return false;
    *wall_ms = read_ms;
    return true;
}

/* "2026-01-31", a day that there is; @days since 1970. */
static bool date_read(const char **at, int64_t *days)
{
    static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int year, month, day;
    if (!digits_read(at, 4, &year) || *(*at)++ != '-' || !digits_read(at, 2, &month) || *(*at)++ != '-' ||
        !digits_read(at, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int length = days_before[month] - days_before[month - 1] + (month == 2 && is_leap);
    if (day > length)
        return false;
    int64_t past = year - 1;                                               /* years since 0001-01-01 */
    int64_t since_first = past * 365 + past / 4 - past / 100 + past / 400; /* their days */
    since_first += days_before[month - 1] + (month > 2 && is_leap) + day - 1;
    *days = since_first - 719162; /* of which so many were before 1970 */
    return true;
}

/* "Z" or "+02:00"; a zone that is ahead has positive @minutes. */
static bool offset_read(const char **at, int *minutes)
{
    char sign = *(*at)++;
    int hour, minute;
    *minutes = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !digits_read(at, 2, &hour) || *(*at)++ != ':' || !digits_read(at, 2, &minute))
        return false;
    *minutes = (sign == '-' ? -1 : 1) * (hour * 60 + minute);
    return hour <= 23 && minute <= 59;
}

static bool digits_read(const char **at, int count, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return true;
}
