/* shell.c: one blocking request, to the running server or to a home opened for it. */
#include "shell.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/json.h"
#include "node.h"

static int ask_server(int fd, enum http_method method, const char *path, const char *body, struct buffer *answer,
                      char *why, size_t why_size);
static int ask_here(const struct settings *settings, enum http_method method, const char *path, const char *body,
                    struct buffer *answer, char *why, size_t why_size);

char *shell_path(const struct settings *settings, char path[SHELL_PATH_SIZE])
{
    if (settings->data_shell[0]) {
        snprintf(path, SHELL_PATH_SIZE, "%s", settings->data_shell);
        return path;
    }
    size_t length = strlen(settings->data_path);
    bool has_ending = length > 3 && strcmp(settings->data_path + length - 3, ".db") == 0;
    snprintf(path, SHELL_PATH_SIZE, "%.*s.sock", (int)(has_ending ? length - 3 : length), settings->data_path);
    return path;
}

static int server_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int shell_call(const struct settings *settings, enum http_method method, const char *path, const char *body,
               struct buffer *answer, char *why, size_t why_size)
{
    char socket_path[SHELL_PATH_SIZE];
    int fd = server_connect(shell_path(settings, socket_path));
    if (fd < 0)
        return ask_here(settings, method, path, body, answer, why, why_size);
    int status = ask_server(fd, method, path, body, answer, why, why_size);
    close(fd);
    return status;
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static int ask_server(int fd, enum http_method method, const char *path, const char *body, struct buffer *answer,
                      char *why, size_t why_size)
{
    SCOPED(buffer_free) struct buffer request = {0};
    SCOPED(buffer_free) struct buffer reply = {0};
    /* A backup of much data takes its time, and says nothing meanwhile. */
    struct timeval patience = {.tv_sec = 300};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    buffer_printf(&request, "%s /api/v1/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                  http_method_text(method), path);
    if (body)
        buffer_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buffer_text(&request, "\r\n");
    buffer_text(&request, body ? body : "");
    snprintf(why, why_size, "the running server does not answer: try again, or look at its log");
    if (request.has_failed || !send_all(fd, request.bytes, request.length))
        return 0;
    for (;;) {
        char bytes[4096];
        ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return 0;
        if (count == 0)
            break;
        buffer_append(&reply, bytes, (size_t)count);
    }
    int status = 0;
    const char *end = reply.bytes ? strstr(reply.bytes, "\r\n\r\n") : NULL;
    if (!end || sscanf(reply.bytes, "HTTP/1.1 %d", &status) != 1)
        return 0;
    buffer_text(answer, end + 4);
    return status;
}

/* ---- no server runs ---- */

struct ask {
    struct buffer *answer;
    int status;
    bool is_done;
};

static void ask_reply(struct request *request)
{
    struct ask *ask = request->door;
    ask->status = status_http(request->status);
    if (!status_is_ok(request->status))
        request_problem(request, ask->answer);
    else if (request->result.length)
        buffer_append(ask->answer, request->result.bytes, request->result.length);
    ask->is_done = true;
}

/* The parameters of a query go into params as a door would put them. */
static void query_params(struct request *request, const char *query)
{
    SCOPED(buffer_free) struct buffer name = {0};
    SCOPED(buffer_free) struct buffer value = {0};
    bool is_bad = false;
    request->is_query = true;
    while (http_query_next(&query, &name, &value, &is_bad))
        cJSON_AddStringToObject(request->params, name.bytes ? name.bytes : "", value.bytes ? value.bytes : "");
}

static int ask_here(const struct settings *settings, enum http_method method, const char *path, const char *body,
                    struct buffer *answer, char *why, size_t why_size)
{
    struct node node;
    struct ask ask = {.answer = answer};
    if (!node_open(&node, settings, false, why, why_size))
        return 0;
    SCOPED(buffer_free) struct buffer allow = {0};
    SCOPED(buffer_free) struct buffer plain_path = {0};
    enum status status = STATUS_NOT_FOUND;
    const char *query = strchr(path, '?');
    buffer_append(&plain_path, path, query ? (size_t)(query - path) : strlen(path));
    struct request *request = dispatch_request_http(node.dispatch, method, plain_path.bytes, &status, &allow);
    if (request) {
        request->actor = (struct actor){.is_shell = true, .name = "shell"};
        request->reply = ask_reply;
        request->door = &ask;
        if (query)
            query_params(request, query + 1);
        SCOPED(json_free) cJSON *params = body ? json_parse(body, strlen(body), NULL) : NULL;
        while (params && params->child)
            cJSON_AddItemToArray(request->params, cJSON_DetachItemViaPointer(params, params->child));
        dispatch_start(request);
        while (!ask.is_done)
            uv_run(&node.loop, UV_RUN_ONCE);
    } else {
        ask.status = status_http(status);
    }
    node_close_store(&node);
    node_close(&node);
    return ask.status;
}
