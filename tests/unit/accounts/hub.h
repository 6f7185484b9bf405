/* A hub that only notes what it is told, for the tests of accounts and acl. */
#pragma once
#include <stdint.h>
#include "realtime/channel.h"

#define NOTES_MAX 1000

enum note_kind { NOTE_PUBLISH, NOTE_RECHECK, NOTE_DISCONNECT, NOTE_EACH, NOTE_LOST };

struct note {
    enum note_kind kind;
    char channel[64];
    char json[200]; /* EACH: the beginning of what the shell would hear */
    int64_t user_id, session_id;
    int code;
};
struct hub {
    const struct channel_kind *kind; /* the last one added */
    void *app;
    struct wheel *wheel;              /* for who asks for it; NULL: there is none */
    size_t (*refused)(void *context); /* what hub_count_refused() says; NULL: none */
    void *context;
    struct note notes[NOTES_MAX];
    size_t count;
};
/* How many notes of @kind are about @user_id. */
size_t hub_count(const struct hub *hub, enum note_kind kind, int64_t user_id);
