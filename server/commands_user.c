/* commands_user.c: `parley user`: add and change people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "commands_acl.h"
#include "commands_ask.h"
#include "lib/random.h"

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
    buffer_text(&path, "user?fields=id,name,superuser,disabled&sort=name&name[like]=");
    query_append(&path, prefix);
    query_append(&path, "*");
    return list_print(settings, path.bytes, "cursor", as_json);
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

/* Several changes at once: they are made together, or none is. */
static int user_set(const struct settings *settings, int count, char **words)
{
    const char *admin = option_take(&count, words, "--admin="), *disabled = option_take(&count, words, "--disabled=");
    bool reads = flag_take(&count, words, "--password-stdin"), as_json = flag_take(&count, words, "--json"), is_yes;
    char password[PASSWORD_SIZE];
    SCOPED(json_free) cJSON *body = cJSON_CreateObject();
    if (count != 1 || (!admin && !disabled && !reads))
        return usage_error(
            "user set takes a NAME and what to set: --admin=yes|no, --disabled=yes|no, --password-stdin");
    if (admin && !yes_read(admin, &is_yes))
        return usage_error("--admin is yes or no");
    if (admin)
        cJSON_AddBoolToObject(body, "superuser", is_yes);
    if (disabled && !yes_read(disabled, &is_yes))
        return usage_error("--disabled is yes or no");
    if (disabled)
        cJSON_AddBoolToObject(body, "disabled", is_yes);
    if (reads && !password_get(true, password))
        return EXIT_USAGE;
    if (reads)
        cJSON_AddStringToObject(body, "password", password);
    return user_patch(settings, words[0], body, as_json, "was changed");
}

int user_run(const struct settings *settings, int count, char **words)
{
    bool is_yes;
    if (count < 1)
        return usage_error("user: add, list, set, disable, enable, password or admin");
    const char *what = words[0];
    if (strcmp(what, "add") == 0)
        return user_add(settings, count - 1, words + 1);
    if (strcmp(what, "set") == 0)
        return user_set(settings, count - 1, words + 1);
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
    if (count == 3 && strcmp(what, "admin") == 0 && yes_read(words[2], &is_yes)) {
        cJSON_AddBoolToObject(body, "superuser", is_yes);
        return user_patch(settings, words[1], body, as_json,
                          is_yes ? "is an administrator" : "is no administrator any more");
    }
    return usage_error("user: these words are not understood");
}
