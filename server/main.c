/* main.c: the program's subcommands and where their settings come from. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bus/bus.h"
#include "commands_ask.h"
#include "commands_data.h"
#include "lib/log.h"
#include "lib/random.h"
#include "node.h"
#include "serve.h"
#include "settings.h"
#include "workers.h"

extern char **environ;

static int command_unknown(const char *name);
static const char *workers_take(int *count, char **words);
static int check_run(const struct settings *settings, bool is_edge);

static void help_print(void)
{
    printf("Usage: parley COMMAND [WORDS] [--config=FILE] [--SETTING=VALUE …]\n\n"
           "Chat and permissions in one server: what is committed is delivered once, in order, to everyone\n"
           "who may read it, and to nobody who may not.\n\n"
           "  serve [--edge]     run the server; --edge: without a data base, it finds its home through Redis\n"
           "        [--workers=N]  N processes on one port: a home and edges; SIGHUP restarts them one by one\n"
           "  check              look at the settings and the files of models without starting\n"
           "  settings [--json]  every setting, its value, range and meaning\n");
    for (const struct subcommand *command = subcommands; command->name; command++)
        printf("  %-18s %s\n", command->name, command->help);
    printf(
        "\nSettings come from --config (JSON), then PARLEY_* variables (PARLEY_HTTP_ADDRESS), then --name=value.\n"
        "Where no server runs, a command opens the data base as serve does: it makes the tables that the program and\n"
        "the files of models ask for. See parley migrate --dry-run first.\n"
        "Exit codes: 0 done · 1 failed · 2 the command line is wrong · 3 refused, with the reason.\n"
        "Each command tells more with --help.\n");
}

static int command_help(const char *name)
{
    if (strcmp(name, "serve") == 0 || strcmp(name, "check") == 0 || strcmp(name, "settings") == 0) {
        help_print();
        return EXIT_FINE;
    }
    for (const struct subcommand *command = subcommands; command->name; command++)
        if (strcmp(command->name, name) == 0) {
            const char *more = data_help(name);
            if (!more)
                more =
                    strcmp(name, "demo") == 0
                        ? "It is for a first look: use it on a data base that does not exist yet."
                        : "--json prints the answer as JSON, for programs. It works through the server if one runs on\n"
                          "the same data base, and directly if none does.";
            printf("Usage: parley %s %s\n\n%s.\n%s\n", name, command->usage, command->help, more);
            return EXIT_FINE;
        }
    return command_unknown(name);
}

static int command_unknown(const char *name)
{
    fprintf(stderr, "parley: there is no command \"%s\"; see parley --help\n", name);
    return EXIT_USAGE;
}

/* Take the settings out of the words. False: an error was printed. */
static bool settings_take(struct settings *settings, int *count, char **words)
{
    char why[512];
    const char *config = NULL;
    for (int i = 0; i < *count; i++)
        if (strncmp(words[i], "--config=", 9) == 0)
            config = words[i] + 9;
    if (config && config[0] && !settings_read_file(settings, config, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return false;
    }
    if (!settings_read_environment(settings, environ, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return false;
    }
    int left = 0;
    for (int i = 0; i < *count; i++) {
        const char *equals = strchr(words[i], '=');
        if (strncmp(words[i], "--config=", 9) == 0)
            continue;
        /* A setting's name has a dot, but for two; options of a command have none. */
        const char *dot = strchr(words[i], '.');
        bool is_setting = strncmp(words[i], "--", 2) == 0 && equals &&
                          ((dot && dot < equals) || strncmp(words[i], "--stop_ms=", 10) == 0 ||
                           strncmp(words[i], "--namespaces=", 13) == 0);
        if (!is_setting) {
            words[left++] = words[i];
            continue;
        }
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)(equals - words[i] - 2), words[i] + 2);
        if (!settings_set(settings, name, equals + 1, why, sizeof why)) {
            fprintf(stderr, "parley: %s\n", why);
            return false;
        }
    }
    *count = left;
    return true;
}

static void log_start(const struct settings *settings)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    enum log_level level = LOG_LEVEL_INFO;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(settings->log_level, levels[i]) == 0)
            level = (enum log_level)i;
    bool as_json = strcmp(settings->log_format, "json") == 0 ||
                   (strcmp(settings->log_format, "auto") == 0 && !isatty(STDERR_FILENO));
    log_open(level, as_json);
}

/* Words as they stood on the command line, for those who are started with the same. */
struct line {
    int count;
    char **words;
};

static int words_refuse(const char *name, const char *word)
{
    fprintf(stderr, "parley: %s does not know \"%s\"; settings are --name=value, see `parley settings`\n", name, word);
    return EXIT_USAGE;
}

/* `serve` and `check`, which takes the same words. */
static int serve(struct settings *settings, const char *name, int count, char **words, const struct line *line)
{
    char why[512];
    bool is_edge = false;
    while (flag_take(&count, words, "--edge"))
        is_edge = true;
    const char *workers = workers_take(&count, words), *ready = option_take(&count, words, "--worker=");
    if (count)
        return words_refuse(name, words[0]);
    if (workers && !settings_set(settings, "node.workers", workers, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_USAGE;
    }
    if (strcmp(name, "check") == 0)
        return check_run(settings, is_edge);
    if (ready && fcntl(atoi(ready), F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr, "parley: --worker is what --workers=N starts; use that\n");
        return EXIT_USAGE;
    }
    if (ready || settings->node_workers == 1)
        return serve_run(settings, is_edge, ready ? atoi(ready) : SERVE_ALONE);
    return workers_run(settings, is_edge, line->count, line->words);
}

/* What stands behind --workers, as one word or as two; NULL: it is not there. */
static const char *workers_take(int *count, char **words)
{
    for (int i = 0; i + 1 < *count; i++) {
        if (strcmp(words[i], "--workers") != 0)
            continue;
        const char *value = words[i + 1];
        *count -= 2;
        memmove(words + i, words + i + 2, (size_t)(*count - i) * sizeof *words);
        return value;
    }
    return option_take(count, words, "--workers=");
}

static int run(struct settings *settings, const char *name, int count, char **words, const struct line *line)
{
    if (strcmp(name, "serve") == 0 || strcmp(name, "check") == 0)
        return serve(settings, name, count, words, line);
    bool is_settings = strcmp(name, "settings") == 0;
    bool as_json = is_settings && flag_take(&count, words, "--json");
    if (is_settings && count)
        return words_refuse(name, words[0]);
    if (is_settings) {
        settings_print(settings, stdout, as_json);
        return EXIT_FINE;
    }
    for (const struct subcommand *command = subcommands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command->run(settings, count, words);
    return command_unknown(name);
}

/* Whatever can stop a start and does not depend on the data base. */
static int check_run(const struct settings *settings, bool is_edge)
{
    /* As in commands_data.c: not a node among nodes. */
    struct settings alone = *settings;
    alone.redis_url = "";
    struct node node;
    char why[2048] = "";
    struct bus_options bus = {.url = settings->redis_url, .secret = settings->cluster_secret};
    if (bus_check(&bus, why, sizeof why) != STATUS_OK) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_REFUSED;
    }
    if ((!is_edge && !workers_check(settings, why, sizeof why)) || !node_build(&node, &alone, false, why, sizeof why)) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_REFUSED;
    }
    node_close(&node);
    printf("the settings are fine");
    if (settings->data_schema[0])
        printf(", and so are the models of %s", settings->data_schema);
    putchar('\n');
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    /* A core file would hold passwords and tokens. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    int count = argc - 2;
    char **words = argv + 2;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help_print();
        return argc < 2 ? EXIT_USAGE : EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("parley " PARLEY_VERSION "\n");
        return EXIT_FINE;
    }
    if (flag_take(&count, words, "--help") || flag_take(&count, words, "-h"))
        return command_help(argv[1]);
    struct settings *settings = settings_new();
    if (!settings || !random_open()) {
        fprintf(stderr, "parley: the system gives no memory or no random numbers\n");
        return EXIT_FAILED;
    }
    int code = EXIT_USAGE;
    struct line line = {.count = count, .words = calloc((size_t)count + 1, sizeof *words)};
    if (line.words)
        memcpy(line.words, words, (size_t)count * sizeof *words);
    if (line.words && settings_take(settings, &count, words)) {
        log_start(settings);
        code = run(settings, argv[1], count, words, &line);
    }
    free(line.words);
    settings_free(settings);
    return code;
}
