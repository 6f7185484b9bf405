/* chat/state.h: what the files of this folder share on the loop. */
#pragma once
#include "chat/chat.h"
#include "chat/limits.h"
#include "chat/rooms.h"
#include "chat/search.h"
#include "chat/unread.h"

struct chat {
    struct dispatch *dispatch;
    struct hub *hub;
    struct rooms *rooms;
    struct limits *limits;
    struct unreads *unreads;
    struct search search;
    uint64_t messages; /* said since the start */
};
