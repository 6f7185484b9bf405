/* A store in a folder of its own, the loop it answers to, and jobs that are written as one function. */
#include "world.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status step_work(struct store_job *job, struct db *db);
static void step_done(struct store_job *job);

void world_begin(struct world *world)
{
    *world = (struct world){0};
    const char *parent = getenv("TMPDIR");
    snprintf(world->dir, sizeof world->dir, "%s/store-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->path, sizeof world->path, "%s/data", world->dir);
    assert_int_equal(uv_loop_init(&world->loop), 0);
}

void world_end(struct world *world)
{
    world_close(world);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    DIR *dir = opendir(world->dir);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", world->dir, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    assert_int_equal(rmdir(world->dir), 0);
}

struct store_options world_options(const struct world *world)
{
    return (struct store_options){
        .path = world->path, .readers = 2, .queue_jobs_max = 1000, .group_max = 1000, .synchronous = 2};
}

enum status world_open(struct world *world)
{
    struct store_options options = world_options(world);
    return world_open_with(world, &options);
}

enum status world_open_with(struct world *world, const struct store_options *options)
{
    world->why[0] = '\0';
    enum status status = store_open(options, &world->loop, &world->store, world->why, sizeof world->why);
    if (status != STATUS_OK)
        world_run(world); /* what was begun closes its handles */
    return status;
}

void world_close(struct world *world)
{
    store_close(TAKE(world->store));
    world_run(world);
}

static void hand_over(struct world *world, struct step *step, void (*road)(struct store *, struct store_job *))
{
    step->world = world;
    step->job.work = step_work;
    step->job.done = step_done;
    step->done_place = 0;
    road(world->store, &step->job);
}

void world_write(struct world *world, struct step *step)
{
    hand_over(world, step, store_write);
}

void world_read(struct world *world, struct step *step)
{
    hand_over(world, step, store_read);
}

static enum status step_work(struct store_job *job, struct db *db)
{
    struct step *step = (struct step *)job;
    return step->body(step, db);
}

static void step_done(struct store_job *job)
{
    struct step *step = (struct step *)job;
    step->done_place = ++step->world->done_count;
}

void world_run(struct world *world)
{
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
}

enum status world_write_now(struct world *world, struct step *step)
{
    world_write(world, step);
    world_run(world);
    return step->job.status;
}

enum status world_read_now(struct world *world, struct step *step)
{
    world_read(world, step);
    world_run(world);
    return step->job.status;
}

void world_make_notes(struct world *world)
{
    struct step make = {.body = run_text,
                        .text = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT"};
    assert_int_equal(world_write_now(world, &make), STATUS_OK);
}

int64_t world_count_notes(struct world *world)
{
    struct step count = {.body = get_text, .text = "SELECT count(*) FROM note"};
    assert_int_equal(world_read_now(world, &count), STATUS_OK);
    return count.number;
}

enum status insert_note(struct step *step, struct db *db)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)step->number);
    return db_run(db, "INSERT INTO note(id, text) VALUES (?1, ?2)", "it", step->number, step->text ? step->text : text);
}

enum status pass_gate(struct step *step, struct db *db)
{
    (void)db;
    uv_sem_post(step->reached);
    uv_sem_wait(step->go);
    return STATUS_OK;
}

enum status run_text(struct step *step, struct db *db)
{
    return db_run(db, step->text, "");
}

enum status get_text(struct step *step, struct db *db)
{
    return db_get_int(db, &step->number, step->text, "");
}
