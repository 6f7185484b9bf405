/* net/frame.h: a text for WebSocket clients, encoded once as a ready-made frame and shared by every
 * queue it waits in. Loop thread only, so the count of references is a plain number. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/scope.h"

struct frame {
    uint32_t refs;
    uint32_t header;       /* bytes of WebSocket header in front of the payload: 2, 4 or 10 */
    size_t length;         /* of header and payload */
    unsigned char bytes[]; /* header, then payload, then a NUL that is not counted; nobody writes after frame_new */
};

/* One unmasked text frame around @payload. NULL: no memory. */
struct frame *frame_new(const char *payload, size_t length);
/* Payloads of @frames joined by '\n' as few text frames of at most FRAME_JOIN_MAX payload bytes each, in one
 * run of bytes to write at once. A single frame is returned itself, with a new reference. */
#define FRAME_JOIN_MAX 65536
struct frame *frame_join(struct frame *const *frames, size_t count);
/* A close frame; @reason is cut to what fits (123 bytes, whole characters). */
struct frame *frame_close(uint16_t code, const char *reason);
static inline struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}
/* Walk the payloads of a run of bytes as frame_join() makes it: *cursor begins as 0; NULL at the end. */
const char *frame_next(const struct frame *frame, size_t *cursor, size_t *length);
void frame_unref(struct frame *frame);
DEFINE_SCOPED(struct frame *, frame_unref)
static inline const char *frame_payload(const struct frame *frame)
{
    return (const char *)frame->bytes + frame->header;
}
static inline size_t frame_payload_length(const struct frame *frame)
{
    return frame->length - frame->header;
}
