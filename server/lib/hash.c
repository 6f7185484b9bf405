/* lib/hash.c: two maps over one table with open addressing and linear probing. */
#include "lib/hash.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 8 /* a power of two, as all capacities are */

/* Free while @value is NULL, and removed if it is &removed_mark. With @text the key is @number bytes
 * there, without it the key is @number itself. */
struct slot {
    void *value;
    const char *text;
    uint64_t number;
};

struct table {
    struct slot *slots;
    size_t capacity; /* 0 until the first entry */
    size_t count;    /* entries */
    size_t used;     /* entries and removed ones: what a probe has to walk over */
};

struct int_map {
    struct table table;
};

struct text_map {
    struct table table;
};

static char removed_mark;

static struct slot *table_find(const struct table *table, const char *text, uint64_t number);
static bool table_set(struct table *table, const char *text, uint64_t number, void *value);
static void *table_remove(struct table *table, const char *text, uint64_t number);
static const struct slot *table_next(const struct table *table, size_t *cursor);
static bool table_rehash(struct table *table);
static size_t slot_home(const struct table *table, const char *text, uint64_t number);
static bool slot_is_entry(const struct slot *slot);
static const char *text_or_empty(const char *key);

struct int_map *int_map_new(void)
{
    return calloc(1, sizeof(struct int_map));
}

void int_map_free(struct int_map *map)
{
    if (map)
        free(map->table.slots);
    free(map);
}

void *int_map_get(const struct int_map *map, uint64_t key)
{
    const struct slot *slot = table_find(&map->table, NULL, key);
    return slot ? slot->value : NULL;
}

bool int_map_set(struct int_map *map, uint64_t key, void *value)
{
    return table_set(&map->table, NULL, key, value);
}

void *int_map_remove(struct int_map *map, uint64_t key)
{
    return table_remove(&map->table, NULL, key);
}

size_t int_map_count(const struct int_map *map)
{
    return map->table.count;
}

bool int_map_next(const struct int_map *map, size_t *cursor, uint64_t *key, void **value)
{
    const struct slot *slot = table_next(&map->table, cursor);
    if (!slot)
        return false;
    if (key)
        *key = slot->number;
    *value = slot->value;
    return true;
}

struct text_map *text_map_new(void)
{
    return calloc(1, sizeof(struct text_map));
}

void text_map_free(struct text_map *map)
{
    if (map)
        free(map->table.slots);
    free(map);
}

void *text_map_get(const struct text_map *map, const char *key, size_t length)
{
    const struct slot *slot = table_find(&map->table, text_or_empty(key), length);
    return slot ? slot->value : NULL;
}

bool text_map_set(struct text_map *map, const char *key, size_t length, void *value)
{
    return table_set(&map->table, text_or_empty(key), length, value);
}

void *text_map_remove(struct text_map *map, const char *key, size_t length)
{
    return table_remove(&map->table, text_or_empty(key), length);
}

size_t text_map_count(const struct text_map *map)
{
    return map->table.count;
}

bool text_map_next(const struct text_map *map, size_t *cursor, const char **key, size_t *length, void **value)
{
    const struct slot *slot = table_next(&map->table, cursor);
    if (!slot)
        return false;
    if (key)
        *key = slot->text;
    if (length)
        *length = (size_t)slot->number;
    *value = slot->value;
    return true;
}

static struct slot *table_find(const struct table *table, const char *text, uint64_t number)
{
    if (table->count == 0)
        return NULL;
    size_t mask = table->capacity - 1;
    for (size_t i = slot_home(table, text, number);; i = (i + 1) & mask) {
        struct slot *slot = &table->slots[i];
        if (!slot->value) /* there is always one: a table is never more than three quarters used */
            return NULL;
        if (slot_is_entry(slot) && slot->number == number && (!text || memcmp(slot->text, text, (size_t)number) == 0))
            return slot;
    }
}

static bool table_set(struct table *table, const char *text, uint64_t number, void *value)
{
    struct slot *slot = table_find(table, text, number);
    if (!slot) {
        if (table->used + 1 > table->capacity / 4 * 3 && !table_rehash(table))
            return false;
        size_t mask = table->capacity - 1;
        size_t i = slot_home(table, text, number);
        while (slot_is_entry(&table->slots[i]))
            i = (i + 1) & mask;
        slot = &table->slots[i];
        table->used += slot->value == NULL;
        table->count++;
    }
    /* A replaced entry takes the new key too: the old one may live in the old value. */
    *slot = (struct slot){value, text, number};
    return true;
}

static void *table_remove(struct table *table, const char *text, uint64_t number)
{
    struct slot *slot = table_find(table, text, number);
    if (!slot)
        return NULL;
    void *value = slot->value;
    /* Nothing moves, so that a walk goes on unharmed. Before a free slot no probe needs the mark. */
    size_t mask = table->capacity - 1;
    size_t i = (size_t)(slot - table->slots);
    *slot = (struct slot){.value = &removed_mark};
    table->count--;
    if (!table->slots[(i + 1) & mask].value) {
        for (; table->slots[i].value == &removed_mark; i = (i - 1) & mask) {
            table->slots[i].value = NULL;
            table->used--;
        }
    }
    return value;
}

static const struct slot *table_next(const struct table *table, size_t *cursor)
{
    while (*cursor < table->capacity) {
        const struct slot *slot = &table->slots[(*cursor)++];
        if (slot_is_entry(slot))
            return slot;
    }
    return NULL;
}

/* Move the entries to a new table with room for as many again; it may be smaller if many were removed. */
static bool table_rehash(struct table *table)
{
    struct table fresh = {.capacity = CAPACITY_LEAST, .count = table->count, .used = table->count};
    while (fresh.capacity / 2 < table->count + 1)
        fresh.capacity *= 2;
    fresh.slots = calloc(fresh.capacity, sizeof *fresh.slots);
    if (!fresh.slots)
        return false;
    size_t cursor = 0;
    const struct slot *slot;
    while ((slot = table_next(table, &cursor))) {
        size_t i = slot_home(&fresh, slot->text, slot->number);
        while (fresh.slots[i].value)
            i = (i + 1) & (fresh.capacity - 1);
        fresh.slots[i] = *slot;
    }
    free(table->slots);
    *table = fresh;
    return true;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void hash_key_init(void)
{
    if (sodium_init() < 0)
        abort(); /* without a secret key the maps would be open to chosen collisions */
    randombytes_buf(hash_key, sizeof hash_key);
}

static size_t slot_home(const struct table *table, const char *text, uint64_t number)
{
    static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;
    pthread_once(&hash_key_once, hash_key_init);
    uint64_t hash;
    const void *key = text ? (const void *)text : &number;
    crypto_shorthash((unsigned char *)&hash, key, text ? number : sizeof number, hash_key);
    return (size_t)hash & (table->capacity - 1);
}

static bool slot_is_entry(const struct slot *slot)
{
    return slot->value && slot->value != &removed_mark;
}

/* Without a text a key would be taken for a number. */
static const char *text_or_empty(const char *key)
{
    return key ? key : "";
}
