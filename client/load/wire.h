/* wire.h: what the processes that load tell the one that conducts them, through a pipe. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"
#include "histogram.h"
#include "lib/buffer.h"

/* Everything since the start, of one process. */
struct totals {
    struct counts counts;
    uint64_t sent, answered, refused, resent, skipped, unanswered;
    uint64_t errors;
    uint64_t opened, cuts, recovered, unrecovered; /* recovered: deliveries; unrecovered: seats */
    uint64_t bytes_in;
    uint64_t sockets_up, sockets_wanted;
    int64_t cpu_ns;
    int64_t heard_ns; /* when the last delivery came */
    int64_t late_ns;  /* the most that something was said after its time, in this second */
    int64_t storm_ms; /* from the cut until all were back; 0: not yet */
};

enum step { STEP_RAMP, STEP_READY, STEP_RUN, STEP_SETTLED, STEP_DONE };
enum wire_kind { WIRE_TOTALS = 1, WIRE_DELIVERY, WIRE_ANSWER, WIRE_NOTE };
/* How often, and what: an error, or where something was lost. */
struct note {
    uint64_t times;
    char text[240];
};
struct wire_totals {
    enum step step;
    struct totals totals;
};
/* A histogram travels as those of its buckets that are not empty. */
struct wire_bucket {
    uint32_t bucket, times;
};
struct wire_head {
    uint32_t kind;
    uint32_t length;
};

#define WIRE_BYTES_MAX (HISTOGRAM_BUCKETS * sizeof(struct wire_bucket))

/* Write all of it; waits. False: nobody reads any more. */
bool wire_write(int fd, enum wire_kind kind, const void *bytes, size_t length);
bool wire_write_histogram(int fd, enum wire_kind kind, const struct histogram *histogram);
/* Take the first message out of @buffer: its head and its bytes, which lie at the front until it is consumed.
 * False: it is not whole yet. */
bool wire_read(const struct buffer *buffer, struct wire_head *head, const void **bytes);
