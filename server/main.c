/* main.c: the program's subcommands and where their settings come from. */
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
#include "secret.h"
#include "serve.h"
#include "settings.h"

extern char **environ;

static int command_unknown(const char *name);
static int check_run(const struct settings *settings);

static void help_print(void)
{
    printf("Usage: parley COMMAND [WORDS] [--config=FILE] [--SETTING=VALUE …]\n\n"
           "Chat and permissions in one server: what is committed is delivered once, in order, to everyone\n"
           "who may read it, and to nobody who may not.\n\n"
           "  serve [--edge]     run the server; --edge: without a data base, it finds its home through Redis\n"
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

static int run(const struct settings *settings, const char *name, int count, char **words)
{
    if (strcmp(name, "serve") == 0) {
        bool is_edge = flag_take(&count, words, "--edge");
        if (count) {
            fprintf(stderr, "parley: serve does not know \"%s\"; settings are --name=value, see `parley settings`\n",
                    words[0]);
            return EXIT_USAGE;
        }
        return serve_run(settings, is_edge);
    }
    bool is_settings = strcmp(name, "settings") == 0, is_check = strcmp(name, "check") == 0;
    bool as_json = is_settings && flag_take(&count, words, "--json");
    if ((is_settings || is_check) && count) {
        fprintf(stderr, "parley: %s does not know \"%s\"; settings are --name=value, see `parley settings`\n", name,
                words[0]);
        return EXIT_USAGE;
    }
    if (is_settings)
        settings_print(settings, stdout, as_json);
    if (is_check)
        return check_run(settings);
    if (is_settings)
        return EXIT_FINE;
    for (const struct subcommand *command = subcommands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command->run(settings, count, words);
    return command_unknown(name);
}

/* Whatever can stop a start and does not depend on the data base. */
static int check_run(const struct settings *settings)
{
    /* As in commands_data.c: not a node among nodes. */
    struct settings alone = *settings;
    alone.redis_url = "";
    struct node node;
    char why[2048] = "";
    SCOPED(secret_free) char *secret = NULL;
    if (!secret_read(settings->cluster_secret, "cluster.secret", &secret, why, sizeof why) ||
        bus_check(&(struct bus_options){.url = settings->redis_url, .secret = secret}, why, sizeof why) != STATUS_OK) {
        fprintf(stderr, "parley: %s\n", why);
        return EXIT_REFUSED;
    }
    if (!node_build(&node, &alone, false, why, sizeof why)) {
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
    if (settings_take(settings, &count, words)) {
        log_start(settings);
        code = run(settings, argv[1], count, words);
    }
    settings_free(settings);
    return code;
}
