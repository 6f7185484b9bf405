/* commands.c: what administrators do from a shell: each subcommand is an action of the API, asked for as the machine's
 * administrator. They work while the server runs (through it) and while it does not. */
#include "commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "chat/demo.h"
#include "commands_acl.h"
#include "commands_ask.h"
#include "commands_data.h"
#include "lib/json.h"
#include "lib/random.h"
#include "node.h"

static int backup_run(const struct settings *settings, int count, char **words);
static int demo_run(const struct settings *settings, int count, char **words);

const struct subcommand subcommands[] = {
    {"user",
     "add NAME [--admin] [--email=ADDRESS] [--password-stdin] | list [PREFIX] | "
     "set NAME [--admin=yes|no] [--disabled=yes|no] [--password-stdin] | disable NAME | enable NAME | "
     "password NAME [--password-stdin] | admin NAME yes|no",
     "add and change people; without --password-stdin a password is made up and printed", user_run},
    {"group", "add NAME | list | show GROUP | rename GROUP NAME | remove GROUP | join GROUP USER | part GROUP USER",
     "groups of people; GROUP and USER are ids or names", group_run},
    {"grant",
     "list [--user=USER] [--group=GROUP] [--model=MODEL] [--subject=SUBJECT] | "
     "give SUBJECT MODEL RIGHTS [--until=2027-01-31T12:00:00Z] [--reason=WORDS] [--dry-run] | "
     "take GRANT-ID [--reason=WORDS] [--dry-run] | take SUBJECT MODEL [--reason=WORDS] [--dry-run] | "
     "SUBJECT MODEL RIGHTS [REASON]",
     "permissions: SUBJECT is everyone, members, user:NAME or group:NAME; RIGHTS is read,write,delete,grant",
     grant_run},
    {"revoke", "GRANT-ID [--reason=WORDS] [--dry-run]", "take a permission back (the id is in `parley grant list`)",
     revoke_run},
    {"explain", "USER MODEL ACTION [ID]",
     "may somebody (or: anonymous) read, write, delete or grant, and why; ID is of a row", explain_run},
    {"who", "MODEL RIGHT [ID]", "who may do something with a model, or with one of its rows", who_run},
    {"audit", "[list] [--action=WORD] [--user=USER] [--since=ID] | verify",
     "who changed which permission, newest first; verify: is the record whole (3: it is not)", audit_run},
    {"backup", "FILE [--json]", "copy the data base to FILE, also while the server runs", backup_run},
    {"restore", "FILE [--force] [--json]", "put a backup in the place of the data base, while no server runs",
     restore_run},
    {"migrate", "[--dry-run] [--json]",
     "bring the tables up to the files of the models; --dry-run: only say what would be done", migrate_run},
    {"demo", "", "make a new data base with people and rooms to try; prints their passwords", demo_run},
    {0},
};

static int backup_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    if (count != 1 || words[0][0] == '-')
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
    char *json = as_json && code == EXIT_FINE ? json_print(body) : NULL;
    if (code == EXIT_FINE)
        printf(json ? "%s\n" : "copied to %s\n", json ? json : path);
    free(json);
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
    enum status status = demo_rooms(db, demo->user_ids, demo->count);
    return status == STATUS_OK ? demo_rows(db, demo->user_ids, demo->count) : status;
}

static void demo_done(struct store_job *job)
{
    container_of(job, struct demo, job)->is_done = true;
}

/* A group of two who write the news. With models of one's own there may be no news: then there is only the group. */
static int demo_group(const struct settings *settings, const struct demo *demo)
{
    SCOPED(buffer_free) struct buffer made = {0}, joined = {0}, models = {0}, granted = {0};
    SCOPED(json_free) cJSON *group = cJSON_CreateObject();
    cJSON_AddStringToObject(group, "name", "editors");
    int code = ask(settings, HTTP_M_POST, "group", group, &made);
    SCOPED(json_free) cJSON *answer = cJSON_ParseWithLength(made.bytes, made.length);
    long long id = (long long)json_get_int(answer, "id", 0);
    for (size_t i = 1; i <= 2 && code == EXIT_FINE; i++) {
        char path[64];
        SCOPED(json_free) cJSON *member = cJSON_CreateObject();
        snprintf(path, sizeof path, "group/%lld/member", id);
        cJSON_AddNumberToObject(member, "user", (double)demo->user_ids[i]);
        code = ask(settings, HTTP_M_POST, path, member, &joined);
    }
    if (code == EXIT_FINE)
        code = ask(settings, HTTP_M_GET, "model", NULL, &models);
    if (code != EXIT_FINE || !models.bytes || !strstr(models.bytes, "\"name\":\"news\""))
        return code;
    char subject[64];
    SCOPED(json_free) cJSON *grant = cJSON_CreateObject();
    snprintf(subject, sizeof subject, "group:%lld", id);
    cJSON_AddStringToObject(grant, "subject", subject);
    cJSON_AddStringToObject(grant, "model", "news");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(grant, "rights"), cJSON_CreateString("write"));
    cJSON_AddStringToObject(grant, "reason", "they write the news");
    return ask(settings, HTTP_M_POST, "grant", grant, &granted);
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
    int code = demo_group(settings, &demo);
    if (code != EXIT_FINE)
        return code;
    struct node node;
    char why[4096];
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
