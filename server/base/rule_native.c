/* base/rule_native.c: a rule and one row in memory. What it answers is what rule_sql() answers. */
#include <string.h>
#include "base/rule_node.h"

static bool leaf_holds(const struct node *node, const struct value *found, const struct asker *asker);
static bool is_one_of(const struct node *node, const struct value *found, const struct asker *asker);
static bool list_contains(const struct value *list, const struct value *wanted);
static struct value value_of_json(const cJSON *item);

bool rule_allows(const struct rule *rule, const struct row *row, const struct asker *asker)
{
    return !rule || asker->is_privileged || node_holds(&rule->root, row, asker);
}

bool node_holds(const struct node *node, const struct row *row, const struct asker *asker)
{
    switch (node->kind) {
    case NODE_CONSTANT:
        return node->is_true;
    case NODE_RIGHT:
        return (asker->rights & node->right) == node->right;
    case NODE_NOT:
        return !node_holds(node->parts, row, asker);
    case NODE_ALL:
        for (size_t i = 0; i < node->parts_count; i++)
            if (!node_holds(&node->parts[i], row, asker))
                return false;
        return true;
    case NODE_ANY:
        for (size_t i = 0; i < node->parts_count; i++)
            if (node_holds(&node->parts[i], row, asker))
                return true;
        return false;
    default:
        return leaf_holds(node, &row->values[node->field], asker);
    }
}

/* To compare an empty field is a no, except with null. */
static bool leaf_holds(const struct node *node, const struct value *found, const struct asker *asker)
{
    struct value wanted;
    if (node->kind == NODE_ONE_OF)
        return is_one_of(node, found, asker);
    if (node->kind == NODE_RELATION)
        return found->kind == VALUE_INT && node->relation->has(node->relation->app, asker->actor, found->number);
    if (!operand_value(node->operands, asker, &wanted))
        return false;
    if (node->kind == NODE_EQUAL)
        return value_compare(found, &wanted) == 0;
    if (found->kind == VALUE_NULL)
        return false;
    if (node->kind == NODE_CONTAINS)
        return list_contains(found, &wanted);
    int order = value_compare(found, &wanted);
    return node->kind == NODE_GREATER         ? order > 0
           : node->kind == NODE_GREATER_EQUAL ? order >= 0
           : node->kind == NODE_LESS          ? order < 0
                                              : order <= 0;
}

static bool is_one_of(const struct node *node, const struct value *found, const struct asker *asker)
{
    struct value wanted;
    for (size_t i = 0; i < node->operands_count; i++)
        if (operand_value(&node->operands[i], asker, &wanted) && value_compare(found, &wanted) == 0)
            return true;
    return false;
}

static bool list_contains(const struct value *list, const struct value *wanted)
{
    SCOPED(json_free) cJSON *json = list->kind == VALUE_TEXT ? cJSON_ParseWithLength(list->text, list->length) : NULL;
    const cJSON *item;
    cJSON_ArrayForEach (item, json) {
        struct value found = value_of_json(item);
        if (value_compare(&found, wanted) == 0)
            return true;
    }
    return false;
}

/* As SQLite's json_each() gives it: true is 1, and what is no scalar equals nothing that a rule can name. */
static struct value value_of_json(const cJSON *item)
{
    if (cJSON_IsBool(item))
        return value_int(cJSON_IsTrue(item));
    if (cJSON_IsNumber(item))
        return (struct value){.kind = VALUE_REAL, .real = item->valuedouble};
    if (cJSON_IsString(item))
        return value_text(item->valuestring, strlen(item->valuestring));
    return (struct value){.kind = VALUE_NULL};
}
