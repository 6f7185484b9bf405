/* chat/message_handlers.c: messages: list, detail, create, update, delete. */
#include <stdio.h>
#include "chat/access.h"
#include "chat/forms.h"
#include "chat/handlers.h"
#include "chat/message_models.h"
#include "chat/state.h"

static request_work message_list_work, message_detail_work, message_create_work, message_update_work,
    message_delete_work;
static request_done message_create_done, message_update_done;

static enum status page_around(struct request *request, struct db *db, const struct chat_action *action,
                               struct message_page *page);
static void append_offset(struct buffer *json, const char *name, int64_t offset);
static enum status answer_message(struct request *request, struct db *db, int64_t id, enum status answer);
static enum status event_about(struct chat_action *action, struct db *db);
static enum status reply_check(struct request *request, struct db *db, const struct chat_action *action);

static size_t text_max(const struct request *request)
{
    const struct chat *chat = request->app;
    return (size_t)dispatch_settings(chat->dispatch)->chat_text_max;
}

/* ---- reading ---- */

void message_list_start(struct request *request)
{
    chat_read(request, form_message_list(chat_action_of(request)), message_list_work);
}

static enum status message_list_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    SCOPED(message_page_free) struct message_page page = {.bytes_max = chat_page_bytes(request)};
    struct access access;
    enum status status = access_select(request, db, action->id, &access);
    if (status != STATUS_OK)
        return status;
    if (action->around)
        status = page_around(request, db, action, &page);
    else if (action->after >= 0)
        status = message_list_after(db, action->id, action->after, action->limit, &page);
    else
        status = message_list_before(db, action->id, action->before, action->limit, &page);
    if (status != STATUS_OK)
        return status;
    struct buffer *result = request_result(request);
    buffer_text(result, "{\"items\":[");
    buffer_append(result, page.items.bytes, page.items.length);
    buffer_char(result, ']');
    append_offset(result, "next", page.older);
    append_offset(result, "newer", page.newer);
    /* Position and page are of one snapshot: whoever subscribes from this offset misses nothing. */
    buffer_char(result, ',');
    buffer_json_member(result, "epoch", access.epoch);
    append_offset(result, "offset", access.top);
    buffer_char(result, '}');
    result->has_failed |= page.items.has_failed;
    return STATUS_OK;
}

static enum status page_around(struct request *request, struct db *db, const struct chat_action *action,
                               struct message_page *page)
{
    struct message message;
    enum status status = message_select(db, action->around, &message);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && message.room_id != action->id))
        return request_refuse(request, STATUS_NOT_FOUND, "There is no such message in this room.");
    if (status != STATUS_OK)
        return status;
    return message_list_around(db, action->id, message.offset, action->limit, page);
}

static void append_offset(struct buffer *json, const char *name, int64_t offset)
{
    buffer_printf(json, ",\"%s\":", name);
    if (offset < 0)
        buffer_text(json, "null");
    else
        buffer_int(json, offset);
}

void message_detail_start(struct request *request)
{
    chat_read(request, form_id(chat_action_of(request)), message_detail_work);
}

static enum status message_detail_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    struct message message;
    struct access access;
    enum status status = access_select_message(request, db, action->id, &message, &access);
    return status == STATUS_OK ? answer_message(request, db, action->id, STATUS_OK) : status;
}

static enum status answer_message(struct request *request, struct db *db, int64_t id, enum status answer)
{
    enum status status = message_print(db, id, request_result(request));
    return status == STATUS_OK ? answer : status;
}

/* ---- create ---- */

void message_create_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_message_create(chat_action_of(request), text_max(request));
    if (status == STATUS_OK)
        status = chat_needs_calm(request);
    chat_write(request, status, message_create_work, message_create_done);
}

static enum status message_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    int64_t id = 0, me = request->actor.user_id;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = access_may_write(request, &access);
    if (status != STATUS_OK)
        return status;
    /* The answer to an earlier try was lost: the message is there, and nobody hears of it twice. */
    status = action->key ? message_select_key(db, action->id, me, action->key, &id) : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        return answer_message(request, db, id, STATUS_OK);
    if (status == STATUS_NOT_FOUND)
        status = reply_check(request, db, action);
    if (status == STATUS_OK)
        status = event_open(db, action->id, "message.created", "message", &action->event);
    struct message_new message = {.room_id = action->id,
                                  .offset = (int64_t)action->event.offset,
                                  .author = me,
                                  .text = action->text,
                                  .reply_to = action->reply_to,
                                  .key = action->key};
    if (status == STATUS_OK)
        status = message_insert(db, &message, &id);
    struct mention_place place = {
        .message_id = id, .room_id = action->id, .offset = message.offset, .author = me, .text = action->text};
    if (status == STATUS_OK)
        status = mentions_insert(db, &place, &action->mentions);
    if (status == STATUS_OK)
        status = answer_message(request, db, id, STATUS_OK);
    if (status != STATUS_OK)
        return status;
    request->created_id = id;
    buffer_append(&action->event.data, request->result.bytes, request->result.length);
    status = event_append(db, &action->event);
    return status == STATUS_OK ? STATUS_CREATED : status;
}

static enum status reply_check(struct request *request, struct db *db, const struct chat_action *action)
{
    struct message message;
    if (!action->reply_to)
        return STATUS_OK;
    enum status status = message_select(db, action->reply_to, &message);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && message.room_id != action->id))
        return request_invalid(request, "/reply_to", "There is no such message in this room.");
    return status;
}

static void message_create_done(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    chat_tell(action);
    if (request->status == STATUS_CREATED) {
        unreads_tell(chat->unreads, action->id, action->event.offset, request->actor.user_id, &action->mentions);
        search_note(&chat->search);
        chat->messages++;
    }
    request_finish(request, request->status);
}

/* ---- update and delete ---- */

void message_update_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_message_update(chat_action_of(request), text_max(request));
    if (status == STATUS_OK)
        status = chat_needs_calm(request);
    chat_write(request, status, message_update_work, message_update_done);
}

static enum status message_update_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct message message;
    struct access access;
    enum status status = access_select_message_to_write(request, db, action->id, &message, &access);
    if (status != STATUS_OK)
        return status;
    if (message.author != request->actor.user_id)
        return request_refuse(request, STATUS_FORBIDDEN, "Only the author may change what a message says.");
    status = access_may_write(request, &access);
    if (status == STATUS_OK && message.is_deleted)
        return request_refuse(request, STATUS_CONFLICT, "This message was deleted.");
    if (status == STATUS_OK)
        status = event_open(db, message.room_id, "message.updated", "message", &action->event);
    if (status == STATUS_OK)
        status = message_update(db, action->id, action->text);
    struct mention_place place = {.message_id = action->id,
                                  .room_id = message.room_id,
                                  .offset = (int64_t)action->event.offset,
                                  .author = message.author,
                                  .text = action->text};
    if (status == STATUS_OK)
        status = mentions_update(db, &place, &action->mentions);
    return status == STATUS_OK ? event_about(action, db) : status;
}

static void message_update_done(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    const struct chat *chat = request->app;
    chat_tell(action);
    if (request->status == STATUS_OK)
        unreads_tell_mentioned(chat->unreads, action->event.room_id, action->event.offset, &action->mentions);
    request_finish(request, request->status);
}

/* The message as it is now is what the room hears and what the client is answered. */
static enum status event_about(struct chat_action *action, struct db *db)
{
    struct request *request = &action->request;
    enum status status = answer_message(request, db, action->id, STATUS_OK);
    if (status != STATUS_OK)
        return status;
    buffer_append(&action->event.data, request->result.bytes, request->result.length);
    return event_append(db, &action->event);
}

void message_delete_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_id(chat_action_of(request));
    chat_write(request, status, message_delete_work, chat_done);
}

static enum status message_delete_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct message message;
    struct access access;
    enum status status = access_select_message_to_write(request, db, action->id, &message, &access);
    if (status == STATUS_OK && message.author != request->actor.user_id)
        status = access_needs(request, &access, ROLE_MODERATOR, "delete what others wrote");
    if (status != STATUS_OK)
        return status;
    if (message.is_deleted)
        return STATUS_NO_CONTENT;
    status = message_delete(db, action->id);
    if (status == STATUS_OK)
        status = event_open(db, message.room_id, "message.deleted", "message", &action->event);
    if (status == STATUS_OK)
        status = event_about(action, db);
    request_result(request); /* a deletion is answered without a text */
    return status == STATUS_OK ? STATUS_NO_CONTENT : status;
}
