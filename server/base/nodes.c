/* base/nodes.c: the edges that a home knows of, by their signs of life. */
#include "base/nodes.h"
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/log.h"

#define NODES_MAX 1000

struct nodes {
    struct int_map *by_id;
    uint64_t entry; /* of the one that joined last */
};

struct nodes *nodes_new(void)
{
    struct nodes *nodes = calloc(1, sizeof *nodes);
    if (nodes && !(nodes->by_id = int_map_new())) {
        free(nodes);
        return NULL;
    }
    return nodes;
}

void nodes_free(struct nodes *nodes)
{
    void *value;
    size_t cursor = 0;
    if (!nodes)
        return;
    while (int_map_next(nodes->by_id, &cursor, NULL, &value))
        free(value);
    int_map_free(nodes->by_id);
    free(nodes);
}

struct node *nodes_hear(struct nodes *nodes, uint64_t id)
{
    struct node *node = int_map_get(nodes->by_id, id);
    if (!node) {
        node = int_map_count(nodes->by_id) < NODES_MAX ? calloc(1, sizeof *node) : NULL;
        if (!node || !int_map_set(nodes->by_id, id, node)) {
            log_warning("node.refused", "edge %llu: there are too many", (unsigned long long)id);
            free(node);
            return NULL;
        }
        node->id = id;
        node->entry = ++nodes->entry;
        log_info("node.joined", "edge %llu", (unsigned long long)id);
    }
    node->heard_ms = clock_monotonic_ms();
    return node;
}

void nodes_forgive(struct nodes *nodes)
{
    void *value;
    size_t cursor = 0;
    while (int_map_next(nodes->by_id, &cursor, NULL, &value))
        ((struct node *)value)->heard_ms = clock_monotonic_ms();
}

uint64_t nodes_take_silent(struct nodes *nodes, int64_t silence_ms)
{
    void *value;
    size_t cursor = 0;
    while (int_map_next(nodes->by_id, &cursor, NULL, &value)) {
        struct node *node = value;
        uint64_t id = node->id;
        if (clock_monotonic_ms() - node->heard_ms < silence_ms)
            continue;
        log_warning("node.lost", "edge %llu is silent; its people are taken off the lists", (unsigned long long)id);
        int_map_remove(nodes->by_id, id);
        free(node);
        return id;
    }
    return 0;
}

size_t nodes_count(const struct nodes *nodes)
{
    return int_map_count(nodes->by_id);
}

const struct node *nodes_next(const struct nodes *nodes, size_t *cursor)
{
    void *value;
    return int_map_next(nodes->by_id, cursor, NULL, &value) ? value : NULL;
}
