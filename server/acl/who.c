/* acl/who.c: who may do something: explain turned round. For superusers and those who may grant on the model. */
#include <stdio.h>
#include "acl/explain.h"
#include "lib/clock.h"

#define PAGE_MAX 200

struct who_request {
    struct request request;
    struct question question;
    int64_t after, limit;
    bool is_for_everyone, is_for_members; /* a grant to all */
    struct {
        int64_t id;
        char name[NAME_SIZE];
        bool is_superuser;
    } people[PAGE_MAX];
    size_t count;
};

static void who_start(struct request *request);
static enum status who_work(struct request *request, struct db *db);
static void who_done(struct request *request);
static void who_free(struct request *request);

const struct route who_routes[] = {
    {"acl.who", HTTP_M_GET, "acl/who", ROUTE_SIGNED_IN, NULL, 0, who_start, sizeof(struct who_request), who_free},
};
const size_t who_routes_count = ARRAY_LENGTH(who_routes);

static void who_start(struct request *request)
{
    static const char *const names[] = {"model", "right", "id", "after", "limit", NULL};
    struct who_request *who = container_of(request, struct who_request, request);
    who->limit = PAGE_MAX;
    bool is_fine = params_only(request, names);
    is_fine &= question_read(request, "right", &who->question);
    is_fine &= param_int(request, "after", PARAM_OPTIONAL, 0, INT64_MAX, &who->after);
    is_fine &= param_int(request, "limit", PARAM_OPTIONAL, 1, PAGE_MAX, &who->limit);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (acl_may_grant(request, who->question.model->name))
        request_read(request, who_work, who_done);
}

#define HOLDS "model = ?1 AND rights & ?2 AND (until IS NULL OR until > ?3) "

static enum status open_find(struct who_request *who, struct db *db, int64_t now_ms)
{
    who->is_for_everyone = who->is_for_members = false;
    struct rows *rows =
        db_query(db, "SELECT DISTINCT subject FROM \"grant\" WHERE subject IN ('everyone', 'members') AND " HOLDS,
                 "tii", who->question.model->name, (int64_t)who->question.right, now_ms);
    while (rows_next(rows))
        if (subject_of(rows_text(rows, 0, NULL)) == SUBJECT_EVERYONE)
            who->is_for_everyone = true;
        else
            who->is_for_members = true;
    return rows_end(rows);
}

static enum status who_work(struct request *request, struct db *db)
{
    struct who_request *who = container_of(request, struct who_request, request);
    int64_t now_ms = clock_wall_ms();
    enum status status = open_find(who, db, now_ms);
    if (status == STATUS_OK)
        status = question_row(&who->question, db);
    if (status != STATUS_OK)
        return status;
    /* What all hold need not be looked up for each. */
    struct rows *rows =
        who->is_for_everyone || who->is_for_members
            ? db_query(db, "SELECT id, name, superuser FROM user WHERE id > ?1 AND disabled = 0 ORDER BY id LIMIT ?2",
                       "ii", who->after, who->limit)
            : db_query(
                  db,
                  "SELECT id, name, superuser FROM user WHERE id > ?4 AND disabled = 0 AND (superuser OR id IN "
                  "(SELECT user_id FROM \"grant\" WHERE user_id IS NOT NULL AND " HOLDS
                  "UNION SELECT group_member.user_id FROM \"grant\" JOIN group_member USING (group_id) WHERE " HOLDS
                  ")) ORDER BY id LIMIT ?5",
                  "tiiii", who->question.model->name, (int64_t)who->question.right, now_ms, who->after, who->limit);
    for (who->count = 0; who->count < PAGE_MAX && rows_next(rows); who->count++) {
        who->people[who->count].id = rows_int(rows, 0);
        snprintf(who->people[who->count].name, NAME_SIZE, "%s", rows_text(rows, 1, NULL));
        who->people[who->count].is_superuser = rows_int(rows, 2) != 0;
    }
    return rows_end(rows);
}

/* Whom the row's rule keeps out is left out: a page may be shorter, even empty, and the next one is not. */
static void who_done(struct request *request)
{
    struct who_request *who = container_of(request, struct who_request, request);
    const struct question *question = &who->question;
    struct buffer *json = request_result(request);
    const struct actor nobody = {0};
    const char *comma = "";
    if (request->status == STATUS_OK && !question_may_see(request, question))
        request->status =
            acl_absent(request, "There is no row %lld of \"%s\".", (long long)question->row_id, question->model->name);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    buffer_text(json, "{\"items\":[");
    for (size_t i = 0; i < who->count; i++) {
        const struct actor actor = {.user_id = who->people[i].id};
        const struct asker asker = model_asker(question->model, request_permissions(request), &actor);
        if (!question_rules_allow(question, &asker))
            continue;
        buffer_printf(json, "%s{\"id\":%lld,", comma, (long long)actor.user_id);
        buffer_json_member(json, "name", who->people[i].name);
        buffer_printf(json, ",\"superuser\":%s}", who->people[i].is_superuser ? "true" : "false");
        comma = ",";
    }
    const struct asker asker = model_asker(question->model, request_permissions(request), &nobody);
    bool is_open = who->is_for_everyone && question_rules_allow(question, &asker);
    buffer_printf(json, "],\"everyone\":%s,", is_open ? "true" : "false");
    if ((int64_t)who->count == who->limit)
        buffer_printf(json, "\"next\":%lld}", (long long)who->people[who->count - 1].id);
    else
        buffer_text(json, "\"next\":null}");
    request_finish(request, STATUS_OK);
}

static void who_free(struct request *request)
{
    row_free(container_of(request, struct who_request, request)->question.row);
}
