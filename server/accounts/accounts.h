/* accounts/accounts.h: who you are: users, sessions, signing in. */
#pragma once
#include <stddef.h>
#include <uv.h>
#include "base/dispatch.h"
#include "realtime/channel.h"

struct accounts; /* opaque outside this folder: see accounts/state.h */

extern const struct route account_routes[];
extern const size_t account_routes_count;

/* Registers the routes and the channels "user:". Also on an edge, where nothing is loaded. NULL: no memory. */
struct accounts *accounts_new(struct dispatch *dispatch, struct hub *hub, uv_loop_t *loop);
/* Two steps, both allow NULL: accounts_close(), when the store is closed; then the loop runs until its handles are gone
 * and the passwords that are being hashed are done; then accounts_free(). */
void accounts_close(struct accounts *accounts);
void accounts_free(struct accounts *accounts);
/* Live sessions and superusers into memory. thread any, at start, while the loop waits */
enum status accounts_load(struct accounts *accounts, struct db *db);
/* The token of the one-time set-up link, NULL if there is an administrator already. Valid until it is used. */
const char *accounts_setup_token(struct accounts *accounts);
