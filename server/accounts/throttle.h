/* accounts/throttle.h: how often one may try to sign in: per address, and per account and address together, so that
 * nobody can lock somebody else out. A whole IPv6 network of 64 bits counts as one address: any household has one.
 * Loop thread; memory is bounded. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle);
/* One try from @peer, of @account if it is not NULL. False: too many; *wait_s says how long to wait. */
bool throttle_take(struct throttle *throttle, const char *peer, const char *account, int64_t now_ms, int64_t *wait_s);
