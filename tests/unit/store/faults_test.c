/* Faults of the disk: a full one, one that fails, files that vanish, and a process that is killed. The
 * program runs itself as a child where a fault needs a process or a disk of its own. */
#include "world.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/db.h"

#define KILLS          20
#define OUTSTANDING    50  /* writes of the child that are under way at any time */
#define ACKED_PER_KILL 200 /* after so many answers it is killed */
#define SKIPPED        77

/* ---- A disk that fails when told to. SQLite calls these through the process's symbols or its own table. */

static atomic_int failing_syncs;  /* so many of the next ones fail */
static atomic_bool has_full_disk; /* nothing may be written to a data base file */

int fdatasync(int file) __attribute__((visibility("default")));
int fdatasync(int file)
{
    if (atomic_load(&failing_syncs) > 0) {
        atomic_fetch_sub(&failing_syncs, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, file);
}

static ssize_t pwrite_or_full(int file, const void *bytes, size_t length, off_t at)
{
    if (atomic_load(&has_full_disk)) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(file, bytes, length, at);
}

static void disk_install(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    static const char *const names[] = {"pwrite", "pwrite64"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (vfs->xGetSystemCall(vfs, names[i]))
            vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)pwrite_or_full);
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
    atomic_store(&failing_syncs, 0);
    atomic_store(&has_full_disk, false);
    world_end(*state);
    return 0;
}

static struct store_stats stats_of(struct world *world)
{
    struct store_stats stats;
    store_stats(world->store, &stats);
    return stats;
}

/* ---- Full */

static void a_full_disk_refuses_writes_serves_reads_and_recovers(void **state)
{
    struct world *world = *state;
    struct step first = {.body = insert_note, .number = 1}, second = {.body = insert_note, .number = 2};
    static struct step steps[30];
    assert_int_equal(world_write_now(world, &first), STATUS_OK);
    atomic_store(&has_full_disk, true);
    assert_int_equal(world_write_now(world, &second), STATUS_NO_SPACE);
    for (int i = 0; i < 30; i++) {
        steps[i] = (struct step){.body = insert_note, .number = 100 + i};
        world_write(world, &steps[i]);
    }
    world_run(world);
    for (int i = 0; i < 30; i++)
        assert_int_equal(steps[i].job.status, STATUS_NO_SPACE);
    assert_false(stats_of(world).is_writable);
    assert_int_equal(world_count_notes(world), 1);

    atomic_store(&has_full_disk, false);
    assert_int_equal(world_write_now(world, &second), STATUS_OK);
    assert_true(stats_of(world).is_writable);
    assert_int_equal(world_count_notes(world), 2);
}

static enum status limit_pages(struct step *step, struct db *db)
{
    int64_t limit;
    enum status status = db_get_int(db, &step->number, "PRAGMA page_count", "");
    return status == STATUS_OK ? db_get_int(db, &limit, step->text, "") : status;
}

static enum status insert_much(struct step *step, struct db *db)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < 200 && status == STATUS_OK; i++)
        status = db_run(db, "INSERT INTO note VALUES (?1, ?1 || hex(zeroblob(1000)))", "i", step->number + i);
    /* A job that goes on regardless must not leave half its work behind. */
    (void)db_run(db, "INSERT INTO note VALUES (9999, 'left behind')", "");
    return status;
}

static void the_job_that_fills_the_disk_fails_alone(void **state)
{
    struct world *world = *state;
    char sql[64];
    struct step look = {.body = limit_pages, .text = "PRAGMA page_count"};
    assert_int_equal(world_write_now(world, &look), STATUS_OK);
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", (int)look.number + 10);
    struct step limit = {.body = limit_pages, .text = sql};
    assert_int_equal(world_write_now(world, &limit), STATUS_OK);
    uv_sem_t reached, go;
    uv_sem_init(&reached, 0);
    uv_sem_init(&go, 0);
    struct step gate = {.body = pass_gate, .reached = &reached, .go = &go};
    struct step before = {.body = insert_note, .number = 1}, after = {.body = insert_note, .number = 2};
    struct step greedy = {.body = insert_much, .number = 1000};
    world_write(world, &gate);
    uv_sem_wait(&reached);
    world_write(world, &before);
    world_write(world, &greedy);
    world_write(world, &after);
    uv_sem_post(&go);
    world_run(world);

    assert_int_equal(before.job.status, STATUS_OK);
    assert_int_equal(greedy.job.status, STATUS_NO_SPACE);
    assert_int_equal(after.job.status, STATUS_OK);
    assert_true(before.done_place < greedy.done_place && greedy.done_place < after.done_place);
    assert_int_equal(world_count_notes(world), 2);
    assert_int_equal(world_write_now(world, &greedy), STATUS_NO_SPACE);
    assert_int_equal(world_count_notes(world), 2);
    uv_sem_destroy(&reached);
    uv_sem_destroy(&go);
}

static void writes_are_refused_before_the_disk_is_full(void **state)
{
    struct world *world = *state;
    world_close(world);
    struct store_options options = world_options(world);
    options.free_bytes_min = UINT64_MAX;
    assert_int_equal(world_open_with(world, &options), STATUS_OK);
    struct step write = {.body = insert_note, .number = 1};
    assert_int_equal(world_write_now(world, &write), STATUS_NO_SPACE);
    assert_int_equal(world_count_notes(world), 0);
    assert_false(stats_of(world).is_writable);
}

/* ---- Failing */

static void a_commit_that_cannot_be_synced_is_never_answered_ok(void **state)
{
    struct world *world = *state;
    static struct step steps[10];
    struct step first = {.body = insert_note, .number = 1}, last = {.body = insert_note, .number = 2};
    assert_int_equal(world_write_now(world, &first), STATUS_OK);
    uv_sem_t reached, go;
    uv_sem_init(&reached, 0);
    uv_sem_init(&go, 0);
    struct step gate = {.body = pass_gate, .reached = &reached, .go = &go};
    world_write(world, &gate);
    uv_sem_wait(&reached);
    for (int i = 0; i < 10; i++) {
        steps[i] = (struct step){.body = insert_note, .number = 100 + i};
        world_write(world, &steps[i]);
    }
    atomic_store(&failing_syncs, 1);
    uv_sem_post(&go);
    world_run(world);
    for (int i = 0; i < 10; i++)
        assert_int_equal(steps[i].job.status, STATUS_UNAVAILABLE);
    assert_int_equal(atomic_load(&failing_syncs), 0);
    assert_int_equal(stats_of(world).faults, 1);

    assert_int_equal(world_write_now(world, &last), STATUS_OK);
    assert_true(stats_of(world).is_writable);
    assert_int_equal(world_count_notes(world), 2);
    world_close(world);
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(world_count_notes(world), 2);
    uv_sem_destroy(&reached);
    uv_sem_destroy(&go);
}

static void a_store_that_cannot_write_finds_by_itself_when_it_can(void **state)
{
    struct world *world = *state;
    struct step write = {.body = insert_note, .number = 1};
    atomic_store(&has_full_disk, true);
    assert_int_equal(world_write_now(world, &write), STATUS_NO_SPACE);
    assert_false(stats_of(world).is_writable);
    atomic_store(&has_full_disk, false);
    /* Nobody writes: readiness may have sent everybody away. The runner's time limit ends a vain wait. */
    while (!stats_of(world).is_writable)
        poll(NULL, 0, 1);
}

static void move_under_the_store(struct world *world, const char *ending, bool is_replaced)
{
    char here[512], there[520];
    snprintf(here, sizeof here, "%s%s", world->path, ending);
    snprintf(there, sizeof there, "%s.away", here);
    /* Opened anew, so that the next write looks at the disk and not at what was found a moment ago. */
    world_close(world);
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(rename(here, there), 0);
    if (is_replaced)
        fclose(fopen(here, "w"));
    struct step write = {.body = insert_note, .number = 1};
    assert_int_equal(world_write_now(world, &write), STATUS_UNAVAILABLE);
    assert_false(stats_of(world).is_writable);
    assert_int_equal(rename(there, here), 0);
}

static void nothing_is_saved_to_a_file_without_a_name(void **state)
{
    struct world *world = *state;
    static const char *const endings[] = {"", "-wal"};
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        move_under_the_store(world, endings[i], false);
        move_under_the_store(world, endings[i], true);
    }
    world_close(world);
    assert_int_equal(world_open(world), STATUS_OK);
    assert_int_equal(world_count_notes(world), 0);
}

/* ---- Killed */

static int acks; /* where the child tells which of its writes were answered OK */

static void ack_and_go_on(struct store_job *job)
{
    struct step *step = (struct step *)job;
    if (job->status != STATUS_OK || write(acks, &step->number, sizeof step->number) != sizeof step->number)
        _exit(3);
    step->number += OUTSTANDING;
    store_write(step->world->store, job);
}

/* As the child: write for ever, @first upwards. */
static int write_until_killed(const char *path, int64_t first)
{
    static struct world world;
    static struct step steps[OUTSTANDING];
    acks = STDOUT_FILENO;
    uv_loop_init(&world.loop);
    struct store_options options = {
        .path = path, .readers = 1, .queue_jobs_max = 1000, .group_max = 1000, .synchronous = 2};
    if (world_open_with(&world, &options) != STATUS_OK) {
        fprintf(stderr, "%s\n", world.why);
        return 2;
    }
    for (int i = 0; i < OUTSTANDING; i++) {
        steps[i] = (struct step){.body = insert_note, .number = first + i};
        world_write(&world, &steps[i]);
        steps[i].job.done = ack_and_go_on;
    }
    return uv_run(&world.loop, UV_RUN_DEFAULT);
}

static void every_answered_write_survives_a_kill(void **state)
{
    struct world *world = *state;
    static int64_t acked[KILLS * (ACKED_PER_KILL + 4 * OUTSTANDING + 20000)];
    size_t count = 0;
    world_close(world);
    for (int kills = 0; kills < KILLS; kills++) {
        int ends[2];
        char first[32];
        snprintf(first, sizeof first, "%d", 1 + kills * 10000000);
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(ends[1], STDOUT_FILENO);
            close(ends[0]);
            close(ends[1]);
            execl("/proc/self/exe", "faults_test", "write", world->path, first, (char *)NULL);
            _exit(4);
        }
        close(ends[1]);
        size_t before = count;
        bool is_killed = false;
        while (count < ARRAY_LENGTH(acked) && read(ends[0], &acked[count], sizeof acked[0]) == sizeof acked[0]) {
            count++;
            if (!is_killed && count - before >= ACKED_PER_KILL) {
                kill(child, SIGKILL);
                is_killed = true;
            }
        }
        int ended = 0;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
        close(ends[0]);
    }
    assert_true(count >= KILLS * ACKED_PER_KILL && count < ARRAY_LENGTH(acked));
    struct db *db = db_open(world->path, DB_WRITER, DB_SYNCHRONOUS_FULL, world->why, WHY_SIZE);
    assert_non_null(db);
    for (size_t i = 0; i < count; i++) {
        int64_t found = 0;
        assert_int_equal(db_get_int(db, &found, "SELECT id FROM note WHERE id = ?1", "i", acked[i]), STATUS_OK);
    }
    struct rows *rows = db_query(db, "PRAGMA integrity_check", "");
    assert_true(rows_next(rows));
    assert_string_equal(rows_text(rows, 0, NULL), "ok");
    assert_int_equal(rows_end(rows), STATUS_OK);
    db_close(db);
}

/* ---- A real full disk: a small file system that only the child sees */

static enum status insert_block(struct step *step, struct db *db)
{
    return db_run(db, "INSERT INTO note VALUES (?1, ?1 || hex(zeroblob(8000)))", "i", step->number);
}

static int fill_disk(const char *dir)
{
    static struct world world;
    uv_loop_init(&world.loop);
    char path[512], ballast[512];
    snprintf(path, sizeof path, "%s/data", dir);
    snprintf(ballast, sizeof ballast, "%s/ballast", dir);
    FILE *file = fopen(ballast, "w");
    for (int i = 0; file && i < 1 << 18; i++)
        fputc('b', file);
    if (!file || fclose(file) != 0)
        return 2;
    struct store_options options = {
        .path = path, .readers = 1, .queue_jobs_max = 1000, .group_max = 1000, .synchronous = 2};
    if (world_open_with(&world, &options) != STATUS_OK)
        return 3;
    world_make_notes(&world);
    struct step block = {.body = insert_block, .number = 0};
    do
        block.number++;
    while (world_write_now(&world, &block) == STATUS_OK && block.number < 1000);
    if (block.job.status != STATUS_NO_SPACE || world_count_notes(&world) != block.number - 1)
        return 4;
    for (int i = 0; i < 50; i++)
        if (world_write_now(&world, &block) != STATUS_NO_SPACE)
            return 5;
    unlink(ballast);
    if (world_write_now(&world, &block) != STATUS_OK || world_count_notes(&world) != block.number)
        return 6;
    world_close(&world);
    if (world_open_with(&world, &options) != STATUS_OK || world_count_notes(&world) != block.number)
        return 7;
    world_close(&world);
    return 0;
}

static void a_small_disk_fills_up_and_recovers(void **state)
{
    struct world *world = *state;
    world_close(world);
    pid_t child = fork();
    if (child == 0) {
        char self[512];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        self[length > 0 ? length : 0] = '\0';
        execlp("unshare", "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
               "mount -t tmpfs -o size=3m none \"$1\" 2>/dev/null || exit 77; exec \"$2\" fill \"$1\"", "sh",
               world->dir, self, (char *)NULL);
        _exit(SKIPPED);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    /* unshare itself ends with 1 where a process may not have a user space of its own. */
    if (WEXITSTATUS(ended) == SKIPPED || WEXITSTATUS(ended) == 1)
        skip();
    assert_int_equal(WEXITSTATUS(ended), 0);
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "write") == 0)
        return write_until_killed(arguments[2], atoll(arguments[3]));
    if (count == 3 && strcmp(arguments[1], "fill") == 0)
        return fill_disk(arguments[2]);
    db_library_start();
    disk_install();
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_refuses_writes_serves_reads_and_recovers),
        TEST(the_job_that_fills_the_disk_fails_alone),
        TEST(writes_are_refused_before_the_disk_is_full),
        TEST(a_commit_that_cannot_be_synced_is_never_answered_ok),
        TEST(a_store_that_cannot_write_finds_by_itself_when_it_can),
        TEST(nothing_is_saved_to_a_file_without_a_name),
        TEST(every_answered_write_survives_a_kill),
        TEST(a_small_disk_fills_up_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
