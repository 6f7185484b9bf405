/* Models from files: what a file says, and which files are read. How a wrong one is refused is in model_refusal_test.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/rule.h"
#include "lib/pattern.h"
#include "model_files.h"

static struct models *read_thing(const char *text)
{
    struct models *models = read_one("thing", text, false);
    if (!models)
        fail_msg("%s\n%s", why, text);
    return models;
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
        cmocka_unit_test(a_folder_gives_its_json_files),
        cmocka_unit_test(a_folder_that_is_not_there_is_refused_and_no_folder_is_fine),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
        cmocka_unit_test(the_examples_are_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
