/* base/model_request.h: what the files of the models' own actions (model_*.c, along.c) share, and nobody else sees. */
#pragma once
#include "base/along.h"
#include "base/form.h"
#include "base/model_actions.h"
#include "base/query.h"

/* The routes of one model; the app of their requests. */
struct model_routes {
    const struct model *model;
    struct route routes[MODEL_ACTIONS];
    char names[MODEL_ACTIONS][MODEL_NAME_MAX + sizeof ".create"];
    char paths[MODEL_ACTIONS][MODEL_NAME_MAX + sizeof "/:id"];
};

struct model_request {
    struct request request;
    int64_t id, version;               /* version: the one that the client changes; 0: whichever there is */
    unsigned rights[MODEL_FIELDS_MAX]; /* of the actor on the model that a field refers to */
    struct query query;                /* list */
    struct row *form;                  /* what the client sent */
    uint64_t sent;                     /* the bits of its fields */
    struct row *before, *after;        /* what was changed, if anything was */
    struct along along;                /* what went along with a deleted row */
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

/* ---- model_show.c, model_change.c: the actions ---- */
void model_list_start(struct request *request);
void model_detail_start(struct request *request);
void model_create_start(struct request *request);
void model_update_start(struct request *request);
void model_delete_start(struct request *request);

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
