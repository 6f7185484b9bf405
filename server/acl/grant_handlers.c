/* acl/grant_handlers.c: give a right and take it back. The change and its record commit together; then it is in force,
 * here and for every open socket, before anybody is told that it was done. */
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"
#include "lib/log.h"

static const char *const models[] = {"user", "group", "grant", "session", "room", "member", "message", "audit", NULL};

static void grant_print(struct buffer *json, const struct acl_request *acl, int64_t created_ms)
{
    char at[CLOCK_TEXT_SIZE];
    buffer_printf(json, "{\"id\":%lld,\"subject\":\"%s", (long long)acl->id, subject_word(acl->subject));
    if (acl->subject_id)
        buffer_printf(json, ":%lld", (long long)acl->subject_id);
    buffer_text(json, "\",");
    buffer_json_member(json, "model", acl->model);
    buffer_text(json, ",\"rights\":");
    rights_print(acl->rights, json);
    buffer_char(json, ',');
    buffer_json_member(json, "reason", acl->reason ? acl->reason : "");
    buffer_char(json, ',');
    buffer_json_member(json, "created_at", clock_text(created_ms, at));
    buffer_char(json, '}');
}

/* ---- list ---- */

static enum status grant_list_work(struct request *request, struct db *db)
{
    struct buffer *json = request_result(request);
    char at[CLOCK_TEXT_SIZE];
    SCOPED(rows_end)
    struct rows *rows =
        db_query(db,
                 "SELECT g.id, g.subject, ifnull(g.user_id, g.group_id), ifnull(user.name, \"group\".name), g.model, "
                 "g.rights, g.reason, g.created_at FROM \"grant\" g LEFT JOIN user ON user.id = g.user_id "
                 "LEFT JOIN \"group\" ON \"group\".id = g.group_id ORDER BY g.id LIMIT 10000",
                 "");
    if (!rows)
        return STATUS_FAULT;
    buffer_text(json, "{\"items\":[");
    for (const char *comma = ""; rows_next(rows); comma = ",") {
        buffer_printf(json, "%s{\"id\":%lld,\"subject\":\"%s", comma, (long long)rows_int(rows, 0),
                      rows_text(rows, 1, NULL));
        if (!rows_is_null(rows, 2))
            buffer_printf(json, ":%lld", (long long)rows_int(rows, 2));
        buffer_text(json, "\",");
        if (!rows_is_null(rows, 3)) {
            buffer_json_member(json, "name", rows_text(rows, 3, NULL));
            buffer_char(json, ',');
        }
        buffer_json_member(json, "model", rows_text(rows, 4, NULL));
        buffer_text(json, ",\"rights\":");
        rights_print((unsigned)rows_int(rows, 5), json);
        buffer_char(json, ',');
        buffer_json_member(json, "reason", rows_text(rows, 6, NULL));
        buffer_char(json, ',');
        buffer_json_member(json, "created_at", clock_text(rows_int(rows, 7), at));
        buffer_char(json, '}');
    }
    buffer_text(json, "],\"next\":null}");
    return rows_end(TAKE(rows));
}

void grant_list_start(struct request *request)
{
    if (params_only(request, NULL))
        request_read(request, grant_list_work, NULL);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- create: replaces the rights of the same subject on the same model ---- */

/* "everyone", "members", "user:3", "user:ann", "group:2", "group:editors" */
static bool subject_read(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    const char *text = NULL;
    if (!param_text(request, "subject", PARAM_REQUIRED, 1, 100, &text))
        return false;
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    for (enum subject subject = SUBJECT_EVERYONE; subject <= SUBJECT_GROUP; subject++) {
        const char *word = subject_word(subject);
        bool is_named = subject == SUBJECT_USER || subject == SUBJECT_GROUP;
        if (strlen(word) != length || memcmp(word, text, length) != 0 || is_named != (colon && colon[1]))
            continue;
        acl->subject = subject;
        acl->subject_name = is_named ? colon + 1 : NULL;
        return true;
    }
    request_invalid(request, "/subject", "This must be everyone, members, user:ID or group:ID (or their names).");
    return false;
}

static bool rights_read(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    const cJSON *list = json_get(request->params, "rights"), *item;
    bool is_fine = cJSON_IsArray(list);
    cJSON_ArrayForEach (item, list) {
        const char *word = json_text(item);
        unsigned right = word ? rights_from_word(word) : 0;
        is_fine &= right != 0;
        acl->rights |= right;
    }
    if (!is_fine)
        request_invalid(request, "/rights",
                        "This must be a list of read, write and delete; an empty one takes the grant away.");
    return is_fine;
}

static enum status subject_find(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    if (!acl->subject_name)
        return STATUS_OK;
    bool is_user = acl->subject == SUBJECT_USER;
    bool is_id = strspn(acl->subject_name, "0123456789") == strlen(acl->subject_name);
    enum status status;
    /* Digits are an id and nothing else: who calls himself "7" does not get what is meant for user 7. */
    if (is_id)
        status = db_get_int(db, &acl->subject_id,
                            is_user ? "SELECT id FROM user WHERE id = ?1" : "SELECT id FROM \"group\" WHERE id = ?1",
                            "i", (int64_t)strtoll(acl->subject_name, NULL, 10));
    else
        status = db_get_int(db, &acl->subject_id,
                            is_user ? "SELECT id FROM user WHERE name_folded = lower(?1)"
                                    : "SELECT id FROM \"group\" WHERE name = ?1",
                            "t", acl->subject_name);
    if (status != STATUS_NOT_FOUND)
        return status;
    request_invalid(request, "/subject", "There is no such %s.", is_user ? "user" : "group");
    return STATUS_INVALID;
}

static enum status grant_audit(struct request *request, struct db *db, const char *action)
{
    const struct acl_request *acl = acl_request(request);
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"subject\":\"%s\",\"id\":%lld,", subject_word(acl->subject), (long long)acl->subject_id);
    buffer_json_member(&detail, "model", acl->model);
    buffer_text(&detail, ",\"before\":");
    rights_print(acl->rights_before, &detail);
    buffer_text(&detail, ",\"after\":");
    rights_print(acl->rights, &detail);
    buffer_char(&detail, ',');
    buffer_json_member(&detail, "reason", acl->reason ? acl->reason : "");
    buffer_char(&detail, '}');
    return audit_insert(db, request->actor.user_id, action, &detail);
}

static enum status grant_create_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    bool is_user = acl->subject == SUBJECT_USER, is_group = acl->subject == SUBJECT_GROUP;
    int64_t before = 0, now_ms = clock_wall_ms();
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = subject_find(request, db);
    if (status != STATUS_OK)
        return status;
    status = db_get_int(db, &before,
                        "SELECT rights FROM \"grant\" WHERE subject = ?1 AND ifnull(user_id, 0) = ?2 AND "
                        "ifnull(group_id, 0) = ?3 AND model = ?4",
                        "tiit", subject_word(acl->subject), is_user ? acl->subject_id : 0,
                        is_group ? acl->subject_id : 0, acl->model);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    acl->rights_before = (unsigned)before;
    status = db_run(db,
                    "DELETE FROM \"grant\" WHERE subject = ?1 AND ifnull(user_id, 0) = ?2 AND ifnull(group_id, 0) = ?3 "
                    "AND model = ?4",
                    "tiit", subject_word(acl->subject), is_user ? acl->subject_id : 0, is_group ? acl->subject_id : 0,
                    acl->model);
    acl->id = 0;
    if (status == STATUS_OK && acl->rights) {
        status = db_run(
            db,
            "INSERT INTO \"grant\"(subject, user_id, group_id, model, rights, reason, granted_by, created_at) "
            "VALUES (?1, nullif(?2, 0), nullif(?3, 0), ?4, ?5, ?6, nullif(?7, 0), ?8)",
            "tiititii", subject_word(acl->subject), is_user ? acl->subject_id : 0, is_group ? acl->subject_id : 0,
            acl->model, (int64_t)acl->rights, acl->reason ? acl->reason : "", request->actor.user_id, now_ms);
        acl->id = db_last_id(db);
    }
    if (status == STATUS_OK)
        status = grant_audit(request, db, "grant");
    db_acl_changed(db);
    grant_print(request_result(request), acl, now_ms);
    return status;
}

static void grant_done(struct request *request)
{
    struct acl_request *acl = acl_request(request);
    if (request->status != STATUS_OK) {
        request_finish(request, request->status);
        return;
    }
    if (!permissions_set(request_permissions(request), acl->subject, acl->subject_id, acl->model, acl->rights))
        log_error("grant.memory", "a grant is stored but not in force before the next start: no memory");
    acl_announce(request->app, acl->subject == SUBJECT_USER ? acl->subject_id : 0);
    request->created_id = acl->id;
    request_finish(request, !request->result.length ? STATUS_NO_CONTENT : acl->id ? STATUS_CREATED : STATUS_OK);
}

void grant_create_start(struct request *request)
{
    static const char *const names[] = {"subject", "model", "rights", "reason", NULL};
    struct acl_request *acl = acl_request(request);
    int model = 0;
    bool is_fine = params_only(request, names);
    is_fine &= subject_read(request);
    is_fine &= param_word(request, "model", PARAM_REQUIRED, models, &model);
    is_fine &= rights_read(request);
    is_fine &= param_text(request, "reason", PARAM_OPTIONAL, 0, 500, &acl->reason);
    strcpy(acl->model, models[model]);
    if (is_fine)
        request_write(request, grant_create_work, grant_done);
    else
        request_finish(request, STATUS_INVALID);
}

/* ---- delete ---- */

static enum status grant_delete_work(struct request *request, struct db *db)
{
    struct acl_request *acl = acl_request(request);
    enum status status = request_recheck(request, db);
    if (status != STATUS_OK)
        return status;
    struct rows *rows =
        db_query(db, "SELECT subject, ifnull(user_id, ifnull(group_id, 0)), model, rights FROM \"grant\" WHERE id = ?1",
                 "i", acl->id);
    if (!rows)
        return STATUS_FAULT;
    bool is_there = rows_next(rows);
    if (is_there) {
        const char *word = rows_text(rows, 0, NULL);
        acl->subject = SUBJECT_EVERYONE;
        while (acl->subject < SUBJECT_GROUP && strcmp(subject_word(acl->subject), word) != 0)
            acl->subject++;
        acl->subject_id = rows_int(rows, 1);
        strncpy(acl->model, rows_text(rows, 2, NULL), sizeof acl->model - 1);
        acl->rights_before = (unsigned)rows_int(rows, 3);
    }
    status = rows_end(rows);
    if (status != STATUS_OK || !is_there)
        return status != STATUS_OK ? status : STATUS_NOT_FOUND;
    status = db_run(db, "DELETE FROM \"grant\" WHERE id = ?1", "i", acl->id);
    if (status == STATUS_OK)
        status = grant_audit(request, db, "revoke");
    db_acl_changed(db);
    return status;
}

void grant_delete_start(struct request *request)
{
    static const char *const names[] = {"id", NULL};
    if (params_only(request, names) &&
        param_int(request, "id", PARAM_REQUIRED, 1, INT64_MAX, &acl_request(request)->id))
        request_write(request, grant_delete_work, grant_done);
    else
        request_finish(request, STATUS_INVALID);
}
