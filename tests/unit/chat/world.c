/* A small world for the tests of chat. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "net/wheel.h"

/* ---- the hub that only notes ---- */

static struct note *note_add(struct hub *hub, enum note_kind kind, const char *channel)
{
    assert_true(hub->count < NOTES_MAX);
    struct note *note = &hub->notes[hub->count++];
    note->kind = kind;
    snprintf(note->channel, sizeof note->channel, "%s", channel);
    return note;
}

void hub_add_kind(struct hub *hub, const struct channel_kind *kind, void *app)
{
    hub->kind = kind;
    hub->app = app;
}

void hub_publish(struct hub *hub, const char *channel, uint64_t offset, const char *json, size_t length)
{
    struct note *note = note_add(hub, NOTE_PUBLISH, channel);
    note->offset = offset;
    note->json = json_parse(json, length, NULL);
    assert_non_null(note->json);
}

void hub_unsubscribe(struct hub *hub, int64_t user_id, const char *channel)
{
    note_add(hub, NOTE_UNSUBSCRIBE, channel)->user_id = user_id;
}

void hub_recheck_channel(struct hub *hub, const char *channel)
{
    note_add(hub, NOTE_RECHECK_CHANNEL, channel);
}

/* ---- the wheel that waits for the test ---- */

struct wheel {
    struct list *timers;
};
static struct wheel test_wheel;

struct wheel *hub_wheel(const struct hub *hub)
{
    test_wheel.timers = (struct list *)&hub->timers;
    return &test_wheel;
}

void wheel_timer_init(struct wheel_timer *timer, void (*fire)(struct wheel_timer *timer))
{
    *timer = (struct wheel_timer){.fire = fire};
    list_init(&timer->link);
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t after_ms)
{
    assert_true(after_ms > 0);
    list_remove(&timer->link);
    list_append(wheel->timers, &timer->link);
}

void world_fire_timers(struct world *world)
{
    struct list due, *node;
    list_init(&due);
    list_move_all(&due, &world->hub->timers);
    while ((node = list_take_first(&due))) {
        struct wheel_timer *timer = container_of(node, struct wheel_timer, link);
        timer->fire(timer);
    }
}

/* ---- the world ---- */

int world_setup(void **state)
{
    char why[256];
    struct world *world = calloc(1, sizeof *world);
    struct store_options options = {
        .path = ":memory:", .readers = 2, .queue_jobs_max = 5000, .group_max = 1000, .synchronous = 1};
    if (!world || !random_open())
        return -1;
    uv_loop_init(&world->loop);
    world->settings = settings_new();
    world->permissions = permissions_new();
    world->sessions = sessions_new(1000);
    world->hub = calloc(1, sizeof *world->hub);
    list_init(&world->hub->timers);
    if (store_open(&options, &world->loop, &world->store, why, sizeof why) != STATUS_OK) {
        fprintf(stderr, "%s\n", why);
        return -1;
    }
    world->settings->chat_messages_per_s = 100000; /* the tests of the limit set their own */
    static const char *const models[] = {"user", "room", "member", "message"};
    for (size_t i = 0; i < ARRAY_LENGTH(models); i++)
        permissions_set(world->permissions, SUBJECT_MEMBERS, 0, models[i], RIGHT_ALL);
    list_init(&world->hub->timers); /* they went with their application */
    world->dispatch = dispatch_new(world->settings);
    dispatch_set_home(world->dispatch, world->store, world->permissions, world->sessions);
    world->chat = chat_new(world->dispatch, world->hub);
    world->ann = world_add_user(world, "ann");
    world->bob = world_add_user(world, "bob");
    world->eve = world_add_user(world, "eve");
    world->dan = world_add_user(world, "dan");
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    store_close(world->store);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    uv_loop_close(&world->loop);
    for (size_t i = 0; i < world->answers_count; i++) {
        cJSON_Delete(world->answers[i]->json);
        free(world->answers[i]->detail);
        free(world->answers[i]->errors);
        free(world->answers[i]);
    }
    for (size_t i = 0; i < world->hub->count; i++)
        cJSON_Delete(world->hub->notes[i].json);
    chat_free(world->chat);
    free(world->hub);
    dispatch_free(world->dispatch);
    permissions_free(world->permissions);
    sessions_free(world->sessions);
    settings_free(world->settings);
    free(world);
    return 0;
}

void world_run(struct world *world)
{
    uv_run(&world->loop, UV_RUN_DEFAULT);
}

struct body_job {
    struct store_job job;
    world_body *body;
    void *context;
};

static enum status body_work(struct store_job *job, struct db *db)
{
    struct body_job *body = container_of(job, struct body_job, job);
    return body->body(db, body->context);
}

static void body_done(struct store_job *job)
{
    (void)job;
}

enum status world_write(struct world *world, world_body *body, void *context)
{
    struct body_job job = {.job = {.work = body_work, .done = body_done}, .body = body, .context = context};
    store_write(world->store, &job.job);
    world_run(world);
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
    const char *sql;
    int64_t value;
};

static enum status get_int(struct db *db, void *context)
{
    struct get *get = context;
    return db_get_int(db, &get->value, get->sql, "");
}

int64_t world_get_int(struct world *world, const char *sql)
{
    struct get get = {.sql = sql};
    assert_int_equal(world_write(world, get_int, &get), STATUS_OK);
    return get.value;
}

static enum status add_user(struct db *db, void *context)
{
    struct get *get = context;
    enum status status = db_run(db,
                                "INSERT INTO user(name, name_folded, password_hash, created_at, updated_at) "
                                "VALUES (?1, ?1, '', 0, 0)",
                                "t", get->sql);
    get->value = db_last_id(db);
    return status;
}

int64_t world_add_user(struct world *world, const char *name)
{
    struct get get = {.sql = name};
    assert_int_equal(world_write(world, add_user, &get), STATUS_OK);
    return get.value;
}

static enum status load(struct db *db, void *context)
{
    struct world *world = context;
    return chat_load(world->chat, db);
}

void world_restart_chat(struct world *world)
{
    chat_free(world->chat);
    dispatch_free(world->dispatch);
    world->dispatch = dispatch_new(world->settings);
    dispatch_set_home(world->dispatch, world->store, world->permissions, world->sessions);
    world->chat = chat_new(world->dispatch, world->hub);
    assert_int_equal(world_write(world, load, world), STATUS_OK);
}

/* ---- asking ---- */

static void reply(struct request *request)
{
    struct world *world = request->door;
    struct answer *answer = world->answers[request->door_id];
    assert_false(answer->is_done);
    answer->is_done = true;
    answer->status = request->status;
    answer->created_id = request->created_id;
    answer->retry_after_s = request->retry_after_s;
    answer->detail = request->detail ? strdup(request->detail) : NULL;
    answer->errors = request->errors.length ? strdup(request->errors.bytes) : NULL;
    answer->notes_before = world->hub->count;
    if (request->result.length && status_is_ok(request->status)) {
        answer->json = json_parse(request->result.bytes, request->result.length, NULL);
        assert_non_null(answer->json);
    }
}

static struct answer *send_json(struct world *world, const struct actor *actor, const char *method, char *params)
{
    for (char *c = params; *c; c++)
        if (*c == '\'')
            *c = '"';
    struct request *request = dispatch_request(world->dispatch, method);
    assert_non_null(request);
    cJSON_Delete(request->params);
    request->params = json_parse(params, strlen(params), NULL);
    assert_non_null(request->params);
    request->actor = *actor;
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

static struct answer *send_list(struct world *world, int64_t user_id, const char *method, const char *params,
                                va_list values)
{
    static const char *const names[] = {"", "ann", "bob", "eve", "dan"};
    struct actor actor = {.user_id = user_id};
    snprintf(actor.name, sizeof actor.name, "%s", user_id < (int64_t)ARRAY_LENGTH(names) ? names[user_id] : "other");
    char *text = NULL;
    assert_true(vasprintf(&text, params, values) >= 0);
    struct answer *answer = send_json(world, &actor, method, text);
    free(text);
    return answer;
}

struct answer *send_as(struct world *world, int64_t user_id, const char *method, const char *params, ...)
{
    va_list values;
    va_start(values, params);
    struct answer *answer = send_list(world, user_id, method, params, values);
    va_end(values);
    return answer;
}

struct answer *ask(struct world *world, int64_t user_id, const char *method, const char *params, ...)
{
    va_list values;
    va_start(values, params);
    struct answer *answer = send_list(world, user_id, method, params, values);
    va_end(values);
    world_run(world);
    assert_true(answer->is_done);
    return answer;
}

struct answer *ask_shell(struct world *world, const char *method, const char *params)
{
    struct actor actor = {.is_shell = true, .name = "shell"};
    char *text = strdup(params);
    assert_non_null(text);
    struct answer *answer = send_json(world, &actor, method, text);
    free(text);
    world_run(world);
    assert_true(answer->is_done);
    return answer;
}

int64_t make_room(struct world *world, int64_t owner, const char *kind, const char *name)
{
    struct answer *answer = ask(world, owner, "room.create", "{'kind':'%s','name':'%s'}", kind, name);
    assert_int_equal(answer->status, STATUS_CREATED);
    return look_int(answer->json, "id");
}

void add_member(struct world *world, int64_t inviter, int64_t room_id, int64_t user_id, const char *role)
{
    struct answer *answer = ask(world, inviter, "member.create", "{'id':%lld,'user':%lld,'role':'%s'}",
                                (long long)room_id, (long long)user_id, role);
    assert_int_equal(answer->status, STATUS_CREATED);
}

int64_t say(struct world *world, int64_t user_id, int64_t room_id, const char *text)
{
    struct answer *answer = ask(world, user_id, "message.create", "{'id':%lld,'text':'%s'}", (long long)room_id, text);
    assert_int_equal(answer->status, STATUS_CREATED);
    return look_int(answer->json, "id");
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

const cJSON *look(const cJSON *json, const char *path)
{
    const cJSON *item = find(json, path);
    if (!item)
        fail_msg("there is no %s", path);
    return item;
}

int64_t look_int(const cJSON *json, const char *path)
{
    int64_t value = 0;
    assert_true(json_int(look(json, path), &value));
    return value;
}

const char *look_text(const cJSON *json, const char *path)
{
    const char *text = json_text(look(json, path));
    assert_non_null(text);
    return text;
}

bool has(const cJSON *json, const char *path)
{
    return find(json, path) != NULL;
}

struct note *last_event(struct world *world, int64_t room_id)
{
    char channel[64];
    snprintf(channel, sizeof channel, "room:%lld", (long long)room_id);
    for (size_t i = world->hub->count; i-- > 0;)
        if (world->hub->notes[i].kind == NOTE_PUBLISH && strcmp(world->hub->notes[i].channel, channel) == 0)
            return &world->hub->notes[i];
    return NULL;
}

size_t count_events(struct world *world, const char *channel, const char *event)
{
    size_t count = 0;
    for (size_t i = 0; i < world->hub->count; i++) {
        const struct note *note = &world->hub->notes[i];
        count += note->kind == NOTE_PUBLISH && strcmp(note->channel, channel) == 0 &&
                 strcmp(look_text(note->json, "event"), event) == 0;
    }
    return count;
}

size_t find_note(struct world *world, size_t from, enum note_kind kind, const char *channel)
{
    for (size_t i = from; i < world->hub->count; i++)
        if (world->hub->notes[i].kind == kind && strcmp(world->hub->notes[i].channel, channel) == 0)
            return i;
    return NOTES_MAX;
}

enum status authorize(struct world *world, int64_t user_id, const char *rest, struct channel_top *top)
{
    struct actor actor = {.user_id = user_id};
    return world->hub->kind->authorize(world->hub->app, &actor, rest, top);
}
