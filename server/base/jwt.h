/* base/jwt.h: tokens that another system made and signed with a secret that it shares with us: JSON web tokens
 * (RFC 7519) with HMAC SHA-256, and nothing else of that family. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lib/json.h"

#define JWT_BYTES_MAX 16384 /* no honest token is longer */

enum jwt_verdict {
    JWT_FINE,
    JWT_INVALID, /* no token, not signed with the secret, not for us, or not yet valid */
    JWT_EXPIRED  /* it was fine until its `exp` */
};
struct jwt_rules {
    const char *secret;            /* "": no token is fine */
    const char *audience, *issuer; /* "": any */
};

/* Three parts with dots between, as no token of our own has. */
bool jwt_looks_like(const char *token);
/**
 * Check @token, whoever made it: nothing of it is looked at before its signature was found right.
 * owns    *claims is the caller's, with JWT_FINE only
 * errors  *why (a literal) says what is wrong, for the one who makes the tokens
 */
enum jwt_verdict jwt_verify(const char *token, const struct jwt_rules *rules, int64_t now_ms, cJSON **claims,
                            const char **why);
/* The member @name, a time in seconds, as ms since 1970; 0: there is none. */
int64_t jwt_time_ms(const cJSON *claims, const char *name);
