/* Grants that end by themselves: no sooner and no later than said, in memory, for open subscriptions and in the record.
 */
#include <stdlib.h>
#include <string.h>
#include "ground.h"
#include "lib/clock.h"

static void the_end_is_shown_and_must_lie_ahead(void **state)
{
    struct world *world = *state;
    char until[40];
    strcpy(until, moment(3600000));
    struct answer *answer = ask(world, shell(), "grant.create",
                                "{'subject':'user:ann','model':'news','rights':['read'],'until':'%s'}", until);
    assert_int_equal(answer->status, STATUS_CREATED);
    assert_string_equal(look_text(answer->json, "until"), until);
    assert_string_equal(look_text(ask(world, shell(), "grant.list", "{}")->json, "items.0.until"), until);
    assert_string_equal(look_text(ask(world, shell(), "audit.list", "{}")->json, "items.0.detail.until"), until);

    strcpy(until, moment(-1));
    const char *const wrong[] = {until, "tomorrow", "2026-13-01T00:00:00Z", "2099-01-01", ""};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct answer *no = ask(world, shell(), "grant.create",
                                "{'subject':'user:ann','model':'news','rights':['read'],'until':'%s'}", wrong[i]);
        assert_int_equal(no->status, STATUS_INVALID);
        assert_non_null(strstr(no->errors, "/until"));
    }
}

/* The right to read news, which ends soon and has not ended yet. If it had ended before it could be looked at, again
 * with twice the time. Returns how often the person has been told of rights. */
static size_t may_read_for(struct world *world, int64_t user_id, int64_t after_ms)
{
    for (;; after_ms *= 2) {
        assert_true(after_ms < 60000);
        size_t told = hub_count(&app(world)->hub, NOTE_PUBLISH, user_id);
        int64_t until_ms = clock_wall_ms() + after_ms; /* or a little later */
        struct answer *answer =
            ask(world, shell(), "grant.create", "{'subject':'user:%lld','model':'news','rights':['read'],'until':'%s'}",
                (long long)user_id, moment(after_ms));
        bool is_created = answer->status == STATUS_CREATED;
        if (is_created && rights(world, user_id, "news") & RIGHT_READ)
            return told + 1;
        assert_int_equal(answer->status, is_created ? STATUS_CREATED : STATUS_INVALID);
        assert_true(clock_wall_ms() >= until_ms);
        while (is_created && hub_count(&app(world)->hub, NOTE_PUBLISH, user_id) < told + 2)
            uv_run(&world->loop, UV_RUN_ONCE);
    }
}

/* Waits for what the timer does: an entry in the record, and memory behind it. */
static void what_ended_is_gone_everywhere(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['write'],'until':'%s'}",
             moment(3600000)));
    size_t told = may_read_for(world, app(world)->ann, 200);
    size_t rechecks = hub_count(&app(world)->hub, NOTE_RECHECK, 0);

    while (hub_count(&app(world)->hub, NOTE_PUBLISH, app(world)->ann) == told)
        uv_run(&world->loop, UV_RUN_ONCE);

    assert_int_equal(rights(world, app(world)->ann, "news"), RIGHT_WRITE);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_RECHECK, 0), rechecks + 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 1);
    struct answer *audit = ask(world, shell(), "audit.list", "{'limit':1}");
    assert_string_equal(look_text(audit->json, "items.0.action"), "expired");
    assert_string_equal(look_text(audit->json, "items.0.name"), "server");
    assert_string_equal(look_text(audit->json, "items.0.detail.before.0"), "read");
}

/* A group of the writer that has not come to the removal yet. */
static void memory_says_no_even_while_the_writer_is_busy(void **state)
{
    struct world *world = *state;
    may_read_for(world, app(world)->ann, 200);
    size_t rechecks = hub_count(&app(world)->hub, NOTE_RECHECK, 0);
    world_hold(world);

    while (hub_count(&app(world)->hub, NOTE_RECHECK, 0) == rechecks)
        uv_run(&world->loop, UV_RUN_ONCE);

    assert_int_equal(rights(world, app(world)->ann, "news"), 0);
    world_release(world);
    world_run(world);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 0);
}

static void a_longer_grant_made_in_time_stays(void **state)
{
    struct world *world = *state;
    may_read_for(world, app(world)->ann, 200);
    made(ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read']}"));
    size_t told = may_read_for(world, app(world)->bob, 200);

    while (hub_count(&app(world)->hub, NOTE_PUBLISH, app(world)->bob) == told)
        uv_run(&world->loop, UV_RUN_ONCE);

    assert_int_equal(rights(world, app(world)->ann, "news"), RIGHT_READ);
    assert_int_equal(rights(world, app(world)->bob, "news"), 0);
}

static void what_ended_meanwhile_is_removed_before_anything_is_served(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read']}"));
    made(ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['write']}"));
    world_run_sql(world, "UPDATE \"grant\" SET until = 1 WHERE user_id = 1");

    ground_restart(world);

    assert_int_equal(rights(world, app(world)->ann, "news"), 0);
    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_WRITE);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit WHERE action = 'expired'"), 1);
}

/* More than one transaction takes. */
static void many_ends_at_once_are_all_seen_to(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) "
                         "INSERT INTO \"group\"(id, name, created_at) SELECT i, 'group' || i, 0 FROM n");
    world_run_sql(world, "INSERT INTO \"grant\"(subject, group_id, model, rights, until, created_at) "
                         "SELECT 'group', id, 'news', 1, 1, 0 FROM \"group\"");

    ground_restart(world);
    while (world_get_int(world, "SELECT count(*) FROM \"grant\"") > 0)
        uv_run(&world->loop, UV_RUN_ONCE);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit WHERE action = 'expired'"), 450);
}

static void nobody_else_can_start_a_removal(void **state)
{
    struct world *world = *state;
    struct request *request = dispatch_request(world->dispatch, "grant.expire");
    assert_int_equal(request->route->flags, ROUTE_NODE);
    request_free(request);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_open, ground_close)
    const struct CMUnitTest tests[] = {
        TEST(the_end_is_shown_and_must_lie_ahead),
        TEST(what_ended_is_gone_everywhere),
        TEST(memory_says_no_even_while_the_writer_is_busy),
        TEST(a_longer_grant_made_in_time_stays),
        TEST(what_ended_meanwhile_is_removed_before_anything_is_served),
        TEST(many_ends_at_once_are_all_seen_to),
        TEST(nobody_else_can_start_a_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
