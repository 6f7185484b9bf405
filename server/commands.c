/* commands.c: what administrators do from a shell: each subcommand is an action of the API, asked for as the machine's
 * administrator. They work while the server runs (through it) and while it does not. */
#include "commands.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "chat/demo.h"
#include "lib/json.h"
#include "lib/random.h"
#include "node.h"
#include "shell.h"

static int user_run(const struct settings *settings, int count, char **words);
static int group_run(const struct settings *settings, int count, char **words);
static int grant_run(const struct settings *settings, int count, char **words);
static int revoke_run(const struct settings *settings, int count, char **words);
static int audit_run(const struct settings *settings, int count, char **words);
static int backup_run(const struct settings *settings, int count, char **words);
static int demo_run(const struct settings *settings, int count, char **words);

const struct subcommand subcommands[] = {
    {"user",
     "add NAME [--admin] [--email=ADDRESS] [--password-stdin] | list [PREFIX] | disable NAME | enable NAME | "
     "password NAME [--password-stdin] | admin NAME yes|no",
     "add and change people; without --password-stdin a password is made up and printed", user_run},
    {"group", "add NAME | list | delete ID | join ID USER-ID | part ID USER-ID", "groups of people", group_run},
    {"grant", "list | SUBJECT MODEL RIGHTS [REASON]",
     "permissions: SUBJECT is everyone, members, user:ID or group:ID; RIGHTS is read,write,delete", grant_run},
    {"revoke", "GRANT-ID", "take a permission back (the id is in `parley grant list`)", revoke_run},
    {"audit", "", "who changed which permission, newest first", audit_run},
    {"backup", "FILE", "copy the data base to FILE, also while the server runs", backup_run},
    {"demo", "", "make a new data base with people and rooms to try; prints their passwords", demo_run},
    {0},
};

/* ---- helpers ---- */

static int usage_error(const char *words)
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

/* Ask; on success @answer holds the body. Exit code. */
static int ask(const struct settings *settings, enum http_method method, const char *path, const cJSON *body,
               struct buffer *answer)
{
    char why[512] = "";
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

static bool flag_take(int *count, char **words, const char *flag)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(words[i], flag) == 0) {
            memmove(&words[i], &words[i + 1], (size_t)(*count - i - 1) * sizeof *words);
            (*count)--;
            return true;
        }
    return false;
}

static const char *option_take(int *count, char **words, const char *prefix)
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

#define MADE_UP_IN_JSON "a password that is made up is not part of the JSON: give one with --password-stdin"
#define PASSWORD_SIZE   4200 /* more than the longest one in bytes, so that a longer one is refused and not cut */

/* A line of standard input, not shown while it is typed on a terminal. */
static void line_read(char line[PASSWORD_SIZE])
{
    struct termios shown, hidden;
    bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (is_terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fprintf(stderr, "Password: ");
    }
    if (!fgets(line, PASSWORD_SIZE, stdin))
        line[0] = '\0';
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
}

/* One that is made up, or a line of standard input without its end. False: it was complained. */
static bool password_get(bool reads, char password[PASSWORD_SIZE])
{
    char made_up[RANDOM_ID_SIZE];
    if (!reads) {
        snprintf(password, PASSWORD_SIZE, "%s", random_id(made_up));
        return true;
    }
    line_read(password);
    password[strcspn(password, "\r\n")] = '\0';
    if (!password[0])
        fprintf(stderr, "parley: no password came on standard input\n");
    return password[0] != '\0';
}

/* A word that is put into a path. */
static bool is_id(const char *word)
{
    size_t length = strlen(word);
    return length > 0 && length < 16 && strspn(word, "0123456789") == length;
}

static void query_append(struct buffer *path, const char *value)
{
    for (const char *at = value; *at; at++)
        buffer_printf(path, "%%%02X", (unsigned char)*at);
}

/* The id of the user called @name. */
static int user_find(const struct settings *settings, const char *name, int64_t *id)
{
    SCOPED(buffer_free) struct buffer path = {0};
    SCOPED(buffer_free) struct buffer answer = {0};
    buffer_text(&path, "user?limit=1&q="); /* of all names that begin so, the name itself is the first */
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

static void answer_print(const struct buffer *answer)
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

/* All items of a list, page by page, one line each, or as one JSON document. @path has a query, or the list is one
 * page. */
static int list_print(const struct settings *settings, const char *path, bool as_json)
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
        int64_t before;
        if (json_text(next)) {
            buffer_printf(&page, "%s&after=", path);
            query_append(&page, json_text(next));
        } else if (json_int(next, &before)) {
            buffer_printf(&page, "%s&before=%lld", path, (long long)before);
        }
    }
    if (as_json)
        printf("%s],\"next\":null}\n", gap[0] == ',' ? "" : gap);
    return EXIT_FINE;
}

/* ---- people ---- */

static int user_add(const struct settings *settings, int count, char **words)
{
    bool is_admin = flag_take(&count, words, "--admin"), reads = flag_take(&count, words, "--password-stdin");
    bool as_json = flag_take(&count, words, "--json");
    const char *email = option_take(&count, words, "--email=");
    char password[PASSWORD_SIZE];
    if (count != 1)
        return usage_error("user add takes one NAME");
    if (as_json && !reads)
        return usage_error(MADE_UP_IN_JSON);
    if (!password_get(reads, password))
        return EXIT_USAGE;
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    cJSON_AddStringToObject(body, "name", words[0]);
    cJSON_AddStringToObject(body, "password", password);
    if (email)
        cJSON_AddStringToObject(body, "email", email);
    if (is_admin)
        cJSON_AddBoolToObject(body, "superuser", true);
    int code = ask(settings, HTTP_M_POST, "user", body, &answer);
    if (code != EXIT_FINE)
        return code;
    if (as_json)
        answer_print(&answer);
    else if (reads)
        printf("%s was added\n", words[0]);
    else
        printf("%s was added with the password %s\n", words[0], password);
    return EXIT_FINE;
}

/* Change the user called @name; on success print @done, or the answer. */
static int user_patch(const struct settings *settings, const char *name, const cJSON *body, bool as_json,
                      const char *done)
{
    int64_t id = 0;
    char path[64];
    SCOPED(buffer_free) struct buffer answer = {0};
    int code = user_find(settings, name, &id);
    if (code != EXIT_FINE)
        return code;
    snprintf(path, sizeof path, "user/%lld", (long long)id);
    code = ask(settings, HTTP_M_PATCH, path, body, &answer);
    if (code == EXIT_FINE && as_json)
        answer_print(&answer);
    else if (code == EXIT_FINE)
        printf("%s %s\n", name, done);
    return code;
}

static int user_list(const struct settings *settings, const char *prefix, bool as_json)
{
    SCOPED(buffer_free) struct buffer path = {0};
    buffer_text(&path, "user?limit=50&q=");
    query_append(&path, prefix);
    return list_print(settings, path.bytes, as_json);
}

static int user_password(const struct settings *settings, const char *name, bool reads, bool as_json)
{
    char password[PASSWORD_SIZE], done[PASSWORD_SIZE + 40];
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    if (as_json && !reads)
        return usage_error(MADE_UP_IN_JSON);
    if (!password_get(reads, password))
        return EXIT_USAGE;
    snprintf(done, sizeof done, reads ? "has the new password" : "has the password %s", password);
    cJSON_AddStringToObject(body, "password", password);
    return user_patch(settings, name, body, as_json, done);
}

static int user_run(const struct settings *settings, int count, char **words)
{
    if (count < 1)
        return usage_error("user: add, list, disable, enable, password or admin");
    const char *what = words[0];
    if (strcmp(what, "add") == 0)
        return user_add(settings, count - 1, words + 1);
    bool as_json = flag_take(&count, words, "--json");
    bool reads = strcmp(what, "password") == 0 && flag_take(&count, words, "--password-stdin");
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    if (strcmp(what, "list") == 0 && count <= 2)
        return user_list(settings, count == 2 ? words[1] : "", as_json);
    if (strcmp(what, "password") == 0 && count == 2)
        return user_password(settings, words[1], reads, as_json);
    if (count == 2 && (strcmp(what, "disable") == 0 || strcmp(what, "enable") == 0)) {
        cJSON_AddBoolToObject(body, "disabled", what[0] == 'd');
        return user_patch(settings, words[1], body, as_json, what[0] == 'd' ? "was disabled" : "was enabled");
    }
    if (count == 3 && strcmp(what, "admin") == 0 && (strcmp(words[2], "yes") == 0 || strcmp(words[2], "no") == 0)) {
        bool is_admin = words[2][0] == 'y';
        cJSON_AddBoolToObject(body, "superuser", is_admin);
        return user_patch(settings, words[1], body, as_json,
                          is_admin ? "is an administrator" : "is no administrator any more");
    }
    return usage_error("user: these words are not understood");
}

/* ---- permissions ---- */

static int group_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    char path[96];
    int code = EXIT_USAGE;
    for (int i = 1; i < count && strcmp(words[0], "add") != 0; i++)
        if (!is_id(words[i]))
            return usage_error("group: groups and people are named by their ids");
    if (count == 1 && strcmp(words[0], "list") == 0)
        return list_print(settings, "group", as_json);
    if (count == 2 && strcmp(words[0], "add") == 0) {
        cJSON_AddStringToObject(body, "name", words[1]);
        code = ask(settings, HTTP_M_POST, "group", body, &answer);
    } else if (count == 2 && strcmp(words[0], "delete") == 0) {
        snprintf(path, sizeof path, "group/%s", words[1]);
        code = ask(settings, HTTP_M_DELETE, path, NULL, &answer);
    } else if (count == 3 && strcmp(words[0], "join") == 0) {
        snprintf(path, sizeof path, "group/%s/member", words[1]);
        cJSON_AddNumberToObject(body, "user", (double)strtoll(words[2], NULL, 10));
        code = ask(settings, HTTP_M_POST, path, body, &answer);
    } else if (count == 3 && strcmp(words[0], "part") == 0) {
        snprintf(path, sizeof path, "group/%s/member/%s", words[1], words[2]);
        code = ask(settings, HTTP_M_DELETE, path, NULL, &answer);
    } else {
        return usage_error("group: these words are not understood");
    }
    if (code == EXIT_FINE)
        answer_print(&answer);
    return code;
}

static int grant_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    if (count == 1 && strcmp(words[0], "list") == 0)
        return list_print(settings, "grant", as_json);
    if (count < 3 || count > 4)
        return usage_error("grant takes SUBJECT MODEL RIGHTS [REASON], or list");
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    cJSON_AddStringToObject(body, "subject", words[0]);
    cJSON_AddStringToObject(body, "model", words[1]);
    cJSON *rights = cJSON_AddArrayToObject(body, "rights");
    for (char *save = NULL, *word = strtok_r(words[2], ",", &save); word; word = strtok_r(NULL, ",", &save))
        cJSON_AddItemToArray(rights, cJSON_CreateString(word));
    if (count == 4)
        cJSON_AddStringToObject(body, "reason", words[3]);
    int code = ask(settings, HTTP_M_POST, "grant", body, &answer);
    if (code == EXIT_FINE)
        answer_print(&answer);
    return code;
}

static int revoke_run(const struct settings *settings, int count, char **words)
{
    char path[64];
    SCOPED(buffer_free) struct buffer answer = {0};
    if (count != 1 || !is_id(words[0]))
        return usage_error("revoke takes one GRANT-ID");
    snprintf(path, sizeof path, "grant/%s", words[0]);
    int code = ask(settings, HTTP_M_DELETE, path, NULL, &answer);
    if (code == EXIT_FINE)
        printf("taken back\n");
    return code;
}

static int audit_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    return count ? usage_error("audit takes no words") : list_print(settings, "audit?limit=200", as_json);
}

static int backup_run(const struct settings *settings, int count, char **words)
{
    if (count != 1)
        return usage_error("backup takes one FILE");
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    char folder[PATH_MAX], path[PATH_MAX * 2];
    if (words[0][0] == '/')
        snprintf(path, sizeof path, "%s", words[0]);
    else
        snprintf(path, sizeof path, "%s/%s", getcwd(folder, sizeof folder) ? folder : ".", words[0]);
    cJSON_AddStringToObject(body, "path", path);
    int code = ask(settings, HTTP_M_POST, "backup", body, &answer);
    if (code == EXIT_FINE)
        printf("copied to %s\n", path);
    return code;
}

/* ---- the demonstration ---- */

struct demo {
    struct store_job job;
    int64_t user_ids[8];
    size_t count;
    bool is_done;
};

static enum status demo_work(struct store_job *job, struct db *db)
{
    struct demo *demo = container_of(job, struct demo, job);
    return demo_rooms(db, demo->user_ids, demo->count);
}

static void demo_done(struct store_job *job)
{
    container_of(job, struct demo, job)->is_done = true;
}

static int demo_run(const struct settings *settings, int count, char **words)
{
    static const char *const names[] = {"admin", "ann", "bob", "eve"};
    (void)words;
    if (count)
        return usage_error("demo takes no words");
    if (access(settings->data_path, F_OK) == 0) {
        fprintf(stderr, "parley: %s exists already; a demonstration needs a new data base\n", settings->data_path);
        return EXIT_REFUSED;
    }
    struct demo demo = {.job = {.work = demo_work, .done = demo_done}};
    SCOPED(buffer_free) struct buffer text = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char password[RANDOM_ID_SIZE];
        SCOPED(json_free) cJSON *body = cJSON_CreateObject();
        SCOPED(buffer_free) struct buffer answer = {0};
        random_id(password);
        password[14] = '\0'; /* 84 bits are plenty, and it can be typed */
        cJSON_AddStringToObject(body, "name", names[i]);
        cJSON_AddStringToObject(body, "password", password);
        cJSON_AddBoolToObject(body, "superuser", i == 0);
        int code = ask(settings, HTTP_M_POST, "user", body, &answer);
        if (code != EXIT_FINE)
            return code;
        SCOPED(json_free) cJSON *user = cJSON_ParseWithLength(answer.bytes, answer.length);
        demo.user_ids[demo.count++] = json_get_int(user, "id", 0);
        buffer_printf(&text, "  %-6s %s%s\n", names[i], password, i == 0 ? "   (administrator)" : "");
    }
    struct node node;
    char why[512];
    if (!node_open(&node, settings, false, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_FAILED;
    }
    store_write(node.store, &demo.job);
    while (!demo.is_done)
        uv_run(&node.loop, UV_RUN_ONCE);
    node_close_store(&node);
    node_close(&node);
    if (demo.job.status != STATUS_OK)
        return EXIT_FAILED;
    printf("People who can sign in, with their passwords:\n%s", text.bytes ? text.bytes : "");
    return EXIT_FINE;
}
