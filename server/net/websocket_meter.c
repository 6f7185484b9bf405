/* net/websocket_meter.c: bytes received against bytes delivered. */
#include "net/websocket_meter.h"

/* The kernel's own header: glibc's struct tcp_info ends before the byte counters. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define MASK_BYTES 4
/* The longest control frame: head, mask and payload. Counting with it, a client is never wronged. */
#define CONTROL_FRAME_MAX (2 + MASK_BYTES + 125)

static bool socket_received(int fd, uint64_t *bytes);
static uint64_t frame_head(uint64_t payload);

void websocket_meter_start(struct websocket_meter *meter, uint64_t received)
{
    *meter = (struct websocket_meter){.delivered = received};
}

void websocket_meter_piece(struct websocket_meter *meter, size_t length, size_t remaining)
{
    if (meter->frame_left == 0)
        meter->delivered += frame_head((uint64_t)length + remaining) + MASK_BYTES;
    meter->delivered += length;
    meter->frame_left = remaining;
}

bool websocket_meter_check(struct websocket_meter *meter, int fd, uint32_t *frames)
{
    uint64_t received, received_again;
    int waiting = 0;
    *frames = 0;
    if (!socket_received(fd, &received) || received == meter->delivered + meter->control)
        return true;
    /* The two numbers belong together only if nothing came in between. */
    if (ioctl(fd, FIONREAD, &waiting) != 0 || !socket_received(fd, &received_again) || received != received_again)
        return true;
    uint64_t read = received - (uint64_t)waiting;
    if (read < meter->delivered)
        return false;
    if (read > meter->delivered + meter->control)
        *frames = (uint32_t)((read - meter->delivered - meter->control) / CONTROL_FRAME_MAX);
    meter->control = read - meter->delivered;
    return true;
}

static bool socket_received(int fd, uint64_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    /* An old kernel fills in less, and counts no bytes. */
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

static uint64_t frame_head(uint64_t payload)
{
    if (payload < 126)
        return 2;
    return payload <= 0xffff ? 4 : 10;
}
