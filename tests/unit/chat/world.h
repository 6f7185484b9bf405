/* A small world for the tests of chat: a store in memory, four people, and a hub that notes what it is told.
 * Requests take the real way: dispatch, form, work in the store, done on the loop, reply. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <uv.h>
#include "base/dispatch.h"
#include "chat/chat.h"
#include "realtime/channel.h"

#define NOTES_MAX   4096
#define ANSWERS_MAX 4096

enum note_kind { NOTE_PUBLISH, NOTE_UNSUBSCRIBE, NOTE_RECHECK_CHANNEL };

/* One call of the hub. */
struct note {
    enum note_kind kind;
    char channel[64];
    uint64_t offset;
    int64_t user_id;
    cJSON *json; /* of a publication */
};
struct hub {
    const struct channel_kind *kind;
    void *app;
    struct note notes[NOTES_MAX];
    size_t count;
    struct list timers; /* armed ones: they fire when world_fire_timers() says so */
};

struct answer {
    bool is_done;
    enum status status;
    cJSON *json;  /* NULL: no text */
    char *detail; /* NULL: the status's own words */
    char *errors; /* NULL: none */
    int64_t created_id, retry_after_s;
    size_t notes_before; /* what the hub had been told when the answer left */
};

struct world {
    uv_loop_t loop;
    struct settings *settings;
    struct store *store;
    struct permissions *permissions;
    struct sessions *sessions;
    struct dispatch *dispatch;
    struct chat *chat;
    struct hub *hub;
    struct answer *answers[ANSWERS_MAX];
    size_t answers_count;
    int64_t ann, bob, eve, dan;
};

/* For cmocka_unit_test_setup_teardown(). */
int world_setup(void **state);
int world_teardown(void **state);
/* Run @body in a writer job. */
typedef enum status world_body(struct db *db, void *context);
enum status world_write(struct world *world, world_body *body, void *context);
enum status world_run_sql(struct world *world, const char *sql);
int64_t world_get_int(struct world *world, const char *sql);
int64_t world_add_user(struct world *world, const char *name);
/* A new application over the same store, its directory loaded: what a restart would find. */
void world_restart_chat(struct world *world);

/* Send a request of @user_id; parameters printf-style, with ' for ". The answer comes by world_run(). */
struct answer *send_as(struct world *world, int64_t user_id, const char *method, const char *params, ...)
    __attribute__((format(printf, 4, 5)));
void world_run(struct world *world);
/* All deadlines that are armed now come. */
void world_fire_timers(struct world *world);
/* Send and wait. */
struct answer *ask(struct world *world, int64_t user_id, const char *method, const char *params, ...)
    __attribute__((format(printf, 4, 5)));
struct answer *ask_shell(struct world *world, const char *method, const char *params);

/* Common beginnings. */
int64_t make_room(struct world *world, int64_t owner, const char *kind, const char *name);
void add_member(struct world *world, int64_t inviter, int64_t room_id, int64_t user_id, const char *role);
int64_t say(struct world *world, int64_t user_id, int64_t room_id, const char *text);

/* Looking. Paths are names and numbers joined by dots: "items.0.id". Fail the test if there is none. */
const cJSON *look(const cJSON *json, const char *path);
int64_t look_int(const cJSON *json, const char *path);
const char *look_text(const cJSON *json, const char *path);
bool has(const cJSON *json, const char *path);
/* The last publication on "room:@room_id"; NULL: none. */
struct note *last_event(struct world *world, int64_t room_id);
/* How many publications on @channel had @event as their name. */
size_t count_events(struct world *world, const char *channel, const char *event);
/* The place of the first note of @kind on @channel from @from on; NOTES_MAX: none. */
size_t find_note(struct world *world, size_t from, enum note_kind kind, const char *channel);
enum status authorize(struct world *world, int64_t user_id, const char *rest, struct channel_top *top);
