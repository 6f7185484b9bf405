/* base/node_name.c: several nodes may share a machine and an address, so the process tells them apart. */
#include "base/node_name.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/utf8.h"

const char *node_name(void)
{
    static char name[NODE_NAME_SIZE];
    char host[65] = "";
    if (name[0])
        return name;
    /* A name of odd bytes could not be told as JSON. */
    if (gethostname(host, sizeof host - 1) != 0 || !host[0] || !utf8_is_valid(host, strlen(host)))
        snprintf(host, sizeof host, "node");
    snprintf(name, sizeof name, "%s:%ld", host, (long)getpid());
    return name;
}
