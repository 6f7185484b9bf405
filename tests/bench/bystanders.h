/* bystanders.h: a room that has nothing to do with what a bench does to the server, and notices it all the same. Its
 * people are held by a process of their own, so that they are not late because the bench is busy. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "load.h"

struct bystanders;

/* What goes on around them: how late their messages are is counted for each of these apart. */
enum bystanders_time { BYSTANDERS_UNCOUNTED, BYSTANDERS_BEFORE, BYSTANDERS_CUT, BYSTANDERS_STORM, BYSTANDERS_TIMES };

/* Start the process and wait until all of @plan (its loop is not looked at) are there; from then on one of them says
 * @rate messages a second. NULL, with a line on the standard error: it did not work. */
struct bystanders *bystanders_start(const struct load_plan *plan, int64_t rate);
void bystanders_set_time(struct bystanders *bystanders, enum bystanders_time time);
/* Say no more, wait for what is on its way, report under @prefix, and free. False: something did not come, came twice,
 * or a connection ended. NULL: true. */
bool bystanders_end(struct bystanders *bystanders, const char *prefix);
