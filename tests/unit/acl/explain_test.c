/* Why somebody may do something, who may, and what a change would do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ground.h"

static bool allowed(struct answer *answer)
{
    assert_int_equal(answer->status, STATUS_OK);
    return cJSON_IsTrue(json_get(answer->json, "allowed"));
}

/* Row 1: a draft of ann's; row 2: published by bob. */
static void two_news(struct world *world)
{
    world_run_sql(world, "INSERT INTO news(title, published, author) VALUES ('draft', 0, 1), ('out', 1, 2)");
}

static void the_grants_that_say_yes_are_named(void **state)
{
    struct world *world = *state;
    struct actor root = superuser(world, "root");
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':1}");
    ask(world, root, "grant.create",
        "{'subject':'group:1','model':'news','rights':['read','write'],'reason':'they write','until':'%s'}",
        moment(3600000));
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}");

    struct answer *read = ask(world, root, "acl.explain", "{'user':'Ann','model':'news','action':'read'}");
    struct answer *wipe = ask(world, root, "acl.explain", "{'user':1,'model':'news','action':'delete'}");

    assert_true(allowed(read));
    assert_string_equal(look_text(read->json, "user.name"), "ann");
    assert_string_equal(look_text(read->json, "because.0.right"), "read");
    assert_int_equal(cJSON_GetArraySize(json_get(cJSON_GetArrayItem(json_get(read->json, "because"), 0), "from")), 2);
    assert_string_equal(look_text(read->json, "because.0.from.0.subject"), "group");
    assert_string_equal(look_text(read->json, "because.0.from.0.name"), "editors");
    assert_string_equal(look_text(read->json, "because.0.from.0.reason"), "they write");
    assert_string_equal(look_text(read->json, "because.0.from.0.granted_by.name"), "root");
    assert_true(has(read->json, "because.0.from.0.until"));
    assert_string_equal(look_text(read->json, "because.0.from.1.subject"), "members");
    assert_false(allowed(wipe));
    assert_false(has(wipe->json, "because.0.from.0"));
}

static void superusers_and_the_disabled_are_told_apart(void **state)
{
    struct world *world = *state;
    superuser(world, "root");
    ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['read']}");
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE name = 'bob'");

    struct answer *root = ask(world, shell(), "acl.explain", "{'user':'root','model':'news','action':'grant'}");
    struct answer *bob = ask(world, shell(), "acl.explain", "{'user':'bob','model':'news','action':'read'}");

    assert_true(allowed(root));
    assert_true(has(root->json, "because.1.superuser"));
    assert_false(allowed(bob));
    assert_true(has(bob->json, "because.1.disabled"));
}

static void strangers_have_what_is_open_to_everyone(void **state)
{
    struct world *world = *state;
    ask(world, shell(), "grant.create", "{'subject':'everyone','model':'news','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['write']}");

    assert_true(allowed(ask(world, shell(), "acl.explain", "{'user':'anonymous','model':'news','action':'read'}")));
    assert_false(allowed(ask(world, shell(), "acl.explain", "{'user':'anonymous','model':'news','action':'write'}")));
}

static void rules_judge_the_row_for_the_one_asked_about(void **state)
{
    struct world *world = *state;
    two_news(world);
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read','write']}");
    static const struct {
        const char *user, *action;
        int id;
        bool is_allowed;
    } cases[] = {
        {"ann", "read", 1, true},   {"bob", "read", 1, false}, {"ann", "read", 2, true},
        {"bob", "read", 2, true},   {"ann", "write", 1, true}, {"bob", "write", 1, false},
        {"ann", "write", 2, false}, {"bob", "write", 2, true}, {"bob", "delete", 2, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct answer *answer = ask(world, shell(), "acl.explain", "{'user':'%s','model':'news','action':'%s','id':%d}",
                                    cases[i].user, cases[i].action, cases[i].id);
        assert_int_equal(allowed(answer), cases[i].is_allowed);
        assert_true(has(answer->json, "rule.holds"));
        assert_int_equal(has(answer->json, "read_rule"), strcmp(cases[i].action, "read") != 0);
    }
    assert_int_equal(ask(world, shell(), "acl.explain", "{'user':'ann','model':'news','action':'read','id':9}")->status,
                     STATUS_NOT_FOUND);
}

static void making_a_row_is_said_to_have_a_rule_of_its_own(void **state)
{
    struct world *world = *state;
    two_news(world);
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read','write','delete']}");

    struct answer *write = ask(world, shell(), "acl.explain", "{'user':'bob','model':'news','action':'write'}");
    struct answer *row = ask(world, shell(), "acl.explain", "{'user':'bob','model':'news','action':'write','id':2}");
    struct answer *wipe = ask(world, shell(), "acl.explain", "{'user':'bob','model':'news','action':'delete'}");

    assert_true(cJSON_IsFalse(json_get(write->json, "create_rule")));
    assert_false(has(row->json, "create_rule"));
    assert_false(has(wipe->json, "create_rule"));
}

static void one_asks_about_oneself_only(void **state)
{
    struct world *world = *state;
    struct actor ann = person(app(world)->ann, 0);
    strcpy(ann.name, "ann");
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read']}");

    assert_true(allowed(ask(world, ann, "acl.explain", "{'model':'news','action':'read'}")));
    assert_true(allowed(ask(world, ann, "acl.explain", "{'user':1,'model':'news','action':'read'}")));
    assert_true(allowed(ask(world, ann, "acl.explain", "{'user':'ANN','model':'news','action':'read'}")));
    static const char *const others[] = {"2", "'bob'", "'nobody'", "99", "'anonymous'"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_int_equal(
            ask(world, ann, "acl.explain", "{'user':%s,'model':'news','action':'read'}", others[i])->status,
            STATUS_FORBIDDEN);
    assert_int_equal(ask(world, ann, "acl.who", "{'model':'news','right':'read'}")->status, STATUS_FORBIDDEN);
    assert_int_equal(
        ask(world, person(0, 0), "acl.explain", "{'user':'anonymous','model':'news','action':'read'}")->status,
        STATUS_UNAUTHENTICATED);
}

/* A draft of somebody else's: it must not be told from one that does not exist. */
static void a_row_that_one_may_not_see_is_not_there(void **state)
{
    struct world *world = *state;
    two_news(world);
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read']}");
    ask(world, shell(), "grant.create", "{'subject':'user:bob','model':'news','rights':['read','grant']}");
    struct actor bob = person(app(world)->bob, 0);
    strcpy(bob.name, "bob");

    struct answer *hidden = ask(world, bob, "acl.explain", "{'model':'news','action':'read','id':1}");
    struct answer *absent = ask(world, bob, "acl.explain", "{'model':'news','action':'read','id':9}");
    struct answer *of_ann = ask(world, bob, "acl.explain", "{'user':'ann','model':'news','action':'read','id':1}");
    struct answer *who = ask(world, bob, "acl.who", "{'model':'news','right':'read','id':1}");

    assert_int_equal(hidden->status, STATUS_NOT_FOUND);
    assert_int_equal(absent->status, STATUS_NOT_FOUND);
    assert_null(hidden->detail);
    assert_null(absent->detail);
    assert_int_equal(of_ann->status, STATUS_NOT_FOUND);
    assert_int_equal(who->status, STATUS_NOT_FOUND);
    assert_true(allowed(ask(world, bob, "acl.explain", "{'user':'ann','model':'news','action':'read','id':2}")));
}

static void questions_that_make_no_sense_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params, *pointer;
    } wrong[] = {
        {"{'user':'nobody','model':'news','action':'read'}", "/user"},
        {"{'user':99,'model':'news','action':'read'}", "/user"},
        {"{'user':'no name!','model':'news','action':'read'}", "/user"},
        {"{'user':[],'model':'news','action':'read'}", "/user"},
        {"{'user':1,'model':'newts','action':'read'}", "/model"},
        {"{'user':1,'model':'news','action':'list'}", "/action"},
        {"{'user':1,'model':'news','action':'read','id':0}", "/id"},
        {"{'user':1,'model':'news','action':'read','row':1}", "/row"},
        {"{'model':'news','action':'read'}", "/user"}, /* the shell is nobody */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct answer *answer = ask(world, shell(), "acl.explain", "%s", wrong[i].params);
        assert_int_equal(answer->status, STATUS_INVALID);
        assert_non_null(strstr(answer->errors, wrong[i].pointer));
    }
}

/* The names of a page, joined. */
static const char *names(const struct answer *answer)
{
    static char text[500];
    const cJSON *item;
    assert_int_equal(answer->status, STATUS_OK);
    text[0] = '\0';
    cJSON_ArrayForEach (item, json_get(answer->json, "items"))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", json_get_text(item, "name"));
    return text;
}

static void who_may_is_listed_by_every_way(void **state)
{
    struct world *world = *state;
    world_add_user(world, "eve");
    world_add_user(world, "dis");
    superuser(world, "root");
    world_run_sql(world, "UPDATE user SET disabled = 1 WHERE name = 'dis'");
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':2}");
    ask(world, shell(), "group_member.create", "{'id':1,'user':4}");
    ask(world, shell(), "grant.create", "{'subject':'group:1','model':'news','rights':['write']}");
    ask(world, shell(), "grant.create", "{'subject':'user:eve','model':'news','rights':['write','delete']}");

    assert_string_equal(names(ask(world, shell(), "acl.who", "{'model':'news','right':'write'}")), "bob eve root ");
    assert_string_equal(names(ask(world, shell(), "acl.who", "{'model':'news','right':'delete'}")), "eve root ");
    assert_string_equal(names(ask(world, shell(), "acl.who", "{'model':'news','right':'read'}")), "root ");
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read']}");
    struct answer *page = ask(world, shell(), "acl.who", "{'model':'news','right':'read','limit':2}");
    assert_string_equal(names(page), "ann bob ");
    assert_int_equal(look_int(page->json, "next"), 2);
    assert_string_equal(names(ask(world, shell(), "acl.who", "{'model':'news','right':'read','after':2}")),
                        "eve root ");
    assert_true(cJSON_IsFalse(json_get(page->json, "everyone")));
}

static void who_may_with_a_row_asks_its_rule(void **state)
{
    struct world *world = *state;
    two_news(world);
    superuser(world, "root");
    ask(world, shell(), "grant.create", "{'subject':'everyone','model':'news','rights':['read','write']}");

    struct answer *draft = ask(world, shell(), "acl.who", "{'model':'news','right':'read','id':1}");
    struct answer *out = ask(world, shell(), "acl.who", "{'model':'news','right':'read','id':2}");

    assert_string_equal(names(draft), "ann root ");
    assert_true(cJSON_IsFalse(json_get(draft->json, "everyone")));
    assert_string_equal(names(out), "ann bob root ");
    assert_true(cJSON_IsTrue(json_get(out->json, "everyone")));
    assert_string_equal(names(ask(world, shell(), "acl.who", "{'model':'news','right':'write','id':2}")), "bob root ");
}

/* ---- dry run ---- */

/* What the checks would see at the moment they are asked. */
static size_t refused(void *context)
{
    struct world *world = context;
    struct actor bob = person(app(world)->bob, 0);
    return permissions_allow(dispatch_permissions(world->dispatch), &bob, "news", RIGHT_READ) ? 0 : 7;
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
    struct world *world = *state;
    app(world)->hub.refused = refused;
    app(world)->hub.context = world;
    superuser(world, "root");
    ask(world, shell(), "grant.create", "{'subject':'members','model':'news','rights':['read','write']}");
    ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read']}");
    size_t notes = app(world)->hub.count;
    int64_t entries = world_get_int(world, "SELECT count(*) FROM audit");

    struct answer *answer = ask(world, shell(), "acl.dry_run",
                                "{'changes':[{'subject':'members','model':'news','rights':[]},"
                                "{'subject':'user:ann','model':'news','rights':['read','write','delete']}]}");

    assert_int_equal(answer->status, STATUS_OK);
    assert_int_equal(look_int(answer->json, "people"), 1); /* bob; root has everything, ann keeps hers */
    assert_int_equal(look_int(answer->json, "gain"), 1);
    assert_int_equal(look_int(answer->json, "subscriptions"), 7);
    assert_int_equal(rights(world, app(world)->bob, "news"), RIGHT_READ | RIGHT_WRITE);
    assert_ptr_equal(dispatch_permissions(world->dispatch), world->permissions);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), entries);
    assert_int_equal(app(world)->hub.count, notes);
}

#define ONE_CHANGE "{'changes':[{'subject':'members','model':'news','rights':['read']}]}"

static void dry_runs_are_one_for_each_person_and_two_in_all(void **state)
{
    struct world *world = *state;
    struct actor actors[] = {shell(), shell(), superuser(world, "root"), superuser(world, "boss")};
    struct answer *answers[ARRAY_LENGTH(actors)];
    for (size_t i = 0; i < ARRAY_LENGTH(actors); i++)
        answers[i] = send_as(world, actors[i], "acl.dry_run", ONE_CHANGE);
    world_run(world);

    assert_int_equal(answers[0]->status, STATUS_OK);
    assert_int_equal(answers[1]->status, STATUS_TOO_MANY);
    assert_int_equal(answers[2]->status, STATUS_OK);
    assert_int_equal(answers[3]->status, STATUS_TOO_MANY);
    assert_int_equal(ask(world, actors[3], "acl.dry_run", ONE_CHANGE)->status, STATUS_OK);
    ask(world, actors[3], "acl.dry_run", "{'changes':5}"); /* it was refused: it holds nothing up */
    assert_int_equal(ask(world, actors[3], "acl.dry_run", ONE_CHANGE)->status, STATUS_OK);
}

static void a_dry_run_is_for_who_may_do_it(void **state)
{
    struct world *world = *state;
    struct actor ann = person(app(world)->ann, 0);
    ask(world, shell(), "grant.create", "{'subject':'user:ann','model':'news','rights':['read','grant']}");

    assert_int_equal(
        ask(world, ann, "acl.dry_run", "{'changes':[{'subject':'members','model':'news','rights':['read']}]}")->status,
        STATUS_OK);
    assert_int_equal(ask(world, ann, "acl.dry_run",
                         "{'changes':[{'subject':'members','model':'news','rights':['read']},"
                         "{'subject':'members','model':'room','rights':['read']}]}")
                         ->status,
                     STATUS_FORBIDDEN);
    assert_int_equal(ask(world, person(app(world)->bob, 0), "acl.dry_run", "{'changes':[]}")->status, STATUS_FORBIDDEN);
}

static void a_dry_run_of_nonsense_is_refused_with_its_place(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *changes, *pointer;
    } wrong[] = {
        {"[]", "/changes"},
        {"{}", "/changes"},
        {"[5]", "/changes/0"},
        {"[{'subject':'members','model':'news','rights':['read'],'until':'x'}]", "/changes/0"},
        {"[{'subject':'members','model':'newts','rights':['read']}]", "/changes/0/model"},
        {"[{'subject':'members','model':'news','rights':['read']},{'subject':'all','model':'news','rights':[]}]",
         "/changes/1/subject"},
        {"[{'subject':'members','model':'news','rights':['raed']}]", "/changes/0/rights"},
        {"[{'subject':'user:nobody','model':'news','rights':['read']}]", "/changes/0/subject"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct answer *answer = ask(world, shell(), "acl.dry_run", "{'changes':%s}", wrong[i].changes);
        assert_int_equal(answer->status, STATUS_INVALID);
        assert_non_null(strstr(answer->errors, wrong[i].pointer));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_open, ground_close)
    const struct CMUnitTest tests[] = {
        TEST(the_grants_that_say_yes_are_named),
        TEST(superusers_and_the_disabled_are_told_apart),
        TEST(strangers_have_what_is_open_to_everyone),
        TEST(rules_judge_the_row_for_the_one_asked_about),
        TEST(making_a_row_is_said_to_have_a_rule_of_its_own),
        TEST(one_asks_about_oneself_only),
        TEST(a_row_that_one_may_not_see_is_not_there),
        TEST(questions_that_make_no_sense_are_refused),
        TEST(who_may_is_listed_by_every_way),
        TEST(who_may_with_a_row_asks_its_rule),
        TEST(a_dry_run_counts_and_changes_nothing),
        TEST(dry_runs_are_one_for_each_person_and_two_in_all),
        TEST(a_dry_run_is_for_who_may_do_it),
        TEST(a_dry_run_of_nonsense_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
