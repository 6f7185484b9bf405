/* net/wheel.h: one timer wheel for all deadlines of connections: arming and cancelling cost the same
 * whatever the number of sockets. Coarse: a deadline comes up to WHEEL_TICK_MS late, never early. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include "lib/list.h"

#define WHEEL_TICK_MS 50

struct wheel;
struct wheel_timer {
    struct list link;
    int64_t due_ms;                          /* monotonic; 0: not armed */
    void (*fire)(struct wheel_timer *timer); /* loop thread; may arm it again, cancel any timer, free its owner */
};

struct wheel *wheel_open(uv_loop_t *loop); /* NULL: no memory */
void wheel_close(struct wheel *wheel);     /* handles are gone once the loop has run again */
void wheel_timer_init(struct wheel_timer *timer, void (*fire)(struct wheel_timer *timer));
/* Arm, or arm anew. @after_ms from now. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t after_ms);
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);
static inline bool wheel_is_armed(const struct wheel_timer *timer)
{
    return timer->due_ms != 0;
}
