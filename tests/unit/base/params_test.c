/* Readers of parameters: each takes what is right, and says in words what is wrong, all errors at once. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void no_start(struct request *request)
{
    request_finish(request, STATUS_OK);
}

static const struct route routes[] = {{"a.b", HTTP_M_GET, "a", ROUTE_OPEN, NULL, 0, no_start, 0, NULL}};

static int setup(void **state)
{
    struct world *world = world_open();
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void request_free_scoped(struct request **request)
{
    request_free(*request);
}

/* A request with these parameters (' for "), never started. */
static struct request *with(void **state, const char *params)
{
    struct world *world = *state;
    struct request *request = dispatch_request(world->dispatch, "a.b");
    char *text = strdup(params);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    cJSON_Delete(request->params);
    request->params = json_parse(text, strlen(text), NULL);
    assert_non_null(request->params);
    free(text);
    return request;
}

static const char *errors(struct request *request)
{
    return request->errors.length ? request->errors.bytes : "";
}

static void what_is_right_is_read(void **state)
{
    static const char *const words[] = {"public", "private", NULL};
    SCOPED(request_free)
    struct request *request = with(state, "{'number':-7,'text':'gr\xc3\xbc\xc3\x9f','truth':true,'word':'private'}");
    int64_t number = 0;
    const char *text = NULL;
    bool truth = false;
    int word = 0;

    assert_true(param_int(request, "number", PARAM_REQUIRED, -7, 7, &number));
    assert_true(param_text(request, "text", PARAM_REQUIRED, 4, 4, &text)); /* characters, not bytes */
    assert_true(param_bool(request, "truth", PARAM_REQUIRED, &truth));
    assert_true(param_word(request, "word", PARAM_REQUIRED, words, &word));

    assert_int_equal(number, -7);
    assert_string_equal(text, "gr\xc3\xbc\xc3\x9f");
    assert_true(truth);
    assert_int_equal(word, 1);
    assert_string_equal(errors(request), "");
}

static void an_absent_optional_one_leaves_the_value_alone(void **state)
{
    SCOPED(request_free) struct request *request = with(state, "{'number':null}");
    int64_t number = 42;

    assert_true(param_int(request, "number", PARAM_OPTIONAL, 0, 9, &number));
    assert_true(param_int(request, "other", PARAM_OPTIONAL, 0, 9, &number));

    assert_int_equal(number, 42);
    assert_false(param_is_given(request, "number"));
}

static void an_absent_required_one_is_named(void **state)
{
    SCOPED(request_free) struct request *request = with(state, "{'text':null}");
    const char *text = "left alone";

    assert_false(param_text(request, "text", PARAM_REQUIRED, 0, 9, &text));
    assert_false(param_text(request, "name", PARAM_REQUIRED, 0, 9, &text));

    assert_string_equal(text, "left alone");
    assert_string_equal(errors(request), "{\"pointer\":\"/text\",\"detail\":\"This is required.\"},"
                                         "{\"pointer\":\"/name\",\"detail\":\"This is required.\"}");
}

static void only_whole_numbers_in_range_are_integers(void **state)
{
    static const char *const wrong[] = {"{'n':0}",    "{'n':11}",  "{'n':1.5}", "{'n':'5'}",
                                        "{'n':true}", "{'n':[5]}", "{'n':{}}"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        SCOPED(request_free) struct request *request = with(state, wrong[i]);
        int64_t number = 42;
        assert_false(param_int(request, "n", PARAM_OPTIONAL, 1, 10, &number));
        assert_int_equal(number, 42);
        assert_string_equal(errors(request),
                            "{\"pointer\":\"/n\",\"detail\":\"This must be a whole number from 1 to 10.\"}");
    }
}

static void in_a_query_canonical_texts_are_numbers_and_truths(void **state)
{
    static const char *const wrong[] = {"{'n':'05'}",
                                        "{'n':'+5'}",
                                        "{'n':' 5'}",
                                        "{'n':'5 '}",
                                        "{'n':''}",
                                        "{'n':'5.0'}",
                                        "{'n':'99999999999999999999'}",
                                        "{'n':'-0'}",
                                        "{'n':'0x5'}"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        SCOPED(request_free) struct request *request = with(state, wrong[i]);
        int64_t number;
        request->is_query = true;
        assert_false(param_int(request, "n", PARAM_OPTIONAL, -100, INT64_MAX, &number));
    }
    SCOPED(request_free) struct request *request = with(state, "{'n':'5','yes':'true','no':'false','maybe':'True'}");
    int64_t number = 0;
    bool yes = false, no = true, maybe = false;
    request->is_query = true;
    assert_true(param_int(request, "n", PARAM_REQUIRED, 1, 10, &number));
    assert_true(param_bool(request, "yes", PARAM_REQUIRED, &yes));
    assert_true(param_bool(request, "no", PARAM_REQUIRED, &no));
    assert_false(param_bool(request, "maybe", PARAM_REQUIRED, &maybe));
    assert_int_equal(number, 5);
    assert_true(yes && !no && !maybe);
}

static void a_text_has_its_length_in_characters(void **state)
{
    SCOPED(request_free)
    struct request *request =
        with(state, "{'short':'','long':'\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d','number':5}");
    const char *text = NULL;

    assert_false(param_text(request, "short", PARAM_REQUIRED, 1, 2, &text));
    assert_false(param_text(request, "long", PARAM_REQUIRED, 1, 2, &text));
    assert_false(param_text(request, "number", PARAM_REQUIRED, 1, 2, &text));

    assert_null(text);
    assert_string_equal(errors(request),
                        "{\"pointer\":\"/short\",\"detail\":\"This must have at least 1 character.\"},"
                        "{\"pointer\":\"/long\",\"detail\":\"This has 3 characters; at most 2 are allowed.\"},"
                        "{\"pointer\":\"/number\",\"detail\":\"This must be a text.\"}");
}

static void a_word_must_be_one_of_the_list(void **state)
{
    static const char *const words[] = {"public", "private", NULL};
    SCOPED(request_free) struct request *request = with(state, "{'a':'Public','b':7}");
    int word = 9;

    assert_false(param_word(request, "a", PARAM_REQUIRED, words, &word));
    assert_false(param_word(request, "b", PARAM_REQUIRED, words, &word));

    assert_int_equal(word, 9);
    assert_non_null(
        strstr(errors(request), "{\"pointer\":\"/a\",\"detail\":\"This must be one of: public, private.\"}"));
}

static void each_unknown_parameter_is_named(void **state)
{
    static const char *const names[] = {"id", "text", NULL};
    SCOPED(request_free) struct request *request = with(state, "{'id':1,'txt':2,'Text':3,'a/b~c':4}");

    assert_false(params_only(request, names));

    assert_string_equal(errors(request), "{\"pointer\":\"/txt\",\"detail\":\"There is no such parameter.\"},"
                                         "{\"pointer\":\"/Text\",\"detail\":\"There is no such parameter.\"},"
                                         "{\"pointer\":\"/a~1b~0c\",\"detail\":\"There is no such parameter.\"}");
    SCOPED(request_free) struct request *plain = with(state, "{'id':1}");
    assert_true(params_only(plain, names));
    assert_false(params_only(plain, NULL));
}

static void a_long_name_is_cut_between_characters(void **state)
{
    SCOPED(request_free) struct request *request = with(state, "{}");
    char name[400] = "x", pointer[PARAM_POINTER_SIZE], again[400];
    for (int i = 0; i < 90; i++)
        strcat(name, "\xf0\x9f\x91\x8d");
    cJSON_AddNumberToObject(request->params, name, 1);

    assert_false(params_only(request, NULL));

    param_pointer(name, pointer);
    assert_true(strlen(pointer) >= PARAM_POINTER_SIZE - 8);
    snprintf(again, sizeof again, "{\"errors\":[%s]}", errors(request));
    SCOPED(json_free) cJSON *json = json_parse(again, strlen(again), NULL); /* it is strict about UTF-8 */
    assert_non_null(json);
    assert_string_equal(look_text(json, "errors.0.pointer"), pointer);
}

static void a_long_detail_is_cut_between_characters(void **state)
{
    SCOPED(request_free) struct request *request = with(state, "{}");
    char words[2000] = "";
    for (int i = 0; i < 400; i++)
        strcat(words, "\xe2\x82\xac");

    request_refuse(request, STATUS_INVALID, "!%s", words);

    assert_int_equal(strlen(request->detail) % 3, 1);
    assert_true(strlen(request->detail) > 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_right_is_read),
        TEST(an_absent_optional_one_leaves_the_value_alone),
        TEST(an_absent_required_one_is_named),
        TEST(only_whole_numbers_in_range_are_integers),
        TEST(in_a_query_canonical_texts_are_numbers_and_truths),
        TEST(a_text_has_its_length_in_characters),
        TEST(a_word_must_be_one_of_the_list),
        TEST(each_unknown_parameter_is_named),
        TEST(a_long_name_is_cut_between_characters),
        TEST(a_long_detail_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
