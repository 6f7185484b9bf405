/* chat/reaction_handlers.c: small signs: reactions, how far somebody has read, and that somebody types. */
#include <stdio.h>
#include "chat/access.h"
#include "chat/forms.h"
#include "chat/handlers.h"
#include "chat/member_models.h"
#include "chat/message_models.h"
#include "chat/state.h"
#include "lib/clock.h"

/* They travel with their message in every list, so their number is bounded. */
#define REACTIONS_MAX 500

static request_work reaction_create_work, reaction_delete_work, room_read_work;

static enum status reaction_event(struct chat_action *action, struct db *db, const char *name, int64_t room_id);
static void reaction_append(const struct chat_action *action, struct buffer *json);
static enum status typing_check(struct request *request);

/* ---- reactions ---- */

void reaction_create_start(struct request *request)
{
    chat_write_calmly(request, form_reaction, reaction_create_work);
}

static enum status reaction_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct message message;
    struct access access;
    int64_t count = 0;
    enum status status = access_select_message_to_write(request, db, action->id, &message, &access);
    if (status == STATUS_OK)
        status = access_may_write(request, &access);
    if (status == STATUS_OK && message.is_deleted)
        return request_refuse(request, STATUS_CONFLICT, "This message was deleted.");
    if (status == STATUS_OK)
        status = reaction_count(db, action->id, &count);
    if (status != STATUS_OK)
        return status;
    buffer_text(request_result(request), "{\"message\":");
    reaction_append(action, &request->result);
    buffer_char(&request->result, '}');
    status = reaction_insert(db, action->id, request->actor.user_id, action->emoji);
    if (status == STATUS_CONFLICT) /* it is there, which is what was asked for */
        return STATUS_OK;
    if (status == STATUS_OK && count >= REACTIONS_MAX)
        return request_refuse(request, STATUS_LIMIT, "This message has %d reactions; that is the limit.",
                              REACTIONS_MAX);
    if (status == STATUS_OK)
        status = reaction_event(action, db, "reaction.added", message.room_id);
    return status == STATUS_OK ? STATUS_CREATED : status;
}

static enum status reaction_event(struct chat_action *action, struct db *db, const char *name, int64_t room_id)
{
    enum status status = event_open(db, room_id, name, "message", &action->event);
    if (status != STATUS_OK)
        return status;
    reaction_append(action, &action->event.data);
    return event_append(db, &action->event);
}

/* The members of a reaction, behind the name of the first: 7,"user":3,"name":"ann","emoji":"…" */
static void reaction_append(const struct chat_action *action, struct buffer *json)
{
    buffer_printf(json, "%lld,\"user\":%lld,", (long long)action->id, (long long)action->request.actor.user_id);
    buffer_json_member(json, "name", action->request.actor.name);
    buffer_char(json, ',');
    buffer_json_member(json, "emoji", action->emoji);
}

void reaction_delete_start(struct request *request)
{
    chat_write_calmly(request, form_reaction, reaction_delete_work);
}

static enum status reaction_delete_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct message message;
    struct access access;
    enum status status = access_select_message_to_write(request, db, action->id, &message, &access);
    if (status != STATUS_OK)
        return status;
    status = reaction_delete(db, action->id, request->actor.user_id, action->emoji);
    if (status == STATUS_NOT_FOUND) /* it is gone, which is what was asked for */
        return STATUS_NO_CONTENT;
    if (status == STATUS_OK)
        status = reaction_event(action, db, "reaction.removed", message.room_id);
    return status == STATUS_OK ? STATUS_NO_CONTENT : status;
}

/* ---- read marks ---- */

void room_read_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_room_read(chat_action_of(request));
    chat_write(request, status, room_read_work, chat_done);
}

static enum status room_read_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    int64_t me = request->actor.user_id, read_offset = 0, unread = 0, mentions = 0;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK && access.role == ROLE_NONE)
        return request_refuse(request, STATUS_FORBIDDEN, "Join the room before you mark it as read.");
    if (status == STATUS_OK)
        status = action->is_back ? member_unread_from(db, action->id, me, action->offset, &read_offset)
                                 : member_read(db, action->id, me, action->offset, &read_offset);
    if (status == STATUS_OK)
        status = member_unread(db, action->id, me, &unread);
    if (status == STATUS_OK)
        status = mentions_count_unread(db, action->id, me, &mentions);
    if (status != STATUS_OK)
        return status;
    char mark[112];
    snprintf(mark, sizeof mark, "\"read_offset\":%lld,\"unread\":%lld,\"mentions\":%lld", (long long)read_offset,
             (long long)unread, (long long)mentions);
    buffer_printf(request_result(request), "{%s}", mark);
    if (read_offset != access.read_offset) /* for the other windows of the same person */
        buffer_printf(chat_push_open(action, me, "read", "room"), "%lld,%s", (long long)action->id, mark);
    return STATUS_OK;
}

/* ---- typing ---- */

/* Never stored, so it is decided by the directory alone. */
void room_typing_start(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    const struct actor *actor = &request->actor;
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_id(action);
    if (status == STATUS_OK)
        status = typing_check(request);
    /* Too many signs of typing say no more than a few: they are dropped, which is no error. */
    if (status == STATUS_OK && limits_take_typing(chat->limits, actor->user_id, clock_monotonic_ms())) {
        SCOPED(buffer_free) struct buffer json = {0};
        char channel[ROOM_CHANNEL_SIZE];
        buffer_printf(&json, "{\"event\":\"typing\",\"user\":%lld,", (long long)actor->user_id);
        buffer_json_member(&json, "name", actor->name);
        buffer_char(&json, '}');
        if (!json.has_failed)
            hub_publish(chat->hub, room_channel(action->id, channel), 0, json.bytes, json.length);
    }
    request_finish(request, status == STATUS_OK ? STATUS_NO_CONTENT : status);
}

static enum status typing_check(struct request *request)
{
    const struct chat *chat = request->app;
    int64_t room_id = chat_action_of(request)->id;
    const struct room *room = rooms_find(chat->rooms, room_id);
    struct access access = {.room_id = room_id, .role = rooms_role(chat->rooms, room_id, request->actor.user_id)};
    if (!room || (room->kind != ROOM_PUBLIC && access.role == ROLE_NONE))
        return STATUS_NOT_FOUND;
    return access_may_write(request, &access);
}
