/* realtime/internal.h: what the files of this folder share, and nobody else sees. */
#pragma once
#include "lib/bucket.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "net/stream.h"
#include "realtime/hub.h"
#include "realtime/recent.h"
#include "settings_namespaces.h"

#define CHANNEL_NAME_MAX 255
#define KINDS_MAX        (16 + 2 * NAMESPACES_MAX)
/* Frames joined into one write. */
#define JOIN_FRAMES_MAX 256

enum { ENTRY_EVENT, ENTRY_JOIN_LEAVE };

/* One push in a channel's short log: kept until the slowest listener has it. */
struct entry {
    struct frame *frame;
    uint64_t offset;    /* 0: not in the durable log */
    uint64_t end_bytes; /* bytes of the log up to and with this entry, ever */
    int kind;
    uint32_t audience_words;
    uint64_t *audience; /* in a judged channel: who gets it, a bit for each place in members; NULL: everybody */
};

/* A run of entries, joined for writing, as most listeners need the very same one. */
struct joined {
    uint64_t from, to, position, position_after;
    bool with_join_leave;
    bool is_cut;                           /* there was more than one write takes */
    uint64_t chosen[JOIN_FRAMES_MAX / 64]; /* in a judged channel: which of the entries behind `from` are in it */
    struct frame *frame;                   /* NULL: all of it was for others */
};

struct channel {
    struct hub *hub;
    const struct channel_kind *kind;
    void *app;
    const char *rest; /* the name behind the kind's prefix */
    struct subscription **members;
    uint32_t count, capacity;

    struct entry *log; /* a ring; its capacity is a power of two */
    uint32_t log_first, log_count, log_capacity;
    uint64_t base_seq; /* number of the first entry in the log; the next new one gets base_seq + log_count */
    uint64_t bytes;    /* end_bytes of the newest entry ever */
    struct joined joined[2];
    unsigned joined_next;

    struct list dirty_link; /* in hub->dirty while a pass is wanted, in hub->passing between its slices */
    uint32_t cursor;        /* the next member of the pass */
    uint64_t pass_head;     /* where the log ended when the pass began */
    uint64_t pass_low;      /* the least seq seen in the pass */
    bool wants_pass;        /* somebody needs another pass, or may have held what can be trimmed by now */
    bool is_passing;        /* fanout_turn() is at it: it must not be freed or queued */

    char epoch[RANDOM_ID_SIZE];
    uint64_t offset;       /* of the newest event given to the log */
    bool is_synced;        /* epoch and offset are known */
    bool is_repairing;     /* edge: a read of what is missing is under way */
    uint32_t repair_round; /* edge: answers to an older read no longer count */
    uint64_t heard;        /* edge: the newest offset heard of, also what could not be taken yet */
    enum { LISTEN_NONE, LISTEN_WAITING, LISTEN_ON } listen;
    struct text_map *remotes; /* home: client → struct remote, listeners on edges; NULL until the first */

    size_t name_length;
    char name[];
};

/* A listener on another node. */
struct remote {
    uint64_t node;
    int64_t user_id, session_id;
    bool is_person, by_token; /* see actor and subscription */
    char *persona;            /* owned */
    char client[RANDOM_ID_SIZE];
    char name[];
};

struct subscription {
    /* What a pass of the fan-out looks at comes first, close together. */
    struct connection *connection;
    struct channel *channel;
    uint64_t seq;      /* the next entry of the channel's log to send */
    uint64_t position; /* the last durable offset sent */
    uint32_t index;    /* in channel->members */
    bool is_live;      /* false: the log is being read; entries wait */
    bool is_let_in;    /* edge: the home said yes, and has it on its lists */
    bool has_missed;   /* too much came meanwhile: it has to recover again */
    bool wants_join_leave;
    bool is_server_side;
    bool by_token;             /* a token allowed it: rights are not asked for again */
    uint32_t command_id;       /* of the subscribe command while pending */
    struct list link;          /* in connection->subscriptions */
    int64_t expires_ms;        /* wall clock: its token is over; 0: never */
    char *persona;             /* owned; NULL: the connection's */
    cJSON *waiting;            /* the command, while the bus does not listen yet; NULL: sent on */
    struct recovery *recovery; /* edge: the home said yes, and what was missed is being read; NULL: it is not */
};

struct outbox {
    struct frame **frames;
    uint32_t count, capacity;
    size_t bytes;
};

struct connection {
    /* What a write touches comes first, in one line of the processor's cache. */
    struct hub *hub;
    struct websocket *websocket; /* NULL: it is a stream, or gone */
    bool is_connecting, is_connected;
    bool is_closing; /* takes no commands and gets nothing more */
    bool awaits_pong, pings_by_frame, is_lagging;
    uint8_t refusals;         /* commands over the rate since the last ping */
    int64_t blocked_since_ms; /* when it last took something; 0: it takes all that we send */
    struct outbox outbox;
    uint32_t pending; /* commands under way */
    uint64_t id;
    int64_t opened_ms;  /* wall clock */
    int64_t expires_ms; /* wall clock: end of the session; 0: never */
    struct list subscriptions;
    struct user *user;        /* NULL: nobody in particular, or not yet known */
    struct list user_link;    /* in the user's list of connections */
    struct list flush_link;   /* in hub->flushing while the outbox waits for the end of the turn */
    struct buffer held;       /* commands that came while connect was under way */
    struct wheel_timer timer; /* connect deadline, then ping and pong */
    struct bucket commands;
    uint32_t subscriptions_count;
    uint32_t connect_id;
    struct actor actor;
    char client[RANDOM_ID_SIZE];
    char peer[48];
    char *persona;                     /* owned; NULL: actor says it */
    struct opening *opening;           /* while what its token subscribes it to is under way */
    char *agent;                       /* owned; NULL: it did not say */
    struct emulation *emulation;       /* NULL: it is a WebSocket */
    char credential[DIGEST_TEXT_SIZE]; /* of the handshake's cookie */
};

/* What a stream has that a WebSocket has not: commands come in requests of their own, on any node. */
struct emulation {
    struct stream *stream; /* NULL: gone */
    enum stream_kind kind;
    char session[RANDOM_TOKEN_SIZE]; /* until the client was told; "" from then on */
    char digest[DIGEST_TEXT_SIZE];   /* of it: the key in hub->emulations */
};

/* Somebody who is connected here. */
struct user {
    struct list connections;
    uint32_t count;
    int64_t id;        /* 0: somebody of another system */
    size_t key_length; /* of how he is called there */
    char key[];
};

struct kind_entry {
    const struct channel_kind *kind;
    void *app;
};

/* A question to the home about every connection of an edge. */
struct walk_kind {
    const char *action;
    size_t (*add)(cJSON *items, const struct connection *connection); /* how many items it added */
    void (*answered)(struct hub *hub, const struct request *request); /* each call that went well; may be NULL */
    void (*done)(struct hub *hub, bool is_fine);
};

struct walk {
    const struct walk_kind *kind;
    struct hub *hub;
    uint64_t *ids; /* of the connections */
    size_t count, next;
    unsigned under; /* calls without an answer */
    uint32_t round;
    bool is_running, is_going, has_failed;
};

struct hub {
    const struct settings *settings;
    struct dispatch *dispatch;
    struct wheel *wheel;
    struct bus *bus;
    bool has_nodes; /* the bus reaches others */
    char node[RANDOM_ID_SIZE];
    struct kind_entry kinds[KINDS_MAX];
    size_t kinds_count;
    struct int_map *connections; /* id → connection */
    struct int_map *users;       /* user id → struct user */
    struct text_map *people;     /* those of other systems: key → struct user */
    struct text_map *channels;   /* name → channel */
    struct text_map *emulations; /* digest of a session → connection with a stream */
    struct recents *recents;
    struct list flushing, dirty, passing;
    struct list reading; /* home: the log_requests of edges that subscribe and are being read */
    struct list woken;   /* who waited for a read of what was missed, and has not been served yet */
    uv_check_t check;
    uv_prepare_t prepare;
    uv_idle_t idle;                     /* runs while passes are unfinished, so that the poll does not wait */
    struct wheel_timer positions_timer; /* edge: compares positions with the home now and then */
    uint64_t next_connection;
    unsigned closing_handles;
    /* Edge: while rights are being checked with the home, or the bus is away, nothing new is delivered. */
    bool is_suspended, has_lost_bus, checks_again;
    int64_t awake_ms; /* edge: when deliveries were last looked at, to notice that it slept */
    struct walk rights_walk, presence_walk;
    /* Home: one more with each change of rights that the edges are told of; the first is unlike any other home's.
     * Edge: the last one heard of, 0: none yet. */
    uint64_t rights_version;
    struct list departures; /* edge: who left, while the home has not confirmed it */
    struct wheel_timer check_timer;
    bool is_shutting_down;
    struct hub_stats stats;
};

/* ---- codec.c: texts of the protocol ---- */
struct frame *codec_push_pub(const char *channel, size_t channel_length, uint64_t offset, const char *json,
                             size_t length);
/* The same with more members of pub than data: "data":…,"info":… */
struct frame *codec_push_members(const char *channel, size_t channel_length, uint64_t offset, const char *members,
                                 size_t length);
/* Somebody as others see him. */
struct client_info {
    int64_t user_id;
    const char *client, *name;
    const char *persona; /* NULL: user_id and name say it */
};
struct frame *codec_push_join(const char *channel, size_t channel_length, bool is_join, const struct client_info *info);
struct frame *codec_push_unsubscribe(const char *channel, size_t channel_length, uint32_t code, const char *reason);
void codec_client_info(struct buffer *json, const struct client_info *info);
/* The last of a stream: what the close frame is to a WebSocket. */
struct frame *codec_push_disconnect(uint32_t code, const char *reason);
/* {"id":N,"error":{…}} */
struct frame *codec_error(uint32_t id, int code, const char *message, bool is_temporary);
/* {"id":N,"<method>":<json>} */
struct frame *codec_reply(uint32_t id, const char *method, const char *json, size_t length);

/* ---- channels.c: the channels of this node and their logs ---- */
struct channel *channel_find(struct hub *hub, const char *name, size_t length);
bool channel_name_is_fine(const char *name);
/* Finds or makes it. NULL: no memory or no such kind (*status says). */
struct channel *channel_get(struct hub *hub, const char *name, size_t length, enum status *status);
const struct kind_entry *kind_find(struct hub *hub, const char *name);
void channel_append(struct channel *channel, struct frame *frame, uint64_t offset, int kind); /* takes the reference */
/* The same for a judged channel: only for those in @audience (@words of it, taken). False: no memory. */
bool channel_append_for(struct channel *channel, struct frame *frame, uint64_t *audience, uint32_t words);
/* What it costs to keep. */
static inline uint64_t entry_bytes(const struct entry *entry)
{
    return frame_payload_length(entry->frame) + entry->audience_words * sizeof *entry->audience;
}
static inline bool entry_is_for(const struct entry *entry, uint32_t member)
{
    return !entry->audience || (member / 64 < entry->audience_words && entry->audience[member / 64] >> member % 64 & 1);
}
static inline uint64_t channel_head(const struct channel *channel)
{
    return channel->base_seq + channel->log_count;
}
static inline struct entry *channel_entry(const struct channel *channel, uint64_t seq)
{
    return &channel->log[(channel->log_first + (uint32_t)(seq - channel->base_seq)) & (channel->log_capacity - 1)];
}
struct subscription *subscription_new(struct connection *connection, struct channel *channel);
/* Ends it: leave, presence, and the channel too if nobody is left. */
void subscription_free(struct subscription *subscription);
struct subscription *subscription_find(struct connection *connection, const char *channel);
/* Goes live behind @position. */
void subscription_start(struct subscription *subscription, uint64_t position);
/* Tell the client (unsubscribe push) and end it. */
void subscription_drop(struct subscription *subscription, uint32_t code, const char *reason);
void channel_announce(struct channel *channel, bool is_join, const struct client_info *info);
/* The listener has come. */
void subscription_announce(const struct subscription *subscription);
struct client_info subscription_info(const struct subscription *subscription);
struct client_info remote_info(const struct remote *remote);
void channel_release(struct channel *channel); /* frees it if nobody needs it */

/* ---- fanout.c: from the logs to the sockets ---- */
void fanout_mark(struct channel *channel); /* something new: a pass is wanted */
void fanout_turn(struct hub *hub);         /* the end of a turn of the loop */
/* Bytes of the channel's log that @subscription has not had. */
uint64_t fanout_backlog(const struct subscription *subscription);
/* Write what waits for @connection; false: it is blocked again. */
bool fanout_connection(struct connection *connection);

/* ---- judged.c: channels in which each listener gets what is its own ---- */
/* Edge: the home chose for some of the listeners here. */
void judged_arrived(struct channel *channel, const char *clients, size_t clients_length, const char *payload,
                    size_t length);
/* Something is in the log that this listener has not had. */
bool judged_is_behind(const struct subscription *subscription);
/* What was chosen for @user_id (0: anybody) and has not left may no longer be right: those who wait for it are to
 * subscribe again. */
void judged_doubt(struct hub *hub, int64_t user_id);
void judged_doubt_connection(struct connection *connection);
/* Here only: all who listen to @only (NULL: to any judged channel) are to subscribe again. */
void judged_lost(struct hub *hub, const struct channel *only);
void judged_lost_connection(struct connection *connection, const struct channel *only);

/* ---- connection.c ---- */
/* Somebody came, by whatever transport, which the caller sets. NULL: no memory. */
struct connection *connection_new(struct hub *hub, const struct websocket_hello *hello);
/* The transport is set: whoever may not stay is told now. */
void connection_greet(struct connection *connection, const struct websocket_hello *hello);
/* A message of one or more commands. */
void connection_message(struct connection *connection, char *text, size_t length);
/* The transport is gone: ends and frees it. */
void connection_gone(struct connection *connection);
void connection_send(struct connection *connection,
                     struct frame *frame); /* takes the reference; NULL closes it: no memory */
/* Direct write, for fanout: false: blocked. */
bool connection_write(struct connection *connection, struct frame *frame);
void connection_lag(struct connection *connection);
void connection_close(struct connection *connection, uint16_t code, const char *reason);
/* The peer answered the ping; the first ping; the end of it at a random moment within @over_ms. */
void connection_pong(struct connection *connection);
void connection_ping_first(struct connection *connection);
void connection_farewell(struct connection *connection, int64_t over_ms);
struct connection *connection_find(struct hub *hub, uint64_t id);

/* ---- people.c ---- */
/* It is somebody now, as its actor or its persona says. False: no memory. */
bool connection_identify(struct connection *connection);
void connection_unidentify(struct connection *connection);
/* How many others are connected here as the same as @connection, which is not yet counted. */
uint32_t hub_same_count(const struct connection *connection);
/* NULL: none. */
struct list *hub_user_connections(struct hub *hub, int64_t user_id);
struct user *hub_user(const struct hub *hub, const struct hub_who *who);
/* How many bytes of @persona say who it is among people of other systems, the same for the same; 0: nobody. */
size_t persona_user(const char *persona);
/* The digits of an id as we print it: others, such as "007", are names of other systems. */
bool user_id_read(const char *text, int64_t *user_id);

/* ---- emulation.c: how commands find the stream that they belong to ---- */
/* False: no memory. */
bool emulation_start(struct connection *connection, enum stream_kind kind);
void emulation_end(struct connection *connection);
/* What the client needs to know, into the reply to connect; it is not kept. */
void emulation_print(struct connection *connection, struct buffer *json);
/* Commands for the stream of @session on @node, wherever that is. False: that node cannot be reached now. */
bool emulation_send(struct hub *hub, const char *session, const char *node, const char *text, size_t length);
/* Another node took commands for a stream of this one. True: the message was such. */
bool emulation_arrived(struct hub *hub, const char *channel, const char *bytes, size_t length);

/* ---- commands.c ---- */
void commands_handle(struct connection *connection, char *text, size_t length);
/* The same, whatever the setting says of how many there may be. */
void commands_read(struct connection *connection, char *text, size_t length, int64_t commands_max);
/* An action for the command numbered @id, to be started. NULL: no such action, or no memory. */
struct request *command_request(struct connection *connection, uint32_t id, const char *name,
                                void (*reply)(struct request *request));
/* The same with a copy of the command's body as parameters; @subscription (NULL: none) is the one that it is about.
 * NULL: no memory, and the connection is closed. */
struct request *command_request_like(struct connection *connection, uint32_t id, const char *name, const cJSON *body,
                                     const struct subscription *subscription, void (*reply)(struct request *request));
/* The request has its answer. The connection that asked, if it is still there. */
struct connection *command_answered(struct request *request);
/* It went wrong: an error in reply. A token that is of no use closes the connection: the client is not to try it again.
 */
void command_fail(struct connection *connection, uint32_t id, const struct request *request);
void command_refuse(struct connection *connection, uint32_t id, int code, const char *words);

/* ---- command_connect.c ---- */
void command_connect(struct connection *connection, uint32_t id, const cJSON *body);
void command_refresh(struct connection *connection, uint32_t id, const cJSON *body);
/* The home's answer about one of those that the client did not ask for; with the last of them the reply leaves. */
void opening_answered(struct subscription *subscription, const struct request *request);
void opening_free(struct opening *opening);

/* ---- command_subscribe.c ---- */
void command_subscribe(struct connection *connection, uint32_t id, const cJSON *body);
void command_unsubscribe(struct connection *connection, uint32_t id, const cJSON *body);
void command_sub_refresh(struct connection *connection, uint32_t id, const cJSON *body);
/* @leaves_out: the events that were missed may be left out of the answer (see edge_recover.c). */
void command_subscribe_send(struct subscription *subscription, const cJSON *command, bool leaves_out);
/* The answer to the command; events behind @position follow. */
void command_subscribed(struct subscription *subscription, const char *json, size_t length, uint64_t position);
/* The command is not to be answered as it was meant to be: the subscription is about to go. */
void command_subscribe_withdraw(struct subscription *subscription);

/* ---- hub.c ---- */
/* An edge heard of a change at the home. */
void edge_control(struct hub *hub, const char *bytes, size_t length);
/* hub_publish_everybody() for those who are connected to this node. */
void hub_tell_here(struct hub *hub, const char *json);

/* ---- home.c ---- */
/* An action that reads a channel's log. */
struct log_request {
    struct request request;
    const struct kind_entry *kind;
    const char *rest; /* points into params */
    struct channel_top top;
    uint64_t since, wanted;  /* read behind the first, at least up to the second */
    size_t limit, bytes_max; /* as many as asked for, but no more once they are this long together */
    bool reversed, is_recovering, is_recovered;
    bool is_exact; /* no more than one event beyond bytes_max */
    bool by_token; /* its token allowed it, until token_expires_ms (0: for good) */
    int64_t token_expires_ms;
    struct buffer publications;
    size_t count;
    uint64_t last;
    struct recent *recent;
    struct list link;      /* in recent->waiting */
    struct list read_link; /* subscribe of an edge: in hub->reading, while it is read */
    bool is_reading;       /* it is there */
    bool is_gone;          /* it left meanwhile, or its node is lost */
    unsigned waits;        /* for reads that others may share, so far */
};
/* Reader thread. Without a @db: loop, from log->recent. */
enum status log_work(struct request *request, struct db *db);
/* May whoever asks read the channel of the parameters? If so it says which that is and, in *top, where its log stands.
 */
enum status home_authorize(struct request *request, const char **name, const struct kind_entry **kind,
                           struct channel_top *top);
extern const struct route home_routes[];
extern const size_t home_routes_count;

/* ---- home_edges.c ---- */
/* Who somebody on an edge is: the sessions here say it, not the message. False: that session is over. */
bool remote_actor(struct hub *hub, int64_t user_id, int64_t session_id, struct actor *actor);
/* The same of a listener, who may be nobody's user. */
bool remote_rights(struct hub *hub, const struct remote *remote, struct actor *actor);
/* Another listener of channel @name, or one that is known already. False: no memory, or @client is no connection's id. */
bool remote_add(struct hub *hub, const char *name, uint64_t node, const char *client, const struct actor *actor,
                const char *persona, bool by_token);
/* A subscribe of an edge whose log is being read: whoever leaves meanwhile is found, and not listed afterwards. */
void remote_reading(struct log_request *log);
size_t remotes_count(const struct channel *channel);
/* Walk: start with *cursor = 0; NULL at the end. The one just returned may be removed. */
struct remote *remote_next(const struct channel *channel, size_t *cursor);
/* All of @channel, without telling anybody. */
void remotes_free(struct channel *channel);
void left_start(struct request *request);
void announce_start(struct request *request);
void check_start(struct request *request);
void rights_start(struct request *request);
void positions_start(struct request *request);

/* ---- home_presence.c ---- */
void presence_start(struct request *request);
void presence_stats_start(struct request *request);

/* ---- tokens.c: home: what tokens of another system say ---- */
struct open_request {
    struct request request;
    cJSON *claims;
    int64_t user_id;
    uint64_t ended; /* sessions_ended() when the user was looked for */
    char name[NAME_SIZE];
};
void open_request_free(struct request *request);
/* connection.open and connection.refresh with such a token. */
void token_open_start(struct request *request, const char *token);
void token_refresh_start(struct request *request, const char *token);
/* May the channel be subscribed to by the token in the parameters? OK, or TOKEN_INVALID, TOKEN_EXPIRED; *expires_ms: 0:
 * never. The request's persona is that of the subscription then. */
enum status token_subscribe(struct request *request, const char *channel, int64_t *expires_ms);
void token_sub_refresh_start(struct request *request);
/* ,"expires":true,"ttl":…: in an answer. Nothing if it is for good. */
void token_print(int64_t expires_ms, struct buffer *json);

/* ---- home_open.c ---- */
/* Is there anything for those who are not signed in? */
bool open_to_everyone(struct request *request);
void open_start(struct request *request);
void refresh_start(struct request *request);

/* ---- recall.c ---- */
/* Read what @log wants, from the event numbered @from on, then @done: at once if it is in memory. If others wait for
 * the same, one read is for all: then the route's start is called again. */
void log_recall(struct log_request *log, uint64_t from, request_done *done);
/* Serve some of those who were woken: all at once could be all clients there are. */
void recall_turn(struct hub *hub);

/* ---- edge.c ---- */
#define EDGE_ITEMS_MAX 200 /* of one call, well below the limits of JSON from outside */
/* What an edge tells of a subscription that the home has no other way to know. */
enum { EDGE_IS_PERSON = 1, EDGE_BY_TOKEN = 2 };
unsigned edge_flags(const struct subscription *subscription);
#define EDGE_AGAIN_MS 500 /* after a call that failed */
/* A call to the home, to be filled in and started. NULL: no memory. */
struct request *edge_call(struct hub *hub, const char *name, void (*reply)(struct request *request));
/* Read what is missing behind the channel's offset. */
void edge_repair(struct channel *channel);
/* While deliveries are held: no more can be kept. */
bool edge_is_full(const struct channel *channel);
void edge_positions(struct wheel_timer *timer);
/* The client is told that the others cannot be reached, rather than left to find out by itself. */
void edge_refuse(struct subscription *subscription);

/* ---- edge_recover.c ---- */
/* Did the home, in this answer to a subscribe command, leave it to us to add what was missed? Then it is under way. */
bool edge_recover(struct subscription *subscription, struct request *answer);
void recovery_free(struct recovery *recovery);
/* Serve some of those who were woken. */
void edge_recover_turn(struct hub *hub);

/* ---- edge_walk.c ---- */
/* Ask about those of @user_id (0: all). What is under way of an older walk no longer counts. */
void walk_start(struct walk *walk, const struct walk_kind *kind, struct hub *hub, int64_t user_id);
void walk_free(struct walk *walk);

/* ---- edge_rights.c ---- */
/* Rights of @user_id (0: anybody's) changed: hold deliveries until the home said who still may. */
void edge_recheck(struct hub *hub, int64_t user_id);
/* What was pushed to channels without a log may not have arrived: their listeners are to read anew. */
void edge_missed(struct hub *hub);
/* May anything be delivered now? Asked at the end of every turn, it also notices that this process was stopped: then it
 * has everybody checked first. */
bool edge_may_deliver(struct hub *hub);
void edge_check(struct hub *hub);
/* Each message of the home says which change of rights was the last before it, or, with @is_change, that it is one.
 * False: one was missed (or it is another home): deliveries are held and everybody is checked. */
bool edge_hears(struct hub *hub, uint64_t version, bool is_change);
/* Everybody is about to be checked: where do we go on from then? */
void edge_ask_version(struct hub *hub);
/* In case a change was not heard of: nothing is held back. */
void edge_check_quietly(struct hub *hub);
void edge_check_again(struct wheel_timer *timer);

/* ---- edge_presence.c ---- */
void edge_left(struct subscription *subscription);
void edge_free(struct hub *hub);
