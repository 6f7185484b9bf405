/* base/model_table.h: what a model looks like in SQL: its table, its indexes and its search index, as texts. The same
 * model always gives the same texts, so that a data base shows by itself whether it follows the files.
 *
 * Names with a dot are made here and nowhere else: "news.author" (an index), "news.search_insert" (a trigger),
 * "news.new" (a table while it is rebuilt). What migrations of the folder make has none, and is left alone. */
#pragma once
#include "base/model.h"
#include "lib/buffer.h"

#define TABLE_PART_NAME_SIZE (2 * MODEL_NAME_MAX + 32)
/* An index for each field; for the search a table and three triggers. */
#define TABLE_PARTS_MAX (MODEL_FIELDS_MAX + 4)

/* What stands beside a model's table. */
enum table_part_kind { PART_INDEX, PART_SEARCH, PART_TRIGGER };
struct table_part {
    enum table_part_kind kind;
    char name[TABLE_PART_NAME_SIZE];
    char *sql;
    size_t field; /* of an INDEX */
};
struct table_parts {
    struct table_part items[TABLE_PARTS_MAX];
    size_t count;
    bool has_failed; /* no memory */
};
void table_parts_free(struct table_parts *parts); /* what it owns; the struct is the caller's */
static inline void table_parts_free_scoped(struct table_parts *parts)
{
    table_parts_free(parts);
}

/* CREATE TABLE "@name" (…) STRICT. */
void table_sql(const struct models *models, const struct model *model, const char *name, struct buffer *sql);
/* The indexes (not of built-in models, whose tables come from migrations) and the search index. */
void table_parts(const struct model *model, struct table_parts *parts);
/* "news_search": where `q` looks. */
void table_search_name(const char *table, char name[TABLE_PART_NAME_SIZE]);

/* INTEGER, REAL or TEXT. */
const char *field_type(const struct field *field);
/* What must hold for its column, besides the type and null; nothing: any value. Null where the column is. */
void field_condition(const struct field *field, struct buffer *sql);
void value_literal(const struct value *value, struct buffer *sql);
