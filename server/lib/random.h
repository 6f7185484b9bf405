/* lib/random.h: unguessable ids, tokens and digests (libsodium). random_open() once, before threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool random_open(void);
void random_bytes(void *bytes, size_t length);
/* Uniform in 0 .. @bound-1. */
uint32_t random_below(uint32_t bound);

#define RANDOM_ID_SIZE 23 /* 128 bits as base64url without padding, and the NUL */
char *random_id(char id[RANDOM_ID_SIZE]);
#define RANDOM_TOKEN_SIZE 44 /* 256 bits as base64url without padding, and the NUL */
char *random_token(char token[RANDOM_TOKEN_SIZE]);

#define DIGEST_TEXT_SIZE 65 /* SHA-256 in hex and the NUL */
/* SHA-256 of @bytes in lower-case hex: how a token is stored. */
char *digest_text(const void *bytes, size_t length, char text[DIGEST_TEXT_SIZE]);
/* base64url of a keyed hash (BLAKE2b-256) of @text under @key: how one secret is derived from another. */
char *digest_derive(const char *key, const char *text, char derived[RANDOM_TOKEN_SIZE]);
/* The same for bytes in several pieces, which are not joined for it: their lengths are hashed too, so that no bytes can
 * move from one to the next. @purpose keeps what is signed for one end from being good for another. */
struct digest_key {
    unsigned char bytes[32];
};
struct digest_piece {
    const void *bytes;
    size_t length;
};
void digest_key_make(struct digest_key *key, const char *secret, const char *purpose);
char *digest_sign(const struct digest_key *key, const struct digest_piece *pieces, size_t count,
                  char text[RANDOM_TOKEN_SIZE]);
/* Compare two texts in a time that depends only on their lengths. */
bool digest_equal(const char *a, const char *b);
