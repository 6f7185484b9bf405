/* base/query_sql.c: a checked query as SQL. Names come from the model, values are bound. */
#include "base/query.h"
#include <string.h>
#include "base/model_request.h"
#include "base/model_table.h"
#include "base/query_internal.h"

#define ROW    "r" /* the model's table */
#define SEARCH "s" /* its index of words */

static void columns_sql(const struct query *query, const struct asker *asker, struct sql *sql);
static void from_sql(const struct query *query, struct sql *sql);
static void filter_sql(const struct query *query, const struct filter *filter, struct sql *sql);
static void after_sql(const struct query *query, struct sql *sql);
static void after_field_sql(const struct query *query, size_t at, struct sql *sql);
static void order_sql(const struct query *query, struct sql *sql);
static void sort_sql(const struct query *query, size_t at, struct sql *sql);

void query_sql(const struct query *query, const struct asker *asker, bool is_count, struct sql *sql)
{
    sql_text(sql, "SELECT ");
    if (is_count)
        sql_text(sql, "count(*)");
    else
        columns_sql(query, asker, sql);
    from_sql(query, sql);
    sql_text(sql, " WHERE ");
    rule_sql(query->model->rules[RULE_READ], ROW, asker, sql);
    if (query->search && query->search[0]) {
        struct value words = value_text(query->search, strlen(query->search));
        char name[TABLE_PART_NAME_SIZE];
        table_search_name(query->model->table, name);
        sql_text(sql, " AND ");
        sql_column(sql, SEARCH, name); /* as a column: all that is searched in */
        sql_text(sql, " MATCH ");
        sql_value(sql, &words);
    } else if (query->search) { /* no word that could be found */
        sql_text(sql, " AND 0");
    }
    for (size_t i = 0; i < query->filters_count; i++) {
        sql_text(sql, " AND ");
        filter_sql(query, &query->filters[i], sql);
    }
    if (is_count)
        return;
    if (query->has_after)
        after_sql(query, sql);
    order_sql(query, sql);
    sql_text(sql, " LIMIT ");
    sql_int(sql, query->limit + 1);
}

static void columns_sql(const struct query *query, const struct asker *asker, struct sql *sql)
{
    const struct model *model = query->model;
    for (size_t i = 0; i < model->fields_count; i++) {
        sql_text(sql, i ? ", " : "");
        sql_column(sql, ROW, model->fields[i].column);
    }
    for (size_t i = 0; i < model->fields_count; i++) {
        if (!model->fields[i].read)
            continue;
        sql_text(sql, ", ");
        rule_sql(model->fields[i].read, ROW, asker, sql);
    }
    if (query->wants_may)
        may_sql(model, ROW, asker, sql);
}

static void from_sql(const struct query *query, struct sql *sql)
{
    const struct model *model = query->model;
    char name[TABLE_PART_NAME_SIZE];
    sql_text(sql, " FROM ");
    sql_name(sql, model->table);
    sql_text(sql, " AS " ROW);
    if (!query->search || !query->search[0])
        return;
    table_search_name(model->table, name);
    sql_text(sql, " JOIN ");
    sql_name(sql, name);
    sql_text(sql, " AS " SEARCH " ON " SEARCH ".rowid = ");
    sql_column(sql, ROW, model->fields[FIELD_ID].column);
}

/* A field that is empty is not equal to anything, and neither less nor more. */
static void filter_sql(const struct query *query, const struct filter *filter, struct sql *sql)
{
    static const char *const signs[] = {
        [OP_EQ] = " IS ",  [OP_NE] = " IS NOT ", [OP_LT] = " < ",   [OP_LTE] = " <= ", [OP_GT] = " > ",
        [OP_GTE] = " >= ", [OP_LIKE] = " LIKE ", [OP_IN] = " IN (", [OP_NULL] = " IS "};
    sql_column(sql, ROW, query->model->fields[filter->field].column);
    sql_text(sql, signs[filter->operator]);
    if (filter->operator== OP_NULL) {
        sql_text(sql, filter->values[0].number ? "NULL" : "NOT NULL");
        return;
    }
    for (size_t i = 0; i < filter->count; i++) {
        sql_text(sql, i ? ", " : "");
        sql_value(sql, &filter->values[i]);
    }
    if (filter->operator== OP_LIKE)
        sql_text(sql, " ESCAPE '\\'");
    if (filter->operator== OP_IN)
        sql_text(sql, ")");
}

/* ---- order and page ---- */

/* The rows behind the last one: more in the first field, or as much in the first and more in the second, and so on. */
static void after_sql(const struct query *query, struct sql *sql)
{
    const struct field *first = &query->model->fields[query->sort[0].field];
    bool is_descending = query->sort[0].is_descending;
    if (query->after[0].kind != VALUE_NULL && !(is_descending && first->is_nullable)) {
        /* It follows from the rest, and lets SQLite begin in the middle of an index. */
        sql_text(sql, " AND ");
        sort_sql(query, 0, sql);
        sql_text(sql, is_descending ? " <= " : " >= ");
        sql_value(sql, &query->after[0]);
    }
    sql_text(sql, " AND (");
    for (size_t i = 0; i < query->sort_count; i++)
        after_field_sql(query, i, sql);
    for (size_t i = 1; i < query->sort_count; i++)
        sql_text(sql, ")");
    sql_text(sql, ")");
}

/* "more, or as much and (": what follows is about the next field. Null comes before everything, so nothing is less,
 * and whatever is not null is more. */
static void after_field_sql(const struct query *query, size_t at, struct sql *sql)
{
    const struct value *value = &query->after[at];
    bool is_null = value->kind == VALUE_NULL, is_descending = query->sort[at].is_descending;
    if (is_null && is_descending) {
        sql_text(sql, "0");
    } else {
        sort_sql(query, at, sql);
        sql_text(sql, is_null ? " IS NOT NULL" : is_descending ? " < " : " > ");
        if (!is_null)
            sql_value(sql, value);
    }
    if (!is_null && is_descending) {
        sql_text(sql, " OR ");
        sort_sql(query, at, sql);
        sql_text(sql, " IS NULL");
    }
    if (at + 1 == query->sort_count)
        return;
    sql_text(sql, " OR ");
    sort_sql(query, at, sql);
    sql_text(sql, " IS ");
    sql_value(sql, value);
    sql_text(sql, " AND (");
}

static void order_sql(const struct query *query, struct sql *sql)
{
    for (size_t i = 0; i < query->sort_count; i++) {
        sql_text(sql, i ? ", " : " ORDER BY ");
        sort_sql(query, i, sql);
        sql_text(sql, query->sort[i].is_descending ? " DESC" : "");
    }
}

/* What is sorted by: the column, or the beginning of a long text. */
static void sort_sql(const struct query *query, size_t at, struct sql *sql)
{
    const struct field *field = &query->model->fields[query->sort[at].field];
    bool is_cut = sort_is_cut(field);
    sql_text(sql, is_cut ? "substr(" : "");
    sql_column(sql, ROW, field->column);
    if (!is_cut)
        return;
    sql_text(sql, ", 1, ");
    sql_int(sql, SORT_CHARACTERS);
    sql_text(sql, ")");
}
