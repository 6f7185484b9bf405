/* bus/redis.c: one connection to Redis, the only file that knows hiredis. It uses hiredis' plain
 * non-blocking context with a poll handle of our own. The asynchronous interface of hiredis 0.14 is no
 * choice: its asserts end the process when an answer comes that nobody asked for. */
#include "bus/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* hiredis reads 16 KiB at a time. Several reads per turn, so that a node whose turns are long (it sends to
 * many sockets) keeps up with Redis; not all there is, so that Redis cannot take the loop for itself. */
#define READ_BYTES 16384
#define READS_PER_TURN 16
#define ANSWER_ELEMENTS_MAX 3
#define WHY_SIZE 192

#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 3
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
    return redisAppendFormattedCommand(link->context, bytes, length) == REDIS_OK;
}

void redis_link_flush(struct redis_link *link)
{
    if (link->is_connected)
        link_write(link);
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
    free(link);
    listener.closed(listener.context);
}

static void link_ready(uv_poll_t *poll, int status, int events)
{
    struct redis_link *link = poll->data;
    if (!link->is_connected && !link_connect_done(link, status))
        return;
    if (link->context->err) { /* a flush failed */
        link_fail(link);
        return;
    }
    /* A poll error says nothing of its cause; reading finds it, and whatever came before it. */
    if (status < 0 || events & UV_READABLE)
        link_read(link);
    if (status < 0)
        link_lost(link, "the connection failed"); /* unless the reading found better words */
    if (!uv_is_closing((uv_handle_t *)poll) && events & UV_WRITABLE) {
        link_write(link);
        if (link->context->err)
            link_fail(link);
    }
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
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        element[0]->type != REDIS_REPLY_STRING || element[1]->type != REDIS_REPLY_STRING)
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

/* An error stays in the context. Waiting to write goes on then, and the next event reports it: the
 * listener never hears of a loss inside a call of its own. */
static void link_write(struct redis_link *link)
{
    int is_done = 0;
    bool has_failed = redisBufferWrite(link->context, &is_done) != REDIS_OK;
    link_wait_for(link, has_failed || !is_done ? UV_READABLE | UV_WRITABLE : UV_READABLE);
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
    link_lost(link, context->err == REDIS_ERR_OOM ? "an answer has a shape that Redis does not send us"
                                                  : context->errstr);
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
