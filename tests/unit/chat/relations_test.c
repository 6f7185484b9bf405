/* What rules may ask of rooms: memory and the data base give the same sets. */
#include "world.h"
#include <string.h>
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

/* The ids of the first eight rooms that are in the set, as bits, if memory and the store say the same. */
static unsigned rooms_in(struct world *world, const struct models *models, const char *name, int64_t user_id)
{
    const struct relation *relation = relation_find(models, name);
    const struct actor actor = {.user_id = user_id};
    unsigned found = 0;
    assert_non_null(relation);
    for (int64_t id = 0; id < 8; id++) {
        struct question question = {relation, user_id, id, false};
        assert_int_equal(world_write(world, ask_store, &question), STATUS_OK);
        if (relation->has(relation->app, &actor, id) != question.answer)
            fail_msg("%s of user %lld and room %lld: the store says %d", name, (long long)user_id, (long long)id,
                     question.answer);
        found |= (unsigned)question.answer << id;
    }
    return found;
}

static void rooms_are_mine_public_or_moderated(void **state)
{
    struct world *world = *state;
    SCOPED(models_free) struct models *models = models_new();
    chat_relations(models, world->chat);
    int64_t open = make_room(world, world->ann, "public", "open"),
            shut = make_room(world, world->ann, "private", "shut");
    int64_t other = make_room(world, world->eve, "private", "other");
    add_member(world, world->ann, shut, world->bob, "moderator");
    add_member(world, world->ann, open, world->bob, "reader");
    add_member(world, world->eve, other, world->ann, "member");
    unsigned o = 1u << open, s = 1u << shut, e = 1u << other;

    assert_int_equal(rooms_in(world, models, "$rooms", world->ann), o | s | e);
    assert_int_equal(rooms_in(world, models, "$rooms", world->bob), o | s);
    assert_int_equal(rooms_in(world, models, "$rooms", world->dan), 0);
    assert_int_equal(rooms_in(world, models, "$rooms", 0), 0);
    assert_int_equal(rooms_in(world, models, "$moderated_rooms", world->ann), o | s);
    assert_int_equal(rooms_in(world, models, "$moderated_rooms", world->bob), s);
    assert_int_equal(rooms_in(world, models, "$moderated_rooms", 0), 0);
    assert_int_equal(rooms_in(world, models, "$public_rooms", world->dan), o);
    assert_int_equal(rooms_in(world, models, "$public_rooms", 0), o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rooms_are_mine_public_or_moderated, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
