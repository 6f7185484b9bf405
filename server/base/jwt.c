/* base/jwt.c: a token's three parts, its signature and what it says about its own validity. */
#include "base/jwt.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 253402300799.0 /* the last second of the year 9999 */

struct part {
    const char *text;
    size_t length;
};

static bool parts_split(const char *token, struct part parts[3]);
static bool signature_is_right(const char *token, const struct part *signature, const char *secret);
static cJSON *part_parse(const struct part *part, const char **why);
static const char *header_check(const struct part *part);
static enum jwt_verdict claims_check(const cJSON *claims, const struct jwt_rules *rules, int64_t now_ms,
                                     const char **why);
static bool time_is_fine(const cJSON *claims, const char *name);
static bool audience_is(const cJSON *audience, const char *wanted);

bool jwt_looks_like(const char *token)
{
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    return second && !strchr(second + 1, '.');
}

enum jwt_verdict jwt_verify(const char *token, const struct jwt_rules *rules, int64_t now_ms, cJSON **out,
                            const char **why)
{
    struct part parts[3];
    *why = NULL;
    if (!rules->secret[0])
        *why = "no secret for tokens is set here";
    else if (!parts_split(token, parts))
        *why = "it has not three parts with dots between, or is too long";
    else if (!signature_is_right(token, &parts[2], rules->secret))
        *why = "its signature is wrong";
    else
        *why = header_check(&parts[0]);
    if (*why)
        return JWT_INVALID;
    SCOPED(json_free) cJSON *claims = part_parse(&parts[1], why);
    if (!claims)
        return JWT_INVALID;
    enum jwt_verdict verdict = claims_check(claims, rules, now_ms, why);
    if (verdict == JWT_FINE)
        *out = TAKE(claims);
    return verdict;
}

static bool parts_split(const char *token, struct part parts[3])
{
    if (strnlen(token, JWT_BYTES_MAX + 1) > JWT_BYTES_MAX || !jwt_looks_like(token))
        return false;
    for (size_t i = 0; i < 3; i++) {
        parts[i] = (struct part){token, strcspn(token, ".")};
        if (!parts[i].length)
            return false;
        token += parts[i].length + (i < 2);
    }
    return true;
}

/* Over the first two parts as they were sent, with the dot between them. */
static bool signature_is_right(const char *token, const struct part *signature, const char *secret)
{
    unsigned char sent[crypto_auth_hmacsha256_BYTES], own[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t length = 0;
    bool is_whole = sodium_base642bin(sent, sizeof sent, signature->text, signature->length, NULL, &length, NULL,
                                      sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
                    length == sizeof sent;
    if (!is_whole)
        return false;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)token, (size_t)(signature->text - 1 - token));
    crypto_auth_hmacsha256_final(&state, own);
    bool is_right = sodium_memcmp(sent, own, sizeof own) == 0;
    sodium_memzero(&state, sizeof state);
    sodium_memzero(own, sizeof own);
    return is_right;
}

/* NULL: *why. Strict as everywhere: of two members of the same name none is the right one. */
static cJSON *part_parse(const struct part *part, const char **why)
{
    size_t length = 0;
    char *text = malloc(part->length);
    cJSON *json = NULL;
    *why = "a part of it is not base64url without padding";
    if (text && sodium_base642bin((unsigned char *)text, part->length, part->text, part->length, NULL, &length, NULL,
                                  sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0) {
        *why = "a part of it is not a JSON object";
        json = json_parse(text, length, NULL);
    }
    free(text);
    if (cJSON_IsObject(json))
        return json;
    json_free(json);
    return NULL;
}

/* Why not; NULL: it is fine. */
static const char *header_check(const struct part *part)
{
    const char *why = NULL;
    SCOPED(json_free) cJSON *header = part_parse(part, &why);
    const char *algorithm = json_get_text(header, "alg");
    if (!header)
        return why;
    if (!algorithm || strcmp(algorithm, "HS256") != 0)
        return "its alg is not HS256";
    /* What must be understood, and is not (RFC 7515). */
    return json_get(header, "crit") ? "it has a crit header, and nothing in it is known here" : NULL;
}

static enum jwt_verdict claims_check(const cJSON *claims, const struct jwt_rules *rules, int64_t now_ms,
                                     const char **why)
{
    const char *issuer = json_get_text(claims, "iss");
    const cJSON *subject = json_get(claims, "sub");
    *why = NULL;
    if (!time_is_fine(claims, "exp") || !time_is_fine(claims, "nbf") || !time_is_fine(claims, "iat") ||
        !time_is_fine(claims, "expire_at"))
        *why = "exp, nbf, iat and expire_at are seconds since 1970";
    else if (subject && !cJSON_IsString(subject))
        *why = "sub must be a text";
    else if (rules->issuer[0] && (!issuer || strcmp(issuer, rules->issuer) != 0))
        *why = "it was made by somebody else (iss)";
    else if (rules->audience[0] && !audience_is(json_get(claims, "aud"), rules->audience))
        *why = "it is for somebody else (aud)";
    else if (jwt_time_ms(claims, "nbf") > now_ms)
        *why = "it is not valid yet (nbf)";
    if (*why)
        return JWT_INVALID;
    /* Last: only of a token that was fine before it is said that a new one is needed. */
    if (json_get(claims, "exp") && jwt_time_ms(claims, "exp") <= now_ms) {
        *why = "it has expired";
        return JWT_EXPIRED;
    }
    return JWT_FINE;
}

static bool time_is_fine(const cJSON *claims, const char *name)
{
    const cJSON *item = json_get(claims, name);
    return !item || (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= SECONDS_MAX);
}

int64_t jwt_time_ms(const cJSON *claims, const char *name)
{
    const cJSON *item = json_get(claims, name);
    return item && time_is_fine(claims, name) ? (int64_t)(item->valuedouble * 1000) : 0;
}

/* A text, or a list of them. */
static bool audience_is(const cJSON *audience, const char *wanted)
{
    const char *text = json_text(audience);
    if (text)
        return strcmp(text, wanted) == 0;
    const cJSON *item;
    if (cJSON_IsArray(audience))
        cJSON_ArrayForEach (item, audience)
            if (json_text(item) && strcmp(json_text(item), wanted) == 0)
                return true;
    return false;
}
