/* settings.h: every knob, one table: name, kind, default, range, unit, help. Sources, later wins: the file of
 * --config (JSON, nested objects as in the names), PARLEY_* (PARLEY_HTTP_ADDRESS), flags (--http.address=...).
 * An unknown key (with the nearest valid one) or a value out of range stops the start. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* kind, field, name, default, least, most, unit, help
 * TEXT: default is a literal; INT: int64_t with a range; BOOL; SIZE is INT. */
#define SETTINGS_TABLE(TEXT, INT, BOOL)                                                                                \
    TEXT(http_address, "http.address", "127.0.0.1:8080", "where to listen, address:port; port 0: any free one")        \
    TEXT(http_origins, "http.origins", "",                                                                             \
         "further origins whose pages may connect, separated by commas: https://chat.example.org")                     \
    TEXT(http_proxies, "http.proxies", "",                                                                             \
         "addresses of reverse proxies whose X-Forwarded-For and -Proto are believed, separated by commas")            \
    INT(http_connections_max, "http.connections_max", 0, 0, 1000000, "connections",                                    \
        "open connections of one process; 0: the limit of open files less 64")                                         \
    INT(http_connections_per_address_max, "http.connections_per_address_max", 50, 0, 1000000, "connections",           \
        "open connections of one address to one process; 0: no limit")                                                 \
    INT(http_header_bytes_max, "http.header_bytes_max", 8192, 1024, 65536, "bytes",                                    \
        "request line and headers of one request")                                                                     \
    INT(http_headers_max, "http.headers_max", 64, 8, 1000, "headers", "headers of one request")                        \
    INT(http_header_ms, "http.header_ms", 10000, 100, 600000, "ms", "time for a request's headers, absolute")          \
    INT(http_body_bytes_max, "http.body_bytes_max", 65536, 1024, 16777216, "bytes", "body of one request")             \
    INT(http_body_ms, "http.body_ms", 30000, 100, 600000, "ms", "time for a request's body, absolute")                 \
    INT(http_idle_ms, "http.idle_ms", 60000, 100, 3600000, "ms", "how long an idle connection is kept")                \
    TEXT(data_path, "data.path", "var/parley.db", "the data base file; its folder must exist")                         \
    TEXT(data_schema, "data.schema", "",                                                                               \
         "folder of model files (news.json …) and their migrations; empty: built-in models only")                      \
    TEXT(data_shell, "data.shell", "",                                                                                 \
         "Unix socket for the command line; empty: beside the data base and named after it (parley.db: parley.sock)")  \
    INT(data_readers, "data.readers", 2, 1, 64, "threads", "threads that read the data base")                          \
    INT(data_lists_per_user, "data.lists_per_user", 4, 1, 1000, "requests", "lists that one person reads at once")     \
    INT(data_lists_waiting, "data.lists_waiting", 64, 0, 100000, "requests",                                           \
        "lists of one person that wait for their turn; above it 429")                                                  \
    INT(data_queue_max, "data.queue_max", 10000, 1, 1000000, "requests",                                               \
        "writes that may wait; above it 503 or error 111")                                                             \
    INT(data_group_max, "data.group_max", 1000, 1, 100000, "writes", "writes committed as one transaction")            \
    INT(data_free_bytes_min, "data.free_bytes_min", 67108864, 0, 1099511627776, "bytes",                               \
        "refuse writes when the disk has less free space")                                                             \
    TEXT(data_synchronous, "data.synchronous", "full",                                                                 \
         "full: an acknowledged message survives power loss; normal: it survives a crash of the program only")         \
    TEXT(redis_url, "redis.url", "",                                                                                   \
         "unix:/path/redis.sock or redis://user:password@127.0.0.1:6379/0, the host an IP address or localhost; "      \
         "empty: one node, no Redis")                                                                                  \
    TEXT(redis_prefix, "redis.prefix", "parley:", "in front of every Redis channel name")                              \
    INT(redis_in_flight_max, "redis.in_flight_max", 8388608, 65536, 1073741824, "bytes",                               \
        "bytes that may wait for Redis")                                                                               \
    TEXT(cluster_secret, "cluster.secret", "",                                                                         \
         "of all nodes, 32 characters or more, or @/path/of/a/file: who does not know it cannot speak for a node")     \
    INT(node_workers, "node.workers", 1, 1, 64, "processes",                                                           \
        "processes of `serve` on one port: a home and edges, joined by redis.url; also serve --workers=4")             \
    INT(node_silence_ms, "node.silence_ms", 10000, 500, 600000, "ms",                                                  \
        "a node not heard of for this long is given up; the same on all nodes")                                        \
    INT(realtime_message_bytes_max, "realtime.message_bytes_max", 65536, 1024, 16777216, "bytes",                      \
        "one WebSocket message")                                                                                       \
    INT(realtime_commands_max, "realtime.commands_max", 64, 1, 10000, "commands", "commands in one WebSocket message") \
    INT(realtime_pending_max, "realtime.pending_max", 512, 1, 100000, "commands",                                      \
        "unanswered commands of one connection")                                                                       \
    INT(realtime_connect_ms, "realtime.connect_ms", 10000, 100, 600000, "ms", "time to send the connect command")      \
    INT(realtime_ping_ms, "realtime.ping_ms", 25000, 1000, 600000, "ms", "time between pings")                         \
    INT(realtime_pong_ms, "realtime.pong_ms", 8000, 100, 600000, "ms", "time to answer a ping")                        \
    INT(realtime_queue_bytes_max, "realtime.queue_bytes_max", 1048576, 16384, 1073741824, "bytes",                     \
        "what may wait for a slow reader")                                                                             \
    INT(realtime_queue_ms, "realtime.queue_ms", 10000, 100, 600000, "ms", "how long a reader may take nothing")        \
    INT(realtime_channels_max, "realtime.channels_max", 128, 1, 100000, "channels", "subscriptions of one connection") \
    INT(realtime_user_connections_max, "realtime.user_connections_max", 20, 1, 1000000, "connections",                 \
        "connections of one user to one process")                                                                      \
    INT(realtime_commands_per_s, "realtime.commands_per_s", 50, 1, 1000000, "1/s",                                     \
        "commands of one connection, sustained; a burst of four times as many")                                        \
    INT(realtime_slice, "realtime.slice", 100, 1, 100000, "sends",                                                     \
        "sends to one channel before others have their turn")                                                          \
    INT(realtime_recover_max, "realtime.recover_max", 300, 1, 10000, "events",                                         \
        "events that one recovery or history request may return")                                                      \
    INT(realtime_recent_events, "realtime.recent_events", 300, 0, 10000, "events",                                     \
        "newest events of each channel kept in memory for those who come back; 0: none")                               \
    INT(realtime_recent_bytes, "realtime.recent_bytes", 1048576, 1024, 1073741824, "bytes",                            \
        "of them, for one channel")                                                                                    \
    INT(realtime_recent_total_bytes, "realtime.recent_total_bytes", 67108864, 0, 1099511627776, "bytes",               \
        "of them, for all channels together; those not needed for longest go first")                                   \
    INT(realtime_recent_ms, "realtime.recent_ms", 120000, 100, 86400000, "ms",                                         \
        "how long they are kept once nobody listens any more")                                                         \
    INT(realtime_join_leave_max, "realtime.join_leave_max", 200, 0, 100000, "subscribers",                             \
        "no join and leave pushes in larger channels")                                                                 \
    TEXT(namespaces, "namespaces", "{}",                                                                               \
         "ephemeral channels, JSON, the same on all nodes: {\"chat\": {\"presence\": true, \"publish\": "              \
         "\"subscriber\"}}")                                                                                           \
    INT(ephemeral_channels_max, "ephemeral.channels_max", 100000, 1, 10000000, "channels",                             \
        "channels of namespaces whose history or position is kept")                                                    \
    INT(ephemeral_bytes_max, "ephemeral.bytes_max", 67108864, 65536, 1099511627776, "bytes",                           \
        "memory for the history of all of them")                                                                       \
    INT(chat_text_max, "chat.text_max", 4000, 1, 60000, "characters", "length of a message")                           \
    INT(chat_messages_per_s, "chat.messages_per_s", 10, 1, 1000000, "1/s",                                             \
        "messages of one user, sustained; a burst of three times as many")                                             \
    INT(chat_members_max, "chat.members_max", 100000, 2, 10000000, "people", "members of one room")                    \
    TEXT(account_registration, "account.registration", "open",                                                         \
         "open: anyone may register; closed: administrators add people")                                               \
    INT(account_session_idle_s, "account.session_idle_s", 1209600, 60, 315360000, "s",                                 \
        "a session unused this long ends")                                                                             \
    INT(account_session_s, "account.session_s", 7776000, 60, 315360000, "s", "a session ends after this")              \
    INT(account_token_s, "account.token_s", 7776000, 60, 315360000, "s",                                               \
        "an API token ends after this at the latest, and then if it does not say when")                                \
    INT(account_hash_memory_kib, "account.hash_memory_kib", 19456, 8, 4194304, "KiB",                                  \
        "memory of one Argon2id password hash")                                                                        \
    INT(account_hash_passes, "account.hash_passes", 2, 1, 100, "passes", "passes of one Argon2id password hash")       \
    INT(account_password_min, "account.password_min", 8, 1, 128, "characters", "shortest password")                    \
    TEXT(token_hmac_secret, "token.hmac_secret", "",                                                                   \
         "secret of HS256 connection and subscription tokens, or @/path/of/its/file; empty: none are taken")           \
    INT(token_grace_s, "token.grace_s", 25, 0, 3600, "s",                                                              \
        "how long a connection or subscription outlives its token, for the client to show a new one")                  \
    TEXT(token_audience, "token.audience", "", "who such tokens must be for (aud); empty: anybody")                    \
    TEXT(token_issuer, "token.issuer", "", "who must have made such tokens (iss); empty: anybody")                     \
    TEXT(api_key, "api.key", "", "key of the server API (/api/publish …), or @/path/of/its/file; empty: it is off")    \
    TEXT(client_dir, "client.dir", "", "the browser client's files; empty: where the program was built or installed")  \
    TEXT(log_level, "log.level", "info", "error, warning, info or debug")                                              \
    TEXT(log_format, "log.format", "auto", "text, json, or auto: text on a terminal")                                  \
    INT(stop_ms, "stop_ms", 3000, 0, 600000, "ms", "at SIGTERM, the time over which connections are closed")

struct settings {
#define SETTINGS_TEXT(field, name, fallback, help)                   const char *field;
#define SETTINGS_INT(field, name, fallback, least, most, unit, help) int64_t field;
#define SETTINGS_BOOL(field, name, fallback, help)                   bool field;
    SETTINGS_TABLE(SETTINGS_TEXT, SETTINGS_INT, SETTINGS_BOOL)
#undef SETTINGS_TEXT
#undef SETTINGS_INT
#undef SETTINGS_BOOL
};

/* The defaults. Texts are literals or owned by the settings until settings_free(). */
struct settings *settings_new(void);
void settings_free(struct settings *settings);
/* All answer false with one line in @why: what is wrong, and the nearest key. */
bool settings_read_file(struct settings *settings, const char *path, char *why, size_t why_size);
bool settings_read_environment(struct settings *settings, char **environment, char *why, size_t why_size);
bool settings_set(struct settings *settings, const char *name, const char *value, char *why, size_t why_size);
/* A table for people (or JSON): name, value, default, range, unit, help. */
void settings_print(const struct settings *settings, FILE *out, bool as_json);
