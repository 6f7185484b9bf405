/* A hub that only notes what it is told. */
#include "hub.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct note *note_add(struct hub *hub, enum note_kind kind, int64_t user_id)
{
    assert(hub->count < NOTES_MAX);
    struct note *note = &hub->notes[hub->count++];
    note->kind = kind;
    note->user_id = user_id;
    return note;
}

void hub_add_kind(struct hub *hub, const struct channel_kind *kind, void *app)
{
    hub->kind = kind;
    hub->app = app;
}

struct wheel *hub_wheel(const struct hub *hub)
{
    return hub->wheel;
}

size_t hub_count_refused(struct hub *hub)
{
    return hub->refused ? hub->refused(hub->context) : 0;
}

void hub_publish(struct hub *hub, const char *channel, uint64_t offset, const char *json, size_t length)
{
    (void)offset;
    (void)json;
    (void)length;
    struct note *note = note_add(hub, NOTE_PUBLISH, strncmp(channel, "user:", 5) == 0 ? atoll(channel + 5) : 0);
    snprintf(note->channel, sizeof note->channel, "%s", channel);
}

void hub_publish_everybody(struct hub *hub, const char *json)
{
    (void)json;
    note_add(hub, NOTE_PUBLISH, 0);
}

void hub_publish_each(struct hub *hub, const char *channel,
                      const char *(*choose)(void *context, const struct actor *actor, size_t *length), void *context)
{
    static const struct actor shell = {.is_shell = true};
    size_t length = 0;
    const char *json = choose(context, &shell, &length);
    struct note *note = note_add(hub, NOTE_EACH, 0);
    snprintf(note->channel, sizeof note->channel, "%s", channel);
    snprintf(note->json, sizeof note->json, "%.*s", (int)length, json ? json : "");
}

void hub_publish_lost(struct hub *hub, const char *channel)
{
    snprintf(note_add(hub, NOTE_LOST, 0)->channel, sizeof hub->notes[0].channel, "%s", channel);
}

void hub_recheck(struct hub *hub, int64_t user_id)
{
    note_add(hub, NOTE_RECHECK, user_id);
}

void hub_disconnect(struct hub *hub, int64_t user_id, int64_t session_id, uint16_t code, const char *reason)
{
    (void)reason;
    struct note *note = note_add(hub, NOTE_DISCONNECT, user_id);
    note->session_id = session_id;
    note->code = code;
}

size_t hub_count(const struct hub *hub, enum note_kind kind, int64_t user_id)
{
    size_t count = 0;
    for (size_t i = 0; i < hub->count; i++)
        count += hub->notes[i].kind == kind && hub->notes[i].user_id == user_id;
    return count;
}
