/* The browser client's files: what each address is answered with. */
#include "front.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pages/pages.h"

static const char good_manifest[] = "[{\"path\":\"/\",\"file\":\"index.html\",\"type\":\"text/"
                                    "html; charset=utf-8\",\"etag\":\"h1\","
                                    "\"immutable\":false,\"encodings\":[\"br\",\"gz\"]},"
                                    "{\"path\":\"/assets/main-AB12.js\",\"file\":\"assets/"
                                    "main.js\",\"type\":\"text/javascript\",\"etag\":\"\\\"j1\\\"\","
                                    "\"immutable\":true,\"encodings\":[\"gz\"]},"
                                    "{\"path\":\"/favicon.svg\",\"file\":\"favicon.svg\",\"type\":\"image/"
                                    "svg+xml\",\"etag\":\"f1\",\"encodings\":[]}]";

struct world {
    char folder[64];
    char why[512];
    struct pages *pages;
};

static void put(const struct world *world, const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    snprintf(world->folder, sizeof world->folder, "/tmp/pages_test.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    char assets[128];
    snprintf(assets, sizeof assets, "%s/assets", world->folder);
    mkdir(assets, 0700);
    put(world, "index.html", "the page");
    put(world, "index.html.br", "the page, br");
    put(world, "index.html.gz", "the page, gz");
    put(world, "assets/main.js", "the script");
    put(world, "assets/main.js.gz", "the script, gz");
    put(world, "favicon.svg", "");
    put(world, "manifest.json", good_manifest);
    accept_encoding = if_none_match = NULL;
    answers = 0;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"index.html",        "index.html.br", "index.html.gz", "assets/main.js",
                                        "assets/main.js.gz", "favicon.svg",   "manifest.json", "assets"};
    char path[256];
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/%s", world->folder, names[i]);
        remove(path);
    }
    rmdir(world->folder);
    pages_free(world->pages);
    free(world);
    return 0;
}

static struct world *open_bundle(void **state)
{
    struct world *world = *state;
    enum status status = pages_open(world->folder, &world->pages, world->why, sizeof world->why);
    if (status != STATUS_OK)
        fail_msg("not opened: %s", world->why);
    return world;
}

static struct http_answer find(const struct world *world, const char *path)
{
    struct http_answer answer = {0};
    assert_true(pages_find(world->pages, path, accept_encoding, if_none_match, &answer));
    return answer;
}

static void assert_body(const struct http_answer *answer, const char *text)
{
    assert_int_equal(answer->body_length, strlen(text));
    assert_memory_equal(answer->body, text, strlen(text));
}

static void addresses_inside_the_client_are_answered_with_its_page(void **state)
{
    struct world *world = open_bundle(state);
    static const char *const paths[] = {"/", "/setup", "/account", "/r/1", "/r/1/m/7"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct http_answer answer = find(world, paths[i]);
        assert_int_equal(answer.status, 200);
        assert_body(&answer, "the page");
        assert_non_null(strstr(answer.headers, "Cache-Control: no-cache\r\n"));
        assert_non_null(strstr(answer.headers, "trusted-types 'none'\r\n"));
    }
}

static void other_addresses_are_no_pages(void **state)
{
    struct world *world = open_bundle(state);
    static const char *const paths[] = {
        "/api/v1/me", "/r", "/rooms", "/administrator", "/setup/x", "/account/x", "/healthz", "/index.html", "/../etc/passwd", ""};
    struct http_answer answer;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
        assert_false(pages_find(world->pages, paths[i], NULL, NULL, &answer));
}

static void assets_never_change_and_a_missing_one_is_not_the_page(void **state)
{
    struct world *world = open_bundle(state);
    struct http_answer answer = find(world, "/assets/main-AB12.js");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "text/javascript");
    assert_non_null(strstr(answer.headers, "immutable"));
    answer = find(world, "/assets/main-OLD.js");
    assert_int_equal(answer.status, 404);
    assert_null(strstr(answer.headers, "immutable"));
}

static void an_administration_that_the_bundle_lacks_is_missing(void **state)
{
    struct world *world = open_bundle(state);
    assert_int_equal(find(world, "/admin").status, 404);
    assert_int_equal(find(world, "/admin/users").status, 404);
}

static void the_administration_has_a_page_of_its_own(void **state)
{
    struct world *world = *state;
    put(world, "manifest.json",
        "[{\"path\":\"/\",\"file\":\"index.html\",\"type\":\"text/html\",\"etag\":\"h1\"},"
        "{\"path\":\"/admin\",\"file\":\"assets/main.js\",\"type\":\"text/html\",\"etag\":\"a1\"}]");
    open_bundle(state);
    struct http_answer answer = find(world, "/admin");
    assert_body(&answer, "the script");
    answer = find(world, "/admin/users/7");
    assert_body(&answer, "the script");
    answer = find(world, "/r/7");
    assert_body(&answer, "the page");
}

static void the_best_accepted_encoding_is_sent(void **state)
{
    static const struct {
        const char *accepts, *encoding, *body;
    } cases[] = {
        {NULL, NULL, "the page"},
        {"", NULL, "the page"},
        {"gzip, deflate, br", "br", "the page, br"},
        {"BR", "br", "the page, br"},
        {"gzip", "gzip", "the page, gz"},
        {"br;q=0, gzip", "gzip", "the page, gz"},
        {"br; q=0.000,gzip ; q=0.5", "gzip", "the page, gz"},
        {"br;q=0.1", "br", "the page, br"},
        {"brx, xgzip, identity", NULL, "the page"},
        {",,, ;q=1,", NULL, "the page"},
    };
    struct world *world = open_bundle(state);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        accept_encoding = cases[i].accepts;
        struct http_answer answer = find(world, "/");
        assert_body(&answer, cases[i].body);
        assert_non_null(strstr(answer.headers, "Vary: Accept-Encoding\r\n"));
        char line[64];
        snprintf(line, sizeof line, "Content-Encoding: %s\r\n", cases[i].encoding ? cases[i].encoding : "");
        assert_int_equal(strstr(answer.headers, line) != NULL, cases[i].encoding != NULL);
    }
    accept_encoding = "br";
    struct http_answer answer = find(world, "/assets/main-AB12.js");
    assert_body(&answer, "the script");
}

static void a_page_the_browser_has_is_not_sent_again(void **state)
{
    static const struct {
        const char *accepts, *has;
        int status;
    } cases[] = {
        {NULL, "\"h1\"", 304},    {NULL, "W/\"h1\"", 304},  {NULL, "\"x\" ,\t\"h1\" , \"y\"", 304},
        {NULL, "*", 304},         {NULL, "\"h1", 200},      {NULL, "h1", 200},
        {NULL, "\"h1-br\"", 200}, {"br", "\"h1-br\"", 304}, {"gzip", "\"h1-gz\"", 304},
        {"br", "\"h1\"", 200},    {NULL, "", 200},
    };
    struct world *world = open_bundle(state);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        accept_encoding = cases[i].accepts;
        if_none_match = cases[i].has;
        struct http_answer answer = find(world, "/");
        assert_int_equal(answer.status, cases[i].status);
        assert_int_equal(answer.body == NULL, cases[i].status == 304);
        assert_non_null(strstr(answer.headers, "ETag: \"h1"));
    }
    if_none_match = "\"j1\"";
    accept_encoding = NULL;
    assert_int_equal(find(world, "/assets/main-AB12.js").status, 304);
}

static void an_empty_file_is_a_file(void **state)
{
    struct world *world = open_bundle(state);
    struct http_answer answer = find(world, "/favicon.svg");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_length, 0);
    assert_non_null(strstr(answer.headers, "Content-Security-Policy"));
    assert_null(strstr(answer.headers, "Vary"));
}

static void without_a_bundle_a_plain_page_says_how_to_get_one(void **state)
{
    struct world *world = *state;
    assert_int_equal(pages_open("/nonexistent/folder", &world->pages, world->why, sizeof world->why), STATUS_OK);
    assert_false(pages_has_client(world->pages));
    static const char *const paths[] = {"/", "/r/5", "/setup", "/admin/users"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct http_answer answer = find(world, paths[i]);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "browser client is not installed"));
        assert_non_null(strstr(answer.headers, "Content-Security-Policy"));
    }
    assert_int_equal(find(world, "/assets/main-AB12.js").status, 404);
}

static void a_damaged_bundle_says_what_is_wrong(void **state)
{
    static const struct {
        const char *manifest, *says;
    } cases[] = {
        {"[", "manifest.json"},
        {"{}", "list of files"},
        {"[]", "the page / is missing"},
        {"[5]", "file 1"},
        {"[{\"path\":\"index.html\",\"type\":\"a\",\"etag\":\"b\"}]", "begins with /"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\"}]", "etag"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\",\"etag\":\"b\",\"file\":\"gone.html\"}]", "gone.html"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\",\"etag\":\"b\",\"file\":\"../index.html\"}]", "inside the folder"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\",\"etag\":\"b\",\"file\":\"/etc/hostname\"}]", "inside the folder"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\",\"etag\":\"b\",\"encodings\":[\"br\",\"br\"]}]", "once"},
        {"[{\"path\":\"/index.html\",\"type\":\"a\",\"etag\":\"b\\r\\nX: y\"}]", "etag"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        put(world, "manifest.json", cases[i].manifest);
        assert_int_equal(pages_open(world->folder, &world->pages, world->why, sizeof world->why), STATUS_INVALID);
        assert_null(world->pages);
        if (!strstr(world->why, cases[i].says))
            fail_msg("\"%s\" does not name \"%s\"", world->why, cases[i].says);
    }
}

static void a_request_is_answered_by_its_method(void **state)
{
    struct world *world = open_bundle(state);
    struct http_request request = {.id = 1, .path = "/", .method = HTTP_M_GET};
    accept_encoding = "gzip";
    assert_true(pages_answer(world->pages, NULL, &request));
    assert_string_equal(answered_body, "the page, gz");
    assert_true(answered.is_static);
    request.method = HTTP_M_POST;
    assert_true(pages_answer(world->pages, NULL, &request));
    assert_int_equal(answered.status, 405);
    assert_string_equal(answered.headers, "Allow: GET, HEAD\r\n");
    request.path = "/api/v1/me";
    assert_false(pages_answer(world->pages, NULL, &request));
    assert_int_equal(answers, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(addresses_inside_the_client_are_answered_with_its_page),
        TEST(other_addresses_are_no_pages),
        TEST(assets_never_change_and_a_missing_one_is_not_the_page),
        TEST(an_administration_that_the_bundle_lacks_is_missing),
        TEST(the_administration_has_a_page_of_its_own),
        TEST(the_best_accepted_encoding_is_sent),
        TEST(a_page_the_browser_has_is_not_sent_again),
        TEST(an_empty_file_is_a_file),
        TEST(without_a_bundle_a_plain_page_says_how_to_get_one),
        TEST(a_damaged_bundle_says_what_is_wrong),
        TEST(a_request_is_answered_by_its_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
