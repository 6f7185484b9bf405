/* wire.c: messages through a pipe, between processes of the same program. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int fd, const void *bytes, size_t length);

bool wire_write(int fd, enum wire_kind kind, const void *bytes, size_t length)
{
    struct wire_head head = {.kind = kind, .length = (uint32_t)length};
    return write_all(fd, &head, sizeof head) && write_all(fd, bytes, length);
}

bool wire_write_histogram(int fd, enum wire_kind kind, const struct histogram *histogram)
{
    static struct wire_bucket buckets[HISTOGRAM_BUCKETS];
    size_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++)
        if (histogram->buckets[i] > 0)
            buckets[count++] = (struct wire_bucket){i, (uint32_t)histogram->buckets[i]};
    return count == 0 || wire_write(fd, kind, buckets, count * sizeof *buckets);
}

bool wire_read(const struct buffer *buffer, struct wire_head *head, const void **bytes)
{
    if (buffer->length < sizeof *head)
        return false;
    memcpy(head, buffer->bytes, sizeof *head);
    *bytes = buffer->bytes + sizeof *head;
    return buffer->length - sizeof *head >= head->length;
}

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        }
    }
    return true;
}
