/* pages/openapi_parts.c: the description of some models only. The whole one is cut at its start into texts, of which
 * each knows what it refers to, so that an answer is only put together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/hash.h"
#include "lib/random.h"
#include "pages/openapi.h"
#include "pages/openapi_draft.h"

#define SCHEMA_REF       "#/components/schemas/"
#define PATH_BEGIN       "/api/v1/"
#define MODELS_ASKED_MAX 20
#define ETAG_LENGTH      20 /* characters of a digest: no two answers share them */

enum part_kind { PART_TAG, PART_PATH, PART_SCHEMA, PART_KINDS };
struct part {
    enum part_kind kind;
    char *name, *text;                       /* text: as it stands in the document, with its name if it has one */
    uint64_t models[(MODELS_MAX + 63) / 64]; /* bits of those it is about */
    size_t *needs;                           /* indexes of the parts that it refers to */
    size_t needs_count;
};
struct openapi_parts {
    const struct models *models;
    struct part *items; /* tags, paths, schemas, each in the order of the document; the one behind them stands for what
                           is in every answer */
    size_t count;
    struct text_map *schemas, *tags; /* name → index + 1 */
    char *head, *components;         /* what is in every answer, without the last brace */
    char digest[DIGEST_TEXT_SIZE];   /* of the whole document */
};

static bool head_make(struct openapi_parts *parts, cJSON *document);
static bool list_cut(struct openapi_parts *parts, enum part_kind kind, const cJSON *list);
static void models_mark(const struct openapi_parts *parts, struct part *part, const cJSON *item);
static bool needs_find(struct openapi_parts *parts, struct part *part, const cJSON *item);
static bool need_add(struct part *part, size_t index);
static enum status asked_read(const struct openapi_parts *parts, const char *words, uint64_t *asked);
static enum status parts_print(const struct openapi_parts *parts, const uint64_t *asked, struct buffer *json);
static void part_take(const struct openapi_parts *parts, size_t index, bool *taken);

/* ---- cutting ---- */

enum status openapi_parts_new(const struct models *models, cJSON *document, const char *digest,
                              struct openapi_parts **out)
{
    SCOPED(openapi_parts_free) struct openapi_parts *parts = calloc(1, sizeof *parts);
    const cJSON *components = json_get(document, "components"), *schemas = json_get(components, "schemas");
    const cJSON *lists[PART_KINDS] = {json_get(document, "tags"), json_get(document, "paths"), schemas};
    size_t count = 1;
    for (int kind = 0; kind < PART_KINDS; kind++)
        count += (size_t)cJSON_GetArraySize(lists[kind]);
    if (!parts || !(parts->items = calloc(count, sizeof *parts->items)) || !(parts->schemas = text_map_new()) ||
        !(parts->tags = text_map_new()))
        return FAULT("no memory for the API's description");
    parts->models = models;
    snprintf(parts->digest, sizeof parts->digest, "%s", digest);
    for (int kind = 0; kind < PART_KINDS; kind++)
        if (!list_cut(parts, (enum part_kind)kind, lists[kind]))
            return FAULT("no memory for the API's description");
    size_t index = 0;
    for (int kind = 0; kind < PART_KINDS; kind++)
        for (const cJSON *item = lists[kind]->child; item; item = item->next) {
            struct part *part = &parts->items[index++];
            models_mark(parts, part, item);
            if (!needs_find(parts, part, item))
                return FAULT("no memory for the API's description");
        }
    if (!head_make(parts, document))
        return FAULT("no memory for the API's description");
    *out = TAKE(parts);
    return STATUS_OK;
}

void openapi_parts_free(struct openapi_parts *parts)
{
    if (!parts)
        return;
    for (size_t i = 0; parts->items && i <= parts->count; i++) {
        free(parts->items[i].name);
        free(parts->items[i].text);
        free(parts->items[i].needs);
    }
    free(parts->items);
    text_map_free(parts->schemas);
    text_map_free(parts->tags);
    free(parts->head);
    free(parts->components);
    free(parts);
}

/* The parts take the place of what the document had in them: it is of no use after it. */
static bool head_make(struct openapi_parts *parts, cJSON *document)
{
    cJSON *components = cJSON_DetachItemFromObjectCaseSensitive(document, "components");
    cJSON_DeleteItemFromObjectCaseSensitive(components, "schemas");
    cJSON_DeleteItemFromObjectCaseSensitive(document, "tags");
    cJSON_DeleteItemFromObjectCaseSensitive(document, "paths");
    bool is_fine = needs_find(parts, &parts->items[parts->count], components);
    parts->components = json_print(components);
    parts->head = json_print(document);
    cJSON_Delete(components);
    if (!is_fine || !parts->components || !parts->head)
        return false;
    parts->components[strlen(parts->components) - 1] = '\0';
    parts->head[strlen(parts->head) - 1] = '\0';
    return true;
}

static bool list_cut(struct openapi_parts *parts, enum part_kind kind, const cJSON *list)
{
    for (const cJSON *item = list->child; item; item = item->next) {
        SCOPED(buffer_free) struct buffer text = {0};
        struct part *part = &parts->items[parts->count++];
        const char *name = kind == PART_TAG ? json_get_text(item, "name") : item->string;
        struct text_map *map = kind == PART_TAG ? parts->tags : kind == PART_SCHEMA ? parts->schemas : NULL;
        char *value = json_print(item);
        if (kind != PART_TAG) {
            buffer_json(&text, name, strlen(name));
            buffer_char(&text, ':');
        }
        buffer_text(&text, value ? value : "");
        part->kind = kind;
        part->name = strdup(name);
        part->text = value ? buffer_take(&text, NULL) : NULL;
        free(value);
        if (!part->name || !part->text)
            return false;
        if (map && !text_map_set(map, part->name, strlen(part->name), (void *)parts->count))
            return false;
    }
    return true;
}

static void model_mark(const struct openapi_parts *parts, struct part *part, const char *name, size_t length)
{
    for (size_t i = 0; i < models_count(parts->models); i++) {
        const char *model = models_at(parts->models, i)->name;
        if (strlen(model) == length && memcmp(model, name, length) == 0)
            part->models[i / 64] |= UINT64_C(1) << i % 64;
    }
}

/* "news" and "news.list" are about news, and so is an address below it or with an action of it. */
static void models_mark(const struct openapi_parts *parts, struct part *part, const cJSON *item)
{
    const cJSON *operation;
    if (part->kind == PART_SCHEMA)
        model_mark(parts, part, part->name, strcspn(part->name, "."));
    if (part->kind != PART_PATH)
        return;
    const char *below = part->name + strlen(PATH_BEGIN);
    model_mark(parts, part, below, strcspn(below, "/"));
    cJSON_ArrayForEach (operation, item) {
        const char *id = json_get_text(operation, "operationId");
        if (id)
            model_mark(parts, part, id, strcspn(id, "."));
    }
}

/* The schemas that are referred to anywhere in @item; of an address also the tags of its operations. */
static bool needs_find(struct openapi_parts *parts, struct part *part, const cJSON *item)
{
    for (const cJSON *child = item ? item->child : NULL; child; child = child->next) {
        const char *text = json_text(child);
        size_t index = 0;
        if (text && child->string && strcmp(child->string, "$ref") == 0 &&
            strncmp(text, SCHEMA_REF, strlen(SCHEMA_REF)) == 0)
            index = (size_t)text_map_get(parts->schemas, text + strlen(SCHEMA_REF), strlen(text + strlen(SCHEMA_REF)));
        if (part->kind == PART_PATH && child->string && strcmp(child->string, "tags") == 0) {
            const char *tag = json_text(child->child);
            index = tag ? (size_t)text_map_get(parts->tags, tag, strlen(tag)) : 0;
        }
        if ((index && !need_add(part, index - 1)) || !needs_find(parts, part, child))
            return false;
    }
    return true;
}

static bool need_add(struct part *part, size_t index)
{
    for (size_t i = 0; i < part->needs_count; i++)
        if (part->needs[i] == index)
            return true;
    size_t *needs = reallocarray(part->needs, part->needs_count + 1, sizeof *needs);
    if (!needs)
        return false;
    needs[part->needs_count++] = index;
    part->needs = needs;
    return true;
}

/* ---- putting together ---- */

enum status openapi_parts_print(const struct openapi_parts *parts, const char *words, struct buffer *json,
                                char etag[OPENAPI_ETAG_SIZE])
{
    uint64_t asked[(MODELS_MAX + 63) / 64] = {0};
    char text[DIGEST_TEXT_SIZE + sizeof asked], digest[DIGEST_TEXT_SIZE];
    enum status status = asked_read(parts, words, asked);
    if (status != STATUS_OK)
        return status;
    /* Which models were asked for, of which document: that is what the answer depends on. */
    memcpy(text, parts->digest, DIGEST_TEXT_SIZE);
    memcpy(text + DIGEST_TEXT_SIZE, asked, sizeof asked);
    digest_text(text, sizeof text, digest);
    snprintf(etag, OPENAPI_ETAG_SIZE, "\"%.*s\"", ETAG_LENGTH, digest);
    return parts_print(parts, asked, json);
}

/* "news,comment": bits. MALFORMED: too many; NOT_FOUND. */
static enum status asked_read(const struct openapi_parts *parts, const char *words, uint64_t *asked)
{
    for (size_t count = 0;; count++) {
        size_t length = strcspn(words, ","), i = 0;
        if (count == MODELS_ASKED_MAX)
            return STATUS_MALFORMED;
        for (; i < models_count(parts->models); i++) {
            const char *name = models_at(parts->models, i)->name;
            if (strlen(name) == length && memcmp(name, words, length) == 0)
                break;
        }
        if (i == models_count(parts->models))
            return STATUS_NOT_FOUND;
        asked[i / 64] |= UINT64_C(1) << i % 64;
        if (!words[length])
            return STATUS_OK;
        words += length + 1;
    }
}

static enum status parts_print(const struct openapi_parts *parts, const uint64_t *asked, struct buffer *json)
{
    static const char *const begins[PART_KINDS] = {",\"tags\":[", "],\"paths\":{", ""};
    bool *taken = calloc(parts->count + 1, sizeof *taken);
    if (!taken)
        return FAULT("no memory for the API's description");
    part_take(parts, parts->count, taken);
    for (size_t i = 0; i < parts->count; i++)
        for (size_t word = 0; word < ARRAY_LENGTH(parts->items[i].models); word++)
            if (parts->items[i].models[word] & asked[word])
                part_take(parts, i, taken);
    buffer_text(json, parts->head);
    for (int kind = 0; kind < PART_KINDS; kind++) {
        const char *comma = "";
        buffer_text(json, begins[kind]);
        if (kind == PART_SCHEMA)
            buffer_printf(json, "},\"components\":%s,\"schemas\":{", parts->components);
        for (size_t i = 0; i < parts->count; i++) {
            if (!taken[i] || parts->items[i].kind != (enum part_kind)kind)
                continue;
            buffer_text(json, comma);
            buffer_text(json, parts->items[i].text);
            comma = ",";
        }
    }
    buffer_text(json, "}}}");
    free(taken);
    return json->has_failed ? FAULT("no memory for the API's description") : STATUS_OK;
}

/* With all that it refers to, and so on. */
static void part_take(const struct openapi_parts *parts, size_t index, bool *taken)
{
    const struct part *part = &parts->items[index];
    if (taken[index])
        return;
    taken[index] = true;
    for (size_t i = 0; i < part->needs_count; i++)
        part_take(parts, part->needs[i], taken);
}

/* ---- the door ---- */

/* The values of all parameters "model", joined by commas. False: badly encoded. */
static bool words_find(const char *query, struct buffer *words, bool *is_there)
{
    SCOPED(buffer_free) struct buffer name = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    bool is_bad = false;
    while (http_query_next(&query, &name, &value, &is_bad)) {
        if (!name.bytes || strcmp(name.bytes, "model") != 0)
            continue;
        buffer_text(words, *is_there ? "," : "");
        buffer_text(words, value.bytes ? value.bytes : "");
        *is_there = true;
    }
    return !is_bad && !words->has_failed;
}

static void refuse(struct http *http, const struct http_request *request, enum status status)
{
    http_answer_problem(http, request->id, status,
                        status == STATUS_NOT_FOUND   ? "There is no model of this name."
                        : status == STATUS_MALFORMED ? "`model` takes the names of at most 20 models, joined by commas."
                                                     : NULL);
}

bool openapi_parts_answer(const struct openapi_parts *parts, struct http *http, const struct http_request *request)
{
    SCOPED(buffer_free) struct buffer words = {0};
    SCOPED(buffer_free) struct buffer json = {0};
    SCOPED(buffer_free) struct buffer headers = {0};
    char etag[OPENAPI_ETAG_SIZE];
    const char *known = http_header(request, "If-None-Match");
    bool is_there = false, is_read = request->method == HTTP_M_GET || request->method == HTTP_M_HEAD;
    if (!is_read || strcmp(request->path, OPENAPI_PATH) != 0)
        return false;
    bool is_fine = words_find(request->query, &words, &is_there);
    if (!is_there && is_fine)
        return false;
    enum status status =
        is_fine ? openapi_parts_print(parts, words.bytes ? words.bytes : "", &json, etag) : STATUS_MALFORMED;
    if (status != STATUS_OK) {
        refuse(http, request, status);
        return true;
    }
    http_answer_header(&headers, "ETag", etag);
    http_answer_header(&headers, "Cache-Control", "no-cache");
    struct http_answer answer = {.status = 304, .headers = headers.bytes};
    /* A tag with its quotes is found in no other, also in a weak one or a list. */
    if (!known || (strcmp(known, "*") != 0 && !strstr(known, etag))) {
        answer.status = 200;
        answer.content_type = "application/json";
        answer.body = json.bytes;
        answer.body_length = json.length;
    }
    http_answer(http, request->id, &answer);
    return true;
}
