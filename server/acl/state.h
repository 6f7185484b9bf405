/* acl/state.h: what the files of this folder share. */
#pragma once
#include "accounts/models.h"
#include "acl/acl.h"
#include "base/along.h"
#include "acl/models.h"
#include "net/wheel.h"

#define DRY_RUNS_MAX 2

struct dry_run_request;
struct pending;

struct acl {
    struct dispatch *dispatch;
    struct hub *hub;
    struct wheel_timer expiry_timer;
    int64_t next_until_ms;                          /* wall clock: when the next grant ends; 0: none does */
    bool is_expiring;                               /* a removal is under way */
    struct dry_run_request *dry_runs[DRY_RUNS_MAX]; /* those under way */
    struct pending *pending;                        /* what waits to come into force: feeds.c */
};

/* What somebody has seen before he changes it. */
struct grant_expected {
    bool is_given;
    unsigned rights;
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
    struct grant_expected expected;
    struct buffer told; /* owned: the group as it is shown, for those who listen */
};
static inline struct acl_request *acl_request(struct request *request)
{
    return container_of(request, struct acl_request, request);
}

struct group_delete {
    struct acl_request acl;
    struct along along; /* rows that referred to the group */
};

void acl_request_free(struct request *request);

/* ---- feeds.c: done, when memory has changed; in a batch all at its end ---- */
enum acl_feed { FEED_GROUP, FEED_GRANT, ACL_FEEDS };
bool feeds_open(struct acl *acl); /* false: no memory */
void feeds_close(struct acl *acl);
/* Rights of @user_id (0: of everybody) changed: bring them into force everywhere before the answer. Call it before the
 * ones that follow. */
void acl_announce(struct request *request, int64_t user_id);
/* Whoever listens hears of a grant that was made (@record: JSON as it is shown) or is gone (NULL) … */
void acl_tell_grant(struct request *request, const struct grant *grant, const struct buffer *record);
/* … and of a group that was made, changed or is gone. */
void acl_tell_group(struct request *request, int64_t id, const struct buffer *record, bool is_new);
/* More changed than is told one by one: whoever listens reads anew. */
void acl_tell_lost(struct request *request, enum acl_feed feed);

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
#define EXPECT_WORDS "This must be a list of read, write, delete and grant: the rights that were there."
/* Store thread: the id of the user or group that @name means. Digits are an id and nothing else: who is called "7" from
 * earlier times does not get what is meant for user 7. */
enum status subject_find(struct db *db, enum subject subject, const char *name, int64_t *id);

/* ---- grant_checks.c ---- */
/* The end of a grant, if one is given. Not NULL: what is wrong with it. */
const char *grant_until_read(const cJSON *json, int64_t *until_ms);
/* PRECONDITION, in words, if @before is not what was expected. */
enum status grant_expect(struct request *request, const struct grant_expected *expected, const struct grant *before);
/* May the asker put @grant (its rights may be none) in the place of what its subject has on its model? That goes into
 * *before, with id 0 if there is none. Store thread, in these three; FORBIDDEN, PRECONDITION, NOT_FOUND, in words. */
enum status grant_judge(struct request *request, struct db *db, const struct grant *grant,
                        const struct grant_expected *expected, struct grant *before);
/* The parts of it: may the asker give @grant, or change anything on its model? May he take away what @before, which is
 * there, has more than @grant? */
enum status grant_may_change(struct request *request, struct db *db, const struct grant *grant);
enum status grant_may_take(struct request *request, struct db *db, const struct grant *before,
                           const struct grant *grant);

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
extern const struct route user_groups_route;
extern const struct route audit_routes[], explain_routes[], who_routes[], dry_run_routes[], effective_routes[];
extern const size_t audit_routes_count, explain_routes_count, who_routes_count, dry_run_routes_count,
    effective_routes_count;
