/* tests/unit/bus/world.c: see the header. */
#include "world.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_MS 60000

static void guard_expired(uv_timer_t *guard);
static void world_remove(const struct world *world, const char *name);
static int free_port(void);
static void heard_message(void *context, const char *channel, const char *bytes, size_t length);
static void heard_state(void *context, bool is_up);
static void heard_listening(void *context, const char *channel, bool is_listening);
static void ear_act(struct ear *ear, const char *channel);

struct world *world_open(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    snprintf(world->folder, sizeof world->folder, "/tmp/parley-bus-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->url, sizeof world->url, "unix:%s/redis.sock", world->folder);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    uv_timer_init(&world->loop, &world->guard);
    world->guard.data = world;
    uv_timer_start(&world->guard, guard_expired, GUARD_MS, 0);
    return world;
}

static void guard_expired(uv_timer_t *guard)
{
    struct world *world = guard->data;
    world->has_expired = true;
}

void world_close(struct world *world)
{
    redis_kill(world);
    uv_close((uv_handle_t *)&world->guard, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    world_remove(world, "redis.sock");
    world_remove(world, "redis.log");
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
}

static void world_remove(const struct world *world, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    unlink(path);
}

void ear_open(struct world *world, struct ear *ear, const char *url, size_t in_flight_max)
{
    char why[256] = "";
    struct bus_options options = {
        .url = url ? url : world->url,
        .prefix = "test:",
        .in_flight_max = in_flight_max,
        .context = ear,
        .message = heard_message,
        .state = heard_state,
        .listening = heard_listening,
    };
    memset(ear, 0, sizeof *ear);
    assert_int_equal(bus_open(&options, &world->loop, &ear->bus, why, sizeof why), STATUS_OK);
}

void ear_close(struct ear *ear)
{
    bus_close(ear->bus);
    ear->bus = NULL;
}

void ear_publish(struct ear *ear, const char *channel, const char *text)
{
    bus_publish(ear->bus, channel, text, strlen(text));
}

static void heard_message(void *context, const char *channel, const char *bytes, size_t length)
{
    struct ear *ear = context;
    ear->messages++;
    snprintf(ear->text, sizeof ear->text, "%.*s", (int)length, bytes);
    ear_act(ear, channel);
}

static void heard_state(void *context, bool is_up)
{
    struct ear *ear = context;
    *(is_up ? &ear->ups : &ear->downs) += 1;
    ear_act(ear, NULL);
}

static void heard_listening(void *context, const char *channel, bool is_listening)
{
    struct ear *ear = context;
    *(is_listening ? &ear->trues : &ear->falses) += 1;
    ear_act(ear, channel);
}

static void ear_act(struct ear *ear, const char *channel)
{
    void (*act)(struct ear *, const char *) = ear->act;
    ear->act = NULL;
    assert_non_null(ear->bus); /* a closed bus calls nobody */
    if (act)
        act(ear, channel);
    /* The name must have stayed whatever was done to its channel. */
    if (channel)
        snprintf(ear->channel, sizeof ear->channel, "%s", channel);
}

bool redis_is_missing(void)
{
    if (system("command -v redis-server >/dev/null") == 0)
        return false;
    print_message("redis-server is not installed: skipped\n");
    return true;
}

void redis_start(struct world *world, const char *password)
{
    char log[128], port[16];
    if (world->port < 0)
        world->port = free_port();
    snprintf(log, sizeof log, "%s/redis.log", world->folder);
    snprintf(port, sizeof port, "%d", world->port);
    world->redis = fork();
    assert_true(world->redis >= 0);
    if (world->redis == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no Redis outlives a test that crashed */
        execlp("redis-server", "redis-server", "--unixsocket", world->url + strlen("unix:"), "--port", port, "--bind",
               "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", world->folder, "--logfile", log,
               "--requirepass", password ? password : "", (char *)NULL);
        _exit(127);
    }
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

void redis_kill(struct world *world)
{
    if (world->redis == 0)
        return;
    kill(world->redis, SIGKILL);
    waitpid(world->redis, NULL, 0);
    world->redis = 0;
}

void redis_say(struct world *world, const char *line, char *answer, size_t answer_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world->url + strlen("unix:"));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, line, strlen(line)), strlen(line));
    ssize_t length = read(fd, answer, answer_size - 1);
    assert_true(length > 0);
    answer[length] = '\0';
    close(fd);
}
