/* chat/relations.c: what rules may ask of rooms. */
#include "base/rule.h"
#include "chat/state.h"

static bool is_in_room(void *app, const struct actor *actor, int64_t id);
static bool is_public_room(void *app, const struct actor *actor, int64_t id);
static bool is_moderator(void *app, const struct actor *actor, int64_t id);

static const struct relation relations[] = {
    {"$rooms", "SELECT room_id FROM member WHERE user_id = ?", is_in_room, NULL},
    /* The same for everybody, but a relation binds who asks. */
    {"$public_rooms", "SELECT id FROM room WHERE kind = 'public' AND ? IS NOT NULL", is_public_room, NULL},
    {"$moderated_rooms", "SELECT room_id FROM member WHERE user_id = ? AND role IN ('moderator', 'owner')",
     is_moderator, NULL},
};

void chat_relations(struct models *models, struct chat *chat)
{
    for (size_t i = 0; i < ARRAY_LENGTH(relations); i++) {
        struct relation relation = relations[i];
        relation.app = chat->rooms;
        relation_add(models, &relation);
    }
}

static bool is_in_room(void *app, const struct actor *actor, int64_t id)
{
    return rooms_role(app, id, actor->user_id) != ROLE_NONE;
}

static bool is_public_room(void *app, const struct actor *actor, int64_t id)
{
    (void)actor;
    const struct room *room = rooms_find(app, id);
    return room && room->kind == ROOM_PUBLIC;
}

static bool is_moderator(void *app, const struct actor *actor, int64_t id)
{
    return rooms_role(app, id, actor->user_id) >= ROLE_MODERATOR;
}
