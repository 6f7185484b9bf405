/* commands_data.c: what administrators do with the data base file itself: bring its tables up to the files of the
 * models, and put a backup in its place. Not through a running server: its data must not change under it. */
#include "commands_data.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/model_follow.h"
#include "commands_ask.h"
#include "node.h"

#define WHY_SIZE 4096

static enum status migrate(const struct settings *settings, bool is_rehearsal, struct model_follow *follow, char *why,
                           size_t why_size);
static void changes_print(const struct model_follow *follow, bool is_rehearsal);
static void changes_print_json(const struct model_follow *follow, bool is_done, const char *refused);
static int exit_code(enum status status);
static enum status renew_epochs(void *context, struct db *db, char *why, size_t why_size);

int migrate_run(const struct settings *settings, int count, char **words)
{
    bool is_rehearsal = flag_take(&count, words, "--dry-run"), as_json = flag_take(&count, words, "--json");
    char why[WHY_SIZE] = "";
    SCOPED(model_follow_free) struct model_follow follow = {0};
    if (count) {
        fprintf(stderr, "parley: migrate does not know \"%s\"; see parley migrate --help\n", words[0]);
        return EXIT_USAGE;
    }
    enum status status = migrate(settings, is_rehearsal, &follow, why, sizeof why);
    bool is_fine = status == STATUS_OK;
    if (as_json)
        changes_print_json(&follow, is_fine && !is_rehearsal, is_fine ? NULL : why);
    else if (is_fine || follow.changes.count)
        changes_print(&follow, is_rehearsal);
    if (!is_fine)
        fprintf(stderr, "parley: %s\n", why);
    return exit_code(status);
}

static enum status migrate(const struct settings *settings, bool is_rehearsal, struct model_follow *follow, char *why,
                           size_t why_size)
{
    /* Not a node among nodes: it must not be taken for the home that may be running. */
    struct settings alone = *settings;
    alone.redis_url = "";
    struct node node;
    if (!node_build(&node, &alone, false, why, why_size))
        return STATUS_PRECONDITION;
    *follow = node_follow(&node);
    follow->is_quiet = true;
    struct store_options options = node_store_options(settings);
    options.prepare = model_follow_prepare(follow);
    enum status status = is_rehearsal ? store_rehearse(options.path, &options.prepare, why, why_size)
                                      : store_open(&options, &node.loop, &node.store, why, why_size);
    node_close(&node);
    return status;
}

static void changes_print(const struct model_follow *follow, bool is_rehearsal)
{
    const struct table_changes *changes = &follow->changes;
    for (size_t i = 0; i < changes->count; i++) {
        printf("%s\n", changes->items[i].words);
        /* Indented, so that it can be told from the words. */
        for (const char *line = changes->items[i].sql; *line;) {
            size_t length = strcspn(line, "\n");
            printf("    %.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
    for (size_t i = 0; i < follow->hints.count; i++)
        printf("%s\n", follow->hints.items[i].words);
    if (!changes->count)
        printf("the tables are as the files of the models say\n");
    else if (is_rehearsal)
        printf("nothing was changed: this was only tried on a copy\n");
}

static void changes_print_json(const struct model_follow *follow, bool is_done, const char *refused)
{
    const struct table_changes *changes = &follow->changes;
    SCOPED(buffer_free) struct buffer json = {0};
    buffer_text(&json, "{\"changes\":[");
    for (size_t i = 0; i < changes->count; i++) {
        buffer_text(&json, i ? ",{" : "{");
        buffer_json_member(&json, "words", changes->items[i].words);
        buffer_char(&json, ',');
        buffer_json_member(&json, "sql", changes->items[i].sql);
        buffer_char(&json, '}');
    }
    buffer_text(&json, "],\"hints\":[");
    for (size_t i = 0; i < follow->hints.count; i++) {
        const char *words = follow->hints.items[i].words;
        buffer_text(&json, i ? "," : "");
        buffer_json(&json, words, strlen(words));
    }
    buffer_printf(&json, "],\"done\":%s,", is_done ? "true" : "false");
    buffer_json_member(&json, "refused", refused);
    printf("%s}\n", json.bytes ? json.bytes : "{");
}

const char *data_help(const char *name)
{
    if (strcmp(name, "migrate") == 0)
        return "The tables of models follow their files (the folder data.schema) at each start; this does the same\n"
               "without starting, and prints each step with its SQL. What would lose data is refused with the file to\n"
               "write into data.schema/migrations/. --dry-run tries it on a copy, also beside a running server, and\n"
               "changes nothing; without it no server may run. --json: {\"changes\":[{\"words\",\"sql\"}],\n"
               "\"hints\",\"done\",\"refused\"}.";
    if (strcmp(name, "restore") == 0)
        return "FILE is a copy made by `parley backup`; it is checked first: whole, ours, not newer than the program.\n"
               "No server may run. What was there is kept as <data.path>.before-restore; --force replaces one that is\n"
               "there from an earlier restore. Every room begins a new history for clients, so that they load it anew\n"
               "instead of mixing two. Sessions and permissions are those of the backup and stay: who was signed in\n"
               "then is signed in again. --json: {\"restored\",\"from\",\"kept\"}.";
    return NULL;
}

static int exit_code(enum status status)
{
    if (status == STATUS_OK)
        return EXIT_FINE;
    return status == STATUS_CONFLICT || status == STATUS_PRECONDITION ? EXIT_REFUSED : EXIT_FAILED;
}

/* ---- restore ---- */

int restore_run(const struct settings *settings, int count, char **words)
{
    bool is_forced = flag_take(&count, words, "--force"), as_json = flag_take(&count, words, "--json");
    char why[WHY_SIZE] = "";
    if (count != 1 || words[0][0] == '-') {
        fprintf(stderr, "parley: restore takes one FILE; see parley restore --help\n");
        return EXIT_USAGE;
    }
    bool has_old = access(settings->data_path, F_OK) == 0;
    struct store_prepare prepare = {.work = renew_epochs};
    enum status status = store_restore(settings->data_path, words[0], is_forced, &prepare, why, sizeof why);
    if (status != STATUS_OK) {
        fprintf(stderr, "parley: %s\n", why);
        return exit_code(status);
    }
    if (as_json) {
        SCOPED(buffer_free) struct buffer json = {0};
        char kept[WHY_SIZE];
        snprintf(kept, sizeof kept, "%s.before-restore", settings->data_path);
        buffer_char(&json, '{');
        buffer_json_member(&json, "restored", settings->data_path);
        buffer_char(&json, ',');
        buffer_json_member(&json, "from", words[0]);
        buffer_char(&json, ',');
        buffer_json_member(&json, "kept", has_old ? kept : NULL);
        printf("%s}\n", json.bytes);
        return EXIT_FINE;
    }
    printf("%s is now a copy of %s", settings->data_path, words[0]);
    if (has_old)
        printf("; what was there is kept as %s.before-restore", settings->data_path);
    putchar('\n');
    return EXIT_FINE;
}

/* What clients remember of a room is of another history now: they must reload, not join the two. */
static enum status renew_epochs(void *context, struct db *db, char *why, size_t why_size)
{
    (void)context;
    /* As long as RANDOM_ID_SIZE allows. */
    enum status status = db_run(db, "UPDATE room SET epoch = lower(hex(randomblob(11)))", "");
    if (status != STATUS_OK)
        snprintf(why, why_size, "the backup's rooms cannot be changed: see the lines above");
    return status;
}
