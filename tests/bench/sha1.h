/* sha1.h: SHA-1, for the answer to a WebSocket handshake only. It protects nothing. */
#pragma once
#include <stddef.h>

#define SHA1_BYTES 20

void sha1(const void *bytes, size_t length, unsigned char digest[SHA1_BYTES]);
