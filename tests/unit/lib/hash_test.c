/* Both maps, against a plain array, and what a walk allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

#define KEYS 2000

/* Numbers that look random and are the same in every run. */
static uint32_t next_number(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void an_int_map_agrees_with_an_array_through_random_changes(void **state)
{
    (void)state;
    SCOPED(int_map_free) struct int_map *map = int_map_new();
    static char values[KEYS];
    char *expected[KEYS] = {0};
    size_t count = 0;
    uint32_t seed = 1;
    for (int step = 0; step < 100000; step++) {
        /* The keys in use grow and shrink, so that the table is made anew both ways. */
        size_t span = (step / 10000) % 2 ? 20 : KEYS;
        size_t i = next_number(&seed) % span;
        uint64_t key = (uint64_t)i << 32;
        assert_ptr_equal(int_map_get(map, key), expected[i]);
        if (next_number(&seed) % 2) {
            char *value = &values[next_number(&seed) % KEYS];
            assert_true(int_map_set(map, key, value));
            count += expected[i] == NULL;
            expected[i] = value;
        } else {
            assert_ptr_equal(int_map_remove(map, key), expected[i]);
            count -= expected[i] != NULL;
            expected[i] = NULL;
        }
        assert_int_equal(int_map_count(map), count);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(int_map_get(map, (uint64_t)i << 32), expected[i]);
}

static void a_walk_meets_every_entry_once(void **state)
{
    (void)state;
    SCOPED(int_map_free) struct int_map *map = int_map_new();
    static int seen[KEYS];
    memset(seen, 0, sizeof seen);
    for (uint64_t key = 0; key < KEYS; key++)
        int_map_set(map, key, &seen[key]);
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (int_map_next(map, &cursor, &key, &value)) {
        assert_ptr_equal(value, &seen[key]);
        seen[key]++;
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(seen[i], 1);
}

static void what_a_walk_returned_may_be_removed(void **state)
{
    (void)state;
    SCOPED(int_map_free) struct int_map *map = int_map_new();
    static int seen[KEYS];
    memset(seen, 0, sizeof seen);
    for (uint64_t key = 0; key < KEYS; key++)
        int_map_set(map, key, &seen[key]);
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (int_map_next(map, &cursor, &key, &value)) {
        seen[key]++;
        if (key % 3)
            assert_ptr_equal(int_map_remove(map, key), value);
    }
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(seen[i], 1);
        assert_ptr_equal(int_map_get(map, i), i % 3 ? NULL : &seen[i]);
    }
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    SCOPED(int_map_free) struct int_map *map = int_map_new();
    SCOPED(text_map_free) struct text_map *texts = text_map_new();
    size_t cursor = 0;
    void *value;
    assert_null(int_map_get(map, 0));
    assert_null(int_map_remove(map, 0));
    assert_false(int_map_next(map, &cursor, NULL, &value));
    assert_null(text_map_get(texts, "", 0));
    assert_null(text_map_remove(texts, "a", 1));
    assert_false(text_map_next(texts, &cursor, NULL, NULL, &value));
    int_map_free(NULL);
    text_map_free(NULL);
}

static void zero_and_the_largest_number_are_keys_like_others(void **state)
{
    (void)state;
    SCOPED(int_map_free) struct int_map *map = int_map_new();
    int zero, largest;
    assert_true(int_map_set(map, 0, &zero));
    assert_true(int_map_set(map, UINT64_MAX, &largest));
    assert_ptr_equal(int_map_get(map, 0), &zero);
    assert_ptr_equal(int_map_get(map, UINT64_MAX), &largest);
}

static void texts_are_told_apart_by_every_byte_and_their_length(void **state)
{
    (void)state;
    SCOPED(text_map_free) struct text_map *map = text_map_new();
    int values[5];
    assert_true(text_map_set(map, "", 0, &values[0]));
    assert_true(text_map_set(map, "a", 1, &values[1]));
    assert_true(text_map_set(map, "a\0b", 3, &values[2]));
    assert_true(text_map_set(map, "a\0c", 3, &values[3]));
    assert_true(text_map_set(map, "a\0", 2, &values[4]));
    assert_int_equal(text_map_count(map), 5);
    assert_ptr_equal(text_map_get(map, NULL, 0), &values[0]);
    assert_ptr_equal(text_map_get(map, "ab", 1), &values[1]); /* the length counts, not a NUL */
    assert_ptr_equal(text_map_get(map, "a\0b", 3), &values[2]);
    assert_ptr_equal(text_map_get(map, "a\0c", 3), &values[3]);
    assert_ptr_equal(text_map_remove(map, "a\0", 2), &values[4]);
    assert_null(text_map_get(map, "a\0", 2));
}

static void a_replaced_text_entry_lets_go_of_the_old_key(void **state)
{
    (void)state;
    SCOPED(text_map_free) struct text_map *map = text_map_new();
    char *old_key = strdup("room:1"), *new_key = strdup("room:1");
    assert_true(text_map_set(map, old_key, 6, old_key));
    assert_true(text_map_set(map, new_key, 6, new_key));
    free(old_key);
    assert_ptr_equal(text_map_get(map, "room:1", 6), new_key);
    assert_int_equal(text_map_count(map), 1);
    size_t cursor = 0, length;
    const char *key;
    void *value;
    assert_true(text_map_next(map, &cursor, &key, &length, &value));
    assert_ptr_equal(key, new_key);
    assert_int_equal(length, 6);
    free(new_key);
}

static void many_texts_are_found_again(void **state)
{
    (void)state;
    SCOPED(text_map_free) struct text_map *map = text_map_new();
    static char names[KEYS][16];
    for (size_t i = 0; i < KEYS; i++) {
        int length = snprintf(names[i], sizeof names[i], "room:%zu", i);
        assert_true(text_map_set(map, names[i], (size_t)length, names[i]));
    }
    for (size_t i = 0; i < KEYS; i += 2)
        assert_ptr_equal(text_map_remove(map, names[i], strlen(names[i])), names[i]);
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(text_map_get(map, names[i], strlen(names[i])), i % 2 ? names[i] : NULL);
    assert_int_equal(text_map_count(map), KEYS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_int_map_agrees_with_an_array_through_random_changes),
        cmocka_unit_test(a_walk_meets_every_entry_once),
        cmocka_unit_test(what_a_walk_returned_may_be_removed),
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(zero_and_the_largest_number_are_keys_like_others),
        cmocka_unit_test(texts_are_told_apart_by_every_byte_and_their_length),
        cmocka_unit_test(a_replaced_text_entry_lets_go_of_the_old_key),
        cmocka_unit_test(many_texts_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
