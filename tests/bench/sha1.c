/* sha1.c: SHA-1 as in FIPS 180-4, in one call. */
#include "sha1.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES 64

static void block_mix(uint32_t state[5], const unsigned char block[BLOCK_BYTES]);
static void store_big_endian(unsigned char *out, uint64_t value, size_t bytes);

void sha1(const void *bytes, size_t length, unsigned char digest[SHA1_BYTES])
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const unsigned char *next = bytes;
    size_t left = length;
    for (; left >= BLOCK_BYTES; next += BLOCK_BYTES, left -= BLOCK_BYTES)
        block_mix(state, next);

    /* The rest, a one bit, zeros, and the length in bits: one block, or two if the length does not fit. */
    unsigned char tail[2 * BLOCK_BYTES] = {0};
    memcpy(tail, next, left);
    tail[left] = 0x80;
    size_t tail_bytes = left + 1 + 8 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    store_big_endian(tail + tail_bytes - 8, (uint64_t)length * 8, 8);
    for (size_t at = 0; at < tail_bytes; at += BLOCK_BYTES)
        block_mix(state, tail + at);

    for (size_t i = 0; i < 5; i++)
        store_big_endian(digest + 4 * i, state[i], 4);
}

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void block_mix(uint32_t state[5], const unsigned char block[BLOCK_BYTES])
{
    uint32_t words[80];
    for (size_t i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                   block[4 * i + 3];
    for (size_t i = 16; i < 80; i++)
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);

    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (size_t i = 0; i < 80; i++) {
        uint32_t mixed;
        if (i < 20)
            mixed = ((b & c) | (~b & d)) + 0x5a827999;
        else if (i < 40)
            mixed = (b ^ c ^ d) + 0x6ed9eba1;
        else if (i < 60)
            mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
        else
            mixed = (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotate(a, 5) + mixed + e + words[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static void store_big_endian(unsigned char *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}
