/* realtime/feed.h: the change feed of each model: "model:news" tells whoever listens which rows were made, changed and
 * deleted, as far as each may see them. Loop thread. */
#pragma once
#include "base/dispatch.h"
#include "realtime/channel.h"

struct feed;
/* After model_actions_add(). NULL: no memory. */
struct feed *feed_new(struct dispatch *dispatch, struct hub *hub);
void feed_free(struct feed *feed);
