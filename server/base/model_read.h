/* base/model_read.h: for model*.c only: how one file becomes a struct model. */
#pragma once
#include "base/model.h"

/* The file that is being read, and where the reason goes if it is not right. */
struct reading {
    const char *file;  /* its name, for the reason */
    const cJSON *root; /* all of it */
    bool is_builtin;
    char *why;
    size_t why_size;
};

/* What the value of a keyword must be. */
enum want { WANT_ANY, WANT_TEXT, WANT_BOOL, WANT_COUNT, WANT_NUMBER, WANT_LIST, WANT_OBJECT };

/* "FILE: at POINTER: REASON" for @item, which is somewhere in reading->root. Returns false, to be returned on. */
bool reading_fail(const struct reading *reading, const cJSON *item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same behind a place that is not in the tree: a rule tells its own. */
bool reading_fail_below(const struct reading *reading, const cJSON *item, const char *below);
bool reading_want(const struct reading *reading, const cJSON *item, enum want want);
/* Small letters, digits and "_", beginning with a letter, at most MODEL_NAME_MAX. */
bool name_is_valid(const char *name);

/* All but what other models are needed for: @model points into reading->root, which must outlive it. */
bool model_read(const struct reading *reading, const char *name, struct model *model);
/* What model_read() and models_finish() made of it; also when they failed half-way. */
void model_clear(struct model *model);
/* One property. @field has its name. */
bool field_read(const struct reading *reading, const cJSON *json, bool is_required, struct field *field);
void field_clear(struct field *field);
