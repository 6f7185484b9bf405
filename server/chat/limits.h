/* chat/limits.h: how much one person may say. Loop thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/scope.h"

struct limits;
struct limits *limits_new(void);
void limits_free(struct limits *limits);
DEFINE_SCOPED(struct limits *, limits_free)

/* May @user_id write once more, at @now_ms of the monotonic clock? False: not before *wait_ms have passed. */
bool limits_take_message(struct limits *limits, int64_t user_id, int64_t now_ms, int64_t per_s, int64_t *wait_ms);
/* May a sign of typing be passed on? */
bool limits_take_typing(struct limits *limits, int64_t user_id, int64_t now_ms);
