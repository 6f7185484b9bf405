/* chat/member_handlers.c: who is in a room: joining, leaving, inviting, roles. */
#include <stdio.h>
#include "chat/access.h"
#include "chat/forms.h"
#include "chat/handlers.h"
#include "chat/member_models.h"
#include "chat/room_models.h"
#include "chat/state.h"

static request_work room_join_work, room_leave_work, room_preferences_work, member_list_work, member_create_work,
    member_update_work, member_delete_work;
static request_done member_changed_done, member_removed_done;

static enum status member_add(struct chat_action *action, struct db *db, int64_t user_id, enum role role);
static enum status member_event(struct chat_action *action, struct db *db, const char *name, int64_t user_id);
static enum status member_remove(struct chat_action *action, struct db *db, int64_t user_id);
static enum status may_invite(struct request *request, const struct access *access, enum role role);
static enum status may_change_role(struct request *request, const struct access *access, enum role from, enum role to);

/* ---- joining and leaving ---- */

void room_join_start(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_id(action);
    action->user_id = request->actor.user_id;
    action->role = ROLE_MEMBER;
    chat_write(request, status, room_join_work, member_changed_done);
}

static enum status room_join_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    /* Only a public room is seen by somebody who is not in it. */
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK && access.role == ROLE_NONE)
        status = member_add(action, db, action->user_id, ROLE_MEMBER);
    return status == STATUS_OK ? room_print(db, action->id, action->user_id, request_result(request)) : status;
}

static enum status member_add(struct chat_action *action, struct db *db, int64_t user_id, enum role role)
{
    const struct chat *chat = action->request.app;
    int64_t count = 0, most = dispatch_settings(chat->dispatch)->chat_members_max;
    enum status status = member_count(db, action->id, most, &count);
    if (status == STATUS_OK && count >= most)
        return request_refuse(&action->request, STATUS_LIMIT, "The room is full: it has %lld members.",
                              (long long)count);
    if (status == STATUS_OK)
        status = member_insert(db, action->id, user_id, role);
    if (status == STATUS_CONFLICT)
        return request_refuse(&action->request, STATUS_CONFLICT, "This person is in the room already.");
    if (status == STATUS_OK)
        status = member_event(action, db, "member.joined", user_id);
    if (status == STATUS_OK)
        status = room_print(db, action->id, user_id, chat_push_open(action, user_id, "room.added", "room"));
    if (status == STATUS_OK)
        action->room_id = action->id;
    return status;
}

static enum status member_event(struct chat_action *action, struct db *db, const char *name, int64_t user_id)
{
    enum status status = event_open(db, action->id, name, "member", &action->event);
    if (status == STATUS_OK)
        status = member_print(db, action->id, user_id, &action->event.data);
    return status == STATUS_OK ? event_append(db, &action->event) : status;
}

static void member_changed_done(struct request *request)
{
    const struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    if (status_is_ok(request->status) && action->room_id)
        rooms_set_member(chat->rooms, action->room_id, action->user_id, action->role);
    chat_done(request);
}

void room_leave_start(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_id(action);
    action->user_id = request->actor.user_id;
    chat_write(request, status, room_leave_work, member_removed_done);
}

static enum status room_leave_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status != STATUS_OK)
        return status;
    if (access.kind == ROOM_DIRECT)
        return request_refuse(request, STATUS_FORBIDDEN, "A direct room cannot be left.");
    if (access.role == ROLE_NONE)
        return request_refuse(request, STATUS_NOT_FOUND, "You are not in this room.");
    return member_remove(action, db, action->user_id);
}

static enum status member_remove(struct chat_action *action, struct db *db, int64_t user_id)
{
    struct person person = {0};
    enum status status = member_may_lose_owner(db, action->id, user_id);
    if (status == STATUS_CONFLICT)
        return request_refuse(&action->request, STATUS_CONFLICT,
                              "A room needs an owner: make somebody else an owner first.");
    if (status == STATUS_OK)
        status = person_select(db, user_id, &person);
    if (status == STATUS_OK)
        status = member_delete(db, action->id, user_id);
    if (status == STATUS_OK)
        status = event_open(db, action->id, "member.left", "user", &action->event);
    if (status != STATUS_OK)
        return status;
    buffer_int(&action->event.data, user_id);
    buffer_char(&action->event.data, ',');
    buffer_json_member(&action->event.data, "name", person.name);
    status = event_append(db, &action->event);
    if (status != STATUS_OK)
        return status;
    buffer_int(chat_push_open(action, user_id, "room.removed", "room"), action->id);
    action->room_id = action->id;
    return STATUS_NO_CONTENT;
}

static void member_removed_done(struct request *request)
{
    const struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    char channel[ROOM_CHANNEL_SIZE];
    if (status_is_ok(request->status)) {
        const struct room *room = rooms_find(chat->rooms, action->id);
        rooms_remove_member(chat->rooms, action->id, action->user_id);
        /* Before the event and the answer. A public room may be read from outside. */
        if (!room || room->kind != ROOM_PUBLIC)
            hub_unsubscribe(chat->hub, action->user_id, room_channel(action->id, channel));
    }
    chat_done(request);
}

void room_preferences_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_room_preferences(chat_action_of(request));
    chat_write(request, status, room_preferences_work, chat_done);
}

static enum status room_preferences_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    int64_t me = request->actor.user_id;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK && access.role == ROLE_NONE)
        return request_refuse(request, STATUS_FORBIDDEN, "Join the room before you choose what to be told of.");
    if (status == STATUS_OK)
        status = member_update_notify(db, action->id, me, action->notify);
    if (status == STATUS_OK) /* for the other windows of the same person */
        buffer_printf(chat_push_open(action, me, "room.preferences", "room"), "%lld,\"notify\":\"%s\"",
                      (long long)action->id, action->notify);
    else if (status != STATUS_CONFLICT)
        return status;
    return room_print(db, action->id, me, request_result(request));
}

/* ---- the members of a room ---- */

void member_list_start(struct request *request)
{
    chat_read(request, form_member_list(chat_action_of(request)), member_list_work);
}

static enum status member_list_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    SCOPED(buffer_free) struct buffer items = {0};
    struct access access;
    int64_t next = 0;
    enum status status = access_select(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = member_list(db, action->id, action->text, action->after, action->limit, &items, &next);
    if (status == STATUS_OK)
        chat_answer_page(request, &items, next);
    return status;
}

void member_create_start(struct request *request)
{
    chat_write(request, form_member_create(chat_action_of(request)), member_create_work, member_changed_done);
}

static enum status member_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    struct person person = {0};
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK)
        status = may_invite(request, &access, action->role);
    if (status != STATUS_OK)
        return status;
    status = person_select(db, action->user_id, &person);
    if (status == STATUS_NOT_FOUND || person.is_disabled)
        return request_invalid(request, "/user", "There is no such person.");
    if (status == STATUS_OK)
        status = member_add(action, db, action->user_id, action->role);
    if (status == STATUS_OK)
        status = member_print(db, action->id, action->user_id, request_result(request));
    return status == STATUS_OK ? STATUS_CREATED : status;
}

static enum status may_invite(struct request *request, const struct access *access, enum role role)
{
    if (access->kind == ROOM_DIRECT)
        return request_refuse(request, STATUS_FORBIDDEN, "A direct room is for exactly two people.");
    enum role needed = access->kind == ROOM_PUBLIC ? ROLE_MEMBER : ROLE_MODERATOR;
    enum status status = access_needs(request, access, needed, "invite people");
    /* Only owners give a share in running the room away. */
    if (status == STATUS_OK && role > ROLE_MEMBER)
        status = access_needs(request, access, ROLE_OWNER, "make others owners or moderators");
    if (status == STATUS_OK && role < ROLE_MEMBER)
        status = access_needs(request, access, ROLE_MODERATOR, "make others readers");
    return status;
}

void member_update_start(struct request *request)
{
    chat_write(request, form_member_update(chat_action_of(request)), member_update_work, member_changed_done);
}

static enum status member_update_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum role from = ROLE_NONE;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status != STATUS_OK)
        return status;
    if (access.kind == ROOM_DIRECT)
        return request_refuse(request, STATUS_FORBIDDEN, "A direct room stays as it is.");
    status = access_needs(request, &access, ROLE_MODERATOR, "change roles");
    if (status == STATUS_OK)
        status = member_select_role(db, action->id, action->user_id, &from);
    if (status == STATUS_NOT_FOUND)
        return request_refuse(request, STATUS_NOT_FOUND, "This person is not in the room.");
    if (status == STATUS_OK)
        status = may_change_role(request, &access, from, action->role);
    if (status == STATUS_OK && action->role != ROLE_OWNER)
        status = member_may_lose_owner(db, action->id, action->user_id);
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "A room needs an owner: make somebody else an owner first.");
    if (status == STATUS_OK && from != action->role) {
        status = member_update(db, action->id, action->user_id, action->role);
        if (status == STATUS_OK)
            status = member_event(action, db, "member.updated", action->user_id);
        action->room_id = action->id;
    }
    return status == STATUS_OK ? member_print(db, action->id, action->user_id, request_result(request)) : status;
}

static enum status may_change_role(struct request *request, const struct access *access, enum role from, enum role to)
{
    if (from <= ROLE_MEMBER && to <= ROLE_MEMBER)
        return STATUS_OK;
    return access_needs(request, access, ROLE_OWNER, "make or unmake owners and moderators");
}

void member_delete_start(struct request *request)
{
    chat_write(request, form_member(chat_action_of(request)), member_delete_work, member_removed_done);
}

static enum status member_delete_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum role role = ROLE_NONE;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status != STATUS_OK)
        return status;
    if (access.kind == ROOM_DIRECT)
        return request_refuse(request, STATUS_FORBIDDEN, "Nobody leaves a direct room.");
    bool is_oneself = action->user_id == request->actor.user_id;
    if (!is_oneself)
        status = access_needs(request, &access, ROLE_MODERATOR, "remove people");
    if (status == STATUS_OK)
        status = member_select_role(db, action->id, action->user_id, &role);
    if (status == STATUS_NOT_FOUND)
        return request_refuse(request, STATUS_NOT_FOUND, "This person is not in the room.");
    if (status == STATUS_OK && !is_oneself && role > ROLE_MEMBER)
        status = access_needs(request, &access, ROLE_OWNER, "remove owners and moderators");
    return status == STATUS_OK ? member_remove(action, db, action->user_id) : status;
}
