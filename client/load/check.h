/* check.h: is what a listener hears each message once and in order? */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

/* One socket in one room. */
struct seat {
    uint32_t room; /* its place among the rooms of the run */
    bool has_position;
    bool is_ready;
    uint64_t offset; /* of the newest message heard */
    uint64_t heard;  /* which of the 64 up to it: the lowest bit is the newest */
};

struct counts {
    uint64_t deliveries;
    uint64_t lost;
    uint64_t duplicates;
    uint64_t disorder; /* came after a later one */
};

#define GAPS_MAX 20
/* Where something is missing, as long as it is. */
struct gap {
    const struct seat *seat;
    int64_t socket;
    uint64_t from, to, missing;
};
#define TOKENS 65536 /* messages whose offset is remembered */
struct check {
    struct counts counts;
    size_t gap_count;
    struct gap gaps[GAPS_MAX];
    struct {
        uint64_t token; /* process and sequence */
        uint64_t offset;
    } tokens[TOKENS];
};

/* The seat hears what comes after @offset. */
void seat_place(struct seat *seat, uint64_t offset);
/* @publication came to @seat of @socket. False: it is a duplicate. */
bool check_delivery(struct check *check, struct seat *seat, int64_t socket, const struct publication *publication);
/* Nothing up to @offset will come any more. */
void check_end(struct check *check, struct seat *seat, int64_t socket, uint64_t offset);
