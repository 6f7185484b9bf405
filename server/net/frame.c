/* net/frame.c: ready-made WebSocket frames (RFC 6455, section 5.2), unmasked as a server sends them. */
#include "net/frame.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_TEXT       0x81 /* final, opcode 1 */
#define FRAME_CLOSE      0x88 /* final, opcode 8 */
#define FRAME_REASON_MAX 123  /* a control frame's 125 bytes less the code */

static struct frame *frame_allocate(size_t length);
static uint32_t frame_header_length(size_t payload_length);
static unsigned char *frame_header_write(unsigned char *at, unsigned char first, size_t payload_length);
static size_t frame_group(struct frame *const *frames, size_t count, size_t *payload_length);

struct frame *frame_new(const char *payload, size_t length)
{
    uint32_t header = frame_header_length(length);
    struct frame *frame = frame_allocate(header + length);
    if (!frame)
        return NULL;
    frame->header = header;
    unsigned char *at = frame_header_write(frame->bytes, FRAME_TEXT, length);
    if (length > 0)
        memcpy(at, payload, length);
    return frame;
}

struct frame *frame_join(struct frame *const *frames, size_t count)
{
    if (count == 1)
        return frame_ref(frames[0]);
    size_t total = 0, payload_length;
    for (size_t from = 0; from < count;) {
        from += frame_group(frames + from, count - from, &payload_length);
        total += frame_header_length(payload_length) + payload_length;
    }
    struct frame *joined = frame_allocate(total);
    if (!joined)
        return NULL;
    unsigned char *at = joined->bytes;
    for (size_t from = 0; from < count;) {
        size_t members = frame_group(frames + from, count - from, &payload_length);
        if (from == 0)
            joined->header = frame_header_length(payload_length);
        at = frame_header_write(at, FRAME_TEXT, payload_length);
        for (size_t i = 0; i < members; i++) {
            if (i > 0)
                *at++ = '\n';
            memcpy(at, frame_payload(frames[from + i]), frame_payload_length(frames[from + i]));
            at += frame_payload_length(frames[from + i]);
        }
        from += members;
    }
    return joined;
}

/* How many of @frames go into the next joined frame: as many as fit, but at least one. */
static size_t frame_group(struct frame *const *frames, size_t count, size_t *payload_length)
{
    size_t members = 1;
    *payload_length = frame_payload_length(frames[0]);
    while (members < count) {
        size_t more = 1 + frame_payload_length(frames[members]);
        if (*payload_length + more > FRAME_JOIN_MAX)
            break;
        *payload_length += more;
        members++;
    }
    return members;
}

struct frame *frame_close(uint16_t code, const char *reason)
{
    size_t length = reason ? strlen(reason) : 0;
    if (length > FRAME_REASON_MAX) {
        length = FRAME_REASON_MAX;
        /* A byte 10xxxxxx continues a character: cut in front of its first byte. */
        while (length > 0 && ((unsigned char)reason[length] & 0xc0) == 0x80)
            length--;
    }
    struct frame *frame = frame_allocate(2 + 2 + length);
    if (!frame)
        return NULL;
    frame->header = 2;
    unsigned char *at = frame_header_write(frame->bytes, FRAME_CLOSE, 2 + length);
    *at++ = (unsigned char)(code >> 8);
    *at++ = (unsigned char)(code & 0xff);
    if (length > 0)
        memcpy(at, reason, length);
    return frame;
}

const char *frame_next(const struct frame *frame, size_t *cursor, size_t *length)
{
    if (*cursor >= frame->length)
        return NULL;
    const unsigned char *at = frame->bytes + *cursor + 1;
    size_t length_bytes = *at == 127 ? 8 : *at == 126 ? 2 : 0;
    *length = *at++;
    if (length_bytes > 0)
        *length = 0;
    for (size_t i = 0; i < length_bytes; i++)
        *length = *length << 8 | *at++;
    *cursor = (size_t)(at - frame->bytes) + *length;
    return (const char *)at;
}

void frame_unref(struct frame *frame)
{
    if (frame && --frame->refs == 0)
        free(frame);
}

static struct frame *frame_allocate(size_t length)
{
    struct frame *frame = malloc(sizeof *frame + length + 1);
    if (!frame)
        return NULL;
    frame->refs = 1;
    frame->header = 0;
    frame->length = length;
    frame->bytes[length] = '\0';
    return frame;
}

static uint32_t frame_header_length(size_t payload_length)
{
    if (payload_length < 126)
        return 2;
    return payload_length <= 0xffff ? 4 : 10;
}

/* Returns the place of the payload. */
static unsigned char *frame_header_write(unsigned char *at, unsigned char first, size_t payload_length)
{
    *at++ = first;
    if (payload_length < 126) {
        *at++ = (unsigned char)payload_length;
        return at;
    }
    int length_bytes = payload_length <= 0xffff ? 2 : 8;
    *at++ = length_bytes == 2 ? 126 : 127;
    for (int i = length_bytes - 1; i >= 0; i--)
        *at++ = (unsigned char)((uint64_t)payload_length >> (8 * i));
    return at;
}
