/* acl/effective.c: everything that somebody may do, and where each right comes from: on every model, for every right,
 * all grants that give it to a person, a group, all members or everyone. One question to a reader, however many models
 * there are; nothing is looked up for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "acl/state.h"
#include "lib/clock.h"

struct effective_request {
    struct request request;
    enum subject subject;
    const char *name;                         /* an id or a name; NULL: id is known, or there is none */
    int64_t id;                               /* of the user or group */
    uint64_t visible[(MODELS_MAX + 63) / 64]; /* bits of the models that the asker may ask about */
    struct buffer sources[RIGHTS_COUNT];      /* of the model that is being printed */
};

static void effective_start(struct request *request);
static bool subject_param(struct request *request);
static bool may_ask(struct request *request);
static enum status effective_work(struct request *request, struct db *db);
static enum status subject_print(struct effective_request *effective, struct db *db);
static void model_print(struct effective_request *effective, size_t index, const char *comma);
static void effective_free(struct request *request);

const struct route effective_routes[] = {
    {"acl.effective", HTTP_M_GET, "acl/effective", ROUTE_SIGNED_IN, NULL, 0, effective_start,
     sizeof(struct effective_request), effective_free},
};
const size_t effective_routes_count = ARRAY_LENGTH(effective_routes);

static struct effective_request *effective_request(struct request *request)
{
    return container_of(request, struct effective_request, request);
}

/* ---- the question ---- */

static void effective_start(struct request *request)
{
    static const char *const names[] = {"user", "group", "subject", NULL};
    bool is_fine = params_only(request, names);
    is_fine &= subject_param(request);
    if (!is_fine)
        request_finish(request, STATUS_INVALID);
    else if (may_ask(request))
        request_read(request, effective_work, NULL);
}

/* An id or a name, as text or as a number. */
static bool name_param(struct request *request, const char *name)
{
    struct effective_request *effective = effective_request(request);
    char pointer[PARAM_POINTER_SIZE];
    const cJSON *item = json_get(request->params, name);
    const char *text = json_text(item);
    int64_t number = 0;
    if (text && name_is_number(text) && strlen(text) < 16)
        number = strtoll(text, NULL, 10);
    if ((number > 0 || json_int(item, &number)) && number > 0)
        effective->id = number;
    else if (text && text[0] && !name_is_number(text))
        effective->name = text;
    else
        return request_invalid(request, param_pointer(name, pointer), "This must be an id or a name.") == STATUS_OK;
    return true;
}

static bool subject_param(struct request *request)
{
    static const char *const words[] = {"everyone", "members", NULL};
    struct effective_request *effective = effective_request(request);
    bool has_user = param_is_given(request, "user"), has_group = param_is_given(request, "group");
    const char *user = json_get_text(request->params, "user");
    int word = 0;
    if (has_user + has_group + param_is_given(request, "subject") != 1)
        return request_invalid(request, "", "Ask about one: user, group or subject.") == STATUS_OK;
    if (has_user || has_group) {
        effective->subject = has_user ? SUBJECT_USER : SUBJECT_GROUP;
        if (user && strcmp(user, "me") == 0)
            effective->id = request->actor.user_id;
        else
            return name_param(request, has_user ? "user" : "group");
        return true;
    }
    if (!param_word(request, "subject", PARAM_REQUIRED, words, &word))
        return false;
    effective->subject = word ? SUBJECT_MEMBERS : SUBJECT_EVERYONE;
    return true;
}

/* About oneself everybody asks, about others those who may grant, on the models on which they may. False: it was
 * refused. */
static bool may_ask(struct request *request)
{
    struct effective_request *effective = effective_request(request);
    const struct permissions *permissions = request_permissions(request);
    const struct models *models = dispatch_models(request->dispatch);
    bool is_oneself = effective->subject == SUBJECT_USER && effective->id && effective->id == request->actor.user_id;
    if (!is_oneself && !acl_may_grant(request, NULL))
        return false;
    for (size_t i = 0; i < models_count(models); i++)
        if (is_oneself || permissions_may_grant(permissions, &request->actor, models_at(models, i)->name))
            effective->visible[i / 64] |= UINT64_C(1) << i % 64;
    return true;
}

/* ---- the answer ---- */

/* Grants that reach the subject, in the order of their models: its own, and those of whom it belongs to. */
static struct rows *grants_query(const struct effective_request *effective, struct db *db)
{
    bool is_user = effective->subject == SUBJECT_USER, is_group = effective->subject == SUBJECT_GROUP;
    return db_query(db,
                    GRANT_SELECT
                    "WHERE (g.until IS NULL OR g.until > ?1) AND (g.subject = 'everyone' OR "
                    "(?2 AND g.subject = 'members') OR g.user_id = ?3 OR g.group_id = ?4 OR "
                    "g.group_id IN (SELECT group_id FROM group_member WHERE user_id = ?3)) "
                    "ORDER BY g.model, CASE g.subject WHEN 'user' THEN 0 WHEN 'group' THEN 1 WHEN 'members' THEN 2 "
                    "ELSE 3 END, g.id",
                    "iiii", clock_wall_ms(), (int64_t)(effective->subject != SUBJECT_EVERYONE),
                    is_user ? effective->id : 0, is_group ? effective->id : 0);
}

static enum status effective_work(struct request *request, struct db *db)
{
    struct effective_request *effective = effective_request(request);
    const struct models *models = dispatch_models(request->dispatch);
    struct buffer *json = request_result(request);
    const char *comma = "";
    enum status status = subject_print(effective, db);
    if (status != STATUS_OK)
        return status;
    buffer_text(json, ",\"models\":{");
    struct rows *rows = grants_query(effective, db);
    bool is_there = rows_next(rows);
    for (size_t i = 0; i < models_count(models); i++) {
        const char *name = models_at(models, i)->name;
        bool is_visible = effective->visible[i / 64] >> i % 64 & 1;
        int order = -1;
        for (size_t right = 0; right < RIGHTS_COUNT; right++)
            buffer_clear(&effective->sources[right]);
        /* Both are in the order of the names; grants on models that are gone stand between. */
        for (; is_there && (order = strcmp(rows_text(rows, 3, NULL), name)) <= 0; is_there = rows_next(rows)) {
            struct grant_view view;
            grant_view(rows, &view);
            for (size_t right = 0; right < RIGHTS_COUNT && order == 0 && is_visible; right++) {
                struct buffer *sources = &effective->sources[right];
                if (!(view.grant.rights & 1u << right))
                    continue;
                buffer_text(sources, sources->length ? "," : "");
                grant_print_source(&view, sources);
            }
        }
        if (is_visible) {
            model_print(effective, i, comma);
            comma = ",";
        }
    }
    buffer_text(json, "}}");
    return rows_end(rows);
}

static void model_print(struct effective_request *effective, size_t index, const char *comma)
{
    struct buffer *json = &effective->request.result;
    buffer_printf(json, "%s\"%s\":{", comma, models_at(dispatch_models(effective->request.dispatch), index)->name);
    for (size_t right = 0; right < RIGHTS_COUNT; right++) {
        const struct buffer *sources = &effective->sources[right];
        buffer_printf(json, "%s\"%s\":[", right ? "," : "", right_word(1u << right));
        buffer_append(json, sources->bytes, sources->length);
        buffer_char(json, ']');
        json->has_failed |= sources->has_failed;
    }
    buffer_char(json, '}');
}

/* {"subject":{"kind":"user","id":5,…}; NOT_FOUND, as for a name that is nobody's. */
static enum status subject_print(struct effective_request *effective, struct db *db)
{
    struct request *request = &effective->request;
    struct buffer *json = &request->result;
    enum status status = STATUS_OK;
    buffer_printf(json, "{\"subject\":{\"kind\":\"%s\"", subject_word(effective->subject));
    if (effective->name)
        status = subject_find(db, effective->subject, effective->name, &effective->id);
    if (status == STATUS_OK && effective->subject == SUBJECT_USER) {
        struct rows *rows =
            db_query(db, "SELECT name, superuser, disabled FROM user WHERE id = ?1", "i", effective->id);
        bool is_there = rows_next(rows);
        if (is_there) {
            buffer_printf(json, ",\"id\":%lld,", (long long)effective->id);
            buffer_json_member(json, "name", rows_text(rows, 0, NULL));
            buffer_printf(json, ",\"superuser\":%s,\"disabled\":%s", rows_int(rows, 1) ? "true" : "false",
                          rows_int(rows, 2) ? "true" : "false");
        }
        status = rows_end(rows);
        status = status == STATUS_OK && !is_there ? STATUS_NOT_FOUND : status;
    } else if (status == STATUS_OK && effective->subject == SUBJECT_GROUP) {
        struct rows *rows = db_query(db, "SELECT name FROM \"group\" WHERE id = ?1", "i", effective->id);
        bool is_there = rows_next(rows);
        if (is_there) {
            buffer_printf(json, ",\"id\":%lld,", (long long)effective->id);
            buffer_json_member(json, "name", rows_text(rows, 0, NULL));
        }
        status = rows_end(rows);
        status = status == STATUS_OK && !is_there ? STATUS_NOT_FOUND : status;
    }
    buffer_char(json, '}');
    return status == STATUS_NOT_FOUND ? acl_absent(request, "There is no such %s.", subject_word(effective->subject))
                                      : status;
}

static void effective_free(struct request *request)
{
    for (size_t right = 0; right < RIGHTS_COUNT; right++)
        buffer_free(&effective_request(request)->sources[right]);
}
