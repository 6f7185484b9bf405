/* base/query.h: what a list asks for: filters, order, page, fields. Checked against the model and what the asker may
 * see, before any SQL is made of it: a field that one may not read is as unknown as one that does not exist. */
#pragma once
#include "base/model.h"
#include "base/request.h"
#include "base/rule.h"
#include "base/sql.h"

#define QUERY_LIMIT     50
#define QUERY_LIMIT_MAX 200
#define QUERY_SORT_MAX  4

enum operator{ OP_EQ, OP_NE, OP_LT, OP_LTE, OP_GT, OP_GTE, OP_LIKE, OP_IN, OP_NULL };

struct filter {
    size_t field;
    enum operator operator;
    struct value *values; /* one, or those of IN */
    size_t count;
};
struct query {
    const struct model *model;
    struct filter *filters;
    size_t filters_count;
    struct {
        size_t field;
        bool is_descending;
    } sort[QUERY_SORT_MAX + 1]; /* the last is always the id, so that the order is total */
    size_t sort_count;
    struct value after[QUERY_SORT_MAX + 1]; /* of the cursor: the last row of the page before */
    bool has_after;
    uint64_t fields; /* bits: to be shown, if the row lets the asker read them */
    uint64_t expand; /* bits: references to be shown as rows */
    const char *search;
    int64_t limit;
    bool wants_count;
    bool wants_may;     /* what the asker may do with each row */
    struct buffer hold; /* texts that had to be made */
};
void query_free(struct query *query);
/* Read request->params. errors  MALFORMED, with a detail that names the parameter */
enum status query_read(struct request *request, const struct model *model, struct query *query);
/* SELECT … for the page (one row more than asked for, so that the end is known), or with @is_count its count(*).
 * Columns: all of the model's fields in their order, then, for each field with a read rule, whether it holds; with
 * `may`, those of may_sql(). */
void query_sql(const struct query *query, const struct asker *asker, bool is_count, struct sql *sql);
/* The opaque cursor behind @row. */
void query_cursor(const struct query *query, const struct row *row, struct buffer *text);
