/* chat/search.c: the index of messages, and asking it. */
#include "chat/search.h"
#include <stdlib.h>
#include "base/dispatch.h"
#include "base/words.h"
#include "chat/access.h"
#include "chat/action.h"
#include "chat/forms.h"
#include "chat/state.h"

/* A piece takes a few milliseconds on the writer, and others write between two pieces. */
#define PIECE_MESSAGES 500
#define PAUSE_MS       50
/* What was said meanwhile goes in with it: each piece is a transaction and a sync to disk, so that with a shorter wait
 * a room that talks at an even pace would cost half as many again. */
#define GATHER_MS 250
#define AGAIN_MS  5000 /* after a piece that failed: is the disk full? */
/* Whoever may read a good part of all that was said finds a page soon by looking at each hit. For those who may read
 * little, the index itself is asked for their rooms, which costs time for each room. */
#define ROOMS_IN_INDEX_MAX    100
#define SHARE_OF_ALL_MESSAGES 20

static void index_start(struct request *request);
static enum status index_work(struct request *request, struct db *db);
static void index_done(struct request *request);
static void search_fire(struct wheel_timer *timer);
static enum status message_search_work(struct request *request, struct db *db);
static enum status scope_print(struct request *request, struct db *db, int64_t room_id, struct buffer *match);

const struct route search_route = {.name = "message.index", .flags = ROUTE_NODE, .start = index_start};

void search_init(struct search *search, struct chat *chat)
{
    search->chat = chat;
    wheel_timer_init(&search->timer, search_fire);
}

void search_note(struct search *search)
{
    if (search->is_running)
        search->has_more = true;
    else if (!wheel_is_armed(&search->timer))
        wheel_arm(hub_wheel(search->chat->hub), &search->timer, GATHER_MS);
}

static void search_fire(struct wheel_timer *timer)
{
    struct search *search = container_of(timer, struct search, timer);
    struct request *request = dispatch_request(search->chat->dispatch, search_route.name);
    if (!request) {
        wheel_arm(hub_wheel(search->chat->hub), timer, AGAIN_MS);
        return;
    }
    search->is_running = true;
    search->has_more = false;
    request->actor.is_shell = true;
    dispatch_start(request);
}

static void index_start(struct request *request)
{
    if (request->node) /* the home's own business */
        request_finish(request, STATUS_FORBIDDEN);
    else
        request_write(request, index_work, index_done);
}

static enum status index_work(struct request *request, struct db *db)
{
    int64_t from = 0, to = 0, count = 0;
    enum status status = db_get_int(db, &from, "SELECT up_to FROM message_indexed", "");
    struct rows *rows = status == STATUS_OK ? db_query(db,
                                                       "SELECT count(*), ifnull(max(id), 0) FROM "
                                                       "(SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT ?2)",
                                                       "ii", from, (int64_t)PIECE_MESSAGES)
                                            : NULL;
    if (!rows)
        return status == STATUS_OK ? STATUS_FAULT : status;
    if (rows_next(rows)) {
        count = rows_int(rows, 0);
        to = rows_int(rows, 1);
    }
    status = rows_end(rows);
    if (status == STATUS_OK && count)
        status = db_run(db,
                        "INSERT INTO message_search(rowid, text, scope) SELECT id, text, 'r' || room_id FROM message "
                        "WHERE id > ?1 AND id <= ?2 AND text <> '' ORDER BY id",
                        "ii", from, to);
    if (status == STATUS_OK && count)
        status = db_run(db, "UPDATE message_indexed SET up_to = ?1", "i", to);
    buffer_int(request_result(request), count);
    return status;
}

static void index_done(struct request *request)
{
    struct search *search = &((struct chat *)request->app)->search;
    bool is_fine = request->status == STATUS_OK;
    bool is_full = is_fine && request->result.bytes && strtoll(request->result.bytes, NULL, 10) == PIECE_MESSAGES;
    search->is_running = false;
    if (!is_fine || is_full || search->has_more)
        wheel_arm(hub_wheel(search->chat->hub), &search->timer, !is_fine ? AGAIN_MS : is_full ? PAUSE_MS : GATHER_MS);
    request_finish(request, request->status);
}

/* ---- asking ---- */

void message_search_start(struct request *request)
{
    chat_read(request, form_message_search(chat_action_of(request)), message_search_work);
}

static enum status message_search_work(struct request *request, struct db *db)
{
    const struct chat_action *action = chat_action_begin(request);
    SCOPED(buffer_free) struct buffer match = {0};
    SCOPED(buffer_free) struct buffer items = {0};
    int64_t next = 0;
    buffer_text(&match, "{text} : (");
    size_t words = words_match(action->text, &match);
    if (words > WORDS_MAX)
        return request_invalid(request, "/q", "This has more than %d words.", WORDS_MAX);
    buffer_char(&match, ')');
    enum status status = scope_print(request, db, action->room_id_asked, &match);
    if (match.has_failed)
        status = FAULT("no memory for a search");
    struct message_hits hits = {.match = match.bytes,
                                .user_id = request->actor.user_id,
                                .room_id = action->room_id_asked,
                                .author_id = action->user_id,
                                .before = action->before,
                                .limit = action->limit};
    if (status == STATUS_OK && words)
        status = message_find(db, &hits, &items, &next);
    if (status == STATUS_OK)
        chat_answer_page(request, &items, next);
    return status;
}

/* For who may read little: " AND {scope} : (r3 OR r7)". It only makes the answer quick; what is not for the asker's
 * eyes is left out by message_find() in any case. */
static enum status scope_print(struct request *request, struct db *db, int64_t room_id, struct buffer *match)
{
    if (room_id) {
        struct access access;
        enum status status = access_select(request, db, room_id, &access);
        if (status == STATUS_OK)
            buffer_printf(match, " AND {scope} : r%lld", (long long)room_id);
        return status;
    }
    SCOPED(buffer_free) struct buffer scope = {0};
    int64_t all = 0, mine = 0, rooms = 0;
    enum status status = db_get_int(db, &all, "SELECT up_to FROM message_indexed", "");
    if (status != STATUS_OK)
        return status;
    struct rows *rows = db_query(db,
                                 "SELECT id, top FROM room WHERE kind = 'public' OR id IN "
                                 "(SELECT room_id FROM member WHERE user_id = ?1) LIMIT ?2",
                                 "ii", request->actor.user_id, (int64_t)ROOMS_IN_INDEX_MAX + 1);
    while (rows_next(rows)) {
        buffer_printf(&scope, "%sr%lld", rooms ? " OR " : "", (long long)rows_int(rows, 0));
        mine += rows_int(rows, 1);
        rooms++;
    }
    status = rows_end(rows);
    if (status == STATUS_OK && rooms && rooms <= ROOMS_IN_INDEX_MAX && mine < all / SHARE_OF_ALL_MESSAGES)
        buffer_printf(match, " AND {scope} : (%s)", scope.bytes ? scope.bytes : "");
    match->has_failed |= scope.has_failed;
    return status;
}
