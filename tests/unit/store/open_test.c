/* Opening: the lock, the migrations, the copies made before them, and what is refused. */
#include "world.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/db.h"
#include "store/migrate.h"

static const struct migration steps[] = {
    {1, "first", "digest 1", "CREATE TABLE one(id INTEGER PRIMARY KEY); INSERT INTO one VALUES (1);"},
    {2, "second", "digest 2",
     "CREATE TABLE two(id INTEGER PRIMARY KEY, one INTEGER REFERENCES one(id)); INSERT INTO two VALUES (5, "
     "1);"},
    {3, "rebuild", "digest 3",
     "CREATE TABLE new_one(id INTEGER PRIMARY KEY, more TEXT); INSERT INTO new_one(id) SELECT id FROM one;"
     "DROP TABLE one; ALTER TABLE new_one RENAME TO one;"},
};

static int begin(void **state)
{
    static struct world world;
    world_begin(&world);
    *state = &world;
    db_library_start();
    return 0;
}

static int end(void **state)
{
    world_end(*state);
    return 0;
}

static struct db *open_alone(struct world *world)
{
    close(open(world->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    struct db *db = db_open(world->path, DB_WRITER, DB_SYNCHRONOUS_FULL, world->why, WHY_SIZE);
    if (!db)
        fail_msg("%s", world->why);
    return db;
}

static enum status migrate_alone(struct world *world, const struct migration *table, size_t count)
{
    world->why[0] = '\0';
    SCOPED(db_close) struct db *db = open_alone(world);
    enum status status = migrate(db, world->path, table, count, NULL, world->why, WHY_SIZE);
    assert_true((status == STATUS_OK) == (world->why[0] == '\0'));
    return status;
}

static int64_t ask(struct world *world, const char *sql)
{
    SCOPED(db_close) struct db *db = open_alone(world);
    int64_t value = -1;
    assert_int_equal(db_get_int(db, &value, sql, ""), STATUS_OK);
    return value;
}

static bool has_file(struct world *world, const char *ending)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", world->path, ending);
    return access(path, F_OK) == 0;
}

static void expect_why(struct world *world, const char *words)
{
    if (!strstr(world->why, words))
        fail_msg("\"%s\" does not say \"%s\"", world->why, words);
    assert_null(strchr(world->why, '\n'));
}

static void steps_are_applied_once_and_in_order(void **state)
{
    struct world *world = *state;
    assert_int_equal(migrate_alone(world, steps, 1), STATUS_OK);
    assert_false(has_file(world, ".before-0001")); /* there was nothing to copy */
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
    assert_int_equal(ask(world, "SELECT count(*) FROM migration"), 3);
    assert_int_equal(ask(world, "SELECT count(*) FROM two JOIN one ON one.id = two.one"), 1);
    assert_true(ask(world, "SELECT min(applied_at) FROM migration") > 1600000000000);
}

static void a_copy_is_kept_of_what_was_before(void **state)
{
    struct world *world = *state;
    assert_int_equal(migrate_alone(world, steps, 1), STATUS_OK);
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
    assert_true(has_file(world, ".before-0002"));
    assert_false(has_file(world, ".before-0003"));
    assert_false(has_file(world, ".before-0002.part"));
    struct stat seen;
    char copy[512];
    snprintf(copy, sizeof copy, "%s.before-0002", world->path);
    assert_int_equal(stat(copy, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    assert_int_equal(rename(copy, world->path), 0);
    assert_int_equal(ask(world, "SELECT count(*) FROM migration"), 1);
    assert_int_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"), 0);
    /* A start that was cut off behind the copy makes it again. */
    close(open(copy, O_CREAT | O_RDWR, 0600));
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
    assert_int_equal(stat(copy, &seen), 0);
    assert_true(seen.st_size > 0);
}

static void a_step_that_fails_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct migration broken[] = {steps[0], {2, "broken", "d", "CREATE TABLE half(id); INSERT INTO nowhere VALUES (1)"}};
    assert_int_not_equal(migrate_alone(world, broken, 2), STATUS_OK);
    expect_why(world, "0002-broken");
    expect_why(world, "nowhere");
    assert_int_equal(ask(world, "SELECT max(number) FROM migration"), 1);
    assert_int_equal(ask(world, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
}

static void a_step_that_breaks_references_is_undone(void **state)
{
    struct world *world = *state;
    struct migration broken[] = {steps[0], steps[1], {3, "broken", "d", "DELETE FROM one"}};
    assert_int_equal(migrate_alone(world, broken, 3), STATUS_CONFLICT);
    expect_why(world, "table two");
    assert_int_equal(ask(world, "SELECT count(*) FROM one"), 1);
}

static void a_step_must_not_end_its_transaction(void **state)
{
    struct world *world = *state;
    struct migration broken[] = {{1, "broken", "d", "CREATE TABLE one(id); COMMIT; CREATE TABLE two(id)"}};
    assert_int_not_equal(migrate_alone(world, broken, 1), STATUS_OK);
    expect_why(world, "transaction");
}

static void a_newer_data_base_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(migrate_alone(world, steps, 3), STATUS_OK);
    assert_int_equal(migrate_alone(world, steps, 2), STATUS_PRECONDITION);
    expect_why(world, "newer than this program");
    expect_why(world, "0003");
    expect_why(world, "0002");
}

static void a_store_refuses_a_newer_data_base(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world), STATUS_OK);
    struct step future = {.body = run_text, .text = "INSERT INTO migration VALUES (9999, 'future', '', 0)"};
    assert_int_equal(world_write_now(world, &future), STATUS_OK);
    world_close(world);
    assert_int_not_equal(world_open(world), STATUS_OK);
    assert_null(world->store);
    expect_why(world, "newer than this program");
}

static void a_step_that_was_changed_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(migrate_alone(world, steps, 2), STATUS_OK);
    struct migration changed[] = {steps[0], {2, "second", "another digest", "SELECT 1"}};
    assert_int_equal(migrate_alone(world, changed, 2), STATUS_PRECONDITION);
    expect_why(world, "0002-second");
}

static void the_data_base_of_another_program_is_refused(void **state)
{
    struct world *world = *state;
    db_close(open_alone(world));
    struct db *db = open_alone(world);
    assert_int_equal(db_run(db, "CREATE TABLE theirs(id)", ""), STATUS_OK);
    db_close(db);
    assert_int_not_equal(world_open(world), STATUS_OK);
    expect_why(world, "another program");
}

static void a_damaged_file_is_refused_and_left_alone(void **state)
{
    struct world *world = *state;
    FILE *file = fopen(world->path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a data base ", file);
    fclose(file);
    assert_int_not_equal(world_open(world), STATUS_OK);
    expect_why(world, "damaged or not a data base");
    struct stat seen;
    assert_int_equal(stat(world->path, &seen), 0);
    assert_int_equal(seen.st_size, 16000);
}

static void a_missing_folder_is_named(void **state)
{
    struct world *world = *state;
    struct store_options options = world_options(world);
    options.path = "/nowhere/at/all/data";
    assert_int_not_equal(world_open_with(world, &options), STATUS_OK);
    expect_why(world, "/nowhere/at/all");
    expect_why(world, "folder");
}

static void one_process_at_a_time(void **state)
{
    struct world *world = *state;
    char link_path[512], pid[32];
    assert_int_equal(world_open(world), STATUS_OK);
    snprintf(link_path, sizeof link_path, "%s.link", world->path);
    snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    assert_int_equal(symlink(world->path, link_path), 0);
    const char *paths[] = {world->path, link_path};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct store *second = NULL;
        struct store_options options = world_options(world);
        options.path = paths[i];
        assert_int_not_equal(store_open(&options, &world->loop, &second, world->why, WHY_SIZE), STATUS_OK);
        assert_null(second);
        expect_why(world, "in use by another parley");
        expect_why(world, pid);
    }
    world_close(world);
    /* What a process that was killed leaves behind locks nobody out. */
    assert_true(has_file(world, ".lock"));
    assert_int_equal(world_open(world), STATUS_OK);
}

static void files_are_nobody_elses_to_read(void **state)
{
    struct world *world = *state;
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    mode_t before = umask(0);
    assert_int_equal(world_open(world), STATUS_OK);
    umask(before);
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        char path[512];
        struct stat seen;
        snprintf(path, sizeof path, "%s%s", world->path, endings[i]);
        assert_int_equal(stat(path, &seen), 0);
        assert_int_equal(seen.st_mode & 0777, 0600);
    }
}

static void data_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_open(world), STATUS_OK);
    world_make_notes(world);
    struct step write = {.body = insert_note, .number = 1};
    assert_int_equal(world_write_now(world, &write), STATUS_OK);
    world_close(world);
    assert_false(has_file(world, "-wal")); /* all is in the one file */
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(world_count_notes(world), 1);
}

struct copy {
    struct step step;
    char why[WHY_SIZE];
};

static enum status make_copy(struct step *step, struct db *db)
{
    struct copy *copy = (struct copy *)step;
    enum status status = db_get_int(db, &step->number, "SELECT count(*) FROM note", "");
    if (status == STATUS_OK && step->reached)
        pass_gate(step, db);
    return status == STATUS_OK ? store_backup(db, step->text, copy->why, sizeof copy->why) : status;
}

static void a_backup_is_one_snapshot_of_a_store_in_use(void **state)
{
    struct world *world = *state;
    char path[512];
    uv_sem_t reached, go;
    uv_sem_init(&reached, 0);
    uv_sem_init(&go, 0);
    snprintf(path, sizeof path, "%s.copy", world->path);
    assert_int_equal(world_open(world), STATUS_OK);
    world_make_notes(world);
    struct step first = {.body = insert_note, .number = 1}, second = {.body = insert_note, .number = 2};
    struct copy copy = {.step = {.body = make_copy, .text = path, .reached = &reached, .go = &go}};
    assert_int_equal(world_write_now(world, &first), STATUS_OK);
    world_read(world, &copy.step);
    uv_sem_wait(&reached);
    world_write(world, &second);
    while (second.done_place == 0)
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_sem_post(&go);
    world_run(world);
    assert_int_equal(second.job.status, STATUS_OK);
    assert_int_equal(copy.step.job.status, STATUS_OK);

    /* Never over what is there. */
    copy.step.reached = NULL;
    assert_int_equal(world_read_now(world, &copy.step), STATUS_CONFLICT);
    assert_non_null(strstr(copy.why, "exists"));
    world_close(world);
    assert_int_equal(rename(path, world->path), 0);
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(world_count_notes(world), 1);
    uv_sem_destroy(&reached);
    uv_sem_destroy(&go);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(steps_are_applied_once_and_in_order),
        TEST(a_copy_is_kept_of_what_was_before),
        TEST(a_step_that_fails_leaves_nothing),
        TEST(a_step_that_breaks_references_is_undone),
        TEST(a_step_must_not_end_its_transaction),
        TEST(a_newer_data_base_is_refused),
        TEST(a_store_refuses_a_newer_data_base),
        TEST(a_step_that_was_changed_is_refused),
        TEST(the_data_base_of_another_program_is_refused),
        TEST(a_damaged_file_is_refused_and_left_alone),
        TEST(a_missing_folder_is_named),
        TEST(one_process_at_a_time),
        TEST(files_are_nobody_elses_to_read),
        TEST(data_is_there_after_a_restart),
        TEST(a_backup_is_one_snapshot_of_a_store_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
