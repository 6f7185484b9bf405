/* base/model.c: all models: read, joined with each other, found. What one file says is read in model_read.c. */
#include "base/model.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/model_builtin.h"
#include "base/model_read.h"
#include "base/rule.h"
#include "base/sql.h"

#define FILE_BYTES_MAX (256 * 1024)
/* SQLite binds 1000 values to one statement; the rest is for the filters and the order of a list. */
#define RULES_VALUES_MAX 500

/* A model and what its pointers point into. */
struct entry {
    struct model model;
    char *name, *file; /* "news", "schema/news.json" */
    cJSON *json;
};

struct models {
    struct entry *entries[MODELS_MAX]; /* in the order of their names */
    size_t count;
    struct relations *relations;
};

/* First words of addresses that are no models, and tables of the program that are none: a model of that name would
 * hide them or clash with them. */
static const char *const reserved_names[] = {
    "account",    "acl",       "admin", "backup",          "batch",      "channel",     "direct",   "docs",
    "event",      "feed",      "file",  "group_member",    "health",     "idempotency", "login",    "logout",
    "me",         "migration", "model", "message_indexed", "model_seen", "reaction",    "register", "schema_migration",
    "setting",    "setup",     "token", "unread",          "history",    "mention",     "pin",      "ops",
    "connection",
};

static bool read_as(struct models *models, const char *file, const char *name, const char *text, size_t length,
                    bool is_builtin, char *why, size_t why_size);
static bool name_check(const struct models *models, const char *file, const char *name, bool is_builtin, char *why,
                       size_t why_size);
static struct entry *entry_new(const char *file, const char *name);
static void entry_free(struct entry *entry);
DEFINE_SCOPED(struct entry *, entry_free)
static bool entry_parse(struct entry *entry, const char *text, size_t length, char *why, size_t why_size);
static void entry_insert(struct models *models, struct entry *entry);
static struct entry *entry_find(const struct models *models, const char *name);
static bool read_path(struct models *models, const char *folder, const char *file, char *why, size_t why_size);
static char *file_text(const char *path, size_t *length, char *why, size_t why_size);
static int is_model_file(const struct dirent *file);
static int compare_files(const struct dirent **a, const struct dirent **b);
static bool references_finish(const struct models *models, const struct reading *reading, const struct model *model);
static bool rules_finish(const struct models *models, const struct reading *reading, struct model *model);
static bool rule_finish(const struct models *models, const struct reading *reading, const struct model *model,
                        const cJSON *json, struct rule **rule);
static bool rules_fit(const struct reading *reading, const struct model *model);

struct models *models_new(void)
{
    SCOPED(models_free) struct models *models = calloc(1, sizeof *models);
    if (!models || !(models->relations = calloc(1, sizeof *models->relations)))
        return NULL;
    return TAKE(models);
}

void models_free(struct models *models)
{
    if (!models)
        return;
    for (size_t i = 0; i < models->count; i++)
        entry_free(models->entries[i]);
    free(models->relations);
    free(models);
}

/* ---- reading ---- */

bool models_read(struct models *models, const char *name, const char *text, size_t length, bool is_builtin, char *why,
                 size_t why_size)
{
    char file[MODEL_NAME_MAX * 2];
    snprintf(file, sizeof file, "%s%s.json", is_builtin ? "schema/builtin/" : "", name);
    return read_as(models, file, name, text, length, is_builtin, why, why_size);
}

static bool read_as(struct models *models, const char *file, const char *name, const char *text, size_t length,
                    bool is_builtin, char *why, size_t why_size)
{
    if (!name_check(models, file, name, is_builtin, why, why_size))
        return false;
    SCOPED(entry_free) struct entry *entry = entry_new(file, name);
    if (!entry) {
        snprintf(why, why_size, "%s: there is no memory for it", file);
        return false;
    }
    if (!entry_parse(entry, text, length, why, why_size))
        return false;
    struct reading reading = {entry->file, entry->json, is_builtin, why, why_size};
    if (!model_read(&reading, entry->name, &entry->model))
        return false;
    entry_insert(models, TAKE(entry));
    return true;
}

static bool name_check(const struct models *models, const char *file, const char *name, bool is_builtin, char *why,
                       size_t why_size)
{
    const char *reason = NULL;
    bool is_reserved = strncmp(name, "sqlite_", 7) == 0 || strstr(name, "_search"); /* tables of full-text search */
    for (size_t i = 0; i < ARRAY_LENGTH(reserved_names); i++)
        is_reserved = is_reserved || strcmp(name, reserved_names[i]) == 0;
    if (!name_is_valid(name))
        reason = "the name of a model is 1 to 40 small letters, digits and \"_\", first a letter";
    else if (is_reserved && !is_builtin)
        reason = "this name is reserved: choose another for the model";
    else if (entry_find(models, name))
        reason = "there is a model of this name already";
    else if (models->count == MODELS_MAX)
        reason = "there are too many models";
    if (reason)
        snprintf(why, why_size, "%s: %s", file, reason);
    return !reason;
}

static struct entry *entry_new(const char *file, const char *name)
{
    SCOPED(entry_free) struct entry *entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->file = strdup(file)) || !(entry->name = strdup(name)))
        return NULL;
    return TAKE(entry);
}

static void entry_free(struct entry *entry)
{
    if (!entry)
        return;
    model_clear(&entry->model);
    json_free(entry->json);
    free(entry->name);
    free(entry->file);
    free(entry);
}

static bool entry_parse(struct entry *entry, const char *text, size_t length, char *why, size_t why_size)
{
    size_t offset = 0;
    const char *reason = json_check_place(text, length, &offset);
    if (!reason && (entry->json = json_parse(text, length, &reason)))
        return true;
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    snprintf(why, why_size, "%s: at line %zu, column %zu: %s", entry->file, line, column, reason);
    return false;
}

static void entry_insert(struct models *models, struct entry *entry)
{
    size_t place = models->count++;
    for (; place > 0 && strcmp(models->entries[place - 1]->name, entry->name) > 0; place--)
        models->entries[place] = models->entries[place - 1];
    models->entries[place] = entry;
}

bool models_read_builtin(struct models *models, char *why, size_t why_size)
{
    for (size_t i = 0; i < model_texts_count; i++)
        if (!models_read(models, model_texts[i].name, model_texts[i].text, strlen(model_texts[i].text), true, why,
                         why_size))
            return false;
    return true;
}

bool models_read_folder(struct models *models, const char *folder, char *why, size_t why_size)
{
    struct dirent **files = NULL;
    if (folder[0] == '\0')
        return true;
    int count = scandir(folder, &files, is_model_file, compare_files);
    if (count < 0) {
        snprintf(why, why_size, "%s: cannot read this folder of models: %s", folder, strerror(errno));
        return false;
    }
    bool is_ok = true;
    for (int i = 0; i < count; i++) {
        is_ok = is_ok && read_path(models, folder, files[i]->d_name, why, why_size);
        free(files[i]);
    }
    free(files);
    return is_ok;
}

static bool read_path(struct models *models, const char *folder, const char *file, char *why, size_t why_size)
{
    SCOPED(buffer_free) struct buffer path = {0};
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    buffer_printf(&path, "%s%s%s", folder, slash, file);
    char *name = strndup(file, strlen(file) - strlen(".json"));
    size_t length = 0;
    char *text = path.has_failed || !name ? NULL : file_text(path.bytes, &length, why, why_size);
    bool is_ok = text && read_as(models, path.bytes, name, text, length, false, why, why_size);
    if (path.has_failed || !name)
        snprintf(why, why_size, "%s: there is no memory for it", file);
    free(text);
    free(name);
    return is_ok;
}

/* The whole file, the caller's to free(). */
static char *file_text(const char *path, size_t *length, char *why, size_t why_size)
{
    SCOPED(buffer_free) struct buffer text = {0};
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(why, why_size, "%s: cannot read it: %s", path, strerror(errno));
        return NULL;
    }
    size_t count = 1;
    errno = 0;
    while (count > 0 && text.length <= FILE_BYTES_MAX && buffer_reserve(&text, 4096)) {
        count = fread(text.bytes + text.length, 1, 4096, file);
        text.length += count;
        text.bytes[text.length] = '\0';
    }
    const char *reason = ferror(file)                   ? strerror(errno)
                         : text.length > FILE_BYTES_MAX ? "it is too large for a model"
                         : text.has_failed              ? "there is no memory for it"
                                                        : NULL;
    fclose(file);
    if (!reason)
        return buffer_take(&text, length);
    snprintf(why, why_size, "%s: cannot read it: %s", path, reason);
    return NULL;
}

static int is_model_file(const struct dirent *file)
{
    size_t length = strlen(file->d_name);
    return file->d_name[0] != '.' && length > 5 && strcmp(file->d_name + length - 5, ".json") == 0;
}

/* By bytes: the same order in every language. */
static int compare_files(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- what needs all models ---- */

bool models_finish(struct models *models, char *why, size_t why_size)
{
    for (size_t i = 0; i < models->count; i++) {
        struct entry *entry = models->entries[i];
        struct reading reading = {entry->file, entry->json, entry->model.is_builtin, why, why_size};
        if (!references_finish(models, &reading, &entry->model) || !rules_finish(models, &reading, &entry->model))
            return false;
    }
    return true;
}

static bool references_finish(const struct models *models, const struct reading *reading, const struct model *model)
{
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        const struct field *field = &model->fields[i];
        if (!field->references)
            continue;
        const cJSON *json = json_get(json_get(reading->root, "properties"), field->name);
        const struct model *target = models_find(models, field->references);
        if (!target)
            return reading_fail(reading, json_get(json, "x-references"), "there is no model \"%s\"", field->references);
        /* A row that is referred to is looked at as a whole; the program's own actions do it in their own way. */
        for (size_t own = FIELD_ID; own < (model->is_builtin ? FIELD_ID + 1 : FIELDS_OWN); own++)
            if (!target->fields[own].column)
                return reading_fail(reading, json_get(json, "x-references"), "rows of \"%s\" have no %s to refer to",
                                    field->references, target->fields[own].name);
    }
    return true;
}

static bool rules_finish(const struct models *models, const struct reading *reading, struct model *model)
{
    static const char *const words[MODEL_RULES] = {"read", "create", "update", "delete"};
    const cJSON *rules = json_get(reading->root, "x-rules"), *fields = json_get(reading->root, "x-fields");
    for (size_t i = 0; i < MODEL_RULES; i++)
        if (!rule_finish(models, reading, model, json_get(rules, words[i]), &model->rules[i]))
            return false;
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        struct field *field = &model->fields[i];
        const cJSON *json = json_get(fields, field->name);
        if (!rule_finish(models, reading, model, json_get(json, "read"), &field->read) ||
            !rule_finish(models, reading, model, json_get(json, "write"), &field->write))
            return false;
    }
    return rules_fit(reading, model);
}

/* One statement asks all rules of a row. */
static bool rules_fit(const struct reading *reading, const struct model *model)
{
    static const struct actor somebody = {.user_id = 1};
    const struct asker asker = {.actor = &somebody};
    SCOPED(sql_free) struct sql sql = {0};
    for (size_t i = 0; i < MODEL_RULES; i++)
        rule_sql(model->rules[i], "r", &asker, &sql);
    for (size_t i = FIELDS_OWN; i < model->fields_count; i++) {
        rule_sql(model->fields[i].read, "r", &asker, &sql);
        rule_sql(model->fields[i].write, "r", &asker, &sql);
    }
    if (sql.has_failed || sql.text.has_failed)
        return reading_fail(reading, reading->root, "there is no memory for it");
    if (sql.count > RULES_VALUES_MAX)
        return reading_fail(reading, reading->root, "its rules compare with %zu values; at most %d are allowed",
                            sql.count, RULES_VALUES_MAX);
    return true;
}

static bool rule_finish(const struct models *models, const struct reading *reading, const struct model *model,
                        const cJSON *json, struct rule **rule)
{
    char why[512] = "";
    if (!json)
        return true;
    *rule = rule_parse(json, model, models, why, sizeof why);
    return *rule ? true : reading_fail_below(reading, json, why);
}

/* ---- finding ---- */

const struct model *models_find(const struct models *models, const char *name)
{
    struct entry *entry = entry_find(models, name);
    return entry ? &entry->model : NULL;
}

static struct entry *entry_find(const struct models *models, const char *name)
{
    size_t low = 0, high = models->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, models->entries[middle]->name);
        if (order == 0)
            return models->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t models_count(const struct models *models)
{
    return models->count;
}

const struct model *models_at(const struct models *models, size_t index)
{
    return &models->entries[index]->model;
}

void models_set_hooks(struct models *models, const char *name, const struct model_hooks *hooks, void *app)
{
    struct entry *entry = entry_find(models, name);
    assert(entry); /* the built-in models travel in the program */
    entry->model.hooks = hooks;
    entry->model.app = app;
}

const struct field *model_field(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->fields_count; i++)
        if (strcmp(model->fields[i].name, name) == 0)
            return &model->fields[i];
    return NULL;
}

struct relations *models_relations(const struct models *models)
{
    return models->relations;
}
