/* bench_test.c: the measuring tools measure right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "histogram.h"
#include "metrics.h"
#include "sha1.h"
#include "target.h"
#include "ws.h"

static void a_quantile_is_right_to_two_percent_at_any_size(void **state)
{
    (void)state;
    static struct histogram histogram;
    for (int64_t scale = 1; scale <= 100000000; scale *= 10) {
        histogram_clear(&histogram);
        for (int64_t i = 1; i <= 1000; i++)
            histogram_record(&histogram, i * scale);

        assert_true(fabs((double)histogram_quantile(&histogram, 0.5) / (double)(500 * scale) - 1) < 0.02);
        assert_true(fabs((double)histogram_quantile(&histogram, 0.99) / (double)(990 * scale) - 1) < 0.02);
        assert_true(fabs((double)histogram_quantile(&histogram, 1.0) / (double)(1000 * scale) - 1) < 0.02);
    }
}

static void a_histogram_takes_any_value_and_starts_empty(void **state)
{
    (void)state;
    static struct histogram histogram, sum;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);

    histogram_record(&histogram, -5);
    histogram_record(&histogram, INT64_MAX);
    histogram_add(&sum, &histogram);

    assert_int_equal(sum.count, 2);
    assert_int_equal(histogram_quantile(&sum, 0.1), 0);
    assert_true(histogram_quantile(&sum, 1.0) > INT64_C(1000000000000));
}

static void sha1_agrees_with_the_standard(void **state)
{
    (void)state;
    static const unsigned char of_abc[SHA1_BYTES] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                                     0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    static const unsigned char of_56_bytes[SHA1_BYTES] = {0x84, 0x98, 0x3e, 0x44, 0x1c, 0x3b, 0xd2, 0x6e, 0xba, 0xae,
                                                          0x4a, 0xa1, 0xf9, 0x51, 0x29, 0xe5, 0xe5, 0x46, 0x70, 0xf1};
    unsigned char digest[SHA1_BYTES];

    sha1("abc", 3, digest);
    assert_memory_equal(digest, of_abc, SHA1_BYTES);
    sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
    assert_memory_equal(digest, of_56_bytes, SHA1_BYTES);
}

static void a_frame_reads_back_as_it_was_written_and_only_when_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, WS_FRAME_BYTES_MAX};
    static const unsigned char mask[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int is_masked = 0; is_masked < 2; is_masked++) {
            /* As large as the frame and no larger, so that a read behind it shows. */
            unsigned char header_bytes[WS_HEADER_BYTES_MAX];
            size_t header = ws_frame_header(header_bytes, WS_TEXT, lengths[i], is_masked ? mask : NULL);
            unsigned char *bytes = calloc(1, header + lengths[i]);
            assert_non_null(bytes);
            memcpy(bytes, header_bytes, header);
            struct ws_frame frame;
            for (size_t available = 0; available < header; available++)
                assert_int_equal(ws_frame_read(bytes, available, &frame), WS_READ_MORE);
            if (lengths[i] > 0)
                assert_int_equal(ws_frame_read(bytes, header + lengths[i] - 1, &frame), WS_READ_MORE);

            assert_int_equal(ws_frame_read(bytes, header + lengths[i], &frame), WS_READ_WHOLE);

            assert_int_equal(frame.opcode, WS_TEXT);
            assert_true(frame.is_final);
            assert_int_equal(frame.is_masked, is_masked);
            assert_int_equal(frame.header, header);
            assert_int_equal(frame.length, lengths[i]);
            free(bytes);
        }
    }
}

static void a_frame_longer_than_we_take_is_broken(void **state)
{
    (void)state;
    unsigned char bytes[WS_HEADER_BYTES_MAX];
    struct ws_frame frame;
    size_t header = ws_frame_header(bytes, WS_TEXT, (size_t)WS_FRAME_BYTES_MAX + 1, NULL);

    assert_int_equal(ws_frame_read(bytes, header, &frame), WS_READ_BROKEN);
}

static struct line line_of(const char *text)
{
    struct line line;
    line_read(text, strlen(text), &line);
    return line;
}

static void a_line_is_known_for_what_it_is(void **state)
{
    (void)state;
    struct line message =
        line_of("{\"push\":{\"channel\":\"room:1\",\"pub\":{\"data\":{\"event\":\"message.created\","
                "\"message\":{\"offset\":42,\"text\":\"t:0000000000000012345 xx\"}},\"offset\":42}}}");
    struct line event =
        line_of("{\"push\":{\"channel\":\"room:1\",\"pub\":{\"data\":{\"event\":\"member.joined\"},\"offset\":43}}}");
    struct line other =
        line_of("{\"push\":{\"channel\":\"user:1\",\"pub\":{\"data\":{\"event\":\"unread\",\"offset\":42}}}}");
    struct line reply = line_of("{\"id\":7,\"publish\":{}}");
    struct line error = line_of("{\"id\":8,\"error\":{\"code\":111,\"message\":\"too many\"}}");

    assert_int_equal(message.kind, LINE_MESSAGE);
    assert_int_equal(message.offset, 42);
    assert_int_equal(message.stamp_ns, 12345);
    assert_int_equal(event.kind, LINE_EVENT);
    assert_int_equal(event.offset, 43);
    assert_int_equal(other.kind, LINE_OTHER_PUSH);
    assert_int_equal(line_of("{}").kind, LINE_PING);
    assert_int_equal(reply.kind, LINE_REPLY);
    assert_int_equal(reply.id, 7);
    assert_false(reply.is_error);
    assert_int_equal(error.id, 8);
    assert_true(error.is_error);
}

static void the_lag_is_what_came_between_two_readings(void **state)
{
    (void)state;
    struct lag before, after;
    lag_read(&before, "HTTP/1.1 200 OK\r\n\r\nparley_loop_lag_seconds_bucket{le=\"0.001\"} 10\n"
                      "parley_loop_lag_seconds_bucket{le=\"+Inf\"} 20\nparley_loop_lag_seconds_sum 1\n"
                      "parley_loop_lag_seconds_count 20\n");
    lag_read(&after, "parley_loop_lag_seconds_bucket{le=\"0.001\"} 109\n"
                     "parley_loop_lag_seconds_bucket{le=\"+Inf\"} 120\nparley_loop_lag_seconds_sum 2\n"
                     "parley_loop_lag_seconds_count 120\nparley_loop_lag_max_seconds 0.5\n");

    assert_true(lag_quantile(&before, &after, 0.99) <= 0.001);
    assert_true(isinf(lag_quantile(&before, &after, 1.0)));
    assert_true(lag_quantile(&after, &after, 0.5) < 0);
    assert_string_equal(after.others, "parley_loop_lag_max_seconds 0.5\n");
}

static void a_metric_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const char *text = "# HELP reads_total all reads_total 1\nreads_total_more 2\nreads_total 3\n";
    assert_true(fabs(metrics_value(text, "reads_total") - 3) < 1e-9);
    assert_true(metrics_value(text, "writes_total") < 0);
}

static void rooms_and_addresses_are_read_strictly(void **state)
{
    (void)state;
    int64_t first = 0, last = 0;
    struct target target;
    assert_true(rooms_read("7", &first, &last) && first == 7 && last == 7);
    assert_true(rooms_read("7-16", &first, &last) && first == 7 && last == 16);
    assert_false(rooms_read("16-7", &first, &last));
    assert_false(rooms_read("0", &first, &last));
    assert_false(rooms_read("7x", &first, &last));
    assert_true(target_read(&target, "127.0.0.1:8080") && target.port == 8080);
    assert_false(target_read(&target, "127.0.0.1"));
    assert_false(target_read(&target, "127.0.0.1:80x"));
    assert_false(target_read(&target, "name:80"));
    assert_false(target_read(&target, NULL));
}

static void the_median_is_the_middle(void **state)
{
    (void)state;
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    assert_true(fabs(median(odd, 3) - 2) < 1e-9);
    assert_true(fabs(median(even, 4) - 2.5) < 1e-9);
    assert_true(fabs(median(odd, 0)) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_is_right_to_two_percent_at_any_size),
        cmocka_unit_test(a_histogram_takes_any_value_and_starts_empty),
        cmocka_unit_test(sha1_agrees_with_the_standard),
        cmocka_unit_test(a_frame_reads_back_as_it_was_written_and_only_when_whole),
        cmocka_unit_test(a_frame_longer_than_we_take_is_broken),
        cmocka_unit_test(a_line_is_known_for_what_it_is),
        cmocka_unit_test(the_lag_is_what_came_between_two_readings),
        cmocka_unit_test(a_metric_is_found_by_its_whole_name),
        cmocka_unit_test(rooms_and_addresses_are_read_strictly),
        cmocka_unit_test(the_median_is_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
