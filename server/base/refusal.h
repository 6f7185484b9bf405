/* base/refusal.h: a no that helps: which right is missing, on which model, and who could give it. Found in memory. */
#pragma once
#include "base/request.h"

struct refusals; /* who may give what, as it was found lately */

struct refusals *refusals_new(void);
void refusals_free(struct refusals *refusals);

/* Say in @request what it lacks and whom to ask, if request_forbid() refused it; else nothing. thread loop, home */
void refusal_explain(struct request *request);
