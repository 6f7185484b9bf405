/* rest.h: requests that are waited for: logging in and making rooms, before and after the load. */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct target;
/* Who asks: a cookie with its CSRF token, or a bearer token. */
struct person {
    char cookie[160]; /* sid=…; empty: none */
    char csrf[64];
    char token[256];
};
struct answer {
    int status; /* 0: there was no answer, and @why says why */
    int retry_after_s;
    char cookie[160];
    cJSON *body; /* or NULL; the caller's to free */
    char why[256];
};

/* @body NULL: none. Gives up after 30 s, or when a signal comes. */
void rest_ask(const struct target *target, const struct person *person, const char *method, const char *path,
              const char *body, struct answer *answer);
