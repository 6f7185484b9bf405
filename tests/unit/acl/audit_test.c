/* The record of changes: each entry holds the one before, so that nothing is changed or taken out unseen. */
#include <stdio.h>
#include <string.h>
#include "accounts/models.h"
#include "lib/random.h"
#include "ground.h"

/* Five entries, by the shell and by an administrator, with texts that need escaping. */
static void fill(struct world *world)
{
    struct actor root = superuser(world, "root");
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, root, "group_member.create", "{'id':1,'user':1}");
    made(ask(world, root, "grant.create",
             "{'subject':'group:1','model':'news','rights':['read'],'reason':'\\'a\\u2028\\n\\' \xc3\xbc'}"));
    ask(world, root, "group.update", "{'id':1,'name':'writers'}");
    assert_int_equal(ask(world, shell(), "group.delete", "{'id':1}")->status, STATUS_NO_CONTENT);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM audit"), 5);
}

/* From here on the data base takes what somebody with the file could do to it. */
static void unguard(struct world *world)
{
    static const char *const triggers[] = {"audit_no_update", "audit_no_delete", "audit_no_replace"};
    for (size_t i = 0; i < ARRAY_LENGTH(triggers); i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "DROP TRIGGER %s", triggers[i]);
        assert_int_equal(world_run_sql(world, sql), STATUS_OK);
    }
}

static const cJSON *verify(struct world *world)
{
    struct answer *answer = ask(world, shell(), "audit.verify", "{}");
    assert_int_equal(answer->status, STATUS_OK);
    return answer->json;
}

static void an_untouched_record_is_whole(void **state)
{
    struct world *world = *state;
    assert_true(cJSON_IsTrue(json_get(verify(world), "is_whole")));
    fill(world);

    const cJSON *answer = verify(world);

    assert_true(cJSON_IsTrue(json_get(answer, "is_whole")));
    assert_int_equal(look_int(answer, "entries"), 5);
    assert_int_equal(strlen(look_text(answer, "digest")), 64);
    assert_false(has(answer, "broken"));
}

static void the_data_base_itself_only_adds(void **state)
{
    struct world *world = *state;
    static const char *const sql[] = {
        "UPDATE audit SET at = at + 1 WHERE id = 3",
        "UPDATE audit SET digest = digest",
        "DELETE FROM audit WHERE id = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit(id, at, action, detail) VALUES (3, 0, 'grant', '{}')",
        "REPLACE INTO audit SELECT * FROM audit",
        "INSERT INTO audit(id, at, action, detail) VALUES (3, 0, 'grant', '{}') ON CONFLICT(id) DO UPDATE SET at = 0",
    };
    fill(world);
    for (size_t i = 0; i < ARRAY_LENGTH(sql); i++) {
        assert_int_not_equal(world_run_sql(world, sql[i]), STATUS_OK);

        const cJSON *answer = verify(world);

        assert_true(cJSON_IsTrue(json_get(answer, "is_whole")));
        assert_int_equal(look_int(answer, "entries"), 5);
    }
}

static void any_change_is_found_where_it_was_made(void **state)
{
    struct world *world = *state;
    static const char *const sql[] = {
        "UPDATE audit SET at = at + 1 WHERE id = 3",
        "UPDATE audit SET user_id = NULL WHERE id = 3",
        "UPDATE audit SET user_id = 1 WHERE id = 3",
        "UPDATE audit SET action = 'revoke' WHERE id = 3",
        "UPDATE audit SET detail = replace(detail, 'news', 'room') WHERE id = 3",
        "UPDATE audit SET digest = (SELECT digest FROM audit WHERE id = 2) WHERE id = 3",
        "UPDATE audit SET digest = '' WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
        "UPDATE audit SET id = 10 WHERE id = 3",
    };
    fill(world);
    unguard(world);
    world_run_sql(world, "CREATE TABLE kept AS SELECT * FROM audit");
    for (size_t i = 0; i < ARRAY_LENGTH(sql); i++) {
        assert_int_equal(world_run_sql(world, sql[i]), STATUS_OK);

        const cJSON *answer = verify(world);

        assert_true(cJSON_IsFalse(json_get(answer, "is_whole")));
        assert_int_equal(look_int(answer, "broken"), 3);
        assert_int_equal(look_int(answer, "entries"), 2);
        world_run_sql(world, "DELETE FROM audit");
        world_run_sql(world, "INSERT INTO audit SELECT * FROM kept");
        world_run_sql(world, "UPDATE sqlite_sequence SET seq = 5 WHERE name = 'audit'");
        assert_true(cJSON_IsTrue(json_get(verify(world), "is_whole")));
    }
}

/* Entry 3 says something else, with a digest that is right for it, made as anybody could make it. */
static enum status forge(struct db *db, void *context)
{
    (void)context;
    char line[500], digest[DIGEST_TEXT_SIZE];
    struct rows *rows = db_query(db,
                                 "SELECT was.digest, is_.at, is_.user_id, is_.action FROM audit was, audit is_ "
                                 "WHERE was.id = 2 AND is_.id = 3",
                                 "");
    assert_true(rows_next(rows));
    snprintf(line, sizeof line, "[\"%s\",3,%lld,%lld,\"%s\",\"{\\\"a\\\":1}\"]", rows_text(rows, 0, NULL),
             (long long)rows_int(rows, 1), (long long)rows_int(rows, 2), rows_text(rows, 3, NULL));
    rows_end(rows);
    return db_run(db, "UPDATE audit SET detail = '{\"a\":1}', digest = ?1 WHERE id = 3", "t",
                  digest_text(line, strlen(line), digest));
}

static void an_entry_with_a_digest_of_its_own_breaks_the_next_one(void **state)
{
    struct world *world = *state;
    fill(world);
    unguard(world);

    assert_int_equal(world_write(world, forge, NULL), STATUS_OK);

    assert_int_equal(look_int(verify(world), "entries"), 3);
    assert_int_equal(look_int(verify(world), "broken"), 4);
}

static void entries_that_were_cut_off_are_missed(void **state)
{
    struct world *world = *state;
    fill(world);
    unguard(world);
    world_run_sql(world, "DELETE FROM audit WHERE id > 3");
    assert_int_equal(look_int(verify(world), "broken"), 4);

    /* What is added behind the hole does not hide it. */
    made(ask(world, shell(), "group.create", "{'name':'again'}"));
    assert_int_equal(look_int(verify(world), "broken"), 4);
    world_run_sql(world, "DELETE FROM audit");
    assert_int_equal(look_int(verify(world), "broken"), 1);
}

static void a_change_that_failed_leaves_no_hole(void **state)
{
    struct world *world = *state;
    fill(world);
    made(ask(world, shell(), "group.create", "{'name':'one'}"));
    assert_int_equal(ask(world, shell(), "group.create", "{'name':'one'}")->status, STATUS_CONFLICT);
    made(ask(world, shell(), "group.create", "{'name':'two'}"));

    const cJSON *answer = verify(world);

    assert_true(cJSON_IsTrue(json_get(answer, "is_whole")));
    assert_int_equal(look_int(answer, "entries"), 7);
}

static enum status verify_in_pairs(struct db *db, void *context)
{
    struct audit_check *check = context;
    enum status status = STATUS_OK;
    for (int i = 0; i < 10 && !check->is_done && status == STATUS_OK; i++)
        status = audit_verify(db, check, 2);
    return status;
}

/* The digest goes on from one piece to the next, and the last piece may be full or empty. */
static void a_long_record_is_checked_in_pieces(void **state)
{
    struct world *world = *state;
    fill(world);
    struct audit_check odd = {0}, even = {0}, broken = {0};

    world_write(world, verify_in_pairs, &odd);
    made(ask(world, shell(), "group.create", "{'name':'six'}"));
    world_write(world, verify_in_pairs, &even);
    unguard(world);
    world_run_sql(world, "UPDATE audit SET detail = replace(detail, 'six', 'sax') WHERE id = 6");
    world_write(world, verify_in_pairs, &broken);

    assert_true(odd.is_done && even.is_done && broken.is_done);
    assert_int_equal(odd.count, 5);
    assert_int_equal(odd.broken_id, 0);
    assert_int_equal(even.count, 6);
    assert_int_equal(even.broken_id, 0);
    assert_int_equal(broken.broken_id, 6);
}

static void the_record_is_filtered(void **state)
{
    struct world *world = *state;
    fill(world);
    static const struct {
        const char *params;
        int count;
        int64_t first;
    } lists[] = {
        {"{}", 5, 5},
        {"{'action':'grant'}", 1, 3},
        {"{'action':'gran'}", 0, 0},
        {"{'user':3}", 3, 4},
        {"{'user':0}", 2, 5},
        {"{'after':3}", 2, 5},
        {"{'after':1,'before':4}", 2, 3},
        {"{'user':3,'action':'group.join'}", 1, 2},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        struct answer *list = ask(world, shell(), "audit.list", "%s", lists[i].params);
        assert_int_equal(cJSON_GetArraySize(json_get(list->json, "items")), lists[i].count);
        if (lists[i].count)
            assert_int_equal(look_int(list->json, "items.0.id"), lists[i].first);
    }
}

static void changes_of_groups_tell_before_and_after(void **state)
{
    struct world *world = *state;
    fill(world);

    const cJSON *list = ask(world, shell(), "audit.list", "{}")->json;

    assert_string_equal(look_text(list, "items.0.detail.before.name"), "writers");
    assert_string_equal(look_text(list, "items.0.detail.before.grants.news.0"), "read"); /* gone with the group */
    assert_true(cJSON_IsNull(json_get(json_get(cJSON_GetArrayItem(json_get(list, "items"), 0), "detail"), "after")));
    assert_string_equal(look_text(list, "items.1.detail.before.name"), "editors");
    assert_string_equal(look_text(list, "items.1.detail.after.name"), "writers");
    assert_true(has(list, "items.3.detail.after.member"));
}

/* Grants hang on the id. */
static void a_renamed_group_keeps_its_grants_and_the_old_name_has_none(void **state)
{
    struct world *world = *state;
    int64_t ann = app(world)->ann, bob = app(world)->bob;
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':1,'user':%lld}", (long long)ann);
    made(ask(world, shell(), "grant.create", "{'subject':'group:editors','model':'news','rights':['read']}"));

    struct answer *renamed = ask(world, shell(), "group.update", "{'id':1,'name':'writers'}");
    made(ask(world, shell(), "group.create", "{'name':'editors'}"));
    ask(world, shell(), "group_member.create", "{'id':2,'user':%lld}", (long long)bob);

    assert_string_equal(look_text(renamed->json, "name"), "writers");
    assert_int_equal(rights(world, ann, "news"), RIGHT_READ);
    assert_int_equal(rights(world, bob, "news"), 0);
    assert_string_equal(look_text(ask(world, shell(), "group.detail", "{'id':1}")->json, "name"), "writers");
    assert_int_equal(ask(world, shell(), "group.update", "{'id':1,'name':'editors'}")->status, STATUS_CONFLICT);
    assert_int_equal(ask(world, shell(), "group.update", "{'id':9,'name':'x'}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, shell(), "group.detail", "{'id':9}")->status, STATUS_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ground_open, ground_close)
    const struct CMUnitTest tests[] = {
        TEST(an_untouched_record_is_whole),
        TEST(the_data_base_itself_only_adds),
        TEST(any_change_is_found_where_it_was_made),
        TEST(an_entry_with_a_digest_of_its_own_breaks_the_next_one),
        TEST(entries_that_were_cut_off_are_missed),
        TEST(a_change_that_failed_leaves_no_hole),
        TEST(a_long_record_is_checked_in_pieces),
        TEST(the_record_is_filtered),
        TEST(changes_of_groups_tell_before_and_after),
        TEST(a_renamed_group_keeps_its_grants_and_the_old_name_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
