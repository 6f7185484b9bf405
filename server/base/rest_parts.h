/* base/rest_parts.h: what the files of the REST door share. */
#pragma once
#include "base/rest.h"

#define REST_PREFIX "/api/v1/"

/* What the answer must still know of its HTTP request. */
enum { REST_TAG_SECURE = 1 };

struct rest {
    struct dispatch *dispatch;
    const struct settings *settings;
    struct http *http;
};

/* Query or body into request->params, beside those of the path. */
enum status rest_read_params(const struct http_request *http_request, struct request *request);
/* The request's reply function. */
void rest_reply(struct request *request);
