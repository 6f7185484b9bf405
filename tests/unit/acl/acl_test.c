/* Groups and grants from the dispatcher to the data base: in force before the answer, recorded, and the same after a
 * restart. */
#include <stdlib.h>
#include <string.h>
#include "ground.h"

static void a_grant_is_in_force_with_its_answer(void **state)
{
    struct world *world = *state;
    struct answer *answer =
        ask(world, shell(), "grant.create",
            "{'subject':'user:%lld','model':'message','rights':['read','delete'],'reason':'asked for'}",
            (long long)app(world)->ann);

    assert_int_equal(answer->status, STATUS_CREATED);
    assert_int_equal(answer->created_id, look_int(answer->json, "id"));
    assert_string_equal(look_text(answer->json, "subject"), "user:1");
    assert_string_equal(look_text(answer->json, "rights.1"), "delete");
    assert_string_equal(look_text(answer->json, "reason"), "asked for");
    assert_int_equal(rights(world, app(world)->ann, "message"), RIGHT_READ | RIGHT_DELETE);
    assert_int_equal(rights(world, app(world)->bob, "message"), 0);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_RECHECK, app(world)->ann), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_PUBLISH, app(world)->ann), 1); /* ann's windows look again */
}

static void a_second_grant_takes_the_place_of_the_first(void **state)
{
    struct world *world = *state;
    int64_t first =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read','write']}"));
    int64_t second =
        made(ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['delete']}"));

    assert_true(second > first);
    assert_int_equal(rights(world, app(world)->ann, "room"), RIGHT_DELETE);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 1);
    assert_int_equal(hub_count(&app(world)->hub, NOTE_RECHECK, 0), 2); /* everybody */
}

static void no_rights_at_all_take_the_grant_away(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "grant.create", "{'subject':'everyone','model':'room','rights':['read']}"));

    struct answer *answer = ask(world, shell(), "grant.create", "{'subject':'everyone','model':'room','rights':[]}");

    assert_int_equal(answer->status, STATUS_OK);
    assert_int_equal(rights(world, 0, "room"), 0);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 0);
}

static void what_was_not_there_is_not_taken_away_and_not_recorded(void **state)
{
    struct world *world = *state;
    struct answer *answer = ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'room','rights':[]}");

    assert_int_equal(answer->status, STATUS_NOT_FOUND);
    assert_string_equal(answer->detail, "There is no grant to user:1 on \"room\".");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), 0);
}

static void taking_back_has_a_reason_too(void **state)
{
    struct world *world = *state;
    long long id = made(ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read']}"));

    assert_int_equal(ask(world, shell(), "grant.delete", "{'id':%lld,'reason':5}", id)->status, STATUS_INVALID);
    assert_int_equal(ask(world, shell(), "grant.delete", "{'id':%lld,'reason':'too wide'}", id)->status,
                     STATUS_NO_CONTENT);

    struct answer *list = ask(world, shell(), "audit.list", "{'limit':1}");
    assert_string_equal(look_text(list->json, "items.0.action"), "revoke");
    assert_string_equal(look_text(list->json, "items.0.detail.reason"), "too wide");
}

static void a_grant_is_taken_back_by_its_id(void **state)
{
    struct world *world = *state;
    static const char *const subjects[] = {"everyone", "members", "user:1", "group:1"};
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':1}");
    for (size_t i = 0; i < ARRAY_LENGTH(subjects); i++) {
        long long id =
            made(ask(world, shell(), "grant.create", "{'subject':'%s','model':'room','rights':['read']}", subjects[i]));
        assert_int_equal(rights(world, 1, "room"), RIGHT_READ);

        assert_int_equal(ask(world, shell(), "grant.delete", "{'id':%lld}", id)->status, STATUS_NO_CONTENT);

        assert_int_equal(rights(world, 1, "room"), 0);
        assert_int_equal(ask(world, shell(), "grant.delete", "{'id':%lld}", id)->status, STATUS_NOT_FOUND);
    }
}

static void subjects_may_be_named(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    made(ask(world, shell(), "grant.create", "{'subject':'user:BOB','model':'room','rights':['read']}"));
    struct answer *answer =
        ask(world, shell(), "grant.create", "{'subject':'group:editors','model':'room','rights':['write']}");

    assert_string_equal(look_text(answer->json, "subject"), "group:1");
    assert_int_equal(rights(world, app(world)->bob, "room"), RIGHT_READ);
}

/* Who is called so from earlier times: what is meant for user 77 must not go to somebody of that name. */
static void digits_are_an_id_and_never_a_name(void **state)
{
    struct world *world = *state;
    int64_t sly = world_add_user(world, "77");

    struct answer *answer =
        ask(world, shell(), "grant.create", "{'subject':'user:77','model':'grant','rights':['write']}");

    assert_int_equal(answer->status, STATUS_INVALID);
    assert_int_equal(rights(world, sly, "grant"), 0);
}

static void a_group_is_not_called_by_a_number(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));

    struct answer *made_anew = ask(world, shell(), "group.create", "{'name':'42'}");
    struct answer *renamed = ask(world, shell(), "group.update", "{'id':1,'name':'42'}");

    assert_int_equal(made_anew->status, STATUS_INVALID);
    assert_non_null(strstr(made_anew->errors, "/name"));
    assert_int_equal(renamed->status, STATUS_INVALID);
    made(ask(world, shell(), "group.create", "{'name':'42nd street'}"));
}

static void groups_are_paged_and_found_by_their_name(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"c", "a", "b"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        made(ask(world, shell(), "group.create", "{'name':'%s'}", names[i]));

    struct answer *first = ask(world, shell(), "group.list", "{'limit':2}");
    struct answer *second = ask(world, shell(), "group.list", "{'limit':2,'after':2}");
    struct answer *named = ask(world, shell(), "group.list", "{'name':'b'}");

    assert_string_equal(look_text(first->json, "items.0.name"), "c");
    assert_int_equal(look_int(first->json, "next"), 2);
    assert_string_equal(look_text(second->json, "items.0.name"), "b");
    assert_true(cJSON_IsNull(json_get(second->json, "next")));
    assert_int_equal(cJSON_GetArraySize(json_get(named->json, "items")), 1);
    assert_int_equal(look_int(named->json, "items.0.id"), 3);
    assert_int_equal(cJSON_GetArraySize(json_get(ask(world, shell(), "group.list", "{'name':'d'}")->json, "items")), 0);
}

static void of_a_large_group_a_thousand_are_shown_and_all_are_counted(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'many'}"));
    world_run_sql(world, "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1300) INSERT INTO "
                         "user(id, name, name_folded, password_hash, created_at, updated_at) SELECT i, 'n' || i, 'n' "
                         "|| i, '', 0, 0 FROM n");
    world_run_sql(world, "INSERT INTO group_member(group_id, user_id) SELECT 1, id FROM user WHERE id >= 100");

    struct answer *list = ask(world, shell(), "group.list", "{}");

    assert_int_equal(look_int(list->json, "items.0.members"), 1201);
    assert_int_equal(look_int(list->json, "items.0.users.0"), 100);
    assert_true(has(list->json, "items.0.users.999"));
    assert_false(has(list->json, "items.0.users.1000"));
}

/* Who sees everything is told which of the words was wrong. */
static void a_wrong_id_is_named_to_administrators(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    static const struct {
        const char *method, *params, *words;
    } cases[] = {
        {"grant.detail", "{'id':99}", "There is no grant 99."},
        {"grant.delete", "{'id':99}", "There is no grant 99."},
        {"group.detail", "{'id':9}", "There is no group 9."},
        {"group.update", "{'id':9,'name':'x'}", "There is no group 9."},
        {"group.delete", "{'id':9}", "There is no group 9."},
        {"group_member.create", "{'id':9,'user':1}", "There is no group 9."},
        {"group_member.create", "{'id':1,'user':99}", "There is no user 99."},
        {"group_member.delete", "{'id':9,'user':1}", "There is no group 9."},
        {"group_member.delete", "{'id':1,'user':1}", "User 1 is not in group 1."},
        {"acl.explain", "{'user':'bob','model':'news','action':'read','id':5}", "There is no row 5 of \"news\"."},
        {"acl.who", "{'model':'news','right':'read','id':5}", "There is no row 5 of \"news\"."},
    };
    struct actor root = superuser(world, "root");
    for (size_t i = 0; i < ARRAY_LENGTH(cases) * 2; i++) {
        size_t at = i / 2;
        struct answer *answer = ask(world, i % 2 ? root : shell(), cases[at].method, "%s", cases[at].params);
        assert_int_equal(answer->status, STATUS_NOT_FOUND);
        assert_non_null(answer->detail);
        assert_string_equal(answer->detail, cases[at].words);
    }
}

static void what_makes_no_sense_is_refused_with_its_place(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *subject, *model, *rights, *pointer;
    } wrong[] = {
        {"'user:99'", "'room'", "['read']", "/subject"},
        {"'group:99'", "'room'", "['read']", "/subject"},
        {"'user:'", "'room'", "['read']", "/subject"},
        {"'user'", "'room'", "['read']", "/subject"},
        {"'members:1'", "'room'", "['read']", "/subject"},
        {"'Members'", "'room'", "['read']", "/subject"},
        {"''", "'room'", "['read']", "/subject"},
        {"5", "'room'", "['read']", "/subject"},
        {"'members'", "'rooms'", "['read']", "/model"},
        {"'members'", "null", "['read']", "/model"},
        {"'members'", "'room'", "['reed']", "/rights"},
        {"'members'", "'room'", "'read'", "/rights"},
        {"'members'", "'room'", "[1]", "/rights"},
        {"'members'", "'room'", "null", "/rights"},
        {"'members'", "'room'", "{'a':'read'}", "/rights"},
        {"'user:99999999999999999999999'", "'room'", "['read']", "/subject"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct answer *answer = ask(world, shell(), "grant.create", "{'subject':%s,'model':%s,'rights':%s}",
                                    wrong[i].subject, wrong[i].model, wrong[i].rights);
        assert_int_equal(answer->status, STATUS_INVALID);
        assert_non_null(strstr(answer->errors, wrong[i].pointer));
    }
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\""), 0);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), 0);
}

static void a_group_gives_its_rights_to_who_is_in_it(void **state)
{
    struct world *world = *state;
    int64_t ann = app(world)->ann;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    made(ask(world, shell(), "grant.create", "{'subject':'group:1','model':'message','rights':['delete']}"));
    assert_int_equal(rights(world, ann, "message"), 0);

    assert_int_equal(ask(world, shell(), "group_member.create", "{'id':1,'user':%lld}", (long long)ann)->status,
                     STATUS_NO_CONTENT);
    assert_int_equal(rights(world, ann, "message"), RIGHT_DELETE);
    assert_int_equal(ask(world, shell(), "group_member.create", "{'id':1,'user':%lld}", (long long)ann)->status,
                     STATUS_NO_CONTENT);
    assert_int_equal(ask(world, shell(), "group_member.delete", "{'id':1,'user':%lld}", (long long)ann)->status,
                     STATUS_NO_CONTENT);

    assert_int_equal(rights(world, ann, "message"), 0);
    assert_int_equal(ask(world, shell(), "group_member.delete", "{'id':1,'user':%lld}", (long long)ann)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, shell(), "group_member.create", "{'id':9,'user':%lld}", (long long)ann)->status,
                     STATUS_NOT_FOUND);
    assert_int_equal(ask(world, shell(), "group_member.create", "{'id':1,'user':99}")->status, STATUS_NOT_FOUND);
}

static void a_deleted_group_gives_nothing_and_nothing_comes_back_with_its_name(void **state)
{
    struct world *world = *state;
    int64_t ann = app(world)->ann;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    assert_int_equal(ask(world, shell(), "group.create", "{'name':'editors'}")->status, STATUS_CONFLICT);
    ask(world, shell(), "group_member.create", "{'id':1,'user':%lld}", (long long)ann);
    made(ask(world, shell(), "grant.create", "{'subject':'group:1','model':'message','rights':['delete']}"));

    assert_int_equal(ask(world, shell(), "group.delete", "{'id':1}")->status, STATUS_NO_CONTENT);

    assert_int_equal(rights(world, ann, "message"), 0);
    assert_int_equal(ask(world, shell(), "group.delete", "{'id':1}")->status, STATUS_NOT_FOUND);
    int64_t again = made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    assert_int_equal(again, 2);
    struct answer *list = ask(world, shell(), "group.list", "{}");
    assert_int_equal(look_int(list->json, "items.0.members"), 0);
    assert_int_equal(cJSON_GetArraySize(json_get(ask(world, shell(), "grant.list", "{}")->json, "items")), 0);
}

static void a_restart_finds_the_same_rights(void **state)
{
    struct world *world = *state;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':1}");
    ask(world, shell(), "grant.create", "{'subject':'everyone','model':'room','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'members','model':'message','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'user:1','model':'message','rights':['write']}");
    ask(world, shell(), "grant.create", "{'subject':'group:1','model':'message','rights':['delete']}");

    ground_restart(world);

    assert_int_equal(rights(world, 0, "room"), RIGHT_READ);
    assert_int_equal(rights(world, 1, "message"), RIGHT_READ | RIGHT_WRITE | RIGHT_DELETE);
    assert_int_equal(rights(world, 2, "message"), RIGHT_READ);
}

static void grants_are_listed_with_who_has_them(void **state)
{
    struct world *world = *state;
    ask(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'user:1','model':'room','rights':['write'],'reason':'\xc3\xbc'}");

    struct answer *list = ask(world, shell(), "grant.list", "{}");

    assert_string_equal(look_text(list->json, "items.0.subject"), "members");
    assert_false(has(list->json, "items.0.name"));
    assert_string_equal(look_text(list->json, "items.1.subject"), "user:1");
    assert_string_equal(look_text(list->json, "items.1.name"), "ann");
    assert_string_equal(look_text(list->json, "items.1.reason"), "\xc3\xbc");
    assert_string_equal(look_text(list->json, "items.1.rights.0"), "write");
}

static void each_change_is_recorded_with_before_and_after(void **state)
{
    struct world *world = *state;
    world_run_sql(world, "UPDATE user SET superuser = 1 WHERE name = 'bob'");
    permissions_set_superuser(world->permissions, app(world)->bob, true);
    struct actor bob = person(app(world)->bob, 0);
    ask(world, bob, "grant.create", "{'subject':'user:1','model':'room','rights':['read']}");
    long long id = made(ask(world, bob, "grant.create",
                            "{'subject':'user:1','model':'room','rights':['read','write'],'reason':'more'}"));
    ask(world, shell(), "grant.delete", "{'id':%lld}", id);
    ask(world, bob, "grant.delete", "{'id':%lld}", id); /* nothing happened: nothing to record */

    struct answer *list = ask(world, bob, "audit.list", "{}");

    assert_int_equal(cJSON_GetArraySize(json_get(list->json, "items")), 3);
    assert_string_equal(look_text(list->json, "items.0.action"), "revoke");
    assert_string_equal(look_text(list->json, "items.0.name"), "shell");
    assert_string_equal(look_text(list->json, "items.1.name"), "bob");
    assert_string_equal(look_text(list->json, "items.1.detail.before.0"), "read");
    assert_string_equal(look_text(list->json, "items.1.detail.after.1"), "write");
    assert_string_equal(look_text(list->json, "items.1.detail.reason"), "more");
    struct answer *page =
        ask(world, bob, "audit.list", "{'limit':1,'before':%lld}", (long long)look_int(list->json, "items.1.id"));
    assert_int_equal(look_int(page->json, "items.0.id"), look_int(list->json, "items.2.id"));
    assert_int_equal(look_int(page->json, "next"), look_int(list->json, "items.2.id"));
}

static void only_administrators_change_rights(void **state)
{
    struct world *world = *state;
    struct actor ann = person(app(world)->ann, 0), nobody = {0};
    static const char *const methods[] = {"grant.list", "grant.create",        "grant.delete",
                                          "group.list", "group.create",        "group.delete",
                                          "audit.list", "group_member.create", "group_member.delete"};
    for (unsigned i = 0; i < ARRAY_LENGTH(methods); i++) {
        assert_int_equal(ask(world, ann, methods[i], "{}")->status, STATUS_FORBIDDEN);
        assert_int_equal(ask(world, nobody, methods[i], "{}")->status, STATUS_UNAUTHENTICATED);
    }
}

/* Two administrators at once: the one who was demoted first cannot undo it. */
static void an_administrator_demoted_on_the_way_grants_nothing(void **state)
{
    struct world *world = *state;
    permissions_set_superuser(world->permissions, app(world)->ann, true); /* memory is behind */
    send_as(world, shell(), "grant.create", "{'subject':'members','model':'room','rights':['read']}");
    struct answer *answer = send_as(world, person(app(world)->ann, 0), "grant.create",
                                    "{'subject':'user:1','model':'grant','rights':['write']}");
    world_run(world);

    assert_int_equal(answer->status, STATUS_FORBIDDEN);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM \"grant\" WHERE model = 'grant'"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_open, ground_close)
    const struct CMUnitTest tests[] = {
        TEST(a_grant_is_in_force_with_its_answer),
        TEST(a_second_grant_takes_the_place_of_the_first),
        TEST(no_rights_at_all_take_the_grant_away),
        TEST(what_was_not_there_is_not_taken_away_and_not_recorded),
        TEST(taking_back_has_a_reason_too),
        TEST(a_grant_is_taken_back_by_its_id),
        TEST(subjects_may_be_named),
        TEST(digits_are_an_id_and_never_a_name),
        TEST(a_group_is_not_called_by_a_number),
        TEST(groups_are_paged_and_found_by_their_name),
        TEST(of_a_large_group_a_thousand_are_shown_and_all_are_counted),
        TEST(a_wrong_id_is_named_to_administrators),
        TEST(what_makes_no_sense_is_refused_with_its_place),
        TEST(a_group_gives_its_rights_to_who_is_in_it),
        TEST(a_deleted_group_gives_nothing_and_nothing_comes_back_with_its_name),
        TEST(a_restart_finds_the_same_rights),
        TEST(grants_are_listed_with_who_has_them),
        TEST(each_change_is_recorded_with_before_and_after),
        TEST(only_administrators_change_rights),
        TEST(an_administrator_demoted_on_the_way_grants_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
