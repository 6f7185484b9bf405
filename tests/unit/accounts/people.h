/* The world for the tests of accounts: the application over a store in memory, and people who register and sign in. */
#pragma once
#include "../base/world.h"
#include "accounts/state.h"
#include "hub.h"

#define PASSWORD "a long enough password"

/* world->application */
struct app {
    struct hub hub;
    struct accounts *accounts;
};
struct app *app(struct world *world);

/* For cmocka_unit_test_setup_teardown(). */
int people_setup(void **state);
int people_teardown(void **state);
/* What a restart of the program finds. */
void restart(struct world *world);

extern const struct actor nobody;
/* The live session whose token the answer brought; NULL: none. */
struct session *session_of(struct world *world, const struct answer *answer);
struct actor signed_in(struct world *world, const struct answer *answer);
/* Somebody new, signed in. */
struct actor registered(struct world *world, const char *name);
/* An administrator made by the shell, and signed in. */
struct actor administrator(struct world *world, const char *name);
/* Let the loop run until @count writes wait for the writer, which world_hold() holds. */
void run_until_queued(struct world *world, size_t count);
