/* base/rule_sql.c: a rule as a condition in SQL. */
#include <string.h>
#include "base/rule_node.h"

/* SQLite reads "a AND b AND c" as a tree as deep as the chain is long, and has a limit for that. In groups of this
 * many, the longest chain that a rule may have is well within it. */
#define CHAIN_MAX 16

static void node_sql(const struct rule *rule, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql);
static void join_sql(const struct rule *rule, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql);
static void leaf_sql(const struct field *field, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql);
static void guard_sql(const struct field *field, const char *alias, struct sql *sql);
static void relation_sql(const struct relation *relation, int64_t user_id, struct sql *sql);
static void one_of_sql(const struct field *field, const struct node *node, const char *alias, const struct asker *asker,
                       struct sql *sql);
static void contains_sql(const struct field *field, const struct value *value, const char *alias, struct sql *sql);

void rule_sql(const struct rule *rule, const char *alias, const struct asker *asker, struct sql *sql)
{
    if (!rule || asker->is_privileged) {
        sql_text(sql, "1");
        return;
    }
    sql_text(sql, "(");
    node_sql(rule, &rule->root, alias, asker, sql);
    sql_text(sql, ")");
}

static void node_sql(const struct rule *rule, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql)
{
    switch (node->kind) {
    case NODE_CONSTANT:
        sql_text(sql, node->is_true ? "1" : "0");
        break;
    case NODE_RIGHT:
        sql_text(sql, (asker->rights & node->right) == node->right ? "1" : "0");
        break;
    case NODE_NOT:
        sql_text(sql, "NOT (");
        node_sql(rule, node->parts, alias, asker, sql);
        sql_text(sql, ")");
        break;
    case NODE_ALL:
    case NODE_ANY:
        join_sql(rule, node, alias, asker, sql);
        break;
    default:
        leaf_sql(&rule->model->fields[node->field], node, alias, asker, sql);
    }
}

/* Leaves first, in groups: they cost little to ask, and what is nested stays outside of one more pair of brackets
 * (SQLite's parser takes some thirty). */
static void join_sql(const struct rule *rule, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql)
{
    const char *word = node->kind == NODE_ALL ? " AND " : " OR ", *glue = "";
    size_t leaves = 0, written = 0;
    for (size_t i = 0; i < node->parts_count; i++)
        leaves += !node_is_join(&node->parts[i]);
    bool is_long = leaves > CHAIN_MAX;
    for (size_t i = 0; i < node->parts_count; i++) {
        if (node_is_join(&node->parts[i]))
            continue;
        sql_text(sql, glue);
        if (is_long && written % CHAIN_MAX == 0)
            sql_text(sql, "(");
        node_sql(rule, &node->parts[i], alias, asker, sql);
        written++;
        if (is_long && (written % CHAIN_MAX == 0 || written == leaves))
            sql_text(sql, ")");
        glue = word;
    }
    for (size_t i = 0; i < node->parts_count; i++) {
        if (!node_is_join(&node->parts[i]))
            continue;
        sql_text(sql, glue);
        sql_text(sql, "(");
        node_sql(rule, &node->parts[i], alias, asker, sql);
        sql_text(sql, ")");
        glue = word;
    }
}

/* Each is 0 or 1 whatever the column holds, and bare enough for an index. */
static void leaf_sql(const struct field *field, const struct node *node, const char *alias, const struct asker *asker,
                     struct sql *sql)
{
    static const char *const signs[] = {
        [NODE_GREATER] = " > ", [NODE_GREATER_EQUAL] = " >= ", [NODE_LESS] = " < ", [NODE_LESS_EQUAL] = " <= "};
    struct value value = {0};
    if (node->kind == NODE_ONE_OF) {
        one_of_sql(field, node, alias, asker, sql);
    } else if (node->kind == NODE_RELATION) {
        guard_sql(field, alias, sql);
        sql_text(sql, " IN (");
        relation_sql(node->relation, asker_id(asker), sql);
        sql_text(sql, "))");
    } else if (!operand_value(node->operands, asker, &value)) {
        sql_text(sql, "0");
    } else if (node->kind == NODE_CONTAINS) {
        contains_sql(field, &value, alias, sql);
    } else if (node->kind == NODE_EQUAL) {
        sql_column(sql, alias, field->column);
        sql_text(sql, " IS ");
        if (value.kind == VALUE_NULL)
            sql_text(sql, "NULL");
        else
            sql_value(sql, &value);
    } else {
        guard_sql(field, alias, sql);
        sql_text(sql, signs[node->kind]);
        sql_value(sql, &value);
        sql_text(sql, ")");
    }
}

/* Begins "(the column is not null and the column"; who calls goes on with a comparison and a bracket. */
static void guard_sql(const struct field *field, const char *alias, struct sql *sql)
{
    sql_text(sql, "(");
    sql_column(sql, alias, field->column);
    sql_text(sql, " IS NOT NULL AND ");
    sql_column(sql, alias, field->column);
}

/* Its only "?" is the asker's user id. */
static void relation_sql(const struct relation *relation, int64_t user_id, struct sql *sql)
{
    size_t before = strcspn(relation->sql, "?");
    buffer_append(&sql->text, relation->sql, before);
    sql_int(sql, user_id);
    sql_text(sql, relation->sql + before + 1);
}

static void one_of_sql(const struct field *field, const struct node *node, const char *alias, const struct asker *asker,
                       struct sql *sql)
{
    bool has_null = false;
    const char *comma = "";
    guard_sql(field, alias, sql);
    sql_text(sql, " IN (");
    for (size_t i = 0; i < node->operands_count; i++) {
        struct value value;
        bool is_known = operand_value(&node->operands[i], asker, &value);
        has_null |= is_known && value.kind == VALUE_NULL;
        if (!is_known || value.kind == VALUE_NULL)
            continue;
        sql_text(sql, comma);
        sql_value(sql, &value);
        comma = ",";
    }
    sql_text(sql, ")");
    if (has_null) {
        sql_text(sql, " OR ");
        sql_column(sql, alias, field->column);
        sql_text(sql, " IS NULL");
    }
    sql_text(sql, ")");
}

/* A text that is no JSON would be a fault of the whole query; here it is a list of nothing, as in rule_allows(). */
static void contains_sql(const struct field *field, const struct value *value, const char *alias, struct sql *sql)
{
    sql_text(sql, "EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(");
    sql_column(sql, alias, field->column);
    sql_text(sql, ") THEN ");
    sql_column(sql, alias, field->column);
    sql_text(sql, " ELSE '[]' END) AS item WHERE item.value IS ");
    sql_value(sql, value);
    sql_text(sql, ")");
}
