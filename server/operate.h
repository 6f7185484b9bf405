/* operate.h: actions on the program itself, for the shell only. */
#pragma once
#include "base/dispatch.h"

void operate_add(struct dispatch *dispatch);
