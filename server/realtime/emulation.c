/* realtime/emulation.c: how commands find the stream that they belong to. A stream only goes out; what its client says
 * comes in requests of their own, which may reach any node. The session, which only the client knows, is the one
 * credential; between nodes its digest travels, so that whoever reads along in Redis cannot use it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/log.h"
#include "realtime/internal.h"

/* Commands on their way to other nodes may fill this part of what may wait for Redis: events must not be dropped for
 * what anybody may send. */
#define BUS_SHARE 4

#define DIGEST_LENGTH (DIGEST_TEXT_SIZE - 1)

static void commands_arrived(struct hub *hub, const char *digest, const char *text, size_t length);

bool emulation_start(struct connection *connection, enum stream_kind kind)
{
    struct emulation *emulation = calloc(1, sizeof *emulation);
    if (!emulation)
        return false;
    emulation->kind = kind;
    random_token(emulation->session);
    digest_text(emulation->session, strlen(emulation->session), emulation->digest);
    if (!text_map_set(connection->hub->emulations, emulation->digest, DIGEST_LENGTH, connection)) {
        free(emulation);
        return false;
    }
    connection->emulation = emulation;
    return true;
}

void emulation_end(struct connection *connection)
{
    struct emulation *emulation = TAKE(connection->emulation);
    if (emulation)
        text_map_remove(connection->hub->emulations, emulation->digest, DIGEST_LENGTH);
    free(emulation);
}

void emulation_print(struct connection *connection, struct buffer *json)
{
    buffer_char(json, ',');
    buffer_json_member(json, "session", connection->emulation->session);
    buffer_char(json, ',');
    buffer_json_member(json, "node", connection->hub->node);
    memset(connection->emulation->session, 0, sizeof connection->emulation->session);
}

bool emulation_send(struct hub *hub, const char *session, const char *node, const char *text, size_t length)
{
    char digest[DIGEST_TEXT_SIZE];
    digest_text(session, strlen(session), digest);
    if (strcmp(node, hub->node) == 0) {
        commands_arrived(hub, digest, text, length);
        return true;
    }
    if (!hub->has_nodes)
        return true; /* there is no other node, so no such session */
    struct bus_stats stats;
    bus_stats(hub->bus, &stats);
    if (!stats.is_up || stats.in_flight > (size_t)hub->settings->redis_in_flight_max / BUS_SHARE)
        return false;
    SCOPED(buffer_free) struct buffer channel = {0}, message = {0};
    buffer_text(&channel, HUB_BUS_STREAMS);
    buffer_text(&channel, node);
    buffer_append(&message, digest, DIGEST_LENGTH);
    buffer_char(&message, '\n');
    buffer_append(&message, text, length);
    if (channel.has_failed || message.has_failed)
        return false;
    bus_publish(hub->bus, channel.bytes, message.bytes, message.length);
    return true;
}

bool emulation_arrived(struct hub *hub, const char *channel, const char *bytes, size_t length)
{
    if (strncmp(channel, HUB_BUS_STREAMS, strlen(HUB_BUS_STREAMS)) != 0)
        return false;
    if (length <= DIGEST_LENGTH || bytes[DIGEST_LENGTH] != '\n')
        log_warning("bus.garbage", "commands for a stream that are none were dropped");
    else
        commands_arrived(hub, bytes, bytes + DIGEST_LENGTH + 1, length - DIGEST_LENGTH - 1);
    return true;
}

/* Of a session that is not here nothing is said: it may have ended a moment ago, or never have been. */
static void commands_arrived(struct hub *hub, const char *digest, const char *text, size_t length)
{
    struct connection *connection = text_map_get(hub->emulations, digest, DIGEST_LENGTH);
    SCOPED(buffer_free) struct buffer copy = {0};
    if (!connection)
        return;
    buffer_append(&copy, text, length);
    if (length && copy.has_failed)
        connection_close(connection, 3004, "server error: no memory, try again");
    else
        connection_message(connection, copy.bytes ? copy.bytes : (char[]){""}, length);
}
