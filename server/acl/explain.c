/* acl/explain.c: may somebody do something, and why: the grants that say so, and what the model's rule says about a
 * row. Superusers and those who may grant on the model ask about anybody; everybody may ask about himself. */
#include "acl/explain.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

struct explain_request {
    struct request request;
    struct question question;
    struct {
        int64_t id; /* 0: not known by its id */
        char name[NAME_SIZE];
        bool is_anonymous, is_superuser, is_disabled;
    } user;
    struct buffer grants; /* elements of "from" */
};

static void explain_start(struct request *request);
static enum status explain_work(struct request *request, struct db *db);
static void explain_done(struct request *request);
static void explain_free(struct request *request);

const struct route explain_routes[] = {
    {"acl.explain", HTTP_M_GET, "acl/explain", ROUTE_SIGNED_IN, NULL, 0, explain_start, sizeof(struct explain_request),
     explain_free},
};
const size_t explain_routes_count = ARRAY_LENGTH(explain_routes);

/* ---- questions ---- */

bool question_read(struct request *request, const char *right_name, struct question *question)
{
    static const char *const words[] = {"read", "write", "delete", "grant", NULL};
    int right = 0;
    question->model = model_param(request);
    bool is_fine = question->model != NULL;
    is_fine &= param_word(request, right_name, PARAM_REQUIRED, words, &right);
    is_fine &= param_int(request, "id", PARAM_OPTIONAL, 1, INT64_MAX, &question->row_id);
    question->right = 1u << right;
    return is_fine;
}

enum status question_row(struct question *question, struct db *db)
{
    row_free(TAKE(question->row));
    if (!question->row_id)
        return STATUS_OK;
    enum status status = model_select(db, question->model, question->row_id, &question->row);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

bool question_may_see(struct request *request, const struct question *question)
{
    if (!question->row_id)
        return true;
    return question->row &&
           model_row_readable(question->model, request_permissions(request), &request->actor, question->row);
}

const struct rule *question_rule(const struct question *question)
{
    enum model_rule rule = question->right == RIGHT_READ     ? RULE_READ
                           : question->right == RIGHT_WRITE  ? RULE_UPDATE
                           : question->right == RIGHT_DELETE ? RULE_DELETE
                                                             : MODEL_RULES;
    return rule == MODEL_RULES ? NULL : question->model->rules[rule];
}

bool question_rules_allow(const struct question *question, const struct asker *asker)
{
    /* What one may not see one can neither change nor delete. */
    return !question->row || question->right == RIGHT_GRANT ||
           (rule_allows(question->model->rules[RULE_READ], question->row, asker) &&
            rule_allows(question_rule(question), question->row, asker));
}

/* ---- explain ---- */

/* The parameter "user": an id, a name or "anonymous"; left out: oneself. */
static bool user_read(struct request *request)
{
    struct explain_request *explain = container_of(request, struct explain_request, request);
    const cJSON *item = json_get(request->params, "user");
    const char *text = json_text(item);
    int64_t id = 0;
    if (!param_is_given(request, "user") && request->actor.user_id) {
        explain->user.id = request->actor.user_id;
    } else if (json_int(item, &id) && id > 0) {
        explain->user.id = id;
    } else if (text && strcmp(text, "anonymous") == 0) {
        explain->user.is_anonymous = true;
    } else if (text && name_is_number(text) && strlen(text) < 16) {
        explain->user.id = strtoll(text, NULL, 10);
    } else if (text && !name_check(text)) {
        name_fold(text, explain->user.name);
    } else {
        request_invalid(request, "/user", "This must be a user's id or name, or anonymous.");
        return false;
    }
    return true;
}

static bool is_oneself(const struct explain_request *explain)
{
    const struct actor *actor = &explain->request.actor;
    char own[NAME_SIZE];
    name_fold(actor->name, own);
    return explain->user.id ? explain->user.id == actor->user_id
                            : actor->user_id && strcmp(explain->user.name, own) == 0;
}

static void explain_start(struct request *request)
{
    static const char *const names[] = {"user", "model", "action", "id", NULL};
    struct explain_request *explain = container_of(request, struct explain_request, request);
    bool is_fine = params_only(request, names);
    is_fine &= user_read(request);
    is_fine &= question_read(request, "action", &explain->question);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (is_oneself(explain) || acl_may_grant(request, explain->question.model->name))
        request_read(request, explain_work, explain_done);
}

static enum status user_find(struct explain_request *explain, struct db *db)
{
    if (explain->user.is_anonymous)
        return STATUS_OK;
    struct rows *rows =
        explain->user.id
            ? db_query(db, "SELECT id, name, superuser, disabled FROM user WHERE id = ?1", "i", explain->user.id)
            : db_query(db, "SELECT id, name, superuser, disabled FROM user WHERE name_folded = ?1", "t",
                       explain->user.name);
    bool is_there = rows_next(rows);
    if (is_there) {
        explain->user.id = rows_int(rows, 0);
        snprintf(explain->user.name, NAME_SIZE, "%s", rows_text(rows, 1, NULL));
        explain->user.is_superuser = rows_int(rows, 2) != 0;
        explain->user.is_disabled = rows_int(rows, 3) != 0;
    }
    enum status status = rows_end(rows);
    if (status == STATUS_OK && !is_there)
        return request_invalid(&explain->request, "/user", "There is no such user.");
    return status;
}

static enum status explain_work(struct request *request, struct db *db)
{
    struct explain_request *explain = container_of(request, struct explain_request, request);
    const struct question *question = &explain->question;
    struct buffer *json = &explain->grants;
    enum status status = user_find(explain, db);
    if (status == STATUS_OK)
        status = question_row(&explain->question, db);
    if (status != STATUS_OK)
        return status;
    buffer_clear(json);
    struct rows *rows =
        db_query(db,
                 GRANT_SELECT "WHERE g.model = ?2 AND g.rights & ?3 AND (g.until IS NULL OR g.until > ?4) AND "
                              "(g.subject = 'everyone' OR (?1 > 0 AND g.subject = 'members') OR g.user_id = ?1 "
                              "OR g.group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1)) ORDER BY g.id",
                 "itii", explain->user.id, question->model->name, (int64_t)question->right, clock_wall_ms());
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        struct grant_view view;
        grant_view(rows, &view);
        buffer_text(json, comma);
        grant_print_source(&view, json);
    }
    return rows_end(rows);
}

/* Why a rule says what it says; of values only those that the one who asks may see himself. */
static void rule_print_why(struct request *request, const char *name, const struct rule *rule,
                           const struct question *question, const struct asker *asker)
{
    if (!rule || !question->row)
        return;
    struct buffer *json = &request->result;
    uint64_t fields =
        model_fields_readable(question->model, request_permissions(request), &request->actor, question->row);
    buffer_printf(json, ",\"%s\":", name);
    rule_explain(rule, question->row, asker, fields, json);
}

static void explain_done(struct request *request)
{
    struct explain_request *explain = container_of(request, struct explain_request, request);
    const struct question *question = &explain->question;
    struct buffer *json = request_result(request);
    struct actor actor = {.user_id = explain->user.id};
    if (request->status == STATUS_OK && !question_may_see(request, question))
        request->status =
            acl_absent(request, "There is no row %lld of \"%s\".", (long long)question->row_id, question->model->name);
    if (request->status == STATUS_OK && explain->grants.has_failed)
        request->status = FAULT("no memory");
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    memcpy(actor.name, explain->user.name, sizeof actor.name);
    const struct asker asker = model_asker(question->model, request_permissions(request), &actor);
    bool holds = explain->user.is_superuser || explain->grants.length;
    bool is_allowed = holds && !explain->user.is_disabled && question_rules_allow(question, &asker);
    buffer_printf(json, "{\"allowed\":%s,\"user\":", is_allowed ? "true" : "false");
    if (explain->user.is_anonymous) {
        buffer_text(json, "null");
    } else {
        buffer_printf(json, "{\"id\":%lld,", (long long)actor.user_id);
        buffer_json_member(json, "name", actor.name);
        buffer_char(json, '}');
    }
    buffer_printf(json, ",\"model\":\"%s\",\"action\":\"%s\"", question->model->name, right_word(question->right));
    if (question->row_id)
        buffer_printf(json, ",\"id\":%lld", (long long)question->row_id);
    buffer_printf(json, ",\"because\":[{\"right\":\"%s\",\"from\":[%s]}%s%s]", right_word(question->right),
                  explain->grants.length ? explain->grants.bytes : "",
                  explain->user.is_superuser ? ",{\"superuser\":true}" : "",
                  explain->user.is_disabled ? ",{\"disabled\":true}" : "");
    if (question->right != RIGHT_READ && question->right != RIGHT_GRANT)
        rule_print_why(request, "read_rule", question->model->rules[RULE_READ], question, &asker);
    rule_print_why(request, "rule", question_rule(question), question, &asker);
    /* Making a row takes the right to write too, and there is none yet that one could ask about. */
    const struct rule *create = question->model->rules[RULE_CREATE];
    if (question->right == RIGHT_WRITE && !question->row_id && create) {
        buffer_text(json, ",\"create_rule\":");
        rule_print(create, json);
    }
    /* Without a row a rule has nothing to judge, and built-in models have actions of their own that may ask for more.
     */
    buffer_printf(json, ",\"rows_have_rules\":%s,\"is_builtin\":%s}", question_rule(question) ? "true" : "false",
                  question->model->is_builtin ? "true" : "false");
    request_finish(request, STATUS_OK);
}

static void explain_free(struct request *request)
{
    struct explain_request *explain = container_of(request, struct explain_request, request);
    row_free(explain->question.row);
    buffer_free(&explain->grants);
}
