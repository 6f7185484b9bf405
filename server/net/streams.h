/* net/streams.h: all open streams of the front, as net/http*.c needs them. */
#pragma once
#include <stddef.h>
#include "lib/buffer.h"
#include "lib/list.h"

struct streams {
    struct list open;
    size_t count;
    struct buffer text; /* what is being written, for the length of a call */
};
void streams_init(struct streams *streams);
/* Drop all; `closed` comes for each within this call. */
void streams_close(struct streams *streams);
