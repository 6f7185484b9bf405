/* options.c: the table of flags. A scenario file has the same names, so that there is one list to know. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "verdict.h"

#define FILE_BYTES_MAX 1048576
#define WORD_MAX       64

enum kind { TEXT, COUNT, RATE, TIME, YES, MOST, PID, SCENARIO };
struct row {
    const char *name;
    enum kind kind;
    size_t place;
    double least, most;
    const char *value; /* what stands behind it in the help */
    const char *help;
};
#define PLACE(member) offsetof(struct options, member)

static const struct row rows[] = {
    {"url", TEXT, PLACE(url), 0, 0, "URL", "the server (http://127.0.0.1:8080)"},
    {"scenario", SCENARIO, 0, 0, 0, "FILE", "a JSON object of these flags without dashes; flags win over it"},
    {"sockets", COUNT, PLACE(sockets), 1, 1000000, "N", "sockets that sit in rooms (100)"},
    {"idle", COUNT, PLACE(idle), 0, 1000000, "N",
     "further sockets that only listen, to nothing but their person's feed (0)"},
    {"ramp", COUNT, PLACE(ramp), 1, 1000000, "N", "sockets opened per second (500)"},
    {"rooms", COUNT, PLACE(rooms), 1, 100000, "N", "rooms, made for the run (1)"},
    {"members", COUNT, PLACE(members), 1, 1000000, "N",
     "sockets in each room (sockets / rooms); more: each sits in several"},
    {"publishers", COUNT, PLACE(publishers), 0, 1000000, "N",
     "of the sockets in rooms, how many say something (1 for each room)"},
    {"rate", RATE, PLACE(rate), 0, 1e6, "N", "messages per second of all together, whether answers come or not (10)"},
    {"think", TIME, PLACE(think_ms), 0, 3.6e6, "TIME",
     "instead of --rate: what each publisher waits after an answer, half to one and a half"},
    {"payload", COUNT, PLACE(payload), 1, 60000, "BYTES", "length of a message's text (100; 64 or so are needed)"},
    {"duration", TIME, PLACE(duration_ms), 100, 8.64e7, "TIME", "how long messages are said: 30s, 500ms, 5m (10s)"},
    {"drain", TIME, PLACE(drain_ms), 100, 6e5, "TIME", "how long to wait for what is still missing at the end (10s)"},
    {"churn", RATE, PLACE(churn), 0, 1e5, "N", "sockets cut per second, which come back and recover (0)"},
    {"storm", TIME, PLACE(storm_ms), 0, 8.64e7, "TIME",
     "this long after the start all sockets are cut at once and come back"},
    {"users", COUNT, PLACE(users), 1, 100000, "N", "accounts, which the sockets share (10)"},
    {"user-prefix", TEXT, PLACE(user_prefix), 0, 0, "NAME", "they are called NAME-1, NAME-2, … (load)"},
    {"password", TEXT, PLACE(password), 0, 0, "WORD",
     "of all of them; also from PARLEY_LOAD_PASSWORD, which nobody sees in a list of processes"},
    {"register", YES, PLACE(registers), 0, 0, "",
     "register them; those that exist log in. Without a password: new names, a random one"},
    {"token", TEXT, PLACE(token), 0, 0, "FILE",
     "instead of logging in: a file with an API token on each line, for reading and writing room, member and message"},
    {"server-pid", PID, 0, 1, 1e9, "PID",
     "measure CPU and memory of this process; may be repeated: of a server with --workers name each worker, since the "
     "process that starts them shows nothing"},
    {"processes", COUNT, PLACE(processes), 1, 64, "N",
     "processes to load from (as many as the limit of open files asks for)"},
    {"max", MOST, 0, 0, 0, "X=Y", "fail if X is above Y; may be repeated; see below"},
    {"json", TEXT, PLACE(json), 0, 0, "FILE", "write the results as JSON"},
    {"csv", TEXT, PLACE(csv), 0, 0, "FILE", "write a line for each second"},
    {"html", TEXT, PLACE(html), 0, 0, "FILE", "write a page with plots, which needs nothing else"},
    {"keep-rooms", YES, PLACE(keeps_rooms), 0, 0, "", "leave the rooms there; otherwise they are deleted at the end"},
    {"remote-is-mine", YES, PLACE(remote_is_mine), 0, 0, "", "the server is not on this machine, and I may load it"},
    {"quiet", YES, PLACE(is_quiet), 0, 0, "", "no line every second"},
};
#define ROWS (sizeof rows / sizeof rows[0])

static bool flags_read(struct options *options, int argc, char **argv, bool only_scenario);
static bool scenario_read(struct options *options, const char *path);
static bool member_read(struct options *options, const char *path, const cJSON *member);
static const struct row *row_find(const char *name, const char *where);
static bool row_set(struct options *options, const struct row *row, const char *text);
static bool time_read(const char *text, double *ms);
static bool agree(struct options *options);
static void help(void);

enum options_end options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.url = "http://127.0.0.1:8080",
                                .sockets = 100,
                                .ramp = 500,
                                .rooms = 1,
                                .publishers = -1,
                                .rate = -1,
                                .payload = 100,
                                .duration_ms = 10000,
                                .drain_ms = 10000,
                                .think_ms = -1,
                                .storm_ms = -1,
                                .users = 10,
                                .password = getenv("PARLEY_LOAD_PASSWORD")};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help();
            return OPTIONS_HELP;
        }
    }
    /* The file first, wherever its flag stands: flags win. */
    bool is_fine = flags_read(options, argc, argv, true) && flags_read(options, argc, argv, false) && agree(options);
    return is_fine ? OPTIONS_GO : OPTIONS_WRONG;
}

static bool flags_read(struct options *options, int argc, char **argv, bool only_scenario)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            fprintf(stderr, "parley-load: %s: flags begin with two dashes; --help lists them\n", argv[i]);
            return false;
        }
        char name[WORD_MAX + 1];
        const char *equals = strchr(argv[i], '=');
        size_t length = equals ? (size_t)(equals - argv[i]) - 2 : strlen(argv[i] + 2);
        snprintf(name, sizeof name, "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX - 1), argv[i] + 2);
        const struct row *row = row_find(name, "--");
        if (!row)
            return false;
        const char *value = equals ? equals + 1 : row->kind == YES ? "true" : i + 1 < argc ? argv[++i] : NULL;
        if (!value) {
            fprintf(stderr, "parley-load: --%s needs a value: --%s=%s\n", name, name, row->value);
            return false;
        }
        if ((row->kind == SCENARIO) != only_scenario)
            continue;
        if (row->kind == SCENARIO ? !scenario_read(options, value) : !row_set(options, row, value))
            return false;
    }
    return true;
}

static bool scenario_read(struct options *options, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(FILE_BYTES_MAX);
    size_t length = file && text ? fread(text, 1, FILE_BYTES_MAX, file) : 0;
    if (!file)
        fprintf(stderr, "parley-load: %s: %s\n", path, strerror(errno));
    else
        fclose(file);
    const char *why = NULL;
    cJSON *json = file && text ? json_parse(text, length, &why) : NULL;
    free(text);
    bool is_fine = cJSON_IsObject(json);
    if (file && !is_fine)
        fprintf(stderr, "parley-load: %s: %s\n", path, why ? why : "this is not a JSON object");
    const cJSON *member;
    cJSON_ArrayForEach (member, json) {
        is_fine = is_fine && member_read(options, path, member);
    }
    json_free(json);
    return is_fine;
}

static bool member_read(struct options *options, const char *path, const cJSON *member)
{
    char where[512], number[WORD_MAX];
    snprintf(where, sizeof where, "%s: ", path);
    const struct row *row = row_find(member->string, where);
    if (!row)
        return false;
    if (cJSON_IsArray(member) && (row->kind == MOST || row->kind == PID)) {
        cJSON item;
        const cJSON *each;
        cJSON_ArrayForEach (each, member) {
            item = *each;
            item.string = member->string;
            if (cJSON_IsArray(each) || !member_read(options, path, &item))
                return false;
        }
        return true;
    }
    if (cJSON_IsString(member))
        return row_set(options, row, member->valuestring);
    if (cJSON_IsBool(member))
        return row_set(options, row, cJSON_IsTrue(member) ? "true" : "false");
    if (cJSON_IsNumber(member)) {
        snprintf(number, sizeof number, "%.10g", member->valuedouble);
        return row_set(options, row, number);
    }
    fprintf(stderr, "parley-load: %s%s: a text, a number, true or false is expected\n", where, member->string);
    return false;
}

/* How many letters apart two words are (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], length = strlen(b);
    if (length > WORD_MAX || strlen(a) > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t above = row[j], best = corner + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            corner = above;
        }
    }
    return row[length];
}

/* On a wrong name says so, with the nearest right one. */
static const struct row *row_find(const char *name, const char *where)
{
    const struct row *nearest = &rows[0];
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
        if (distance(name, rows[i].name) < distance(name, nearest->name))
            nearest = &rows[i];
    }
    if (distance(name, nearest->name) <= 3)
        fprintf(stderr, "parley-load: there is no %s%s; did you mean %s?\n", where, name, nearest->name);
    else
        fprintf(stderr, "parley-load: there is no %s%s; --help lists what there is\n", where, name);
    return NULL;
}

static bool row_set(struct options *options, const struct row *row, const char *text)
{
    void *place = (char *)options + row->place;
    double number = 0;
    char *end = NULL;
    if (row->kind == TEXT) {
        char *copy = strdup(text);
        *(const char **)place = copy;
        return copy != NULL;
    }
    if (row->kind == MOST)
        return limit_add(options, text);
    if (row->kind == YES) {
        *(bool *)place = strcmp(text, "true") == 0;
        if (*(bool *)place || strcmp(text, "false") == 0)
            return true;
        fprintf(stderr, "parley-load: --%s is either there or not, not %s\n", row->name, text);
        return false;
    }
    bool is_number = row->kind == TIME ? time_read(text, &number) : (number = strtod(text, &end), end != text && !*end);
    bool is_whole = row->kind == TIME || row->kind == RATE || floor(number) == number;
    if (!is_number || !is_whole || !(number >= row->least && number <= row->most)) {
        fprintf(stderr, "parley-load: --%s: %s is not %s between %.10g and %.10g%s\n", row->name, text,
                row->kind == TIME ? "a time like 500ms, 30s or 5m" : "a number", row->least, row->most,
                row->kind == TIME ? " ms" : "");
        return false;
    }
    if (row->kind == RATE) {
        *(double *)place = number;
    } else if (row->kind != PID) {
        *(int64_t *)place = (int64_t)number;
    } else if (options->server_pid_count < PIDS_MAX) {
        options->server_pids[options->server_pid_count++] = (pid_t)number;
    } else {
        fprintf(stderr, "parley-load: --server-pid: %s is one too many: %d processes at most can be measured\n", text,
                PIDS_MAX);
        return false;
    }
    return true;
}

/* A number alone is seconds. */
static bool time_read(const char *text, double *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end = NULL;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

/* What the flags mean together. */
static bool agree(struct options *options)
{
    const char *why = NULL;
    if (options->members == 0)
        options->members = options->sockets > options->rooms ? options->sockets / options->rooms : 1;
    int64_t seats = options->rooms * options->members;
    if (options->publishers < 0)
        options->publishers = options->rooms < seats ? options->rooms : seats;
    if (options->members > options->sockets)
        why = "--members cannot be more than --sockets: a room has each socket once";
    else if (seats > 128 * options->sockets)
        why = "a socket would sit in more than 128 rooms: fewer --rooms or --members, or more --sockets";
    else if (options->publishers > seats)
        why = "--publishers cannot be more than --rooms times --members";
    else if (options->rate >= 0 && options->think_ms >= 0)
        why = "--rate or --think: a publisher either keeps a rate or waits for answers";
    else if (options->storm_ms >= options->duration_ms)
        why = "--storm must come before the end of --duration";
    else if (options->token && (options->registers || options->user_prefix))
        why = "--token says who the people are; --register and --user-prefix do not go with it";
    else if (!options->token && !options->registers && !options->password)
        why = "who are the people? --register makes new ones; --password (and --user-prefix) or --token FILE names "
              "those there are";
    if (options->rate < 0)
        options->rate = options->think_ms >= 0 ? 0 : 10;
    if (why)
        fprintf(stderr, "parley-load: %s\n", why);
    return !why;
}

static void help(void)
{
    puts("Usage: parley-load [flags]\n\n"
         "Loads a Parley server: people log in, sockets open, sit in rooms and talk, and every delivery is checked\n"
         "for loss, duplicates and order.\n");
    for (size_t i = 0; i < ROWS; i++) {
        char flag[WORD_MAX];
        snprintf(flag, sizeof flag, "--%s%s%s", rows[i].name, *rows[i].value ? "=" : "", rows[i].value);
        printf("  %-22s %s\n", flag, rows[i].help);
    }
    puts("\nWhat --max can bound: p50 p90 p99 p999 max mean (from saying to each delivery: 50ms, 800us, 1s), "
         "answer_p99,\n"
         "lost duplicates disorder errors refused unanswered. lost, duplicates and disorder must be 0 unless told "
         "otherwise.\n\n"
         "The server counts connections and messages of one person: a load needs it started with, for example,\n"
         "  --http.connections_per_address_max=0 --realtime.user_connections_max=100000\n"
         "  --chat.messages_per_s=100000 --realtime.commands_per_s=100000\n\n"
         "  parley-load --register --sockets 1000 --rooms 10 --rate 50 --html load.html\n"
         "  parley-load --register --sockets 5000 --storm 5s --max p99=200ms --max errors=0\n\n"
         "Exit codes: 0 all went as it should; 1 something is above what --max allows, or not all sockets could be\n"
         "opened; 2 the flags are wrong; 3 the run could not be set up or went on no longer; 4 it was interrupted, "
         "and\n"
         "what was measured was fine.");
}
