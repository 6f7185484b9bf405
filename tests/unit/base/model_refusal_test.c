/* A file that is no model is refused, with the place and the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model_files.h"

static void assert_refused(const char *text, const char *expected)
{
    SCOPED(models_free) struct models *models = read_one("thing", text, false);
    if (models || strcmp(why, expected) != 0)
        fail_msg("%s\nexpected \"%s\"\ngot      \"%s\"", text, expected, models ? "no refusal" : why);
}

static void assert_property_refused(const char *property, const char *place_and_reason)
{
    char text[2048], expected[512];
    snprintf(text, sizeof text, "{\"type\":\"object\",\"properties\":{\"x\":%s}}", property);
    snprintf(expected, sizeof expected, "thing.json: at /properties/x%s", place_and_reason);
    assert_refused(text, expected);
}

/* @more: members beside type and properties, where "x" is a text, "n" an integer, "w" a text that is never shown. */
static void assert_model_refused(const char *more, const char *place_and_reason)
{
    char text[2048], expected[512];
    snprintf(text, sizeof text,
             "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"},"
             "\"w\":{\"type\":\"string\",\"writeOnly\":true},\"r\":{\"type\":\"string\",\"readOnly\":true}},%s}",
             more);
    snprintf(expected, sizeof expected, "thing.json: at %s", place_and_reason);
    assert_refused(text, expected);
}

static void a_syntax_error_is_shown_by_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\n  \"type\": \"object\",\n  \"title\": 01\n}",
                   "thing.json: at line 3, column 14: a number begins with a zero");
    assert_refused("", "thing.json: at line 1, column 1: it is empty");
    assert_refused("{\"type\":\"object\",\"type\":\"object\"}",
                   "thing.json: at line 1, column 24: an object has the same key twice");
}

static void what_a_model_cannot_say_is_refused(void **state)
{
    (void)state;
    assert_refused("[]", "thing.json: at the top: this must be an object");
    assert_refused("{\"properties\":{\"x\":{\"type\":\"string\"}}}",
                   "thing.json: at the top: a model needs \"type\": \"object\"");
    assert_refused("{\"type\":\"array\"}", "thing.json: at /type: a model needs \"type\": \"object\"");
    assert_refused("{\"type\":\"object\"}", "thing.json: at the top: a model needs \"properties\"");
    assert_refused("{\"type\":\"object\",\"properties\":{}}",
                   "thing.json: at /properties: a model needs \"properties\"");
    assert_refused("{\"type\":\"object\",\"properties\":[]}", "thing.json: at /properties: this must be an object");
    assert_model_refused("\"oneOf\":[]", "/oneOf: there is no such keyword for a model");
    assert_model_refused("\"a/b~\\nc\":1", "/a~1b~0?c: there is no such keyword for a model");
    assert_model_refused("\"title\":1", "/title: this must be a text");
    assert_model_refused("\"$schema\":\"http://json-schema.org/draft-07/schema#\"",
                         "/$schema: this must be https://json-schema.org/draft/2020-12/schema");
    assert_model_refused("\"additionalProperties\":true",
                         "/additionalProperties: unknown fields are always refused: this must be false");
    assert_model_refused("\"required\":[\"y\"]", "/required/0: there is no such property");
    assert_model_refused("\"required\":[\"id\"]", "/required/0: there is no such property");
    assert_model_refused("\"required\":[\"x\",\"n\",\"x\"]", "/required/2: this is there twice");
    assert_model_refused("\"required\":[\"x\",1]", "/required/1: this must be a text");
    assert_model_refused("\"required\":[\"r\"]", "/properties/r: a required field that is readOnly needs a default");
    assert_model_refused("\"x-table\":\"y\"", "/x-table: only the built-in models may say this");
    assert_model_refused("\"x-actions\":[]", "/x-actions: only the built-in models may say this");
    assert_model_refused("\"x-search\":[\"y\"]", "/x-search/0: there is no such field");
    assert_model_refused("\"x-search\":[\"x\",\"n\"]",
                         "/x-search/1: this field cannot be searched: only texts can, and none named rank");
    assert_model_refused("\"x-search\":[\"w\"]",
                         "/x-search/0: this field cannot be searched: not everybody may read it");
    assert_model_refused("\"x-search\":[\"x\"],\"x-fields\":{\"x\":{\"read\":{\"n\":1}}}",
                         "/x-search/0: this field cannot be searched: not everybody may read it");
    assert_model_refused("\"x-search\":[\"x\",\"x\"]", "/x-search/1: this is there twice");
    assert_model_refused("\"x-label\":\"y\"", "/x-label: there is no such field");
    assert_model_refused("\"x-label\":\"w\"", "/x-label: this field cannot name a row");
    assert_model_refused("\"x-list\":[\"x\",\"w\"]", "/x-list/1: a writeOnly field is never shown");
    assert_model_refused("\"x-list\":[\"x\",\"x\"]", "/x-list/1: this is there twice");
    assert_model_refused("\"x-grants\":{\"users\":[\"read\"]}",
                         "/x-grants/users: rights are for \"everyone\" or \"members\"");
    assert_model_refused("\"x-grants\":{\"members\":\"read\"}", "/x-grants/members: this must be a list");
    assert_model_refused("\"x-grants\":{\"members\":[\"read\",\"grant\"]}",
                         "/x-grants/members/1: a right is one of read, write, delete");
}

static void wrong_rules_are_refused(void **state)
{
    (void)state;
    assert_model_refused("\"x-rules\":{\"list\":true}",
                         "/x-rules/list: a rule is for one of read, create, update, delete");
    assert_model_refused("\"x-rules\":{\"read\":null}", "/x-rules/read: a rule is an object, true or false");
    assert_model_refused("\"x-fields\":{\"y\":{}}", "/x-fields/y: there is no such property");
    assert_model_refused("\"x-fields\":{\"id\":{}}", "/x-fields/id: there is no such property");
    assert_model_refused("\"x-fields\":{\"x\":true}", "/x-fields/x: this must be an object");
    assert_model_refused("\"x-fields\":{\"x\":{\"see\":true}}", "/x-fields/x/see: a rule is for one of read, write");
    assert_model_refused("\"x-fields\":{\"w\":{\"read\":true}}", "/x-fields/w/read: a writeOnly field is never shown");
    assert_model_refused("\"x-fields\":{\"r\":{\"write\":true}}", "/x-fields/r/write: a readOnly field is never taken");
}

/* The words are the rule's; here it is the place that counts. */
static void all_rules_of_a_model_fit_into_one_statement(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer list = {0}, text = {0};
    for (int i = 0; i < 190; i++)
        buffer_printf(&list, "%s%d", i ? "," : "", i);
    buffer_printf(&text,
                  "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},"
                  "\"x-rules\":{\"read\":{\"x\":{\"in\":[%s]}},\"update\":{\"x\":{\"in\":[%s]}}},"
                  "\"x-fields\":{\"x\":{\"read\":{\"x\":{\"in\":[%s]}}}}}",
                  list.bytes, list.bytes, list.bytes);
    assert_refused(text.bytes, "thing.json: at the top: its rules compare with 570 values; at most 500 are allowed");
}

static void a_mistake_inside_a_rule_is_shown_with_its_whole_place(void **state)
{
    (void)state;
    static const struct {
        const char *more, *place;
    } table[] = {
        {"\"x-rules\":{\"read\":{\"any\":[{\"x\":\"a\"},{\"nobody\":1}]}}", "/x-rules/read/any/1/nobody: "},
        {"\"x-rules\":{\"delete\":{\"n\":{\"in\":\"$friends\"}}}", "/x-rules/delete/n"},
        {"\"x-fields\":{\"x\":{\"write\":{\"n\":\"text\"}}}", "/x-fields/x/write/n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        char text[512], expected[128];
        snprintf(text, sizeof text,
                 "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}},%s}",
                 table[i].more);
        snprintf(expected, sizeof expected, "thing.json: at %s", table[i].place);
        SCOPED(models_free) struct models *models = read_one("thing", text, false);
        if (models || strncmp(why, expected, strlen(expected)) != 0)
            fail_msg("expected \"%s\", got \"%s\"", expected, models ? "no refusal" : why);
    }
}

static void what_a_field_cannot_say_is_refused(void **state)
{
    (void)state;
    assert_property_refused("1", ": this must be an object");
    assert_property_refused("{}", ": it needs a \"type\"");
    static const char types[] = "a type is one of string, integer, number, boolean, array, and once null";
    char expected[128];
    snprintf(expected, sizeof expected, "/type: %s", types);
    assert_property_refused("{\"type\":\"text\"}", expected);
    assert_property_refused("{\"type\":1}", expected);
    snprintf(expected, sizeof expected, "/type/2: %s", types);
    assert_property_refused("{\"type\":[\"null\",\"string\",\"null\"]}", expected);
    assert_property_refused("{\"type\":[\"string\",\"integer\"]}",
                            "/type/1: a field has one type, and \"null\" if it may be empty");
    assert_property_refused("{\"type\":[\"null\"]}", "/type: a type besides \"null\" is missing");
    assert_property_refused("{\"type\":[]}", "/type: a type besides \"null\" is missing");
    assert_property_refused("{\"type\":\"string\",\"foo\":1}", "/foo: there is no such keyword for a field");
    assert_property_refused("{\"type\":\"string\",\"uniqueItems\":true}",
                            "/uniqueItems: there is no such keyword for a field");
    assert_property_refused("{\"type\":\"string\",\"x-column\":\"y\"}",
                            "/x-column: only the built-in models may say this");
    assert_property_refused("{\"type\":\"string\",\"minimum\":1}",
                            "/minimum: this does not go with the field's type and format");
    assert_property_refused("{\"type\":\"string\",\"format\":\"date\",\"maxLength\":3}",
                            "/maxLength: this does not go with the field's type and format");
    assert_property_refused("{\"type\":\"integer\",\"pattern\":\"a\"}",
                            "/pattern: this does not go with the field's type and format");
    assert_property_refused("{\"type\":\"integer\",\"format\":\"date\"}", "/format: only a string has a format");
    assert_property_refused("{\"type\":\"string\",\"format\":\"ipv4\"}",
                            "/format: a format is one of email, uri, uuid, date, date-time");
    assert_property_refused("{\"type\":\"string\",\"maxLength\":-1}", "/maxLength: this must be 0 or more");
    assert_property_refused("{\"type\":\"string\",\"maxLength\":1.5}", "/maxLength: this must be 0 or more");
    assert_property_refused("{\"type\":\"string\",\"readOnly\":1}", "/readOnly: this must be true or false");
    assert_property_refused("{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}",
                            ": the least length is above the greatest");
    assert_property_refused("{\"type\":\"integer\",\"minimum\":2,\"maximum\":1}", ": the minimum is above the maximum");
    assert_property_refused("{\"type\":\"integer\",\"minimum\":0.5}",
                            "/minimum: the limit of an integer must be an integer");
    assert_property_refused("{\"type\":\"string\",\"pattern\":\"(\"}",
                            "/pattern: the pattern is not understood: missing ): (");
    assert_property_refused("{\"type\":\"string\",\"readOnly\":true,\"writeOnly\":true}",
                            ": nobody could use a field that is both readOnly and writeOnly");
    assert_property_refused("{\"type\":\"string\",\"x-references\":\"user\"}",
                            "/x-references: this does not go with the field's type and format");
    assert_property_refused("{\"type\":\"integer\",\"x-references\":\"nothing\"}",
                            "/x-references: there is no model \"nothing\"");
    assert_property_refused("{\"type\":\"integer\",\"x-references\":\"member\"}",
                            "/x-references: rows of \"member\" have no id to refer to");
    assert_property_refused("{\"type\":\"integer\",\"x-references\":\"session\"}",
                            "/x-references: rows of \"session\" have no updated_at to refer to");
    assert_property_refused("{\"type\":\"integer\",\"x-on-delete\":\"cascade\"}",
                            "/x-on-delete: this needs \"x-references\"");
    assert_property_refused("{\"type\":\"integer\",\"x-references\":\"user\",\"x-on-delete\":\"delete\"}",
                            "/x-on-delete: this is one of restrict, cascade, set-null");
    assert_property_refused(
        "{\"type\":\"integer\",\"x-references\":\"user\",\"default\":1,\"x-on-delete\":\"set-null\"}",
        "/x-on-delete: set-null needs a field that may be null");
}

static void a_default_or_choice_that_the_field_would_refuse_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"integer\",\"default\":\"1\"}",
        "{\"type\":\"integer\",\"default\":1.5}",
        "{\"type\":\"integer\",\"maximum\":3,\"default\":4}",
        "{\"type\":\"string\",\"maxLength\":3,\"default\":\"four\"}",
        "{\"type\":\"string\",\"pattern\":\"^a\",\"default\":\"b\"}",
        "{\"type\":\"string\",\"format\":\"email\",\"default\":\"b\"}",
        "{\"type\":\"string\",\"format\":\"date\",\"default\":\"2026-02-30\"}",
        "{\"type\":\"string\",\"format\":\"date-time\",\"default\":\"2026-02-03\"}",
        "{\"type\":\"string\",\"enum\":[\"a\"],\"default\":\"b\"}",
        "{\"type\":\"boolean\",\"default\":0}",
        "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"default\":[\"a\"]}",
        "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"maxItems\":1,\"default\":[1,2]}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"type\":\"object\",\"properties\":{\"x\":%s}}", bad[i]);
        static const char place[] = "thing.json: at /properties/x/default: ";
        SCOPED(models_free) struct models *models = read_one("thing", text, false);
        if (models || strncmp(why, place, sizeof place - 1) != 0 || strlen(why) == sizeof place - 1)
            fail_msg("%s: %s", bad[i], models ? "no refusal" : why);
    }
    assert_property_refused("{\"type\":\"integer\",\"default\":null}",
                            "/default: null needs a type that names \"null\" too");
    assert_property_refused("{\"type\":\"integer\",\"enum\":[]}", "/enum: a list of choices has 1 to 200 of them");
    assert_property_refused("{\"type\":\"integer\",\"enum\":[1,2,1]}", "/enum/2: this choice is there twice");
    assert_property_refused("{\"type\":\"integer\",\"enum\":[1,null]}", "/enum/1: null is no value here");
    assert_property_refused("{\"type\":[\"integer\",\"null\"],\"enum\":[null]}", "/enum: a choice is missing");
    assert_property_refused("{\"type\":\"string\",\"enum\":[\"a\"],\"const\":\"a\"}",
                            "/const: a field has \"enum\" or \"const\", not both");
    assert_property_refused("{\"type\":\"integer\",\"x-default\":\"$me\"}",
                            "/x-default: \"$me\" needs \"x-references\": \"user\"");
    assert_property_refused("{\"type\":\"integer\",\"x-default\":\"$now\"}",
                            "/x-default: this is \"$me\" for a reference to a user, \"$now\" for a date-time");
    assert_property_refused(
        "{\"type\":\"string\",\"format\":\"date-time\",\"x-default\":\"$now\",\"default\":\"2026-01-01T00:00:00Z\"}",
        "/x-default: a field has \"default\" or \"x-default\", not both");
}

static void lists_are_of_scalars(void **state)
{
    (void)state;
    assert_property_refused("{\"type\":\"array\"}", ": a list needs \"items\"");
    assert_property_refused("{\"type\":\"array\",\"items\":{\"type\":\"array\"}}",
                            "/items/type: the items of a list are texts, numbers, integers or booleans");
    assert_property_refused("{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}",
                            "/items/type: the items of a list are texts, numbers, integers or booleans");
    assert_property_refused("{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"x-references\":\"user\"}}",
                            "/items/x-references: this says nothing about the items of a list");
    assert_property_refused("{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"x-unique\":true}",
                            "/x-unique: this does not go with the field's type and format");
    assert_property_refused("{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":1}}",
                            "/items: the least length is above the greatest");
}

static void names_that_are_taken_or_no_names_are_refused(void **state)
{
    (void)state;
    static const char *const fields[] = {"id",     "created_at", "updated_at", "version",        "limit",
                                         "cursor", "sort",       "fields",     "expand",         "q",
                                         "count",  "if_match",   "rowid",      "idempotency_key"};
    static const char *const odd[] = {"",    "1a",  "_a",       "A",
                                      "a-b", "a b", "\xc3\xa9", "a2345678901234567890123456789012345678901"};
    char text[256];
    for (size_t i = 0; i < ARRAY_LENGTH(fields) + ARRAY_LENGTH(odd); i++) {
        const char *name = i < ARRAY_LENGTH(fields) ? fields[i] : odd[i - ARRAY_LENGTH(fields)];
        snprintf(text, sizeof text, "{\"type\":\"object\",\"properties\":{\"%s\":{\"type\":\"string\"}}}", name);
        SCOPED(models_free) struct models *models = read_one("thing", text, false);
        if (models || !strstr(why, "at /properties/"))
            fail_msg("%s: %s", name, models ? "no refusal" : why);
    }
    static const char *const models_names[] = {"user",     "me",          "event",
                                               "sqlite_x", "news_search", "",
                                               "News",     "a-b",         "a2345678901234567890123456789012345678901"};
    static const char good[] = "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}}}";
    for (size_t i = 0; i < ARRAY_LENGTH(models_names); i++)
        if (read_one(models_names[i], good, false))
            fail_msg("%s was taken", models_names[i]);
    assert_null(read_one("user", good, false));
    assert_string_equal(why, "user.json: there is a model of this name already");
}

static void there_is_room_for_sixty_fields(void **state)
{
    (void)state;
    for (int count = MODEL_FIELDS_MAX - FIELDS_OWN; count <= MODEL_FIELDS_MAX - FIELDS_OWN + 1; count++) {
        SCOPED(buffer_free) struct buffer text = {0};
        buffer_text(&text, "{\"type\":\"object\",\"properties\":{");
        for (int i = 0; i < count; i++)
            buffer_printf(&text, "%s\"f%d\":{\"type\":\"string\"}", i ? "," : "", i);
        buffer_text(&text, "}}");
        SCOPED(models_free) struct models *models = read_one("thing", text.bytes, false);
        assert_int_equal(models != NULL, count == MODEL_FIELDS_MAX - FIELDS_OWN);
    }
    assert_string_equal(why, "thing.json: at /properties/f56: a model has at most 56 fields");
}

/* Whatever is cut off or changed, the answer is a model or one line. */
static void a_damaged_file_is_no_more_than_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\":\"object\",\"required\":[\"x\"],\"properties\":{\"x\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],"
        "\"pattern\":\"^.$\"},\"l\":{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"enum\":[1]},\"default\":[1]},"
        "\"n\":{\"type\":[\"integer\",\"null\"],\"x-references\":\"user\"}},\"x-rules\":{\"read\":{\"n\":\"$me\"}},"
        "\"x-search\":[\"x\"],\"x-fields\":{\"l\":{\"read\":{\"x\":\"a\"}}}}";
    static const char *const pieces[] = {"0", "\"", "null", "[]", "{}", "true", "\"x\"", "-1", "\\u000a"};
    for (size_t i = 0; i < sizeof text - 1; i++)
        for (size_t j = 0; j < ARRAY_LENGTH(pieces); j++) {
            char damaged[sizeof text + 8];
            /* Cut at a place, or a piece put over what is there. */
            int length =
                snprintf(damaged, sizeof damaged, "%.*s%s%s", (int)i, text, pieces[j], j == 0 ? "" : text + i + 1);
            SCOPED(models_free) struct models *one = models_new();
            why[0] = '\0';
            bool is_read = models_read(one, "thing", damaged, (size_t)length, false, why, sizeof why);
            assert_true(is_read || strncmp(why, "thing.json: at ", 15) == 0);
            assert_null(strchr(why, '\n'));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syntax_error_is_shown_by_line_and_column),
        cmocka_unit_test(what_a_model_cannot_say_is_refused),
        cmocka_unit_test(wrong_rules_are_refused),
        cmocka_unit_test(all_rules_of_a_model_fit_into_one_statement),
        cmocka_unit_test(a_mistake_inside_a_rule_is_shown_with_its_whole_place),
        cmocka_unit_test(what_a_field_cannot_say_is_refused),
        cmocka_unit_test(a_default_or_choice_that_the_field_would_refuse_is_refused),
        cmocka_unit_test(lists_are_of_scalars),
        cmocka_unit_test(names_that_are_taken_or_no_names_are_refused),
        cmocka_unit_test(there_is_room_for_sixty_fields),
        cmocka_unit_test(a_damaged_file_is_no_more_than_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
