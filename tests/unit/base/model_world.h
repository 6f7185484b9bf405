/* A model with every kind of field, made by hand, requests about it, and its table in a data base. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include "base/model.h"
#include "base/request.h"
#include "base/query.h"
#include "base/rule.h"

/* In the order of the model's fields, behind its own four. */
enum {
    THING_NAME = FIELDS_OWN, /* required, unique, 1 to 20 characters, searched */
    THING_BODY,              /* any length, default "", searched */
    THING_NUMBER,            /* integer, -1000 to 1000, may be null */
    THING_RATIO,             /* number, 0 to 1.5, may be null */
    THING_OPEN,              /* boolean, default true */
    THING_DAY,               /* date, may be null */
    THING_DUE,               /* time, may be null */
    THING_LABELS,            /* list of 1 to 3 texts of at most 10 characters, default [] of no items */
    THING_SCORES,            /* list of integers, may be null */
    THING_STATE,             /* "new", "old" or "gone", default "new" */
    THING_CODE,              /* ^[A-Z]+$, may be null */
    THING_EMAIL,             /* formats, may be null */
    THING_LINK,
    THING_KEY,
    THING_OWNER,  /* refers to user; read-only, default $me, required */
    THING_SINCE,  /* date, read-only, default $now */
    THING_NOTE,   /* read and written by the owner only */
    THING_SALARY, /* integer, read by who may delete; anybody who may write writes it */
    THING_SECRET, /* write-only */
    THING_PARENT, /* refers to thing, may be null */
    THING_FIELDS
};

/* A row is read by {"any": [open, owner is $me]}. `salary` has the column "pay". */
struct model *thing_model(void);
void thing_model_free(struct model *model);

/* A request that was never started, from user @user_id (0: nobody), with these parameters (' for "); @is_query: they
 * came as texts. Its rights are read and write. */
struct request *thing_request(int64_t user_id, bool is_query, const char *params);
void thing_request_free(struct request *request);
static inline void thing_request_free_scoped(struct request **request)
{
    thing_request_free(*request);
}
/* The elements of "errors", "" if there are none. */
const char *errors_of(const struct request *request);

/* ---- a table of things ---- */
#define OWNER 1
#define OTHER 2

struct things {
    struct model *model;
    char path[64];
    struct db *db;
};
/* For setup and teardown: *state is a struct things. */
int things_begin(void **state);
int things_end(void **state);
/* A row with this id and name, otherwise empty or zero: a closed thing of owner 1. The caller frees it. */
struct row *thing_row(const struct model *model, int64_t id, const char *name);
void row_put(struct row *row, size_t field, struct value value);
struct value text_value(const char *text);
struct value real_value(double number);
void things_insert(struct things *things, const struct row *row);

/* What a list answers. */
struct page {
    enum status status;
    struct row *rows[QUERY_LIMIT_MAX + 1];
    size_t count;
    char *next;    /* the cursor; NULL: this is the end */
    int64_t total; /* if it was asked for, else -1 */
};
void things_ask(struct things *things, struct request *request, struct page *page);
/* The page of a query that was read. */
void things_select(struct things *things, const struct query *query, const struct asker *asker, struct page *page);
void page_free(struct page *page);
/* Reads a list's parameters, and no rows. */
enum status things_read(const struct things *things, struct request *request);
/* The first page of user @user_id has these ids: "1,2,3". */
void things_check(struct things *things, int64_t user_id, bool is_query, const char *params, const char *wanted);
/* An open thing of user 1; five of them. */
void things_add(struct things *things, int64_t id, const char *name, struct value number);
void things_add_five(struct things *things);
static inline void page_free_scoped(struct page *page)
{
    page_free(page);
}
static inline void query_free_scoped(struct query *query)
{
    query_free(query);
}
