/* bus/hint.h: what to do about the commonest troubles with Redis. Private to bus/. */
#pragma once

/* @why is what Redis said or how its connection ended. "": nothing helps but waiting. */
const char *hint_for(const char *why);
