/* Who may grant on a model: no more than he holds, no longer than he holds it, and on no other model. */
#include <stdlib.h>
#include <string.h>
#include "ground.h"

/* Ann may read, write and grant on news. */
static struct actor delegate(struct world *world)
{
    made(
        ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read','write','grant']}"));
    struct actor ann = person(app(world)->ann, 0);
    strcpy(ann.name, "ann");
    return ann;
}

static void who_may_grant_gives_what_he_holds(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);

    struct answer *answer =
        ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read','grant'],'reason':'x'}");

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_string_equal(look_text(answer->json, "granted_by.name"), "ann");
    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_READ | RIGHT_GRANT);
    assert_int_equal(world_get_int(world, "SELECT user_id FROM audit ORDER BY id DESC LIMIT 1"), app(world)->ann);
}

static void what_he_lacks_himself_is_refused(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    static const char *const params[] = {
        "{'subject':'user:bob','model':'news','rights':['delete']}",
        "{'subject':'user:ann','model':'news','rights':['read','write','delete','grant']}",
        "{'subject':'members','model':'news','rights':['read','delete']}",
        "{'subject':'user:bob','model':'room','rights':['read']}",
        "{'subject':'user:bob','model':'room','rights':[]}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(params); i++)
        assert_int_equal(ask(world, ann, "grant.create", "%s", params[i])->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(ask(world, ann, "grant.create", "%s", params[0])->detail, "you lack it"));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 1);
    assert_int_equal(rights(world, app(world)->bob, "news"), 0);
}

static void nothing_lasts_longer_than_what_it_comes_from(void **state)
{
    struct world *world = *state;
    char until[40];
    strcpy(until, moment(3600000));
    made(ask(world, shell(), "grant.create",
             "{'subject':'user:ann','model':'news','rights':['read','grant'],'until':'%s'}", until));
    struct actor ann = person(app(world)->ann, 0);

    struct answer *for_good =
        ask(world, ann, "grant.create", "{'subject':'user:ann','model':'news','rights':['read','grant']}");
    struct answer *longer =
        ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read'],'until':'%s'}",
            moment(7200000));
    struct answer *as_long =
        ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read'],'until':'%s'}", until);

    assert_int_equal(for_good->status, STATUS_FORBIDDEN);
    assert_int_equal(longer->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(longer->detail, until));
    assert_int_equal(as_long->status, STATUS_CREATED);
}

static void he_takes_back_on_his_model_only(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    long long news =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read','write']}"));
    long long room =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read']}"));

    assert_int_equal(ask(world, ann, "grant.delete", "{'id':%lld}", room)->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, ann, "grant.delete", "{'id':99}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, ann, "grant.delete", "{'id':%lld}", news)->status, STATUS_NO_CONTENT);

    assert_int_equal(rights(world, app(world)->bob, "room"), RIGHT_READ);
    assert_int_equal(rights(world, app(world)->bob, "news"), 0);
}

/* Of what she holds through a grant alone, that grant is not hers to take. */
static void what_he_could_not_give_he_cannot_take_back(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read','grant']}"));
    long long members =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read','write']}"));
    long long bobs =
        made(ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['delete']}"));
    struct actor ann = person(app(world)->ann, 0);
    int64_t entries = world_get_int(world, "SELECT count(*) FROM audit");

    struct answer *of_all = ask(world, ann, "grant.delete", "{'id':%lld}", members);
    assert_int_equal(of_all->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(of_all->detail, "take back \"write\" on \"news\""));
    assert_int_equal(ask(world, ann, "grant.delete", "{'id':%lld}", bobs)->status, STATUS_FORBIDDEN);
    static const char *const less[] = {
        "{'subject':'members','model':'news','rights':[]}",
        "{'subject':'members','model':'news','rights':['read']}",
        "{'subject':'user:bob','model':'news','rights':['read']}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(less); i++)
        assert_int_equal(ask(world, ann, "grant.create", "%s", less[i])->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, ann, "grant.create",
                         "{'subject':'members','model':'news','rights':['read','write'],'until':'%s'}", moment(3600000))
                         ->status,
                     STATUS_FORBIDDEN);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), entries);
    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE);
}

/* All that she holds comes through the group, so she cannot cut the others in it off. */
static void of_his_group_he_takes_nothing_that_he_holds_by_it_alone(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':1}");
    made(ask(world, shell(), "grant.create", "{'subject':'group:1','model':'news','rights':['read','grant']}"));
    struct actor ann = person(app(world)->ann, 0);

    struct answer *less = ask(world, ann, "grant.create", "{'subject':'group:1','model':'news','rights':['grant']}");

    assert_int_equal(less->status, STATUS_FORBIDDEN);
    assert_non_null(strstr(less->detail, "take back \"read\""));
    assert_int_equal(rights(world, app(world)->ann, "news"), RIGHT_READ | RIGHT_GRANT);
    assert_int_equal(
        ask(world, ann, "grant.create", "{'subject':'group:1','model':'news','rights':['read','grant']}")->status,
        STATUS_CREATED);
}

static void what_he_could_give_he_may_take_back_and_his_own_too(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    made(ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['read','write']}"));

    assert_int_equal(ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':[]}")->status,
                     STATUS_OK);
    assert_int_equal(ask(world, ann, "grant.create", "{'subject':'user:ann','model':'news','rights':['read']}")->status,
                     STATUS_CREATED);

    assert_int_equal(rights(world, app(world)->bob, "news"), 0);
    assert_int_equal(rights(world, app(world)->ann, "news"), RIGHT_READ);
}

static void he_sees_the_grants_of_his_model_only(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}");

    struct answer *list = ask(world, ann, "grant.list", "{}");

    assert_int_equal(cJSON_GetArraySize(json_get(list->json, "items")), 2);
    assert_string_equal(look_text(list->json, "items.0.model"), "news");
    assert_string_equal(look_text(list->json, "items.1.name"), "bob");
    assert_int_equal(cJSON_GetArraySize(json_get(ask(world, ann, "grant.list", "{'model':'room'}")->json, "items")), 0);
}

static void one_grant_is_shown_to_who_may_see_it(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world), bob = person(app(world)->bob, 0);
    long long news =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read']}"));
    long long own =
        made(ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'room','rights':['read']}"));

    assert_string_equal(look_text(ask(world, shell(), "grant.detail", "{'id':%lld}", own)->json, "name"), "bob");
    assert_string_equal(look_text(ask(world, bob, "grant.detail", "{'id':%lld}", own)->json, "subject"), "user:2");
    assert_int_equal(ask(world, ann, "grant.detail", "{'id':%lld}", news)->status, STATUS_OK);
    struct answer *hidden = ask(world, ann, "grant.detail", "{'id':%lld}", own);
    struct answer *absent = ask(world, ann, "grant.detail", "{'id':99}");
    assert_int_equal(hidden->status, STATUS_NOT_FOUND);
    assert_int_equal(absent->status, STATUS_NOT_FOUND);
    assert_null(hidden->detail);
    assert_int_equal(ask(world, bob, "grant.detail", "{'id':%lld}", news)->status, STATUS_NOT_FOUND);
}

/* Ann's right is taken back first; what she sends meanwhile was let in by a memory that did not know it yet. */
static void a_right_that_is_being_taken_away_is_not_handed_on(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    world_hold(world);
    struct answer *taken =
        send_as(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read','grant']}");
    struct answer *handed =
        send_as(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['write']}");
    struct answer *less =
        send_as(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}");
    struct answer *all = send_as(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':[]}");
    struct answer *late = send_as(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':[]}");
    world_release(world);
    world_run(world);

    assert_int_equal(taken->status, STATUS_CREATED);
    assert_int_equal(handed->status, STATUS_FORBIDDEN);
    assert_int_equal(less->status, STATUS_CREATED);
    assert_int_equal(all->status, STATUS_OK);
    assert_int_equal(late->status, STATUS_FORBIDDEN);
    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_READ);
}

static void what_was_given_stays_when_the_giver_loses_the_right(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    made(ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}"));

    ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':[]}");

    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_READ);
    assert_int_equal(ask(world, ann, "grant.list", "{}")->status, STATUS_FORBIDDEN);
}

static void to_grant_is_not_for_everyone(void **state)
{
    struct world *world = *state;
    struct answer *answer =
        ask(world, shell(), "grant.create", "{'subject':'everyone','model':'news','rights':['read','grant']}");

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_non_null(strstr(answer->errors, "/rights"));
}

static void a_group_may_be_given_the_right_to_grant(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':%lld}", (long long)app(world)->ann);
    made(ask(world, shell(), "grant.create", "{'subject':'group:editors','model':'news','rights':['read','grant']}"));
    struct actor ann = person(app(world)->ann, 0);

    assert_int_equal(ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}")->status,
                     STATUS_CREATED);
    ask(world, shell(), "group_member.delete", "{'id':1,'user':%lld}", (long long)app(world)->ann);
    assert_int_equal(ask(world, ann, "grant.create", "{'subject':'user:bob','model':'news','rights':[]}")->status,
                     STATUS_FORBIDDEN);
}

/* Groups, the record and accounts are no model's. */
static void other_things_stay_with_administrators(void **state)
{
    struct world *world = *state;
    struct actor ann = delegate(world);
    static const char *const methods[] = {"group.list",   "group.detail",        "group.create",
                                          "group.update", "group.delete",        "audit.list",
                                          "audit.verify", "group_member.create", "group_member.delete"};
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
        assert_int_equal(ask(world, ann, methods[i], "{}")->status, STATUS_FORBIDDEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_open, ground_close)
    const struct CMUnitTest tests[] = {
        TEST(who_may_grant_gives_what_he_holds),
        TEST(what_he_lacks_himself_is_refused),
        TEST(nothing_lasts_longer_than_what_it_comes_from),
        TEST(he_takes_back_on_his_model_only),
        TEST(what_he_could_not_give_he_cannot_take_back),
        TEST(of_his_group_he_takes_nothing_that_he_holds_by_it_alone),
        TEST(what_he_could_give_he_may_take_back_and_his_own_too),
        TEST(he_sees_the_grants_of_his_model_only),
        TEST(one_grant_is_shown_to_who_may_see_it),
        TEST(a_right_that_is_being_taken_away_is_not_handed_on),
        TEST(what_was_given_stays_when_the_giver_loses_the_right),
        TEST(to_grant_is_not_for_everyone),
        TEST(a_group_may_be_given_the_right_to_grant),
        TEST(other_things_stay_with_administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
