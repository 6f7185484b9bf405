/* lib/random.c: unguessable ids, tokens and digests. */
#include "lib/random.h"

#include <sodium.h>
#include <string.h>

#define ID_BYTES    16
#define TOKEN_BYTES 32

static char *put_base64url(const unsigned char *bytes, size_t length, char *text, size_t size);

bool random_open(void)
{
    return sodium_init() >= 0;
}

void random_bytes(void *bytes, size_t length)
{
    randombytes_buf(bytes, length);
}

uint32_t random_below(uint32_t bound)
{
    return randombytes_uniform(bound);
}

char *random_id(char id[RANDOM_ID_SIZE])
{
    unsigned char bytes[ID_BYTES];
    random_bytes(bytes, sizeof bytes);
    return put_base64url(bytes, sizeof bytes, id, RANDOM_ID_SIZE);
}

char *random_token(char token[RANDOM_TOKEN_SIZE])
{
    unsigned char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    put_base64url(bytes, sizeof bytes, token, RANDOM_TOKEN_SIZE);
    sodium_memzero(bytes, sizeof bytes);
    return token;
}

char *digest_text(const void *bytes, size_t length, char text[DIGEST_TEXT_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, bytes, length);
    return sodium_bin2hex(text, DIGEST_TEXT_SIZE, digest, sizeof digest);
}

char *digest_derive(const char *key, const char *text, char derived[RANDOM_TOKEN_SIZE])
{
    /* BLAKE2b takes keys of 16 to 64 bytes; hashing the key first makes one of any length fit. */
    unsigned char hashed_key[crypto_generichash_KEYBYTES];
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash(hashed_key, sizeof hashed_key, (const unsigned char *)key, strlen(key), NULL, 0);
    crypto_generichash(digest, sizeof digest, (const unsigned char *)text, strlen(text), hashed_key, sizeof hashed_key);
    put_base64url(digest, sizeof digest, derived, RANDOM_TOKEN_SIZE);
    sodium_memzero(hashed_key, sizeof hashed_key);
    sodium_memzero(digest, sizeof digest);
    return derived;
}

void digest_key_make(struct digest_key *key, const char *secret, const char *purpose)
{
    unsigned char hashed[crypto_generichash_KEYBYTES];
    crypto_generichash(hashed, sizeof hashed, (const unsigned char *)secret, strlen(secret), NULL, 0);
    crypto_generichash(key->bytes, sizeof key->bytes, (const unsigned char *)purpose, strlen(purpose), hashed,
                       sizeof hashed);
    sodium_memzero(hashed, sizeof hashed);
}

char *digest_sign(const struct digest_key *key, const struct digest_piece *pieces, size_t count,
                  char text[RANDOM_TOKEN_SIZE])
{
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, key->bytes, sizeof key->bytes, sizeof digest);
    for (size_t i = 0; i < count; i++) {
        unsigned char length[8]; /* the same bytes on every machine */
        for (size_t at = 0; at < sizeof length; at++)
            length[at] = (unsigned char)((uint64_t)pieces[i].length >> (8 * at));
        crypto_generichash_update(&state, length, sizeof length);
        crypto_generichash_update(&state, pieces[i].bytes, pieces[i].length);
    }
    crypto_generichash_final(&state, digest, sizeof digest);
    return put_base64url(digest, sizeof digest, text, RANDOM_TOKEN_SIZE);
}

bool digest_equal(const char *a, const char *b)
{
    size_t length = strlen(a);
    return length == strlen(b) && sodium_memcmp(a, b, length) == 0;
}

static char *put_base64url(const unsigned char *bytes, size_t length, char *text, size_t size)
{
    return sodium_bin2base64(text, size, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
