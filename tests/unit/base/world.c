/* A small world for tests of actions. */
#include "world.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world *world_open(void)
{
    char why[256];
    struct store_options options = {
        .path = ":memory:", .readers = 2, .queue_jobs_max = 1000, .group_max = 1000, .synchronous = 1};
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_true(random_open());
    assert_int_equal(uv_loop_init(&world->loop), 0);
    world->settings = settings_new();
    world->settings->account_hash_memory_kib = 64;
    world->settings->account_hash_passes = 1;
    world->permissions = permissions_new();
    world->sessions = sessions_new(world->settings->account_session_idle_s * 1000);
    if (store_open(&options, &world->loop, &world->store, why, sizeof why) != STATUS_OK)
        fail_msg("%s", why);
    world->dispatch = dispatch_new(world->settings);
    dispatch_set_home(world->dispatch, world->store, world->permissions, world->sessions);
    world->peer = "192.0.2.1";
    return world;
}

void world_close_store(struct world *world)
{
    store_close(TAKE(world->store));
    dispatch_set_home(world->dispatch, NULL, world->permissions, world->sessions);
}

void world_close(struct world *world)
{
    world_close_store(world);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    assert_int_equal(dispatch_in_flight(world->dispatch), 0);
    for (size_t i = 0; i < world->answers_count; i++) {
        struct answer *answer = world->answers[i];
        assert_true(answer->is_done);
        cJSON_Delete(answer->json);
        free(answer->detail);
        free(answer->errors);
        free(answer->session_token);
        free(answer);
    }
    dispatch_free(world->dispatch);
    permissions_free(world->permissions);
    sessions_free(world->sessions);
    settings_free(world->settings);
    free(world);
}

void world_run(struct world *world)
{
    do
        uv_run(&world->loop, UV_RUN_ONCE);
    while (dispatch_in_flight(world->dispatch));
}

/* ---- the store ---- */

struct body_job {
    struct store_job job;
    world_body *body;
    void *context;
    bool is_done;
};

static enum status body_work(struct store_job *job, struct db *db)
{
    struct body_job *body = container_of(job, struct body_job, job);
    return body->body(db, body->context);
}

static void body_done(struct store_job *job)
{
    container_of(job, struct body_job, job)->is_done = true;
}

enum status world_write(struct world *world, world_body *body, void *context)
{
    struct body_job job = {.job = {.work = body_work, .done = body_done}, .body = body, .context = context};
    store_write(world->store, &job.job);
    while (!job.is_done)
        uv_run(&world->loop, UV_RUN_ONCE);
    return job.job.status;
}

static enum status run_sql(struct db *db, void *context)
{
    return db_run(db, context, "");
}

enum status world_run_sql(struct world *world, const char *sql)
{
    return world_write(world, run_sql, (void *)(uintptr_t)sql);
}

struct get {
    const char *text;
    int64_t value;
};

static enum status get_int(struct db *db, void *context)
{
    struct get *get = context;
    return db_get_int(db, &get->value, get->text, "");
}

int64_t world_get_int(struct world *world, const char *sql)
{
    struct get get = {.text = sql};
    assert_int_equal(world_write(world, get_int, &get), STATUS_OK);
    return get.value;
}

static enum status add_user(struct db *db, void *context)
{
    struct get *get = context;
    enum status status = db_run(db,
                                "INSERT INTO user(name, name_folded, password_hash, created_at, updated_at) "
                                "VALUES (?1, ?1, '', 0, 0)",
                                "t", get->text);
    get->value = db_last_id(db);
    return status;
}

int64_t world_add_user(struct world *world, const char *name)
{
    struct get get = {.text = name};
    assert_int_equal(world_write(world, add_user, &get), STATUS_OK);
    return get.value;
}

static enum status hold_work(struct store_job *job, struct db *db)
{
    (void)db;
    struct world *world = container_of(job, struct world, hold);
    uv_sem_post(&world->held);
    uv_sem_wait(&world->go);
    return STATUS_OK;
}

static void hold_done(struct store_job *job)
{
    struct world *world = container_of(job, struct world, hold);
    uv_sem_destroy(&world->held);
    uv_sem_destroy(&world->go);
}

void world_hold(struct world *world)
{
    uv_sem_init(&world->held, 0);
    uv_sem_init(&world->go, 0);
    world->hold = (struct store_job){.work = hold_work, .done = hold_done};
    store_write(world->store, &world->hold);
    uv_sem_wait(&world->held);
}

void world_release(struct world *world)
{
    uv_sem_post(&world->go);
}

uint64_t world_writes(const struct world *world)
{
    struct store_stats stats;
    store_stats(world->store, &stats);
    return stats.writes;
}

void world_await_writes(struct world *world, uint64_t count)
{
    while (world_writes(world) < count)
        sched_yield();
}

/* ---- asking ---- */

struct actor person(int64_t user_id, int64_t session_id)
{
    struct actor actor = {.user_id = user_id, .session_id = session_id};
    snprintf(actor.name, sizeof actor.name, "user-%lld", (long long)user_id);
    return actor;
}

struct actor shell(void)
{
    return (struct actor){.is_shell = true, .name = "shell"};
}

static void reply(struct request *request)
{
    struct world *world = request->door;
    struct answer *answer = world->answers[request->door_id];
    assert_false(answer->is_done);
    answer->is_done = true;
    answer->status = request->status;
    answer->created_id = request->created_id;
    answer->retry_after_s = request->retry_after_s;
    answer->version = request->version;
    answer->is_replayed = request->is_replayed;
    answer->detail = request->detail ? strdup(request->detail) : NULL;
    answer->errors = request->errors.length ? strdup(request->errors.bytes) : NULL;
    answer->session_token = request->session_token ? strdup(request->session_token) : NULL;
    if (request->result.length && status_is_ok(request->status)) {
        answer->json = json_parse(request->result.bytes, request->result.length, NULL);
        assert_non_null(answer->json);
    }
}

static struct answer *send_list(struct world *world, struct actor actor, const char *method, const char *params,
                                va_list values)
{
    char *text = NULL;
    int length = vasprintf(&text, params, values);
    assert_true(length >= 0);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    struct request *request = dispatch_request(world->dispatch, method);
    assert_non_null(request);
    cJSON_Delete(request->params);
    request->params = json_parse(text, strlen(text), NULL);
    assert_non_null(request->params);
    free(text);
    assert_true(request_take_conditions(request));
    request->actor = actor;
    snprintf(request->peer, sizeof request->peer, "%s", world->peer);
    request->reply = reply;
    request->door = world;
    request->door_id = world->answers_count;
    assert_true(world->answers_count < ANSWERS_MAX);
    struct answer *answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    world->answers[world->answers_count++] = answer;
    dispatch_start(request);
    return answer;
}

struct answer *send_as(struct world *world, struct actor actor, const char *method, const char *params, ...)
{
    va_list values;
    va_start(values, params);
    struct answer *answer = send_list(world, actor, method, params, values);
    va_end(values);
    return answer;
}

struct answer *ask(struct world *world, struct actor actor, const char *method, const char *params, ...)
{
    va_list values;
    va_start(values, params);
    struct answer *answer = send_list(world, actor, method, params, values);
    va_end(values);
    while (!answer->is_done)
        uv_run(&world->loop, UV_RUN_ONCE);
    return answer;
}

/* ---- looking ---- */

static const cJSON *find(const cJSON *json, const char *path)
{
    while (json && *path) {
        size_t length = strcspn(path, ".");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name)) : json_get(json, name);
        path += length + (path[length] == '.');
    }
    return json;
}

bool has(const cJSON *json, const char *path)
{
    return find(json, path) != NULL;
}

int64_t look_int(const cJSON *json, const char *path)
{
    int64_t value = 0;
    if (!json_int(find(json, path), &value))
        fail_msg("there is no number %s", path);
    return value;
}

const char *look_text(const cJSON *json, const char *path)
{
    const char *text = json_text(find(json, path));
    if (!text)
        fail_msg("there is no text %s", path);
    return text;
}
