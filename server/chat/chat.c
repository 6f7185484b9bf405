/* chat/chat.c: the application's state, and its channels. */
#include "chat/chat.h"
#include <stdio.h>
#include <stdlib.h>
#include "chat/state.h"
#include "chat/events.h"

static enum status room_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top);
static cJSON *room_publish_params(const char *rest, cJSON *data);

static const struct channel_kind room_channels = {
    .prefix = "room:",
    .is_positioned = true,
    .authorize = room_authorize,
    .read_log = event_read_log,
    .publish_route = "message.create",
    .publish_params = room_publish_params,
};

struct chat *chat_new(struct dispatch *dispatch, struct hub *hub)
{
    SCOPED(chat_free) struct chat *chat = calloc(1, sizeof *chat);
    if (!chat)
        return NULL;
    chat->dispatch = dispatch;
    chat->hub = hub;
    chat->rooms = rooms_new();
    chat->limits = limits_new();
    chat->unreads = unreads_new(chat);
    if (!chat->rooms || !chat->limits || !chat->unreads)
        return NULL;
    dispatch_add(dispatch, chat_routes, chat_routes_count, chat);
    dispatch_add(dispatch, &search_route, 1, chat);
    search_init(&chat->search, chat);
    hub_add_kind(hub, &room_channels, chat);
    return TAKE(chat);
}

void chat_free(struct chat *chat)
{
    if (!chat)
        return;
    rooms_free(chat->rooms);
    limits_free(chat->limits);
    unreads_free(chat->unreads);
    free(chat);
}

enum status chat_load(struct chat *chat, struct db *db)
{
    return rooms_load(chat->rooms, db);
}

void chat_start(struct chat *chat)
{
    /* What was said before the last stop may not be indexed yet. */
    search_note(&chat->search);
}

void chat_stats(const struct chat *chat, size_t *rooms, uint64_t *messages)
{
    *rooms = rooms_count(chat->rooms);
    *messages = chat->messages;
}

static enum status room_authorize(void *app, const struct actor *actor, const char *rest, struct channel_top *top)
{
    const struct chat *chat = app;
    int64_t room_id;
    if (!room_id_read(rest, &room_id))
        return STATUS_MALFORMED;
    if (!permissions_allow(dispatch_permissions(chat->dispatch), actor, "message", RIGHT_READ))
        return STATUS_FORBIDDEN;
    const struct room *room = rooms_find(chat->rooms, room_id);
    if (!room)
        return STATUS_NOT_FOUND;
    /* The shell stands for the server itself here: it compares positions for edges. */
    if (room->kind != ROOM_PUBLIC && !actor->is_shell && rooms_role(chat->rooms, room_id, actor->user_id) == ROLE_NONE)
        return STATUS_NOT_FOUND;
    snprintf(top->epoch, sizeof top->epoch, "%s", room->epoch);
    top->offset = room->top;
    return STATUS_OK;
}

/* {"text","reply_to","key"} and the room's id. What else is in @data goes along, so that the form can name
 * it. */
static cJSON *room_publish_params(const char *rest, cJSON *data)
{
    int64_t room_id;
    if (!room_id_read(rest, &room_id) || !cJSON_IsObject(data) || json_get(data, "id"))
        return NULL;
    SCOPED(json_free) cJSON *params = cJSON_CreateObject();
    if (!params || !cJSON_AddNumberToObject(params, "id", (double)room_id))
        return NULL;
    while (data->child) {
        cJSON *item = cJSON_DetachItemViaPointer(data, data->child);
        if (!cJSON_AddItemToArray(params, item)) { /* keeps the name that the item has */
            cJSON_Delete(item);
            return NULL;
        }
    }
    return TAKE(params);
}
