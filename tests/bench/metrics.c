/* metrics.c: /metrics, read with one plain request. */
#include "metrics.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 1048576
#define LAG_NAME         "parley_loop_lag"

static void lag_read_line(struct lag *lag, const char *line, size_t length);

char *metrics_fetch(const struct target *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(target->port)};
    struct timeval limit = {.tv_sec = 3};
    char request[256];
    int length = snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n\r\n",
                          target->host, target->port);
    inet_pton(AF_INET, target->host, &address.sin_addr);
    char *text = malloc(ANSWER_BYTES_MAX + 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t used = 0;
    if (text && fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, (size_t)length, MSG_NOSIGNAL) == length) {
        ssize_t got;
        while (used < ANSWER_BYTES_MAX && (got = recv(fd, text + used, ANSWER_BYTES_MAX - used, 0)) > 0)
            used += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (used == 0 || strncmp(text, "HTTP/1.1 200", 12) != 0) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    return text;
}

double metrics_value(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtod(line + length, NULL);
    }
    return -1;
}

void lag_read(struct lag *lag, const char *text)
{
    *lag = (struct lag){0};
    while (*text) {
        size_t length = strcspn(text, "\r\n");
        if (strncmp(text, LAG_NAME, sizeof LAG_NAME - 1) == 0)
            lag_read_line(lag, text, length);
        text += length;
        text += strspn(text, "\r\n");
    }
}

double lag_quantile(const struct lag *before, const struct lag *after, double fraction)
{
    double all = after->count - before->count;
    if (all <= 0 || after->bucket_count == 0)
        return -1;
    for (size_t i = 0; i < after->bucket_count; i++) {
        double earlier = i < before->bucket_count ? before->counts[i] : 0;
        if (after->counts[i] - earlier >= fraction * all)
            return after->bounds[i];
    }
    return INFINITY;
}

static void lag_read_line(struct lag *lag, const char *line, size_t length)
{
    char copy[256];
    if (length >= sizeof copy)
        return;
    memcpy(copy, line, length);
    copy[length] = '\0';
    const char *value = strrchr(copy, ' ');
    if (!value)
        return;
    const char *bound = strstr(copy, "_bucket{");
    const char *less = bound ? strstr(bound, "le=\"") : NULL;
    if (less) {
        if (lag->bucket_count == LAG_BUCKETS_MAX)
            return;
        lag->bounds[lag->bucket_count] = strtod(less + 4, NULL); /* which reads +Inf as well */
        lag->counts[lag->bucket_count++] = strtod(value, NULL);
    } else if (strstr(copy, "_sum")) {
        lag->sum = strtod(value, NULL);
    } else if (strstr(copy, "_count")) {
        lag->count = strtod(value, NULL);
    } else {
        size_t used = strlen(lag->others);
        snprintf(lag->others + used, sizeof lag->others - used, "%s\n", copy);
    }
}
