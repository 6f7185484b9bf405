/* Ready-made frames: their heads, what joining makes of them, and close frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/frame.h"

static struct frame *frame_of(char c, size_t length)
{
    char *payload = malloc(length + 1);
    assert_non_null(payload);
    memset(payload, c, length);
    struct frame *frame = frame_new(payload, length);
    free(payload);
    assert_non_null(frame);
    return frame;
}

/* The payload length that the head at @at announces; *header is set. */
static size_t announced(const unsigned char *at, size_t *header)
{
    assert_int_equal(at[0], 0x81);
    assert_true(at[1] < 128); /* a server never masks */
    if (at[1] < 126) {
        *header = 2;
        return at[1];
    }
    int bytes = at[1] == 126 ? 2 : 8;
    uint64_t length = 0;
    for (int i = 0; i < bytes; i++)
        length = length << 8 | at[2 + i];
    assert_true(bytes == 2 ? length > 125 : length > 65535); /* the shortest form that fits */
    *header = 2 + (size_t)bytes;
    return (size_t)length;
}

static void a_head_announces_every_length_in_its_shortest_form(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 1000000};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        SCOPED(frame_unref) struct frame *frame = frame_of('x', lengths[i]);
        size_t header = 0;
        assert_int_equal(announced(frame->bytes, &header), lengths[i]);
        assert_int_equal(frame->header, header);
        assert_int_equal(frame_payload_length(frame), lengths[i]);
        assert_int_equal(strlen(frame_payload(frame)), lengths[i]);
    }
}

static void one_frame_joined_is_itself(void **state)
{
    (void)state;
    SCOPED(frame_unref) struct frame *frame = frame_of('x', 10);
    SCOPED(frame_unref) struct frame *joined = frame_join(&frame, 1);
    assert_ptr_equal(joined, frame);
    assert_int_equal(frame->refs, 2);
}

static void small_frames_join_by_newlines(void **state)
{
    (void)state;
    struct frame *frames[] = {frame_of('a', 3), frame_of('b', 0), frame_of('c', 2)};
    SCOPED(frame_unref) struct frame *joined = frame_join(frames, 3);
    assert_int_equal(joined->length, 2 + 7);
    assert_int_equal(frame_payload_length(joined), 7);
    assert_string_equal(frame_payload(joined), "aaa\n\ncc");
    for (int i = 0; i < 3; i++)
        frame_unref(frames[i]);
}

static void joined_frames_stay_under_the_limit_and_lose_nothing(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct frame *frames[COUNT];
    size_t expected = 0;
    for (size_t i = 0; i < COUNT; i++) {
        frames[i] = frame_of((char)('A' + i % 26), i == 30 ? FRAME_JOIN_MAX + 5 : i * 137);
        expected += frame_payload_length(frames[i]);
    }
    SCOPED(frame_unref) struct frame *joined = frame_join(frames, COUNT);
    size_t at = 0, payload = 0, texts = 0;
    while (at < joined->length) {
        size_t header = 0, length = announced(joined->bytes + at, &header);
        const unsigned char *text = joined->bytes + at + header;
        size_t members = 1;
        for (size_t i = 0; i < length; i++)
            members += text[i] == '\n';
        assert_true(length <= FRAME_JOIN_MAX || members == 1);
        texts += members;
        payload += length - (members - 1);
        at += header + length;
    }
    assert_int_equal(at, joined->length);
    assert_int_equal(texts, COUNT);
    assert_int_equal(payload, expected);
    for (int i = 0; i < COUNT; i++)
        frame_unref(frames[i]);
}

static void a_join_of_exactly_the_limit_is_one_frame(void **state)
{
    (void)state;
    struct frame *fits[] = {frame_of('a', FRAME_JOIN_MAX / 2), frame_of('b', FRAME_JOIN_MAX / 2 - 1)};
    SCOPED(frame_unref) struct frame *one = frame_join(fits, 2);
    size_t header = 0;
    assert_int_equal(announced(one->bytes, &header), FRAME_JOIN_MAX);
    struct frame *over[] = {frame_of('a', FRAME_JOIN_MAX / 2), frame_of('b', FRAME_JOIN_MAX / 2)};
    SCOPED(frame_unref) struct frame *two = frame_join(over, 2);
    assert_int_equal(announced(two->bytes, &header), FRAME_JOIN_MAX / 2);
    for (int i = 0; i < 2; i++) {
        frame_unref(fits[i]);
        frame_unref(over[i]);
    }
}

static void a_walk_over_joined_frames_meets_every_payload_once(void **state)
{
    (void)state;
    /* Heads of all three forms: the first two go into one frame, the others cannot. */
    struct frame *frames[] = {frame_of('a', 1), frame_of('b', 100), frame_of('c', FRAME_JOIN_MAX), frame_of('d', 300)};
    static const size_t lengths[] = {1 + 1 + 100, FRAME_JOIN_MAX, 300};
    SCOPED(frame_unref) struct frame *joined = frame_join(frames, ARRAY_LENGTH(frames));
    size_t cursor = 0, length = 0, count = 0;
    const char *payload;
    while ((payload = frame_next(joined, &cursor, &length))) {
        assert_true(count < ARRAY_LENGTH(lengths));
        assert_int_equal(length, lengths[count]);
        assert_int_equal(payload[length - 1], "bcd"[count++]);
    }
    assert_int_equal(count, ARRAY_LENGTH(lengths));
    for (size_t i = 0; i < ARRAY_LENGTH(frames); i++)
        frame_unref(frames[i]);
}

static void a_close_frame_holds_code_and_reason(void **state)
{
    (void)state;
    SCOPED(frame_unref) struct frame *frame = frame_close(3501, "bad request");
    assert_int_equal(frame->bytes[0], 0x88);
    assert_int_equal(frame->bytes[1], 2 + 11);
    assert_int_equal(frame->bytes[2] << 8 | frame->bytes[3], 3501);
    assert_memory_equal(frame->bytes + 4, "bad request", 11);
    SCOPED(frame_unref) struct frame *bare = frame_close(1000, NULL);
    assert_int_equal(bare->length, 4);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char reason[400] = "";
        memset(reason, 'x', lead);
        for (int i = 0; i < 60; i++)
            strcat(reason, "\xe2\x82\xac"); /* three bytes each */
        SCOPED(frame_unref) struct frame *frame = frame_close(3000, reason);
        size_t kept = frame->length - 4;
        assert_true(kept <= 123 && kept > 120);
        assert_int_equal((kept - lead) % 3, 0);
        assert_int_equal(frame->bytes[1], kept + 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_announces_every_length_in_its_shortest_form),
        cmocka_unit_test(one_frame_joined_is_itself),
        cmocka_unit_test(small_frames_join_by_newlines),
        cmocka_unit_test(joined_frames_stay_under_the_limit_and_lose_nothing),
        cmocka_unit_test(a_join_of_exactly_the_limit_is_one_frame),
        cmocka_unit_test(a_walk_over_joined_frames_meets_every_payload_once),
        cmocka_unit_test(a_close_frame_holds_code_and_reason),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
