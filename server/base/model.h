/* base/model.h: what a model is: its fields, its rules, who may do what by default. Read from a JSON file
 * (schema/<name>.json) at start and never changed afterwards, so that every thread may look. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/permission.h"
#include "lib/json.h"
#include "lib/value.h"

#define MODEL_NAME_MAX   40 /* small letters, digits and "_", beginning with a letter; fields' too */
#define MODEL_FIELDS_MAX 60 /* a set of fields is the bits of one uint64_t */
#define MODELS_MAX       200

struct rule;
struct pattern;
struct model;
struct request;
struct db;

/* How a value is stored and shown. BOOLEAN: 0, 1 · DATE: text "2026-01-31" · TIME: ms since 1970, shown as RFC 3339 in
 * UTC · LIST: JSON text of an array of scalars. */
enum field_kind { FIELD_INTEGER, FIELD_NUMBER, FIELD_TEXT, FIELD_BOOLEAN, FIELD_DATE, FIELD_TIME, FIELD_LIST };
enum field_format { FORMAT_NONE, FORMAT_EMAIL, FORMAT_URI, FORMAT_UUID };
enum field_default { DEFAULT_NONE, DEFAULT_VALUE, DEFAULT_ME, DEFAULT_NOW };
enum on_delete { ON_DELETE_RESTRICT, ON_DELETE_CASCADE, ON_DELETE_SET_NULL };

struct field {
    const char *name;
    const char *column; /* as it is called in SQL: the name, except in built-in tables */
    const char *title;  /* may be NULL */
    enum field_kind kind;
    enum field_format format;
    bool is_nullable;   /* "type" names "null" too, or it is neither required nor has a default */
    bool is_required;   /* must be there when a row is made */
    bool is_read_only;  /* the server's: a client that sends it is refused */
    bool is_write_only; /* taken, never shown, no filter, no sort */
    bool is_unique, is_indexed, is_listed;
    enum field_default default_kind;
    struct value default_value;
    int64_t length_min, length_max; /* characters; of a LIST: items. -1: no limit */
    bool has_minimum, has_maximum;
    struct value minimum, maximum;
    struct pattern *pattern; /* NULL: any text */
    struct value *choices;   /* "enum" and "const"; NULL: any */
    size_t choices_count;
    struct field *items;    /* of a LIST */
    const char *references; /* a model's name; NULL: refers to nothing */
    enum on_delete on_delete;
    struct rule *read, *write; /* x-fields; NULL: whoever may read (write) the row */
};

/* The first four fields of every model are these, in this order, read-only. */
enum { FIELD_ID, FIELD_CREATED_AT, FIELD_UPDATED_AT, FIELD_VERSION, FIELDS_OWN };

enum model_action { MODEL_LIST, MODEL_DETAIL, MODEL_CREATE, MODEL_UPDATE, MODEL_DELETE, MODEL_ACTIONS };
/* Rules on rows, by what is to be done. CREATE judges the row as it would be; UPDATE and DELETE as it is. */
enum model_rule { RULE_READ, RULE_CREATE, RULE_UPDATE, RULE_DELETE, MODEL_RULES };

struct row;

/* Where a built-in model is more than rows. Any may be NULL: the generic way. */
struct model_hooks {
    /* Writer thread, inside the transaction, after the checks and before SQL; @before is NULL for create, @after for
     * delete. May refuse (request_refuse) and may change @after. */
    enum status (*write)(struct request *request, struct db *db, const struct row *before, struct row *after);
    /* Loop, after the commit and before the answer. */
    void (*written)(struct request *request, const struct row *before, const struct row *after);
};

struct model {
    const char *name, *title;
    const char *table; /* its SQL name, unquoted */
    struct field *fields;
    size_t fields_count;
    struct rule *rules[MODEL_RULES]; /* NULL: no further condition */
    size_t search[8];                /* indexes of the fields that `q` looks into */
    size_t search_count;
    size_t label;                             /* the field that names a row; FIELD_ID if none does */
    unsigned everyone_rights, members_rights; /* x-grants: granted when the model is first seen */
    unsigned actions;                /* bits 1 << MODEL_…: which of the five are offered in the generic way */
    bool is_builtin;                 /* its table comes from a migration, not from the file */
    bool has_history;                /* its changes are kept: all but built-in ones, unless "x-history" is false */
    const struct model_hooks *hooks; /* may be NULL */
    void *app;                       /* for the hooks */
    const cJSON *file;               /* as it was written, for the API description */
};

/* All models, in the order of their names. */
struct models;

struct models *models_new(void);
void models_free(struct models *models);
DEFINE_SCOPED(struct models *, models_free)
/**
 * Read one file's text. Call models_finish() when all are read.
 * errors  false, and one line in @why: the file, the place in it (a JSON pointer) and the reason
 */
bool models_read(struct models *models, const char *name, const char *text, size_t length, bool is_builtin, char *why,
                 size_t why_size);
/* All *.json files of @folder ("": none), in the order of their names. */
bool models_read_folder(struct models *models, const char *folder, char *why, size_t why_size);
/* The built-in ones, which travel in the program (schema/builtin/). */
bool models_read_builtin(struct models *models, char *why, size_t why_size);
/* References between models are looked up, rules compiled. The same errors. */
bool models_finish(struct models *models, char *why, size_t why_size);

const struct model *models_find(const struct models *models, const char *name);
size_t models_count(const struct models *models);
const struct model *models_at(const struct models *models, size_t index);
/* For applications, at start: hooks of a built-in model. */
void models_set_hooks(struct models *models, const char *name, const struct model_hooks *hooks, void *app);

/* NULL: there is no such field. */
const struct field *model_field(const struct model *model, const char *name);
static inline size_t field_index(const struct model *model, const struct field *field)
{
    return (size_t)(field - model->fields);
}

/* ---- one row of a model, in memory ---- */
struct row {
    const struct model *model;
    struct value *values; /* fields_count of them; texts are owned */
};
struct row *row_new(const struct model *model); /* all null; NULL: no memory */
struct row *row_copy(const struct row *row);
void row_free(struct row *row);
DEFINE_SCOPED(struct row *, row_free)
/* Copies a text; false: no memory. */
bool row_set(struct row *row, size_t field, const struct value *value);
static inline int64_t row_id(const struct row *row)
{
    return row->values[FIELD_ID].number;
}
static inline int64_t row_version(const struct row *row)
{
    return row->values[FIELD_VERSION].number;
}
/* {"id":7,"title":"…"}: the fields of the set @fields (bits), write-only ones never. */
void row_print(const struct row *row, uint64_t fields, struct buffer *json);
/* One value as JSON, as the field's kind is shown. */
void field_print(const struct field *field, const struct value *value, struct buffer *json);
