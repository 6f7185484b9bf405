/* conductor.h: starts the processes that load, leads them from step to step, and adds up what they say. */
#pragma once
#include <signal.h>
#include <stdint.h>

struct results;
struct world;

/* @interrupts counts the Ctrl-C: the first ends the load, the second does not wait for anything. */
void conduct(const struct world *world, uint32_t processes, volatile sig_atomic_t *interrupts, struct results *results);
