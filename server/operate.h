/* operate.h: actions on the program itself, for the shell and administrators. */
#pragma once
#include "base/dispatch.h"
#include "realtime/hub.h"

/* The backup: for the shell only. */
void operate_add(struct dispatch *dispatch);
/* This node's connections. */
void operate_connections_add(struct dispatch *dispatch, struct hub *hub);
