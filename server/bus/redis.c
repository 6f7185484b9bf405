/* bus/redis.c: one connection to Redis, the only file that knows hiredis. hiredis connects, reads and
 * parses; the poll handle and the output are ours. Its asynchronous interface is no choice: in 0.14 its
 * asserts end the process when an answer comes that nobody asked for. Nor is its output buffer, which moves
 * all that waits at each write. */
#include "bus/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buffer.h"
#include "lib/clock.h"

/* hiredis reads 16 KiB at a time. Several reads per turn, so that a node whose turns are long (it sends to
 * many sockets) keeps up with Redis; not all there is, so that Redis cannot take the loop for itself. */
#define READ_BYTES          16384
#define READS_PER_TURN      16
#define ANSWER_ELEMENTS_MAX 3
#define OUT_BYTES_KEPT      ((size_t)1 << 20) /* of memory, when all was written */
#define WHY_SIZE            192

#define KEEPALIVE_IDLE_S      15
#define KEEPALIVE_INTERVAL_S  5
#define KEEPALIVE_COUNT       3
#define UNACKNOWLEDGED_MS_MAX 5000 /* TCP_USER_TIMEOUT */

#if HIREDIS_MAJOR < 1
typedef int element_count;
#else
typedef size_t element_count;
#endif

struct redis_link {
    uv_poll_t poll;
    int events; /* which poll waits for */
    redisContext *context;
    struct redis_listener listener;
    redisReplyObjectFunctions functions; /* hiredis' own, but for arrays */
    void *(*array_new)(const redisReadTask *task, element_count elements);
    struct buffer out; /* what is to be written, behind what was */
    size_t written;
    int error; /* of a write, found outside an event and told in the next one */
    bool is_connected;
};

static bool link_prepare(struct redis_link *link, bool is_tcp);
static void *link_array_new(const redisReadTask *task, element_count elements);
static void link_ready(uv_poll_t *poll, int status, int events);
static bool link_connect_done(struct redis_link *link, int status);
static void link_read(struct redis_link *link);
static bool link_answer(struct redis_link *link, const redisReply *reply);
static bool answer_read(struct redis_answer *answer, const redisReply *reply);
static bool text_is(const redisReply *reply, const char *text);
static void link_write(struct redis_link *link);
static void link_wait_for(struct redis_link *link, int events);
static void link_fail(struct redis_link *link);
static void link_lost(struct redis_link *link, const char *why);
static void link_closed(uv_handle_t *handle);

struct redis_link *redis_link_open(const struct redis_address *address, uv_loop_t *loop,
                                   const struct redis_listener *listener, char *why, size_t why_size)
{
    struct redis_link *link = calloc(1, sizeof *link);
    redisContext *context = NULL;
    if (link)
        context = address->path ? redisConnectUnixNonBlock(address->path)
                                : redisConnectNonBlock(address->host, address->port);
    if (!context || context->err) {
        snprintf(why, why_size, "%s", context ? context->errstr : "no memory");
        goto failed;
    }
    link->context = context;
    link->listener = *listener;
    int error = link_prepare(link, !address->path) ? uv_poll_init(loop, &link->poll, context->fd) : UV_EINVAL;
    if (error < 0) {
        snprintf(why, why_size, "its socket cannot be used: %s", uv_strerror(error));
        goto failed;
    }
    link->poll.data = link;
    link_wait_for(link, UV_READABLE | UV_WRITABLE);
    return link;
failed:
    if (context)
        redisFree(context);
    free(link);
    return NULL;
}

static bool link_prepare(struct redis_link *link, bool is_tcp)
{
    struct option {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX},
    };
    redisReader *reader = link->context->reader;
    link->functions = *reader->fn;
    link->array_new = link->functions.createArray;
    link->functions.createArray = link_array_new;
    reader->fn = &link->functions;
    reader->privdata = link;
    for (size_t i = 0; is_tcp && i < ARRAY_LENGTH(options); i++)
        if (setsockopt(link->context->fd, options[i].level, options[i].name, &options[i].value,
                       sizeof options[i].value) < 0)
            return false;
    return fcntl(link->context->fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* hiredis would allocate whatever number of elements the peer names. No answer of ours is nested or has
 * more than three; for NULL hiredis gives up the connection. */
static void *link_array_new(const redisReadTask *task, element_count elements)
{
    struct redis_link *link = task->privdata;
    if (task->parent || elements > ANSWER_ELEMENTS_MAX)
        return NULL;
    return link->array_new(task, elements);
}

bool redis_link_send(struct redis_link *link, const char *bytes, size_t length)
{
    buffer_append(&link->out, bytes, length);
    if (link->out.has_failed)
        link->error = ENOMEM;
    return !link->out.has_failed;
}

void redis_link_flush(struct redis_link *link)
{
    if (link->is_connected)
        link_write(link);
}

void redis_link_drain(struct redis_link *link, int64_t most_ms)
{
    struct pollfd socket = {.fd = link->context->fd, .events = POLLOUT};
    int64_t until_ms = clock_monotonic_ms() + most_ms, left_ms = most_ms;
    redis_link_flush(link);
    while (link->is_connected && link->out.length && !link->error && left_ms > 0) {
        poll(&socket, 1, (int)left_ms);
        link_write(link);
        left_ms = until_ms - clock_monotonic_ms();
    }
}

void redis_link_close(struct redis_link *link)
{
    if (link && !uv_is_closing((uv_handle_t *)&link->poll))
        uv_close((uv_handle_t *)&link->poll, link_closed);
}

static void link_closed(uv_handle_t *handle)
{
    struct redis_link *link = handle->data;
    struct redis_listener listener = link->listener;
    redisFree(link->context);
    buffer_free(&link->out);
    free(link);
    listener.closed(listener.context);
}

static void link_ready(uv_poll_t *poll, int status, int events)
{
    struct redis_link *link = poll->data;
    if (!link->is_connected && !link_connect_done(link, status))
        return;
    /* A poll error says nothing of its cause; reading finds it, and whatever came before it. */
    if (status < 0 || events & UV_READABLE)
        link_read(link);
    if (events & UV_WRITABLE && !uv_is_closing((uv_handle_t *)poll))
        link_write(link);
    if (link->error)
        link_lost(link, uv_strerror(uv_translate_sys_error(link->error)));
    if (status < 0)
        link_lost(link, "the connection failed"); /* unless there were better words */
}

static bool link_connect_done(struct redis_link *link, int status)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = EIO;
    if (error || status < 0) {
        link_lost(link, error ? uv_strerror(uv_translate_sys_error(error)) : "the connection failed");
        return false;
    }
    link->is_connected = true;
    return true;
}

static void link_read(struct redis_link *link)
{
    redisContext *context = link->context;
    for (int reads = 0; reads < READS_PER_TURN; reads++) {
        size_t before = context->reader->len;
        if (redisBufferRead(context) != REDIS_OK) {
            link_fail(link);
            return;
        }
        size_t count = context->reader->len - before;
        void *reply = NULL;
        do {
            if (redisGetReplyFromReader(context, &reply) != REDIS_OK) {
                link_fail(link);
                return;
            }
            bool goes_on = !reply || link_answer(link, reply);
            if (reply)
                freeReplyObject(reply);
            if (!goes_on)
                return;
        } while (reply);
        if (context->reader->len - context->reader->pos > REDIS_ANSWER_BYTES_MAX) {
            link_lost(link, "an answer is too large");
            return;
        }
        if (count < READ_BYTES)
            return;
    }
}

/* False: the link is closed. */
static bool link_answer(struct redis_link *link, const redisReply *reply)
{
    struct redis_answer answer = {.kind = ANSWER_STATUS};
    if (reply->type == REDIS_REPLY_ERROR)
        link_lost(link, reply->str);
    else if (!answer_read(&answer, reply))
        link_lost(link, "an answer has a shape that Redis does not send us");
    else
        link->listener.answered(link->listener.context, link, &answer);
    return !uv_is_closing((uv_handle_t *)&link->poll);
}

static bool answer_read(struct redis_answer *answer, const redisReply *reply)
{
    redisReply **element = reply->element;
    if (reply->type == REDIS_REPLY_STATUS) {
        *answer = (struct redis_answer){.kind = ANSWER_STATUS, .bytes = reply->str, .length = reply->len};
        return true;
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        answer->kind = ANSWER_NUMBER;
        return true;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || element[0]->type != REDIS_REPLY_STRING ||
        element[1]->type != REDIS_REPLY_STRING)
        return false;
    answer->channel = element[1]->str;
    answer->channel_length = element[1]->len;
    answer->bytes = element[2]->str;
    answer->length = element[2]->len;
    if (text_is(element[0], "message"))
        answer->kind = ANSWER_MESSAGE;
    else if (text_is(element[0], "subscribe"))
        answer->kind = ANSWER_SUBSCRIBED;
    else if (text_is(element[0], "unsubscribe"))
        answer->kind = ANSWER_UNSUBSCRIBED;
    else
        return false;
    return element[2]->type == (answer->kind == ANSWER_MESSAGE ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER);
}

static bool text_is(const redisReply *reply, const char *text)
{
    return reply->len == strlen(text) && memcmp(reply->str, text, reply->len) == 0;
}

/* After an error we go on waiting to write, and the event that follows tells of it: the listener never hears
 * of a loss inside a call of its own. */
static void link_write(struct redis_link *link)
{
    struct buffer *out = &link->out;
    if (link->written < out->length && !link->error) {
        ssize_t count = send(link->context->fd, out->bytes + link->written, out->length - link->written, MSG_NOSIGNAL);
        if (count > 0)
            link->written += (size_t)count;
        else if (count < 0 && errno != EAGAIN && errno != EINTR)
            link->error = errno;
    }
    bool is_done = link->written == out->length;
    /* Moved once per half, so that the moving costs no more than the writing did. */
    if (is_done || link->written > out->length / 2) {
        buffer_consume(out, link->written);
        link->written = 0;
    }
    if (is_done && out->capacity > OUT_BYTES_KEPT)
        buffer_free(out);
    link_wait_for(link, is_done && !link->error ? UV_READABLE : UV_READABLE | UV_WRITABLE);
}

/* Each change is a system call. */
static void link_wait_for(struct redis_link *link, int events)
{
    if (events == link->events)
        return;
    link->events = events;
    uv_poll_start(&link->poll, events, link_ready);
}

static void link_fail(struct redis_link *link)
{
    const redisContext *context = link->context;
    /* What hiredis calls "out of memory" is nearly always our refusal in link_array_new(). */
    link_lost(link,
              context->err == REDIS_ERR_OOM ? "an answer has a shape that Redis does not send us" : context->errstr);
}

/* The listener closes the link, and with it may go whatever @why points to. */
static void link_lost(struct redis_link *link, const char *why)
{
    char text[WHY_SIZE];
    if (uv_is_closing((uv_handle_t *)&link->poll))
        return;
    snprintf(text, sizeof text, "%s", why);
    link->listener.lost(link->listener.context, link, text);
}
