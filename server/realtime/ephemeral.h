/* realtime/ephemeral.h: channels of the namespaces that the settings name: nothing of them is stored, their history is
 * in the memory of the home. Loop thread. */
#pragma once
#include "base/dispatch.h"
#include "realtime/channel.h"

struct ephemeral;
/* After all other kinds of channels. Registers its actions ("channel.publish" …) with the dispatcher. NULL: no memory.
 */
struct ephemeral *ephemeral_new(struct dispatch *dispatch, struct hub *hub);
void ephemeral_free(struct ephemeral *ephemeral);
