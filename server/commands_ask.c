/* commands_ask.c: how a subcommand reads its words, asks, and prints the answer. */
#include "commands_ask.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shell.h"

int usage_error(const char *words)
{
    fprintf(stderr, "parley: %s; see --help\n", words);
    return EXIT_USAGE;
}

/* Print the problem document in one line. */
static void problem_show(const char *text)
{
    SCOPED(json_free) cJSON *problem = text ? json_parse(text, strlen(text), NULL) : NULL;
    const char *detail = json_get_text(problem, "detail");
    const cJSON *error;
    fprintf(stderr, "parley: %s", detail ? detail : "the server refused");
    cJSON_ArrayForEach (error, json_get(problem, "errors")) {
        const char *pointer = json_get_text(error, "pointer"), *what = json_get_text(error, "detail");
        fprintf(stderr, " (%s%s%s)", pointer && pointer[0] ? pointer + 1 : "", pointer && pointer[0] ? ": " : "",
                what ? what : "wrong");
    }
    fputc('\n', stderr);
}

int ask(const struct settings *settings, enum http_method method, const char *path, const cJSON *body,
        struct buffer *answer)
{
    char why[4096] = "";
    char *text = body ? json_print(body) : NULL;
    int status = shell_call(settings, method, path, text, answer, why, sizeof why);
    free(text);
    if (status == 0) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_FAILED;
    }
    if (status < 400)
        return EXIT_FINE;
    problem_show(answer->bytes);
    return status < 500 ? EXIT_REFUSED : EXIT_FAILED;
}

bool flag_take(int *count, char **words, const char *flag)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(words[i], flag) == 0) {
            memmove(&words[i], &words[i + 1], (size_t)(*count - i - 1) * sizeof *words);
            (*count)--;
            return true;
        }
    return false;
}

const char *option_take(int *count, char **words, const char *prefix)
{
    for (int i = 0; i < *count; i++)
        if (strncmp(words[i], prefix, strlen(prefix)) == 0) {
            const char *value = words[i] + strlen(prefix);
            memmove(&words[i], &words[i + 1], (size_t)(*count - i - 1) * sizeof *words);
            (*count)--;
            return value;
        }
    return NULL;
}

bool yes_read(const char *word, bool *is_yes)
{
    *is_yes = strcmp(word, "yes") == 0;
    return *is_yes || strcmp(word, "no") == 0;
}

bool is_id(const char *word)
{
    size_t length = strlen(word);
    return length > 0 && length < 16 && strspn(word, "0123456789") == length;
}

void query_append(struct buffer *path, const char *value)
{
    for (const char *at = value; *at; at++)
        buffer_printf(path, "%%%02X", (unsigned char)*at);
}

int user_find(const struct settings *settings, const char *name, int64_t *id)
{
    SCOPED(buffer_free) struct buffer path = {0};
    SCOPED(buffer_free) struct buffer answer = {0};
    buffer_text(&path, "user?fields=id,name&name[like]="); /* as two names are compared: small letters or capitals */
    query_append(&path, name);
    int code = ask(settings, HTTP_M_GET, path.bytes, NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    SCOPED(json_free) cJSON *list = cJSON_ParseWithLength(answer.bytes, answer.length);
    const cJSON *item;
    cJSON_ArrayForEach (item, json_get(list, "items")) {
        const char *found = json_get_text(item, "name");
        if (found && strcasecmp(found, name) == 0) {
            *id = json_get_int(item, "id", 0);
            return EXIT_FINE;
        }
    }
    fprintf(stderr, "parley: there is no user called %s; see `parley user list`\n", name);
    return EXIT_REFUSED;
}

int user_id_find(const struct settings *settings, const char *word, int64_t *id)
{
    if (!is_id(word))
        return user_find(settings, word, id);
    *id = strtoll(word, NULL, 10);
    return EXIT_FINE;
}

int group_id_find(const struct settings *settings, const char *word, int64_t *id)
{
    SCOPED(buffer_free) struct buffer path = {0};
    SCOPED(buffer_free) struct buffer answer = {0};
    if (is_id(word)) {
        *id = strtoll(word, NULL, 10);
        return EXIT_FINE;
    }
    buffer_text(&path, "group?name=");
    query_append(&path, word);
    int code = ask(settings, HTTP_M_GET, path.bytes, NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    SCOPED(json_free) cJSON *list = cJSON_ParseWithLength(answer.bytes, answer.length);
    const cJSON *item;
    cJSON_ArrayForEach (item, json_get(list, "items"))
        if (strcmp(json_get_text(item, "name"), word) == 0) {
            *id = json_get_int(item, "id", 0);
            return EXIT_FINE;
        }
    fprintf(stderr, "parley: there is no group called %s; see `parley group list`\n", word);
    return EXIT_REFUSED;
}

void answer_print(const struct buffer *answer)
{
    printf("%s\n", answer->length ? answer->bytes : "done");
}

/* An item of a list, as a line. */
static void item_print(const cJSON *item)
{
    const char *gap = "";
    for (const cJSON *field = item->child; field; field = field->next) {
        char *text = cJSON_IsString(field) ? NULL : json_print(field);
        printf("%s%s=%s", gap, field->string, text ? text : cJSON_IsString(field) ? field->valuestring : "?");
        free(text);
        gap = "  ";
    }
    putchar('\n');
}

/* The same as JSON behind @gap; returns what comes before the next one. */
static const char *item_print_json(const cJSON *item, const char *gap)
{
    char *text = json_print(item);
    printf("%s%s", gap, text ? text : "null");
    free(text);
    return ",";
}

int list_print(const struct settings *settings, const char *path, const char *cursor, bool as_json)
{
    SCOPED(buffer_free) struct buffer page = {0};
    buffer_text(&page, path);
    const char *gap = "{\"items\":[";
    while (page.length) {
        SCOPED(buffer_free) struct buffer answer = {0};
        int code = ask(settings, HTTP_M_GET, page.bytes, NULL, &answer);
        if (code != EXIT_FINE)
            return code;
        SCOPED(json_free) cJSON *list = cJSON_ParseWithLength(answer.bytes, answer.length);
        const cJSON *item, *next = json_get(list, "next");
        cJSON_ArrayForEach (item, json_get(list, "items")) {
            if (as_json)
                gap = item_print_json(item, gap);
            else
                item_print(item);
        }
        buffer_clear(&page);
        int64_t id;
        if (json_text(next)) {
            buffer_printf(&page, "%s&%s=", path, cursor);
            query_append(&page, json_text(next));
        } else if (json_int(next, &id)) {
            buffer_printf(&page, "%s&%s=%lld", path, cursor, (long long)id);
        }
    }
    if (as_json)
        printf("%s],\"next\":null}\n", gap[0] == ',' ? "" : gap);
    return EXIT_FINE;
}
