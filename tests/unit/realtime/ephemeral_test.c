/* Ephemeral channels as the trusted use them: publishing without listening, to many, once per key; forgetting; who is
 * where. And the log beneath: its bounds and its end. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "realtime/ephemeral_state.h"

#define NAMESPACES "{\"chat\":{\"history_size\":3,\"history_ttl_s\":10,\"recover\":true,\"presence\":true},\"bare\":{}}"

struct scene {
    struct world *world;
    struct ephemeral *ephemeral;
    struct permissions *permissions;
    struct sessions *sessions;
    bool is_client; /* who asks is nobody in particular, not the shell */
    enum status status;
    cJSON *result;
};

static int scene_open(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    char why[512];
    void *world;
    assert_non_null(scene);
    world_open(&world);
    scene->world = world;
    scene->permissions = permissions_new();
    scene->sessions = sessions_new(1000);
    dispatch_set_home(scene->world->dispatch, NULL, scene->permissions, scene->sessions);
    assert_true(settings_set(scene->world->settings, "namespaces", NAMESPACES, why, sizeof why));
    scene->ephemeral = ephemeral_new(scene->world->dispatch, scene->world->hub);
    assert_non_null(scene->ephemeral);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    void *world = scene->world;
    world_close(&world);
    ephemeral_free(scene->ephemeral);
    permissions_free(scene->permissions);
    sessions_free(scene->sessions);
    cJSON_Delete(scene->result);
    free(scene);
    return 0;
}

static void note(struct request *request)
{
    struct scene *scene = request->door;
    cJSON_Delete(scene->result);
    scene->status = request->status;
    scene->result = json_parse(request->result.bytes, request->result.length, NULL);
}

/* Asked by the shell; the answer is in the scene. */
static enum status ask(struct scene *scene, const char *action, const char *params)
{
    struct request *request = dispatch_request(scene->world->dispatch, action);
    assert_non_null(request);
    cJSON_Delete(request->params);
    request->params = json_parse(params, strlen(params), NULL);
    assert_non_null(request->params);
    request->actor.is_shell = !scene->is_client;
    request->reply = note;
    request->door = scene;
    dispatch_start(request);
    return scene->status;
}

/* The answer to channel.history: "2 3". */
static const char *history(struct scene *scene, const char *channel)
{
    static char text[200];
    char params[200];
    const cJSON *item;
    size_t length = 0;
    snprintf(params, sizeof params, "{\"channel\":\"%s\",\"limit\":-1}", channel);
    assert_int_equal(ask(scene, "channel.history", params), STATUS_OK);
    text[0] = '\0';
    cJSON_ArrayForEach (item, json_get(scene->result, "publications"))
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", length ? " " : "",
                                   (long long)json_get_int(item, "offset", 0));
    return text;
}

static void the_trusted_publish_without_listening(void **state)
{
    struct scene *scene = *state;
    struct websocket *socket = world_connect(scene->world);
    world_listen(socket, "chat:a");
    assert_int_equal(
        ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":{\"x\":1},\"tags\":{\"t\":\"u\"}}"), STATUS_OK);
    assert_int_equal(json_get_int(scene->result, "offset", 0), 1);
    assert_non_null(json_get_text(scene->result, "epoch"));
    assert_int_equal(ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":2,\"skip_history\":true}"),
                     STATUS_OK);
    assert_null(json_get(scene->result, "offset"));
    assert_int_equal(ask(scene, "channel.publish", "{\"channel\":\"bare:a\",\"data\":3}"), STATUS_OK);
    world_settle(scene->world);
    assert_string_equal(world_heard(socket), "1 0");
    assert_string_equal(socket->texts[0], "{\"push\":{\"channel\":\"chat:a\",\"pub\":{\"data\":{\"x\":1},\"tags\":{"
                                          "\"t\":\"u\"},\"offset\":1}}}");
    assert_string_equal(history(scene, "chat:a"), "1");
}

static void what_is_no_publication_is_refused(void **state)
{
    struct scene *scene = *state;
    static const struct {
        enum status status;
        const char *params;
    } rows[] = {
        {STATUS_MALFORMED, "{}"},
        {STATUS_MALFORMED, "{\"channel\":\"\",\"data\":1}"},
        {STATUS_MALFORMED, "{\"channel\":7,\"data\":1}"},
        {STATUS_MALFORMED, "{\"channel\":\"chat:a\"}"},
        {STATUS_MALFORMED, "{\"channel\":\"chat:a\",\"data\":1,\"tags\":{\"t\":1}}"},
        {STATUS_MALFORMED, "{\"channel\":\"chat:a\",\"data\":1,\"tags\":[]}"},
        {STATUS_MALFORMED, "{\"channel\":\"chat:a\",\"data\":1,\"idempotency_key\":\"\"}"},
        {STATUS_MALFORMED, "{\"channel\":\"chat:a\",\"data\":1,\"idempotency_key\":1}"},
        {STATUS_NOT_FOUND, "{\"channel\":\"other:a\",\"data\":1}"},
        {STATUS_NOT_FOUND, "{\"channel\":\"room:1\",\"data\":1}"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_int_equal(ask(scene, "channel.publish", rows[i].params), rows[i].status);
    assert_string_equal(history(scene, "chat:a"), "");
}

static void only_the_trusted_do_what_is_theirs(void **state)
{
    struct scene *scene = *state;
    scene->is_client = true;
    assert_int_equal(ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":1}"), STATUS_FORBIDDEN);
    assert_int_equal(ask(scene, "channel.broadcast", "{\"channels\":[\"chat:a\"],\"data\":1}"), STATUS_FORBIDDEN);
    assert_int_equal(ask(scene, "channel.history_remove", "{\"channel\":\"chat:a\"}"), STATUS_FORBIDDEN);
    assert_int_equal(ask(scene, "channel.list", "{}"), STATUS_FORBIDDEN);
    scene->is_client = false;
    assert_string_equal(history(scene, "chat:a"), "");
}

static void a_key_publishes_once_per_channel_and_while_it_is_remembered(void **state)
{
    struct scene *scene = *state;
    const char *params = "{\"channel\":\"chat:a\",\"data\":1,\"idempotency_key\":\"k\"}";
    assert_int_equal(ask(scene, "channel.publish", params), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        world_now_ms += 99999;
        assert_int_equal(ask(scene, "channel.publish", params), STATUS_OK);
        assert_int_equal(json_get_int(scene->result, "offset", 0), 1);
    }
    assert_int_equal(ask(scene, "channel.publish", "{\"channel\":\"chat:ak\",\"data\":1,\"idempotency_key\":\"k\"}"),
                     STATUS_OK);
    assert_string_equal(history(scene, "chat:ak"), "1");
    world_now_ms += 10;
    assert_int_equal(ask(scene, "channel.publish", params), STATUS_OK);
    assert_int_equal(json_get_int(scene->result, "offset", 0), 2);
}

static void a_broadcast_says_for_each_channel_how_it_went(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask(scene, "channel.broadcast", "{\"channels\":[\"chat:a\",\"other:a\",\"bare:a\",7],\"data\":1}"),
                     STATUS_OK);
    const cJSON *responses = json_get(scene->result, "responses");
    assert_int_equal(cJSON_GetArraySize(responses), 4);
    assert_int_equal(json_get_int(json_get(cJSON_GetArrayItem(responses, 0), "result"), "offset", 0), 1);
    assert_int_equal(json_get_int(json_get(cJSON_GetArrayItem(responses, 1), "error"), "code", 0), 102);
    assert_non_null(json_get(cJSON_GetArrayItem(responses, 2), "result"));
    assert_int_equal(json_get_int(json_get(cJSON_GetArrayItem(responses, 3), "error"), "code", 0), 107);
    assert_int_equal(ask(scene, "channel.broadcast", "{\"channels\":{},\"data\":1}"), STATUS_MALFORMED);
    assert_int_equal(ask(scene, "channel.broadcast", "{\"channels\":[\"chat:a\"]}"), STATUS_MALFORMED);
}

static void removed_history_is_gone_and_offsets_go_on(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 2; i++)
        ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":1}");
    assert_int_equal(ask(scene, "channel.history_remove", "{\"channel\":\"chat:a\"}"), STATUS_OK);
    assert_string_equal(history(scene, "chat:a"), "");
    ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":1}");
    assert_string_equal(history(scene, "chat:a"), "3");
    assert_int_equal(ask(scene, "channel.history_remove", "{\"channel\":\"chat:never\"}"), STATUS_OK);
    assert_int_equal(ask(scene, "channel.history_remove", "{\"channel\":\"bare:a\"}"), STATUS_UNKNOWN_METHOD);
    assert_int_equal(ask(scene, "channel.history_remove", "{\"channel\":\"other:a\"}"), STATUS_NOT_FOUND);
}

static void history_is_bounded_in_number_and_age(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 7; i++)
        ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":1}");
    assert_string_equal(history(scene, "chat:a"), "5 6 7");
    world_now_ms += 9999;
    ask(scene, "channel.publish", "{\"channel\":\"chat:a\",\"data\":1}");
    assert_string_equal(history(scene, "chat:a"), "6 7 8");
    world_now_ms += 1;
    assert_string_equal(history(scene, "chat:a"), "8");
    world_now_ms += 10000;
    assert_string_equal(history(scene, "chat:a"), "");
    assert_int_equal(json_get_int(scene->result, "offset", 0), 8);
    assert_int_equal(scene->ephemeral->logs.bytes, 0);
}

static void the_list_names_channels_in_use_by_pattern(void **state)
{
    struct scene *scene = *state;
    struct websocket *one = world_connect(scene->world), *other = world_connect(scene->world);
    world_listen(one, "chat:a");
    world_listen(other, "chat:a");
    world_listen(one, "bare:b");
    static const struct {
        const char *pattern;
        int count;
    } rows[] = {{"", 2},       {"*", 2},   {"chat:*", 1}, {"chat:a", 1},  {"chat", 0},       {"*a", 1},
                {"?????a", 1}, {"*:*", 2}, {"*b*b*", 1},  {"chat:a?", 0}, {"*a*a*a*a*b", 0}, {"**:b**", 1}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char params[100];
        snprintf(params, sizeof params, "{\"pattern\":\"%s\"}", rows[i].pattern);
        assert_int_equal(ask(scene, "channel.list", params), STATUS_OK);
        if (cJSON_GetArraySize(json_get(scene->result, "channels")) != rows[i].count)
            fail_msg("%s finds %d", rows[i].pattern, cJSON_GetArraySize(json_get(scene->result, "channels")));
    }
    assert_int_equal(ask(scene, "channel.list", "{}"), STATUS_OK);
    const cJSON *channel = json_get(json_get(scene->result, "channels"), "chat:a");
    assert_int_equal(json_get_int(channel, "num_clients", 0), 2);
    assert_int_equal(ask(scene, "channel.presence_stats", "{\"channel\":\"chat:a\"}"), STATUS_OK);
    assert_int_equal(json_get_int(scene->result, "num_clients", 0), 2);
    assert_int_equal(ask(scene, "channel.presence", "{\"channel\":\"bare:b\"}"), STATUS_UNKNOWN_METHOD);
}

/* What another life of the home publishes does not go on from what this node has. */
static void an_event_of_another_log_ends_the_subscriptions(void **state)
{
    struct scene *scene = *state;
    static const char first[] = "E1 0 one\n{\"push\":{\"pub\":{\"data\":1,\"offset\":1}}}";
    static const char other[] = "E2 0 two\n{\"push\":{\"pub\":{\"data\":2,\"offset\":2}}}";
    struct websocket *socket = world_connect(scene->world);
    struct channel *channel = world_listen(socket, "chat:a")->channel;
    strcpy(channel->epoch, "one");
    channel->is_synced = true;
    hub_bus_message(scene->world->hub, "ch:chat:a", first, sizeof first - 1);
    world_settle(scene->world);
    hub_bus_message(scene->world->hub, "ch:chat:a", other, sizeof other - 1);
    world_settle(scene->world);
    assert_string_equal(world_heard(socket), "1 u");
}

int main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)
    const struct CMUnitTest tests[] = {
        IN_SCENE(the_trusted_publish_without_listening),
        IN_SCENE(what_is_no_publication_is_refused),
        IN_SCENE(only_the_trusted_do_what_is_theirs),
        IN_SCENE(a_key_publishes_once_per_channel_and_while_it_is_remembered),
        IN_SCENE(a_broadcast_says_for_each_channel_how_it_went),
        IN_SCENE(removed_history_is_gone_and_offsets_go_on),
        IN_SCENE(history_is_bounded_in_number_and_age),
        IN_SCENE(an_event_of_another_log_ends_the_subscriptions),
        IN_SCENE(the_list_names_channels_in_use_by_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
