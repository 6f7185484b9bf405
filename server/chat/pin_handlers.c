/* chat/pin_handlers.c: messages that a room keeps in view: list, create, delete. */
#include "chat/access.h"
#include "chat/forms.h"
#include "chat/handlers.h"
#include "chat/pin_models.h"

/* Mostly they are answered all at once, and more are nothing to keep in view. */
#define PINS_MAX 50

static request_work pin_list_work, pin_create_work, pin_delete_work;

static enum status may_pin(struct request *request, const struct access *access);
static enum status message_check(struct request *request, struct db *db, const struct chat_action *action);
static enum status pin_event(struct chat_action *action, struct db *db, const char *name);

void pin_list_start(struct request *request)
{
    chat_read(request, form_pin_list(chat_action_of(request)), pin_list_work);
}

static enum status pin_list_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    SCOPED(buffer_free) struct buffer items = {0};
    struct access access;
    int64_t next = 0;
    enum status status = access_select(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = pin_list(db, action->id, action->before, chat_page_bytes(request), &items, &next);
    if (status == STATUS_OK)
        chat_answer_page(request, &items, next);
    return status;
}

void pin_create_start(struct request *request)
{
    chat_write_calmly(request, form_pin, pin_create_work);
}

static enum status pin_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    int64_t count = 0;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = may_pin(request, &access);
    if (status == STATUS_OK)
        status = message_check(request, db, action);
    if (status == STATUS_OK)
        status = pin_count(db, action->id, &count);
    if (status != STATUS_OK)
        return status;
    status = pin_insert(db, action->id, action->message_id, request->actor.user_id);
    if (status == STATUS_CONFLICT) /* it is there, which is what was asked for */
        return pin_print(db, action->message_id, request_result(request));
    if (status == STATUS_OK && count >= PINS_MAX)
        return request_refuse(request, STATUS_CONFLICT,
                              "This room has %d pinned messages, which is the limit: unpin one first.", PINS_MAX);
    if (status == STATUS_OK)
        status = pin_event(action, db, "message.pinned");
    if (status == STATUS_OK)
        status = pin_print(db, action->message_id, request_result(request));
    return status == STATUS_OK ? STATUS_CREATED : status;
}

/* A direct room belongs to both who are in it. */
static enum status may_pin(struct request *request, const struct access *access)
{
    enum role needed = access->kind == ROOM_DIRECT ? ROLE_MEMBER : ROLE_MODERATOR;
    return access_needs(request, access, needed, "pin and unpin messages");
}

static enum status message_check(struct request *request, struct db *db, const struct chat_action *action)
{
    struct message message;
    enum status status = message_select(db, action->message_id, &message);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && message.room_id != action->id))
        return request_invalid(request, "/message", "There is no such message in this room.");
    if (status == STATUS_OK && message.is_deleted)
        return request_refuse(request, STATUS_CONFLICT, "This message was deleted.");
    return status;
}

static enum status pin_event(struct chat_action *action, struct db *db, const char *name)
{
    const struct actor *actor = &action->request.actor;
    enum status status = event_open(db, action->id, name, "message", &action->event);
    if (status != STATUS_OK)
        return status;
    buffer_printf(&action->event.data, "%lld,\"user\":%lld,", (long long)action->message_id, (long long)actor->user_id);
    buffer_json_member(&action->event.data, "name", actor->name);
    return event_append(db, &action->event);
}

void pin_delete_start(struct request *request)
{
    chat_write_calmly(request, form_pin, pin_delete_work);
}

static enum status pin_delete_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = may_pin(request, &access);
    if (status != STATUS_OK)
        return status;
    status = pin_delete(db, action->id, action->message_id);
    if (status == STATUS_NOT_FOUND) /* it is gone, which is what was asked for */
        return STATUS_NO_CONTENT;
    if (status == STATUS_OK)
        status = pin_event(action, db, "message.unpinned");
    return status == STATUS_OK ? STATUS_NO_CONTENT : status;
}
