/* accounts/throttle.c: token buckets under hashed keys. When the table is full, whoever has been quiet longest is
 * forgotten; an attacker with that many addresses is not stopped by this table anyway. */
#include "accounts/throttle.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/bucket.h"
#include "lib/hash.h"
#include "lib/list.h"

#define ENTRIES_MAX 20000
#define PAIR_PER_S  0.1f /* one each 10 s */
#define PAIR_BURST  5
/* Many people may share one address: a class that registers at once is let in. */
#define PEER_PER_S 1
#define PEER_BURST 60

struct entry {
    struct list link; /* oldest first */
    struct bucket bucket;
    size_t length;
    char key[];
};
struct throttle {
    struct text_map *entries;
    struct list by_age;
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof *throttle);
    if (!throttle)
        return NULL;
    list_init(&throttle->by_age);
    throttle->entries = text_map_new();
    if (throttle->entries)
        return throttle;
    free(throttle);
    return NULL;
}

static void entry_drop(struct throttle *throttle, struct entry *entry)
{
    text_map_remove(throttle->entries, entry->key, entry->length);
    list_remove(&entry->link);
    free(entry);
}

void throttle_free(struct throttle *throttle)
{
    if (!throttle)
        return;
    LIST_EACH_SAFE (&throttle->by_age, node)
        entry_drop(throttle, container_of(node, struct entry, link));
    text_map_free(throttle->entries);
    free(throttle);
}

static struct entry *entry_get(struct throttle *throttle, const char *key)
{
    size_t length = strlen(key);
    struct entry *entry = text_map_get(throttle->entries, key, length);
    if (!entry) {
        if (text_map_count(throttle->entries) >= ENTRIES_MAX)
            entry_drop(throttle, container_of(throttle->by_age.next, struct entry, link));
        entry = calloc(1, sizeof *entry + length + 1);
        if (!entry)
            return NULL;
        entry->length = length;
        memcpy(entry->key, key, length);
        list_init(&entry->link);
        if (!text_map_set(throttle->entries, entry->key, length, entry)) {
            free(entry);
            return NULL;
        }
    }
    list_remove(&entry->link);
    list_append(&throttle->by_age, &entry->link);
    return entry;
}

/* The address itself, or the first 64 bits of an IPv6 one. */
static void network_of(const char *peer, char network[INET6_ADDRSTRLEN])
{
    struct in6_addr address;
    if (inet_pton(AF_INET6, peer, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) {
        snprintf(network, INET6_ADDRSTRLEN, "%s", peer);
        return;
    }
    memset(address.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &address, network, INET6_ADDRSTRLEN);
}

bool throttle_take(struct throttle *throttle, const char *peer, const char *account, int64_t now_ms, int64_t *wait_s)
{
    char key[256], network[INET6_ADDRSTRLEN];
    *wait_s = 1;
    network_of(peer, network);
    snprintf(key, sizeof key, "peer %s", network);
    struct entry *entry = entry_get(throttle, key);
    if (!entry || !bucket_take(&entry->bucket, now_ms, PEER_PER_S, PEER_BURST))
        return false;
    if (!account)
        return true;
    snprintf(key, sizeof key, "pair %s %.100s", network, account);
    entry = entry_get(throttle, key);
    if (!entry)
        return false;
    if (bucket_take(&entry->bucket, now_ms, PAIR_PER_S, PAIR_BURST))
        return true;
    *wait_s = bucket_wait_ms(&entry->bucket, PAIR_PER_S) / 1000 + 1;
    return false;
}
