/* Models from files: what a file says, and how a wrong one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rule.h"
#include "lib/pattern.h"

static char why[512];

static bool has_nobody(void *app, const struct actor *actor, int64_t id)
{
    (void)app, (void)actor, (void)id;
    return false;
}

static const struct relation relations[] = {
    {"$groups", "SELECT group_id FROM group_member WHERE user_id = ?", has_nobody, NULL},
    {"$rooms", "SELECT room_id FROM member WHERE user_id = ?", has_nobody, NULL},
    {"$public_rooms", "SELECT id FROM room WHERE kind = 'public' AND ? IS NOT NULL", has_nobody, NULL},
    {"$moderated_rooms", "SELECT room_id FROM member WHERE user_id = ?", has_nobody, NULL},
};

/* With the built-in models in it, so that there is something to refer to. */
static struct models *some_models(void)
{
    struct models *models = models_new();
    for (size_t i = 0; i < ARRAY_LENGTH(relations); i++)
        relation_add(models, &relations[i]);
    if (!models_read_builtin(models, why, sizeof why))
        fail_msg("%s", why);
    return models;
}

/* Reads one file and joins it with the built-in models. NULL: refused. */
static struct models *read_one(const char *name, const char *text, bool is_builtin)
{
    SCOPED(models_free) struct models *models = some_models();
    why[0] = '\0';
    if (!models_read(models, name, text, strlen(text), is_builtin, why, sizeof why) ||
        !models_finish(models, why, sizeof why))
        return NULL;
    return TAKE(models);
}

static struct models *read_thing(const char *text)
{
    struct models *models = read_one("thing", text, false);
    if (!models)
        fail_msg("%s\n%s", why, text);
    return models;
}

static void assert_refused(const char *text, const char *expected)
{
    SCOPED(models_free) struct models *models = read_one("thing", text, false);
    if (models || strcmp(why, expected) != 0)
        fail_msg("%s\nexpected \"%s\"\ngot      \"%s\"", text, expected, models ? "no refusal" : why);
}

/* @property is the only one of the model, with the name "x". */
static struct models *read_property(const char *property)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"type\":\"object\",\"properties\":{\"x\":%s}}", property);
    return read_thing(text);
}

static const struct field *field_of(const struct models *models, const char *name)
{
    const struct field *field = model_field(models_find(models, "thing"), name);
    if (!field)
        fail_msg("there is no field %s", name);
    return field;
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

/* ---- what a file says ---- */

static void a_file_becomes_a_model(void **state)
{
    (void)state;
    SCOPED(models_free)
    struct models *models = read_thing(
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"thing\",\"title\":\"Thing\","
        "\"description\":\"A thing.\",\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\"],"
        "\"properties\":{\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},"
        "\"published\":{\"type\":\"boolean\",\"default\":false},"
        "\"author\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\",\"readOnly\":true}},"
        "\"x-rules\":{\"read\":{\"any\":[{\"published\":true},{\"author\":\"$me\"}]},\"delete\":false},"
        "\"x-search\":[\"title\"],\"x-label\":\"title\",\"x-list\":[\"title\",\"created_at\"],"
        "\"x-grants\":{\"everyone\":[],\"members\":[\"read\",\"delete\"]}}");
    const struct model *model = models_find(models, "thing");

    assert_string_equal(model->name, "thing");
    assert_string_equal(model->title, "Thing");
    assert_string_equal(model->table, "thing");
    assert_false(model->is_builtin);
    assert_int_equal(model->fields_count, FIELDS_OWN + 3);
    assert_non_null(model->rules[RULE_READ]);
    assert_null(model->rules[RULE_CREATE]);
    assert_null(model->rules[RULE_UPDATE]);
    assert_non_null(model->rules[RULE_DELETE]);
    assert_int_equal(model->search_count, 1);
    assert_int_equal(model->search[0], FIELDS_OWN);
    assert_int_equal(model->label, FIELDS_OWN);
    assert_int_equal(model->everyone_rights, 0);
    assert_int_equal(model->members_rights, RIGHT_READ | RIGHT_DELETE);
    assert_int_equal(model->actions, (1 << MODEL_ACTIONS) - 1);
    assert_string_equal(json_get_text(model->file, "title"), "Thing");

    const struct field *title = field_of(models, "title"), *author = field_of(models, "author");
    assert_true(title->is_required && title->is_listed && !title->is_nullable && !title->is_read_only);
    assert_int_equal(title->kind, FIELD_TEXT);
    assert_int_equal(title->length_min, 1);
    assert_int_equal(title->length_max, 200);
    assert_string_equal(title->column, "title");
    assert_true(author->is_read_only && !author->is_required && !author->is_listed);
    assert_string_equal(author->references, "user");
    assert_int_equal(author->default_kind, DEFAULT_ME);
    assert_int_equal(author->on_delete, ON_DELETE_RESTRICT);
    const struct field *published = field_of(models, "published");
    assert_int_equal(published->default_kind, DEFAULT_VALUE);
    assert_int_equal(published->default_value.kind, VALUE_INT);
    assert_int_equal(published->default_value.number, 0);
    assert_false(published->is_nullable);
}

static void every_model_begins_with_its_own_four_fields(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = read_property("{\"type\":\"string\"}");
    const struct model *model = models_find(models, "thing");
    static const char *const names[] = {"id", "created_at", "updated_at", "version", "x"};
    static const enum field_kind kinds[] = {FIELD_INTEGER, FIELD_TIME, FIELD_TIME, FIELD_INTEGER, FIELD_TEXT};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_string_equal(model->fields[i].name, names[i]);
        assert_string_equal(model->fields[i].column, names[i]);
        assert_int_equal(model->fields[i].kind, kinds[i]);
        assert_int_equal(model->fields[i].is_read_only, i < FIELDS_OWN);
        assert_int_equal(field_index(model, model_field(model, names[i])), i);
    }
    assert_null(model_field(model, "y"));
    assert_int_equal(model->label, FIELD_ID);
    assert_string_equal(model->title, "thing");
    assert_true(model->fields[FIELDS_OWN].is_listed);
}

static void type_and_format_give_the_kind(void **state)
{
    (void)state;
    static const struct {
        const char *property;
        enum field_kind kind;
        enum field_format format;
    } table[] = {
        {"{\"type\":\"integer\"}", FIELD_INTEGER, FORMAT_NONE},
        {"{\"type\":\"number\"}", FIELD_NUMBER, FORMAT_NONE},
        {"{\"type\":\"string\"}", FIELD_TEXT, FORMAT_NONE},
        {"{\"type\":[\"boolean\",\"null\"]}", FIELD_BOOLEAN, FORMAT_NONE},
        {"{\"type\":\"string\",\"format\":\"date\"}", FIELD_DATE, FORMAT_NONE},
        {"{\"type\":[\"null\",\"string\"],\"format\":\"date-time\"}", FIELD_TIME, FORMAT_NONE},
        {"{\"type\":\"string\",\"format\":\"email\"}", FIELD_TEXT, FORMAT_EMAIL},
        {"{\"type\":\"string\",\"format\":\"uri\"}", FIELD_TEXT, FORMAT_URI},
        {"{\"type\":[\"string\"],\"format\":\"uuid\"}", FIELD_TEXT, FORMAT_UUID},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", FIELD_LIST, FORMAT_NONE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        SCOPED(models_free) struct models *models = read_property(table[i].property);
        assert_int_equal(field_of(models, "x")->kind, table[i].kind);
        assert_int_equal(field_of(models, "x")->format, table[i].format);
    }
}

static void a_field_may_be_empty_if_it_says_so_or_nothing_else_fills_it(void **state)
{
    (void)state;
    SCOPED(models_free)
    struct models *models =
        read_thing("{\"type\":\"object\",\"required\":[\"a\",\"b\",\"f\"],\"properties\":{\"a\":{\"type\":\"string\"},"
                   "\"b\":{\"type\":[\"string\",\"null\"]},\"c\":{\"type\":\"string\"},\"d\":{\"type\":\"string\","
                   "\"default\":\"\"},"
                   "\"e\":{\"type\":[\"string\",\"null\"],\"default\":\"\"},"
                   "\"f\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\",\"readOnly\":true},"
                   "\"g\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\"},"
                   "\"h\":{\"type\":\"string\",\"format\":\"date-time\",\"x-default\":\"$now\"},"
                   "\"i\":{\"type\":[\"string\",\"null\"],\"default\":null}}}");
    static const struct {
        const char *name;
        bool is_nullable;
    } table[] = {{"a", false}, {"b", true}, {"c", true},  {"d", false}, {"e", true},
                 {"f", false}, {"g", true}, {"h", false}, {"i", true}};
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (field_of(models, table[i].name)->is_nullable != table[i].is_nullable)
            fail_msg("%s", table[i].name);
    assert_int_equal(field_of(models, "i")->default_kind, DEFAULT_NONE);
    assert_int_equal(field_of(models, "h")->default_kind, DEFAULT_NOW);
}

static void limits_and_choices_are_values_of_the_field(void **state)
{
    (void)state;
    SCOPED(models_free)
    struct models *models = read_thing(
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\",\"minimum\":-0.5,\"maximum\":2},"
        "\"i\":{\"type\":\"integer\",\"enum\":[3,1,2],\"default\":2},\"c\":{\"type\":\"boolean\",\"const\":true},"
        "\"s\":{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null,\"\xc3\xa9\"],\"default\":\"a\"},"
        "\"t\":{\"type\":\"string\",\"format\":\"date-time\",\"default\":\"1970-01-01T01:00:00.5+01:00\"},"
        "\"p\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"default\":\"abc\"},"
        "\"l\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"default\":[\"b\",\"a\"],"
        "\"items\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"maxLength\":5}}}}");
    const struct field *n = field_of(models, "n"), *i = field_of(models, "i"), *s = field_of(models, "s");
    assert_true(n->has_minimum && n->has_maximum);
    assert_int_equal(n->minimum.kind, VALUE_REAL);
    assert_true(n->minimum.real == -0.5);
    assert_int_equal(n->maximum.number, 2);
    assert_int_equal(i->choices_count, 3);
    assert_int_equal(i->choices[0].number, 3);
    assert_int_equal(i->default_value.number, 2);
    assert_int_equal(field_of(models, "c")->choices_count, 1);
    assert_int_equal(field_of(models, "c")->choices[0].number, 1);
    assert_int_equal(s->choices_count, 2);
    assert_string_equal(s->choices[1].text, "\xc3\xa9");
    assert_string_equal(s->default_value.text, "a");
    assert_int_equal(field_of(models, "t")->default_value.number, 500);
    assert_true(pattern_matches(field_of(models, "p")->pattern, "xyz", 3));
    const struct field *l = field_of(models, "l");
    assert_int_equal(l->length_min, 1);
    assert_int_equal(l->length_max, 3);
    assert_string_equal(l->default_value.text, "[\"b\",\"a\"]");
    assert_int_equal(l->items->kind, FIELD_TEXT);
    assert_int_equal(l->items->choices_count, 2);
    assert_int_equal(l->items->length_max, 5);
}

static void references_and_marks_are_read(void **state)
{
    (void)state;
    SCOPED(models_free)
    struct models *models =
        read_thing("{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{"
                   "\"a\":{\"type\":\"integer\",\"x-references\":\"thing\",\"x-on-delete\":\"cascade\"},"
                   "\"b\":{\"type\":\"integer\",\"x-references\":\"room\",\"x-on-delete\":\"set-null\"},"
                   "\"c\":{\"type\":\"string\",\"x-unique\":true,\"x-index\":false,\"writeOnly\":true},"
                   "\"d\":{\"type\":\"string\",\"title\":\"D\",\"x-index\":true}},"
                   "\"x-fields\":{\"d\":{\"read\":{\"a\":1},\"write\":false},\"c\":{\"write\":true}}}");
    assert_int_equal(field_of(models, "a")->on_delete, ON_DELETE_CASCADE);
    assert_string_equal(field_of(models, "a")->references, "thing");
    assert_int_equal(field_of(models, "b")->on_delete, ON_DELETE_SET_NULL);
    const struct field *c = field_of(models, "c"), *d = field_of(models, "d");
    assert_true(c->is_unique && !c->is_indexed && c->is_write_only && !c->is_listed);
    assert_true(d->is_indexed && !d->is_unique && d->is_listed);
    assert_string_equal(d->title, "D");
    assert_non_null(d->read);
    assert_non_null(d->write);
    assert_null(c->read);
    assert_non_null(c->write);
}

/* ---- many models ---- */

static void models_are_kept_in_the_order_of_their_names(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = models_new();
    static const char text[] = "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}}}";
    static const char *const names[] = {"m", "z", "a", "news", "b_2", "aa"};
    static const char *const sorted[] = {"a", "aa", "b_2", "m", "news", "z"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_true(models_read(models, names[i], text, sizeof text - 1, false, why, sizeof why));
    assert_true(models_finish(models, why, sizeof why));
    assert_int_equal(models_count(models), ARRAY_LENGTH(sorted));
    for (size_t i = 0; i < ARRAY_LENGTH(sorted); i++) {
        assert_string_equal(models_at(models, i)->name, sorted[i]);
        assert_ptr_equal(models_find(models, sorted[i]), models_at(models, i));
    }
    assert_null(models_find(models, "c"));
    assert_null(models_find(models, ""));
}

static void models_may_refer_to_models_that_are_read_later(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = some_models();
    static const char first[] = "{\"type\":\"object\",\"properties\":{"
                                "\"x\":{\"type\":\"integer\",\"x-references\":\"second\"}}}";
    static const char second[] = "{\"type\":\"object\",\"properties\":{"
                                 "\"x\":{\"type\":\"integer\",\"x-references\":\"first\"}}}";
    assert_true(models_read(models, "first", first, sizeof first - 1, false, why, sizeof why));
    assert_true(models_read(models, "second", second, sizeof second - 1, false, why, sizeof why));
    assert_true(models_finish(models, why, sizeof why));
}

static void the_built_in_models_describe_the_tables_of_the_program(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = some_models();
    if (!models_finish(models, why, sizeof why))
        fail_msg("%s", why);
    static const char *const names[] = {"audit", "grant", "group", "member", "message", "room", "session", "user"};
    assert_int_equal(models_count(models), ARRAY_LENGTH(names));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const struct model *model = models_at(models, i);
        assert_string_equal(model->name, names[i]);
        assert_true(model->is_builtin);
        assert_int_equal(model->everyone_rights | model->members_rights, 0);
        for (size_t j = 0; j < model->fields_count; j++)
            assert_true(model->fields[j].is_read_only);
    }
    const unsigned seen = 1u << MODEL_LIST | 1u << MODEL_DETAIL;
    assert_int_equal(models_find(models, "user")->actions, seen);
    assert_int_equal(models_find(models, "message")->actions, seen);
    assert_int_equal(models_find(models, "room")->actions, 0);
    const struct model *user = models_find(models, "user"), *audit = models_find(models, "audit");
    assert_null(model_field(user, "password_hash"));
    assert_non_null(model_field(user, "email")->read);
    assert_true(rule_needs_row(model_field(user, "email")->read));
    assert_string_equal(audit->fields[FIELD_CREATED_AT].column, "at");
    assert_string_equal(model_field(models_find(models, "message"), "room")->column, "room_id");
    assert_null(models_find(models, "member")->fields[FIELD_ID].column);
}

static void hooks_are_kept(void **state)
{
    (void)state;
    static const struct model_hooks hooks = {0};
    int app = 0;
    SCOPED(models_free) struct models *models = some_models();
    assert_null(models_find(models, "user")->hooks);
    models_set_hooks(models, "user", &hooks, &app);
    assert_ptr_equal(models_find(models, "user")->hooks, &hooks);
    assert_ptr_equal(models_find(models, "user")->app, &app);
}

/* ---- wrong files ---- */

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

/* ---- folders ---- */

struct folder {
    char path[64];
};

static void put_file(const struct folder *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const struct folder *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    assert_int_equal(remove(path), 0);
}

static void a_folder_gives_its_json_files(void **state)
{
    (void)state;
    struct folder folder = {"/tmp/parley-models-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    static const char good[] = "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}}}";
    put_file(&folder, "b.json", good);
    put_file(&folder, "a.json", good);
    put_file(&folder, ".hidden.json", "no");
    put_file(&folder, "notes.txt", "no");
    SCOPED(models_free) struct models *models = models_new();

    bool is_read = models_read_folder(models, folder.path, why, sizeof why);
    put_file(&folder, "a.json", "{\n\"type\": }");
    SCOPED(models_free) struct models *others = models_new();
    bool is_read_again = models_read_folder(others, folder.path, why, sizeof why);

    assert_true(is_read);
    assert_int_equal(models_count(models), 2);
    assert_string_equal(models_at(models, 0)->name, "a");
    assert_false(is_read_again);
    char expected[128];
    snprintf(expected, sizeof expected, "%s/a.json: at line 2, column 9: a value is missing or is no JSON",
             folder.path);
    assert_string_equal(why, expected);
    static const char *const names[] = {"a.json", "b.json", ".hidden.json", "notes.txt"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        remove_file(&folder, names[i]);
    assert_int_equal(rmdir(folder.path), 0);
}

static void a_folder_that_is_not_there_is_refused_and_no_folder_is_fine(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = models_new();
    assert_true(models_read_folder(models, "", why, sizeof why));
    assert_int_equal(models_count(models), 0);
    assert_false(models_read_folder(models, "/nowhere/at/all", why, sizeof why));
    assert_string_equal(why, "/nowhere/at/all: cannot read this folder of models: No such file or directory");
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    struct folder folder = {"/tmp/parley-models-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    char path[256], expected[320];
    snprintf(path, sizeof path, "%s/a.json", folder.path);
    assert_int_equal(mkdir(path, 0700), 0);
    SCOPED(models_free) struct models *models = models_new();

    bool is_read = models_read_folder(models, folder.path, why, sizeof why);

    assert_false(is_read);
    snprintf(expected, sizeof expected, "%s: cannot read it: Is a directory", path);
    assert_string_equal(why, expected);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder.path), 0);
}

static void the_examples_are_models(void **state)
{
    (void)state;
    SCOPED(models_free) struct models *models = some_models();
    if (!models_read_folder(models, SCHEMA_FOLDER, why, sizeof why) || !models_finish(models, why, sizeof why))
        fail_msg("%s", why);
    const struct model *news = models_find(models, "news"), *task = models_find(models, "task");
    assert_non_null(news);
    assert_non_null(task);
    assert_non_null(models_find(models, "comment"));
    assert_int_equal(news->members_rights, RIGHT_READ);
    assert_int_equal(model_field(models_find(models, "comment"), "news")->on_delete, ON_DELETE_CASCADE);
    assert_non_null(model_field(task, "note")->read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_model),
        cmocka_unit_test(every_model_begins_with_its_own_four_fields),
        cmocka_unit_test(type_and_format_give_the_kind),
        cmocka_unit_test(a_field_may_be_empty_if_it_says_so_or_nothing_else_fills_it),
        cmocka_unit_test(limits_and_choices_are_values_of_the_field),
        cmocka_unit_test(references_and_marks_are_read),
        cmocka_unit_test(models_are_kept_in_the_order_of_their_names),
        cmocka_unit_test(models_may_refer_to_models_that_are_read_later),
        cmocka_unit_test(the_built_in_models_describe_the_tables_of_the_program),
        cmocka_unit_test(hooks_are_kept),
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
        cmocka_unit_test(a_folder_gives_its_json_files),
        cmocka_unit_test(a_folder_that_is_not_there_is_refused_and_no_folder_is_fine),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
        cmocka_unit_test(the_examples_are_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
