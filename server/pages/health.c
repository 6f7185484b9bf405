/* pages/health.c: /healthz and /readyz. */
#include "pages/health.h"

#include <string.h>

#include "lib/buffer.h"

static bool ready_text(struct buffer *text, const struct health_part *parts, size_t count);

bool health_answer(struct http *http, const struct http_request *request, const struct health_part *parts, size_t count)
{
    bool asks_ready = strcmp(request->path, "/readyz") == 0;
    if (!asks_ready && strcmp(request->path, "/healthz") != 0)
        return false;
    if (request->method != HTTP_M_GET && request->method != HTTP_M_HEAD) {
        http_answer(http, request->id,
                    &(struct http_answer){.status = status_http(STATUS_METHOD_NOT_ALLOWED),
                                          .headers = "Allow: GET, HEAD\r\n",
                                          .is_static = true});
        return true;
    }
    SCOPED(buffer_free) struct buffer text = {0};
    bool is_fine = true;
    if (asks_ready)
        is_fine = ready_text(&text, parts, count);
    else
        buffer_text(&text, "{\"status\":\"alive\"}\n");
    if (text.has_failed) {
        http_answer_problem(http, request->id, STATUS_UNAVAILABLE, NULL);
        return true;
    }
    http_answer(http, request->id,
                &(struct http_answer){.status = is_fine ? 200 : 503,
                                      .content_type = "application/json",
                                      .body = text.bytes,
                                      .body_length = text.length,
                                      .headers = "Cache-Control: no-store\r\n"});
    return true;
}

/* Returns whether every part is ready. */
static bool ready_text(struct buffer *text, const struct health_part *parts, size_t count)
{
    bool is_ready = true;
    for (size_t i = 0; i < count; i++)
        is_ready = is_ready && parts[i].is_ready;
    buffer_printf(text, "{\"status\":\"%s\",\"parts\":{", is_ready ? "ready" : "not ready");
    for (size_t i = 0; i < count; i++) {
        const char *said = parts[i].detail ? parts[i].detail : parts[i].is_ready ? "ready" : "not ready";
        buffer_text(text, i == 0 ? "" : ",");
        buffer_json_member(text, parts[i].name, said);
    }
    buffer_text(text, "}}\n");
    return is_ready;
}
