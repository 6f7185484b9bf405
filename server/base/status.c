/* base/status.c: the table of statuses, looked up. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/scope.h"

#define FAULT_TEXT_SIZE 1024

struct status_row {
    int http;
    int realtime;
    const char *code;
    const char *words;
};

#define STATUS_ROW(name, http, realtime, code, words) {http, realtime, code, words},
static const struct status_row status_rows[] = {STATUS_TABLE(STATUS_ROW)};

static _Thread_local char request_now[REQUEST_ID_SIZE];

static const struct status_row *status_row(enum status status);

int status_http(enum status status)
{
    return status_row(status)->http;
}

int status_realtime(enum status status)
{
    return status_row(status)->realtime;
}

const char *status_code(enum status status)
{
    return status_row(status)->code;
}

const char *status_words(enum status status)
{
    return status_row(status)->words;
}

bool status_is_temporary(enum status status)
{
    switch (status) {
    case STATUS_TOO_MANY:
    case STATUS_FAULT:
    case STATUS_BUSY:
    case STATUS_UNAVAILABLE:
    case STATUS_NO_SPACE:
        return true;
    default:
        return false;
    }
}

enum status status_from_code(const char *code)
{
    for (size_t i = 0; code && i < ARRAY_LENGTH(status_rows); i++)
        if (strcmp(status_rows[i].code, code) == 0)
            return (enum status)i;
    return STATUS_FAULT;
}

void status_fault(const char *function, const char *format, ...)
{
    char text[FAULT_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (request_now[0])
        log_error("fault", "%s: %s (request %s)", function, text, request_now);
    else
        log_error("fault", "%s: %s", function, text);
}

void status_set_request(const char *id, char before[REQUEST_ID_SIZE])
{
    size_t length = strnlen(id, sizeof request_now - 1);
    memcpy(before, request_now, sizeof request_now);
    memcpy(request_now, id, length);
    request_now[length] = '\0';
}

/* A number from elsewhere (another node, a future version) that is no status of ours is a fault. */
static const struct status_row *status_row(enum status status)
{
    size_t index = (size_t)status;
    return &status_rows[index < ARRAY_LENGTH(status_rows) ? index : (size_t)STATUS_FAULT];
}
