/* chat/action.c: what all actions of this folder share. */
#include "chat/action.h"
#include <assert.h>
#include <stdlib.h>
#include "chat/state.h"
#include "lib/clock.h"

struct chat_action *chat_action_begin(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    action->room_id = 0;
    event_clear(&action->event);
    action->mentions.count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(action->pushes); i++) {
        action->pushes[i].user_id = 0;
        buffer_clear(&action->pushes[i].json);
    }
    request->created_id = 0;
    request_result(request);
    return action;
}

void chat_action_free(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    if (action->along)
        along_clear(action->along);
    free(action->along);
    event_free(&action->event);
    for (size_t i = 0; i < ARRAY_LENGTH(action->pushes); i++)
        buffer_free(&action->pushes[i].json);
}

enum status chat_needs_person(struct request *request)
{
    if (request->actor.user_id > 0)
        return STATUS_OK;
    if (request->actor.is_shell)
        return request_refuse(request, STATUS_FORBIDDEN, "The shell is nobody in a room: do this as a user.");
    return STATUS_UNAUTHENTICATED;
}

enum status chat_needs_calm(struct request *request)
{
    const struct chat *chat = request->app;
    int64_t wait_ms = 0, per_s = dispatch_settings(chat->dispatch)->chat_messages_per_s;
    if (request->actor.is_shell ||
        limits_take_message(chat->limits, request->actor.user_id, clock_monotonic_ms(), per_s, &wait_ms))
        return STATUS_OK;
    request->retry_after_s = wait_ms / 1000 + 1;
    return request_refuse(request, STATUS_TOO_MANY, "You write too fast: wait a moment and try again.");
}

void chat_write(struct request *request, enum status status, request_work *work, request_done *done)
{
    if (status == STATUS_OK)
        request_write(request, work, done);
    else
        request_finish(request, status);
}

void chat_write_calmly(struct request *request, enum status (*form)(struct chat_action *action), request_work *work)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form(chat_action_of(request));
    if (status == STATUS_OK)
        status = chat_needs_calm(request);
    chat_write(request, status, work, chat_done);
}

void chat_read(struct request *request, enum status status, request_work *work)
{
    if (status == STATUS_OK)
        request_read(request, work, NULL);
    else
        request_finish(request, status);
}

void chat_done(struct request *request)
{
    chat_tell(chat_action_of(request));
    request_finish(request, request->status);
}

void chat_tell(struct chat_action *action)
{
    if (!status_is_ok(action->request.status))
        return;
    event_publish(action->request.app, &action->event);
    for (size_t i = 0; i < ARRAY_LENGTH(action->pushes); i++) {
        struct push *push = &action->pushes[i];
        if (!push->user_id)
            continue;
        buffer_char(&push->json, '}');
        /* A push is a hint; who misses it reads the list of rooms at the next connect. */
        if (!push->json.has_failed)
            push_to_user(action->request.app, push->user_id, push->json.bytes, push->json.length);
    }
}

struct buffer *chat_push_open(struct chat_action *action, int64_t user_id, const char *name, const char *member)
{
    struct push *push = &action->pushes[0];
    if (push->user_id)
        push++;
    assert(!push->user_id); /* no action tells more than two people */
    push->user_id = user_id;
    buffer_printf(&push->json, "{\"event\":\"%s\",\"%s\":", name, member);
    return &push->json;
}

size_t chat_page_bytes(const struct request *request)
{
    return (size_t)dispatch_settings(request->dispatch)->realtime_queue_bytes_max / 2;
}

void chat_answer_page(struct request *request, const struct buffer *items, int64_t next)
{
    struct buffer *result = request_result(request);
    buffer_text(result, "{\"items\":[");
    buffer_append(result, items->bytes, items->length);
    buffer_text(result, "],\"next\":");
    if (next)
        buffer_int(result, next);
    else
        buffer_text(result, "null");
    buffer_char(result, '}');
    result->has_failed |= items->has_failed;
}
