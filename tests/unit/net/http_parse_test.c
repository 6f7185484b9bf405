/* Heads and chunked bodies without a socket: every split point, and what an application reads out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "net/http_parse.h"

static const struct http_limits limits = {.headers_max = 16, .body_bytes_max = 1000};

/* The end of the head in @text when it comes in two parts; -1: a bad byte, 0: not there. */
static long scan_in_two(const char *text, size_t length, size_t split)
{
    struct http_scan scan = {0};
    enum http_scanned scanned = http_scan(&scan, text, split);
    if (scanned == HTTP_SCAN_MORE)
        scanned = http_scan(&scan, text, length);
    return scanned == HTTP_SCAN_END ? (long)scan.at : scanned == HTTP_SCAN_BAD ? -1 : 0;
}

/* Read @text as a head, in memory of its own exact size. Returns the status of the refusal, 0 if it is fine.
 */
static int head_status(const char *text, struct http_head *head, char **bytes)
{
    size_t length = strlen(text);
    *bytes = malloc(length);
    assert_non_null(*bytes);
    memcpy(*bytes, text, length);
    const struct http_refusal *refusal = http_head_read(head, *bytes, length, &limits);
    return refusal ? refusal->status : 0;
}

static int status_of(const char *text)
{
    struct http_head head = {0};
    char *bytes;
    int status = head_status(text, &head, &bytes);
    free(bytes);
    http_head_free(&head);
    return status;
}

static void the_end_of_a_head_is_found_at_every_split(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long end;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", 27},
        {"\r\n", 2},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r", 0},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", -1},
        {"GET / HTTP/1.1\r\r\n", -1},
        {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", -1},
        {"GET / HTTP/1.1\r\nHo\x01st: x\r\n\r\n", -1},
        {"GET / HTTP/1.1\r\nX: \x7f\r\n\r\n", -1},
        {"GET / HTTP/1.1\r\nX: a\tb\xff\r\n\r\n", 27},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        size_t length = strlen(rows[i].text);
        for (size_t split = 0; split <= length; split++) {
            long end = scan_in_two(rows[i].text, length, split);
            assert_int_equal(end, rows[i].end);
        }
    }
}

static void a_head_is_read_into_its_parts(void **state)
{
    (void)state;
    struct http_head head = {0};
    char *bytes;
    int status = head_status("POST /a%2Fb/%c3%bc?x=1&y HTTP/1.1\r\nHost: Example.org:80\r\nContent-Length: 12\r\n"
                             "X-Empty:\r\nX-Padded: \t a b \t\r\nCookie: a=b\r\n\r\n",
                             &head, &bytes);
    assert_int_equal(status, 0);
    assert_int_equal(head.method, HTTP_M_POST);
    assert_string_equal(bytes + head.path, "/a/b/\xc3\xbc");
    assert_string_equal(bytes + head.query, "x=1&y");
    assert_int_equal(head.body_length, 12);
    assert_true(head.keeps_alive);
    assert_false(head.is_chunked);
    head.headers.base = bytes;
    struct http_request request = {.headers = &head.headers};
    assert_string_equal(http_header(&request, "HOST"), "Example.org:80");
    assert_string_equal(http_header(&request, "x-empty"), "");
    assert_string_equal(http_header(&request, "x-padded"), "a b");
    assert_null(http_header(&request, "x"));
    assert_string_equal(http_known(&head.headers, HTTP_KNOWN_COOKIE), "a=b");
    free(bytes);
    http_head_free(&head);
}

static void bad_heads_are_refused_with_their_status(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
        {"GET / HTTP/1.0\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTQ/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET / HTTP/3.1\r\nHost: x\r\n\r\n", 505},
        {"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"FROB / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\n", 415},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417},
        {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET /%2e%2E/ HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        {"GET /..a HTTP/1.1\r\nHost: x\r\n\r\n", 0},
        {"GET /a/.. HTTP/1.1\r\nHost: x\r\n\r\n", 404},
        {"GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", 0},
        {"GET http://xy/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int status = status_of(rows[i].text);
        if (status != rows[i].status)
            print_error("%s", rows[i].text);
        assert_int_equal(status, rows[i].status);
    }
}

static void more_headers_than_the_limit_are_refused(void **state)
{
    (void)state;
    for (size_t count = 0; count < 20; count++) {
        SCOPED(buffer_free) struct buffer text = {0};
        buffer_text(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
        for (size_t i = 0; i < count; i++)
            buffer_printf(&text, "X-%zu: y\r\n", i);
        buffer_text(&text, "\r\n");
        assert_int_equal(status_of(text.bytes), count < limits.headers_max ? 0 : 431);
    }
}

static void any_head_cut_or_bent_is_read_without_harm(void **state)
{
    (void)state;
    /* Under the sanitizers this is the test: no byte outside the head is touched, whatever stands in it. */
    static const char text[] = "POST http://h:1/a%41?b#c HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n"
                               "X-Forwarded-For: a, b ,,c\r\nExpect: 100-continue\r\nConnection: a, close\r\n\r\n";
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (int c = 0; c < 256; c += c < 32 ? 1 : 7) {
            char *copy = strdup(text);
            assert_non_null(copy);
            copy[at] = (char)c;
            struct http_scan scan = {0};
            if (http_scan(&scan, copy, sizeof text - 1) == HTTP_SCAN_END && scan.at > 2) {
                struct http_head head = {0};
                const struct http_refusal *refusal = http_head_read(&head, copy, scan.at, &limits);
                assert_true(!refusal || (refusal->status >= 400 && refusal->status < 600));
                http_head_free(&head);
            }
            free(copy);
        }
    }
}

static void a_chunked_body_unfolds_at_every_pair_of_splits(void **state)
{
    (void)state;
    static const char text[] = "4\r\nWiki\r\n5;a=\"b\"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nT: r\r\n\r\nGET /";
    static const char expected[] = "Wikipedia in\r\n\r\nchunks.";
    size_t length = sizeof text - 1;
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            const size_t ends[] = {first, second, length};
            struct http_chunks chunks = {0};
            char body[sizeof text];
            size_t at = 0, made = 0;
            for (int i = 0; i < 3; i++) {
                size_t used = 0, more = 0;
                assert_true(http_chunks_read(&chunks, text + at, ends[i] - at, body + made, &used, &more));
                at += used;
                made += more;
            }
            assert_int_equal(chunks.state, CHUNK_DONE);
            assert_int_equal(at, length - 5);
            assert_int_equal(made, sizeof expected - 1);
            assert_memory_equal(body, expected, made);
        }
    }
}

static void chunks_that_two_servers_could_read_differently_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"\r\n",          "g\r\n",   "-1\r\n",     "+1\r\n",      " 1\r\n",
                                       "1 \r\n",        "0x1\r\n", "1\n",        "1\r\nab\r\n", "1\r\na\n",
                                       "123456789\r\n", "1;\n",    "1;\x01\r\n", "0\r\n\n",     "0\r\n a: b\r\n",
                                       "0\r\na\nb\r\n", "1\rx"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_chunks chunks = {0};
        char body[64];
        size_t used = 0, made = 0;
        if (http_chunks_read(&chunks, rows[i], strlen(rows[i]), body, &used, &made))
            print_error("%s", rows[i]);
        assert_false(http_chunks_read(&chunks, rows[i], strlen(rows[i]), body, &used, &made));
    }
}

static void list_headers_are_walked_in_all_their_lines(void **state)
{
    (void)state;
    struct http_head head = {0};
    char *bytes;
    assert_int_equal(head_status("GET / HTTP/1.1\r\nHost: x\r\nConnection: a, ,Close \r\nX: y\r\nConnection:\r\n"
                                 "CONNECTION: Upgrade,\r\n\r\n",
                                 &head, &bytes),
                     0);
    head.headers.base = bytes;
    static const char *const expected[] = {"a", "Close", "Upgrade"};
    size_t cursor = 0, length, count = 0;
    const char *item;
    while (http_list_next(&head.headers, HTTP_KNOWN_CONNECTION, &cursor, &item, &length)) {
        assert_int_equal(length, strlen(expected[count]));
        assert_memory_equal(item, expected[count], length);
        count++;
    }
    assert_int_equal(count, 3);
    assert_true(http_list_has(&head.headers, HTTP_KNOWN_CONNECTION, "upgrade"));
    assert_false(http_list_has(&head.headers, HTTP_KNOWN_CONNECTION, "clos"));
    assert_false(head.keeps_alive);
    free(bytes);
    http_head_free(&head);
}

static void escapes_are_decoded_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *decoded; /* NULL: refused */
    } rows[] = {
        {"", ""},      {"abc", "abc"}, {"%41%4a%4A", "AJJ"}, {"%2541", "%41"}, {"a+b", "a b"},
        {"%2b", "+"},  {"%", NULL},    {"%4", NULL},         {"%4g", NULL},    {"%%41", NULL},
        {"%00", NULL}, {"a%0", NULL},  {"% 41", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char *text = strdup(rows[i].text);
        assert_non_null(text);
        bool is_good = http_percent_decode(text, true);
        assert_int_equal(is_good, rows[i].decoded != NULL);
        if (is_good)
            assert_string_equal(text, rows[i].decoded);
        free(text);
    }
}

static void a_query_is_walked_and_searched(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer name = {0}, value = {0};
    const char *query = "a=1&&b=%20x+y&c&=d&a=2&e==";
    static const char *const expected[] = {"a", "1", "b", " x y", "c", "", "", "d", "a", "2", "e", "="};
    const char *walk = query;
    bool is_bad = false;
    size_t i = 0;
    while (http_query_next(&walk, &name, &value, &is_bad)) {
        assert_string_equal(name.bytes, expected[i++]);
        assert_string_equal(value.bytes, expected[i++]);
    }
    assert_false(is_bad);
    assert_int_equal(i, ARRAY_LENGTH(expected));
    assert_true(http_query(query, "b", &value));
    assert_string_equal(value.bytes, " x y");
    assert_true(http_query(query, "a", &value));
    assert_string_equal(value.bytes, "1");
    assert_false(http_query(query, "x", &value));
    assert_int_equal(value.length, 0);
    static const char *const bad[] = {"a=%", "%zz=1", "a=%ff", "a=%00", "%c0%af=1"};
    for (i = 0; i < ARRAY_LENGTH(bad); i++) {
        walk = bad[i];
        is_bad = false;
        assert_false(http_query_next(&walk, &name, &value, &is_bad));
        assert_true(is_bad);
    }
}

static void a_cookie_is_found_once_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *line, *value; /* NULL: not found */
    } rows[] = {
        {"sid=abc", "abc"},
        {"a=b; sid=abc; c=d", "abc"},
        {"a=b;sid=abc", "abc"},
        {"sid=", ""},
        {"sid=a=b", "a=b"},
        {" ;; sid=abc ;", "abc"},
        {"xsid=1", NULL},
        {"sidx=1", NULL},
        {"SID=1", NULL},
        {"sid", NULL},
        {"sid=1; sid=2", NULL},
        {"sid=1; sid=1", NULL},
        {"sid=0123456789abcdef", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        SCOPED(buffer_free) struct buffer text = {0};
        buffer_printf(&text, "GET / HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n", rows[i].line);
        struct http_head head = {0};
        char *bytes, value[16] = "";
        assert_int_equal(head_status(text.bytes, &head, &bytes), 0);
        head.headers.base = bytes;
        struct http_request request = {.headers = &head.headers};
        bool is_found = http_cookie(&request, "sid", value, sizeof value);
        assert_int_equal(is_found, rows[i].value != NULL);
        if (is_found)
            assert_string_equal(value, rows[i].value);
        free(bytes);
        http_head_free(&head);
    }
}

static void no_header_can_be_injected_into_an_answer(void **state)
{
    (void)state;
    SCOPED(buffer_free) struct buffer headers = {0};
    assert_true(http_answer_header(&headers, "Location", "/a\xc3\xbc"));
    static const char *const bad[] = {"a\r\nX: y", "a\nb", "a\rb", "\x01", "\x7f"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(http_answer_header(&headers, "X", bad[i]));
    assert_false(http_answer_header(&headers, "X Y", "z"));
    assert_false(http_answer_header(&headers, "X:", "z"));
    assert_false(http_answer_header(&headers, "", "z"));
    assert_string_equal(headers.bytes, "Location: /a\xc3\xbc\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_head_is_found_at_every_split),
        cmocka_unit_test(a_head_is_read_into_its_parts),
        cmocka_unit_test(bad_heads_are_refused_with_their_status),
        cmocka_unit_test(more_headers_than_the_limit_are_refused),
        cmocka_unit_test(any_head_cut_or_bent_is_read_without_harm),
        cmocka_unit_test(a_chunked_body_unfolds_at_every_pair_of_splits),
        cmocka_unit_test(chunks_that_two_servers_could_read_differently_are_refused),
        cmocka_unit_test(list_headers_are_walked_in_all_their_lines),
        cmocka_unit_test(escapes_are_decoded_or_refused),
        cmocka_unit_test(a_query_is_walked_and_searched),
        cmocka_unit_test(a_cookie_is_found_once_or_not_at_all),
        cmocka_unit_test(no_header_can_be_injected_into_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
