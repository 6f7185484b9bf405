/* base/request.h: one action asked for, whatever door it came through: who, which action, which parameters; later
 * how it ended and what to answer. It is handed over whole between the loop and the store's threads. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/permission.h"
#include "lib/buffer.h"
#include "lib/json.h"
#include "lib/random.h"
#include "net/http.h"
#include "store/store.h"

struct request;
struct dispatch;
struct kept;
struct reader;

/* Store thread. The status it returns becomes request->status; anything but success rolls back what it wrote. It may
 * run twice (see store_job): clear what you build, as request_result() does. */
typedef enum status request_work(struct request *request, struct db *db);
/* Loop thread. Must end in request_finish() (or another hand-over). */
typedef void request_done(struct request *request);

/* What an action needs before it starts; each route names its own. */
enum {
    ROUTE_OPEN = 1,         /* anyone, signed in or not: the action checks for itself */
    ROUTE_SIGNED_IN = 2,    /* any user who is signed in */
    ROUTE_MODEL = 4,        /* `needs` on `model` */
    ROUTE_SUPERUSER = 8,    /* superusers and the shell */
    ROUTE_NODE = 16,        /* never from a client: the server's own (subscriptions, other nodes) */
    ROUTE_HTTP_ONLY = 32,   /* not offered as rpc: it deals in cookies */
    ROUTE_TOKEN_OK = 64,    /* with SIGNED_IN: an API token is enough */
    ROUTE_IDEMPOTENT = 128, /* takes an idempotency key; all that are called ".create" do */
    ROUTE_SECRET = 256      /* its answer holds a secret: it is never kept, and no part of a batch */
};

struct route {
    const char *name; /* the rpc method: "room.join" */
    enum http_method method;
    const char *path;  /* below /api/v1/, parameters as ":id" (integers) or ":word*" (text): "room/:id/join". NULL: no
                          REST door */
    unsigned flags;    /* ROUTE_… : exactly one of OPEN, SIGNED_IN, MODEL, SUPERUSER, NODE */
    const char *model; /* with ROUTE_MODEL */
    unsigned needs;    /* RIGHT_… */
    void (*start)(struct request *request); /* loop; ends in request_write(), request_read() or request_finish() */
    size_t size; /* of the action's structure, which begins with struct request; 0: just struct request */
    void (*free)(struct request *request); /* what it owns beyond struct request; may be NULL */
};

struct request {
    struct store_job job;
    const struct route *route;
    struct dispatch *dispatch;
    void *app; /* the application's own state, given to dispatch_add() */
    struct actor actor;
    char credential[DIGEST_TEXT_SIZE]; /* digest of the session token; "" if none. Home: resolved to actor at start */
    char csrf[RANDOM_TOKEN_SIZE];      /* the token that writes with this cookie need; "" without a cookie */
    char peer[48];                     /* client's address, for throttling and session lists */
    char agent[128];
    char client[RANDOM_ID_SIZE]; /* realtime client id; "" through REST */
    uint64_t node;               /* 0: this node; else the edge that sent it */
    char *persona; /* how others see who asks: members of a ClientInfo, as JSON, owned; NULL: as the user that he is */
    bool persona_is_new;      /* home: it was found out by this request, and belongs to the answer */
    char id[REQUEST_ID_SIZE]; /* for logs and problem documents; "": none */
    cJSON *params;            /* an object, never NULL, owned. Path parameters and query are merged in */
    /* Conditions and the like: headers of HTTP; on the socket "if_match" and "idempotency_key" beside the parameters.
     */
    char if_match[64], if_none_match[128]; /* as sent: "3", * or a list; "": none */
    char idempotency_key[128];             /* "": none */
    bool is_query;                         /* params came from a query string: numbers and truths are texts there */
    unsigned rights;      /* of the actor on the route's model; set at start, again by request_recheck() */
    bool is_privileged;   /* a superuser or the shell: passes every check; set with rights */
    unsigned scope;       /* what the actor's API token is for, on the route's model; without a token: all */
    uint64_t acl_version; /* of the permissions in memory that it was checked under */
    uint64_t acl_seen;    /* the data base's, when its work ended on the writer; 0: no work ran there */

    struct kept *kept;   /* with an idempotency key: see base/idempotency.h; owned */
    bool is_replayed;    /* the answer is that to an earlier request with the same key */
    struct reader *turn; /* a list that is read now or waits for its turn: see base/turns.h */

    unsigned lacks; /* the right for want of which request_forbid() refused it; 0: none */

    enum status status;
    char *detail;         /* a sentence for the client, owned; NULL: the status's words */
    struct buffer errors; /* elements of the problem's "errors" array */
    struct buffer needs;  /* further members of the problem: what is missing, and who could give it */
    struct buffer result; /* JSON text of the answer; empty: none */
    int64_t version;      /* of the row in the answer, for ETag; 0: none */
    int64_t created_id;   /* with CREATED: for Location; 0: none */
    char *session_token;  /* login: set the cookie to it, owned; "" ends the cookie; NULL: leave it */
    int64_t retry_after_s;
    struct {
        char epoch[RANDOM_ID_SIZE];
        uint64_t offset; /* live events go on behind this one */
        bool is_positioned;
    } position; /* answer of channel.subscribe */

    void (*reply)(struct request *request); /* the door's: called once, before the request is freed */
    void *door;
    uint64_t door_id;
    uint32_t door_tag;
    uint8_t reply_kind; /* the door's too */

    request_work *work;
    request_done *done;
    /* In a batch: gets the request instead of the store when work and done are set; NULL otherwise. */
    void (*capture)(struct request *request, bool is_write);
};

/* ---- for actions ---- */
/* Run @work on the writer (or a reader), then @done on the loop; NULL done: just answer. If it could not run
 * (BUSY, NO_SPACE …) request->status says so and @done is called all the same. */
void request_write(struct request *request, request_work *work, request_done *done);
void request_read(struct request *request, request_work *work, request_done *done);
/* Answer and free. thread loop */
void request_finish(struct request *request, enum status status);
/* Any thread that holds the request: say why in a sentence; returns @status, so that it can be returned on. */
enum status request_refuse(struct request *request, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Add a field error ("/text", "…"); returns STATUS_INVALID. */
enum status request_invalid(struct request *request, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The result, emptied, to be written anew. */
struct buffer *request_result(struct request *request);
/* May the row's @version be changed (shown)? OK, or PRECONDITION (NOT_MODIFIED) by if_match (if_none_match). */
enum status request_if_match(const struct request *request, int64_t version);
enum status request_if_none_match(const struct request *request, int64_t version);
/* For doors that have no headers: takes "if_match" and "idempotency_key" out of the parameters. False: one of them is
 * no text, or too long (the reason is in the request). */
bool request_take_conditions(struct request *request);
/* The permissions … of the node. */
struct permissions *request_permissions(struct request *request);
struct sessions *request_sessions(struct request *request);
/* Writer thread, inside work: is what the loop allowed still allowed? Only looks into the data base if permissions
 * changed since. OK, FORBIDDEN, UNAUTHENTICATED (or a fault). Call it first in every work that writes. */
enum status request_recheck(struct request *request, struct db *db);
/* The same, after request_recheck(), of rights on another @model, which the loop found in memory: takes out of *rights
 * what has been taken away since. */
enum status request_rights_left(const struct request *request, struct db *db, const char *model, unsigned *rights);

/* ---- parameters: read one, refuse in words, remember the error in the request ----
 * Each answers false if the parameter is there but wrong (error noted). An absent optional one leaves *value alone. */
enum param_need { PARAM_OPTIONAL, PARAM_REQUIRED };
bool param_int(struct request *request, const char *name, enum param_need need, int64_t least, int64_t most,
               int64_t *value);
/* Characters are counted as code points. *value points into params. */
bool param_text(struct request *request, const char *name, enum param_need need, size_t least, size_t most,
                const char **value);
bool param_bool(struct request *request, const char *name, enum param_need need, bool *value);
/* One of the words in the NULL-ended list. */
bool param_word(struct request *request, const char *name, enum param_need need, const char *const *words, int *index);
/* Is it there, and not null? */
bool param_is_given(const struct request *request, const char *name);
#define PARAM_POINTER_SIZE 80
/* The JSON pointer of a parameter, cut if it is long. */
char *param_pointer(const char *name, char pointer[PARAM_POINTER_SIZE]);
/* Refuse parameters that are not in the NULL-ended list (NULL: there may be none). Call it first: a typing error must
 * not be ignored. */
bool params_only(struct request *request, const char *const *names);
