/* chat/action.h: one shape for all actions of this folder: what was asked for, checked, and what the work
 * leaves for the loop to tell once it is committed. */
#pragma once
#include "base/along.h"
#include "base/request.h"
#include "chat/events.h"
#include "chat/mentions.h"
#include "chat/role.h"

/* A text for one person. */
struct push {
    int64_t user_id; /* 0: none */
    struct buffer json;
};

struct chat_action {
    struct request request;

    /* Asked for; each form sets what its action takes. Texts point into the parameters; NULL: not given. */
    int64_t id;            /* of the room or message that the path names */
    int64_t room_id_asked; /* a filter; 0: any room */
    int64_t user_id;
    int64_t reply_to; /* 0: not given */
    int64_t message_id;
    int64_t offset, after, before, around, limit;
    const char *text, *key, *emoji, *name, *topic;
    const char *notify;  /* one of notify_words */
    bool is_back;        /* the read mark may go back, and only back */
    enum role role;      /* NONE: not given */
    enum room_kind kind; /* NONE: not given */

    /* Left by the work, written anew each time it runs. */
    int64_t room_id; /* the room it was about; 0: nothing has changed */
    char epoch[RANDOM_ID_SIZE];
    struct event event;
    struct mentions mentions; /* who the event mentions and no earlier one did */
    struct push pushes[2];
    struct along *along; /* of a deleted room: rows that went with it; owned, NULL: none */
};

/* The action of @request, with everything that an earlier run of the work left taken away. thread store */
struct chat_action *chat_action_begin(struct request *request);
static inline struct chat_action *chat_action_of(struct request *request)
{
    return container_of(request, struct chat_action, request);
}
void chat_action_free(struct request *request);

/* OK if a person asks; else UNAUTHENTICATED, or FORBIDDEN for the shell, who is nobody in a room. thread loop
 */
enum status chat_needs_person(struct request *request);
/* OK, or TOO_MANY if this person writes too fast. thread loop */
enum status chat_needs_calm(struct request *request);

/* Go on if @status is OK, answer it otherwise. thread loop */
void chat_write(struct request *request, enum status status, request_work *work, request_done *done);
/* The same for what a person may do as often as speak: @form is asked in between. thread loop */
void chat_write_calmly(struct request *request, enum status (*form)(struct chat_action *action), request_work *work);
void chat_read(struct request *request, enum status status, request_work *work);
/* What most actions do after the commit: publish the event, send the pushes, answer. thread loop */
request_done chat_done;
/* The publishing alone, for those that do more. Nothing, if the work did not succeed. */
void chat_tell(struct chat_action *action);

/* Begin a text for @user_id: {"event":"@name","@member": — the caller appends the value. thread store */
struct buffer *chat_push_open(struct chat_action *action, int64_t user_id, const char *name, const char *member);
/* So many bytes of items end a page early: one answer must leave room for others in the queue of its connection. */
size_t chat_page_bytes(const struct request *request);
/* Answer {"items":[@items],"next":@next}; 0 is null. thread store */
void chat_answer_page(struct request *request, const struct buffer *items, int64_t next);
