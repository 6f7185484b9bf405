/* chat/room_handlers.c: rooms: list, detail, create, update, delete, and opening a direct room. */
#include <stdio.h>
#include <stdlib.h>
#include "chat/access.h"
#include "chat/forms.h"
#include "chat/handlers.h"
#include "chat/member_models.h"
#include "chat/room_models.h"
#include "chat/state.h"

/* One person's rooms stay in memory on the home for ever; nobody needs more. */
#define ROOMS_OWNED_MAX 5000
/* Who is told by a push that a room is gone; the others notice when their subscription ends. */
#define REMOVED_PUSH_MEMBERS_MAX 1000

static request_work room_list_work, room_detail_work, room_create_work, room_update_work, room_delete_work,
    direct_create_work;
static request_done room_create_done, room_update_done, room_delete_done, direct_create_done;

static enum status answer_room(struct request *request, struct db *db, int64_t room_id, enum status answer);
static enum status push_room_added(struct chat_action *action, struct db *db, int64_t room_id, int64_t user_id);

void room_list_start(struct request *request)
{
    chat_read(request, form_room_list(chat_action_of(request)), room_list_work);
}

static enum status room_list_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    SCOPED(buffer_free) struct buffer items = {0};
    int64_t next = 0;
    enum status status = room_list(db, request->actor.user_id, action->after, action->limit, &items, &next);
    if (status == STATUS_OK)
        chat_answer_page(request, &items, next);
    return status;
}

void room_detail_start(struct request *request)
{
    chat_read(request, form_id(chat_action_of(request)), room_detail_work);
}

static enum status room_detail_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum status status = access_select(request, db, action->id, &access);
    return status == STATUS_OK ? answer_room(request, db, action->id, STATUS_OK) : status;
}

static enum status answer_room(struct request *request, struct db *db, int64_t room_id, enum status answer)
{
    enum status status = room_print(db, room_id, request->actor.user_id, request_result(request));
    return status == STATUS_OK ? answer : status;
}

/* ---- create ---- */

void room_create_start(struct request *request)
{
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_room_create(chat_action_of(request));
    chat_write(request, status, room_create_work, room_create_done);
}

static enum status room_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    int64_t owned = 0, room_id = 0, me = request->actor.user_id;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK)
        status = member_count_owned(db, me, &owned);
    if (status == STATUS_OK && owned >= ROOMS_OWNED_MAX)
        return request_refuse(request, STATUS_LIMIT, "You own %d rooms already; that is the limit.", ROOMS_OWNED_MAX);
    struct room_new room = {.kind = action->kind, .name = action->name, .topic = action->topic, .created_by = me};
    if (status == STATUS_OK)
        status = room_insert(db, &room, action->epoch, &room_id);
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "There is a public room of this name already.");
    if (status == STATUS_OK)
        status = member_insert(db, room_id, me, ROLE_OWNER);
    if (status == STATUS_OK)
        status = push_room_added(action, db, room_id, me);
    if (status != STATUS_OK)
        return status;
    action->room_id = request->created_id = room_id;
    return answer_room(request, db, room_id, STATUS_CREATED);
}

/* Their other windows, or the one who was invited, hear of the room as they see it. */
static enum status push_room_added(struct chat_action *action, struct db *db, int64_t room_id, int64_t user_id)
{
    return room_print(db, room_id, user_id, chat_push_open(action, user_id, "room.added", "room"));
}

static void room_create_done(struct request *request)
{
    const struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    if (status_is_ok(request->status)) {
        rooms_add(chat->rooms, action->room_id, action->kind, action->epoch, 0);
        rooms_set_member(chat->rooms, action->room_id, request->actor.user_id, ROLE_OWNER);
    }
    chat_done(request);
}

/* ---- update ---- */

void room_update_start(struct request *request)
{
    chat_write(request, form_room_update(chat_action_of(request)), room_update_work, room_update_done);
}

static enum status room_update_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    struct access access;
    enum status status = access_select_to_write(request, db, action->id, &access);
    if (status == STATUS_OK && access.kind == ROOM_DIRECT)
        return request_refuse(request, STATUS_FORBIDDEN, "A direct room stays as it is.");
    if (status == STATUS_OK)
        status = access_needs(request, &access, ROLE_MODERATOR, "change it");
    if (status == STATUS_OK && action->kind != ROOM_NONE && action->kind != access.kind)
        status = access_needs(request, &access, ROLE_OWNER, "change who may read it");
    if (status != STATUS_OK)
        return status;
    status = room_update(db, action->id, action->name, action->topic, action->kind);
    if (status == STATUS_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "There is a public room of this name already.");
    if (status == STATUS_OK)
        status = event_open(db, action->id, "room.updated", "room", &action->event);
    if (status == STATUS_OK)
        status = room_print_for_all(db, action->id, &action->event.data);
    if (status == STATUS_OK)
        status = event_append(db, &action->event);
    return status == STATUS_OK ? answer_room(request, db, action->id, STATUS_OK) : status;
}

static void room_update_done(struct request *request)
{
    const struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    char channel[ROOM_CHANNEL_SIZE];
    if (status_is_ok(request->status) && action->kind != ROOM_NONE) {
        rooms_set_kind(chat->rooms, action->id, action->kind);
        /* Before the event: those who may not read any more do not hear it either. */
        if (action->kind == ROOM_PRIVATE)
            hub_recheck_channel(chat->hub, room_channel(action->id, channel));
    }
    chat_done(request);
}

/* ---- delete ---- */

void room_delete_start(struct request *request)
{
    chat_write(request, form_id(chat_action_of(request)), room_delete_work, room_delete_done);
}

static enum status room_delete_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    const struct models *models = dispatch_models(request->dispatch);
    struct access access;
    int64_t is_superuser = request->actor.is_shell, exists;
    enum status status = request_recheck(request, db);
    if (status == STATUS_OK && !is_superuser)
        status = person_is_superuser(db, request->actor.user_id, &is_superuser);
    if (status != STATUS_OK)
        return status;
    if (is_superuser) {
        status = db_get_int(db, &exists, "SELECT 1 FROM room WHERE id = ?1", "i", action->id);
    } else {
        status = access_select(request, db, action->id, &access);
        if (status == STATUS_OK)
            status = access_needs(request, &access, ROLE_OWNER, "delete it");
    }
    if (!action->along)
        action->along = calloc(1, sizeof *action->along);
    if (status == STATUS_OK && !action->along)
        return FAULT("no memory");
    if (status == STATUS_OK)
        status = along_follow(action->along, request, db, models ? models_find(models, "room") : NULL, action->id);
    if (status == STATUS_OK)
        status = room_delete(db, action->id);
    if (status == STATUS_OK)
        status = along_finish(action->along, db);
    return status == STATUS_OK ? STATUS_NO_CONTENT : status;
}

static void room_delete_done(struct request *request)
{
    struct chat *chat = request->app;
    int64_t room_id = chat_action_of(request)->id;
    char channel[ROOM_CHANNEL_SIZE], json[80];
    if (status_is_ok(request->status)) {
        hub_unsubscribe(chat->hub, 0, room_channel(room_id, channel));
        int length = snprintf(json, sizeof json, "{\"event\":\"room.removed\",\"room\":%lld}", (long long)room_id);
        push_to_members(chat, room_id, 0, REMOVED_PUSH_MEMBERS_MAX, json, (size_t)length);
        rooms_remove(chat->rooms, room_id);
        along_announce(chat_action_of(request)->along, request->dispatch);
    }
    request_finish(request, request->status);
}

/* ---- direct rooms ---- */

void direct_create_start(struct request *request)
{
    struct chat_action *action = chat_action_of(request);
    enum status status = chat_needs_person(request);
    if (status == STATUS_OK)
        status = form_direct(action);
    if (status == STATUS_OK && action->user_id == request->actor.user_id)
        status = request_invalid(request, "/user", "A direct room is with somebody else.");
    chat_write(request, status, direct_create_work, direct_create_done);
}

static enum status direct_create_work(struct request *request, struct db *db)
{
    struct chat_action *action = chat_action_begin(request);
    int64_t me = request->actor.user_id, other = action->user_id, room_id = 0;
    struct person person = {0};
    enum status status = request_recheck(request, db);
    if (status != STATUS_OK)
        return status;
    char key[48]; /* the same whoever of the two comes first */
    snprintf(key, sizeof key, "%lld:%lld", (long long)(me < other ? me : other), (long long)(me < other ? other : me));
    status = room_select_direct(db, key, &room_id);
    if (status == STATUS_OK)
        return answer_room(request, db, room_id, STATUS_OK);
    if (status == STATUS_NOT_FOUND)
        status = person_select(db, other, &person);
    if (status == STATUS_NOT_FOUND || person.is_disabled)
        return request_invalid(request, "/user", "There is no such person.");
    struct room_new room = {.kind = ROOM_DIRECT, .name = "", .topic = "", .direct_key = key, .created_by = me};
    if (status == STATUS_OK)
        status = room_insert(db, &room, action->epoch, &room_id);
    if (status == STATUS_OK)
        status = member_insert(db, room_id, me, ROLE_MEMBER);
    if (status == STATUS_OK)
        status = member_insert(db, room_id, other, ROLE_MEMBER);
    if (status == STATUS_OK)
        status = push_room_added(action, db, room_id, me);
    if (status == STATUS_OK)
        status = push_room_added(action, db, room_id, other);
    if (status != STATUS_OK)
        return status;
    action->room_id = request->created_id = room_id;
    return answer_room(request, db, room_id, STATUS_CREATED);
}

static void direct_create_done(struct request *request)
{
    const struct chat_action *action = chat_action_of(request);
    struct chat *chat = request->app;
    if (request->status == STATUS_CREATED) {
        rooms_add(chat->rooms, action->room_id, ROOM_DIRECT, action->epoch, 0);
        rooms_set_member(chat->rooms, action->room_id, request->actor.user_id, ROLE_MEMBER);
        rooms_set_member(chat->rooms, action->room_id, action->user_id, ROLE_MEMBER);
    }
    chat_done(request);
}
