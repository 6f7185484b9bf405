/* chat/search.h: what was said, found by its words, as far as the asker may read it. The index follows the messages at
 * a short distance, in a transaction of its own for hundreds of them: in the transaction of each message it would cost
 * more than the message. */
#pragma once
#include "base/request.h"
#include "chat/chat.h"
#include "net/wheel.h"

struct search {
    struct wheel_timer timer;
    struct chat *chat;
    bool is_running; /* a piece of the index is being written */
    bool has_more;   /* something was said meanwhile */
};

void search_init(struct search *search, struct chat *chat);
/* Something was said, here or before the start: have it found soon. Home, loop. */
void search_note(struct search *search);
/* The server's own action that writes the next piece. */
extern const struct route search_route;

void message_search_start(struct request *request);
