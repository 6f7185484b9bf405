/* base/node_name.h: what this node is called where people see it: "host:4711", the machine and the process. */
#pragma once

#define NODE_NAME_SIZE 80

/* The same text for as long as the process lives. thread loop */
const char *node_name(void);
