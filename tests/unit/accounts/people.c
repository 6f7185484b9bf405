/* People for the tests of accounts. */
#include "people.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

struct app *app(struct world *world)
{
    return world->application;
}

static enum status load(struct db *db, void *context)
{
    return accounts_load(context, db);
}

static void open_accounts(struct world *world)
{
    app(world)->accounts = accounts_new(world->dispatch, &app(world)->hub, &world->loop);
    assert_non_null(app(world)->accounts);
    assert_int_equal(world_write(world, load, app(world)->accounts), STATUS_OK);
}

int people_setup(void **state)
{
    struct world *world = world_open();
    world->application = calloc(1, sizeof(struct app));
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "user", RIGHT_READ);
    open_accounts(world);
    *state = world;
    return 0;
}

int people_teardown(void **state)
{
    struct world *world = *state;
    struct app *own = app(world);
    world_close_store(world);
    accounts_close(own->accounts);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    accounts_free(own->accounts);
    world_close(world);
    free(own);
    return 0;
}

/* What a restart of the program finds. */
void restart(struct world *world)
{
    accounts_close(app(world)->accounts);
    while (uv_run(&world->loop, UV_RUN_NOWAIT))
        ;
    accounts_free(app(world)->accounts);
    dispatch_free(world->dispatch);
    permissions_free(world->permissions);
    sessions_free(world->sessions);
    world->permissions = permissions_new();
    world->sessions = sessions_new(world->settings->account_session_idle_s * 1000);
    world->dispatch = dispatch_new(world->settings);
    dispatch_set_home(world->dispatch, world->store, world->permissions, world->sessions);
    open_accounts(world);
}

const struct actor nobody;

/* Whose cookie the answer set. */
struct session *session_of(struct world *world, const struct answer *answer)
{
    char digest[DIGEST_TEXT_SIZE];
    assert_non_null(answer->session_token);
    digest_text(answer->session_token, strlen(answer->session_token), digest);
    return sessions_find(world->sessions, digest, clock_wall_ms());
}

struct actor signed_in(struct world *world, const struct answer *answer)
{
    struct actor actor;
    struct session *session = session_of(world, answer);
    assert_non_null(session);
    session_actor(session, &actor);
    return actor;
}

struct actor registered(struct world *world, const char *name)
{
    struct answer *answer = ask(world, nobody, "account.register", "{'name':'%s','password':'" PASSWORD "'}", name);
    assert_int_equal(answer->status, STATUS_CREATED);
    return signed_in(world, answer);
}

/* An administrator made by the shell, and signed in. */
struct actor administrator(struct world *world, const char *name)
{
    struct answer *answer =
        ask(world, shell(), "user.create", "{'name':'%s','password':'" PASSWORD "','superuser':true}", name);
    assert_int_equal(answer->status, STATUS_CREATED);
    return signed_in(world, ask(world, nobody, "account.login", "{'name':'%s','password':'" PASSWORD "'}", name));
}

/* Let the loop run until @count writes wait for the writer, which world_hold() holds. */
void run_until_queued(struct world *world, size_t count)
{
    struct store_stats stats;
    do {
        uv_run(&world->loop, UV_RUN_NOWAIT);
        store_stats(world->store, &stats);
    } while (stats.queue_jobs < count);
}
