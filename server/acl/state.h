/* acl/state.h: what the files of this folder share. */
#pragma once
#include "accounts/models.h"
#include "acl/acl.h"
#include "base/along.h"
#include "acl/models.h"
#include "net/wheel.h"

#define DRY_RUNS_MAX 2

struct dry_run_request;

struct acl {
    struct dispatch *dispatch;
    struct hub *hub;
    struct wheel_timer expiry_timer;
    int64_t next_until_ms;                          /* wall clock: when the next grant ends; 0: none does */
    bool is_expiring;                               /* a removal is under way */
    struct dry_run_request *dry_runs[DRY_RUNS_MAX]; /* those under way */
};

/* An action on a grant or a group: what it is about, and what has to follow in memory. */
struct acl_request {
    struct request request;
    struct grant grant, before;
    bool had_before;
    const char *subject_name; /* as asked for: an id or a name; NULL: the subject has none */
    const char *reason;
    int64_t group_id, user_id, after, limit;
    const char *group_name;
};
static inline struct acl_request *acl_request(struct request *request)
{
    return container_of(request, struct acl_request, request);
}

struct group_delete {
    struct acl_request acl;
    struct along along; /* rows that referred to the group */
};

/* Done: rights of @user_id (0: of everybody) changed in memory: bring them into force everywhere before the answer. */
void acl_announce(struct acl *acl, int64_t user_id);
/* An acl action begins: only for superusers and those who may grant on @model (NULL: on any). If not, the request is
 * finished and the answer is false. */
bool acl_may_grant(struct request *request, const char *model);
/* What was asked for is not there: NOT_FOUND, and to the shell and superusers, from whom nothing is hidden, in words
 * which of the ids was wrong. Any thread that holds the request. */
enum status acl_absent(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- forms.c ---- */
/* "everyone", "members", "user:3", "user:ann", "group:2", "group:editors" from @json; @name points into it, NULL: none.
 * False: it is none of these. */
bool subject_read(const cJSON *json, enum subject *subject, const char **name);
#define SUBJECT_WORDS "This must be everyone, members, user:ID or group:ID (or their names)."
/* ["read","write"]; an empty list is fine. */
bool rights_read(const cJSON *json, unsigned *rights);
#define RIGHTS_WORDS "This must be a list of read, write, delete and grant; an empty one takes the grant away."
/* The parameter "model": one that is known. NULL: it was noted as wrong. */
const struct model *model_param(struct request *request);
/* Store thread: the id of the user or group that @name means. Digits are an id and nothing else: who is called "7" from
 * earlier times does not get what is meant for user 7. */
enum status subject_find(struct db *db, enum subject subject, const char *name, int64_t *id);

/* ---- expiry.c: grants that end by themselves ---- */
void expiry_init(struct acl *acl);
/* After the load: removes what ended while nobody looked, and waits for the next end. */
void expiry_start(struct acl *acl);
/* A grant that ends then is in force. 0: it does not. */
void expiry_note(struct acl *acl, int64_t until_ms);
extern const struct route expiry_route;

/* ---- actions ---- */
void grant_list_start(struct request *request);
void grant_detail_start(struct request *request);
void grant_create_start(struct request *request);
void grant_delete_start(struct request *request);
void group_list_start(struct request *request);
void group_detail_start(struct request *request);
void group_create_start(struct request *request);
void group_update_start(struct request *request);
void group_delete_start(struct request *request);
void group_delete_free(struct request *request);
void group_member_create_start(struct request *request);
void group_member_delete_start(struct request *request);
extern const struct route audit_routes[], explain_routes[], who_routes[], dry_run_routes[];
extern const size_t audit_routes_count, explain_routes_count, who_routes_count, dry_run_routes_count;
