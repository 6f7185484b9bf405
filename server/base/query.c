/* base/query.c: the parameters of a list, checked. */
#include "base/query.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/form.h"
#include "base/model_actions.h"
#include "base/query_internal.h"
#include "base/words.h"
#include "lib/utf8.h"

#define FILTERS_MAX         20
#define IN_VALUES_MAX       100
#define VALUES_MAX          400 /* of all filters: SQLite binds 1000, and the rules need theirs */
#define LIKE_CHARACTERS_MAX 50
#define LIKE_STARS_MAX      5
#define NAME_SHOWN_SIZE     64

struct reading {
    struct request *request;
    const struct model *model;
    struct query *query;
    struct asker asker;
    size_t values; /* of all filters */
};

/* The words of "a,b", or of ["a","b"], one after the other. */
struct words {
    const char *at;    /* NULL: at the end */
    const cJSON *item; /* of a list */
};

typedef enum status parameter_read(struct reading *reading, const cJSON *item);
static parameter_read limit_read, cursor_read, sort_read, fields_read, expand_read, search_read, count_read,
    may_wanted_read;
static enum status filter_read(struct reading *reading, const cJSON *item);

/* The cursor last: it is compared with what the others say. */
static const struct {
    const char *name;
    parameter_read *read;
} parameters[] = {
    {"limit", limit_read}, {"count", count_read}, {"fields", fields_read},  {"expand", expand_read},
    {"q", search_read},    {"sort", sort_read},   {"may", may_wanted_read}, {"cursor", cursor_read},
};
static const char *const operators[] = {"", "ne", "lt", "lte", "gt", "gte", "like", "in", "null"};

static bool hold_reserve(struct query *query, const cJSON *params);
static bool is_parameter(const char *name);
static enum status refuse(struct reading *reading, const cJSON *item, const char *words);
static enum status refuse_unknown(struct reading *reading, const cJSON *item, const char *name);
static bool scalar_read(struct reading *reading, const struct field *field, const cJSON *item, struct value *value,
                        enum status *status);
static void sort_end(struct query *query);
static const struct field *comparable_field(const struct reading *reading, const char *name);
static bool is_shown(const struct reading *reading, const struct field *field);
static bool words_begin(struct words *words, const cJSON *item);
static bool words_next(struct words *words, char word[NAME_SHOWN_SIZE]);
static enum status values_read(struct reading *reading, const struct field *field, const cJSON *item,
                               struct filter *filter);
static enum status list_read(struct reading *reading, const struct field *bare, const cJSON *item,
                             struct filter *filter);
static enum status like_read(struct reading *reading, const cJSON *item, struct filter *filter);
static bool can_compare(const struct field *field, enum operator operator);
static int filter_compare(const void *a, const void *b);

enum status query_read(struct request *request, const struct model *model, struct query *query)
{
    struct reading reading = {.request = request, .model = model, .query = query, .asker = request_asker(request)};
    enum status status = STATUS_OK;
    *query = (struct query){.model = model, .limit = QUERY_LIMIT};
    query->filters = calloc(FILTERS_MAX, sizeof *query->filters);
    if (!query->filters || !hold_reserve(query, request->params))
        return FAULT("no memory");
    for (size_t i = 0; i < model->fields_count; i++)
        if (is_shown(&reading, &model->fields[i]))
            query->fields |= UINT64_C(1) << i;
    for (const cJSON *item = request->params->child; item && status == STATUS_OK; item = item->next)
        if (!is_parameter(item->string))
            status = filter_read(&reading, item);
    /* In one order, whatever the client's was: so the same list has the same SQL and the same cursors. */
    qsort(query->filters, query->filters_count, sizeof *query->filters, filter_compare);
    for (size_t i = 0; i < ARRAY_LENGTH(parameters) && status == STATUS_OK; i++) {
        const cJSON *item = json_get(request->params, parameters[i].name);
        if (parameters[i].read == cursor_read)
            sort_end(query);
        if (item)
            status = parameters[i].read(&reading, item);
    }
    return status;
}

void query_free(struct query *query)
{
    for (size_t i = 0; i < query->filters_count; i++)
        free(query->filters[i].values);
    free(query->filters);
    buffer_free(&query->hold);
    *query = (struct query){0};
}

/* What is made of a text is at most twice as long as it (every character escaped) and some quotes. */
static bool hold_reserve(struct query *query, const cJSON *params)
{
    size_t most = 1;
    for (const cJSON *item = params->child; item; item = item->next)
        most += json_text(item) ? 2 * strlen(item->valuestring) + 4 * WORDS_MAX : 0;
    return buffer_reserve(&query->hold, most);
}

const char *query_keep(struct query *query, const char *text, size_t length)
{
    char *kept = query->hold.bytes + query->hold.length;
    assert(query->hold.length + length + 1 < query->hold.capacity);
    buffer_append(&query->hold, text, length);
    buffer_char(&query->hold, '\0');
    return kept;
}

static bool is_parameter(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(parameters); i++)
        if (strcmp(parameters[i].name, name) == 0)
            return true;
    return false;
}

/* ---- words of refusal ---- */

static enum status refuse(struct reading *reading, const cJSON *item, const char *words)
{
    char pointer[PARAM_POINTER_SIZE];
    return request_refuse(reading->request, STATUS_MALFORMED, "The parameter \"%s\" is not right: %s",
                          param_pointer(item->string, pointer) + 1, words);
}

/* The same words whether there is no such field or the asker may not know of it. */
static enum status refuse_unknown(struct reading *reading, const cJSON *item, const char *name)
{
    char pointer[PARAM_POINTER_SIZE], shown[PARAM_POINTER_SIZE];
    param_pointer(name, shown);
    if (strcmp(item->string, name) == 0)
        return request_refuse(reading->request, STATUS_MALFORMED, "There is no parameter or field \"%s\".", shown + 1);
    return request_refuse(reading->request, STATUS_MALFORMED, "There is no field \"%s\" for the parameter \"%s\".",
                          shown + 1, param_pointer(item->string, pointer) + 1);
}

/* One value, as text where the parameters are texts. False: *status says why. */
static bool scalar_read(struct reading *reading, const struct field *field, const cJSON *item, struct value *value,
                        enum status *status)
{
    SCOPED(buffer_free) struct buffer hold = {0};
    const char *why;
    bool is_text = reading->request->is_query && json_text(item);
    bool is_fine = is_text ? form_value_text(field, json_text(item), value, &hold, &why)
                           : form_value(field, item, value, &hold, &why);
    if (!is_fine)
        *status = refuse(reading, item, why);
    return is_fine;
}

/* ---- the page ---- */

static enum status limit_read(struct reading *reading, const cJSON *item)
{
    static const struct field field = {.kind = FIELD_INTEGER,
                                       .has_minimum = true,
                                       .minimum = {.kind = VALUE_INT, .number = 1},
                                       .has_maximum = true,
                                       .maximum = {.kind = VALUE_INT, .number = QUERY_LIMIT_MAX}};
    enum status status = STATUS_OK;
    struct value value;
    if (scalar_read(reading, &field, item, &value, &status))
        reading->query->limit = value.number;
    return status;
}

static enum status truth_read(struct reading *reading, const cJSON *item, bool *truth)
{
    static const struct field field = {.kind = FIELD_BOOLEAN};
    enum status status = STATUS_OK;
    struct value value;
    if (scalar_read(reading, &field, item, &value, &status))
        *truth = value.number;
    return status;
}

static enum status count_read(struct reading *reading, const cJSON *item)
{
    return truth_read(reading, item, &reading->query->wants_count);
}

static enum status may_wanted_read(struct reading *reading, const cJSON *item)
{
    return truth_read(reading, item, &reading->query->wants_may);
}

static enum status cursor_read(struct reading *reading, const cJSON *item)
{
    const char *text = json_text(item);
    return text ? query_cursor_read(reading->request, reading->query, text)
                : refuse(reading, item, "This must be a text.");
}

static enum status sort_read(struct reading *reading, const cJSON *item)
{
    struct query *query = reading->query;
    struct words words;
    char word[NAME_SHOWN_SIZE];
    uint64_t seen = 0;
    size_t count = 0;
    if (!words_begin(&words, item))
        return refuse(reading, item, "This must be a list of fields.");
    while (words_next(&words, word)) {
        bool is_descending = word[0] == '-';
        const struct field *field = comparable_field(reading, word + is_descending);
        if (!field)
            return refuse_unknown(reading, item, word + is_descending);
        size_t index = field_index(reading->model, field);
        if (field->kind == FIELD_LIST)
            return refuse(reading, item, "Lists have no order.");
        if (seen >> index & 1)
            return refuse(reading, item, "A field is there twice.");
        if (++count > QUERY_SORT_MAX)
            return refuse(reading, item, "These are too many fields.");
        /* Behind the id there is nothing left to order. */
        if (!(seen & UINT64_C(1) << FIELD_ID)) {
            query->sort[query->sort_count].field = index;
            query->sort[query->sort_count++].is_descending = is_descending;
        }
        seen |= UINT64_C(1) << index;
    }
    return STATUS_OK;
}

/* The id makes the order total. It runs as the last field does, so that one index can serve both; a search without an
 * order shows the newest first. */
static void sort_end(struct query *query)
{
    bool is_descending = query->search != NULL;
    if (query->sort_count) {
        if (query->sort[query->sort_count - 1].field == FIELD_ID)
            return;
        is_descending = query->sort[query->sort_count - 1].is_descending;
    }
    query->sort[query->sort_count].field = FIELD_ID;
    query->sort[query->sort_count++].is_descending = is_descending;
}

/* ---- fields ---- */

/* May the asker order and choose rows by it? A field that can be read in some rows only would tell of the others. */
static const struct field *comparable_field(const struct reading *reading, const char *name)
{
    const struct field *field = model_field(reading->model, name);
    if (!field || !is_shown(reading, field))
        return NULL;
    bool is_free = reading->asker.is_privileged || !field->read || !rule_needs_row(field->read);
    return is_free ? field : NULL;
}

/* Can it be seen in any row? */
static bool is_shown(const struct reading *reading, const struct field *field)
{
    return !field->is_write_only && !field_is_hidden(field, &reading->asker);
}

static enum status fields_read(struct reading *reading, const cJSON *item)
{
    struct words words;
    char word[NAME_SHOWN_SIZE];
    uint64_t fields = 0;
    if (!words_begin(&words, item))
        return refuse(reading, item, "This must be a list of fields.");
    while (words_next(&words, word)) {
        const struct field *field = model_field(reading->model, word);
        if (!field || !is_shown(reading, field))
            return refuse_unknown(reading, item, word);
        fields |= UINT64_C(1) << field_index(reading->model, field);
    }
    reading->query->fields = fields;
    return STATUS_OK;
}

/* Read behind `fields`: who asks for a row in place of a reference wants to see it. */
static enum status expand_read(struct reading *reading, const cJSON *item)
{
    struct words words;
    char word[NAME_SHOWN_SIZE];
    if (!words_begin(&words, item))
        return refuse(reading, item, "This must be a list of fields.");
    while (words_next(&words, word)) {
        const struct field *field = model_field(reading->model, word);
        if (!field || !is_shown(reading, field))
            return refuse_unknown(reading, item, word);
        if (!field->references)
            return refuse(reading, item, "Only references can be expanded.");
        reading->query->expand |= UINT64_C(1) << field_index(reading->model, field);
    }
    reading->query->fields |= reading->query->expand;
    return STATUS_OK;
}

static bool words_begin(struct words *words, const cJSON *item)
{
    *words = (struct words){.at = json_text(item)};
    if (!cJSON_IsArray(item))
        return words->at != NULL;
    for (const cJSON *child = item->child; child; child = child->next)
        if (!json_text(child))
            return false;
    words->item = item->child;
    return true;
}

/* A word that is longer than any name is cut: it is only shown. */
static bool words_next(struct words *words, char word[NAME_SHOWN_SIZE])
{
    const char *text = words->item ? json_text(words->item) : words->at;
    if (!text)
        return false;
    size_t length = words->item ? strlen(text) : strcspn(text, ","), shown = 0, step;
    while (shown < length && (step = utf8_step(text + shown, length - shown)) && shown + step < NAME_SHOWN_SIZE)
        shown += step;
    memcpy(word, text, shown);
    word[shown] = '\0';
    if (words->item)
        words->item = words->item->next;
    else
        words->at = text[length] ? text + length + 1 : NULL;
    return true;
}

/* ---- filters ---- */

/* "author", or "author[in]". */
static enum status filter_read(struct reading *reading, const cJSON *item)
{
    struct query *query = reading->query;
    const char *bracket = strchr(item->string, '[');
    size_t length = bracket ? (size_t)(bracket - item->string) : strlen(item->string);
    char name[MODEL_NAME_MAX + 1];
    if (length > MODEL_NAME_MAX)
        return refuse_unknown(reading, item, item->string);
    memcpy(name, item->string, length);
    name[length] = '\0';
    const struct field *field = comparable_field(reading, name);
    if (!field)
        return refuse_unknown(reading, item, name);
    size_t operator= OP_EQ;
    while (bracket && ++operator<ARRAY_LENGTH(operators)) {
        size_t word = strlen(operators[operator]);
        if (strncmp(bracket + 1, operators[operator], word) == 0 && strcmp(bracket + 1 + word, "]") == 0)
            break;
    }
    if (operator== ARRAY_LENGTH(operators))
        return refuse(reading, item, "The operators are ne, lt, lte, gt, gte, like, in and null.");
    if (!can_compare(field, (enum operator) operator))
        return refuse(reading, item, "The field cannot be compared in this way.");
    if (query->filters_count == FILTERS_MAX)
        return refuse(reading, item, "These are too many filters.");
    struct filter *filter = &query->filters[query->filters_count++];
    filter->field = field_index(reading->model, field);
    filter->operator=(enum operator) operator;
    return values_read(reading, field, item, filter);
}

static bool can_compare(const struct field *field, enum operator operator)
{
    switch (operator) {
    case OP_NULL:
        return true;
    case OP_LIKE:
        return field->kind == FIELD_TEXT;
    case OP_LT:
    case OP_LTE:
    case OP_GT:
    case OP_GTE:
        return field->kind != FIELD_BOOLEAN && field->kind != FIELD_LIST;
    case OP_EQ:
    case OP_NE:
    case OP_IN:
        return field->kind != FIELD_LIST;
    }
    return false;
}

/* A value is only looked for, so it must be of the field's kind and need not keep to its limits. */
static enum status values_read(struct reading *reading, const struct field *field, const cJSON *item,
                               struct filter *filter)
{
    static const struct field truth = {.kind = FIELD_BOOLEAN};
    const struct field bare = {.kind = field->kind, .length_min = -1, .length_max = -1};
    enum status status = STATUS_OK;
    if (filter->operator== OP_IN)
        return list_read(reading, &bare, item, filter);
    filter->values = calloc(1, sizeof *filter->values);
    if (!filter->values)
        return FAULT("no memory");
    filter->count = 1;
    if (filter->operator== OP_LIKE)
        return like_read(reading, item, filter);
    scalar_read(reading, filter->operator== OP_NULL ? &truth : & bare, item, filter->values, &status);
    return status;
}

static enum status list_read(struct reading *reading, const struct field *bare, const cJSON *item,
                             struct filter *filter)
{
    const char *text = json_text(item);
    const cJSON *child = cJSON_IsArray(item) ? item->child : NULL;
    if (!text && !cJSON_IsArray(item))
        return refuse(reading, item, "This must be a list.");
    filter->values = calloc(IN_VALUES_MAX, sizeof *filter->values);
    if (!filter->values)
        return FAULT("no memory");
    while (text || child) {
        SCOPED(buffer_free) struct buffer hold = {0};
        struct value *value = &filter->values[filter->count];
        const char *why = "These are too many values.";
        size_t length = text ? strcspn(text, ",") : 0;
        if (filter->count == IN_VALUES_MAX || reading->values == VALUES_MAX)
            return refuse(reading, item, why);
        bool is_fine = text ? form_value_text(bare, query_keep(reading->query, text, length), value, &hold, &why)
                            : form_value(bare, child, value, &hold, &why);
        if (!is_fine)
            return refuse(reading, item, why);
        filter->count++;
        reading->values++;
        child = child ? child->next : NULL;
        text = text && text[length] ? text + length + 1 : NULL;
    }
    return STATUS_OK;
}

/* "*" is any run of characters, everything else stands for itself. */
static enum status like_read(struct reading *reading, const cJSON *item, struct filter *filter)
{
    const char *text = json_text(item);
    char pattern[LIKE_CHARACTERS_MAX * 4 + 1];
    size_t length = 0, stars = 0;
    if (!text)
        return refuse(reading, item, "This must be a text.");
    if (utf8_count(text, strlen(text)) > LIKE_CHARACTERS_MAX)
        return refuse(reading, item, "This has more than 50 characters.");
    for (const char *c = text; *c; c++) {
        stars += *c == '*';
        if (strchr("%_\\", *c))
            pattern[length++] = '\\';
        pattern[length++] = *c == '*' ? '%' : *c;
    }
    if (stars > LIKE_STARS_MAX)
        return refuse(reading, item, "This has more than 5 stars.");
    *filter->values = value_text(query_keep(reading->query, pattern, length), length);
    return STATUS_OK;
}

static int filter_compare(const void *a, const void *b)
{
    const struct filter *one = a, *other = b;
    if (one->field != other->field)
        return one->field < other->field ? -1 : 1;
    return (int)one->operator-(int) other->operator;
}

/* ---- search ---- */

static enum status search_read(struct reading *reading, const cJSON *item)
{
    SCOPED(buffer_free) struct buffer words = {0};
    const char *text = json_text(item);
    if (!reading->model->search_count)
        return refuse(reading, item, "There is nothing to search in here.");
    if (!text)
        return refuse(reading, item, "This must be a text.");
    if (utf8_count(text, strlen(text)) > WORDS_CHARACTERS_MAX)
        return refuse(reading, item, "This has more than 200 characters.");
    if (words_match(text, &words) > WORDS_MAX)
        return refuse(reading, item, "This has more than 20 words.");
    if (words.has_failed)
        return FAULT("no memory");
    reading->query->search = query_keep(reading->query, words.bytes ? words.bytes : "", words.length);
    return STATUS_OK;
}
