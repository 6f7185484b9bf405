/* Restoring: a backup takes the place of the data base, or everything stays as it was. */
#include "world.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/db.h"

struct place {
    struct world world;
    char backup[320];
};

static enum status mark(void *context, struct db *db, char *why, size_t why_size)
{
    (void)context, (void)why, (void)why_size;
    return db_run(db, "INSERT INTO note(id, text) VALUES (100, 'restored')", "");
}

static enum status complain(void *context, struct db *db, char *why, size_t why_size)
{
    (void)mark(context, db, why, why_size);
    snprintf(why, why_size, "it does not please");
    return STATUS_PRECONDITION;
}

static const struct store_prepare marking = {.work = mark}, complaining = {.work = complain};

static enum status make_backup(struct step *step, struct db *db)
{
    return store_backup(db, step->text, step->world->why, WHY_SIZE);
}

/* A backup with the note 1, beside a data base with 1 and 2. */
static int begin(void **state)
{
    static struct place place;
    struct world *world = &place.world;
    world_begin(world);
    snprintf(place.backup, sizeof place.backup, "%s/backup", world->dir);
    assert_int_equal(world_open(world), STATUS_OK);
    world_make_notes(world);
    struct step first = {.body = insert_note, .number = 1}, second = {.body = insert_note, .number = 2};
    struct step copy = {.body = make_backup, .text = place.backup};
    assert_int_equal(world_write_now(world, &first), STATUS_OK);
    assert_int_equal(world_read_now(world, &copy), STATUS_OK);
    assert_int_equal(world_write_now(world, &second), STATUS_OK);
    world_close(world);
    *state = &place;
    return 0;
}

static int end(void **state)
{
    struct place *place = *state;
    world_end(&place->world);
    return 0;
}

static enum status restore(struct place *place, bool is_forced, const struct store_prepare *prepare)
{
    struct world *world = &place->world;
    world->why[0] = '\0';
    enum status status = store_restore(world->path, place->backup, is_forced, prepare, world->why, WHY_SIZE);
    if ((status == STATUS_OK) != (world->why[0] == '\0') || strchr(world->why, '\n'))
        fail_msg("status %d: \"%s\"", (int)status, world->why);
    return status;
}

static void expect_why(struct place *place, const char *words)
{
    if (!strstr(place->world.why, words))
        fail_msg("\"%s\" does not say \"%s\"", place->world.why, words);
}

/* How many notes the file at @ending has; -1: it is not there. */
static int64_t count_notes(struct place *place, const char *ending)
{
    char path[400], why[WHY_SIZE];
    int64_t count = -1;
    snprintf(path, sizeof path, "%s%s", place->world.path, ending);
    SCOPED(db_close) struct db *db = db_open(path, DB_WRITER, DB_SYNCHRONOUS_OFF, why, sizeof why);
    if (db)
        assert_int_equal(db_get_int(db, &count, "SELECT count(*) FROM note", ""), STATUS_OK);
    return count;
}

static void expect_unchanged(struct place *place)
{
    char path[400];
    assert_int_equal(count_notes(place, ""), 2);
    snprintf(path, sizeof path, "%s.restore", place->world.path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(count_notes(place, ".before-restore"), -1);
}

static void run_on(const char *path, const char *sql)
{
    char why[WHY_SIZE];
    SCOPED(db_close) struct db *db = db_open(path, DB_WRITER, DB_SYNCHRONOUS_OFF, why, sizeof why);
    assert_non_null(db);
    assert_int_equal(db_run(db, sql, ""), STATUS_OK);
}

static void a_backup_takes_the_place_of_what_was_there(void **state)
{
    struct place *place = *state;
    struct stat seen;
    assert_int_equal(restore(place, false, &marking), STATUS_OK);
    assert_int_equal(count_notes(place, ""), 2); /* its own, and the mark */
    assert_int_equal(count_notes(place, ".before-restore"), 2);
    assert_int_equal(stat(place->world.path, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    assert_int_equal(world_open(&place->world), STATUS_OK);
    struct step ask = {.body = get_text, .text = "SELECT group_concat(id) = '1,100' FROM note"};
    assert_int_equal(world_read_now(&place->world, &ask), STATUS_OK);
    assert_int_equal(ask.number, 1);
}

static void what_is_only_in_the_log_is_kept_and_not_mixed_in(void **state)
{
    struct place *place = *state;
    struct world *world = &place->world;
    char copy[400], command[1600];
    /* As a crash leaves it: committed in the log, not in the file yet. */
    assert_int_equal(world_open(world), STATUS_OK);
    struct step third = {.body = insert_note, .number = 3};
    assert_int_equal(world_write_now(world, &third), STATUS_OK);
    snprintf(copy, sizeof copy, "%s/kept", world->dir);
    snprintf(command, sizeof command, "cp '%s' '%s' && cp '%s-wal' '%s-wal'", world->path, copy, world->path, copy);
    assert_int_equal(system(command), 0);
    world_close(world);
    snprintf(command, sizeof command, "mv '%s' '%s' && mv '%s-wal' '%s-wal'", copy, world->path, copy, world->path);
    assert_int_equal(system(command), 0);

    assert_int_equal(restore(place, false, &marking), STATUS_OK);

    assert_int_equal(count_notes(place, ""), 2);
    assert_int_equal(count_notes(place, ".before-restore"), 3);
}

/* A log without its file: the data base was deleted or lost behind a crash. */
static void a_log_whose_data_base_is_gone_is_kept_and_not_mixed_in(void **state)
{
    struct place *place = *state;
    struct world *world = &place->world;
    char command[1600];
    struct stat log;
    assert_int_equal(world_open(world), STATUS_OK);
    struct step third = {.body = insert_note, .number = 3};
    assert_int_equal(world_write_now(world, &third), STATUS_OK);
    snprintf(command, sizeof command, "cp '%s-wal' '%s/log'", world->path, world->dir);
    assert_int_equal(system(command), 0);
    world_close(world);
    snprintf(command, sizeof command, "rm '%s' && mv '%s/log' '%s-wal'", world->path, world->dir, world->path);
    assert_int_equal(system(command), 0);

    assert_int_equal(restore(place, false, &marking), STATUS_OK);

    snprintf(command, sizeof command, "%s.before-restore-wal", world->path);
    assert_int_equal(stat(command, &log), 0);
    assert_int_equal(count_notes(place, ""), 2); /* its own, and the mark */
    assert_int_equal(restore(place, false, &marking), STATUS_CONFLICT);
    expect_why(place, "--force");
}

static void a_damaged_data_base_can_be_replaced(void **state)
{
    struct place *place = *state;
    FILE *file = fopen(place->world.path, "w");
    fputs("no data base any more, which is why somebody restores", file);
    fclose(file);
    assert_int_equal(restore(place, false, &marking), STATUS_OK);
    assert_int_equal(count_notes(place, ""), 2);
}

static void a_backup_can_be_the_first_data_base(void **state)
{
    struct place *place = *state;
    unlink(place->world.path);
    assert_int_equal(restore(place, false, &marking), STATUS_OK);
    assert_int_equal(count_notes(place, ""), 2);
    assert_int_equal(count_notes(place, ".before-restore"), -1);
}

static void what_was_kept_is_only_replaced_by_force(void **state)
{
    struct place *place = *state;
    assert_int_equal(restore(place, false, &marking), STATUS_OK);
    run_on(place->world.path, "DELETE FROM note");
    assert_int_equal(restore(place, false, &marking), STATUS_CONFLICT);
    expect_why(place, "--force");
    assert_int_equal(count_notes(place, ""), 0);
    assert_int_equal(count_notes(place, ".before-restore"), 2);
    assert_int_equal(restore(place, true, &marking), STATUS_OK);
    assert_int_equal(count_notes(place, ".before-restore"), 0);
}

static void a_data_base_in_use_is_left_alone(void **state)
{
    struct place *place = *state;
    assert_int_equal(world_open(&place->world), STATUS_OK);
    assert_int_equal(restore(place, true, &marking), STATUS_CONFLICT);
    expect_why(place, "in use by another parley");
    world_close(&place->world);
    expect_unchanged(place);
}

static void a_bad_backup_is_refused_and_nothing_changes(void **state)
{
    struct place *place = *state;
    run_on(place->backup, "INSERT INTO migration VALUES (9999, 'future', '', 0)");
    assert_int_equal(restore(place, true, &marking), STATUS_PRECONDITION);
    expect_why(place, "newer than this program");
    run_on(place->backup, "DROP TABLE migration");
    assert_int_equal(restore(place, true, &marking), STATUS_PRECONDITION);
    expect_why(place, "not a data base of Parley");
    /* Enough of it that it opens. */
    assert_int_equal(truncate(place->backup, 8192), 0);
    assert_int_equal(restore(place, true, &marking), STATUS_PRECONDITION);
    expect_why(place, "damaged");
    unlink(place->backup);
    assert_int_equal(restore(place, true, &marking), STATUS_PRECONDITION);
    expect_why(place, "cannot read");
    expect_unchanged(place);
}

static void a_backup_with_a_damaged_page_is_refused(void **state)
{
    struct place *place = *state;
    char page[4096];
    struct stat seen;
    memset(page, 0xa5, sizeof page);
    assert_int_equal(stat(place->backup, &seen), 0);
    int file = open(place->backup, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, page, sizeof page, seen.st_size - (off_t)sizeof page), sizeof page);
    close(file);
    assert_int_equal(restore(place, true, &(struct store_prepare){0}), STATUS_PRECONDITION);
    expect_why(place, "damaged");
    expect_unchanged(place);
}

static void what_fails_before_the_change_leaves_nothing_behind(void **state)
{
    struct place *place = *state;
    assert_int_equal(restore(place, true, &complaining), STATUS_PRECONDITION);
    expect_why(place, "it does not please");
    expect_unchanged(place);
    /* What one that was cut off has left is not in the way. */
    char path[400];
    snprintf(path, sizeof path, "%s.restore", place->world.path);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(restore(place, false, &marking), STATUS_OK);
}

static void a_data_base_that_somebody_writes_to_is_no_backup(void **state)
{
    struct place *place = *state;
    char path[400];
    snprintf(path, sizeof path, "%s-wal", place->backup);
    FILE *file = fopen(path, "w");
    fputs("something", file);
    fclose(file);
    assert_int_equal(restore(place, false, &marking), STATUS_PRECONDITION);
    expect_why(place, "parley backup");
    snprintf(place->backup, sizeof place->backup, "%s", place->world.path);
    assert_int_equal(restore(place, false, &marking), STATUS_PRECONDITION);
    expect_why(place, "the data base itself");
    expect_unchanged(place);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_backup_takes_the_place_of_what_was_there),
        TEST(what_is_only_in_the_log_is_kept_and_not_mixed_in),
        TEST(a_log_whose_data_base_is_gone_is_kept_and_not_mixed_in),
        TEST(a_damaged_data_base_can_be_replaced),
        TEST(a_backup_can_be_the_first_data_base),
        TEST(what_was_kept_is_only_replaced_by_force),
        TEST(a_data_base_in_use_is_left_alone),
        TEST(a_bad_backup_is_refused_and_nothing_changes),
        TEST(a_backup_with_a_damaged_page_is_refused),
        TEST(what_fails_before_the_change_leaves_nothing_behind),
        TEST(a_data_base_that_somebody_writes_to_is_no_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
