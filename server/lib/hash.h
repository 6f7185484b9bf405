/* lib/hash.h: hash tables that map numbers or texts to pointers. Keyed hashing (SipHash with a
 * key of this process), so that no client can choose colliding keys. Not thread-safe. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/scope.h"

struct int_map;
struct int_map *int_map_new(void);
void int_map_free(struct int_map *map); /* not what the values point to */
/* NULL if there is none. */
void *int_map_get(const struct int_map *map, uint64_t key);
/* False: no memory, nothing changed. @value must not be NULL. Replaces an older value. */
bool int_map_set(struct int_map *map, uint64_t key, void *value);
/* The value that was there, or NULL. */
void *int_map_remove(struct int_map *map, uint64_t key);
size_t int_map_count(const struct int_map *map);
/* Walk: start with *cursor = 0; false at the end. Removing the entry just returned is allowed;
 * adding during a walk is not. @key may be NULL. */
bool int_map_next(const struct int_map *map, size_t *cursor, uint64_t *key, void **value);
DEFINE_SCOPED(struct int_map *, int_map_free)

/* The same with texts as keys. A key is borrowed: it must live as long as its entry (it is usually a
 * field of the value). Keys are bytes with a length; they need no ending NUL. */
struct text_map;
struct text_map *text_map_new(void);
void text_map_free(struct text_map *map);
void *text_map_get(const struct text_map *map, const char *key, size_t length);
bool text_map_set(struct text_map *map, const char *key, size_t length, void *value);
void *text_map_remove(struct text_map *map, const char *key, size_t length);
size_t text_map_count(const struct text_map *map);
bool text_map_next(const struct text_map *map, size_t *cursor, const char **key, size_t *length, void **value);
DEFINE_SCOPED(struct text_map *, text_map_free)
