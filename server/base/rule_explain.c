/* base/rule_explain.c: a rule's answer, told part by part. */
#include <stdlib.h>
#include <string.h>
#include "base/rule_node.h"
#include "lib/clock.h"

/* Who is told, and about what. */
struct story {
    const struct rule *rule;
    const struct row *row; /* may be NULL if the rule looks at no field */
    const struct asker *asker;
    uint64_t fields;
    struct buffer *json;
};

static void explain_node(const struct story *story, const struct node *node);
static void explain_leaf(const struct story *story, const struct node *node);
static void print_node(const struct story *story, const struct node *node);
static void print_parts(const struct story *story, const struct node *node,
                        void (*print)(const struct story *story, const struct node *node));
static void print_leaf(const struct story *story, const struct node *node);
static void print_operands(const struct story *story, const struct node *node, bool is_resolved);
static void print_operand(const struct story *story, const struct operand *operand, bool is_resolved);
static void print_bool(struct buffer *json, bool is_true);

void rule_explain(const struct rule *rule, const struct row *row, const struct asker *asker, uint64_t fields,
                  struct buffer *json)
{
    const struct story story = {rule, row, asker, fields, json};
    if (rule && !asker->is_privileged) {
        explain_node(&story, &rule->root);
        return;
    }
    buffer_text(json, "{\"rule\":");
    rule_print(rule, json);
    buffer_text(json, ",\"holds\":true");
    if (rule)
        buffer_text(json, ",\"is_privileged\":true");
    buffer_char(json, '}');
}

static void explain_node(const struct story *story, const struct node *node)
{
    buffer_text(story->json, "{\"rule\":");
    print_node(story, node);
    buffer_text(story->json, ",\"holds\":");
    print_bool(story->json, node_holds(node, story->row, story->asker));
    if (node_is_join(node)) {
        buffer_text(story->json, ",\"parts\":");
        print_parts(story, node, explain_node);
    } else if (node->kind != NODE_CONSTANT && node->kind != NODE_RIGHT) {
        explain_leaf(story, node);
    }
    buffer_char(story->json, '}');
}

static void explain_leaf(const struct story *story, const struct node *node)
{
    const struct field *field = &story->rule->model->fields[node->field];
    buffer_char(story->json, ',');
    buffer_json_member(story->json, "field", field->name);
    buffer_char(story->json, ',');
    buffer_json_member(story->json, "op", node_word(node->kind));
    buffer_text(story->json, ",\"wanted\":");
    print_operands(story, node, true);
    if (story->fields & UINT64_C(1) << node->field && !field->is_write_only) {
        buffer_text(story->json, ",\"found\":");
        field_print(field, &story->row->values[node->field], story->json);
    }
}

/* The part as a rule of its own. */
static void print_node(const struct story *story, const struct node *node)
{
    struct buffer *json = story->json;
    switch (node->kind) {
    case NODE_CONSTANT:
        print_bool(json, node->is_true);
        break;
    case NODE_RIGHT:
        buffer_printf(json, "{\"$right\":\"%s\"}", node->right_word);
        break;
    case NODE_NOT:
        buffer_text(json, "{\"not\":");
        print_node(story, node->parts);
        buffer_char(json, '}');
        break;
    case NODE_ALL:
    case NODE_ANY:
        buffer_printf(json, "{\"%s\":", node_word(node->kind));
        print_parts(story, node, print_node);
        buffer_char(json, '}');
        break;
    default:
        print_leaf(story, node);
    }
}

static void print_parts(const struct story *story, const struct node *node,
                        void (*print)(const struct story *story, const struct node *node))
{
    buffer_char(story->json, '[');
    for (size_t i = 0; i < node->parts_count; i++) {
        if (i)
            buffer_char(story->json, ',');
        print(story, &node->parts[i]);
    }
    buffer_char(story->json, ']');
}

static void print_leaf(const struct story *story, const struct node *node)
{
    const char *name = story->rule->model->fields[node->field].name;
    buffer_char(story->json, '{');
    buffer_json(story->json, name, strlen(name));
    if (node->kind == NODE_EQUAL) {
        buffer_char(story->json, ':');
        print_operands(story, node, false);
    } else {
        buffer_printf(story->json, ":{\"%s\":", node_word(node->kind));
        print_operands(story, node, false);
        buffer_char(story->json, '}');
    }
    buffer_char(story->json, '}');
}

/* @is_resolved: "$me" and "$now" as what they are for the asker. */
static void print_operands(const struct story *story, const struct node *node, bool is_resolved)
{
    struct buffer *json = story->json;
    if (node->kind == NODE_RELATION) {
        buffer_json(json, node->relation->name, strlen(node->relation->name));
        return;
    }
    if (node->kind == NODE_ONE_OF)
        buffer_char(json, '[');
    for (size_t i = 0; i < node->operands_count; i++) {
        if (i)
            buffer_char(json, ',');
        print_operand(story, &node->operands[i], is_resolved);
    }
    if (node->kind == NODE_ONE_OF)
        buffer_char(json, ']');
}

static void print_operand(const struct story *story, const struct operand *operand, bool is_resolved)
{
    struct value value;
    char time[CLOCK_TEXT_SIZE];
    if (!is_resolved || operand->kind == OPERAND_LITERAL) {
        char *text = json_print(operand->json);
        buffer_text(story->json, text ? text : "null");
        story->json->has_failed |= !text;
        free(text);
    } else if (!operand_value(operand, story->asker, &value)) {
        buffer_text(story->json, "null");
    } else if (operand->kind == OPERAND_NOW) {
        clock_text(value.number, time);
        buffer_json(story->json, time, strlen(time));
    } else {
        buffer_int(story->json, value.number);
    }
}

static void print_bool(struct buffer *json, bool is_true)
{
    buffer_text(json, is_true ? "true" : "false");
}
