/* chat/demo.c: rooms to look at on a first visit. */
#include "chat/demo.h"
#include <stdbool.h>
#include "chat/events.h"
#include "chat/member_models.h"
#include "chat/message_models.h"
#include "chat/room_models.h"
#include "lib/clock.h"

struct demo_line {
    size_t person; /* counted from the first of the users, around */
    const char *text;
};
struct demo_room {
    const char *name, *topic;
    bool is_for_reading; /* only the owner writes */
    struct demo_line lines[4];
};

static const struct demo_room demo[] = {
    {"general",
     "Everything that concerns all of us",
     false,
     {{0, "Welcome! This is a room for everybody."},
      {1, "Hello. Do messages reach all windows at once?"},
      {0, "They do. Open this page in a second window and try."},
      {2, "Works here 👍"}}},
    {"random", "Anything else", false, {{1, "Who is for tea?"}, {2, "Always."}, {0, "Five minutes."}}},
    {"announcements", "What everybody should know", true, {{0, "The server is up. What is new will stand here."}}},
};
static const struct {
    const char *title, *content;
    bool is_published;
} demo_rows[] = {
    {"Hello from Parley", "This is a row of the model news: everybody may read it, only its author may change it.",
     true},
    {"A draft", "Nobody but its author sees this one until it is published.", false},
};

static enum status demo_room(struct db *db, const struct demo_room *demo_room, const int64_t *user_ids, size_t count);
static enum status demo_line(struct db *db, int64_t room_id, int64_t author, const char *text);

enum status demo_rooms(struct db *db, const int64_t *user_ids, size_t count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; count && i < ARRAY_LENGTH(demo) && status == STATUS_OK; i++)
        status = demo_room(db, &demo[i], user_ids, count);
    return status;
}

static enum status demo_room(struct db *db, const struct demo_room *demo_room, const int64_t *user_ids, size_t count)
{
    char epoch[RANDOM_ID_SIZE];
    int64_t room_id;
    struct room_new room = {
        .kind = ROOM_PUBLIC, .name = demo_room->name, .topic = demo_room->topic, .created_by = user_ids[0]};
    enum status status = room_insert(db, &room, epoch, &room_id);
    if (status == STATUS_CONFLICT) /* somebody made a room of this name: it is theirs */
        return STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = member_insert(db, room_id, user_ids[i],
                               i == 0                      ? ROLE_OWNER
                               : demo_room->is_for_reading ? ROLE_READER
                                                           : ROLE_MEMBER);
    for (size_t i = 0; i < ARRAY_LENGTH(demo_room->lines) && status == STATUS_OK; i++) {
        const struct demo_line *line = &demo_room->lines[i];
        if (line->text)
            status = demo_line(db, room_id, user_ids[line->person % count], line->text);
    }
    return status;
}

/* As message.create does it, so that the log and the messages agree. */
static enum status demo_line(struct db *db, int64_t room_id, int64_t author, const char *text)
{
    struct event event = {0};
    int64_t id = 0;
    enum status status = event_open(db, room_id, "message.created", "message", &event);
    struct message_new message = {.room_id = room_id, .offset = (int64_t)event.offset, .author = author, .text = text};
    if (status == STATUS_OK)
        status = message_insert(db, &message, &id);
    if (status == STATUS_OK)
        status = message_print(db, id, &event.data);
    if (status == STATUS_OK)
        status = event_append(db, &event);
    event_free(&event);
    return status;
}

enum status demo_news(struct db *db, int64_t author)
{
    int64_t count = 0;
    enum status status = db_get_int(db, &count, "SELECT count(*) FROM sqlite_schema WHERE name = 'news'", "");
    for (size_t i = 0; count && i < ARRAY_LENGTH(demo_rows) && status == STATUS_OK; i++)
        status = db_run(db,
                        "INSERT INTO news(title, content, published, author, created_at, updated_at) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                        "ttiii", demo_rows[i].title, demo_rows[i].content, (int64_t)demo_rows[i].is_published, author,
                        clock_wall_ms());
    return status;
}
