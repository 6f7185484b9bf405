/* The API's description: every action that has an address is in it, and it says what the models' files say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "node.h"
#include "pages/openapi.h"

/* The applications' routes and models of a node that has no data base. */
struct world {
    struct settings *settings;
    struct node node;
    char folder[64], why[512];
    struct buffer text;
    cJSON *document;
};

static struct world *world_open(const char *model_file)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->settings = settings_new();
    assert_non_null(world->settings);
    strcpy(world->folder, "/tmp/parley-openapi-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    if (model_file) {
        char path[128];
        snprintf(path, sizeof path, "%s/paper.json", world->folder);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(model_file, file);
        fclose(file);
        world->settings->data_schema = world->folder;
    }
    if (!node_build(&world->node, world->settings, false, world->why, sizeof world->why))
        fail_msg("%s", world->why);
    return world;
}

static enum status world_print(struct world *world)
{
    enum status status = openapi_print(world->node.dispatch, &world->text, world->why, sizeof world->why);
    if (status == STATUS_OK)
        world->document = cJSON_Parse(world->text.bytes);
    return status;
}

static void world_close(struct world *world)
{
    char path[128];
    snprintf(path, sizeof path, "%s/paper.json", world->folder);
    unlink(path);
    rmdir(world->folder);
    node_close(&world->node);
    settings_free(world->settings);
    cJSON_Delete(world->document);
    buffer_free(&world->text);
    free(world);
}

/* @path: names joined by "|", as addresses have dots and slashes in them. NULL: there is nothing. */
static const cJSON *look(const cJSON *json, const char *path)
{
    while (json && *path) {
        char name[128];
        size_t length = strcspn(path, "|");
        assert_true(length < sizeof name);
        memcpy(name, path, length);
        name[length] = '\0';
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name)) : json_get(json, name);
        path += length + (path[length] == '|');
    }
    return json;
}

static bool lists(const cJSON *list, const char *word)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, list)
        if (json_text(item) && strcmp(json_text(item), word) == 0)
            return true;
    return false;
}

static const cJSON *parameter(const cJSON *operation, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, json_get(operation, "parameters"))
        if (json_get_text(item, "name") && strcmp(json_get_text(item, "name"), name) == 0)
            return item;
    return NULL;
}

static void every_action_is_described_and_what_is_described_is_an_action(void **state)
{
    (void)state;
    struct world *world = world_open(NULL);

    enum status status = world_print(world);

    if (status != STATUS_OK)
        fail_msg("%s", world->why);
    const struct route *route;
    for (size_t cursor = 0; (route = dispatch_route_next(world->node.dispatch, &cursor));) {
        char quoted[128];
        snprintf(quoted, sizeof quoted, "\"operationId\":\"%s\"", route->name);
        bool is_public = route->path && !(route->flags & ROUTE_NODE);
        if (!!strstr(world->text.bytes, quoted) != is_public)
            fail_msg("%s is%s described", route->name, is_public ? " not" : "");
    }
    world_close(world);
}

static void an_action_that_nobody_described_is_named(void **state)
{
    (void)state;
    static const struct route route = {.name = "secret.list", .path = "secret", .flags = ROUTE_OPEN};
    struct world *world = world_open(NULL);
    dispatch_add(world->node.dispatch, &route, 1, NULL);

    enum status status = world_print(world);

    assert_int_equal(status, STATUS_INVALID);
    assert_non_null(strstr(world->why, "secret.list"));
    world_close(world);
}

static void a_description_of_no_action_is_named(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer text = {0};
    struct settings *settings = settings_new();
    struct dispatch *dispatch = dispatch_new(settings);
    char why[512] = "";

    enum status status = openapi_print(dispatch, &text, why, sizeof why);

    assert_int_equal(status, STATUS_INVALID);
    assert_non_null(strstr(why, "there is no action account.register"));
    dispatch_free(dispatch);
    settings_free(settings);
}

static void limits_are_those_of_the_settings(void **state)
{
    (void)state;
    struct world *world = world_open(NULL);
    world->settings->chat_text_max = 1234;

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *most = look(world->document, "components|schemas|MessageText|maxLength");
    assert_non_null(most);
    assert_int_equal((int)most->valuedouble, 1234);
    world_close(world);
}

#define PAPER                                                                                                          \
    "{\"title\":\"Paper\",\"description\":\"What was written.\",\"type\":\"object\",\"required\":[\"title\"],"         \
    "\"properties\":{\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80},"                                \
    "\"kind\":{\"type\":[\"string\",\"null\"],\"enum\":[\"note\",\"letter\"]},"                                        \
    "\"seal\":{\"type\":\"string\",\"default\":\"\",\"writeOnly\":true},"                                              \
    "\"author\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\",\"readOnly\":true},"             \
    "\"remark\":{\"type\":\"string\",\"default\":\"\"}},"                                                              \
    "\"x-rules\":{\"read\":{\"author\":\"$me\"}},\"x-fields\":{\"remark\":{\"read\":{\"author\":\"$me\"}}}}"

static void a_row_shows_what_is_always_there_and_nothing_that_is_only_written(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *row = look(world->document, "components|schemas|paper");
    assert_true(lists(json_get(row, "required"), "id"));
    assert_true(lists(json_get(row, "required"), "title"));
    assert_false(lists(json_get(row, "required"), "remark")); /* not everybody may read it */
    assert_null(look(row, "properties|seal"));
    /* An empty field is none of the words. */
    assert_true(lists(look(row, "properties|kind|type"), "null"));
    assert_int_equal(cJSON_GetArraySize(look(row, "properties|kind|enum")), 3);
    assert_null(strstr(world->text.bytes, "x-rules"));
    world_close(world);
}

static void a_form_takes_what_may_be_written_and_nothing_else(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *create = look(world->document, "components|schemas|paper.create");
    const cJSON *update = look(world->document, "components|schemas|paper.update");
    assert_true(lists(json_get(create, "required"), "title"));
    assert_int_equal(cJSON_GetArraySize(json_get(create, "required")), 1);
    assert_true(json_get_bool(look(create, "properties|seal"), "writeOnly"));
    assert_null(look(create, "properties|author"));
    assert_null(look(create, "properties|id"));
    assert_true(cJSON_IsFalse(json_get(create, "additionalProperties")));
    assert_null(json_get(update, "required"));
    assert_non_null(look(update, "properties|title"));
    world_close(world);
}

static void a_list_has_a_parameter_for_each_field_and_operator(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *list = look(world->document, "paths|/api/v1/paper|get");
    assert_string_equal(json_get_text(list, "x-rpc"), "paper.list");
    assert_non_null(parameter(list, "limit"));
    assert_non_null(parameter(list, "created_at[gte]"));
    assert_non_null(parameter(list, "title[like]"));
    assert_non_null(parameter(list, "expand"));
    assert_null(parameter(list, "q")); /* there is nothing to search in */
    assert_null(parameter(list, "seal"));
    assert_null(parameter(list, "author[like]"));
    assert_string_equal(json_get_text(look(parameter(list, "title[in]"), "schema"), "type"), "array");
    world_close(world);
}

static void an_operation_says_who_may_and_what_may_come_of_it(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *update = look(world->document, "paths|/api/v1/paper/{id}|patch");
    assert_string_equal(json_get_text(look(update, "x-needs"), "right"), "write");
    assert_non_null(look(update, "security|0|cookie"));
    assert_non_null(look(update, "security|0|csrf"));
    assert_non_null(look(update, "responses|412"));
    assert_non_null(look(update, "requestBody|content|application/merge-patch+json"));
    const cJSON *login = look(world->document, "paths|/api/v1/login|post");
    assert_null(json_get(login, "x-rpc")); /* it deals in cookies */
    assert_int_equal(cJSON_GetArraySize(look(login, "security|0")), 0);
    world_close(world);
}

static void it_is_a_page_that_is_kept_until_it_changes(void **state)
{
    (void)state;
    struct world *world = world_open(NULL);
    SCOPED(pages_free) struct pages *pages = NULL;
    SCOPED(openapi_parts_free) struct openapi_parts *parts = NULL;
    struct http_answer whole, packed, kept;
    assert_int_equal(pages_open("/nonexistent/folder", &pages, world->why, sizeof world->why), STATUS_OK);
    assert_int_equal(openapi_add(world->node.dispatch, pages, &parts, world->why, sizeof world->why), STATUS_OK);

    assert_true(pages_find(pages, OPENAPI_PATH, NULL, NULL, &whole));
    assert_true(pages_find(pages, OPENAPI_PATH, "gzip", NULL, &packed));

    assert_int_equal(whole.status, 200);
    assert_string_equal(whole.content_type, "application/json");
    assert_non_null(strstr(whole.headers, "Cache-Control: no-cache"));
    assert_true(packed.body_length < whole.body_length / 4);
    char etag[64];
    assert_int_equal(sscanf(strstr(whole.headers, "ETag: "), "ETag: %63s", etag), 1);
    assert_true(pages_find(pages, OPENAPI_PATH, NULL, etag, &kept));
    assert_int_equal(kept.status, 304);
    world_close(world);
}

static void without_the_client_a_plain_page_names_the_document(void **state)
{
    (void)state;
    struct world *world = world_open(NULL);
    SCOPED(pages_free) struct pages *pages = NULL;
    SCOPED(openapi_parts_free) struct openapi_parts *parts = NULL;
    struct http_answer answer;
    assert_int_equal(pages_open("/nonexistent/folder", &pages, world->why, sizeof world->why), STATUS_OK);
    assert_int_equal(openapi_add(world->node.dispatch, pages, &parts, world->why, sizeof world->why), STATUS_OK);

    assert_true(pages_find(pages, OPENAPI_DOCS_PATH, NULL, NULL, &answer));

    assert_non_null(strstr(answer.content_type, "text/html"));
    SCOPED(buffer_free) struct buffer text = {0};
    buffer_append(&text, answer.body, answer.body_length);
    assert_non_null(strstr(text.bytes, "was not built"));
    assert_non_null(strstr(text.bytes, "href=\"" OPENAPI_PATH "\""));
    assert_non_null(strstr(answer.headers, "default-src 'none'"));
    world_close(world);
}

static void a_model_says_how_its_rows_are_shown_and_limited(void **state)
{
    (void)state;
    struct world *world = world_open(
        "{\"title\":\"Paper\",\"type\":\"object\",\"required\":[\"title\"],\"properties\":{"
        "\"title\":{\"type\":\"string\",\"x-unique\":true},\"size\":{\"type\":\"integer\",\"default\":7},"
        "\"seal\":{\"type\":\"string\",\"default\":\"\",\"writeOnly\":true},"
        "\"part\":{\"type\":[\"integer\",\"null\"],\"x-references\":\"paper\",\"x-on-delete\":\"set-null\"},"
        "\"author\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\",\"readOnly\":true}},"
        "\"x-fields\":{\"size\":{\"write\":{\"author\":\"$me\"}}},\"x-label\":\"title\","
        "\"x-list\":[\"size\",\"title\"],\"x-search\":[\"title\"]}");

    assert_int_equal(world_print(world), STATUS_OK);

    const cJSON *row = look(world->document, "components|schemas|paper");
    assert_string_equal(json_get_text(row, "x-label"), "title");
    assert_string_equal(json_text(look(row, "x-list|0")), "size");
    assert_string_equal(json_text(look(row, "x-search|0")), "title");
    assert_true(json_get_bool(look(row, "properties|title"), "x-unique"));
    assert_int_equal((int)json_get_int(look(row, "properties|size"), "default", 0), 7);
    assert_true(json_get_bool(look(row, "properties|size"), "x-limited"));
    assert_null(look(row, "properties|title|x-limited"));
    assert_string_equal(json_get_text(look(row, "properties|part"), "x-on-delete"), "set-null");
    assert_string_equal(json_get_text(look(row, "properties|author"), "x-on-delete"), "restrict");
    assert_string_equal(json_get_text(look(row, "properties|author"), "x-default"), "$me");
    /* What one may do with a row is beside its fields, and none of them. */
    assert_null(look(row, "properties|may"));
    assert_non_null(look(world->document, "components|schemas|paper.detail|properties|may"));
    assert_non_null(look(world->document, "components|schemas|paper.list|properties|items|items|properties|may"));
    world_close(world);
}

static void a_model_that_keeps_no_history_has_none_to_ask_for(void **state)
{
    (void)state;
    struct world *with = world_open("{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"}}}");
    assert_int_equal(world_print(with), STATUS_OK);
    struct world *without =
        world_open("{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"}},\"x-history\":false}");
    assert_int_equal(world_print(without), STATUS_OK);

    assert_non_null(look(with->document, "paths|/api/v1/paper/{id}/history|get"));
    assert_null(look(without->document, "paths|/api/v1/paper/{id}/history"));
    assert_non_null(look(without->document, "paths|/api/v1/paper/{id}/along|get"));
    world_close(with);
    world_close(without);
}

/* Every $ref below @item leads somewhere in @document. */
static void references_check(const cJSON *document, const cJSON *item)
{
    for (const cJSON *child = item->child; child; child = child->next) {
        const char *text = json_text(child);
        if (text && child->string && strcmp(child->string, "$ref") == 0) {
            char path[160];
            snprintf(path, sizeof path, "%s", text + strlen("#/"));
            for (char *c = path; *c; c++)
                *c = *c == '/' ? '|' : *c;
            if (!look(document, path))
                fail_msg("%s leads nowhere", text);
        }
        references_check(document, child);
    }
}

static void some_models_are_described_with_what_they_refer_to_and_nothing_else(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);
    SCOPED(pages_free) struct pages *pages = NULL;
    SCOPED(openapi_parts_free) struct openapi_parts *parts = NULL;
    SCOPED(buffer_free) struct buffer text = {0};
    char etag[OPENAPI_ETAG_SIZE];
    assert_int_equal(pages_open("/nonexistent/folder", &pages, world->why, sizeof world->why), STATUS_OK);
    assert_int_equal(openapi_add(world->node.dispatch, pages, &parts, world->why, sizeof world->why), STATUS_OK);

    assert_int_equal(openapi_parts_print(parts, "paper", &text, etag), STATUS_OK);

    world->document = cJSON_Parse(text.bytes);
    assert_non_null(world->document);
    const cJSON *path;
    cJSON_ArrayForEach (path, json_get(world->document, "paths"))
        if (strncmp(path->string, "/api/v1/paper", strlen("/api/v1/paper")) != 0)
            fail_msg("%s is described", path->string);
    assert_int_equal(cJSON_GetArraySize(json_get(world->document, "paths")), 4);
    assert_int_equal(cJSON_GetArraySize(json_get(world->document, "tags")), 1);
    assert_string_equal(json_get_text(world->document, "openapi"), "3.1.0");
    assert_non_null(look(world->document, "components|schemas|user")); /* `expand` shows authors */
    assert_null(look(world->document, "components|schemas|Room"));
    references_check(world->document, world->document);
    world_close(world);
}

static void a_tag_is_that_of_the_models_whatever_their_order(void **state)
{
    (void)state;
    struct world *world = world_open(PAPER);
    SCOPED(pages_free) struct pages *pages = NULL;
    SCOPED(openapi_parts_free) struct openapi_parts *parts = NULL;
    struct buffer texts[4] = {0};
    char etags[4][OPENAPI_ETAG_SIZE];
    const char *const words[] = {"paper", "paper,user", "user,paper", "paper,nothing"};
    enum status statuses[4];
    assert_int_equal(pages_open("/nonexistent/folder", &pages, world->why, sizeof world->why), STATUS_OK);
    assert_int_equal(openapi_add(world->node.dispatch, pages, &parts, world->why, sizeof world->why), STATUS_OK);

    for (size_t i = 0; i < 4; i++)
        statuses[i] = openapi_parts_print(parts, words[i], &texts[i], etags[i]);

    assert_int_equal(statuses[2], STATUS_OK);
    assert_string_equal(texts[1].bytes, texts[2].bytes);
    assert_string_equal(etags[1], etags[2]);
    assert_string_not_equal(etags[0], etags[1]);
    assert_int_equal(statuses[3], STATUS_NOT_FOUND);
    assert_int_equal(openapi_parts_print(parts, "", &texts[3], etags[3]), STATUS_NOT_FOUND);
    assert_int_equal(openapi_parts_print(parts,
                                         "user,user,user,user,user,user,user,user,user,user,user,user,user,user,user,"
                                         "user,user,user,user,user,user",
                                         &texts[3], etags[3]),
                     STATUS_MALFORMED);
    for (size_t i = 0; i < 4; i++)
        buffer_free(&texts[i]);
    world_close(world);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_model_says_how_its_rows_are_shown_and_limited),
        TEST(a_model_that_keeps_no_history_has_none_to_ask_for),
        TEST(some_models_are_described_with_what_they_refer_to_and_nothing_else),
        TEST(a_tag_is_that_of_the_models_whatever_their_order),
        TEST(every_action_is_described_and_what_is_described_is_an_action),
        TEST(an_action_that_nobody_described_is_named),
        TEST(a_description_of_no_action_is_named),
        TEST(limits_are_those_of_the_settings),
        TEST(a_row_shows_what_is_always_there_and_nothing_that_is_only_written),
        TEST(a_form_takes_what_may_be_written_and_nothing_else),
        TEST(a_list_has_a_parameter_for_each_field_and_operator),
        TEST(an_operation_says_who_may_and_what_may_come_of_it),
        TEST(it_is_a_page_that_is_kept_until_it_changes),
        TEST(without_the_client_a_plain_page_names_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
