/* base/nodes.h: the edges that a home knows of, by their signs of life. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/node_name.h"

struct nodes; /* opaque: only base/nodes.c looks inside */

struct node {
    uint64_t id;
    int64_t heard_ms;
    int64_t connections;
    char name[NODE_NAME_SIZE];
    uint64_t entry; /* one more for each that joins, also if it was here before */
};

struct nodes *nodes_new(void); /* NULL: no memory */
void nodes_free(struct nodes *nodes);
/* Note a sign of life. NULL: no more nodes are taken. */
struct node *nodes_hear(struct nodes *nodes, uint64_t id);
/* Their silence is counted from now on. */
void nodes_forgive(struct nodes *nodes);
/* One that has been silent for @silence_ms is forgotten: its id. 0: there is none. */
uint64_t nodes_take_silent(struct nodes *nodes, int64_t silence_ms);
size_t nodes_count(const struct nodes *nodes);
/* *cursor begins as 0; NULL: that was the last. */
const struct node *nodes_next(const struct nodes *nodes, size_t *cursor);
