/* A front that only notes what it was told to answer: the pages are tested without sockets. Include once. */
#pragma once
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net/http.h"

static struct http_answer answered;
static char answered_body[4096];
static size_t answers;
/* What the request under test says; NULL: nothing. */
static const char *accept_encoding, *if_none_match;

void http_answer(struct http *http, uint64_t id, const struct http_answer *answer)
{
    (void)http;
    (void)id;
    answers++;
    answered = *answer;
    memset(answered_body, 0, sizeof answered_body);
    if (answer->body && answer->body_length < sizeof answered_body)
        memcpy(answered_body, answer->body, answer->body_length);
}

void http_answer_problem(struct http *http, uint64_t id, enum status status, const char *detail)
{
    (void)detail;
    http_answer(http, id, &(struct http_answer){.status = status_http(status)});
}

bool http_answer_header(struct buffer *headers, const char *name, const char *value)
{
    if (strpbrk(value, "\r\n"))
        return false;
    buffer_printf(headers, "%s: %s\r\n", name, value);
    return true;
}

const char *http_header(const struct http_request *request, const char *name)
{
    (void)request;
    return strcmp(name, "Accept-Encoding") == 0 ? accept_encoding
           : strcmp(name, "If-None-Match") == 0 ? if_none_match
                                                : NULL;
}
