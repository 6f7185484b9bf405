/* The models' own actions between the loop and the writer: what may change under way, who is told, and what the hooks
 * of a built-in model meet. What they answer to clients is in tests/api/models.test.mjs. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/model_actions.h"
#include "base/model_request.h"

static const char paper[] =
    "{\"type\": \"object\", \"required\": [\"title\"], \"properties\": {"
    "\"title\": {\"type\": \"string\", \"x-unique\": true},"
    "\"owner\": {\"type\": \"integer\", \"x-references\": \"user\", \"x-default\": \"$me\", \"readOnly\": true},"
    "\"open\": {\"type\": \"boolean\", \"default\": true},"
    "\"seal\": {\"type\": [\"string\", \"null\"], \"writeOnly\": true},"
    "\"pay\": {\"type\": [\"integer\", \"null\"]}, \"fee\": {\"type\": [\"integer\", \"null\"]}},"
    "\"x-rules\": {\"read\": {\"any\": [{\"open\": true}, {\"owner\": \"$me\"}]}, \"update\": {\"owner\": \"$me\"}},"
    "\"x-fields\": {\"pay\": {\"read\": {\"$right\": \"delete\"}}, \"fee\": {\"write\": {\"$right\": \"delete\"}}}}";
static const char page[] =
    "{\"type\": \"object\", \"required\": [\"paper\"], \"properties\": {"
    "\"paper\": {\"type\": \"integer\", \"x-references\": \"paper\", \"x-on-delete\": \"cascade\"}}}";
static const char mark[] =
    "{\"type\": \"object\", \"required\": [\"page\"], \"properties\": {"
    "\"page\": {\"type\": \"integer\", \"x-references\": \"page\", \"x-on-delete\": \"cascade\"}}}";
static const char note[] =
    "{\"type\": \"object\", \"properties\": {"
    "\"paper\": {\"type\": [\"integer\", \"null\"], \"x-references\": \"paper\", \"x-on-delete\": \"set-null\"},"
    "\"page\": {\"type\": [\"integer\", \"null\"], \"x-references\": \"page\", \"x-on-delete\": \"set-null\"}}}";
static const char user[] =
    "{\"type\": \"object\", \"required\": [\"name\"], \"properties\": {\"name\": {\"type\": \"string\"}}}";

#define OWN                                                                                                            \
    "id INTEGER PRIMARY KEY AUTOINCREMENT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, "                 \
    "version INTEGER NOT NULL, "

/* What was told and done, in words: "hook,write 0>1 …". */
static char story[2000];
static bool hook_refuses;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    size_t length = strlen(story);
    va_list values;
    va_start(values, format);
    if (length)
        story[length++] = ' ';
    vsnprintf(story + length, sizeof story - length, format, values);
    va_end(values);
}

static int64_t version_of(const struct row *row)
{
    return row ? row_version(row) : 0;
}

static void changed(void *context, const struct model *model, const struct row *before, const struct row *after)
{
    assert_ptr_equal(context, story);
    tell("%s %lld>%lld", model->name, (long long)version_of(before), (long long)version_of(after));
}

static enum status hook_write(struct request *request, struct db *db, const struct row *before, struct row *after)
{
    (void)db, (void)before;
    if (hook_refuses)
        return request_refuse(request, STATUS_CONFLICT, "The hook says no.");
    if (after && after->values[FIELDS_OWN + 4].kind == VALUE_NULL)
        after->values[FIELDS_OWN + 4] = value_int(7);
    return STATUS_OK;
}

static void hook_written(struct request *request, const struct row *before, const struct row *after)
{
    (void)request;
    tell("written %lld>%lld", (long long)version_of(before), (long long)version_of(after));
}

static const struct model_hooks hooks = {.write = hook_write, .written = hook_written};

/* ---- taking a right away on the writer, so that memory does not know it ---- */

static enum status take_work(struct request *request, struct db *db)
{
    (void)request;
    db_acl_changed(db);
    return db_run(db, "UPDATE \"grant\" SET rights = 1 WHERE model = 'paper'", "");
}

static void take_start(struct request *request)
{
    request_write(request, take_work, NULL);
}

static enum status hide_work(struct request *request, struct db *db)
{
    (void)request;
    db_acl_changed(db);
    return db_run(db, "DELETE FROM \"grant\" WHERE model = 'paper'", "");
}

static void hide_start(struct request *request)
{
    request_write(request, hide_work, NULL);
}

/* Breaks a rule that only the commit looks at, so that the others of its group run again. */
static enum status spoil_work(struct request *request, struct db *db)
{
    (void)request;
    return db_run(db, "INSERT INTO later(id, owner) VALUES (1, 999)", "");
}

static void spoil_start(struct request *request)
{
    request_write(request, spoil_work, NULL);
}

static const struct route routes[] = {
    {.name = "right.take", .flags = ROUTE_OPEN, .start = take_start},
    {.name = "right.hide", .flags = ROUTE_OPEN, .start = hide_start},
    {.name = "group.spoil", .flags = ROUTE_OPEN, .start = spoil_start},
};

/* ---- the world ---- */

static void read_model(struct models *models, const char *name, const char *text, bool is_builtin)
{
    char why[512];
    if (!models_read(models, name, text, strlen(text), is_builtin, why, sizeof why))
        fail_msg("%s", why);
}

static int papers_open(void **state)
{
    char why[512];
    struct world *world = world_open();
    struct models *models = models_new();
    static const char *const tables[] = {
        "CREATE TABLE paper(" OWN "title TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL REFERENCES user(id), "
        "open INTEGER NOT NULL, seal TEXT, pay INTEGER, fee INTEGER) STRICT",
        "CREATE TABLE page(" OWN "paper INTEGER NOT NULL REFERENCES paper(id) ON DELETE CASCADE) STRICT",
        "CREATE TABLE mark(" OWN "page INTEGER NOT NULL REFERENCES page(id) ON DELETE CASCADE) STRICT",
        "CREATE TABLE note(" OWN "paper INTEGER REFERENCES paper(id) ON DELETE SET NULL, "
        "page INTEGER REFERENCES page(id) ON DELETE SET NULL) STRICT",
        "CREATE TABLE later(id INTEGER PRIMARY KEY, owner INTEGER REFERENCES user(id) DEFERRABLE INITIALLY DEFERRED) "
        "STRICT",
        "INSERT INTO \"grant\"(subject, model, rights, created_at) VALUES ('members', 'paper', 3, 0), "
        "('members', 'page', 7, 0), ('members', 'mark', 7, 0), ('members', 'note', 7, 0)",
    };
    read_model(models, "user", user, false);
    read_model(models, "paper", paper, false);
    read_model(models, "page", page, false);
    read_model(models, "mark", mark, false);
    read_model(models, "note", note, false);
    if (!models_finish(models, why, sizeof why))
        fail_msg("%s", why);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        assert_int_equal(world_run_sql(world, tables[i]), STATUS_OK);
    assert_true(permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "paper", RIGHT_READ | RIGHT_WRITE));
    assert_true(permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "page", 7));
    assert_true(permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "mark", 7));
    assert_true(permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "note", 7));
    world_add_user(world, "ann");
    world_add_user(world, "bob");
    dispatch_set_models(world->dispatch, models);
    dispatch_add(world->dispatch, routes, ARRAY_LENGTH(routes), NULL);
    assert_true(model_actions_add(world->dispatch, models));
    model_actions_on_change(world->dispatch, changed, story);
    world->application = models;
    story[0] = '\0';
    hook_refuses = false;
    *state = world;
    return 0;
}

static int papers_close(void **state)
{
    struct world *world = *state;
    struct models *models = world->application;
    world_run(world);
    world_close_store(world);
    model_actions_free(world->dispatch);
    world_close(world);
    models_free(models);
    return 0;
}

static void set_hooks(struct world *world)
{
    models_set_hooks(world->application, "paper", &hooks, NULL);
}

static int64_t papers(struct world *world)
{
    return world_get_int(world, "SELECT count(*) FROM paper");
}

/* ---- who is told ---- */

static void each_change_is_told_once_with_the_rows_before_and_after(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    ask(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}");
    ask(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}");
    ask(world, shell(), "paper.delete", "{'id':1}");
    assert_string_equal(story, "paper 0>1 paper 1>2 paper 2>0");
}

static void nobody_is_told_of_what_was_refused(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    story[0] = '\0';
    assert_int_equal(ask(world, person(1, 0), "paper.create", "{'title':'a'}")->status, STATUS_CONFLICT);
    assert_int_equal(ask(world, person(2, 0), "paper.update", "{'id':1,'title':'b'}")->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, person(1, 0), "paper.update", "{'id':1,'title':'b','version':2}")->status,
                     STATUS_PRECONDITION);
    assert_int_equal(ask(world, person(1, 0), "paper.update", "{'id':9,'title':'b'}")->status, STATUS_NOT_FOUND);
    assert_string_equal(story, "");
}

static void a_work_that_runs_twice_is_told_once(void **state)
{
    struct world *world = *state;
    world_hold(world);
    struct answer *made = send_as(world, person(1, 0), "paper.create", "{'title':'a'}");
    struct answer *again = send_as(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}");
    struct answer *spoiled = send_as(world, person(1, 0), "group.spoil", "{}");
    world_release(world);
    world_run(world);

    assert_int_equal(spoiled->status, STATUS_CONFLICT);
    assert_int_equal(made->status, STATUS_CREATED);
    assert_int_equal(again->status, STATUS_OK);
    assert_string_equal(story, "paper 0>1 paper 1>2");
    assert_int_equal(papers(world), 1);
}

static void what_went_along_is_told_row_by_row(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    ask(world, person(1, 0), "paper.create", "{'title':'b'}");
    ask(world, person(1, 0), "page.create", "{'paper':1}");
    story[0] = '\0';
    ask(world, shell(), "paper.delete", "{'id':2}");
    assert_string_equal(story, "paper 1>0");
    story[0] = '\0';
    ask(world, shell(), "paper.delete", "{'id':1}");
    assert_string_equal(story, "paper 1>0 page 1>0");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM page"), 0);
}

/* Pages go with their paper, marks with their page; a note stays and refers to nothing. */
static void what_went_along_with_what_went_along_is_told_too(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    ask(world, person(1, 0), "paper.create", "{'title':'b'}");
    for (int i = 1; i <= 2; i++) {
        ask(world, person(1, 0), "page.create", "{'paper':%d}", i);
        ask(world, person(1, 0), "mark.create", "{'page':%d}", i);
        ask(world, person(1, 0), "note.create", "{'paper':%d,'page':%d}", i, i);
    }
    story[0] = '\0';

    assert_int_equal(ask(world, shell(), "paper.delete", "{'id':1}")->status, STATUS_NO_CONTENT);

    /* The note was emptied twice: by the paper and by the page. */
    assert_string_equal(story, "paper 1>0 note 1>3 page 1>0 mark 1>0");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM note WHERE paper IS NULL AND page IS NULL"), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM note WHERE paper = 2 AND page = 2 AND version = 1"), 1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM mark"), 1);
}

static void more_than_can_be_told_is_told_as_too_much(void **state)
{
    struct world *world = *state;
    for (int i = 1; i <= 2; i++) {
        char sql[300];
        ask(world, person(1, 0), "paper.create", "{'title':'%d'}", i);
        snprintf(sql, sizeof sql,
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                 "INSERT INTO page(created_at, updated_at, version, paper) SELECT 0, 0, 1, %d FROM n",
                 ALONG_MAX - 1 + i, i);
        assert_int_equal(world_run_sql(world, sql), STATUS_OK);
    }
    story[0] = '\0';
    ask(world, shell(), "paper.delete", "{'id':2}");
    assert_string_equal(story, "paper 1>0 mark 0>0 note 0>0 page 0>0");
    story[0] = '\0';
    ask(world, shell(), "paper.delete", "{'id':1}");
    assert_null(strstr(story, "0>0"));
    assert_int_equal(strlen(story), strlen("paper 1>0") + ALONG_MAX * strlen(" page 1>0"));
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM page"), 0);
}

/* ---- hooks ---- */

static void a_hook_may_change_the_row_and_hears_of_it_first(void **state)
{
    struct world *world = *state;
    set_hooks(world);
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    assert_int_equal(world_get_int(world, "SELECT pay FROM paper"), 7);
    ask(world, shell(), "paper.delete", "{'id':1}");
    assert_string_equal(story, "written 0>1 paper 0>1 written 1>0 paper 1>0");
}

static void a_hook_that_refuses_leaves_everything_as_it_was(void **state)
{
    struct world *world = *state;
    set_hooks(world);
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    story[0] = '\0';
    hook_refuses = true;
    struct answer *answers[] = {
        ask(world, person(1, 0), "paper.create", "{'title':'b'}"),
        ask(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}"),
        ask(world, shell(), "paper.delete", "{'id':1}"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        assert_int_equal(answers[i]->status, STATUS_CONFLICT);
        assert_string_equal(answers[i]->detail, "The hook says no.");
    }
    assert_string_equal(story, "");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM paper WHERE title = 'a' AND version = 1"), 1);
}

/* ---- history ---- */

static void history_is_kept_once_for_each_change_that_stays(void **state)
{
    struct world *world = *state;
    world_hold(world);
    send_as(world, person(1, 0), "paper.create", "{'title':'a'}");
    send_as(world, person(1, 0), "paper.create", "{'title':'a'}");
    send_as(world, person(2, 0), "paper.update", "{'id':1,'title':'b'}");
    send_as(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}");
    send_as(world, shell(), "paper.delete", "{'id':1}");
    send_as(world, person(1, 0), "group.spoil", "{}"); /* all of it runs twice */
    world_release(world);
    world_run(world);

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM history"), 3);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM history WHERE action = 'update' AND user_id = 1 AND "
                                          "version = 2 AND changes = '{\"title\":[\"a\",\"b\"]}'"),
                     1);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM history WHERE action = 'delete' AND user_id IS NULL"),
                     1);
}

static void what_is_never_shown_is_in_no_history(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a','seal':'red'}");
    ask(world, person(1, 0), "paper.update", "{'id':1,'seal':'blue'}");
    ask(world, shell(), "paper.delete", "{'id':1}");

    assert_int_equal(world_get_int(world, "SELECT count(*) FROM history"), 3);
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM history WHERE changes LIKE '%seal%'"), 0);
}

/* ---- rights under way ---- */

static void a_right_taken_away_before_the_write_refuses_all_three(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    assert_true(permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "paper", 7));
    story[0] = '\0';
    send_as(world, shell(), "right.take", "{}");
    struct answer *answers[] = {
        send_as(world, person(1, 0), "paper.create", "{'title':'b'}"),
        send_as(world, person(1, 0), "paper.update", "{'id':1,'title':'b'}"),
        send_as(world, person(1, 0), "paper.delete", "{'id':1}"),
    };
    world_run(world);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++)
        assert_int_equal(answers[i]->status, STATUS_FORBIDDEN);
    assert_string_equal(story, "");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM paper WHERE version = 1"), 1);
}

/* What may not be seen any more cannot be referred to any more: the same answer as for a row that is not there. */
static void a_right_on_another_model_taken_away_before_the_write_hides_its_rows(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    ask(world, person(1, 0), "paper.create", "{'title':'b'}");
    ask(world, person(1, 0), "page.create", "{'paper':1}");
    struct answer *never = ask(world, person(1, 0), "page.create", "{'paper':9}");
    story[0] = '\0';
    send_as(world, shell(), "right.hide", "{}");
    struct answer *answers[] = {
        send_as(world, person(1, 0), "page.create", "{'paper':1}"),
        send_as(world, person(1, 0), "page.update", "{'id':1,'paper':2}"),
    };
    struct answer *machines = send_as(world, shell(), "page.create", "{'paper':1}");
    world_run(world);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        assert_int_equal(answers[i]->status, STATUS_INVALID);
        assert_string_equal(answers[i]->errors, never->errors);
    }
    assert_int_equal(machines->status, STATUS_CREATED);
    assert_string_equal(story, "page 0>1");
    assert_int_equal(world_get_int(world, "SELECT count(*) FROM page WHERE paper = 1"), 2);
}

/* Rights changed, but not these: the data base says so. */
static void a_right_on_another_model_that_stays_keeps_its_rows(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    send_as(world, shell(), "right.take", "{}");
    struct answer *made = send_as(world, person(1, 0), "page.create", "{'paper':1}");
    world_run(world);
    assert_int_equal(made->status, STATUS_CREATED);
}

static void a_right_taken_away_before_the_answer_refuses_reading(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    struct answer *list = send_as(world, person(1, 0), "paper.list", "{}");
    struct answer *detail = send_as(world, person(1, 0), "paper.detail", "{'id':1}");
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "paper", 0);
    world_run(world);
    assert_int_equal(list->status, STATUS_FORBIDDEN);
    assert_int_equal(detail->status, STATUS_FORBIDDEN);
    assert_null(detail->json);
}

static void who_is_no_superuser_any_more_at_the_answer_gets_what_everybody_gets(void **state)
{
    struct world *world = *state;
    ask(world, person(2, 0), "paper.create", "{'title':'hidden','open':false}");
    permissions_set_superuser(world->permissions, 1, true);
    struct answer *list = send_as(world, person(1, 0), "paper.list", "{'count':true}");
    struct answer *detail = send_as(world, person(1, 0), "paper.detail", "{'id':1}");
    permissions_set_superuser(world->permissions, 1, false);
    world_run(world);
    assert_int_equal(list->status, STATUS_OK);
    assert_int_equal(look_int(list->json, "count"), 0);
    assert_int_equal(detail->status, STATUS_NOT_FOUND);
}

static void what_a_right_on_another_model_showed_is_gone_with_it(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    ask(world, person(1, 0), "page.create", "{'paper':1}");
    struct answer *list = send_as(world, person(1, 0), "page.list", "{'expand':'paper'}");
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "paper", RIGHT_WRITE);
    world_run(world);
    assert_int_equal(list->status, STATUS_OK);
    assert_int_equal(look_int(list->json, "items.0.paper"), 1);
}

static void who_may_not_make_a_row_is_not_told_what_others_have(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    for (const char *const *title = (const char *const[]){"{'title':'a','fee':1}", "{'title':'b','fee':1}", NULL};
         *title; title++)
        assert_int_equal(ask(world, person(2, 0), "paper.create", *title)->status, STATUS_FORBIDDEN);
    assert_int_equal(ask(world, person(2, 0), "paper.create", "{'title':'a'}")->status, STATUS_CONFLICT);
    assert_int_equal(papers(world), 1);
}

static void who_may_write_but_not_read_changes_nothing_that_is_there(void **state)
{
    struct world *world = *state;
    ask(world, person(1, 0), "paper.create", "{'title':'a'}");
    permissions_set(world->permissions, SUBJECT_MEMBERS, 0, "paper", RIGHT_WRITE | RIGHT_DELETE);
    struct answer *made = ask(world, person(1, 0), "paper.create", "{'title':'b'}");
    assert_int_equal(made->status, STATUS_CREATED);
    assert_int_equal(look_int(made->json, "id"), 2);
    assert_false(has(made->json, "title"));
    assert_int_equal(ask(world, person(1, 0), "paper.update", "{'id':1,'title':'c'}")->status, STATUS_NOT_FOUND);
    assert_int_equal(ask(world, person(1, 0), "paper.delete", "{'id':1}")->status, STATUS_NOT_FOUND);
}

/* ---- what the feed asks ---- */

static void one_row_is_judged_as_reading_it_would_be(void **state)
{
    struct world *world = *state;
    const struct model *model = models_find(world->application, "paper");
    const struct actor ann = person(1, 0), bob = person(2, 0), nobody = person(0, 0), machine = shell();
    SCOPED(row_free) struct row *row = row_new(model);
    const uint64_t pay = UINT64_C(1) << field_index(model, model_field(model, "pay"));
    row->values[FIELD_ID] = value_int(1);
    row->values[FIELDS_OWN + 1] = value_int(1);
    row->values[FIELDS_OWN + 2] = value_int(0);
    assert_true(model_row_readable(model, world->permissions, &ann, row));
    assert_false(model_row_readable(model, world->permissions, &bob, row));
    assert_false(model_row_readable(model, world->permissions, &nobody, row));
    assert_true(model_row_readable(model, world->permissions, &machine, row));
    assert_false(model_fields_readable(model, world->permissions, &ann, row) & pay);
    assert_true(model_fields_readable(model, world->permissions, &machine, row) & pay);
    row->values[FIELDS_OWN + 2] = value_int(1);
    assert_true(model_row_readable(model, world->permissions, &bob, row));
    assert_false(model_row_readable(model, world->permissions, &nobody, row)); /* the model is not open to everyone */
}

static void what_an_application_offers_itself_is_left_to_it(void **state)
{
    struct world *world = *state;
    assert_true(dispatch_knows(world->dispatch, "paper.list"));
    struct dispatch *other = dispatch_new(world->settings);
    static const struct route own = {.name = "paper.list", .flags = ROUTE_OPEN, .start = take_start};
    dispatch_add(other, &own, 1, NULL);
    assert_true(model_actions_add(other, world->application));
    struct request *request = dispatch_request(other, "paper.list");
    assert_ptr_equal(request->route, &own);
    request_free(request);
    assert_true(dispatch_knows(other, "paper.detail"));
    model_actions_free(other);
    dispatch_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, papers_open, papers_close)
        TEST(each_change_is_told_once_with_the_rows_before_and_after),
        TEST(nobody_is_told_of_what_was_refused),
        TEST(a_work_that_runs_twice_is_told_once),
        TEST(what_went_along_is_told_row_by_row),
        TEST(what_went_along_with_what_went_along_is_told_too),
        TEST(more_than_can_be_told_is_told_as_too_much),
        TEST(a_hook_may_change_the_row_and_hears_of_it_first),
        TEST(a_hook_that_refuses_leaves_everything_as_it_was),
        TEST(history_is_kept_once_for_each_change_that_stays),
        TEST(what_is_never_shown_is_in_no_history),
        TEST(a_right_taken_away_before_the_write_refuses_all_three),
        TEST(a_right_on_another_model_taken_away_before_the_write_hides_its_rows),
        TEST(a_right_on_another_model_that_stays_keeps_its_rows),
        TEST(a_right_taken_away_before_the_answer_refuses_reading),
        TEST(who_is_no_superuser_any_more_at_the_answer_gets_what_everybody_gets),
        TEST(what_a_right_on_another_model_showed_is_gone_with_it),
        TEST(who_may_not_make_a_row_is_not_told_what_others_have),
        TEST(who_may_write_but_not_read_changes_nothing_that_is_there),
        TEST(one_row_is_judged_as_reading_it_would_be),
        TEST(what_an_application_offers_itself_is_left_to_it),
    };
    return cmocka_run_group_tests_name("model_actions", tests, NULL, NULL);
}
