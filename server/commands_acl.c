/* commands_acl.c: `parley group`, `grant`, `revoke`, `explain`, `who` and `audit`. */
#include "commands_acl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commands_ask.h"

static int grant_give(const struct settings *settings, int count, char **words, bool as_json);
static int grant_send(const struct settings *settings, const cJSON *body, bool as_json);
static void grant_say(const cJSON *grant);
static int grant_take_back(const struct settings *settings, int count, char **words, bool as_json);
static int grant_id_take(const struct settings *settings, const char *id, const char *reason, bool is_trial,
                         bool as_json);
static int changes_try(const struct settings *settings, cJSON *change, bool as_json);
static void explain_say(const cJSON *answer, const char *user, char **words, int count);
static int audit_verify(const struct settings *settings, bool as_json);

/* ---- groups ---- */

static int group_ask(const struct settings *settings, enum http_method method, const char *word, const char *member,
                     const cJSON *body, struct buffer *answer)
{
    char path[96];
    int64_t id = 0, user_id = 0;
    int code = group_id_find(settings, word, &id);
    if (code == EXIT_FINE && member)
        code = user_id_find(settings, member, &user_id);
    if (code != EXIT_FINE)
        return code;
    if (member && method == HTTP_M_POST) {
        SCOPED(json_free) cJSON *user = cJSON_CreateObject();
        cJSON_AddNumberToObject(user, "user", (double)user_id);
        snprintf(path, sizeof path, "group/%lld/member", (long long)id);
        return ask(settings, method, path, user, answer);
    }
    if (member)
        snprintf(path, sizeof path, "group/%lld/member/%lld", (long long)id, (long long)user_id);
    else
        snprintf(path, sizeof path, "group/%lld", (long long)id);
    return ask(settings, method, path, body, answer);
}

int group_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    const char *what = count ? words[0] : "";
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    int code = EXIT_USAGE;
    if (count == 1 && strcmp(what, "list") == 0)
        return list_print(settings, "group?limit=200", "after", as_json);
    if (count == 2 && strcmp(what, "add") == 0) {
        cJSON_AddStringToObject(body, "name", words[1]);
        code = ask(settings, HTTP_M_POST, "group", body, &answer);
    } else if (count == 2 && strcmp(what, "show") == 0) {
        code = group_ask(settings, HTTP_M_GET, words[1], NULL, NULL, &answer);
    } else if (count == 3 && strcmp(what, "rename") == 0) {
        cJSON_AddStringToObject(body, "name", words[2]);
        code = group_ask(settings, HTTP_M_PATCH, words[1], NULL, body, &answer);
    } else if (count == 2 && (strcmp(what, "remove") == 0 || strcmp(what, "delete") == 0)) {
        code = group_ask(settings, HTTP_M_DELETE, words[1], NULL, NULL, &answer);
    } else if (count == 3 && strcmp(what, "join") == 0) {
        code = group_ask(settings, HTTP_M_POST, words[1], words[2], NULL, &answer);
    } else if (count == 3 && strcmp(what, "part") == 0) {
        code = group_ask(settings, HTTP_M_DELETE, words[1], words[2], NULL, &answer);
    } else {
        return usage_error("group: add, list, show, rename, remove, join or part");
    }
    if (code == EXIT_FINE)
        answer_print(&answer);
    return code;
}

/* ---- grants ---- */

static void filter_append(struct buffer *path, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(path, "&%s=", name);
    query_append(path, value);
}

/* The filter @name by the id of what the option @prefix names; without the option none. Exit code. */
static int id_filter_take(const struct settings *settings, int *count, char **words, const char *prefix,
                          int (*find)(const struct settings *settings, const char *word, int64_t *id), const char *name,
                          struct buffer *path)
{
    int64_t id = 0;
    const char *word = option_take(count, words, prefix);
    int code = word ? find(settings, word, &id) : EXIT_FINE;
    if (word && code == EXIT_FINE)
        buffer_printf(path, "&%s=%lld", name, (long long)id);
    return code;
}

static int grant_list(const struct settings *settings, int count, char **words, bool as_json)
{
    SCOPED(buffer_free) struct buffer path = {0};
    buffer_text(&path, "grant?limit=10000");
    int code = id_filter_take(settings, &count, words, "--user=", user_id_find, "user", &path);
    if (code == EXIT_FINE)
        code = id_filter_take(settings, &count, words, "--group=", group_id_find, "group", &path);
    if (code != EXIT_FINE)
        return code;
    filter_append(&path, "model", option_take(&count, words, "--model="));
    filter_append(&path, "subject", option_take(&count, words, "--subject="));
    return count ? usage_error("grant list takes --user, --group, --model and --subject only")
                 : list_print(settings, path.bytes, "after", as_json);
}

int grant_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    const char *what = count ? words[0] : "";
    if (strcmp(what, "list") == 0)
        return grant_list(settings, count - 1, words + 1, as_json);
    if (strcmp(what, "take") == 0)
        return grant_take_back(settings, count - 1, words + 1, as_json);
    if (strcmp(what, "give") == 0)
        return grant_give(settings, count - 1, words + 1, as_json);
    return grant_give(settings, count, words, true);
}

/* SUBJECT MODEL RIGHTS [REASON], in what the API takes. NULL: they are not three or four. */
static cJSON *grant_body(int count, char **words)
{
    if (count < 3 || count > 4)
        return NULL;
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "subject", words[0]);
    cJSON_AddStringToObject(body, "model", words[1]);
    cJSON *rights = cJSON_AddArrayToObject(body, "rights");
    for (char *save = NULL, *word = strtok_r(words[2], ",", &save); word; word = strtok_r(NULL, ",", &save))
        cJSON_AddItemToArray(rights, cJSON_CreateString(word));
    if (count == 4)
        cJSON_AddStringToObject(body, "reason", words[3]);
    return body;
}

static int grant_give(const struct settings *settings, int count, char **words, bool as_json)
{
    const char *until = option_take(&count, words, "--until="), *reason = option_take(&count, words, "--reason=");
    bool is_trial = flag_take(&count, words, "--dry-run");
    SCOPED(json_free) cJSON *body = grant_body(count, words);
    if (!body || (count == 4 && reason))
        return usage_error("grant takes list, give, take, or SUBJECT MODEL RIGHTS [REASON]");
    if (is_trial && until)
        return usage_error("--dry-run counts what would change at once: leave --until out");
    if (is_trial)
        return changes_try(settings, body, as_json);
    if (until)
        cJSON_AddStringToObject(body, "until", until);
    if (reason)
        cJSON_AddStringToObject(body, "reason", reason);
    return grant_send(settings, body, as_json);
}

static int grant_send(const struct settings *settings, const cJSON *body, bool as_json)
{
    SCOPED(buffer_free) struct buffer answer = {0};
    int code = ask(settings, HTTP_M_POST, "grant", body, &answer);
    if (code != EXIT_FINE)
        return code;
    if (as_json) {
        answer_print(&answer);
        return EXIT_FINE;
    }
    SCOPED(json_free) cJSON *grant = cJSON_ParseWithLength(answer.bytes, answer.length);
    grant_say(grant);
    return EXIT_FINE;
}

static void grant_say(const cJSON *grant)
{
    const cJSON *right, *rights = json_get(grant, "rights");
    const char *subject = json_get_text(grant, "subject"), *model = json_get_text(grant, "model");
    const char *until = json_get_text(grant, "until"), *gap = "";
    if (!cJSON_GetArraySize(rights)) {
        /* Not that nothing is possible any more: somebody may still be a member, or in a group. */
        printf("the grant to %s on %s is taken back; what other grants give stays\n", subject, model);
        return;
    }
    printf("%s may ", subject);
    cJSON_ArrayForEach (right, rights) {
        printf("%s%s", gap, json_text(right));
        gap = ", ";
    }
    printf(" %s", model);
    if (until)
        printf(" until %s", until);
    printf(" (grant %lld)\n", (long long)json_get_int(grant, "id", 0));
}

/* ---- take back ---- */

static int grant_take_back(const struct settings *settings, int count, char **words, bool as_json)
{
    const char *reason = option_take(&count, words, "--reason=");
    bool is_trial = flag_take(&count, words, "--dry-run");
    if (count == 1 && is_id(words[0]))
        return grant_id_take(settings, words[0], reason, is_trial, as_json);
    if (count != 2)
        return usage_error("grant take takes a GRANT-ID, or SUBJECT MODEL; and --reason and --dry-run");
    char none[] = "";
    char *all[] = {words[0], words[1], none};
    SCOPED(json_free) cJSON *body = grant_body(3, all);
    if (is_trial)
        return changes_try(settings, body, as_json);
    if (reason)
        cJSON_AddStringToObject(body, "reason", reason);
    return grant_send(settings, body, as_json);
}

int revoke_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json"), is_trial = flag_take(&count, words, "--dry-run");
    const char *reason = option_take(&count, words, "--reason=");
    if (count != 1 || !is_id(words[0]))
        return usage_error("revoke takes one GRANT-ID; and --reason and --dry-run");
    return grant_id_take(settings, words[0], reason, is_trial, as_json);
}

/* What taking it would do: a dry run knows a grant by whose it is and on what. */
static int grant_id_try(const struct settings *settings, const char *path, bool as_json)
{
    SCOPED(buffer_free) struct buffer answer = {0};
    int code = ask(settings, HTTP_M_GET, path, NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    SCOPED(json_free) cJSON *grant = cJSON_ParseWithLength(answer.bytes, answer.length);
    SCOPED(json_free) cJSON *change = cJSON_CreateObject();
    const char *subject = json_get_text(grant, "subject"), *model = json_get_text(grant, "model");
    cJSON_AddStringToObject(change, "subject", subject ? subject : "");
    cJSON_AddStringToObject(change, "model", model ? model : "");
    cJSON_AddArrayToObject(change, "rights");
    return changes_try(settings, change, as_json);
}

static int grant_id_take(const struct settings *settings, const char *id, const char *reason, bool is_trial,
                         bool as_json)
{
    char path[64];
    snprintf(path, sizeof path, "grant/%s", id);
    if (is_trial)
        return grant_id_try(settings, path, as_json);
    SCOPED(buffer_free) struct buffer answer = {0};
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    if (reason)
        cJSON_AddStringToObject(body, "reason", reason);
    int code = ask(settings, HTTP_M_DELETE, path, body, &answer);
    if (code == EXIT_FINE && as_json)
        answer_print(&answer);
    else if (code == EXIT_FINE)
        printf("taken back\n");
    return code;
}

/* What a change would do, without doing it. */
static int changes_try(const struct settings *settings, cJSON *change, bool as_json)
{
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    SCOPED(buffer_free) struct buffer answer = {0};
    cJSON *list = cJSON_AddArrayToObject(body, "changes");
    cJSON_DeleteItemFromObject(change, "reason");
    cJSON_AddItemToArray(list, cJSON_Duplicate(change, true));
    int code = ask(settings, HTTP_M_POST, "acl/dry_run", body, &answer);
    if (code != EXIT_FINE || as_json) {
        if (code == EXIT_FINE)
            answer_print(&answer);
        return code;
    }
    SCOPED(json_free) cJSON *counts = cJSON_ParseWithLength(answer.bytes, answer.length);
    printf("nothing was changed; people who would lose something: %lld, gain something: %lld; open subscriptions that "
           "would be cut off: %lld\n",
           (long long)json_get_int(counts, "people", 0), (long long)json_get_int(counts, "gain", 0),
           (long long)json_get_int(counts, "subscriptions", 0));
    return EXIT_FINE;
}

/* ---- why, and who ---- */

int explain_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    SCOPED(buffer_free) struct buffer path = {0};
    SCOPED(buffer_free) struct buffer answer = {0};
    if (count < 3 || count > 4 || (count == 4 && !is_id(words[3])))
        return usage_error("explain takes USER MODEL ACTION [ID]");
    buffer_text(&path, "acl/explain?user=");
    query_append(&path, words[0]);
    filter_append(&path, "model", words[1]);
    filter_append(&path, "action", words[2]);
    filter_append(&path, "id", count == 4 ? words[3] : NULL);
    int code = ask(settings, HTTP_M_GET, path.bytes, NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    if (as_json) {
        answer_print(&answer);
        return EXIT_FINE;
    }
    SCOPED(json_free) cJSON *json = cJSON_ParseWithLength(answer.bytes, answer.length);
    const char *name = json_get_text(json_get(json, "user"), "name");
    explain_say(json, name ? name : "who is not signed in", words, count);
    return EXIT_FINE;
}

/* One grant that says yes. */
static void origin_say(const cJSON *from)
{
    const char *subject = json_get_text(from, "subject"), *name = json_get_text(from, "name");
    const char *until = json_get_text(from, "until"), *reason = json_get_text(from, "reason");
    const char *giver = json_get_text(json_get(from, "granted_by"), "name");
    printf("  yes: grant %lld to %s%s%s", (long long)json_get_int(from, "grant", 0), subject ? subject : "?",
           name ? " " : "", name ? name : "");
    if (giver)
        printf(", given by %s", giver);
    if (until)
        printf(", until %s", until);
    if (reason && reason[0])
        printf(": %s", reason);
    putchar('\n');
}

/* A rule and its parts, each a line further in than what it belongs to. */
static void rule_say(const cJSON *rule, int depth)
{
    const cJSON *part, *found = json_get(rule, "found");
    char *text = json_print(json_get(rule, "rule")), *value = found ? json_print(found) : NULL;
    printf("%*s%s: %s", depth * 2, "", json_get_bool(rule, "holds") ? "yes" : "no", text ? text : "?");
    if (value)
        printf(" (it is %s)", value);
    putchar('\n');
    free(text);
    free(value);
    cJSON_ArrayForEach (part, json_get(rule, "parts"))
        rule_say(part, depth + 1);
}

static void explain_say(const cJSON *answer, const char *user, char **words, int count)
{
    const cJSON *because, *from;
    printf("%s %s %s %s%s%s\n", user, json_get_bool(answer, "allowed") ? "may" : "may not", words[2], words[1],
           count == 4 ? " " : "", count == 4 ? words[3] : "");
    cJSON_ArrayForEach (because, json_get(answer, "because")) {
        const cJSON *list = json_get(because, "from");
        cJSON_ArrayForEach (from, list)
            origin_say(from);
        if (cJSON_IsArray(list) && !list->child)
            printf("  no: there is no grant of %s on %s that reaches them\n", words[2], words[1]);
        if (json_get_bool(because, "superuser"))
            printf("  yes: an administrator may do everything\n");
        if (json_get_bool(because, "disabled"))
            printf("  no: the account is disabled\n");
    }
    if (json_get(answer, "read_rule")) {
        printf("  the rule for who sees this row:\n");
        rule_say(json_get(answer, "read_rule"), 2);
    }
    if (json_get(answer, "rule")) {
        printf("  the rule for this row:\n");
        rule_say(json_get(answer, "rule"), 2);
    } else if (json_get_bool(answer, "rows_have_rules")) {
        printf("  each row is also judged by a rule: give the ID of one\n");
    }
    if (json_get(answer, "create_rule")) {
        char *rule = json_print(json_get(answer, "create_rule"));
        printf("  making a row has a rule of its own: %s\n", rule ? rule : "?");
        free(rule);
    }
    if (json_get_bool(answer, "is_builtin"))
        printf("  %s is built in: its own actions may ask for more, such as membership in a room\n", words[1]);
}

int who_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    SCOPED(buffer_free) struct buffer path = {0};
    if (count < 2 || count > 3 || (count == 3 && !is_id(words[2])))
        return usage_error("who takes MODEL RIGHT [ID]");
    buffer_text(&path, "acl/who?limit=200");
    filter_append(&path, "model", words[0]);
    filter_append(&path, "right", words[1]);
    filter_append(&path, "id", count == 3 ? words[2] : NULL);
    int code = list_print(settings, path.bytes, "after", as_json);
    if (code != EXIT_FINE || as_json)
        return code;
    /* The last page, which is empty, tells what is true of all. */
    SCOPED(buffer_free) struct buffer answer = {0};
    buffer_text(&path, "&after=9007199254740991");
    code = ask(settings, HTTP_M_GET, path.bytes, NULL, &answer);
    SCOPED(json_free) cJSON *json = cJSON_ParseWithLength(answer.bytes, answer.length);
    if (code == EXIT_FINE && json_get_bool(json, "everyone"))
        printf("and everyone, signed in or not\n");
    return code;
}

/* ---- the record ---- */

int audit_run(const struct settings *settings, int count, char **words)
{
    bool as_json = flag_take(&count, words, "--json");
    SCOPED(buffer_free) struct buffer path = {0};
    if (count == 1 && strcmp(words[0], "verify") == 0)
        return audit_verify(settings, as_json);
    buffer_text(&path, "audit?limit=200");
    filter_append(&path, "action", option_take(&count, words, "--action="));
    int code = id_filter_take(settings, &count, words, "--user=", user_id_find, "user", &path);
    if (code != EXIT_FINE)
        return code;
    filter_append(&path, "after", option_take(&count, words, "--since="));
    if (count > 1 || (count == 1 && strcmp(words[0], "list") != 0))
        return usage_error("audit takes list or verify");
    return list_print(settings, path.bytes, "before", as_json);
}

static int audit_verify(const struct settings *settings, bool as_json)
{
    SCOPED(buffer_free) struct buffer answer = {0};
    int code = ask(settings, HTTP_M_GET, "audit/verify", NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    SCOPED(json_free) cJSON *json = cJSON_ParseWithLength(answer.bytes, answer.length);
    bool is_whole = json_get_bool(json, "is_whole");
    if (as_json)
        answer_print(&answer);
    else if (is_whole)
        printf("the record is whole: %lld entries, the last digest is %s\n",
               (long long)json_get_int(json, "entries", 0), json_get_text(json, "digest"));
    if (!is_whole)
        fprintf(stderr,
                "parley: the record was tampered with: entry %lld is not what was written; compare it with a "
                "backup\n",
                (long long)json_get_int(json, "broken", 0));
    return is_whole ? EXIT_FINE : EXIT_REFUSED;
}
