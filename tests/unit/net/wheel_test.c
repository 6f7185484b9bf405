/* Deadlines on one wheel. The clock is the test's own, so that a minute passes at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/scope.h"
#include "net/wheel.h"

static int64_t now_ms = 1000003;

int64_t clock_monotonic_ms(void)
{
    return now_ms;
}

struct world {
    uv_loop_t loop;
    struct wheel *wheel;
};
struct alarm {
    struct wheel_timer timer;
    struct world *world;
    int fired;
    int64_t fired_ms;
    struct alarm *other; /* what a handler acts upon */
};

static void alarm_fire(struct wheel_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm->fired++;
    alarm->fired_ms = now_ms;
    assert_false(wheel_is_armed(timer));
}

static void alarm_init(struct alarm *alarm, struct world *world, void (*fire)(struct wheel_timer *))
{
    *alarm = (struct alarm){.world = world};
    wheel_timer_init(&alarm->timer, fire);
}

static int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    uv_loop_init(&world->loop);
    world->wheel = wheel_open(&world->loop);
    assert_non_null(world->wheel);
    *state = world;
    return 0;
}

static int world_close(void **state)
{
    struct world *world = *state;
    wheel_close(world->wheel);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&world->loop);
    free(world);
    return result;
}

/* Let @passed_ms go by and the wheel turn once. */
static void pass(struct world *world, int64_t passed_ms)
{
    now_ms += passed_ms;
    uv_run(&world->loop, UV_RUN_ONCE);
}

static void a_deadline_comes_once_within_a_tick_and_never_early(void **state)
{
    struct world *world = *state;
    static const int64_t afters_ms[] = {1, 49, 50, 51, 99, 100, 101, 333};
    for (size_t i = 0; i < ARRAY_LENGTH(afters_ms); i++) {
        struct alarm alarm;
        alarm_init(&alarm, world, alarm_fire);
        int64_t armed_ms = now_ms;
        wheel_arm(world->wheel, &alarm.timer, afters_ms[i]);
        assert_true(wheel_is_armed(&alarm.timer));
        while (!alarm.fired)
            pass(world, 37);
        assert_true(alarm.fired_ms >= armed_ms + afters_ms[i]);
        assert_true(alarm.fired_ms <= armed_ms + afters_ms[i] + WHEEL_TICK_MS + 37);
        assert_int_equal(alarm.fired, 1);
    }
}

static void a_deadline_longer_than_a_round_waits_for_its_round(void **state)
{
    struct world *world = *state;
    struct alarm distant, near;
    alarm_init(&distant, world, alarm_fire);
    alarm_init(&near, world, alarm_fire);
    int64_t armed_ms = now_ms;
    wheel_arm(world->wheel, &distant.timer, 180000);
    wheel_arm(world->wheel, &near.timer, 130000);
    while (!near.fired)
        pass(world, 9000);
    assert_int_equal(distant.fired, 0);
    while (!distant.fired)
        pass(world, 9000);
    assert_true(near.fired_ms >= armed_ms + 130000);
    assert_true(distant.fired_ms >= armed_ms + 180000);
    assert_true(distant.fired_ms <= armed_ms + 189000 + WHEEL_TICK_MS);
}

static void a_stall_longer_than_a_round_loses_nothing(void **state)
{
    struct world *world = *state;
    struct alarm alarms[40];
    for (int i = 0; i < 40; i++) {
        alarm_init(&alarms[i], world, alarm_fire);
        wheel_arm(world->wheel, &alarms[i].timer, 100 + i * 3000);
    }
    now_ms += 600000;
    uv_run(&world->loop, UV_RUN_ONCE);
    for (int i = 0; i < 40; i++)
        assert_int_equal(alarms[i].fired, 1);
}

static void a_cancelled_deadline_never_comes(void **state)
{
    struct world *world = *state;
    struct alarm cancelled, other;
    alarm_init(&cancelled, world, alarm_fire);
    alarm_init(&other, world, alarm_fire);
    wheel_arm(world->wheel, &cancelled.timer, 100);
    wheel_arm(world->wheel, &other.timer, 200);
    wheel_cancel(world->wheel, &cancelled.timer);
    wheel_cancel(world->wheel, &cancelled.timer);
    assert_false(wheel_is_armed(&cancelled.timer));
    while (!other.fired)
        pass(world, 50);
    assert_int_equal(cancelled.fired, 0);
}

static void arming_anew_moves_the_deadline(void **state)
{
    struct world *world = *state;
    struct alarm alarm;
    alarm_init(&alarm, world, alarm_fire);
    int64_t armed_ms = now_ms;
    wheel_arm(world->wheel, &alarm.timer, 100);
    wheel_arm(world->wheel, &alarm.timer, 1000);
    while (!alarm.fired)
        pass(world, 50);
    assert_true(alarm.fired_ms >= armed_ms + 1000);
}

static void fire_and_arm_again(struct wheel_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm_fire(timer);
    if (alarm->fired < 5)
        wheel_arm(alarm->world->wheel, timer, 50);
}

static void fire_and_cancel_other(struct wheel_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm_fire(timer);
    wheel_cancel(alarm->world->wheel, &alarm->other->timer);
}

static void fire_and_free(struct wheel_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm->other->fired++;
    free(alarm);
}

static void fire_and_close(struct wheel_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm_fire(timer);
    wheel_close(alarm->world->wheel);
}

static void a_handler_may_arm_again(void **state)
{
    struct world *world = *state;
    struct alarm alarm;
    alarm_init(&alarm, world, fire_and_arm_again);
    wheel_arm(world->wheel, &alarm.timer, 50);
    for (int i = 0; i < 20; i++) {
        struct alarm marker;
        alarm_init(&marker, world, alarm_fire);
        wheel_arm(world->wheel, &marker.timer, 50);
        while (!marker.fired)
            pass(world, 50);
    }
    assert_int_equal(alarm.fired, 5);
}

static void a_handler_may_cancel_one_due_with_it(void **state)
{
    struct world *world = *state;
    struct alarm first, second, marker;
    alarm_init(&first, world, fire_and_cancel_other);
    alarm_init(&second, world, alarm_fire);
    alarm_init(&marker, world, alarm_fire);
    first.other = &second;
    wheel_arm(world->wheel, &first.timer, 100);
    wheel_arm(world->wheel, &second.timer, 100);
    wheel_arm(world->wheel, &marker.timer, 100);
    while (!marker.fired)
        pass(world, 50);
    assert_int_equal(first.fired, 1);
    assert_int_equal(second.fired, 0);
}

static void a_handler_may_free_its_owner(void **state)
{
    struct world *world = *state;
    struct alarm counter;
    alarm_init(&counter, world, alarm_fire);
    for (int i = 0; i < 10; i++) {
        struct alarm *alarm = malloc(sizeof *alarm);
        assert_non_null(alarm);
        alarm_init(alarm, world, fire_and_free);
        alarm->other = &counter;
        wheel_arm(world->wheel, &alarm->timer, 100);
    }
    while (counter.fired < 10)
        pass(world, 50);
}

static void a_closed_wheel_forgets_its_deadlines(void **state)
{
    struct world *world = *state;
    struct alarm closing, same_tick, later;
    alarm_init(&closing, world, fire_and_close);
    alarm_init(&same_tick, world, alarm_fire);
    alarm_init(&later, world, alarm_fire);
    wheel_arm(world->wheel, &closing.timer, 100);
    wheel_arm(world->wheel, &same_tick.timer, 100);
    wheel_arm(world->wheel, &later.timer, 60000);
    now_ms += 200;
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(closing.fired, 1);
    assert_int_equal(same_tick.fired, 0);
    assert_false(wheel_is_armed(&same_tick.timer));
    assert_false(wheel_is_armed(&later.timer));
    wheel_cancel(NULL, &later.timer); /* an owner that leaves later touches no wheel */
    world->wheel = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deadline_comes_once_within_a_tick_and_never_early, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_deadline_longer_than_a_round_waits_for_its_round, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_stall_longer_than_a_round_loses_nothing, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_cancelled_deadline_never_comes, world_open, world_close),
        cmocka_unit_test_setup_teardown(arming_anew_moves_the_deadline, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_handler_may_arm_again, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_handler_may_cancel_one_due_with_it, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_handler_may_free_its_owner, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_closed_wheel_forgets_its_deadlines, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
