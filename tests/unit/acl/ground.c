/* The application on a hub that only notes. */
#include "ground.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

/* Drafts are for their authors; published ones for all who may read news. */
static const char news[] =
    "{\"type\":\"object\",\"required\":[\"title\"],\"properties\":{"
    "\"title\":{\"type\":\"string\",\"maxLength\":200},"
    "\"published\":{\"type\":\"boolean\",\"default\":false},"
    "\"author\":{\"type\":\"integer\",\"x-references\":\"user\",\"x-default\":\"$me\",\"readOnly\":true}},"
    "\"x-rules\":{\"read\":{\"any\":[{\"published\":true},{\"author\":\"$me\"}]},"
    "\"create\":false,\"update\":{\"author\":\"$me\"},\"delete\":{\"author\":\"$me\"}}}";
static const char news_table[] =
    "CREATE TABLE news(id INTEGER PRIMARY KEY, created_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL "
    "DEFAULT 0, version INTEGER NOT NULL DEFAULT 1, title TEXT NOT NULL, published INTEGER NOT NULL, author INTEGER)";

static bool nowhere(void *context, const struct actor *actor, int64_t id)
{
    (void)context, (void)actor, (void)id;
    return false;
}

/* The rules of the built-in models speak of rooms; here are none. */
static const struct relation rooms[] = {
    {.name = "$rooms", .sql = "SELECT room_id FROM member WHERE user_id = ?", .has = nowhere},
    {.name = "$public_rooms", .sql = "SELECT id FROM room WHERE ? >= 0 AND kind = 'public'", .has = nowhere},
    {.name = "$moderated_rooms", .sql = "SELECT room_id FROM member WHERE user_id = ?", .has = nowhere},
};

static void models_open(struct world *world)
{
    char why[512] = "";
    struct models *models = app(world)->models = models_new();
    for (size_t i = 0; i < ARRAY_LENGTH(rooms); i++)
        relation_add(models, &rooms[i]);
    acl_relations(models, world->permissions);
    if (!models_read_builtin(models, why, sizeof why) ||
        !models_read(models, "news", news, sizeof news - 1, false, why, sizeof why) ||
        !models_finish(models, why, sizeof why))
        fail_msg("%s", why);
    dispatch_set_models(world->dispatch, models);
}

static enum status load(struct db *db, void *context)
{
    return acl_load(context, db);
}

static void acl_open(struct world *world)
{
    models_open(world);
    app(world)->acl = acl_new(world->dispatch, &app(world)->hub);
    assert_non_null(app(world)->acl);
    assert_int_equal(world_write(world, load, app(world)->acl), STATUS_OK);
    acl_start(app(world)->acl);
    while (dispatch_in_flight(world->dispatch))
        uv_run(&world->loop, UV_RUN_ONCE);
}

int ground_open(void **state)
{
    struct world *world = world_open();
    struct app *own = world->application = calloc(1, sizeof *own);
    own->hub.wheel = wheel_open(&world->loop);
    world_run_sql(world, "DELETE FROM \"grant\"");
    assert_int_equal(world_run_sql(world, news_table), STATUS_OK);
    acl_open(world);
    own->ann = world_add_user(world, "ann");
    own->bob = world_add_user(world, "bob");
    *state = world;
    return 0;
}

int ground_close(void **state)
{
    struct world *world = *state;
    struct app *own = app(world);
    world_close_store(world);
    wheel_close(own->hub.wheel);
    world_close(world);
    acl_free(own->acl);
    models_free(own->models);
    free(own);
    return 0;
}

void ground_restart(struct world *world)
{
    struct app *own = app(world);
    wheel_close(own->hub.wheel);
    own->hub.wheel = wheel_open(&world->loop);
    acl_free(own->acl);
    models_free(own->models);
    dispatch_free(world->dispatch);
    permissions_free(world->permissions);
    world->permissions = permissions_new();
    world->dispatch = dispatch_new(world->settings);
    dispatch_set_home(world->dispatch, world->store, world->permissions, world->sessions);
    acl_open(world);
}

struct actor superuser(struct world *world, const char *name)
{
    char sql[128];
    struct actor actor = person(world_add_user(world, name), 0);
    snprintf(actor.name, sizeof actor.name, "%s", name);
    snprintf(sql, sizeof sql, "UPDATE user SET superuser = 1 WHERE id = %lld", (long long)actor.user_id);
    world_run_sql(world, sql);
    permissions_set_superuser(world->permissions, actor.user_id, true);
    return actor;
}

unsigned rights(struct world *world, int64_t user_id, const char *model)
{
    struct actor actor = person(user_id, 0);
    return permissions_of(world->permissions, &actor, model);
}

int64_t made(struct answer *answer)
{
    assert_int_equal(answer->status, STATUS_CREATED);
    return look_int(answer->json, "id");
}

const char *moment(int64_t after_ms)
{
    static char text[CLOCK_TEXT_SIZE];
    return clock_text(clock_wall_ms() + after_ms, text);
}
