/* net/websocket_meter.h: compares what the kernel received for a socket with what was delivered from it.
 * libwebsockets answers pings without a word and takes unmasked frames; neither can hide from this sum. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct websocket_meter {
    uint64_t delivered;  /* bytes up to the end of the last frame delivered: head, payload and mask */
    uint64_t control;    /* bytes of what else came: control frames, counted already */
    uint64_t frame_left; /* of the payload of the frame that is coming in */
};

/* @received: bytes of the socket read before the first frame. */
void websocket_meter_start(struct websocket_meter *meter, uint64_t received);
/* A piece of @length bytes was delivered, and @remaining of its frame are still to come. */
void websocket_meter_piece(struct websocket_meter *meter, size_t length, size_t remaining);
/* Between events, when all that was read is delivered: *frames is the least number of control frames that can
 * account for what else came since the last check. False: less came than masked frames take. */
bool websocket_meter_check(struct websocket_meter *meter, int fd, uint32_t *frames);
