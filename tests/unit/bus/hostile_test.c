/* A server that is no good Redis: errors, garbage, silence. Whatever it says, the bus is down and tries
 * again; it never crashes, and never grows. */
#include <stdlib.h>

#include "world.h"

#define PEERS_MAX 8

/* The server: it plays a good Redis until told otherwise. */
struct fake {
    struct world *world;
    uv_pipe_t listener;
    struct peer {
        struct fake *fake;
        uv_pipe_t pipe;
        bool is_used;
        bool is_subscriber;
        char in[65536];
        size_t in_length;
    } peers[PEERS_MAX];
    int accepted;
    const char *greeting; /* answers every first command, instead of what is right */
    size_t greeting_length;
    bool is_mute; /* takes publications and keeps them */
    int deafness; /* subscriptions still to be ignored */
};

static void peer_accept(uv_stream_t *listener, int status);
static void peer_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void peer_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);
static bool peer_command(struct peer *peer, char words[3][256]);
static void peer_answer(struct peer *peer, char words[3][256]);
static void peer_close(struct peer *peer);
static void peer_closed(uv_handle_t *handle);

static void fake_open(struct fake *fake, struct world *world)
{
    memset(fake, 0, sizeof *fake);
    fake->world = world;
    uv_pipe_init(&world->loop, &fake->listener, 0);
    fake->listener.data = fake;
    assert_int_equal(uv_pipe_bind(&fake->listener, world->url + strlen("unix:")), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&fake->listener, 16, peer_accept), 0);
}

static void fake_close(struct fake *fake)
{
    uv_close((uv_handle_t *)&fake->listener, NULL);
    for (size_t i = 0; i < PEERS_MAX; i++)
        peer_close(&fake->peers[i]);
}

static void peer_accept(uv_stream_t *listener, int status)
{
    struct fake *fake = listener->data;
    struct peer *peer = fake->peers;
    assert_int_equal(status, 0);
    while (peer < fake->peers + PEERS_MAX && peer->is_used)
        peer++;
    assert_true(peer < fake->peers + PEERS_MAX); /* the bus holds two links, and closes the old ones */
    *peer = (struct peer){.fake = fake, .is_used = true};
    uv_pipe_init(&fake->world->loop, &peer->pipe, 0);
    peer->pipe.data = peer;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->pipe), 0);
    uv_read_start((uv_stream_t *)&peer->pipe, peer_allocate, peer_read);
    fake->accepted++;
}

static void peer_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct peer *peer = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(peer->in + peer->in_length, (unsigned)(sizeof peer->in - peer->in_length));
}

static void peer_say(struct peer *peer, const char *bytes, size_t length)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    if (peer->is_used && !uv_is_closing((uv_handle_t *)&peer->pipe))
        uv_try_write((uv_stream_t *)&peer->pipe, &buffer, 1);
}

static void fake_say(struct fake *fake, bool to_subscribers, const char *bytes, size_t length)
{
    for (size_t i = 0; i < PEERS_MAX; i++)
        if (fake->peers[i].is_subscriber == to_subscribers)
            peer_say(&fake->peers[i], bytes, length);
}

static void peer_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;
    char words[3][256];
    (void)buffer;
    if (length < 0) {
        peer_close(peer);
        return;
    }
    peer->in_length += (size_t)length;
    if (peer->fake->greeting) {
        peer->in_length = 0;
        peer_say(peer, peer->fake->greeting, peer->fake->greeting_length);
        return;
    }
    while (peer_command(peer, words))
        peer_answer(peer, words);
}

/* Take one whole command: an array of up to three words, which hold no blanks or line ends but in the last.
 */
static bool peer_command(struct peer *peer, char words[3][256])
{
    char *end = peer->in + peer->in_length, *at = peer->in, *line_end;
    long count, length;
    memset(words, 0, 3 * sizeof *words);
    if (!(line_end = memchr(at, '\n', (size_t)(end - at))))
        return false;
    count = strtol(at + 1, NULL, 10);
    assert_in_range(count, 1, 3);
    at = line_end + 1;
    for (long i = 0; i < count; i++) {
        if (at >= end || !(line_end = memchr(at, '\n', (size_t)(end - at))))
            return false;
        length = strtol(at + 1, NULL, 10);
        at = line_end + 1;
        if (end - at < length + 2)
            return false;
        snprintf(words[i], sizeof words[i], "%.*s", (int)length, at);
        at += length + 2;
    }
    peer->in_length = (size_t)(end - at);
    memmove(peer->in, at, peer->in_length);
    return true;
}

static void peer_answer(struct peer *peer, char words[3][256])
{
    struct fake *fake = peer->fake;
    char text[1024];
    int length = 0;
    if (strcmp(words[0], "PING") == 0) {
        length = snprintf(text, sizeof text, "+PONG\r\n");
    } else if (strcmp(words[0], "PUBLISH") == 0) {
        length = snprintf(text, sizeof text, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(words[1]),
                          words[1], strlen(words[2]), words[2]);
        if (!fake->is_mute)
            fake_say(fake, true, text, (size_t)length);
        length = snprintf(text, sizeof text, ":1\r\n");
    } else {
        peer->is_subscriber = true;
        if (fake->deafness > 0 && fake->deafness--)
            return;
        bool is_subscribe = strcmp(words[0], "SUBSCRIBE") == 0;
        length = snprintf(text, sizeof text, "*3\r\n$%d\r\n%s\r\n$%zu\r\n%s\r\n:1\r\n", is_subscribe ? 9 : 11,
                          is_subscribe ? "subscribe" : "unsubscribe", strlen(words[1]), words[1]);
    }
    peer_say(peer, text, (size_t)length);
}

static void peer_close(struct peer *peer)
{
    if (peer->is_used && !uv_is_closing((uv_handle_t *)&peer->pipe))
        uv_close((uv_handle_t *)&peer->pipe, peer_closed);
}

static void peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    peer->is_used = peer->is_subscriber = false;
}

#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

/* None of these may be taken for the answer to anything. */
static const struct row {
    const char *bytes;
    size_t length;
} rows[] = {
    TEXT("-LOADING Redis is loading the dataset in memory\r\n"),
    TEXT("-NOAUTH Authentication required.\r\n"),
    TEXT("-MISCONF Redis is configured to save RDB snapshots\r\n"),
    TEXT("-READONLY You can't write against a read only replica.\r\n"),
    TEXT("-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    TEXT("-\r\n"),
    TEXT("$-1\r\n"),
    TEXT("*-1\r\n"),
    TEXT("*0\r\n"),
    TEXT("$0\r\n\r\n"),
    TEXT("$5\r\nhello\r\n"),
    TEXT(":1\r\n:1\r\n:1\r\n"),
    TEXT("+OK\r\n+OK\r\n+OK\r\n+OK\r\n"),
    TEXT("*1\r\n$9\r\nsubscribe\r\n"),
    TEXT("*2\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n"),
    TEXT("*3\r\n$9\r\nsubscribe\r\n$9\r\ntest:room\r\n:1\r\n"),
    TEXT("*3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n"),
    TEXT("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n$1\r\n1\r\n"),
    TEXT("*3\r\n$9\r\nsubscribe\r\n$0\r\n\r\n:1\r\n"),
    TEXT("*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"),
    TEXT("*3\r\n$11\r\nunsubscribe\r\n$9\r\ntest:room\r\n:0\r\n"),
    TEXT("*3\r\n$7\r\nmessage\r\n$9\r\ntest:room\r\n:7\r\n"),
    TEXT("*3\r\n$7\r\nmessage\r\n$9\r\ntest:room\r\n$-1\r\n"),
    TEXT("*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$1\r\nx\r\n"),
    TEXT("*3\r\n$7\r\nmessage\r\n$10\r\ntest:other\r\n$1\r\nx\r\n"),
    TEXT("*3\r\n:1\r\n:2\r\n:3\r\n"),
    TEXT("*3\r\n-ERR\r\n+OK\r\n$-1\r\n"),
    TEXT("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nx\r\n$1\r\ny\r\n"),
    TEXT("*3\r\n*1\r\n$1\r\nx\r\n$1\r\nx\r\n:1\r\n"),
    TEXT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"),
    TEXT("*1073741824\r\n$1\r\nx\r\n"),
    TEXT("*99999999999999999999\r\n"),
    TEXT("*-7\r\n"),
    TEXT("$99999999999999999999\r\n"),
    TEXT("$-7\r\n"),
    TEXT(":9999999999999999999999999\r\n"),
    TEXT("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    TEXT("\0\0\0\0\0\0\0\0\r\n"),
    TEXT("\r\n\r\n\r\n"),
    TEXT("%1\r\n+a\r\n+b\r\n"),
    TEXT("_\r\n"),
};

static void nonsense_instead_of_a_greeting_is_a_redis_that_is_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct world *world = world_open();
        struct fake fake;
        struct ear ear;
        fake_open(&fake, world);
        fake.greeting = rows[i].bytes;
        fake.greeting_length = rows[i].length;
        ear_open(world, &ear, NULL, 0);
        bus_listen(ear.bus, "room");

        RUN_UNTIL(world, fake.accepted >= 4); /* left, and tried again */

        assert_int_equal(ear.ups + ear.downs + ear.trues + ear.messages, 0);
        ear_close(&ear);
        fake_close(&fake);
        world_close(world);
    }
}

static void nonsense_on_either_link_is_a_loss(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct fake fake;
    struct ear ear;
    fake_open(&fake, world);
    ear_open(world, &ear, NULL, 0);
    bus_listen(ear.bus, "room");
    RUN_UNTIL(world, ear.ups == 1 && ear.trues == 1);

    for (int i = 0; i < (int)ARRAY_LENGTH(rows) * 2; i++) {
        fake_say(&fake, i % 2, rows[i / 2].bytes, rows[i / 2].length);
        for (int turn = 0; turn < 3; turn++) /* at once, and not only because it is silent afterwards */
            uv_run(&world->loop, UV_RUN_NOWAIT);
        assert_int_equal(ear.downs, i + 1);
        RUN_UNTIL(world, ear.ups == i + 2);
    }

    assert_int_equal(ear.messages, 0);
    ear_close(&ear);
    fake_close(&fake);
    world_close(world);
}

static uint32_t random_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Mutations of good and bad answers, in pieces, at a link that is up. Some do no harm, so a good error ends
 * each round. */
static void random_bytes_never_crash_the_bus(void **state)
{
    (void)state;
    static const char alphabet[] = "\r\n*$+-:0123 \0x";
    struct world *world = world_open();
    struct fake fake;
    struct ear ear;
    uint32_t seed = 20261122;
    fake_open(&fake, world);
    ear_open(world, &ear, NULL, 0);
    bus_listen(ear.bus, "room");

    for (int round = 0; round < 60; round++) {
        bool to_subscribers = random_next(&seed) % 2;
        RUN_UNTIL(world, ear.ups == ear.downs + 1);
        int downs = ear.downs;
        for (int piece = 0; piece < 5; piece++) {
            const struct row *row = &rows[random_next(&seed) % ARRAY_LENGTH(rows)];
            char bytes[256];
            memcpy(bytes, row->bytes, row->length);
            for (uint32_t change = random_next(&seed) % 4; change > 0; change--)
                bytes[random_next(&seed) % row->length] = alphabet[random_next(&seed) % (sizeof alphabet - 1)];
            fake_say(&fake, to_subscribers, bytes, random_next(&seed) % (row->length + 1));
            uv_run(&world->loop, UV_RUN_NOWAIT);
        }
        for (size_t i = 0; i < PEERS_MAX; i++) /* a length that was swallowed waits for more: cut it */
            peer_close(&fake.peers[i]);
        RUN_UNTIL(world, ear.downs > downs);
    }

    ear_close(&ear);
    fake_close(&fake);
    world_close(world);
}

static void an_answer_without_end_is_cut(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct fake fake;
    struct ear ear;
    static char piece[65536];
    size_t sent = 0;
    fake_open(&fake, world);
    ear_open(world, &ear, NULL, 0);
    RUN_UNTIL(world, ear.ups == 1);

    fake_say(&fake, true, "$1073741824\r\n", 13);
    while (ear.downs == 0 && sent < (size_t)1 << 30) {
        for (size_t i = 0; i < PEERS_MAX; i++) {
            struct peer *peer = &fake.peers[i];
            uv_buf_t buffer = uv_buf_init(piece, sizeof piece);
            int written = peer->is_subscriber && !uv_is_closing((uv_handle_t *)&peer->pipe)
                              ? uv_try_write((uv_stream_t *)&peer->pipe, &buffer, 1)
                              : 0;
            sent += written > 0 ? (size_t)written : 0;
        }
        uv_run(&world->loop, UV_RUN_NOWAIT);
    }

    assert_int_equal(ear.downs, 1);
    assert_true(sent < (size_t)40 << 20);
    ear_close(&ear);
    fake_close(&fake);
    world_close(world);
}

static void a_redis_that_answers_but_delivers_nothing_is_down(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct fake fake;
    struct ear ear;
    fake_open(&fake, world);
    ear_open(world, &ear, NULL, 0);
    bus_listen(ear.bus, "room");
    RUN_UNTIL(world, ear.ups == 1);

    fake.is_mute = true;
    RUN_UNTIL(world, ear.downs == 1); /* the next probe did not come back */
    int accepted = fake.accepted;
    RUN_UNTIL(world, fake.accepted >= accepted + 4); /* and it is not taken for up again */
    assert_int_equal(ear.ups, 1);
    fake.is_mute = false;
    RUN_UNTIL(world, ear.ups == 2);

    ear_close(&ear);
    fake_close(&fake);
    world_close(world);
}

static void a_subscription_that_is_never_acknowledged_is_a_loss(void **state)
{
    (void)state;
    struct world *world = world_open();
    struct fake fake;
    struct ear ear;
    fake_open(&fake, world);
    ear_open(world, &ear, NULL, 0);
    RUN_UNTIL(world, ear.ups == 1);
    fake.deafness = 1;
    bus_listen(ear.bus, "room");

    RUN_UNTIL(world, ear.downs == 1);
    RUN_UNTIL(world, ear.falses == 1);
    RUN_UNTIL(world, ear.ups == 2);

    assert_int_equal(ear.trues, 1);
    ear_close(&ear);
    fake_close(&fake);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_instead_of_a_greeting_is_a_redis_that_is_down),
        cmocka_unit_test(nonsense_on_either_link_is_a_loss),
        cmocka_unit_test(random_bytes_never_crash_the_bus),
        cmocka_unit_test(an_answer_without_end_is_cut),
        cmocka_unit_test(a_redis_that_answers_but_delivers_nothing_is_down),
        cmocka_unit_test(a_subscription_that_is_never_acknowledged_is_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
