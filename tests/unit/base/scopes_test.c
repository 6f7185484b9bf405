/* What an API token may be used for, and that it takes away from its owner's rights and never adds. */
#include "base/scopes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/session.h"

static void scopes_name_rights_on_models(void **state)
{
    (void)state;
    SCOPED(scopes_free) struct scopes *scopes = scopes_parse("{\"news\":[\"read\",\"write\"],\"task\":[\"delete\"]}");

    assert_non_null(scopes);
    assert_int_equal(scopes_of(scopes, "news"), RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(scopes_of(scopes, "task"), RIGHT_DELETE);
    assert_int_equal(scopes_of(scopes, "room"), 0);
}

static void a_star_is_every_model(void **state)
{
    (void)state;
    SCOPED(scopes_free) struct scopes *scopes = scopes_parse("{\"*\":[\"read\"],\"news\":[\"write\"]}");

    assert_int_equal(scopes_of(scopes, "news"), RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(scopes_of(scopes, "anything"), RIGHT_READ);
}

static void what_is_printed_is_read_again(void **state)
{
    static const char text[] = "{\"*\":[\"read\"],\"news\":[\"read\",\"write\",\"delete\"]}";
    (void)state;
    SCOPED(scopes_free) struct scopes *scopes = scopes_parse(text);
    SCOPED(buffer_free) struct buffer json = {0};

    scopes_print(scopes, &json);

    assert_string_equal(json.bytes, text);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    static const struct {
        const char *json, *pointer;
    } cases[] = {
        {"[]", ""},
        {"{}", ""},
        {"\"news\"", ""},
        {"{\"news\":\"read\"}", "/news"},
        {"{\"news\":[]}", "/news"},
        {"{\"news\":[\"read\",\"fly\"]}", "/news"},
        {"{\"news\":[\"read\"],\"task\":[\"grant\"]}", "/task"}, /* to hand rights on is for people */
        {"{\"news\":[1]}", "/news"},
        {"{\"\":[\"read\"]}", "/"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *why = NULL;
        char pointer[80];
        SCOPED(json_free) cJSON *json = json_parse(cases[i].json, strlen(cases[i].json), NULL);
        assert_null(scopes_read(json, &why, pointer, sizeof pointer));
        assert_non_null(why);
        assert_string_equal(pointer, cases[i].pointer);
    }
    assert_null(scopes_read(NULL, NULL, NULL, 0));
}

static void too_many_models_are_refused(void **state)
{
    (void)state;
    SCOPED(json_free) cJSON *json = cJSON_CreateObject();
    for (int i = 0; i <= SCOPES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "model_%d", i);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(json, name), cJSON_CreateString("read"));
    }
    assert_null(scopes_read(json, NULL, NULL, 0));
    cJSON_DeleteItemFromObject(json, "model_0");
    SCOPED(scopes_free) struct scopes *scopes = scopes_read(json, NULL, NULL, 0);
    assert_non_null(scopes);
}

/* ---- with permissions ---- */

struct token_world {
    struct permissions *permissions;
    struct sessions *sessions;
    struct actor owner, token;
};

static int setup(void **state)
{
    static struct token_world world;
    world.permissions = permissions_new();
    world.sessions = sessions_new(1000);
    permissions_set_sessions(world.permissions, world.sessions);
    SCOPED(scopes_free) struct scopes *scopes = scopes_parse("{\"news\":[\"read\",\"delete\"],\"task\":[\"read\"]}");
    struct session session = {.id = 8,
                              .user_id = 1,
                              .expires_ms = 1000000,
                              .used_ms = 0,
                              .digest = "d",
                              .name = (char *)"ann",
                              .scopes = scopes};
    assert_true(sessions_add(world.sessions, &session));
    world.owner = (struct actor){.user_id = 1, .session_id = 7};
    session_actor(sessions_get(world.sessions, 8), &world.token);
    permissions_set(world.permissions, SUBJECT_USER, 1, "news", RIGHT_READ | RIGHT_WRITE);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct token_world *world = *state;
    permissions_free(world->permissions);
    sessions_free(world->sessions);
    return 0;
}

static void a_token_has_what_both_the_owner_and_its_scopes_allow(void **state)
{
    const struct token_world *world = *state;
    assert_true(world->token.is_token);
    assert_int_equal(permissions_of(world->permissions, &world->owner, "news"), RIGHT_READ | RIGHT_WRITE);
    assert_int_equal(permissions_of(world->permissions, &world->token, "news"), RIGHT_READ);
    assert_int_equal(permissions_of(world->permissions, &world->token, "task"), 0);
    assert_int_equal(permissions_of(world->permissions, &world->token, "room"), 0);
}

static void a_superusers_token_is_no_superuser(void **state)
{
    const struct token_world *world = *state;
    permissions_set_superuser(world->permissions, 1, true);

    assert_true(permissions_is_superuser(world->permissions, &world->owner));
    assert_false(permissions_is_superuser(world->permissions, &world->token));
    assert_int_equal(permissions_of(world->permissions, &world->token, "news"), RIGHT_READ | RIGHT_DELETE);
    assert_int_equal(permissions_of(world->permissions, &world->token, "room"), 0);
    assert_false(permissions_may_grant(world->permissions, &world->token, "news"));
    assert_false(permissions_may_grant(world->permissions, &world->token, NULL));
}

static void a_token_that_is_gone_may_do_nothing(void **state)
{
    const struct token_world *world = *state;
    sessions_remove(world->sessions, 8);

    assert_int_equal(permissions_of(world->permissions, &world->token, "news"), 0);
    assert_int_equal(permissions_scope(world->permissions, &world->token, "news"), 0);
}

static void a_token_does_not_end_for_being_idle(void **state)
{
    const struct token_world *world = *state;
    assert_non_null(sessions_find(world->sessions, "d", 999999));
    assert_null(sessions_find(world->sessions, "d", 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_name_rights_on_models),
        cmocka_unit_test(a_star_is_every_model),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(too_many_models_are_refused),
        cmocka_unit_test_setup_teardown(a_token_has_what_both_the_owner_and_its_scopes_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(a_superusers_token_is_no_superuser, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_is_gone_may_do_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_does_not_end_for_being_idle, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
