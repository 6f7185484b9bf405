/* rest.c: one request on a connection of its own, waited for. */
#include "rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/json.h"
#include "target.h"

#define SILENCE_S        30
#define ANSWER_BYTES_MAX 1048576

static bool exchange(const struct target *target, const struct buffer *request, struct buffer *answer);
static void answer_read(const struct buffer *bytes, struct answer *answer);
static const char *header_find(const char *head, const char *name);

void rest_ask(const struct target *target, const struct person *person, const char *method, const char *path,
              const char *body, struct answer *answer)
{
    SCOPED(buffer_free) struct buffer request = {0};
    SCOPED(buffer_free) struct buffer bytes = {0};
    *answer = (struct answer){0};
    buffer_printf(&request, "%s /api/v1%s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: close\r\n", method,
                  path, target->authority, target->authority);
    if (person->token[0])
        buffer_printf(&request, "Authorization: Bearer %s\r\n", person->token);
    if (person->cookie[0])
        buffer_printf(&request, "Cookie: %s\r\n", person->cookie);
    if (person->csrf[0])
        buffer_printf(&request, "X-CSRF-Token: %s\r\n", person->csrf);
    if (body)
        buffer_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buffer_printf(&request, "\r\n%s", body ? body : "");
    if (request.has_failed || !exchange(target, &request, &bytes))
        snprintf(answer->why, sizeof answer->why, "%s %s: %s", method, path, errno ? strerror(errno) : "no memory");
    else
        answer_read(&bytes, answer);
}

/* The server closes when it has said all. False: errno says why. */
static bool exchange(const struct target *target, const struct buffer *request, struct buffer *answer)
{
    struct timeval silence = {.tv_sec = SILENCE_S};
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence) == 0 &&
                   connect(fd, (const struct sockaddr *)&target->address, target->address_length) == 0 &&
                   send(fd, request->bytes, request->length, MSG_NOSIGNAL) == (ssize_t)request->length;
    ssize_t got = 1;
    while (is_good && got > 0 && answer->length < ANSWER_BYTES_MAX && buffer_reserve(answer, 16384)) {
        got = recv(fd, answer->bytes + answer->length, 16383, 0);
        if (got > 0)
            answer->length += (size_t)got;
    }
    int error = got < 0 && errno == EAGAIN ? ETIMEDOUT : errno;
    is_good = is_good && got == 0 && answer->length > 0;
    if (is_good)
        answer->bytes[answer->length] = '\0';
    if (fd >= 0)
        close(fd);
    errno = got == 0 && answer->length == 0 ? ECONNRESET : error;
    return is_good;
}

static void answer_read(const struct buffer *bytes, struct answer *answer)
{
    char *end = strstr(bytes->bytes, "\r\n\r\n");
    if (!end || sscanf(bytes->bytes, "HTTP/1.%*d %d", &answer->status) != 1) {
        snprintf(answer->why, sizeof answer->why, "the server does not speak HTTP");
        answer->status = 0;
        return;
    }
    *end = '\0';
    const char *retry = header_find(bytes->bytes, "Retry-After"), *cookie = header_find(bytes->bytes, "Set-Cookie");
    answer->retry_after_s = retry ? atoi(retry) : 0;
    if (cookie)
        snprintf(answer->cookie, sizeof answer->cookie, "%.*s", (int)strcspn(cookie, ";\r\n"), cookie);
    const char *body = end + 4, *why = NULL;
    answer->body = json_parse(body, bytes->length - (size_t)(body - bytes->bytes), &why);
    if (answer->status >= 400) {
        const char *detail = json_get_text(answer->body, "detail");
        snprintf(answer->why, sizeof answer->why, "%d %s", answer->status, detail ? detail : "without a reason");
    }
}

static const char *header_find(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
            return line + 3 + length + strspn(line + 3 + length, " ");
    return NULL;
}
