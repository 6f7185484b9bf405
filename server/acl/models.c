/* acl/models.c: SQL of grants. */
#include "acl/models.h"
#include <stdio.h>
#include <string.h>
#include "accounts/models.h"
#include "lib/clock.h"

enum subject subject_of(const char *word)
{
    for (enum subject subject = SUBJECT_EVERYONE; subject < SUBJECT_GROUP; subject++)
        if (strcmp(word, subject_word(subject)) == 0)
            return subject;
    return SUBJECT_GROUP;
}

/* ---- as it is shown ---- */

/* The first six columns of GRANT_SELECT. */
static void grant_read(struct rows *rows, struct grant *grant)
{
    *grant = (struct grant){.id = rows_int(rows, 0),
                            .subject = subject_of(rows_text(rows, 1, NULL)),
                            .subject_id = rows_int(rows, 2),
                            .rights = (unsigned)rows_int(rows, 4),
                            .until_ms = rows_int(rows, 5)};
    snprintf(grant->model, sizeof grant->model, "%s", rows_text(rows, 3, NULL));
}

void grant_view(struct rows *rows, struct grant_view *view)
{
    grant_read(rows, &view->grant);
    view->name = rows_text(rows, 6, NULL);
    view->reason = rows_text(rows, 7, NULL);
    view->granted_by = rows_int(rows, 8);
    view->granter = rows_text(rows, 9, NULL);
    view->created_ms = rows_int(rows, 10);
}

void grant_print(const struct grant_view *view, struct buffer *json)
{
    const struct grant *grant = &view->grant;
    char at[CLOCK_TEXT_SIZE];
    buffer_printf(json, "{\"id\":%lld,\"subject\":\"%s", (long long)grant->id, subject_word(grant->subject));
    if (grant->subject_id)
        buffer_printf(json, ":%lld", (long long)grant->subject_id);
    buffer_text(json, "\",");
    if (view->name) {
        buffer_json_member(json, "name", view->name);
        buffer_char(json, ',');
    }
    buffer_json_member(json, "model", grant->model);
    buffer_text(json, ",\"rights\":");
    rights_print(grant->rights, json);
    buffer_char(json, ',');
    buffer_json_member(json, "reason", view->reason);
    buffer_char(json, ',');
    grant_print_origin(view, json);
    buffer_char(json, ',');
    buffer_json_member(json, "created_at", clock_text(view->created_ms, at));
    buffer_char(json, '}');
}

enum status grant_print_id(struct db *db, int64_t id, struct buffer *json)
{
    struct grant_view view;
    struct rows *rows = db_query(db, GRANT_SELECT "WHERE g.id = ?1", "i", id);
    bool is_there = rows_next(rows);
    if (is_there) {
        grant_view(rows, &view);
        grant_print(&view, json);
    }
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_there ? STATUS_NOT_FOUND : status;
}

void grant_print_source(const struct grant_view *view, struct buffer *json)
{
    buffer_printf(json, "{\"grant\":%lld,\"subject\":\"%s\",", (long long)view->grant.id,
                  subject_word(view->grant.subject));
    if (view->grant.subject_id)
        buffer_printf(json, "\"id\":%lld,", (long long)view->grant.subject_id);
    buffer_json_member(json, "name", view->name);
    buffer_char(json, ',');
    buffer_json_member(json, "reason", view->reason);
    buffer_char(json, ',');
    grant_print_origin(view, json);
    buffer_char(json, '}');
}

void grant_print_origin(const struct grant_view *view, struct buffer *json)
{
    char at[CLOCK_TEXT_SIZE];
    buffer_json_member(json, "until", view->grant.until_ms ? clock_text(view->grant.until_ms, at) : NULL);
    if (view->granter) {
        buffer_printf(json, ",\"granted_by\":{\"id\":%lld,", (long long)view->granted_by);
        buffer_json_member(json, "name", view->granter);
        buffer_char(json, '}');
    } else {
        buffer_text(json, ",\"granted_by\":null");
    }
}

/* ---- one grant ---- */

#define GRANT_COLUMNS                                                                                                  \
    "SELECT id, subject, ifnull(user_id, ifnull(group_id, 0)), model, rights, ifnull(until, 0) FROM \"grant\" "

static enum status grant_take(struct rows *rows, struct grant *grant)
{
    bool is_there = rows_next(rows);
    if (is_there)
        grant_read(rows, grant);
    enum status status = rows_end(rows);
    return status == STATUS_OK && !is_there ? STATUS_NOT_FOUND : status;
}

enum status grant_select(struct db *db, const struct grant *like, struct grant *grant)
{
    bool is_group = like->subject == SUBJECT_GROUP;
    return grant_take(db_query(db,
                               GRANT_COLUMNS "WHERE subject = ?1 AND ifnull(user_id, 0) = ?2 AND "
                                             "ifnull(group_id, 0) = ?3 AND model = ?4",
                               "tiit", subject_word(like->subject), is_group ? 0 : like->subject_id,
                               is_group ? like->subject_id : 0, like->model),
                      grant);
}

enum status grant_select_id(struct db *db, int64_t id, struct grant *grant)
{
    return grant_take(db_query(db, GRANT_COLUMNS "WHERE id = ?1", "i", id), grant);
}

enum status grant_delete(struct db *db, int64_t id)
{
    return db_run(db, "DELETE FROM \"grant\" WHERE id = ?1", "i", id);
}

enum status grant_insert(struct db *db, struct grant *grant, const char *reason, int64_t granted_by, int64_t now_ms)
{
    bool is_group = grant->subject == SUBJECT_GROUP;
    enum status status = db_run(
        db,
        "INSERT INTO \"grant\"(subject, user_id, group_id, model, rights, reason, until, granted_by, created_at, "
        "updated_at) VALUES (?1, nullif(?2, 0), nullif(?3, 0), ?4, ?5, ?6, nullif(?7, 0), nullif(?8, 0), ?9, ?9)",
        "tiititiii", subject_word(grant->subject), is_group ? 0 : grant->subject_id, is_group ? grant->subject_id : 0,
        grant->model, (int64_t)grant->rights, reason, grant->until_ms, granted_by, now_ms);
    if (status == STATUS_OK)
        grant->id = db_last_id(db);
    return status;
}

static void audit_state(struct buffer *detail, const char *rights_name, const char *until_name,
                        const struct grant *grant)
{
    char at[CLOCK_TEXT_SIZE];
    buffer_printf(detail, ",\"%s\":", rights_name);
    rights_print(grant ? grant->rights : 0, detail);
    if (!grant || !grant->until_ms)
        return;
    buffer_char(detail, ',');
    buffer_json_member(detail, until_name, clock_text(grant->until_ms, at));
}

enum status grant_audit(struct db *db, int64_t actor_id, const char *action, const struct grant *before,
                        const struct grant *after, const char *reason)
{
    const struct grant *grant = after ? after : before;
    SCOPED(buffer_free) struct buffer detail = {0};
    buffer_printf(&detail, "{\"subject\":\"%s\",\"id\":%lld,", subject_word(grant->subject),
                  (long long)grant->subject_id);
    buffer_json_member(&detail, "model", grant->model);
    audit_state(&detail, "before", "until_before", before);
    audit_state(&detail, "after", "until", after);
    buffer_char(&detail, ',');
    buffer_json_member(&detail, "reason", reason);
    buffer_char(&detail, '}');
    return audit_insert(db, actor_id, action, &detail);
}

/* ---- what follows from all of them ---- */

enum status rights_held(struct db *db, int64_t user_id, const char *model, int64_t now_ms, int64_t except_id,
                        int64_t until_ms[RIGHTS_COUNT])
{
    memset(until_ms, 0, RIGHTS_COUNT * sizeof *until_ms);
    struct rows *rows =
        db_query(db,
                 "SELECT rights, ifnull(until, ?4) FROM \"grant\" WHERE model = ?2 AND (until IS NULL OR until > ?3) "
                 "AND id <> ?5 AND (subject = 'everyone' OR (?1 > 0 AND subject = 'members') OR user_id = ?1 "
                 "OR group_id IN (SELECT group_id FROM group_member WHERE user_id = ?1))",
                 "itiii", user_id, model, now_ms, INT64_MAX, except_id);
    while (rows_next(rows))
        for (unsigned i = 0; i < RIGHTS_COUNT; i++)
            if (rows_int(rows, 0) & 1 << i && rows_int(rows, 1) > until_ms[i])
                until_ms[i] = rows_int(rows, 1);
    return rows_end(rows);
}

enum status permissions_select(struct db *db, struct permissions *permissions, int64_t now_ms, int64_t *next_until_ms)
{
    bool is_fine = true;
    int64_t next_ms = 0;
    struct rows *rows = db_query(db, "SELECT group_id, user_id FROM group_member", "");
    while (rows_next(rows))
        is_fine = permissions_join(permissions, rows_int(rows, 0), rows_int(rows, 1)) && is_fine;
    enum status status = rows_end(rows);
    if (status != STATUS_OK)
        return status;
    rows = db_query(db, GRANT_COLUMNS, "");
    while (rows_next(rows)) {
        struct grant grant;
        grant_read(rows, &grant);
        if (grant.until_ms && (!next_ms || grant.until_ms < next_ms))
            next_ms = grant.until_ms;
        if (grant.until_ms && grant.until_ms <= now_ms)
            continue;
        is_fine = permissions_set_until(permissions, grant.subject, grant.subject_id, grant.model, grant.rights,
                                        grant.until_ms) &&
                  is_fine;
    }
    status = rows_end(rows);
    if (status == STATUS_OK && !is_fine)
        return FAULT("no memory for the grants");
    if (next_until_ms)
        *next_until_ms = next_ms;
    return status;
}
