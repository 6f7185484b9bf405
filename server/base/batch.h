/* base/batch.h: several actions as one, all or nothing: batch.create. */
#pragma once
#include "base/dispatch.h"

#define BATCH_OPERATIONS_MAX 100

/* Registers the action. */
void batch_add(struct dispatch *dispatch);
