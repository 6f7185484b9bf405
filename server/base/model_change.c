/* base/model_change.c: a row made, changed, deleted. The order of the questions is what keeps rows from giving
 * themselves away: whoever may not see a row hears that there is none, and only then come the rules on it, the version
 * and the values. */
#include <string.h>
#include "base/model_request.h"
#include "lib/clock.h"

#define VERSION_MAX ((INT64_C(1) << 53) - 1)

static request_work create_work, update_work, delete_work;
static request_done change_done;
static enum status create_check(struct request *request, const struct view *view);
static enum status create_conflict(struct request *request, struct db *db, const struct row *row);
static void change_begin(struct model_request *change);
static enum status row_find(struct request *request, struct db *db, enum model_rule rule, struct view *view);
static enum status refuse_by_rule(struct request *request, const char *what);
static enum status fields_check(struct request *request, uint64_t writable, uint64_t fields);
static uint64_t fields_changed(const struct model_request *update, const struct view *view);
static enum status row_changed(struct request *request, struct db *db, const struct row *before, struct row *after);
static enum status answer_row(struct request *request, const struct view *view);

/* ---- create ---- */

void model_create_start(struct request *request)
{
    struct model_request *create = model_request_of(request);
    enum status status = form_create(request, model_of(request), &create->form);
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    create->sent = form_sent(request, model_of(request));
    model_request_look_around(create);
    request_write(request, create_work, change_done);
}

static enum status create_work(struct request *request, struct db *db)
{
    struct model_request *create = model_request_of(request);
    const struct model *model = model_of(request);
    SCOPED(view_free) struct view view = {0};
    SCOPED(row_free) struct row *row = row_copy(create->form);
    int64_t now_ms = clock_wall_ms(), id = 0;
    change_begin(create);
    if (!row)
        return FAULT("no memory");
    row->values[FIELD_CREATED_AT] = row->values[FIELD_UPDATED_AT] = value_int(now_ms);
    row->values[FIELD_VERSION] = value_int(1);
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = references_check(create, db, row, create->sent);
    if (status == STATUS_OK && model->hooks && model->hooks->write)
        status = model->hooks->write(request, db, NULL, row);
    if (status == STATUS_OK)
        status = row_insert(db, row, &id);
    if (status == STATUS_CONFLICT)
        return create_conflict(request, db, row);
    if (status != STATUS_OK)
        return status;
    /* The rules judge the row as it stands there now; a no takes it back. */
    struct asker asker = request_asker(request);
    status = view_select(db, model, &asker, id, &view);
    if (status == STATUS_OK)
        status = create_check(request, &view);
    if (status == STATUS_OK)
        status = history_add(request, db, NULL, view.row);
    if (status == STATUS_OK)
        status = answer_row(request, &view);
    if (status != STATUS_OK)
        return status;
    request->created_id = id;
    create->after = TAKE(view.row);
    return STATUS_CREATED;
}

static enum status create_check(struct request *request, const struct view *view)
{
    if (!view->allows[RULE_CREATE])
        return refuse_by_rule(request, "make such a row");
    return fields_check(request, view->writable, model_request_of(request)->sent);
}

/* Which value another row has already is told only to who might have made this one: whoever may not could otherwise
 * ask for one value after the other. */
static enum status create_conflict(struct request *request, struct db *db, const struct row *row)
{
    SCOPED(view_free) struct view view = {0};
    struct asker asker = request_asker(request);
    enum status status = view_imagine(db, row, &asker, &view);
    if (status == STATUS_OK)
        status = create_check(request, &view);
    return status == STATUS_OK ? conflict_explain(request, db, row) : status;
}

/* ---- update ---- */

void model_update_start(struct request *request)
{
    struct model_request *update = model_request_of(request);
    enum status status = form_update(request, model_of(request), &update->form, &update->sent);
    if (status == STATUS_OK && !param_int(request, "version", PARAM_OPTIONAL, 1, VERSION_MAX, &update->version))
        status = STATUS_INVALID;
    if (status != STATUS_OK) {
        request_finish(request, status);
        return;
    }
    if (!model_request_id(update))
        return;
    model_request_look_around(update);
    request_write(request, update_work, change_done);
}

static enum status update_work(struct request *request, struct db *db)
{
    struct model_request *update = model_request_of(request);
    SCOPED(view_free) struct view view = {0};
    change_begin(update);
    enum status status = row_find(request, db, RULE_UPDATE, &view);
    if (status != STATUS_OK)
        return status;
    uint64_t changed = fields_changed(update, &view);
    if (!changed)
        return answer_row(request, &view);
    SCOPED(row_free) struct row *after = row_copy(view.row);
    for (size_t i = 0; after && i < after->model->fields_count; i++)
        if (changed >> i & 1 && !row_set(after, i, &update->form->values[i]))
            return FAULT("no memory");
    if (!after)
        return FAULT("no memory");
    status = fields_check(request, view.writable, changed);
    if (status == STATUS_OK)
        status = references_check(update, db, after, changed);
    if (status == STATUS_OK)
        status = row_changed(request, db, view.row, after);
    if (status != STATUS_OK)
        return status;
    update->before = TAKE(view.row);
    /* What the asker may see of it may be another part now, or nothing. */
    struct asker asker = request_asker(request);
    status = view_select(db, model_of(request), &asker, update->id, &view);
    if (status == STATUS_OK)
        status = history_add(request, db, update->before, view.row);
    if (status == STATUS_OK)
        status = answer_row(request, &view);
    if (status == STATUS_OK)
        update->after = TAKE(view.row);
    return status;
}

/* Of what was sent. To send what is there already is no change; but of a value that the asker may not see, the version
 * must not tell whether it was guessed. */
static uint64_t fields_changed(const struct model_request *update, const struct view *view)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < view->row->model->fields_count; i++)
        if (update->sent >> i & 1 &&
            (!(view->readable >> i & 1) || value_compare(&update->form->values[i], &view->row->values[i]) != 0))
            changed |= UINT64_C(1) << i;
    return changed;
}

static enum status row_changed(struct request *request, struct db *db, const struct row *before, struct row *after)
{
    const struct model *model = after->model;
    enum status status = STATUS_OK;
    after->values[FIELD_UPDATED_AT] = value_int(clock_wall_ms());
    after->values[FIELD_VERSION] = value_int(row_version(before) + 1);
    if (model->hooks && model->hooks->write)
        status = model->hooks->write(request, db, before, after);
    if (status == STATUS_OK)
        status = row_update(db, after);
    return status == STATUS_CONFLICT ? conflict_explain(request, db, after) : status;
}

/* ---- delete ---- */

void model_delete_start(struct request *request)
{
    static const char *const names[] = {"id", "version", NULL};
    struct model_request *delete = model_request_of(request);
    if (!params_only(request, names) ||
        !param_int(request, "version", PARAM_OPTIONAL, 1, VERSION_MAX, &delete->version))
        request_finish(request, STATUS_INVALID);
    else if (model_request_id(delete))
        request_write(request, delete_work, change_done);
}

static enum status delete_work(struct request *request, struct db *db)
{
    struct model_request *delete = model_request_of(request);
    const struct model *model = model_of(request);
    SCOPED(view_free) struct view view = {0};
    change_begin(delete);
    enum status status = row_find(request, db, RULE_DELETE, &view);
    if (status == STATUS_OK && model->hooks && model->hooks->write)
        status = model->hooks->write(request, db, view.row, NULL);
    if (status == STATUS_OK)
        status = row_delete(delete, db);
    if (status == STATUS_OK)
        status = history_add(request, db, view.row, NULL);
    if (status != STATUS_OK)
        return status;
    delete->before = TAKE(view.row);
    return STATUS_NO_CONTENT;
}

/* ---- all three ---- */

/* The work may run a second time. */
static void change_begin(struct model_request *change)
{
    row_free(TAKE(change->before));
    row_free(TAKE(change->after));
    along_clear(&change->along);
    request_result(&change->request);
    change->request.version = change->request.created_id = 0;
}

/* The row that is to be changed, if the one who asks may see it, its rules allow it, and nobody came in between. */
static enum status row_find(struct request *request, struct db *db, enum model_rule rule, struct view *view)
{
    const struct model_request *change = model_request_of(request);
    enum status status = request_recheck(request, db);
    struct asker asker = request_asker(request);
    if (status == STATUS_OK)
        status = view_select(db, model_of(request), &asker, change->id, view);
    if (status == STATUS_OK && !view->is_visible)
        return STATUS_NOT_FOUND; /* as if there were none */
    if (status == STATUS_OK && !view->allows[rule])
        return refuse_by_rule(request, rule == RULE_DELETE ? "delete this row" : "change this row");
    if (status == STATUS_OK && change->version && change->version != row_version(view->row))
        return STATUS_PRECONDITION;
    return status == STATUS_OK ? request_if_match(request, row_version(view->row)) : status;
}

static enum status refuse_by_rule(struct request *request, const char *what)
{
    return request_refuse(request, STATUS_FORBIDDEN, "The rules of \"%s\" do not let you %s.", model_of(request)->name,
                          what);
}

/* Whoever may write the row may not write each of its fields. */
static enum status fields_check(struct request *request, uint64_t writable, uint64_t fields)
{
    const struct model *model = model_of(request);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < model->fields_count; i++) {
        char pointer[PARAM_POINTER_SIZE];
        if (!(fields & ~writable) || !(fields >> i & 1) || writable >> i & 1)
            continue;
        request_invalid(request, param_pointer(model->fields[i].name, pointer), "You may not set this.");
        status = request_refuse(request, STATUS_FORBIDDEN, "The rules of \"%s\" do not let you set \"%s\".",
                                model->name, model->fields[i].name);
    }
    return status;
}

/* What the one who wrote it may see of it; at least where it is. */
static enum status answer_row(struct request *request, const struct view *view)
{
    request->version = row_version(view->row);
    row_print(view->row, view->is_visible ? view->readable : UINT64_C(1) << FIELD_ID, request_result(request));
    return STATUS_OK;
}

static void change_done(struct request *request)
{
    struct model_request *change = model_request_of(request);
    const struct model *model = model_of(request);
    bool is_changed = status_is_ok(request->status) && (change->before || change->after);
    if (is_changed && model->hooks && model->hooks->written)
        model->hooks->written(request, change->before, change->after);
    if (is_changed) {
        model_announce(request->dispatch, model, change->before, change->after);
        along_announce(&change->along, request->dispatch);
    }
    request_finish(request, request->status);
}
