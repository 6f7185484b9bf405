/* world.c: people and rooms. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/buffer.h"
#include "lib/json.h"
#include "options.h"

#define TRIES_MAX 20
#define WAIT_S    60 /* the longest that a server may ask us to wait */

static bool tokens_read(struct world *world);
static bool people_open(struct world *world);
static bool person_open(struct world *world, struct person *person, const char *name, const char *password);
static bool csrf_read(struct world *world, struct person *person);
static bool room_open(struct world *world, size_t index);
static bool members_join(struct world *world);
static bool ask(struct world *world, const struct person *person, const char *method, const char *path,
                const char *body, struct answer *answer);

static const volatile bool *interrupted;

bool world_open(struct world *world, const struct options *options, const volatile bool *is_interrupted)
{
    uint32_t chance = 0;
    interrupted = is_interrupted;
    world->options = options;
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        return false;
    snprintf(world->run, sizeof world->run, "%08x", chance);
    world->rooms = calloc((size_t)options->rooms, sizeof *world->rooms);
    if (!world->rooms || !(options->token ? tokens_read(world) : people_open(world)))
        return false;
    for (size_t i = 0; i < (size_t)options->rooms; i++)
        if (!room_open(world, i))
            return false;
    return members_join(world);
}

void world_close(struct world *world)
{
    struct answer answer;
    char path[64];
    /* The first Ctrl-C ended the load; the rooms are taken away all the same. */
    for (size_t i = 0; i < world->rooms_made && world->people_count > 0 && !world->options->keeps_rooms; i++) {
        snprintf(path, sizeof path, "/room/%lld", (long long)world->rooms[i]);
        rest_ask(&world->target, &world->people[0], "DELETE", path, NULL, &answer);
        json_free(answer.body);
    }
    free(world->people);
    free(world->rooms);
}

size_t world_seats(const struct options *options, int64_t socket)
{
    int64_t seats = options->rooms * options->members;
    if (socket >= options->sockets || socket >= seats)
        return 0;
    return (size_t)((seats - socket - 1) / options->sockets + 1);
}

int64_t world_seat_room(const struct options *options, int64_t socket, size_t seat)
{
    return (socket + (int64_t)seat * options->sockets) / options->members;
}

void world_publisher(const struct options *options, int64_t publisher, int64_t *socket, size_t *seat)
{
    int64_t at = publisher % options->rooms * options->members + publisher / options->rooms;
    *socket = at % options->sockets;
    *seat = (size_t)(at / options->sockets);
}

static bool tokens_read(struct world *world)
{
    char line[300];
    FILE *file = fopen(world->options->token, "r");
    size_t count = 0;
    while (file && fgets(line, sizeof line, file) && count < 100000) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0])
            continue;
        if (line[strcspn(line, "\"\\ ")] || strlen(line) >= sizeof world->people->token) {
            count = 0;
            snprintf(world->why, sizeof world->why, "%s: one of its lines is no token", world->options->token);
            break;
        }
        struct person *people = realloc(world->people, (count + 1) * sizeof *people);
        if (!people)
            break;
        world->people = people;
        people[count] = (struct person){0};
        snprintf(people[count++].token, sizeof people->token, "%.*s", (int)sizeof people->token - 1, line);
    }
    world->people_count = count;
    if (count == 0 && !world->why[0])
        snprintf(world->why, sizeof world->why, "%s: %s", world->options->token,
                 file ? "there is no token in it" : strerror(errno));
    if (file)
        fclose(file);
    return count > 0;
}

static bool people_open(struct world *world)
{
    const struct options *options = world->options;
    size_t sockets = (size_t)(options->sockets + options->idle), users = (size_t)options->users;
    users = users < sockets ? users : sockets;
    uint64_t chance[2];
    char password[40], name[128];
    const char *prefix = options->user_prefix ? options->user_prefix : "load";
    if (getrandom(chance, sizeof chance, 0) != sizeof chance || !(world->people = calloc(users, sizeof *world->people)))
        return false;
    snprintf(password, sizeof password, "%016llx%016llx", (unsigned long long)chance[0], (unsigned long long)chance[1]);
    for (size_t i = 0; i < users; i++) {
        /* Nobody knows a random password afterwards, so its people are this run's alone. */
        if (options->password)
            snprintf(name, sizeof name, "%.80s-%zu", prefix, i + 1);
        else
            snprintf(name, sizeof name, "%.80s-%s-%zu", prefix, world->run, i + 1);
        if (!person_open(world, &world->people[i], name, options->password ? options->password : password))
            return false;
        world->people_count++;
    }
    return true;
}

static bool person_open(struct world *world, struct person *person, const char *name, const char *password)
{
    SCOPED(buffer_free) struct buffer body = {0};
    struct answer answer = {0};
    buffer_text(&body, "{\"name\":");
    buffer_json(&body, name, strlen(name));
    buffer_text(&body, ",\"password\":");
    buffer_json(&body, password, strlen(password));
    buffer_char(&body, '}');
    if (body.has_failed)
        return false;
    bool is_in = false;
    if (world->options->registers) {
        is_in = ask(world, person, "POST", "/register", body.bytes, &answer);
        json_free(answer.body);
    }
    if (!is_in && (!world->options->registers || (answer.status == 409 && world->options->password))) {
        is_in = ask(world, person, "POST", "/login", body.bytes, &answer);
        json_free(answer.body);
    }
    if (!is_in) {
        snprintf(
            world->why, sizeof world->why, "%s cannot log in: %s%s", name, answer.why,
            answer.status == 403 && world->options->registers
                ? " (registration is closed there: add people with `parley user add`, and name them with --user-prefix "
                  "and --password)"
                : "");
        return false;
    }
    snprintf(person->cookie, sizeof person->cookie, "%s", answer.cookie);
    return csrf_read(world, person);
}

static bool csrf_read(struct world *world, struct person *person)
{
    struct answer answer;
    bool is_good = ask(world, person, "GET", "/me", NULL, &answer);
    const char *csrf = json_get_text(answer.body, "csrf");
    snprintf(person->csrf, sizeof person->csrf, "%s", csrf ? csrf : "");
    json_free(answer.body);
    return is_good;
}

static bool room_open(struct world *world, size_t index)
{
    struct answer answer;
    char body[128];
    snprintf(body, sizeof body, "{\"kind\":\"public\",\"name\":\"load %s %zu\"}", world->run, index + 1);
    bool is_good = ask(world, &world->people[0], "POST", "/room", body, &answer);
    world->rooms[index] = json_get_int(answer.body, "id", 0);
    json_free(answer.body);
    if (is_good && world->rooms[index] > 0)
        world->rooms_made++;
    return is_good && world->rooms[index] > 0;
}

/* A room is entered by those who will speak in it: whoever only listens may do so in a public room as he is. A member's
 * sockets also hear what is unread, and that costs the server more than a delivery. */
static bool members_join(struct world *world)
{
    const struct options *options = world->options;
    size_t users = world->people_count;
    uint64_t last = UINT64_MAX;
    for (int64_t publisher = 0; publisher < options->publishers; publisher++) {
        int64_t socket;
        size_t seat;
        char path[64];
        struct answer answer;
        world_publisher(options, publisher, &socket, &seat);
        size_t user = (size_t)socket % users;
        int64_t room = world_seat_room(options, socket, seat);
        uint64_t pair = (uint64_t)room * users + user;
        if (user == 0 || pair == last) /* the first made the room */
            continue;
        last = pair;
        snprintf(path, sizeof path, "/room/%lld/join", (long long)world->rooms[room]);
        bool is_good = ask(world, &world->people[user], "POST", path, "{}", &answer);
        json_free(answer.body);
        if (!is_good)
            return false;
    }
    return true;
}

/* Ask, and wait as long as the server wants us to. False: world->why. */
static bool ask(struct world *world, const struct person *person, const char *method, const char *path,
                const char *body, struct answer *answer)
{
    for (int tries = 1;; tries++) {
        rest_ask(&world->target, person, method, path, body, answer);
        bool is_throttled = answer->status == 429 || answer->status == 503;
        if (*interrupted)
            snprintf(answer->why, sizeof answer->why, "interrupted");
        if (!is_throttled || tries == TRIES_MAX || *interrupted || answer->retry_after_s > WAIT_S)
            break;
        int wait_s = answer->retry_after_s > 0 ? answer->retry_after_s : tries;
        if (!world->options->is_quiet)
            fprintf(stderr, "%s: the server wants us to wait %d s\n", path, wait_s);
        json_free(answer->body);
        nanosleep(&(struct timespec){.tv_sec = wait_s}, NULL);
    }
    if (answer->status >= 200 && answer->status < 300 && !*interrupted)
        return true;
    snprintf(world->why, sizeof world->why, "%s %s: %s", method, path, answer->why);
    return false;
}
