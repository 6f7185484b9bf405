/* How jobs travel: groups, order, refusals, snapshots and closing. */
#include "world.h"
#include <stdio.h>
#include <string.h>
#include "store/db.h"

#define MANY 100

/* A gate that keeps the writer busy, so that what is handed over behind it becomes one group. */
struct gate {
    struct step step;
    uv_sem_t reached, go;
};

static void gate_begin(struct gate *gate)
{
    uv_sem_init(&gate->reached, 0);
    uv_sem_init(&gate->go, 0);
    gate->step = (struct step){.body = pass_gate, .reached = &gate->reached, .go = &gate->go};
}

static void gate_shut(struct gate *gate, struct world *world)
{
    gate_begin(gate);
    world_write(world, &gate->step);
    uv_sem_wait(&gate->reached);
}

static void gate_open(struct gate *gate)
{
    uv_sem_post(&gate->go);
}

static void gate_end(struct gate *gate)
{
    uv_sem_destroy(&gate->reached);
    uv_sem_destroy(&gate->go);
}

static int begin(void **state)
{
    static struct world world;
    world_begin(&world);
    *state = &world;
    assert_int_equal(world_open(&world), STATUS_OK);
    world_make_notes(&world);
    return 0;
}

static int end(void **state)
{
    world_end(*state);
    return 0;
}

static void waiting_writes_are_one_transaction_and_end_in_their_order(void **state)
{
    struct world *world = *state;
    static struct step steps[MANY];
    struct gate gate;
    struct store_stats before, after;
    gate_shut(&gate, world);
    store_stats(world->store, &before);
    for (int i = 0; i < MANY; i++) {
        steps[i] = (struct step){.body = insert_note, .number = i + 1};
        world_write(world, &steps[i]);
    }
    gate_open(&gate);
    world_run(world);

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(steps[i].job.status, STATUS_OK);
        assert_int_equal(steps[i].done_place, gate.step.done_place + 1 + (unsigned)i);
    }
    store_stats(world->store, &after);
    assert_int_equal(after.groups - before.groups, 2); /* the gate's and ours */
    assert_int_equal(after.group_writes_last, MANY);
    assert_int_equal(world_count_notes(world), MANY);
    gate_end(&gate);
}

static void a_group_has_at_most_the_size_that_is_set(void **state)
{
    struct world *world = *state;
    world_close(world);
    struct store_options options = world_options(world);
    options.group_max = 10;
    assert_int_equal(world_open_with(world, &options), STATUS_OK);
    struct gate gate;
    static struct step steps[25];
    struct store_stats stats;
    gate_shut(&gate, world);
    for (int i = 0; i < 25; i++) {
        steps[i] = (struct step){.body = insert_note, .number = i + 1};
        world_write(world, &steps[i]);
    }
    gate_open(&gate);
    world_run(world);

    store_stats(world->store, &stats);
    assert_int_equal(stats.groups, 4); /* the gate, 10, 10, 5 */
    assert_int_equal(stats.group_writes_last, 5);
    for (int i = 1; i < 25; i++)
        assert_int_equal(steps[i].done_place, steps[i - 1].done_place + 1);
    gate_end(&gate);
}

static enum status insert_and_forbid(struct step *step, struct db *db)
{
    enum status status = insert_note(step, db);
    return status == STATUS_OK ? STATUS_FORBIDDEN : status;
}

static void a_job_that_fails_is_rolled_back_alone(void **state)
{
    struct world *world = *state;
    struct step first = {.body = insert_note, .number = 1};
    struct step second = {.body = insert_and_forbid, .number = 2};
    struct step third = {.body = insert_note, .number = 3};
    struct gate gate;
    gate_shut(&gate, world);
    world_write(world, &first);
    world_write(world, &second);
    world_write(world, &third);
    gate_open(&gate);
    world_run(world);

    assert_int_equal(first.job.status, STATUS_OK);
    assert_int_equal(second.job.status, STATUS_FORBIDDEN);
    assert_int_equal(third.job.status, STATUS_OK);
    assert_int_equal(world_count_notes(world), 2);
    /* By itself too, where its rollback is the transaction's. */
    assert_int_equal(world_write_now(world, &second), STATUS_FORBIDDEN);
    assert_int_equal(world_count_notes(world), 2);
    gate_end(&gate);
}

static void a_constraint_is_a_conflict(void **state)
{
    struct world *world = *state;
    struct step first = {.body = insert_note, .number = 1, .text = "same"};
    struct step second = {.body = insert_note, .number = 2, .text = "same"};
    struct gate gate;
    gate_shut(&gate, world);
    world_write(world, &first);
    world_write(world, &second);
    gate_open(&gate);
    world_run(world);

    assert_int_equal(first.job.status, STATUS_OK);
    assert_int_equal(second.job.status, STATUS_CONFLICT);
    assert_int_equal(world_write_now(world, &second), STATUS_CONFLICT);
    struct step orphan = {.body = run_text, .text = "INSERT INTO group_member VALUES (77, 88)"};
    assert_int_equal(world_write_now(world, &orphan), STATUS_CONFLICT);
    struct store_stats stats;
    store_stats(world->store, &stats);
    assert_true(stats.is_writable);
    assert_int_equal(stats.faults, 0);
    gate_end(&gate);
}

static void a_constraint_that_commit_finds_fails_its_job_alone(void **state)
{
    struct world *world = *state;
    struct step make = {.body = run_text,
                        .text = "CREATE TABLE later(id INTEGER PRIMARY KEY, note INTEGER "
                                "REFERENCES note(id) DEFERRABLE INITIALLY DEFERRED) STRICT"};
    assert_int_equal(world_write_now(world, &make), STATUS_OK);
    struct step good = {.body = insert_note, .number = 1};
    struct step bad = {.body = run_text, .text = "INSERT INTO later(note) VALUES (99)"};
    struct step other = {.body = insert_note, .number = 2};
    struct gate gate;
    gate_shut(&gate, world);
    world_write(world, &good);
    world_write(world, &bad);
    world_write(world, &other);
    gate_open(&gate);
    world_run(world);

    assert_int_equal(good.job.status, STATUS_OK);
    assert_int_equal(bad.job.status, STATUS_CONFLICT);
    assert_int_equal(other.job.status, STATUS_OK);
    assert_true(good.done_place < bad.done_place && bad.done_place < other.done_place);
    assert_int_equal(world_count_notes(world), 2);
    gate_end(&gate);
}

static void a_full_queue_says_busy_but_not_at_once(void **state)
{
    struct world *world = *state;
    world_close(world);
    struct store_options options = world_options(world);
    options.queue_jobs_max = 2;
    assert_int_equal(world_open_with(world, &options), STATUS_OK);
    struct step steps[3];
    struct gate gate;
    struct store_stats stats;
    gate_shut(&gate, world);
    for (int i = 0; i < 3; i++) {
        steps[i] = (struct step){.body = insert_note, .number = i + 1};
        world_write(world, &steps[i]);
        assert_int_equal(steps[i].done_place, 0);
    }
    store_stats(world->store, &stats);
    assert_int_equal(stats.queue_jobs, 2);
    while (steps[2].done_place == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    assert_int_equal(steps[2].job.status, STATUS_BUSY);
    assert_int_equal(steps[0].done_place, 0); /* the writer is still at the gate */
    gate_open(&gate);
    world_run(world);

    assert_int_equal(steps[0].job.status, STATUS_OK);
    assert_int_equal(steps[1].job.status, STATUS_OK);
    assert_int_equal(world_count_notes(world), 2);
    gate_end(&gate);
}

static void closing_finishes_what_is_queued(void **state)
{
    struct world *world = *state;
    static struct step steps[MANY];
    struct step read = {.body = get_text, .text = "SELECT 7"};
    struct gate gate;
    gate_shut(&gate, world);
    for (int i = 0; i < MANY; i++) {
        steps[i] = (struct step){.body = insert_note, .number = i + 1};
        world_write(world, &steps[i]);
    }
    world_read(world, &read);
    gate_open(&gate);
    store_close(TAKE(world->store));

    for (int i = 0; i < MANY; i++) {
        assert_true(steps[i].done_place > 0);
        assert_int_equal(steps[i].job.status, STATUS_OK);
    }
    assert_int_equal(read.number, 7);
    world_run(world);
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(world_count_notes(world), MANY);
    gate_end(&gate);
}

static struct step late;
static void hand_over_another(struct store_job *job)
{
    world_write(((struct step *)job)->world, &late);
}

static void what_comes_during_closing_is_refused(void **state)
{
    struct world *world = *state;
    struct step early = {.body = insert_note, .number = 1};
    late = (struct step){.body = insert_note, .number = 2};
    struct store *store = world->store;
    world_write(world, &early);
    early.job.done = hand_over_another;
    store_close(store);
    world->store = NULL;
    world_run(world);

    assert_int_equal(early.job.status, STATUS_OK);
    assert_int_equal(late.job.status, STATUS_UNAVAILABLE);
    assert_true(late.done_place > 0);
}

struct snapshot {
    struct step step;
    int64_t before, after;
};

static enum status count_twice(struct step *step, struct db *db)
{
    struct snapshot *snapshot = (struct snapshot *)step;
    enum status status = db_get_int(db, &snapshot->before, "SELECT count(*) FROM note", "");
    pass_gate(step, db);
    return status == STATUS_OK ? db_get_int(db, &snapshot->after, "SELECT count(*) FROM note", "") : status;
}

static void a_read_sees_one_snapshot(void **state)
{
    struct world *world = *state;
    struct gate gate;
    gate_begin(&gate);
    struct snapshot snapshot = {.step = gate.step};
    snapshot.step.body = count_twice;
    struct step write = {.body = insert_note, .number = 1};
    world_read(world, &snapshot.step);
    uv_sem_wait(&gate.reached);
    world_write(world, &write);
    while (write.done_place == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    gate_open(&gate);
    world_run(world);

    assert_int_equal(write.job.status, STATUS_OK);
    assert_int_equal(snapshot.before, 0);
    assert_int_equal(snapshot.after, 0);
    assert_int_equal(world_count_notes(world), 1);
    gate_end(&gate);
}

static enum status read_for_ever(struct step *step, struct db *db)
{
    /* As if the time had run out: nobody wants to wait for it here. */
    db->deadline_ms = 1;
    return db_get_int(db, &step->number,
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", "");
}

static void a_read_past_its_time_is_stopped(void **state)
{
    struct world *world = *state;
    struct step read = {.body = read_for_ever};
    assert_int_equal(world_read_now(world, &read), STATUS_UNAVAILABLE);
    /* Both readers still work afterwards. */
    assert_int_equal(world_count_notes(world), 0);
    assert_int_equal(world_count_notes(world), 0);
}

static enum status tell_deadline(struct step *step, struct db *db)
{
    step->number = db->deadline_ms;
    return STATUS_OK;
}

static void a_read_has_a_deadline(void **state)
{
    struct step read = {.body = tell_deadline};
    assert_int_equal(world_read_now(*state, &read), STATUS_OK);
    assert_true(read.number > 0);
}

static void a_read_cannot_write(void **state)
{
    struct world *world = *state;
    struct step read = {.body = insert_note, .number = 1};
    assert_int_equal(world_read_now(world, &read), STATUS_UNAVAILABLE);
    assert_int_equal(world_count_notes(world), 0);
}

static enum status raise_acl_version(struct step *step, struct db *db)
{
    db_acl_changed(db);
    step->number = (int64_t)db_acl_version(db);
    return STATUS_OK;
}

static void changed_permissions_have_a_new_version(void **state)
{
    struct world *world = *state;
    uint64_t before = store_acl_version(world->store);
    struct step write = {.body = raise_acl_version};
    assert_int_equal(world_write_now(world, &write), STATUS_OK);
    assert_int_equal(write.number, before + 1);
    assert_int_equal(store_acl_version(world->store), before + 1);
}

static void a_store_in_memory_is_shared_by_its_threads_and_by_nobody_else(void **state)
{
    struct world *world = *state;
    world_close(world);
    struct store_options options = world_options(world);
    options.path = ":memory:";
    for (int round = 0; round < 2; round++) {
        assert_int_equal(world_open_with(world, &options), STATUS_OK);
        world_make_notes(world);
        struct step write = {.body = insert_note, .number = 1};
        assert_int_equal(world_write_now(world, &write), STATUS_OK);
        assert_int_equal(world_count_notes(world), 1);
        world_close(world);
    }
}

static void many_readers_and_writers_lose_nothing(void **state)
{
    struct world *world = *state;
    static struct step writes[500], reads[500];
    for (int i = 0; i < 500; i++) {
        writes[i] = (struct step){.body = insert_note, .number = i + 1};
        reads[i] = (struct step){.body = get_text, .text = "SELECT count(*) FROM note"};
        world_write(world, &writes[i]);
        world_read(world, &reads[i]);
        if (i % 7 == 0)
            uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    world_run(world);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(writes[i].job.status, STATUS_OK);
        assert_int_equal(reads[i].job.status, STATUS_OK);
    }
    assert_int_equal(world_count_notes(world), 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(waiting_writes_are_one_transaction_and_end_in_their_order),
        TEST(a_group_has_at_most_the_size_that_is_set),
        TEST(a_job_that_fails_is_rolled_back_alone),
        TEST(a_constraint_is_a_conflict),
        TEST(a_constraint_that_commit_finds_fails_its_job_alone),
        TEST(a_full_queue_says_busy_but_not_at_once),
        TEST(closing_finishes_what_is_queued),
        TEST(what_comes_during_closing_is_refused),
        TEST(a_read_sees_one_snapshot),
        TEST(a_read_past_its_time_is_stopped),
        TEST(a_read_has_a_deadline),
        TEST(a_read_cannot_write),
        TEST(changed_permissions_have_a_new_version),
        TEST(a_store_in_memory_is_shared_by_its_threads_and_by_nobody_else),
        TEST(many_readers_and_writers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
