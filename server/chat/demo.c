/* chat/demo.c: rooms and rows to look at on a first visit. */
#include "chat/demo.h"
#include <stdbool.h>
#include "chat/events.h"
#include "chat/member_models.h"
#include "chat/message_models.h"
#include "chat/room_models.h"
#include "lib/clock.h"

static const int64_t day_ms = 86400000;

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
    size_t author; /* as the person of a line */
    const char *title, *content;
    bool is_published;
} demo_news[] = {
    {0, "Hello from Parley", "This is a row of the model news: everybody may read it, only its author may change it.",
     true},
    {1, "The kitchen is open again", "With a new stove. Please keep it as it is now.", true},
    {0, "A draft", "Nobody but its author sees this one until it is published.", false},
};
/* They belong to the first of the news. */
static const struct {
    size_t author;
    const char *text;
} demo_comments[] = {{2, "Good to be here."}, {3, "Where is the handbook?"}, {0, "On its way: there is a task for it."}};
static const struct {
    const char *code, *title, *status;
    int64_t priority, days; /* until it is due */
    size_t author, assignee;
} demo_tasks[] = {
    {"DOC-1", "Write the handbook", "doing", 1, 7, 0, 1},
    {"DOC-2", "Draw the pictures of the handbook", "open", 3, 14, 1, 2},
    {"WEB-1", "Choose colours for the first page", "done", 2, -2, 0, 3},
    {"WEB-2", "Ask three people to try it", "open", 2, 3, 3, 3},
};

static enum status demo_room(struct db *db, const struct demo_room *demo_room, const int64_t *user_ids, size_t count);
static enum status demo_line(struct db *db, int64_t room_id, int64_t author, const char *text);
static enum status model_is_there(struct db *db, const char *table, int64_t *is_there);

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

enum status demo_rows(struct db *db, const int64_t *user_ids, size_t count)
{
    int64_t has_news = 0, has_comments = 0, has_tasks = 0, now = clock_wall_ms();
    enum status status = count ? model_is_there(db, "news", &has_news) : STATUS_OK;
    if (status == STATUS_OK && has_news)
        status = model_is_there(db, "comment", &has_comments);
    if (status == STATUS_OK && count)
        status = model_is_there(db, "task", &has_tasks);
    for (size_t i = 0; has_news && i < ARRAY_LENGTH(demo_news) && status == STATUS_OK; i++)
        status = db_run(db,
                        "INSERT INTO news(title, content, published, author, created_at, updated_at) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                        "ttiii", demo_news[i].title, demo_news[i].content, (int64_t)demo_news[i].is_published,
                        user_ids[demo_news[i].author % count], now);
    for (size_t i = 0; has_comments && i < ARRAY_LENGTH(demo_comments) && status == STATUS_OK; i++)
        status = db_run(db,
                        "INSERT INTO comment(news, text, author, created_at, updated_at) "
                        "SELECT min(id), ?1, ?2, ?3, ?3 FROM news",
                        "tii", demo_comments[i].text, user_ids[demo_comments[i].author % count], now);
    for (size_t i = 0; has_tasks && i < ARRAY_LENGTH(demo_tasks) && status == STATUS_OK; i++)
        status = db_run(db,
                        "INSERT INTO task(code, title, details, status, priority, labels, due, author, assignee, "
                        "created_at, updated_at) VALUES (?1, ?2, '', ?3, ?4, '[]', ?5, ?6, ?7, ?8, ?8)",
                        "tttiiiii", demo_tasks[i].code, demo_tasks[i].title, demo_tasks[i].status,
                        demo_tasks[i].priority, now + demo_tasks[i].days * day_ms,
                        user_ids[demo_tasks[i].author % count], user_ids[demo_tasks[i].assignee % count], now);
    return status;
}

static enum status model_is_there(struct db *db, const char *table, int64_t *is_there)
{
    return db_get_int(db, is_there, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1", "t",
                      table);
}
