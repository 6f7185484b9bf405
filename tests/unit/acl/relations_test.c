/* What rules may ask of groups: memory and the data base give the same set. */
#include "../base/world.h"
#include "acl/acl.h"
#include "base/model.h"
#include "base/rule.h"

struct question {
    const struct relation *relation;
    int64_t user_id, id;
    bool answer;
};

static enum status ask_store(struct db *db, void *context)
{
    struct question *question = context;
    struct value values[] = {value_int(question->id), value_int(question->user_id)};
    SCOPED(buffer_free) struct buffer sql = {0};
    buffer_printf(&sql, "SELECT ? IN (%s)", question->relation->sql);
    struct rows *rows = db_query_values(db, sql.bytes, values, 2);
    question->answer = rows_next(rows) && rows_int(rows, 0) == 1;
    return rows_end(rows);
}

static void the_groups_are_those_that_somebody_is_in(void **state)
{
    (void)state;
    struct world *world = world_open();
    SCOPED(models_free) struct models *models = models_new();
    int64_t ann = world_add_user(world, "ann"), bob = world_add_user(world, "bob");
    acl_relations(models, world->permissions);
    assert_int_equal(
        world_run_sql(world,
                      "INSERT INTO \"group\"(id, name, created_at) VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0)"),
        STATUS_OK);
    assert_int_equal(world_run_sql(world, "INSERT INTO group_member VALUES (1, 1), (3, 1), (3, 2)"), STATUS_OK);
    assert_true(permissions_join(world->permissions, 1, ann));
    assert_true(permissions_join(world->permissions, 3, ann));
    assert_true(permissions_join(world->permissions, 3, bob));
    const struct relation *groups = relation_find(models, "$groups");
    assert_non_null(groups);

    unsigned found[3] = {0}; /* of nobody, ann and bob: group ids as bits */
    for (int64_t user_id = 0; user_id <= 2; user_id++)
        for (int64_t id = 0; id < 5; id++) {
            struct actor actor = person(user_id, 0);
            struct question question = {groups, user_id, id, false};
            assert_int_equal(world_write(world, ask_store, &question), STATUS_OK);
            assert_int_equal(groups->has(groups->app, &actor, id), question.answer);
            found[user_id] |= (unsigned)question.answer << id;
        }

    assert_int_equal(found[0], 0);
    assert_int_equal(found[ann], 1u << 1 | 1u << 3);
    assert_int_equal(found[bob], 1u << 3);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_groups_are_those_that_somebody_is_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
