/* base/rule_node.h: what a rule is made of, for the files that read it: rule.c, rule_sql.c, rule_native.c and
 * rule_explain.c. A tree whose leaves each compare one field. */
#pragma once
#include "base/rule.h"

enum node_kind {
    NODE_CONSTANT, /* true, false */
    NODE_RIGHT,    /* {"$right": "write"} */
    NODE_ALL,      /* of its parts; at least one */
    NODE_ANY,
    NODE_NOT, /* of its only part */
    /* Leaves: the field, compared with the operands. */
    NODE_EQUAL,
    NODE_GREATER,
    NODE_GREATER_EQUAL,
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_ONE_OF,   /* of the operands; at least one */
    NODE_CONTAINS, /* a LIST the operand */
    NODE_RELATION  /* a set of ids the field */
};

enum operand_kind { OPERAND_LITERAL, OPERAND_ME, OPERAND_NOW };

struct operand {
    enum operand_kind kind;
    struct value value; /* of a literal; its text is the rule's */
    const cJSON *json;  /* as it was written */
};

struct node {
    enum node_kind kind;
    bool is_true;   /* CONSTANT */
    unsigned right; /* RIGHT */
    const char *right_word;
    size_t field; /* of a leaf */
    const struct relation *relation;
    struct operand *operands;
    size_t operands_count;
    struct node *parts;
    size_t parts_count;
};

struct rule {
    const struct model *model;
    cJSON *json; /* as it was written; the texts of the literals are in here */
    struct node root;
    uint64_t fields;
};

static inline bool node_is_join(const struct node *node)
{
    return node->kind == NODE_ALL || node->kind == NODE_ANY || node->kind == NODE_NOT;
}
/* 0: not signed in. */
static inline int64_t asker_id(const struct asker *asker)
{
    return asker->actor->user_id > 0 ? asker->actor->user_id : 0;
}
/* What @operand is for @asker; false: it is nobody, and nothing is equal to that. */
static inline bool operand_value(const struct operand *operand, const struct asker *asker, struct value *value)
{
    if (operand->kind == OPERAND_ME)
        *value = value_int(asker_id(asker));
    else if (operand->kind == OPERAND_NOW)
        *value = value_int(asker->now_ms);
    else
        *value = operand->value;
    return operand->kind != OPERAND_ME || asker_id(asker) != 0;
}
/* What rule_allows() says about a part. */
bool node_holds(const struct node *node, const struct row *row, const struct asker *asker);
/* The word for a leaf's comparison: "gte"; a RELATION's is "in". */
const char *node_word(enum node_kind kind);
