/* A small world for tests of actions: a store in memory, what is known beside it, and doors that keep the answers.
 * Requests take the real way: dispatch, work in the store, done on the loop, reply. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <uv.h>
#include "base/dispatch.h"

#define ANSWERS_MAX 2000

/* What a door would have sent. */
struct answer {
    bool is_done;
    enum status status;
    cJSON *json;                           /* NULL: no text */
    char *detail, *errors, *session_token; /* NULL: none */
    int64_t created_id, retry_after_s, version;
    bool is_replayed;
};

struct world {
    uv_loop_t loop;
    struct settings *settings; /* password hashes are cheap */
    struct store *store;
    struct permissions *permissions;
    struct sessions *sessions;
    struct dispatch *dispatch;
    struct answer *answers[ANSWERS_MAX];
    size_t answers_count;
    const char *peer;  /* of requests to come */
    void *application; /* the test's own */
    uv_sem_t held, go; /* of world_hold() */
    struct store_job hold;
};

struct world *world_open(void);
void world_close_store(struct world *world);
/* Runs the loop until its handles are gone; what the test made of its own must be closed before. */
void world_close(struct world *world);

typedef enum status world_body(struct db *db, void *context);
/* Run @body as a write of its own. */
enum status world_write(struct world *world, world_body *body, void *context);
enum status world_run_sql(struct world *world, const char *sql);
int64_t world_get_int(struct world *world, const char *sql);
/* Everybody is registered at time 0, without a password. */
int64_t world_add_user(struct world *world, const char *name);
/* Until nothing is under way. */
void world_run(struct world *world);
/* The writer waits between the two: what is handed over meanwhile is one group. */
void world_hold(struct world *world);
void world_release(struct world *world);
/* Wait until the writer has done @count jobs since the start, without letting the loop run. */
void world_await_writes(struct world *world, uint64_t count);
uint64_t world_writes(const struct world *world);

/* Who asks; 0: nobody. */
struct actor person(int64_t user_id, int64_t session_id);
struct actor shell(void);
/* Send a request; parameters printf-style, with ' for ". Conditions are taken out of them, as at the socket's door. The
 * answer comes by world_run(). */
struct answer *send_as(struct world *world, struct actor actor, const char *method, const char *params, ...)
    __attribute__((format(printf, 4, 5)));
/* Send and wait. */
struct answer *ask(struct world *world, struct actor actor, const char *method, const char *params, ...)
    __attribute__((format(printf, 4, 5)));
/* The integer or text at @path, names and numbers joined by dots: "items.0.id". They fail the test if there is none. */
int64_t look_int(const cJSON *json, const char *path);
const char *look_text(const cJSON *json, const char *path);
bool has(const cJSON *json, const char *path);
