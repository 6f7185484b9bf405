/* settings_namespaces.h: what the setting `namespaces` says about ephemeral channels. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMESPACES_MAX          64
#define NAMESPACE_NAME_MAX      64
#define NAMESPACE_HISTORY_MAX   10000   /* publications of one channel */
#define NAMESPACE_HISTORY_S_MAX 2592000 /* 30 days */

enum namespace_publish { PUBLISH_NOBODY, PUBLISH_SUBSCRIBER, PUBLISH_ANYONE };
enum namespace_subscribe { SUBSCRIBE_SIGNED_IN, SUBSCRIBE_TOKEN };

struct channel_namespace {
    char name[NAMESPACE_NAME_MAX + 1]; /* "": of the channels without ':' */
    bool presence, join_leave, recover, anonymous;
    int64_t history_size, history_ttl_s;
    int publish;   /* enum namespace_publish */
    int subscribe; /* enum namespace_subscribe */
};

struct namespaces {
    size_t count;
    struct channel_namespace items[NAMESPACES_MAX];
};

/* False: one line in @why. @text is a JSON object; empty: no namespaces. */
bool namespaces_read(const char *text, struct namespaces *namespaces, char *why, size_t why_size);
