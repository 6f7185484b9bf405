/* net/wheel.c: deadlines hashed by their tick into a ring of lists. A deadline further away than one
 * round of the ring stays in its list and is looked at once per round. */
#include "net/wheel.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/scope.h"

/* One round is 51 seconds: longer than a ping interval, so that most deadlines are touched once. */
#define WHEEL_SLOTS 1024

struct wheel {
    uv_timer_t ticker; /* runs only while something is armed */
    int64_t last_tick; /* the last tick whose list was served */
    size_t armed;
    bool is_closed;
    struct list slots[WHEEL_SLOTS];
};

static void wheel_tick(uv_timer_t *ticker);
static void wheel_serve(struct wheel *wheel, struct list *slot, int64_t now_ms);
static void wheel_closed(uv_handle_t *handle);

struct wheel *wheel_open(uv_loop_t *loop)
{
    struct wheel *wheel = calloc(1, sizeof *wheel);
    if (!wheel)
        return NULL;
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_init(&wheel->slots[i]);
    uv_timer_init(loop, &wheel->ticker);
    wheel->ticker.data = wheel;
    return wheel;
}

void wheel_timer_init(struct wheel_timer *timer, void (*fire)(struct wheel_timer *timer))
{
    list_init(&timer->link);
    timer->due_ms = 0;
    timer->fire = fire;
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t after_ms)
{
    wheel_cancel(wheel, timer);
    if (wheel->is_closed)
        return;
    int64_t now_ms = clock_monotonic_ms();
    if (wheel->armed == 0) {
        wheel->last_tick = now_ms / WHEEL_TICK_MS;
        uv_update_time(wheel->ticker.loop); /* the loop may have worked long since it last looked */
        uv_timer_start(&wheel->ticker, wheel_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
    }
    wheel->armed++;
    timer->due_ms = now_ms + (after_ms > 0 ? after_ms : 1);
    /* Rounded up to a tick, so that it is never early; and never into a tick served already. */
    int64_t tick = (timer->due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
    if (tick <= wheel->last_tick)
        tick = wheel->last_tick + 1;
    list_append(&wheel->slots[tick % WHEEL_SLOTS], &timer->link);
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
    if (timer->due_ms == 0)
        return;
    timer->due_ms = 0;
    list_remove(&timer->link);
    wheel->armed--;
    if (wheel->armed == 0)
        uv_timer_stop(&wheel->ticker);
}

static void wheel_tick(uv_timer_t *ticker)
{
    struct wheel *wheel = ticker->data;
    int64_t now_ms = clock_monotonic_ms();
    int64_t tick = now_ms / WHEEL_TICK_MS;
    /* After a long stall one round serves every list. */
    if (tick - wheel->last_tick > WHEEL_SLOTS)
        wheel->last_tick = tick - WHEEL_SLOTS;
    while (wheel->last_tick < tick && wheel->armed > 0) {
        wheel->last_tick++;
        wheel_serve(wheel, &wheel->slots[wheel->last_tick % WHEEL_SLOTS], now_ms);
    }
}

static void wheel_serve(struct wheel *wheel, struct list *slot, int64_t now_ms)
{
    /* The waiting timers move to a list of this call: what a handler arms into the same slot belongs to
     * a later round, and what it cancels simply leaves this list. */
    struct list waiting;
    list_init(&waiting);
    list_move_all(&waiting, slot);
    struct list *node;
    while ((node = list_take_first(&waiting))) {
        struct wheel_timer *timer = container_of(node, struct wheel_timer, link);
        if (wheel->is_closed) { /* by a handler of this very list */
            timer->due_ms = 0;
            continue;
        }
        if (timer->due_ms > now_ms) {
            list_append(slot, node);
            continue;
        }
        wheel_cancel(wheel, timer);
        timer->fire(timer);
    }
}

void wheel_close(struct wheel *wheel)
{
    if (!wheel || wheel->is_closed)
        return;
    wheel->is_closed = true;
    /* Unlinked, so that an owner who cancels later touches no wheel. */
    for (size_t i = 0; i < WHEEL_SLOTS; i++) {
        struct list *node;
        while ((node = list_take_first(&wheel->slots[i])))
            container_of(node, struct wheel_timer, link)->due_ms = 0;
    }
    uv_timer_stop(&wheel->ticker);
    uv_close((uv_handle_t *)&wheel->ticker, wheel_closed);
}

static void wheel_closed(uv_handle_t *handle)
{
    free(handle->data);
}
