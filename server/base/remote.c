/* base/remote.c: how nodes talk on the bus: calls, answers, and the signs of life by which they know of each other. */
#include "base/remote.h"
#include <stdlib.h>
#include <string.h>
#include "base/calls.h"
#include "base/node_name.h"
#include "base/nodes.h"
#include "base/other_home.h"
#include "base/remote_text.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Signs of life within the time after which a node is given up: one or two may be lost. */
#define BEATS_IN_SILENCE 5

struct remote {
    struct dispatch *dispatch;
    struct wheel *wheel;
    struct bus *bus;
    struct remote_handlers handlers;
    bool is_edge;
    uint64_t node;
    char self[RANDOM_ID_SIZE]; /* home: who it is, so that edges notice a new one */
    char home[RANDOM_ID_SIZE]; /* edge: whom it talks to */
    char channel[48];          /* edge: where answers come */
    struct calls *calls;       /* edge */
    struct nodes *nodes;       /* home: edges that are alive */
    struct other_home other;
    uint64_t entry; /* edge: as which the home knows us, 0: not heard yet */
    struct wheel_timer beat;
    int64_t beat_ms; /* when it fired last */
    int64_t silence_ms;
    int64_t heard_ms;     /* edge: of the home */
    int64_t asking_ms;    /* edge: since when a home that is there would have answered */
    bool is_silence_told; /* edge: to the log */
    bool home_has_left;   /* edge: in good order: whatever it has not answered, it has not done */
    int64_t home_dropped; /* edge: publications that the home could not send, when it was last heard of */
};

static void forward(void *context, struct request *request);
static bool call_publish(void *context, const struct request *request, uint64_t id);
static void beat_fire(struct wheel_timer *timer);
static void edge_beat(struct remote *remote, bool was_asleep);
static void home_beat(struct remote *remote, bool was_asleep);
static void home_miss(struct remote *remote);
static void hello_send(struct remote *remote, bool leaves);
static void call_arrived(struct remote *remote, const cJSON *message, const char *params, size_t params_length);
static void beat_answer(struct remote *remote, struct node *node);
static void answer_send(struct request *request);
static void answer_arrived(struct remote *remote, const char *bytes, size_t length);
static void hello_arrived(struct remote *remote, const char *bytes, size_t length);

struct remote *remote_new(struct dispatch *dispatch, struct wheel *wheel, bool is_edge,
                          const struct remote_handlers *handlers)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return NULL;
    remote->dispatch = dispatch;
    remote->wheel = wheel;
    remote->is_edge = is_edge;
    remote->handlers = *handlers;
    remote->silence_ms = dispatch_settings(dispatch)->node_silence_ms;
    remote->calls = calls_new(wheel);
    remote->nodes = nodes_new();
    random_bytes(&remote->node, sizeof remote->node);
    remote->node = (remote->node >> 12) | 1; /* exact as a JSON number, never 0 */
    random_id(remote->self);
    snprintf(remote->channel, sizeof remote->channel, REMOTE_NODE_CHANNEL "%llu", (unsigned long long)remote->node);
    wheel_timer_init(&remote->beat, beat_fire);
    if (!remote->calls || !remote->nodes) {
        remote_free(remote);
        return NULL;
    }
    if (is_edge)
        dispatch_set_edge(dispatch, forward, remote);
    return remote;
}

void remote_set_bus(struct remote *remote, struct bus *bus)
{
    remote->bus = bus;
    bus_listen(bus, remote->is_edge ? remote->channel : REMOTE_HOME_CHANNEL);
    if (remote->is_edge)
        bus_listen(bus, REMOTE_EDGES_CHANNEL);
    wheel_arm(remote->wheel, &remote->beat, remote->silence_ms / BEATS_IN_SILENCE);
}

void remote_stop(struct remote *remote)
{
    wheel_cancel(remote->wheel, &remote->beat);
    if (!remote->is_edge)
        hello_send(remote, true);
    remote->bus = NULL;
    calls_end(remote->calls);
}

void remote_free(struct remote *remote)
{
    if (!remote)
        return;
    calls_free(remote->calls);
    nodes_free(remote->nodes);
    free(remote);
}

bool remote_has_home(const struct remote *remote)
{
    return !remote->is_edge || (remote->heard_ms && clock_monotonic_ms() - remote->heard_ms < remote->silence_ms);
}

bool remote_has_other_home(const struct remote *remote)
{
    return remote->other.is_there;
}

size_t remote_nodes(const struct remote *remote)
{
    return nodes_count(remote->nodes);
}

bool remote_node_next(const struct remote *remote, size_t *cursor, struct remote_node *out)
{
    const struct node *node = nodes_next(remote->nodes, cursor);
    if (!node)
        return false;
    *out = (struct remote_node){
        .name = node->name, .connections = node->connections, .silent_ms = clock_monotonic_ms() - node->heard_ms};
    return true;
}

/* ---- edge: out ---- */

static void forward(void *context, struct request *request)
{
    struct remote *remote = context;
    if (!remote->bus || !bus_is_up(remote->bus)) {
        request_refuse(request, STATUS_UNAVAILABLE, "This node has lost its connection to the others: try again soon.");
        request_finish(request, STATUS_UNAVAILABLE);
        return;
    }
    /* Once it is known to be away, nobody needs to wait to be told. */
    if (remote->home[0] && !remote_has_home(remote)) {
        request_refuse(request, STATUS_UNAVAILABLE, HOME_IS_SILENT);
        request_finish(request, STATUS_UNAVAILABLE);
        return;
    }
    uint64_t id = request->reply ? calls_add(remote->calls, request) : 0;
    if (request->reply && !id) {
        request_finish(request, FAULT("no memory"));
        return;
    }
    /* Between two homes a call is kept for the next, if that comes in time. */
    bool is_fine = (id && remote->home_has_left) || call_publish(remote, request, id);
    if (!id)
        request_finish(request, STATUS_OK);
    else if (!is_fine)
        request_finish(calls_take(remote->calls, id), STATUS_UNAVAILABLE);
}

static bool call_publish(void *context, const struct request *request, uint64_t id)
{
    struct remote *remote = context;
    SCOPED(buffer_free) struct buffer json = {0};
    remote_call_print(request, remote->node, id, remote->home, &json);
    if (json.has_failed)
        return false;
    bus_publish(remote->bus, REMOTE_HOME_CHANNEL, json.bytes, json.length);
    return true;
}

/* ---- signs of life ---- */

static void beat_fire(struct wheel_timer *timer)
{
    struct remote *remote = container_of(timer, struct remote, beat);
    int64_t now_ms = clock_monotonic_ms(), every_ms = remote->silence_ms / BEATS_IN_SILENCE;
    /* If it was this process that was stopped, what others said meanwhile has not been read yet. */
    bool was_asleep = now_ms - remote->beat_ms > 2 * every_ms;
    if (remote->is_edge)
        edge_beat(remote, was_asleep);
    else
        home_beat(remote, was_asleep);
    remote->beat_ms = now_ms;
    wheel_arm(remote->wheel, timer, every_ms);
}

static void edge_beat(struct remote *remote, bool was_asleep)
{
    SCOPED(buffer_free) struct buffer json = {0};
    size_t connections = remote->handlers.connections ? remote->handlers.connections(remote->handlers.context) : 0;
    buffer_printf(&json, "{\"node\":%llu,\"beat\":true,\"connections\":%zu,", (unsigned long long)remote->node,
                  connections);
    buffer_json_member(&json, "name", node_name());
    buffer_text(&json, "}\n");
    if (remote->bus && !json.has_failed)
        bus_publish(remote->bus, REMOTE_HOME_CHANNEL, json.bytes, json.length);
    if (was_asleep)
        remote->asking_ms = clock_monotonic_ms();
    home_miss(remote);
}

/* Told once for each time that it is away, and not while it is Redis that is away, which the bus says. */
static void home_miss(struct remote *remote)
{
    int64_t now_ms = clock_monotonic_ms();
    if (remote->is_silence_told || !remote->bus || !bus_is_up(remote->bus) || remote_has_home(remote) ||
        now_ms - remote->asking_ms < remote->silence_ms)
        return;
    remote->is_silence_told = true;
    log_warning("home.silent", "no home answers: is `parley serve` without --edge running, with the same redis.url, "
                               "redis.prefix and cluster.secret?");
}

/* Homes listen where they are called, and so to each other's signs. */
static void home_beat(struct remote *remote, bool was_asleep)
{
    uint64_t id;
    SCOPED(buffer_free) struct buffer json = {0};
    buffer_char(&json, '{');
    buffer_json_member(&json, "home", remote->self);
    buffer_text(&json, ",\"beat\":true}\n");
    /* What the bus drops, edges would take for something that they have missed. */
    if (remote->bus && bus_is_up(remote->bus) && !json.has_failed)
        bus_publish(remote->bus, REMOTE_HOME_CHANNEL, json.bytes, json.length);
    if (was_asleep)
        nodes_forgive(remote->nodes);
    else
        other_home_check(&remote->other, remote->silence_ms);
    while ((id = nodes_take_silent(remote->nodes, remote->silence_ms)))
        remote->handlers.node_lost(remote->handlers.context, id);
}

void remote_bus_state(struct remote *remote, bool is_up)
{
    /* An edge that was silent as long as the bus was away must not be given up for that. */
    remote->asking_ms = clock_monotonic_ms();
    if (is_up)
        nodes_forgive(remote->nodes);
    else
        calls_unsure(remote->calls);
    if (is_up && remote->is_edge)
        wheel_arm(remote->wheel, &remote->beat, 1);
    else if (is_up)
        hello_send(remote, false);
}

/* Who we are, and how much of what we published never left: an edge that has another number has missed something. */
static void self_print(struct remote *remote, struct buffer *json)
{
    struct bus_stats stats;
    bus_stats(remote->bus, &stats);
    buffer_char(json, '{');
    buffer_json_member(json, "home", remote->self);
    buffer_printf(json, ",\"dropped\":%llu", (unsigned long long)stats.dropped);
}

/* Nothing was published while the bus was away, and all that follows comes behind this: the edges compare rights and
 * positions before they hand any of it on. */
static void hello_send(struct remote *remote, bool leaves)
{
    SCOPED(buffer_free) struct buffer json = {0};
    if (!remote->bus)
        return;
    self_print(remote, &json);
    buffer_text(&json, leaves ? ",\"leaves\":true}\n" : "}\n");
    if (!json.has_failed)
        bus_publish(remote->bus, REMOTE_EDGES_CHANNEL, json.bytes, json.length);
}

/* ---- home: in ---- */

bool remote_bus_message(struct remote *remote, const char *channel, const char *bytes, size_t length)
{
    if (remote->is_edge && strcmp(channel, remote->channel) == 0) {
        answer_arrived(remote, bytes, length);
        return true;
    }
    if (remote->is_edge && strcmp(channel, REMOTE_EDGES_CHANNEL) == 0) {
        hello_arrived(remote, bytes, length);
        return true;
    }
    if (remote->is_edge || strcmp(channel, REMOTE_HOME_CHANNEL) != 0)
        return false;
    const char *params = memchr(bytes, '\n', length);
    size_t head_length = params ? (size_t)(params - bytes) : 0;
    SCOPED(json_free) cJSON *message = params ? json_parse(bytes, head_length, NULL) : NULL;
    if (message)
        call_arrived(remote, message, params + 1, length - head_length - 1);
    else
        log_warning("bus.garbage", "a call that is none was dropped");
    return true;
}

static void node_send(struct remote *remote, uint64_t node, const struct buffer *message)
{
    char channel[48];
    snprintf(channel, sizeof channel, REMOTE_NODE_CHANNEL "%llu", (unsigned long long)node);
    if (remote->bus && !message->has_failed)
        bus_publish(remote->bus, channel, message->bytes, message->length);
}

static void call_arrived(struct remote *remote, const cJSON *message, const char *params, size_t params_length)
{
    const char *home = json_get_text(message, "home");
    int64_t id = json_get_int(message, "node", 0), call = json_get_int(message, "call", 0);
    if (!id && home && strcmp(home, remote->self) != 0)
        other_home_hear(&remote->other, home);
    struct node *node = id > 0 && call >= 0 ? nodes_hear(remote->nodes, (uint64_t)id) : NULL;
    if (!node)
        return;
    if (json_get_bool(message, "beat")) {
        node->connections = json_get_int(message, "connections", 0);
        remote_copy(node->name, sizeof node->name, json_get_text(message, "name"));
        beat_answer(remote, node);
        return;
    }
    /* Said to a home that was here before this one, and repeated by somebody who read along. */
    const char *action = json_get_text(message, "action");
    if (home && strcmp(home, remote->self) != 0)
        return;
    struct request *request = action ? dispatch_request(remote->dispatch, action) : NULL;
    if (!request) {
        SCOPED(buffer_free) struct buffer json = {0};
        buffer_printf(&json, "{\"call\":%lld,\"status\":\"unknown_method\"}\n", (long long)call);
        node_send(remote, node->id, &json);
        return;
    }
    request->node = node->id;
    remote_call_read(request, message);
    request->reply = call ? answer_send : NULL;
    request->door = remote;
    request->door_id = (uint64_t)call;
    const char *why = NULL;
    cJSON *object = json_parse(params, params_length, &why);
    if (!object || !cJSON_IsObject(object)) {
        cJSON_Delete(object);
        request_refuse(request, STATUS_MALFORMED, "The parameters are not fine: %s.",
                       why ? why : "they must be an object");
        request_finish(request, STATUS_MALFORMED);
        return;
    }
    cJSON_Delete(request->params);
    request->params = object;
    dispatch_start(request);
}

static void beat_answer(struct remote *remote, struct node *node)
{
    SCOPED(buffer_free) struct buffer json = {0};
    self_print(remote, &json);
    buffer_printf(&json, ",\"entry\":%llu}\n", (unsigned long long)node->entry);
    node_send(remote, node->id, &json);
}

static void answer_send(struct request *request)
{
    struct remote *remote = request->door;
    SCOPED(buffer_free) struct buffer json = {0};
    remote_answer_print(request, &json);
    node_send(remote, request->node, &json);
}

/* ---- edge: back ---- */

/* Each line of the home's that is not an answer: who it is, and whether we go on from where we were. As which entry it
 * knows us is said each time: whoever was given up and has joined again must not depend on a single message. */
static void home_heard(struct remote *remote, const cJSON *line, bool is_hello)
{
    const char *home = json_get_text(line, "home");
    int64_t dropped = json_get_int(line, "dropped", 0);
    bool is_first = !remote->home[0], is_other = !is_first && strcmp(home, remote->home) != 0;
    bool has_missed = dropped != remote->home_dropped;
    uint64_t entry = (uint64_t)json_get_int(line, "entry", 0);
    bool is_known = !is_hello && entry == remote->entry;
    if (!is_hello)
        remote->entry = entry;
    if (!remote_has_home(remote) || remote->is_silence_told)
        log_info("home.found", "the home node answers");
    remote->is_silence_told = false;
    remote->heard_ms = clock_monotonic_ms();
    remote->home_dropped = dropped;
    remote_copy(remote->home, sizeof remote->home, home);
    bool had_left = remote->home_has_left;
    remote->home_has_left = false;
    /* Its bus was away, or it could not send all: an answer may have been in that. */
    if (!is_other && (is_hello || has_missed))
        calls_unsure(remote->calls);
    if (is_other && had_left)
        calls_again(remote->calls, call_publish, remote);
    else if (is_other || (is_first && is_hello))
        calls_end(remote->calls); /* it was not there when they were made */
    /* Calls are answered also before the first sign of life is: who was announced by one may have been given up. */
    bool may_be_forgotten = !is_known && (!is_first || calls_began(remote->calls));
    if (is_other || may_be_forgotten || (!is_first && has_missed))
        remote->handlers.home_is_new(remote->handlers.context);
}

static void hello_arrived(struct remote *remote, const char *bytes, size_t length)
{
    SCOPED(json_free) cJSON *hello = json_parse(bytes, length, NULL);
    const char *home = json_get_text(hello, "home");
    if (home && json_get_bool(hello, "leaves"))
        remote->home_has_left =
            strcmp(home, remote->home) == 0 && json_get_int(hello, "dropped", -1) == remote->home_dropped;
    else if (home)
        home_heard(remote, hello, true);
    else
        log_warning("bus.garbage", "a greeting that is none was dropped");
}

static void answer_arrived(struct remote *remote, const char *bytes, size_t length)
{
    const char *result = memchr(bytes, '\n', length);
    SCOPED(json_free) cJSON *answer = result ? json_parse(bytes, (size_t)(result - bytes), NULL) : NULL;
    if (!answer)
        log_warning("bus.garbage", "an answer that is none was dropped");
    if (json_get_text(answer, "home")) {
        home_heard(remote, answer, false);
        return;
    }
    struct request *request = calls_take(remote->calls, (uint64_t)json_get_int(answer, "call", 0));
    if (!request)
        return; /* it came too late */
    remote->heard_ms = clock_monotonic_ms();
    const char *status = json_get_text(answer, "status");
    remote_answer_read(request, answer);
    buffer_append(request_result(request), result + 1, length - (size_t)(result + 1 - bytes));
    request_finish(request, status ? status_from_code(status) : STATUS_FAULT);
}
