/* accounts/hasher.h: Argon2id away from the loop, on libuv's pool: two at a time, a bounded queue behind them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "lib/list.h"
#include "settings.h"

#define PASSWORD_HASH_SIZE 128
#define PASSWORD_BYTES_MAX 1024

struct hasher;

/* One password to hash, or to compare with @expected. Embedded in a request; it must live until @done. */
struct hash_job {
    struct list link;
    struct hasher *hasher;
    uv_work_t work;
    char password[PASSWORD_BYTES_MAX + 1]; /* wiped when done */
    char expected[PASSWORD_HASH_SIZE];     /* "": make a hash */
    char hash[PASSWORD_HASH_SIZE];         /* made; after a match only if it should be stored anew */
    bool has_run;                          /* false: the hasher was stopped before its turn */
    bool is_fine;                          /* made, or it matches */
    void (*done)(struct hash_job *job);    /* loop */
};

struct hasher *hasher_new(uv_loop_t *loop, const struct settings *settings);
/* Give up what waits: its done is called from here. What runs ends with the loop's last run, which must come before
 * hasher_free(). */
void hasher_stop(struct hasher *hasher);
void hasher_free(struct hasher *hasher);
/* False: too many wait, or it was stopped; @done will not be called. */
bool hasher_submit(struct hasher *hasher, struct hash_job *job);
