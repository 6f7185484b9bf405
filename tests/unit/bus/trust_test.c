/* Whose messages are heard: signed with the right secret, for that channel, once, and not from long ago. */
#include <stdlib.h>

#include "bus/senders.h"
#include "bus/trust.h"
#include "lib/clock.h"
#include "lib/random.h"
#include "world.h"

#define SECRET  "a secret of thirty-two characters"
#define SECRET2 "a secret of 32 characters, but b."

/* A message as it travels. */
struct letter {
    char bytes[512];
    size_t length;
};

static struct trust *trust_open(const char *secret)
{
    char why[128] = "";
    struct trust *trust = NULL;
    assert_true(random_open());
    assert_int_equal(trust_new(secret, "test:", &trust, why, sizeof why), STATUS_OK);
    return trust;
}

static struct letter letter_from(struct trust *trust, const char *channel, const char *text)
{
    struct letter letter = {.length = ENVELOPE_LENGTH + strlen(text)};
    trust_write(trust, letter.bytes, &(struct digest_piece){channel, strlen(channel)},
                &(struct digest_piece){text, strlen(text)});
    memcpy(letter.bytes + ENVELOPE_LENGTH, text, strlen(text));
    return letter;
}

static struct bus_stats stats;

static enum trust_verdict judged(struct trust *trust, const char *channel, const struct letter *letter)
{
    struct digest_piece payload;
    /* Its own memory, so that the sanitizer sees a byte read too far. */
    char *bytes = malloc(letter->length + 1);
    assert_non_null(bytes);
    memcpy(bytes, letter->bytes, letter->length);
    bytes = realloc(bytes, letter->length ? letter->length : 1);
    enum trust_verdict verdict =
        trust_judge(trust, &(struct digest_piece){channel, strlen(channel)}, bytes, letter->length, &payload, &stats);
    free(bytes);
    return verdict;
}

static void a_message_of_another_node_is_heard_once(void **state)
{
    (void)state;
    const char *secrets[] = {NULL, SECRET};
    for (size_t i = 0; i < ARRAY_LENGTH(secrets); i++) {
        SCOPED(trust_free) struct trust *a = trust_open(secrets[i]), *b = trust_open(secrets[i]);
        stats = (struct bus_stats){0};
        struct letter one = letter_from(a, "room", "one"), two = letter_from(a, "room", "two");

        assert_int_equal(judged(b, "room", &one), TRUST_ANOTHER);
        assert_int_equal(judged(b, "room", &one), TRUST_NOBODY);
        assert_int_equal(judged(b, "room", &two), TRUST_ANOTHER);
        assert_int_equal(judged(b, "room", &one), TRUST_NOBODY);
        assert_int_equal(judged(a, "room", &one), TRUST_OURSELVES);

        assert_int_equal(stats.replayed, 2);
        assert_int_equal(stats.forged, 0);
    }
}

static void only_the_same_secret_is_believed(void **state)
{
    (void)state;
    const char *secrets[] = {NULL, SECRET, SECRET2};
    for (size_t from = 0; from < ARRAY_LENGTH(secrets); from++)
        for (size_t to = 0; to < ARRAY_LENGTH(secrets); to++) {
            SCOPED(trust_free) struct trust *a = trust_open(secrets[from]), *b = trust_open(secrets[to]);
            stats = (struct bus_stats){0};
            struct letter letter = letter_from(a, "room", "one");
            assert_int_equal(judged(b, "room", &letter), from == to ? TRUST_ANOTHER : TRUST_NOBODY);
            assert_int_equal(stats.forged, from != to);
        }
}

static void no_byte_of_a_signed_message_can_be_changed(void **state)
{
    (void)state;
    SCOPED(trust_free) struct trust *a = trust_open(SECRET), *b = trust_open(SECRET);
    struct letter letter = letter_from(a, "room", "the text");
    for (size_t i = 0; i < letter.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct letter changed = letter;
            changed.bytes[i] = (char)(changed.bytes[i] ^ 1 << bit);
            assert_int_equal(judged(b, "room", &changed), TRUST_NOBODY);
            assert_int_equal(judged(a, "room", &changed), TRUST_NOBODY); /* nor a probe of its own */
        }
    for (size_t length = 0; length < letter.length; length++) {
        struct letter cut = letter;
        cut.length = length;
        assert_int_equal(judged(b, "room", &cut), TRUST_NOBODY);
    }
    /* A byte that goes from one part to the next. */
    struct letter moved = letter_from(a, "room", "x");
    assert_int_equal(judged(b, "roo", &moved), TRUST_NOBODY);

    assert_int_equal(judged(b, "home", &letter), TRUST_NOBODY); /* said on another channel */
    assert_int_equal(judged(b, "room", &letter), TRUST_ANOTHER);
}

static void another_prefix_is_another_cluster(void **state)
{
    (void)state;
    char why[128];
    SCOPED(trust_free) struct trust *a = trust_open(SECRET), *b = NULL;
    assert_int_equal(trust_new(SECRET, "live:", &b, why, sizeof why), STATUS_OK);
    struct letter letter = letter_from(a, "room", "one");
    assert_int_equal(judged(b, "room", &letter), TRUST_NOBODY);
}

static void a_short_secret_is_refused(void **state)
{
    (void)state;
    char why[128] = "";
    struct trust *trust = NULL;
    assert_int_equal(trust_new("a secret of thirty-one letters.", "", &trust, why, sizeof why), STATUS_INVALID);
    assert_null(trust);
    assert_non_null(strstr(why, "cluster.secret"));
    assert_null(strstr(why, "thirty"));
}

static void words_that_a_later_version_adds_are_passed_over_but_signed(void **state)
{
    (void)state;
    SCOPED(trust_free) struct trust *b = trust_open(NULL);
    SCOPED(trust_free) struct trust *a = trust_open(NULL);
    struct letter letter = letter_from(a, "room", "one"), more = {0};
    struct envelope envelope;
    more.length = (size_t)snprintf(more.bytes, sizeof more.bytes, "%.*s trace=7 x\nthe rest", (int)ENVELOPE_LENGTH - 1,
                                   letter.bytes);

    assert_int_equal(envelope_read(more.bytes, more.length, &envelope), ENVELOPE_FINE);
    assert_int_equal(envelope.payload_length, strlen("the rest"));
    assert_memory_equal(envelope.payload, "the rest", envelope.payload_length);
    assert_int_equal(envelope.rest_length, strlen(" trace=7 x\n"));
    assert_int_equal(judged(b, "room", &more), TRUST_ANOTHER);

    struct letter newer = letter_from(a, "room", "one");
    newer.bytes[1] = '2';
    assert_int_equal(envelope_read(newer.bytes, newer.length, &envelope), ENVELOPE_OF_ANOTHER_VERSION);
    assert_int_equal(judged(b, "room", &newer), TRUST_NOBODY);
}

/* An envelope of sender @id, sent @age_ms before @wall_ms. */
static enum sender_verdict heard(struct senders *senders, int id, uint64_t number, int64_t now_ms, int64_t age_ms)
{
    char sender[ENVELOPE_SENDER_LENGTH + 1];
    snprintf(sender, sizeof sender, "%022d", id);
    struct envelope envelope = {.sender = sender, .number = number, .sent_ms = 1000000000000 - age_ms};
    return senders_hear(senders, &envelope, now_ms, 1000000000000);
}

static void numbers_may_overtake_each_other_within_the_window_and_come_once(void **state)
{
    (void)state;
    enum { MESSAGES = 20000 };
    SCOPED(senders_free) struct senders *senders = senders_new();
    int64_t now_ms = clock_monotonic_ms() + 1000000;
    static bool is_known[MESSAGES + 4096];
    uint64_t newest = 5000;
    srand(20261122);
    assert_int_equal(heard(senders, 1, newest, now_ms, 0), SENDER_NEW_MESSAGE);
    for (uint64_t number = 0; number <= newest; number++)
        is_known[number] = true; /* what came before the first one */
    for (int i = 0; i < MESSAGES * 4; i++) {
        uint64_t number = newest - (uint64_t)(rand() % 2048) + (uint64_t)(rand() % 2048);
        if (rand() % 1000 == 0)
            number = newest + (uint64_t)(rand() % 3000);
        if (number >= ARRAY_LENGTH(is_known))
            break;
        bool is_new = !is_known[number] && number + SENDERS_WINDOW > newest;
        assert_int_equal(heard(senders, 1, number, now_ms, 0), is_new ? SENDER_NEW_MESSAGE : SENDER_REPEATS);
        is_known[number] = true;
        newest = number > newest ? number : newest;
    }
    assert_int_equal(heard(senders, 1, UINT64_MAX, now_ms, 0), SENDER_NEW_MESSAGE);
    assert_int_equal(heard(senders, 1, UINT64_MAX, now_ms, 0), SENDER_REPEATS);
    assert_int_equal(heard(senders, 1, 0, now_ms, 0), SENDER_REPEATS);
}

static void the_first_message_of_a_sender_must_be_fresh(void **state)
{
    (void)state;
    SCOPED(senders_free) struct senders *senders = senders_new();
    int64_t start_ms = clock_monotonic_ms(), later_ms = start_ms + 1000000;
    assert_int_equal(heard(senders, 1, 1, later_ms, 60001), SENDER_IS_STALE);
    assert_int_equal(heard(senders, 1, 1, later_ms, -60001), SENDER_IS_FUTURE);
    assert_int_equal(heard(senders, 1, 1, later_ms, 60000), SENDER_NEW_MESSAGE);
    assert_int_equal(heard(senders, 2, 1, later_ms, -60000), SENDER_NEW_MESSAGE);
    /* Known: a clock that jumps does no harm. */
    assert_int_equal(heard(senders, 1, 2, later_ms, 3600000), SENDER_NEW_MESSAGE);
    assert_int_equal(heard(senders, 2, 2, later_ms, -3600000), SENDER_NEW_MESSAGE);
    /* Sent before we were here: to another process, which may have done it. */
    assert_int_equal(heard(senders, 3, 1, start_ms + 5000, 30000), SENDER_IS_STALE);
    assert_int_equal(heard(senders, 3, 1, start_ms + 5000, 4000), SENDER_NEW_MESSAGE);
}

static void a_silent_sender_is_forgotten_when_its_messages_are_too_old_to_come_again(void **state)
{
    (void)state;
    SCOPED(senders_free) struct senders *senders = senders_new();
    int64_t now_ms = clock_monotonic_ms() + 1000000;
    /* As many as there may be, one more is refused. */
    int count = 0;
    while (heard(senders, count, 1, now_ms, -60000) == SENDER_NEW_MESSAGE)
        count++;
    assert_int_equal(count, 2048);
    assert_int_equal(heard(senders, count, 1, now_ms, 0), SENDER_IS_SURPLUS);
    assert_int_equal(heard(senders, 7, 2, now_ms, 0), SENDER_NEW_MESSAGE); /* those that are known go on */

    assert_int_equal(heard(senders, count, 1, now_ms + 300001, 0), SENDER_NEW_MESSAGE);
    /* The latest that any of the forgotten may have stamped: a minute ahead, five minutes ago. */
    assert_int_equal(heard(senders, 3, 1, now_ms + 300001, 240001), SENDER_IS_STALE);
}

static void a_forged_probe_does_not_make_a_mute_redis_look_well(void **state)
{
    (void)state;
    SCOPED(trust_free) struct trust *a = trust_open(SECRET);
    SCOPED(trust_free) struct trust *stranger = trust_open(NULL);
    struct letter ours = letter_from(a, "probe:x", "1"), forged = letter_from(stranger, "probe:x", "1");
    memcpy(forged.bytes, ours.bytes, 3 + ENVELOPE_SENDER_LENGTH); /* in our name, without the secret */
    assert_int_equal(judged(a, "probe:x", &forged), TRUST_NOBODY);
    assert_int_equal(judged(a, "probe:x", &ours), TRUST_OURSELVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_another_node_is_heard_once),
        cmocka_unit_test(only_the_same_secret_is_believed),
        cmocka_unit_test(no_byte_of_a_signed_message_can_be_changed),
        cmocka_unit_test(another_prefix_is_another_cluster),
        cmocka_unit_test(a_short_secret_is_refused),
        cmocka_unit_test(words_that_a_later_version_adds_are_passed_over_but_signed),
        cmocka_unit_test(numbers_may_overtake_each_other_within_the_window_and_come_once),
        cmocka_unit_test(the_first_message_of_a_sender_must_be_fresh),
        cmocka_unit_test(a_silent_sender_is_forgotten_when_its_messages_are_too_old_to_come_again),
        cmocka_unit_test(a_forged_probe_does_not_make_a_mute_redis_look_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
