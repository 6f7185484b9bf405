/* chat/routes.c: the actions on rooms, members and messages, and what each needs. What somebody may do in one
 * room is asked by the work itself, inside its transaction. */
#include "chat/action.h"
#include "chat/chat.h"
#include "chat/handlers.h"
#include "chat/search.h"

#define ROUTE(name, method, path, model, right, start)                                                                 \
    {                                                                                                                  \
        name, HTTP_M_##method, path, ROUTE_MODEL, model, RIGHT_##right, start, sizeof(struct chat_action),             \
            chat_action_free                                                                                           \
    }

const struct route chat_routes[] = {
    ROUTE("room.list", GET, "room", "room", READ, room_list_start),
    ROUTE("room.create", POST, "room", "room", WRITE, room_create_start),
    ROUTE("room.detail", GET, "room/:id", "room", READ, room_detail_start),
    ROUTE("room.update", PATCH, "room/:id", "room", WRITE, room_update_start),
    ROUTE("room.delete", DELETE, "room/:id", "room", DELETE, room_delete_start),
    ROUTE("direct.create", POST, "direct", "room", WRITE, direct_create_start),

    /* Joining and leaving change one's own membership only; who may do the one may do the other. */
    ROUTE("room.join", POST, "room/:id/join", "member", WRITE, room_join_start),
    ROUTE("room.leave", POST, "room/:id/leave", "member", WRITE, room_leave_start),
    /* What a member wants to be told of is one's own, as a read mark is: reading is all it needs. */
    ROUTE("room.preferences", PATCH, "room/:id/me", "message", READ, room_preferences_start),
    ROUTE("member.list", GET, "room/:id/member", "member", READ, member_list_start),
    ROUTE("member.create", POST, "room/:id/member", "member", WRITE, member_create_start),
    ROUTE("member.update", PATCH, "room/:id/member/:user", "member", WRITE, member_update_start),
    ROUTE("member.delete", DELETE, "room/:id/member/:user", "member", DELETE, member_delete_start),

    ROUTE("message.list", GET, "room/:id/message", "message", READ, message_list_start),
    ROUTE("message.search", GET, "message", "message", READ, message_search_start),
    ROUTE("message.create", POST, "room/:id/message", "message", WRITE, message_create_start),
    ROUTE("message.detail", GET, "message/:id", "message", READ, message_detail_start),
    ROUTE("message.update", PATCH, "message/:id", "message", WRITE, message_update_start),
    ROUTE("message.delete", DELETE, "message/:id", "message", DELETE, message_delete_start),

    ROUTE("pin.list", GET, "room/:id/pin", "message", READ, pin_list_start),
    ROUTE("pin.create", POST, "room/:id/pin", "message", WRITE, pin_create_start),
    ROUTE("pin.delete", DELETE, "room/:id/pin/:message", "message", WRITE, pin_delete_start),

    ROUTE("reaction.create", POST, "message/:id/reaction", "message", WRITE, reaction_create_start),
    ROUTE("reaction.delete", DELETE, "message/:id/reaction/:emoji*", "message", WRITE, reaction_delete_start),
    /* A read mark is one's own: reading is all it needs. */
    ROUTE("room.read", POST, "room/:id/read", "message", READ, room_read_start),
    ROUTE("room.typing", POST, "room/:id/typing", "message", WRITE, room_typing_start),
};
const size_t chat_routes_count = ARRAY_LENGTH(chat_routes);
