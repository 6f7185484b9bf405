/* base/other_home.c: another home is noticed by its signs of life, and logged once for as long as it is there. */
#include "base/other_home.h"
#include <stdio.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"

void other_home_hear(struct other_home *other, const char *id)
{
    bool is_again = strcmp(other->id, id) == 0;
    /* Of several the first is watched until it is silent: if they took turns, none would be heard twice. */
    if (other->id[0] && !is_again)
        return;
    snprintf(other->id, sizeof other->id, "%s", id);
    other->heard_ms = clock_monotonic_ms();
    if (!is_again || other->is_there)
        return;
    other->is_there = true;
    log_error("home.another", "another home speaks on this Redis with the same redis.prefix, and edges take turns to "
                              "believe it: start it with --edge, or give it a prefix of its own");
}

void other_home_check(struct other_home *other, int64_t silence_ms)
{
    if (!other->id[0] || clock_monotonic_ms() - other->heard_ms < silence_ms)
        return;
    if (other->is_there)
        log_info("home.alone", "the other home is silent");
    *other = (struct other_home){0};
}
