/* bus/remote.c: the bus of nodes that hear each other through Redis: one connection for commands, one for
 * subscriptions, both lost and found together. The bus is up once every channel listened to has been
 * acknowledged and a probe has gone the whole way: from us through Redis back to us. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/address.h"
#include "bus/command.h"
#include "bus/engine.h"
#include "bus/hint.h"
#include "bus/redis.h"
#include "bus/subscriptions.h"
#include "bus/trust.h"
#include "bus/unanswered.h"
#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/random.h"

/* Time is counted in ticks, not by the clock: when it is our own process that was stopped, only one tick
 * has passed, and Redis is not blamed. */
#define TICK_MS            250
#define SILENCE_TICKS_MAX  8  /* 2 s to connect, and for the next answer while one is due */
#define PROBE_TICKS        8  /* a probe every 2 s */
#define PROBE_TICKS_MAX    12 /* 3 s for it to come back */
#define BACKOFF_MS_MIN     50
#define BACKOFF_MS_MAX     1000
#define DRAIN_MS           1000 /* for what is left to be sent at the end */
#define COMMAND_BYTES_KEPT ((size_t)1 << 20)
#define LOG_QUIET_MS       1000
#define LOG_AGAIN_MS       60000 /* when the same trouble goes on */
#define WHY_SIZE           192

/* One publication is one answer to those who listen; the rest is for the names and the lengths. */
#define PUBLICATION_BYTES_MAX (REDIS_ANSWER_BYTES_MAX - 65536)

struct remote {
    struct bus bus;
    struct redis_address *address;
    char *prefix;
    size_t prefix_length;
    struct trust *trust;
    /* NULL: down, and the retry timer runs. */
    struct redis_link *commands, *subscriptions;
    /* Statuses that must come before anything else: for AUTH and, to commands, for PING. */
    unsigned commands_due, subscriptions_due;
    /* Ticks without an answer while one is due. */
    unsigned commands_silent, subscriptions_silent;
    struct unanswered unanswered; /* publications */
    struct buffer command;        /* the one being built */
    struct subscriptions wanted;
    struct bus_channel *probe_channel;
    uint64_t probe;       /* number of the latest */
    unsigned probe_ticks; /* since it was sent */
    bool is_probing;      /* it has not come back */
    bool has_been_up;
    bool is_up_news; /* the log says that we are down, or nothing yet */
    uv_timer_t tick, retry;
    uint32_t backoff_ms;
    int64_t logged_ms; /* when @logged was, 0: never */
    char logged[WHY_SIZE];
};

static bool remote_publish(struct bus *bus, const char *channel, const char *bytes, size_t length);
static void remote_listen(struct bus *bus, struct bus_channel *channel);
static void remote_unlisten(struct bus *bus, struct bus_channel *channel);
static enum bus_hearing remote_hearing(const struct bus *bus, const struct bus_channel *channel);
static void remote_turn(struct bus *bus);
static void remote_close(struct bus *bus);
static void remote_free(struct bus *bus);

static void remote_connect(uv_timer_t *retry);
static bool remote_sign_in(struct remote *remote, struct redis_link *link);
static bool remote_restore(struct remote *remote);
static bool remote_send_changes(struct remote *remote);
static void remote_probe(struct remote *remote);
static bool remote_send_publication(struct remote *remote, const char *channel, const char *bytes, size_t length);
static bool remote_send(struct remote *remote, struct redis_link *link);
static void remote_answered(void *context, struct redis_link *link, const struct redis_answer *answer);
static bool remote_command_answered(struct remote *remote, const struct redis_answer *answer);
static bool remote_subscription_answered(struct remote *remote, const struct redis_answer *answer);
static void remote_heard(struct remote *remote, struct bus_channel *channel, const char *bytes, size_t length);
static void remote_probed(struct remote *remote, const char *bytes, size_t length);
static void remote_up(struct remote *remote);
static void remote_tick(uv_timer_t *tick);
static bool is_silent(unsigned *ticks, bool is_due);
static void remote_lost(void *context, struct redis_link *link, const char *why);
static void remote_down(struct remote *remote, const char *why);
static void remote_forget(struct remote *remote, bool was_up);
static void remote_log_down(struct remote *remote, const char *why, bool was_up);
static void remote_link_closed(void *context);

static const struct bus_ops remote_ops = {
    .publish = remote_publish,
    .listen = remote_listen,
    .unlisten = remote_unlisten,
    .hearing = remote_hearing,
    .turn = remote_turn,
    .close = remote_close,
    .free = remote_free,
};

enum status bus_remote_new(const struct bus_options *options, uv_loop_t *loop, struct bus **out, char *why,
                           size_t why_size)
{
    SCOPED(redis_address_free) struct redis_address *address = NULL;
    SCOPED(trust_free) struct trust *trust = NULL;
    const char *prefix = options->prefix ? options->prefix : "";
    enum status status = redis_address_read(options->url, &address, why, why_size);
    if (status == STATUS_OK)
        status = trust_new(options->secret, prefix, &trust, why, why_size);
    if (status != STATUS_OK)
        return status;
    struct remote *remote = calloc(1, sizeof *remote);
    char *prefix_copy = strdup(prefix);
    if (!remote || !prefix_copy || !bus_init(&remote->bus, &remote_ops, options, loop)) {
        free(prefix_copy);
        free(remote);
        snprintf(why, why_size, "no memory");
        return FAULT("no memory for the bus");
    }
    remote->address = TAKE(address);
    remote->trust = TAKE(trust);
    remote->prefix = prefix_copy;
    remote->prefix_length = strlen(prefix);
    remote->backoff_ms = 2 * BACKOFF_MS_MIN;
    remote->is_up_news = true;
    subscriptions_init(&remote->wanted, &remote->bus);
    uv_timer_init(loop, &remote->tick);
    uv_timer_init(loop, &remote->retry);
    remote->tick.data = remote->retry.data = &remote->bus;
    remote->bus.handles += 2;
    /* From a timer, so that nothing is called before the caller has its bus. */
    uv_timer_start(&remote->retry, remote_connect, 0, 0);
    *out = &remote->bus;
    return STATUS_OK;
}

/* Each attempt opens both links anew. What is sent before they are connected waits in them. */
static void remote_connect(uv_timer_t *retry)
{
    struct remote *remote = container_of(retry->data, struct remote, bus);
    const struct redis_listener listener = {remote, remote_answered, remote_lost, remote_link_closed};
    struct redis_link **links[] = {&remote->commands, &remote->subscriptions};
    char why[WHY_SIZE] = "no memory";
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        *links[i] = redis_link_open(remote->address, remote->bus.loop, &listener, why, sizeof why);
        if (!*links[i]) {
            remote_down(remote, why);
            return;
        }
        remote->bus.handles++;
    }
    remote->subscriptions_due = remote->address->password ? 1 : 0;
    remote->commands_due = remote->subscriptions_due + 1;
    remote->commands_silent = remote->subscriptions_silent = 0;
    uv_timer_start(&remote->tick, remote_tick, TICK_MS, TICK_MS);
    bool is_sent = remote_sign_in(remote, remote->commands) && remote_sign_in(remote, remote->subscriptions);
    /* PING is refused while Redis loads its data or wants a password, so its answer is worth waiting for. */
    command_start(&remote->command, 1);
    command_text(&remote->command, "PING");
    if (!is_sent || !remote_send(remote, remote->commands) || !remote_restore(remote))
        remote_down(remote, "no memory");
}

static bool remote_sign_in(struct remote *remote, struct redis_link *link)
{
    const struct redis_address *address = remote->address;
    if (!address->password)
        return true;
    command_start(&remote->command, address->user ? 3 : 2);
    command_text(&remote->command, "AUTH");
    if (address->user)
        command_text(&remote->command, address->user);
    command_text(&remote->command, address->password);
    return remote_send(remote, link);
}

/* Subscribe everything again. */
static bool remote_restore(struct remote *remote)
{
    if (!remote->probe_channel) {
        char id[RANDOM_ID_SIZE], name[RANDOM_ID_SIZE + 8];
        snprintf(name, sizeof name, "probe:%s", random_id(id));
        remote->probe_channel = bus_channel_new(&remote->bus, name);
        if (!remote->probe_channel)
            return false;
        remote->probe_channel->is_own = true;
    }
    subscriptions_restore(&remote->wanted);
    return true;
}

static bool remote_publish(struct bus *bus, const char *channel, const char *bytes, size_t length)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    size_t in_flight_max = bus->options.in_flight_max;
    /* Compared before they are added: no sum may wrap. */
    if (!bus->stats.is_up || length > PUBLICATION_BYTES_MAX || length > in_flight_max ||
        bus->stats.in_flight > in_flight_max - length)
        return false;
    return remote_send_publication(remote, channel, bytes, length);
}

static bool remote_send_publication(struct remote *remote, const char *channel, const char *bytes, size_t length)
{
    struct buffer *command = &remote->command;
    char envelope[ENVELOPE_LENGTH];
    trust_write(remote->trust, envelope, &(struct digest_piece){channel, strlen(channel)},
                &(struct digest_piece){bytes, length});
    command_start(command, 3);
    command_text(command, "PUBLISH");
    command_word(command, remote->prefix, remote->prefix_length, channel, strlen(channel));
    command_word(command, envelope, sizeof envelope, bytes, length);
    uint32_t size = (uint32_t)command->length;
    if (command->has_failed || !unanswered_add(&remote->unanswered, size))
        return false;
    /* Should the link have no memory for it, then it is lost at the end of the turn, and this with it. */
    remote->bus.stats.in_flight += size;
    return remote_send(remote, remote->commands);
}

/* Send the command that was built; it is written at the end of the turn, with all others. */
static bool remote_send(struct remote *remote, struct redis_link *link)
{
    struct buffer *command = &remote->command;
    bool is_sent = !command->has_failed && redis_link_send(link, command->bytes, command->length);
    if (command->capacity > COMMAND_BYTES_KEPT)
        buffer_free(command);
    bus_wake(&remote->bus);
    return is_sent;
}

static void remote_listen(struct bus *bus, struct bus_channel *channel)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    if (remote->subscriptions) /* or the connection will find that it is wanted */
        subscriptions_want(&remote->wanted, channel);
}

static void remote_unlisten(struct bus *bus, struct bus_channel *channel)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    subscriptions_drop(&remote->wanted, channel);
}

static enum bus_hearing remote_hearing(const struct bus *bus, const struct bus_channel *channel)
{
    if (channel->is_subscribed && !channel->is_asked)
        return BUS_HEARS;
    return bus->stats.is_up ? BUS_WAITS : BUS_IS_DEAF;
}

static void remote_turn(struct bus *bus)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    if (!remote->commands || !remote->subscriptions)
        return;
    if (!remote_send_changes(remote)) {
        remote_down(remote, "no memory");
        return;
    }
    if (!bus->stats.is_up && !remote->is_probing && !remote->commands_due && !remote->subscriptions_due &&
        !remote->wanted.restoring)
        remote_probe(remote);
    redis_link_flush(remote->commands);
    redis_link_flush(remote->subscriptions);
}

static bool remote_send_changes(struct remote *remote)
{
    const struct bus_channel *channel;
    while ((channel = subscriptions_next(&remote->wanted))) {
        command_start(&remote->command, 2);
        command_text(&remote->command, channel->is_subscribed ? "UNSUBSCRIBE" : "SUBSCRIBE");
        command_word(&remote->command, remote->prefix, remote->prefix_length, channel->name, channel->name_length);
        if (!remote_send(remote, remote->subscriptions))
            return false;
    }
    return true;
}

static void remote_probe(struct remote *remote)
{
    char number[24];
    int length = snprintf(number, sizeof number, "%" PRIu64, ++remote->probe);
    remote->is_probing = true;
    remote->probe_ticks = 0;
    /* If it cannot be sent it will not come back, which is noticed. */
    remote_send_publication(remote, remote->probe_channel->name, number, (size_t)length);
}

static void remote_answered(void *context, struct redis_link *link, const struct redis_answer *answer)
{
    struct remote *remote = context;
    bool is_due;
    if (link == remote->commands) {
        remote->commands_silent = 0;
        is_due = remote_command_answered(remote, answer);
    } else {
        is_due = remote_subscription_answered(remote, answer);
    }
    if (!is_due)
        remote_down(remote, "an answer came that was not due");
}

static bool remote_command_answered(struct remote *remote, const struct redis_answer *answer)
{
    uint32_t size;
    if (remote->commands_due > 0) {
        if (answer->kind != ANSWER_STATUS)
            return false;
        remote->commands_due--;
        bus_wake(&remote->bus);
        return true;
    }
    if (answer->kind != ANSWER_NUMBER || !unanswered_take(&remote->unanswered, &size))
        return false;
    remote->bus.stats.in_flight -= size;
    return true;
}

static bool remote_subscription_answered(struct remote *remote, const struct redis_answer *answer)
{
    size_t prefix_length = remote->prefix_length;
    if (answer->kind == ANSWER_STATUS || answer->kind == ANSWER_NUMBER) {
        if (answer->kind != ANSWER_STATUS || remote->subscriptions_due == 0)
            return false;
        remote->subscriptions_due--;
        remote->subscriptions_silent = 0;
        bus_wake(&remote->bus);
        return true;
    }
    if (answer->channel_length < prefix_length || memcmp(answer->channel, remote->prefix, prefix_length) != 0)
        return false;
    struct bus_channel *channel =
        bus_channel_get(&remote->bus, answer->channel + prefix_length, answer->channel_length - prefix_length);
    if (!channel || remote->subscriptions_due > 0)
        return false;
    if (answer->kind != ANSWER_MESSAGE) {
        remote->subscriptions_silent = 0;
        return subscriptions_acknowledge(&remote->wanted, channel, answer->kind == ANSWER_SUBSCRIBED);
    }
    remote_heard(remote, channel, answer->bytes, answer->length);
    return true;
}

static void remote_heard(struct remote *remote, struct bus_channel *channel, const char *bytes, size_t length)
{
    struct digest_piece name = {channel->name, channel->name_length}, payload;
    enum trust_verdict sender = trust_judge(remote->trust, &name, bytes, length, &payload, &remote->bus.stats);
    if (channel->is_own && sender == TRUST_OURSELVES)
        remote_probed(remote, payload.bytes, payload.length);
    else if (channel->listeners > 0 && sender == TRUST_ANOTHER)
        bus_deliver(&remote->bus, channel, payload.bytes, payload.length);
}

static void remote_probed(struct remote *remote, const char *bytes, size_t length)
{
    char number[24];
    int number_length = snprintf(number, sizeof number, "%" PRIu64, remote->probe);
    if (!remote->is_probing || length != (size_t)number_length || memcmp(bytes, number, length) != 0)
        return;
    remote->is_probing = false;
    if (!remote->bus.stats.is_up)
        remote_up(remote);
}

static void remote_up(struct remote *remote)
{
    struct bus *bus = &remote->bus;
    bus->stats.is_up = true;
    bus->stats.reconnects += remote->has_been_up;
    remote->has_been_up = true;
    remote->backoff_ms = 2 * BACKOFF_MS_MIN;
    if (remote->is_up_news)
        log_info("bus.up", "Redis at %s answers", remote->address->text);
    remote->is_up_news = false;
    if (bus->options.state)
        bus->options.state(bus->options.context, true);
}

static void remote_tick(uv_timer_t *tick)
{
    struct remote *remote = container_of(tick->data, struct remote, bus);
    remote->probe_ticks++;
    if (is_silent(&remote->commands_silent, remote->commands_due || remote->unanswered.count) ||
        is_silent(&remote->subscriptions_silent, remote->subscriptions_due || remote->wanted.asked))
        remote_down(remote, "no answer in time");
    else if (remote->is_probing && remote->probe_ticks >= PROBE_TICKS_MAX)
        remote_down(remote, "it answers, but a probe did not come back: what is published is not heard");
    else if (!remote->is_probing && remote->bus.stats.is_up && remote->probe_ticks >= PROBE_TICKS)
        remote_probe(remote);
}

static bool is_silent(unsigned *ticks, bool is_due)
{
    *ticks = is_due ? *ticks + 1 : 0;
    return *ticks > SILENCE_TICKS_MAX;
}

static void remote_lost(void *context, struct redis_link *link, const char *why)
{
    struct remote *remote = context;
    char text[WHY_SIZE];
    snprintf(text, sizeof text, "%s: %s", link == remote->commands ? "commands" : "subscriptions", why);
    remote_down(remote, text);
}

static void remote_down(struct remote *remote, const char *why)
{
    struct bus *bus = &remote->bus;
    bool was_up = bus->stats.is_up;
    if (bus->is_closing)
        return;
    bus->stats.is_up = false;
    redis_link_close(TAKE(remote->commands));
    redis_link_close(TAKE(remote->subscriptions));
    uv_timer_stop(&remote->tick);
    remote_forget(remote, was_up);
    /* Spread over the whole span, so that the nodes do not all come back in the same moment. */
    uint32_t delay_ms = BACKOFF_MS_MIN + random_below(remote->backoff_ms - BACKOFF_MS_MIN + 1);
    uv_timer_start(&remote->retry, remote_connect, delay_ms, 0);
    remote->backoff_ms = remote->backoff_ms > BACKOFF_MS_MAX / 2 ? BACKOFF_MS_MAX : 2 * remote->backoff_ms;
    remote_log_down(remote, why, was_up);
    if (was_up && bus->options.state)
        bus->options.state(bus->options.context, false);
}

/* What is unanswered will never be. */
static void remote_forget(struct remote *remote, bool was_up)
{
    unanswered_free(&remote->unanswered);
    remote->bus.stats.in_flight = 0;
    remote->is_probing = false;
    subscriptions_forget(&remote->wanted, was_up);
}

/* A Redis that stays away is tried every second, but its trouble is news once a minute; one that comes and
 * goes is news once a second. */
static void remote_log_down(struct remote *remote, const char *why, bool was_up)
{
    int64_t now_ms = clock_monotonic_ms(), quiet_ms = now_ms - remote->logged_ms;
    bool is_news = was_up || strcmp(why, remote->logged) != 0 || quiet_ms >= LOG_AGAIN_MS;
    if (remote->logged_ms && (!is_news || quiet_ms < LOG_QUIET_MS))
        return;
    snprintf(remote->logged, sizeof remote->logged, "%s", why);
    remote->logged_ms = now_ms;
    remote->is_up_news = true;
    log_warning("bus.down", "Redis at %s: %s%s", remote->address->text, why, hint_for(why));
}

static void remote_close(struct bus *bus)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    /* What was published last, such as answers: the loop has nothing else to do any more. */
    if (remote->commands)
        redis_link_drain(remote->commands, DRAIN_MS);
    redis_link_close(TAKE(remote->commands));
    redis_link_close(TAKE(remote->subscriptions));
    uv_close((uv_handle_t *)&remote->tick, bus_handle_closed);
    uv_close((uv_handle_t *)&remote->retry, bus_handle_closed);
}

static void remote_link_closed(void *context)
{
    struct remote *remote = context;
    bus_part_closed(&remote->bus);
}

static void remote_free(struct bus *bus)
{
    struct remote *remote = container_of(bus, struct remote, bus);
    redis_address_free(remote->address);
    trust_free(remote->trust);
    unanswered_free(&remote->unanswered);
    buffer_free(&remote->command);
    free(remote->prefix);
    free(remote);
}
