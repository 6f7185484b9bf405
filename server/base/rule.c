/* base/rule.c: rules are read and checked: what passes here cannot fail later. */
#include "base/rule.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/form.h"
#include "base/rule_node.h"

#define DEPTH_MAX    16
#define NODES_MAX    200 /* with every value of a list */
#define POINTER_SIZE 256 /* longer ones are cut */

/* What is being read, and where. */
struct reader {
    const struct model *model;
    const struct models *models;
    uint64_t fields;
    size_t nodes;
    char pointer[POINTER_SIZE];
    char *why;
    size_t why_size;
};

static bool read_node(struct reader *reader, const cJSON *json, size_t depth, struct node *node);
static bool read_object(struct reader *reader, const struct field *field, const cJSON *object, size_t depth,
                        struct node *node);
static bool read_member(struct reader *reader, const struct field *field, const cJSON *member, size_t depth,
                        struct node *node);
static bool read_predicate(struct reader *reader, const cJSON *member, size_t depth, struct node *node);
static bool read_parts(struct reader *reader, const cJSON *list, size_t depth, struct node *node);
static bool read_not(struct reader *reader, const struct field *field, const cJSON *json, size_t depth,
                     struct node *node);
static bool read_right(struct reader *reader, const cJSON *json, struct node *node);
static bool read_field(struct reader *reader, const struct field *field, const cJSON *json, size_t depth,
                       struct node *node);
static bool read_comparison(struct reader *reader, const struct field *field, const cJSON *member, struct node *node);
static bool read_one_of(struct reader *reader, const struct field *field, const cJSON *json, struct node *node);
static bool read_relation(struct reader *reader, const struct field *field, const char *name, struct node *node);
static bool read_operand(struct reader *reader, enum node_kind kind, const struct field *field, const cJSON *json,
                         struct operand *operand);
static bool read_literal(struct reader *reader, enum node_kind kind, const struct field *field, const cJSON *json,
                         struct value *value);
static void *room_for(struct reader *reader, size_t count, size_t size);
static bool count_node(struct reader *reader, size_t depth);
static bool refuse(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void pointer_enter(struct reader *reader, const char *name);
static void pointer_enter_index(struct reader *reader, size_t index);
static void node_free(struct node *node);

void relation_add(struct models *models, const struct relation *relation)
{
    struct relations *relations = models_relations(models);
    assert(relations->count < RELATIONS_MAX);
    assert(relation->name[0] == '$' && strchr(relation->sql, '?') == strrchr(relation->sql, '?'));
    relations->items[relations->count++] = *relation;
}

const struct relation *relation_find(const struct models *models, const char *name)
{
    const struct relations *relations = models_relations(models);
    for (size_t i = 0; i < relations->count; i++)
        if (strcmp(relations->items[i].name, name) == 0)
            return &relations->items[i];
    return NULL;
}

struct rule *rule_parse(const cJSON *json, const struct model *model, const struct models *models, char *why,
                        size_t why_size)
{
    struct reader reader = {.model = model, .models = models, .why = why, .why_size = why_size};
    SCOPED(rule_free) struct rule *rule = calloc(1, sizeof *rule);
    if (!rule || !(rule->json = cJSON_Duplicate(json, true))) {
        refuse(&reader, "there is no memory for it");
        return NULL;
    }
    rule->model = model;
    if (!read_node(&reader, rule->json, 1, &rule->root))
        return NULL;
    rule->fields = reader.fields;
    return TAKE(rule);
}

void rule_free(struct rule *rule)
{
    if (!rule)
        return;
    node_free(&rule->root);
    cJSON_Delete(rule->json);
    free(rule);
}

static void node_free(struct node *node)
{
    for (size_t i = 0; i < node->parts_count; i++)
        node_free(&node->parts[i]);
    free(node->parts);
    free(node->operands);
}

bool rule_needs_row(const struct rule *rule)
{
    return rule && rule->fields;
}

uint64_t rule_fields(const struct rule *rule)
{
    return rule ? rule->fields : 0;
}

void rule_print(const struct rule *rule, struct buffer *json)
{
    char *text = rule ? json_print(rule->json) : NULL;
    if (rule && !text)
        json->has_failed = true;
    else
        buffer_text(json, rule ? text : "true");
    free(text);
}

static bool read_node(struct reader *reader, const cJSON *json, size_t depth, struct node *node)
{
    if (cJSON_IsObject(json))
        return read_object(reader, NULL, json, depth, node);
    if (!cJSON_IsBool(json))
        return refuse(reader, "a rule is an object, true (everybody) or false (nobody)");
    node->kind = NODE_CONSTANT;
    node->is_true = cJSON_IsTrue(json);
    return count_node(reader, depth);
}

/* The members of an object are joined: of a rule (NULL @field), or of the conditions for one field. */
static bool read_object(struct reader *reader, const struct field *field, const cJSON *object, size_t depth,
                        struct node *node)
{
    size_t count = (size_t)cJSON_GetArraySize(object), length = strlen(reader->pointer);
    if (!count)
        return refuse(reader, "an empty object says nothing: write true if everybody is meant, false if nobody");
    if (count > 1) {
        node->kind = NODE_ALL;
        if (!count_node(reader, depth++) || !(node->parts = room_for(reader, count, sizeof *node->parts)))
            return false;
        node->parts_count = count;
    }
    size_t i = 0;
    const cJSON *member;
    cJSON_ArrayForEach (member, object) {
        pointer_enter(reader, member->string);
        if (!read_member(reader, field, member, depth, count > 1 ? &node->parts[i++] : node))
            return false;
        reader->pointer[length] = '\0';
    }
    return true;
}

static bool read_member(struct reader *reader, const struct field *field, const cJSON *member, size_t depth,
                        struct node *node)
{
    if (strcmp(member->string, "not") == 0)
        return read_not(reader, field, member, depth, node);
    if (!field)
        return read_predicate(reader, member, depth, node);
    return count_node(reader, depth) && read_comparison(reader, field, member, node);
}

static bool read_predicate(struct reader *reader, const cJSON *member, size_t depth, struct node *node)
{
    const char *name = member->string;
    if (strcmp(name, "all") == 0 || strcmp(name, "any") == 0) {
        node->kind = name[1] == 'l' ? NODE_ALL : NODE_ANY;
        return count_node(reader, depth) && read_parts(reader, member, depth + 1, node);
    }
    if (strcmp(name, "$right") == 0)
        return count_node(reader, depth) && read_right(reader, member, node);
    const struct field *field = model_field(reader->model, name);
    if (!field)
        return refuse(reader, "%s has no field of this name, and it is none of all, any, not, $right",
                      reader->model->name);
    return read_field(reader, field, member, depth, node);
}

static bool read_parts(struct reader *reader, const cJSON *list, size_t depth, struct node *node)
{
    if (!cJSON_IsArray(list))
        return refuse(reader, "this takes a list of rules");
    size_t count = (size_t)cJSON_GetArraySize(list), length = strlen(reader->pointer), i = 0;
    if (!count)
        return refuse(reader, "an empty list says nothing: write true if everybody is meant, false if nobody");
    if (count > NODES_MAX)
        return refuse(reader, "a rule has at most %d parts", NODES_MAX);
    if (!(node->parts = room_for(reader, count, sizeof *node->parts)))
        return false;
    node->parts_count = count;
    const cJSON *part;
    cJSON_ArrayForEach (part, list) {
        pointer_enter_index(reader, i);
        if (!read_node(reader, part, depth, &node->parts[i++]))
            return false;
        reader->pointer[length] = '\0';
    }
    return true;
}

static bool read_not(struct reader *reader, const struct field *field, const cJSON *json, size_t depth,
                     struct node *node)
{
    node->kind = NODE_NOT;
    if (!count_node(reader, depth) || !(node->parts = room_for(reader, 1, sizeof *node->parts)))
        return false;
    node->parts_count = 1;
    return field ? read_field(reader, field, json, depth + 1, node->parts)
                 : read_node(reader, json, depth + 1, node->parts);
}

static bool read_right(struct reader *reader, const cJSON *json, struct node *node)
{
    const char *word = json_text(json);
    node->kind = NODE_RIGHT;
    node->right_word = word;
    node->right = word ? rights_from_word(word) : 0;
    return node->right || refuse(reader, "there is no such right: it is one of read, write, delete, grant");
}

static bool read_field(struct reader *reader, const struct field *field, const cJSON *json, size_t depth,
                       struct node *node)
{
    if (!field->column)
        return refuse(reader, "this is not stored in a column of its own, so that rules cannot ask for it");
    node->field = field_index(reader->model, field);
    reader->fields |= UINT64_C(1) << node->field;
    if (cJSON_IsObject(json))
        return read_object(reader, field, json, depth, node);
    if (cJSON_IsArray(json))
        return refuse(reader, "a list does not equal a field: write {\"in\": [...]}");
    node->kind = NODE_EQUAL;
    if (!count_node(reader, depth) || !(node->operands = room_for(reader, 1, sizeof *node->operands)))
        return false;
    node->operands_count = 1;
    if (field->kind == FIELD_LIST && !cJSON_IsNull(json))
        return refuse(reader, "a list can only be compared with null, or by {\"contains\": value}");
    return read_operand(reader, node->kind, field, json, node->operands);
}

static bool read_comparison(struct reader *reader, const struct field *field, const cJSON *member, struct node *node)
{
    node->field = field_index(reader->model, field);
    const char *word = member->string;
    if (strcmp(word, "in") == 0)
        return json_text(member) ? read_relation(reader, field, json_text(member), node)
                                 : read_one_of(reader, field, member, node);
    for (node->kind = NODE_GREATER; node->kind <= NODE_CONTAINS; node->kind++)
        if (strcmp(word, node_word(node->kind)) == 0)
            break;
    if (node->kind > NODE_CONTAINS)
        return refuse(reader, "there is no such comparison: it is one of in, not, gt, gte, lt, lte, contains");
    bool is_contains = node->kind == NODE_CONTAINS;
    if (is_contains != (field->kind == FIELD_LIST))
        return refuse(reader, is_contains ? "only a list contains something"
                                          : "a list can only be compared with null, or by {\"contains\": value}");
    if (field->kind == FIELD_BOOLEAN)
        return refuse(reader, "true and false have no order");
    if (is_contains && (!field->items || field->items->kind == FIELD_TIME || field->items->kind == FIELD_LIST))
        return refuse(reader, "what this list holds cannot be compared");
    if (cJSON_IsNull(member))
        return refuse(reader, "null is neither more nor less than anything, and in no list");
    if (!(node->operands = room_for(reader, 1, sizeof *node->operands)))
        return false;
    node->operands_count = 1;
    return read_operand(reader, node->kind, is_contains ? field->items : field, member, node->operands);
}

static bool read_one_of(struct reader *reader, const struct field *field, const cJSON *json, struct node *node)
{
    if (!cJSON_IsArray(json))
        return refuse(reader, "this takes a list of values, or the name of a relation such as \"$groups\"");
    if (field->kind == FIELD_LIST)
        return refuse(reader, "a list can only be compared with null, or by {\"contains\": value}");
    size_t count = (size_t)cJSON_GetArraySize(json), length = strlen(reader->pointer), i = 0;
    if (!count)
        return refuse(reader, "an empty list is nobody: write false");
    if (count > NODES_MAX)
        return refuse(reader, "a rule has at most %d parts", NODES_MAX);
    node->kind = NODE_ONE_OF;
    if (!(node->operands = room_for(reader, count, sizeof *node->operands)))
        return false;
    node->operands_count = count;
    const cJSON *item;
    cJSON_ArrayForEach (item, json) {
        pointer_enter_index(reader, i);
        if (!count_node(reader, 0) || !read_operand(reader, node->kind, field, item, &node->operands[i++]))
            return false;
        reader->pointer[length] = '\0';
    }
    return true;
}

static bool read_relation(struct reader *reader, const struct field *field, const char *name, struct node *node)
{
    node->kind = NODE_RELATION;
    node->relation = relation_find(reader->models, name);
    if (!node->relation)
        return refuse(reader, "there is no relation of this name; a single value stands in a list");
    if (field->kind != FIELD_INTEGER)
        return refuse(reader, "a relation is a set of ids, and this field is no integer");
    return true;
}

static bool read_operand(struct reader *reader, enum node_kind kind, const struct field *field, const cJSON *json,
                         struct operand *operand)
{
    const char *text = json_text(json);
    operand->json = json;
    if (!text || text[0] != '$')
        return read_literal(reader, kind, field, json, &operand->value);
    bool is_me = strcmp(text, "$me") == 0;
    operand->kind = is_me ? OPERAND_ME : OPERAND_NOW;
    if (!is_me && strcmp(text, "$now") != 0)
        return refuse(reader, "a text with $ in front is \"$me\" or \"$now\"; a relation stands behind \"in\"");
    if (is_me && field->kind != FIELD_INTEGER)
        return refuse(reader, "$me is a person's id, and this is no integer");
    if (!is_me && field->kind != FIELD_TIME)
        return refuse(reader, "$now is a moment, and this is none");
    return true;
}

/* As a form reads it, but without the field's limits: "at least 0" may be compared with -1. Only what must be equal
 * must also be one of the choices: a typing error in a word would make a rule that nobody passes, or everybody. */
static bool read_literal(struct reader *reader, enum node_kind kind, const struct field *field, const cJSON *json,
                         struct value *value)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    bool has_choices = kind == NODE_EQUAL || kind == NODE_ONE_OF || kind == NODE_CONTAINS;
    const struct field bare = {.kind = field->kind,
                               .is_nullable = true,
                               .length_min = -1,
                               .length_max = -1,
                               .choices = has_choices ? field->choices : NULL,
                               .choices_count = has_choices ? field->choices_count : 0};
    const char *why = NULL;
    return form_value(&bare, json, value, &hold, &why) || refuse(reader, "%s", why);
}

const char *node_word(enum node_kind kind)
{
    static const char *const words[] = {
        [NODE_CONSTANT] = "",  [NODE_RIGHT] = "right",    [NODE_ALL] = "all",    [NODE_ANY] = "any",
        [NODE_NOT] = "not",    [NODE_EQUAL] = "eq",       [NODE_GREATER] = "gt", [NODE_GREATER_EQUAL] = "gte",
        [NODE_LESS] = "lt",    [NODE_LESS_EQUAL] = "lte", [NODE_ONE_OF] = "in",  [NODE_CONTAINS] = "contains",
        [NODE_RELATION] = "in"};
    return words[kind];
}

static void *room_for(struct reader *reader, size_t count, size_t size)
{
    void *room = calloc(count, size);
    if (!room)
        refuse(reader, "there is no memory for it");
    return room;
}

static bool count_node(struct reader *reader, size_t depth)
{
    if (depth > DEPTH_MAX)
        return refuse(reader, "a rule is at most %d levels deep", DEPTH_MAX);
    if (++reader->nodes > NODES_MAX)
        return refuse(reader, "a rule has at most %d parts", NODES_MAX);
    return true;
}

/* "/any/1/author: the reason"; the place of the rule itself is empty. */
static bool refuse(struct reader *reader, const char *format, ...)
{
    char reason[200];
    va_list values;
    va_start(values, format);
    vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    snprintf(reader->why, reader->why_size, "%s: %s", reader->pointer, reason);
    return false;
}

/* Steps down to a member; who comes back up cuts the pointer to the length it had. */
static void pointer_enter(struct reader *reader, const char *name)
{
    size_t length = strlen(reader->pointer);
    const size_t room = sizeof reader->pointer - 3; /* for one more character, escaped, and the end */
    if (length < room)
        reader->pointer[length++] = '/';
    for (; *name && length < room; name++) {
        bool is_escaped = *name == '/' || *name == '~';
        reader->pointer[length++] = is_escaped ? '~' : *name;
        if (is_escaped)
            reader->pointer[length++] = *name == '/' ? '1' : '0';
    }
    reader->pointer[length] = '\0';
}

static void pointer_enter_index(struct reader *reader, size_t index)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", index);
    pointer_enter(reader, name);
}
