/* realtime/codec.c: the texts of the protocol that this node writes, each as a ready-made frame. */
#include <string.h>
#include "realtime/internal.h"

static struct frame *push_pub(const char *channel, size_t channel_length, uint64_t offset, const char *head,
                              const char *text, size_t length);

static struct frame *to_frame(struct buffer *json)
{
    struct frame *frame = json->has_failed ? NULL : frame_new(json->bytes, json->length);
    buffer_free(json);
    return frame;
}

static void push_begin(struct buffer *json, const char *channel, size_t channel_length)
{
    buffer_text(json, "{\"push\":{\"channel\":");
    buffer_json(json, channel, channel_length);
    buffer_char(json, ',');
}

struct frame *codec_push_pub(const char *channel, size_t channel_length, uint64_t offset, const char *data,
                             size_t length)
{
    return push_pub(channel, channel_length, offset, "\"data\":", data, length);
}

struct frame *codec_push_members(const char *channel, size_t channel_length, uint64_t offset, const char *members,
                                 size_t length)
{
    return push_pub(channel, channel_length, offset, "", members, length);
}

static struct frame *push_pub(const char *channel, size_t channel_length, uint64_t offset, const char *head,
                              const char *text, size_t length)
{
    struct buffer json = {0};
    buffer_reserve(&json, length + channel_length + 64);
    push_begin(&json, channel, channel_length);
    buffer_text(&json, "\"pub\":{");
    buffer_text(&json, head);
    buffer_append(&json, text, length);
    if (offset) {
        buffer_text(&json, ",\"offset\":");
        buffer_int(&json, (int64_t)offset);
    }
    buffer_text(&json, "}}}");
    return to_frame(&json);
}

void codec_client_info(struct buffer *json, const struct client_info *info)
{
    buffer_char(json, '{');
    if (info->persona) {
        buffer_text(json, info->persona);
    } else {
        buffer_text(json, "\"user\":\"");
        if (info->user_id)
            buffer_int(json, info->user_id);
        buffer_char(json, '"');
    }
    buffer_char(json, ',');
    buffer_json_member(json, "client", info->client);
    if (!info->persona && info->name[0]) {
        buffer_text(json, ",\"conn_info\":{");
        buffer_json_member(json, "name", info->name);
        buffer_char(json, '}');
    }
    buffer_char(json, '}');
}

struct frame *codec_push_join(const char *channel, size_t channel_length, bool is_join, const struct client_info *info)
{
    struct buffer json = {0};
    push_begin(&json, channel, channel_length);
    buffer_text(&json, is_join ? "\"join\":{\"info\":" : "\"leave\":{\"info\":");
    codec_client_info(&json, info);
    buffer_text(&json, "}}}");
    return to_frame(&json);
}

struct frame *codec_push_unsubscribe(const char *channel, size_t channel_length, uint32_t code, const char *reason)
{
    struct buffer json = {0};
    push_begin(&json, channel, channel_length);
    buffer_printf(&json, "\"unsubscribe\":{\"code\":%u,", code);
    buffer_json_member(&json, "reason", reason);
    buffer_text(&json, "}}}");
    return to_frame(&json);
}

struct frame *codec_push_disconnect(uint32_t code, const char *reason)
{
    struct buffer json = {0};
    buffer_printf(&json, "{\"push\":{\"disconnect\":{\"code\":%u,", code);
    buffer_json_member(&json, "reason", reason);
    buffer_text(&json, "}}}");
    return to_frame(&json);
}

struct frame *codec_error(uint32_t id, int code, const char *message, bool is_temporary)
{
    struct buffer json = {0};
    buffer_printf(&json, "{\"id\":%u,\"error\":{\"code\":%d,", id, code);
    buffer_json_member(&json, "message", message);
    buffer_text(&json, is_temporary ? ",\"temporary\":true}}" : "}}");
    return to_frame(&json);
}

struct frame *codec_reply(uint32_t id, const char *method, const char *text, size_t length)
{
    struct buffer json = {0};
    buffer_reserve(&json, length + 40);
    buffer_printf(&json, "{\"id\":%u,\"%s\":", id, method);
    if (length)
        buffer_append(&json, text, length);
    else
        buffer_text(&json, "{}");
    buffer_char(&json, '}');
    return to_frame(&json);
}
