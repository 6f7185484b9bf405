/* Settings: defaults, the three sources, what is refused and how it is said, and the printed table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/scope.h"
#include "settings.h"

DEFINE_SCOPED(struct settings *, settings_free)

static char why[512];

static bool set(struct settings *settings, const char *name, const char *value)
{
    return settings_set(settings, name, value, why, sizeof why);
}

/* Read @text as a settings file of its own. */
static bool read_text(struct settings *settings, const char *text)
{
    char path[] = "/tmp/settings-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    bool is_read = settings_read_file(settings, path, why, sizeof why);
    unlink(path);
    return is_read;
}

static bool read_environment(struct settings *settings, const char *one)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", one);
    char home[] = "HOME=/root", odd[] = "PARLEY_WITHOUT_EQUALS", *environment[] = {home, odd, copy, NULL};
    return settings_read_environment(settings, environment, why, sizeof why);
}

static void assert_why(const char *part)
{
    if (!strstr(why, part))
        fail_msg("\"%s\" says nothing of \"%s\"", why, part);
}

static void new_settings_have_the_defaults(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_string_equal(settings->http_address, "127.0.0.1:8080");
    assert_string_equal(settings->redis_url, "");
    assert_int_equal(settings->http_header_bytes_max, 8192);
    assert_int_equal(settings->stop_ms, 3000);
}

/* A default out of its own range could not be written into a file. */
static void every_default_can_be_set(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
#define SET_TEXT(field, name, fallback, help)                   assert_true(set(settings, name, fallback));
#define SET_INT(field, name, fallback, least, most, unit, help) assert_true(set(settings, name, #fallback));
    SETTINGS_TABLE(SET_TEXT, SET_INT, SET_INT)
}

static void a_file_names_settings_by_nested_objects(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(read_text(settings, "{\"http\": {\"address\": \"[::1]:0\", \"headers_max\": 100},\n"
                                    " \"data\": {}, \"log\": {\"level\": \"debug\"}, \"stop_ms\": 0}"));
    assert_string_equal(settings->http_address, "[::1]:0");
    assert_int_equal(settings->http_headers_max, 100);
    assert_string_equal(settings->log_level, "debug");
    assert_int_equal(settings->stop_ms, 0);
    assert_int_equal(settings->http_header_bytes_max, 8192);
}

static void the_environment_and_flags_have_the_last_word(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(read_text(settings, "{\"redis\": {\"url\": \"unix:/file\"}, \"stop_ms\": 1}"));
    assert_true(read_environment(settings, "PARLEY_REDIS_URL=redis://127.0.0.1:6379/0?a=b"));
    assert_string_equal(settings->redis_url, "redis://127.0.0.1:6379/0?a=b");
    assert_true(read_environment(settings, "PARLEY_HTTP_CONNECTIONS_PER_ADDRESS_MAX=9"));
    assert_int_equal(settings->http_connections_per_address_max, 9);
    assert_true(set(settings, "redis.url", "unix:/flag"));
    assert_string_equal(settings->redis_url, "unix:/flag");
    assert_true(set(settings, "redis.url", ""));
    assert_string_equal(settings->redis_url, "");
    assert_int_equal(settings->stop_ms, 1);
}

static void an_unknown_name_is_refused_with_the_nearest(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_false(set(settings, "http.adress", "x"));
    assert_string_equal(why, "there is no setting http.adress; the nearest is http.address");
    assert_false(read_text(settings, "{\"htpp\": {\"address\": \"x\"}}"));
    assert_why("no setting htpp.address; the nearest is http.address");
    assert_false(read_text(settings, "{\"http\": {\"Address\": \"x\"}}"));
    assert_why("nearest is http.address");
    assert_false(read_text(settings, "{\"\": {\"stop_ms\": 1}}"));
    assert_false(read_text(settings, "{\"http\": {\"\": 1}}"));
    assert_false(read_environment(settings, "PARLEY_REALTIME_PINGMS=1"));
    assert_string_equal(why, "there is no setting PARLEY_REALTIME_PINGMS; the nearest is PARLEY_REALTIME_PING_MS");
    assert_false(read_environment(settings, "PARLEY_=1"));
    assert_why("PARLEY_");
    assert_false(set(settings, "", "x"));
    char name[1000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(set(settings, name, "x"));
    char text[1100];
    snprintf(text, sizeof text, "{\"%s\": 1}", name);
    assert_false(read_text(settings, text));
    snprintf(text, sizeof text, "PARLEY_%s=1", name);
    assert_false(read_environment(settings, text));
}

static void a_value_out_of_range_is_refused(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_false(set(settings, "http.headers_max", "7"));
    assert_string_equal(why, "http.headers_max must be a whole number from 8 to 1000 (headers)");
    static const char *const bad[] = {"1001", "-8",   "",    " 8",  "+8", "8 ",
                                      "8k",   "0x10", "8.0", "1e2", "-",  "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(set(settings, "http.headers_max", bad[i]));
    assert_true(set(settings, "http.headers_max", "8"));
    assert_true(set(settings, "http.headers_max", "1000"));
    assert_false(read_text(settings, "{\"http\": {\"headers_max\": 8.5}}"));
    assert_why("http.headers_max must be a whole number");
    assert_false(read_text(settings, "{\"http\": {\"headers_max\": \"8\"}}"));
    assert_false(read_text(settings, "{\"http\": {\"headers_max\": 7}}"));
    assert_int_equal(settings->http_headers_max, 1000);
}

static void some_texts_are_one_of_a_few_words(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(set(settings, "data.synchronous", "normal"));
    assert_true(set(settings, "data.synchronous", "full"));
    assert_true(set(settings, "account.registration", "closed"));
    assert_true(set(settings, "log.level", "warning"));
    assert_true(set(settings, "log.format", "json"));
    assert_false(set(settings, "log.format", "xml"));
    assert_string_equal(why, "log.format must be one of these: auto text json");
    static const char *const bad[] = {"", " ", "debu", "debugs", "Debug", "info debug", "info "};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(set(settings, "log.level", bad[i]));
    assert_string_equal(settings->log_level, "warning");
}

static void a_secret_has_the_length_that_its_use_needs(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_false(set(settings, "cluster.secret", "0123456789012345678901234567890"));
    assert_why("cluster.secret must have 32 to 4096 bytes");
    assert_true(set(settings, "cluster.secret", "01234567890123456789012345678901"));
    assert_false(set(settings, "api.key", "012345678901234"));
    assert_why("api.key must have 16 to 4096 bytes");
    assert_true(set(settings, "api.key", "0123456789012345"));
}

static void texts_must_be_clean(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_false(set(settings, "http.origins", "a\nb"));
    assert_why("control character");
    assert_false(set(settings, "http.origins", "\xff"));
    assert_why("UTF-8");
    assert_false(read_text(settings, "{\"http\": {\"origins\": 5}}"));
    assert_why("http.origins must be a text");
    assert_false(read_text(settings, "{\"http\": {\"origins\": null}}"));
    assert_false(read_text(settings, "{\"http\": {\"origins\": [\"a\"]}}"));
    assert_false(read_text(settings, "{\"http\": {\"origins\": {\"a\": 1}}}"));
    assert_false(read_text(settings, "{\"http\": \"a\"}"));
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_false(settings_read_file(settings, "/nowhere/settings.json", why, sizeof why));
    assert_why("/nowhere/settings.json: No such file");
    assert_false(settings_read_file(settings, "/tmp", why, sizeof why));
    assert_why("Is a directory");
    assert_false(settings_read_file(settings, "/dev/zero", why, sizeof why));
    assert_why("too large");
    assert_false(read_text(settings, "{\"http\":\n {\"address\": \"x\"\n \"headers_max\": 9}}"));
    assert_why("line 3: a comma or } is missing");
    assert_false(read_text(settings, "{\"stop_ms\": 1, \"stop_ms\": 2}"));
    assert_why("twice");
    assert_false(read_text(settings, ""));
    assert_why("empty");
    assert_false(read_text(settings, "[]"));
    assert_why("object");
}

static void names_in_the_environment_are_never_ambiguous(void **state)
{
    (void)state;
    static const char *names[] = {
#define NAME_TEXT(field, name, fallback, help)                   name,
#define NAME_INT(field, name, fallback, least, most, unit, help) name,
        SETTINGS_TABLE(NAME_TEXT, NAME_INT, NAME_TEXT)};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        for (size_t j = 0; j < i; j++) {
            const char *a = names[i], *b = names[j];
            while (*a && (*a == *b || (strchr("._", *a) && *b && strchr("._", *b))))
                a++, b++;
            assert_true(*a != *b);
        }
    }
}

/* The printed table; the next call writes over it. */
static const char *print(const struct settings *settings, bool as_json)
{
    static char text[64 * 1024];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    settings_print(settings, out, as_json);
    fclose(out); /* adds the NUL */
    return text;
}

static void the_printed_table_is_aligned(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(set(settings, "stop_ms", "1234"));
    const char *text = print(settings, false);
    const char *stop = strstr(text, "\nstop_ms ");
    assert_non_null(stop);
    const char *head_value = strstr(text, "VALUE"), *head_help = strstr(text, "HELP");
    assert_memory_equal(stop + 1 + (head_value - text), "1234 ", 5);
    assert_memory_equal(stop + 1 + (head_help - text), "at SIGTERM", 10);
}

static void the_json_table_is_json(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(set(settings, "client.dir", "a \"b\""));
    const char *text = print(settings, true);
    SCOPED(json_free) cJSON *rows = json_parse(text, strlen(text), NULL);
    assert_non_null(rows);
    const cJSON *first = cJSON_GetArrayItem(rows, 0), *row;
    assert_string_equal(json_get_text(first, "name"), "http.address");
    assert_string_equal(json_get_text(first, "value"), "127.0.0.1:8080");
    int found = 0;
    cJSON_ArrayForEach (row, rows) {
        const char *name = json_get_text(row, "name");
        assert_non_null(json_get_text(row, "help"));
        if (strcmp(name, "client.dir") == 0) {
            assert_string_equal(json_get_text(row, "value"), "a \"b\"");
            assert_string_equal(json_get_text(row, "default"), "");
            found++;
        } else if (strcmp(name, "stop_ms") == 0) {
            assert_int_equal(json_get_int(row, "value", -1), 3000);
            assert_int_equal(json_get_int(row, "most", -1), 600000);
            assert_string_equal(json_get_text(row, "unit"), "ms");
            found++;
        }
    }
    assert_int_equal(found, 2);
}

static void no_password_is_printed(void **state)
{
    (void)state;
    SCOPED(settings_free) struct settings *settings = settings_new();
    assert_true(set(settings, "redis.url", "redis://bob:pa@55word@127.0.0.1:6379/0"));
    for (int as_json = 0; as_json < 2; as_json++) {
        const char *text = print(settings, as_json);
        assert_null(strstr(text, "55word"));
        assert_non_null(strstr(text, "redis://***@127.0.0.1:6379/0"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_settings_have_the_defaults),
        cmocka_unit_test(every_default_can_be_set),
        cmocka_unit_test(a_file_names_settings_by_nested_objects),
        cmocka_unit_test(the_environment_and_flags_have_the_last_word),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_nearest),
        cmocka_unit_test(a_value_out_of_range_is_refused),
        cmocka_unit_test(some_texts_are_one_of_a_few_words),
        cmocka_unit_test(a_secret_has_the_length_that_its_use_needs),
        cmocka_unit_test(texts_must_be_clean),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(names_in_the_environment_are_never_ambiguous),
        cmocka_unit_test(the_printed_table_is_aligned),
        cmocka_unit_test(the_json_table_is_json),
        cmocka_unit_test(no_password_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
