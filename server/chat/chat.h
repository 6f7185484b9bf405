/* chat/chat.h: rooms, their members, and what is said in them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/dispatch.h"
#include "realtime/channel.h"

struct chat; /* opaque outside this folder: see chat/state.h */

/* The actions of this application. */
extern const struct route chat_routes[];
extern const size_t chat_routes_count;

/**
 * Register the routes with @dispatch and the channels "room:" with @hub. Also on an edge, where the routes
 * must be known and nothing is loaded. thread  loop, at start owns    the result is the caller's to
 * chat_free(); @dispatch and @hub must outlive it errors  NULL: no memory
 */
struct chat *chat_new(struct dispatch *dispatch, struct hub *hub);
void chat_free(struct chat *chat);
DEFINE_SCOPED(struct chat *, chat_free)

/**
 * Read the directory of rooms and members from the data base.
 * thread  the loop's, before it runs
 */
enum status chat_load(struct chat *chat, struct db *db);
/* What a home does by itself from now on. thread loop, after chat_load() */
void chat_start(struct chat *chat);
/* How many rooms there are, and how many messages were said since the start. thread loop */
void chat_stats(const struct chat *chat, size_t *rooms, uint64_t *messages);
/* Tell @models of "$rooms" (which the asker is a member of), "$public_rooms" and "$moderated_rooms" (its owner or a
 * moderator), before their rules are read. Also on an edge. @chat must outlive @models. */
void chat_relations(struct models *models, struct chat *chat);
