/* base/model_request.h: what the files of the models' own actions (model_*.c, along.c) share, and nobody else sees. */
#pragma once
#include "base/along.h"
#include "base/form.h"
#include "base/model_actions.h"
#include "base/query.h"

/* What else can be asked of any row, beside the five. */
enum { MODEL_HISTORY = MODEL_ACTIONS, MODEL_ALONG, MODEL_ROUTES };

/* The routes of one model; the app of their requests. */
struct model_routes {
    const struct model *model;
    struct route routes[MODEL_ROUTES];
    char names[MODEL_ROUTES][MODEL_NAME_MAX + sizeof ".history"];
    char paths[MODEL_ROUTES][MODEL_NAME_MAX + sizeof "/:id/history"];
};

struct model_request {
    struct request request;
    int64_t id, version;                    /* version: the one that the client changes; 0: whichever there is */
    unsigned rights[MODEL_FIELDS_MAX];      /* of the actor on the model that a field refers to */
    struct query query;                     /* list; of detail, wants_may */
    uint64_t settable;                      /* with wants_may: see may_settable() */
    int64_t limit, below;                   /* history: a page of entries below this id */
    unsigned people_rights;                 /* history: of the actor on `user`, for names */
    uint64_t named[(MODELS_MAX + 63) / 64]; /* along: bits of the models that the actor may read */
    struct row *form;                       /* what the client sent */
    uint64_t sent;                          /* the bits of its fields */
    struct row *before, *after;             /* what was changed, if anything was */
    struct along along;                     /* what went along with a deleted row */
};
static inline struct model_request *model_request_of(struct request *request)
{
    return container_of(request, struct model_request, request);
}
static inline const struct model *model_of(const struct request *request)
{
    return ((const struct model_routes *)request->app)->model;
}

/* ---- model_actions.c ---- */
/* Read the parameter "id". False: it is wrong, and answered. */
bool model_request_id(struct model_request *asked);
/* Note what the actor may do on the models that the fields refer to. thread loop */
void model_request_look_around(struct model_request *asked);

/* ---- model_show.c, model_change.c, model_history.c, model_along.c: the actions ---- */
void model_list_start(struct request *request);
void model_detail_start(struct request *request);
void model_create_start(struct request *request);
void model_update_start(struct request *request);
void model_delete_start(struct request *request);
void model_history_start(struct request *request);
void model_along_start(struct request *request);
/* Answers what was read, unless the actor has lost a right that it was read with: then it is asked for anew. */
void model_read_done(struct request *request);

/* ---- model_history.c: writer thread, in the transaction of the change; NULL @before: a new row, @after: it is gone.
 * Nothing, if the model keeps no history. ---- */
enum status history_add(const struct request *request, struct db *db, const struct row *before,
                        const struct row *after);

/* ---- model_catalog.c: the route of all models, "model.list" ---- */
void model_catalog_add(struct dispatch *dispatch);

/* ---- model_may.c: what the actor may do with a row ---- */
struct may {
    bool rule_update, rule_delete; /* what the rules say; may_print() adds the rights */
    uint64_t fields;               /* bits: whose own rules let them be written */
};
/* The bits of the fields that the actor may ever set, whatever the row. thread loop */
uint64_t may_settable(const struct request *request);
/* Into the object that @json ends with: "may":{"update":true,"delete":false,"fields":["title"]}. */
void may_print(const struct model_request *asked, struct may may, struct buffer *json);
/* Further columns of a list, and what they say. */
void may_sql(const struct model *model, const char *alias, const struct asker *asker, struct sql *sql);
struct may may_read(const struct model *model, struct rows *rows, int column);

/* ---- model_select.c: rows as they are, and what somebody may do with them; store threads ---- */
struct view {
    struct row *row;
    bool is_visible;
    bool allows[MODEL_RULES];
    uint64_t readable, writable; /* bits of fields */
};
void view_free(struct view *view); /* what it owns */
static inline void view_free_scoped(struct view *view)
{
    view_free(view);
}
/* NOT_FOUND: there is no such row. One that is not visible is found, with nothing readable. */
enum status view_select(struct db *db, const struct model *model, const struct asker *asker, int64_t id,
                        struct view *view);
/* The same of a row as it would be if it were there. */
enum status view_imagine(struct db *db, const struct row *row, const struct asker *asker, struct view *view);
/* alias."a",alias."b" …: all fields, as row_read() wants them. */
void sql_fields(struct sql *sql, const struct model *model, const char *alias);
/* From the first columns of the row that @rows stands at. NULL: no memory. */
struct row *row_read(struct rows *rows, const struct model *model);
/* The one who asks, on the model that @field refers to. */
struct asker asker_beside(const struct model_request *asked, size_t field);

/* ---- model_write.c: writer thread ---- */
/* CONFLICT: see conflict_explain(). */
enum status row_insert(struct db *db, const struct row *row, int64_t *id);
enum status row_update(struct db *db, const struct row *row);
/* Is there a row of @model, other than @except_id, whose @field is @value? */
enum status row_is_there(struct db *db, const struct model *model, size_t field, const struct value *value,
                         int64_t except_id, bool *answer);
/* Delete the row of asked->id, and see to those that refer to it. CONFLICT, in words. */
enum status row_delete(struct model_request *asked, struct db *db);
/* What the set @fields of @row refers to must be there and to be seen. INVALID, or a fault. */
enum status references_check(struct model_request *asked, struct db *db, const struct row *row, uint64_t fields);
/* The data base said no to @row: CONFLICT or INVALID with the field's name, as far as it can be told. */
enum status conflict_explain(struct request *request, struct db *db, const struct row *row);
