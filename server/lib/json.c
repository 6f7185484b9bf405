/* lib/json.c: JSON from strangers, checked on its raw bytes before cJSON builds a tree of it. cJSON alone
 * takes doubled keys, U+0000, bad UTF-8, raw controls and numbers such as 01, and rounds large integers. */
#include "lib/json.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/utf8.h"

#define INT_MOST          9007199254740991.0 /* 2^53-1: above it a double skips integers */
#define INT_DIGITS        "9007199254740991"
#define NUMBER_LENGTH_MAX 63                   /* what cJSON reads of a number */
#define PRINT_DEPTH_MAX   256                  /* for trees that we built; those from json_parse() are far flatter */
#define HASH_PRIME        UINT64_C(4294967291) /* the largest below 2^32 */

/* A key of an object that is still open: where its text begins, behind the quote. */
struct key {
    const char *text;
    uint32_t hash;
};

struct level {
    bool is_object;
    size_t first_key;
};

struct reader {
    const char *at, *end;
    size_t values;
    size_t depth;
    size_t key_count;
    struct level levels[JSON_DEPTH_MAX];
    struct key keys[JSON_NODES_MAX]; /* of all open objects, the innermost last; none without a value that counts */
};

static const char *read_text(struct reader *reader);
static const char *read_value(struct reader *reader, bool *has_begun);
static const char *read_key(struct reader *reader);
static const char *read_string(struct reader *reader);
static const char *read_escape(struct reader *reader);
static const char *read_number(struct reader *reader);
static const char *number_range(const char *text, size_t length, bool is_integer);
static const char *read_word(struct reader *reader, const char *word);
static size_t skip_digits(struct reader *reader);
static bool skip_char(struct reader *reader, char c);
static void skip_space(struct reader *reader);
static bool hex4(const char *text, const char *end, uint32_t *code);
static uint32_t key_hash(const char *text);
static bool keys_are_equal(const char *a, const char *b);
static uint32_t key_next(const char **text);
static void print_item(struct buffer *buffer, const cJSON *item, unsigned depth);
static void print_number(struct buffer *buffer, double number);

const char *json_check(const char *text, size_t length)
{
    return json_check_place(text, length, NULL);
}

const char *json_check_place(const char *text, size_t length, size_t *offset)
{
    struct reader reader; /* 64 KiB of keys: setting them to zero would cost more than the reading */
    reader.at = text;
    reader.end = text + length;
    reader.values = reader.depth = reader.key_count = 0;
    const char *why = read_text(&reader);
    if (why && offset)
        *offset = (size_t)(reader.at - text);
    return why;
}

cJSON *json_parse(const char *text, size_t length, const char **why)
{
    const char *wrong = json_check(text, length);
    cJSON *json = wrong ? NULL : cJSON_ParseWithLength(text, length);
    if (!wrong && !json)
        wrong = "there is no memory for it";
    if (!json && why)
        *why = wrong;
    return json;
}

/* A loop over values, with a stack of its own: what is open stands in reader->levels. */
static const char *read_text(struct reader *reader)
{
    const char *why = NULL;
    for (;;) {
        bool has_begun = false; /* an array or object has begun and its first value comes next */
        if ((why = read_value(reader, &has_begun)))
            return why;
        while (!has_begun) { /* a value has ended: go on behind it */
            skip_space(reader);
            if (reader->depth == 0)
                return reader->at == reader->end ? NULL : "there is more behind the end of the value";
            const struct level *level = &reader->levels[reader->depth - 1];
            if (skip_char(reader, ',')) {
                if (level->is_object && (why = read_key(reader)))
                    return why;
                has_begun = true;
            } else if (skip_char(reader, level->is_object ? '}' : ']')) {
                reader->key_count = level->first_key;
                reader->depth--;
            } else if (reader->at == reader->end) {
                return "the text ends in the middle";
            } else {
                return level->is_object ? "a comma or } is missing" : "a comma or ] is missing";
            }
        }
    }
}

static const char *read_value(struct reader *reader, bool *has_begun)
{
    skip_space(reader);
    if (++reader->values > JSON_NODES_MAX)
        return "it has too many values";
    if (reader->at == reader->end)
        return reader->values == 1 ? "it is empty" : "the text ends in the middle";
    bool is_object = *reader->at == '{';
    switch (*reader->at) {
    case '"':
        reader->at++;
        return read_string(reader);
    case 't':
        return read_word(reader, "true");
    case 'f':
        return read_word(reader, "false");
    case 'n':
        return read_word(reader, "null");
    case '{':
    case '[':
        if (reader->depth == JSON_DEPTH_MAX)
            return "it is nested too deeply";
        reader->at++;
        skip_space(reader);
        if (skip_char(reader, is_object ? '}' : ']'))
            return NULL;
        reader->levels[reader->depth++] = (struct level){is_object, reader->key_count};
        *has_begun = true;
        return is_object ? read_key(reader) : NULL;
    default:
        return read_number(reader);
    }
}

/* A key and its colon. */
static const char *read_key(struct reader *reader)
{
    skip_space(reader);
    struct key key = {.text = reader->at + 1};
    if (!skip_char(reader, '"'))
        return reader->at == reader->end ? "the text ends in the middle" : "a key in double quotes is missing";
    const char *why = read_string(reader);
    if (why)
        return why;
    size_t first = reader->levels[reader->depth - 1].first_key;
    key.hash = key_hash(key.text);
    for (size_t i = first; i < reader->key_count; i++)
        if (reader->keys[i].hash == key.hash && keys_are_equal(reader->keys[i].text, key.text))
            return "an object has the same key twice";
    if (reader->key_count - first == JSON_KEYS_MAX)
        return "an object has too many keys";
    reader->keys[reader->key_count++] = key;
    skip_space(reader);
    return skip_char(reader, ':') ? NULL : "a colon is missing";
}

/* From behind the first quote to behind the last. */
static const char *read_string(struct reader *reader)
{
    while (reader->at < reader->end) {
        unsigned char c = (unsigned char)*reader->at;
        if (c >= 0x80) {
            size_t step = utf8_step(reader->at, (size_t)(reader->end - reader->at));
            if (step == 0)
                return "a text is not valid UTF-8";
            reader->at += step;
        } else if (c == '\\') {
            const char *why = read_escape(reader);
            if (why)
                return why;
        } else if (c < 0x20) {
            return "a text has a raw control character";
        } else {
            reader->at++;
            if (c == '"')
                return NULL;
        }
    }
    return "the text ends in the middle";
}

static const char *read_escape(struct reader *reader)
{
    const char *escape = reader->at + 1;
    if (escape == reader->end)
        return "the text ends in the middle";
    if (*escape != 'u') {
        if (!memchr("\"\\/bfnrt", *escape, 8))
            return "a text has an unknown escape";
        reader->at = escape + 1;
        return NULL;
    }
    uint32_t code, low;
    if (!hex4(escape + 1, reader->end, &code))
        return "a \\u escape needs four hexadecimal digits";
    if (code == 0)
        return "a text has the character U+0000";
    size_t length = 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
        const char *second = escape + 5;
        bool is_pair = code <= 0xDBFF && reader->end - second >= 6 && second[0] == '\\' && second[1] == 'u' &&
                       hex4(second + 2, reader->end, &low) && low >= 0xDC00 && low <= 0xDFFF;
        if (!is_pair)
            return "a text has half of a surrogate pair";
        length = 12;
    }
    reader->at += length;
    return NULL;
}

static const char *read_number(struct reader *reader)
{
    const char *start = reader->at;
    bool is_integer = true;
    skip_char(reader, '-');
    bool has_zero = reader->at < reader->end && *reader->at == '0';
    size_t digits = skip_digits(reader);
    if (digits == 0) {
        reader->at = start;
        return "a value is missing or is no JSON";
    }
    if (has_zero && digits > 1)
        return "a number begins with a zero";
    if (skip_char(reader, '.')) {
        is_integer = false;
        if (skip_digits(reader) == 0)
            return "a number has no digits behind its point";
    }
    if (skip_char(reader, 'e') || skip_char(reader, 'E')) {
        is_integer = false;
        if (!skip_char(reader, '-'))
            skip_char(reader, '+');
        if (skip_digits(reader) == 0)
            return "a number has no digits in its exponent";
    }
    const char *why = number_range(start, (size_t)(reader->at - start), is_integer);
    if (why)
        reader->at = start;
    return why;
}

static const char *number_range(const char *text, size_t length, bool is_integer)
{
    if (length > NUMBER_LENGTH_MAX)
        return "a number has too many digits";
    if (is_integer) {
        size_t sign = text[0] == '-';
        size_t digits = length - sign;
        size_t most = sizeof INT_DIGITS - 1;
        bool is_too_large = digits > most || (digits == most && memcmp(text + sign, INT_DIGITS, most) > 0);
        return is_too_large ? "an integer is too large" : NULL;
    }
    char copy[NUMBER_LENGTH_MAX + 1]; /* strtod() needs the NUL */
    memcpy(copy, text, length);
    copy[length] = '\0';
    double number = strtod(copy, NULL);
    if (!isfinite(number))
        return "a number is too large";
    /* 1e-400 would silently become 0. */
    if (number == 0 && strcspn(copy, "123456789") < strcspn(copy, "eE"))
        return "a number is too close to zero";
    return NULL;
}

static const char *read_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return "a value is missing or is no JSON";
    reader->at += length;
    return NULL;
}

static size_t skip_digits(struct reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - start);
}

static bool skip_char(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static bool hex4(const char *text, const char *end, uint32_t *code)
{
    if (end - text < 4)
        return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    *code = value;
    return true;
}

static uint32_t hash_factor;

static void hash_factor_init(void)
{
    if (getrandom(&hash_factor, sizeof hash_factor, GRND_NONBLOCK) != sizeof hash_factor)
        hash_factor = (uint32_t)clock_monotonic_us(); /* a guess costs us time only, see key_hash() */
    hash_factor = hash_factor % (HASH_PRIME - 0x10000) + 0x10000;
}

/* A polynomial over the key's characters at a random place, so that nobody can choose keys that collide;
 * with equal hashes the keys are compared, so a collision could cost time but never a wrong answer. */
static uint32_t key_hash(const char *text)
{
    static pthread_once_t hash_factor_once = PTHREAD_ONCE_INIT;
    pthread_once(&hash_factor_once, hash_factor_init);
    uint64_t hash = 0;
    for (uint32_t c; (c = key_next(&text)) != 0;)
        hash = (hash * hash_factor + c) % HASH_PRIME;
    return (uint32_t)hash;
}

static bool keys_are_equal(const char *a, const char *b)
{
    uint32_t c;
    do {
        c = key_next(&a);
        if (c != key_next(&b))
            return false;
    } while (c != 0);
    return true;
}

/* The next character of a checked key with its escapes decoded; 0 at the closing quote (no key holds U+0000).
 */
static uint32_t key_next(const char **text)
{
    const char *at = *text;
    if (*at == '"')
        return 0;
    if (*at != '\\')
        return utf8_next(text);
    if (at[1] != 'u') {
        static const char names[] = "bfnrt", controls[] = "\b\f\n\r\t";
        const char *name = strchr(names, at[1]);
        *text = at + 2;
        return (uint32_t)(name ? controls[name - names] : at[1]);
    }
    uint32_t code = 0, low = 0;
    hex4(at + 2, at + 6, &code);
    *text = at + 6;
    if (code >= 0xD800 && code <= 0xDBFF) {
        hex4(at + 8, at + 12, &low);
        *text = at + 12;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return code;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

bool json_int(const cJSON *item, int64_t *value)
{
    if (!cJSON_IsNumber(item))
        return false;
    double number = item->valuedouble; /* never valueint: it stops at 2^31-1 */
    bool is_minus_zero = number == 0 && signbit(number);
    if (!(fabs(number) <= INT_MOST) || trunc(number) != number || is_minus_zero)
        return false;
    *value = (int64_t)number;
    return true;
}

const char *json_text(const cJSON *item)
{
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

int64_t json_get_int(const cJSON *object, const char *name, int64_t fallback)
{
    int64_t value;
    return json_int(json_get(object, name), &value) ? value : fallback;
}

const char *json_get_text(const cJSON *object, const char *name)
{
    return json_text(json_get(object, name));
}

bool json_get_bool(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(json_get(object, name));
}

/* cJSON's own printer takes 15 digits for enough when the rest is within a rounding error, and so changes
 * large ids: 9007199254740991 becomes 9.00719925474099e+15. */
char *json_print(const cJSON *item)
{
    struct buffer buffer = {0};
    print_item(&buffer, item, 0);
    return buffer_take(&buffer, NULL);
}

static void print_item(struct buffer *buffer, const cJSON *item, unsigned depth)
{
    if (depth > PRINT_DEPTH_MAX) { /* only a bug builds such a tree; better no text than no stack */
        buffer->has_failed = true;
    } else if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        bool is_object = cJSON_IsObject(item);
        buffer_char(buffer, is_object ? '{' : '[');
        for (const cJSON *child = item->child; child; child = child->next) {
            if (is_object) {
                buffer_json(buffer, child->string, strlen(child->string));
                buffer_char(buffer, ':');
            }
            print_item(buffer, child, depth + 1);
            if (child->next)
                buffer_char(buffer, ',');
        }
        buffer_char(buffer, is_object ? '}' : ']');
    } else if (cJSON_IsString(item)) {
        buffer_json(buffer, item->valuestring, strlen(item->valuestring));
    } else if (cJSON_IsNumber(item)) {
        print_number(buffer, item->valuedouble);
    } else if (cJSON_IsRaw(item)) {
        buffer_text(buffer, item->valuestring);
    } else if (cJSON_IsBool(item)) {
        buffer_text(buffer, cJSON_IsTrue(item) ? "true" : "false");
    } else {
        buffer_text(buffer, "null");
    }
}

static void print_number(struct buffer *buffer, double number)
{
    bool is_minus_zero = number == 0 && signbit(number);
    if (!isfinite(number)) {
        buffer_text(buffer, "null");
        return;
    }
    if (fabs(number) <= INT_MOST && trunc(number) == number && !is_minus_zero) {
        buffer_int(buffer, (int64_t)number);
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) { /* the fewest that give the same number again */
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    buffer_text(buffer, text);
    if (!strpbrk(text, ".e") && !is_minus_zero) /* as an integer it would be too large to be read again */
        buffer_text(buffer, ".0");
}
