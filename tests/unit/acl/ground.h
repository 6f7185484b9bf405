/* The application on a hub that only notes, with two people, one model of its own and no grants. */
#pragma once
#include "../base/world.h"
#include "../accounts/hub.h"
#include "acl/acl.h"
#include "base/model.h"
#include "base/rule.h"
#include "net/wheel.h"

struct app {
    struct hub hub;
    struct acl *acl;
    struct models *models;
    int64_t ann, bob;
};
static inline struct app *app(struct world *world)
{
    return world->application;
}

int ground_open(void **state);
int ground_close(void **state);
/* The application and what is in memory anew, from the same data base. */
void ground_restart(struct world *world);
/* Somebody who passes every check, in memory and in the data base. */
struct actor superuser(struct world *world, const char *name);
/* What @user_id may do on @model. */
unsigned rights(struct world *world, int64_t user_id, const char *model);
/* The id of what was created. */
int64_t made(struct answer *answer);
/* @after_ms from now, as RFC 3339. */
const char *moment(int64_t after_ms);
