/* bus/hint.c: a table from words of Redis to words for people. */
#include "bus/hint.h"

#include <string.h>

#include "lib/scope.h"

static const struct {
    const char *words, *hint;
} hints[] = {
    {"NOPERM", "; its user needs: ACL SETUSER name +ping +publish +subscribe +unsubscribe resetchannels &parley:* "
               "(with redis.prefix in the place of parley:)"},
    {"NOAUTH", "; it wants a password: redis://user:password@host:port, or redis://:password@ without a user"},
    {"WRONGPASS", "; the user or the password in redis.url is not right, or the user is off"},
    {"invalid password", "; the password in redis.url is not right"},
    {"without any password configured", "; it has no password: take the one in redis.url out"},
    {"LOADING", "; it reads its data and is there when it has done that"},
    {"MASTERDOWN", "; it is a replica that has lost its master: redis.url must lead to the master"},
    {"READONLY", "; it is a replica: redis.url must lead to the master"},
    {"MISCONF", "; it cannot write its data to disk: nodes need none of it, so give them a Redis with save \"\""},
    {"OOM", "; its memory is full (maxmemory): nodes store nothing there, so something else does"},
    {"max number of clients", "; raise its maxclients: each node needs two connections"},
    {"protected mode", "; it is in protected mode: bind it to an address of its own and set a password"},
    {"subscriptions: Server closed the connection",
     "; it stopped, or cut us because we read too slowly: then raise its "
     "client-output-buffer-limit pubsub"},
    {"subscriptions: connection reset by peer", "; it stopped, or cut us because we read too slowly: then raise its "
                                                "client-output-buffer-limit pubsub"},
    {"subscriptions: Connection reset by peer", "; it stopped, or cut us because we read too slowly: then raise its "
                                                "client-output-buffer-limit pubsub"},
    {"a probe did not come back", "; do all connections to redis.url lead to the same Redis?"},
};

const char *hint_for(const char *why)
{
    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++)
        if (strstr(why, hints[i].words))
            return hints[i].hint;
    return "";
}
