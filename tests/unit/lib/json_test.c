/* JSON from strangers: what is taken, what is refused and why, and that nothing is changed on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/json.h"

/* Check a copy that ends exactly at its last byte, so that the sanitizer sees any reading beyond it. */
static const char *check(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    const char *why = json_check(copy, length);
    free(copy);
    return why;
}

static void assert_taken(const char *text)
{
    const char *why = check(text, strlen(text));
    if (why)
        fail_msg("%s: refused, %s", text, why);
}

static void assert_refused(const char *text, const char *expected)
{
    const char *why = check(text, strlen(text));
    if (!why || strcmp(why, expected) != 0)
        fail_msg("%s: expected \"%s\", got \"%s\"", text, expected, why ? why : "no refusal");
}

static void ordinary_texts_are_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e-3",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ ] ",
        "[[],{},[[]]]",
        "{\"\":1,\" \":2}",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"",
        "{\"connect\":{\"name\":\"js\"},\"id\":1}",
        "[0,1.0,1e5,1E+5,0e0,0.0e-999,1e308,5e-324]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_taken(texts[i]);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    assert_refused("", "it is empty");
    assert_refused(" \n", "it is empty");
    assert_refused("1 2", "there is more behind the end of the value");
    assert_refused("{}]", "there is more behind the end of the value");
    static const char *const no_values[] = {
        "tru",  "True",           "nul",    "NaN", "Infinity",  "-",        "+1",  ".5", "'a'", "undefined", "[,1]",
        "[1,]", "\xef\xbb\xbf{}", "/* */1", "-a",  "-Infinity", "\xc2\xa0", "\v1",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(no_values); i++)
        assert_refused(no_values[i], "a value is missing or is no JSON");
    assert_refused("[1 2]", "a comma or ] is missing");
    assert_refused("[1}", "a comma or ] is missing");
    assert_refused("{\"a\":1]", "a comma or } is missing");
    assert_refused("{\"a\":1 \"b\":2}", "a comma or } is missing");
    assert_refused("{\"a\" 1}", "a colon is missing");
    assert_refused("{a:1}", "a key in double quotes is missing");
    assert_refused("{1:1}", "a key in double quotes is missing");
    assert_refused("{\"a\":1,}", "a key in double quotes is missing");
    assert_refused("{,}", "a key in double quotes is missing");
}

static void every_beginning_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"k\\u00e9\xc3\xa9\":[1.5e+3,true,null,{\"a\":\"\\ud83d\\ude00\"}],\"z\":false}";
    for (size_t length = 0; length < sizeof text - 1; length++)
        assert_non_null(check(text, length));
    assert_null(check(text, sizeof text - 1));
}

static void a_nul_byte_is_no_end(void **state)
{
    (void)state;
    assert_non_null(check("1\0", 2));
    assert_non_null(check("\"a\0b\"", 5));
    assert_non_null(check("\0", 1));
    assert_non_null(check("[1,\0]", 5));
}

static void texts_with_bad_characters_are_refused(void **state)
{
    (void)state;
    for (char c = 1; c < 0x20; c++) {
        char text[] = {'"', c, '"', '\0'};
        assert_refused(text, "a text has a raw control character");
    }
    static const char *const bad[] = {"\"\xff\"",     "\"\xc0\x80\"",         "\"\xed\xa0\x80\"",
                                      "\"\xe2\x82\"", "\"\xf4\x90\x80\x80\"", "{\"\x80\":1}",
                                      "\"\xc3"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_refused(bad[i], "a text is not valid UTF-8");
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    assert_refused("\"\\x41\"", "a text has an unknown escape");
    assert_refused("\"\\'\"", "a text has an unknown escape");
    assert_refused("\"\\U0041\"", "a text has an unknown escape");
    assert_refused("\"\\u12g4\"", "a \\u escape needs four hexadecimal digits");
    assert_refused("\"\\u 123\"", "a \\u escape needs four hexadecimal digits");
    assert_refused("\"\\u123", "a \\u escape needs four hexadecimal digits");
    assert_refused("\"ro\\u0000le\"", "a text has the character U+0000");
    assert_refused("{\"role\\u0000\":1}", "a text has the character U+0000");
    static const char *const halves[] = {"\"\\ud800\"",        "\"\\udc00\"",     "\"\\ud800\\ud800\"",
                                         "\"\\udc00\\ud800\"", "\"\\ud83dx\"",    "\"\\ud83d\\n\"",
                                         "\"\\uDBFF\\uE000\"", "\"\\ud83d\\ude0", "\"\\ud83d\\uzzzz\""};
    for (size_t i = 0; i < ARRAY_LENGTH(halves); i++)
        assert_refused(halves[i], "a text has half of a surrogate pair");
}

static void the_same_key_twice_is_refused_however_it_is_written(void **state)
{
    (void)state;
    static const char *const doubled[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":[{}],\"a\":2}",
        "{\"role\":1,\"r\\u006fle\":2}",
        "{\"\":1,\"\":2}",
        "{\"\\/\":1,\"/\":2}",
        "{\"\\n\":1,\"\\u000A\":2}",
        "{\"\\\"\":1,\"\\u0022\":2}",
        "{\"\\\\\":1,\"\\u005c\":2}",
        "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":2}",
        "{\"\xc3\xa9\":1,\"\\u00E9\":2}",
        "[{\"x\":{\"y\":1,\"z\":{\"y\":1},\"y\":2}}]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(doubled); i++)
        assert_refused(doubled[i], "an object has the same key twice");
    assert_taken("{\"a\":1,\"A\":2,\"a \":3,\"\\u0061a\":4,\"\":5}");
    assert_taken("[{\"a\":1},{\"a\":1,\"b\":{\"a\":2}}]");
    assert_taken("{\"b\":{\"a\":1},\"a\":2,\"c\":[{\"b\":0},{\"a\":0}]}");
}

static void numbers_keep_to_the_grammar(void **state)
{
    (void)state;
    assert_refused("01", "a number begins with a zero");
    assert_refused("-00", "a number begins with a zero");
    assert_refused("1.", "a number has no digits behind its point");
    assert_refused("[1.,2]", "a number has no digits behind its point");
    assert_refused("1.e5", "a number has no digits behind its point");
    assert_refused("1e", "a number has no digits in its exponent");
    assert_refused("1e+", "a number has no digits in its exponent");
    assert_refused("1e-+5", "a number has no digits in its exponent");
    assert_refused("0x10", "there is more behind the end of the value");
    assert_refused("1_000", "there is more behind the end of the value");
}

static void numbers_that_would_be_changed_are_refused(void **state)
{
    (void)state;
    assert_taken("9007199254740991");
    assert_taken("-9007199254740991");
    assert_refused("9007199254740992", "an integer is too large");
    assert_refused("-9007199254740992", "an integer is too large");
    assert_refused("10000000000000000", "an integer is too large");
    assert_refused("9223372036854775808", "an integer is too large");
    assert_taken("1.7976931348623157e308");
    assert_refused("1.8e308", "a number is too large");
    assert_refused("-1e400", "a number is too large");
    assert_refused("1e99999999999999999999", "a number is too large");
    assert_refused("1e-400", "a number is too close to zero");
    assert_refused("-0.001e-400", "a number is too close to zero");
    assert_taken("0.000e-400");
    /* cJSON reads 63 bytes of a number. */
    char digits[80] = "0.";
    memset(digits + 2, '1', 61);
    assert_taken(digits);
    digits[63] = '1';
    assert_refused(digits, "a number has too many digits");
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 8];
    memset(text, '[', sizeof text);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_null(check(text, 2 * JSON_DEPTH_MAX));
    memset(text, '[', sizeof text);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    const char *why = check(text, 2 * JSON_DEPTH_MAX + 2);
    assert_non_null(why);
    assert_string_equal(why, "it is nested too deeply");
    size_t length = 1000000;
    char *deep = malloc(length);
    for (size_t i = 0; i < length; i++)
        deep[i] = "{\"a\":"[i % 5];
    assert_string_equal(json_check(deep, length), "it is nested too deeply");
    free(deep);
}

/* {"k0":0,"k1":0,...} with @count keys. */
static void append_object(struct buffer *text, int count)
{
    buffer_char(text, '{');
    for (int i = 0; i < count; i++)
        buffer_printf(text, "%s\"k%d\":0", i ? "," : "", i);
    buffer_char(text, '}');
}

static void keys_of_one_object_have_a_limit(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer text = {0};
    append_object(&text, JSON_KEYS_MAX);
    assert_null(check(text.bytes, text.length));
    buffer_clear(&text);
    append_object(&text, JSON_KEYS_MAX + 1);
    assert_string_equal(check(text.bytes, text.length), "an object has too many keys");
    /* Objects side by side each have the whole limit, also when their keys are more than can be open. */
    buffer_clear(&text);
    buffer_char(&text, '[');
    for (int i = 0; i < JSON_NODES_MAX / (JSON_KEYS_MAX + 1) - 1; i++) {
        append_object(&text, JSON_KEYS_MAX);
        buffer_char(&text, ',');
    }
    buffer_text(&text, "0]");
    assert_null(check(text.bytes, text.length));
    /* As many as the values allow, on every level at once. */
    int per_level = (JSON_NODES_MAX - 1) / JSON_DEPTH_MAX;
    assert_true(per_level <= JSON_KEYS_MAX);
    buffer_clear(&text);
    for (int depth = 0; depth < JSON_DEPTH_MAX; depth++) {
        buffer_char(&text, '{');
        for (int i = 0; i < per_level - 1; i++)
            buffer_printf(&text, "\"%d\":0,", i);
        buffer_text(&text, "\"last\":");
    }
    buffer_char(&text, '0');
    for (int depth = 0; depth < JSON_DEPTH_MAX; depth++)
        buffer_char(&text, '}');
    assert_null(check(text.bytes, text.length));
}

static void values_have_a_limit(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer text = {0};
    buffer_text(&text, "[0");
    for (int i = 2; i < JSON_NODES_MAX; i++)
        buffer_text(&text, ",0");
    buffer_char(&text, ']');
    assert_null(check(text.bytes, text.length));
    text.length--;
    buffer_text(&text, ",0]");
    assert_string_equal(check(text.bytes, text.length), "it has too many values");
}

static void the_place_of_a_mistake_is_told(void **state)
{
    (void)state;
    size_t offset = 99;
    assert_non_null(json_check_place("{\"a\": 1,\n \"b\": tru}", 19, &offset));
    assert_int_equal(offset, 15);
    assert_non_null(json_check_place("[1, 01]", 7, NULL));
}

static void a_tree_is_built_only_of_what_was_checked(void **state)
{
    (void)state;
    const char *why = NULL;
    assert_null(json_parse("{\"a\":1,\"a\":2}", 13, &why));
    assert_string_equal(why, "an object has the same key twice");
    assert_null(json_parse("[", 1, NULL));
    SCOPED(json_free) cJSON *json = json_parse(" {\"id\":5} trailing", 10, &why);
    assert_int_equal(json_get_int(json, "id", 0), 5);
}

static void members_are_read_by_exact_name_and_type(void **state)
{
    (void)state;
    static const char text[] = "{\"id\":7,\"Name\":\"x\",\"yes\":true,\"no\":false,\"null\":null,\"list\":[1]}";
    SCOPED(json_free) cJSON *json = json_parse(text, sizeof text - 1, NULL);
    assert_non_null(json);
    assert_null(json_get(json, "ID"));
    assert_null(json_get(json, "name"));
    assert_null(json_get(json_get(json, "list"), "id"));
    assert_null(json_get(NULL, "id"));
    assert_string_equal(json_get_text(json, "Name"), "x");
    assert_null(json_get_text(json, "id"));
    assert_int_equal(json_get_int(json, "id", -1), 7);
    assert_int_equal(json_get_int(json, "Name", -1), -1);
    assert_int_equal(json_get_int(json, "none", -1), -1);
    assert_true(json_get_bool(json, "yes"));
    assert_false(json_get_bool(json, "no"));
    assert_false(json_get_bool(json, "id"));
    assert_false(json_get_bool(json, "none"));
    assert_null(json_text(NULL));
}

static void integers_are_exact_or_no_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_int;
        int64_t value;
    } numbers[] = {
        {"0", true, 0},
        {"-5", true, -5},
        {"5.0", true, 5},
        {"1e3", true, 1000},
        {"2147483648", true, 2147483648},
        {"9007199254740991", true, 9007199254740991},
        {"-9007199254740991", true, -9007199254740991},
        {"0.1", false, 0},
        {"1e16", false, 0},
        {"1e300", false, 0},
        {"9007199254740992.0", false, 0},
        {"-0", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        int64_t value = 99;
        SCOPED(json_free) cJSON *json = json_parse(numbers[i].text, strlen(numbers[i].text), NULL);
        assert_non_null(json);
        assert_int_equal(json_int(json, &value), numbers[i].is_int);
        assert_int_equal(value, numbers[i].is_int ? numbers[i].value : 99);
    }
    int64_t value;
    assert_false(json_int(NULL, &value));
}

static void what_is_printed_is_what_was_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,-2,true,false,null,\"x\\n\\\"\"],\"b\":{},\"c\":[],\"\":{\"d\":\"\xf0\x9f\x98\x80\"}}",
        "9007199254740991",
        "-9007199254740991",
        "1234567890123456",
        "0.1",
        "1e+300",
        "5e-324",
        "0.30000000000000004",
        "1.7976931348623157e+308",
        "-0",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        SCOPED(json_free) cJSON *json = json_parse(texts[i], strlen(texts[i]), NULL);
        assert_non_null(json);
        char *printed = json_print(json);
        if (i == 6) /* a number so small has fewer digits than are printed; the value counts */
            assert_true(strtod(printed, NULL) == 5e-324);
        else
            assert_string_equal(printed, texts[i]);
        free(printed);
    }
}

static void a_large_number_without_fraction_can_be_read_again(void **state)
{
    (void)state;
    SCOPED(json_free) cJSON *json = json_parse("9007199254740993.0", 18, NULL);
    char *printed = json_print(json);
    assert_string_equal(printed, "9007199254740992.0");
    assert_taken(printed);
    free(printed);
}

static void trees_of_our_own_print_too(void **state)
{
    (void)state;
    SCOPED(json_free) cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "nan", (double)NAN);
    cJSON_AddRawToObject(json, "raw", "[1]");
    cJSON_AddItemToObject(json, "list", cJSON_CreateArray());
    char *printed = json_print(json);
    assert_string_equal(printed, "{\"nan\":null,\"raw\":[1],\"list\":[]}");
    free(printed);
    printed = json_print(NULL);
    assert_string_equal(printed, "null");
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_texts_are_taken),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(a_nul_byte_is_no_end),
        cmocka_unit_test(texts_with_bad_characters_are_refused),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(the_same_key_twice_is_refused_however_it_is_written),
        cmocka_unit_test(numbers_keep_to_the_grammar),
        cmocka_unit_test(numbers_that_would_be_changed_are_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(keys_of_one_object_have_a_limit),
        cmocka_unit_test(values_have_a_limit),
        cmocka_unit_test(the_place_of_a_mistake_is_told),
        cmocka_unit_test(a_tree_is_built_only_of_what_was_checked),
        cmocka_unit_test(members_are_read_by_exact_name_and_type),
        cmocka_unit_test(integers_are_exact_or_no_integers),
        cmocka_unit_test(what_is_printed_is_what_was_read),
        cmocka_unit_test(a_large_number_without_fraction_can_be_read_again),
        cmocka_unit_test(trees_of_our_own_print_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
