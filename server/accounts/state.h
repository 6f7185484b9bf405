/* accounts/state.h: what the files of this folder share. */
#pragma once
#include "accounts/accounts.h"
#include "accounts/hasher.h"
#include "accounts/models.h"
#include "accounts/throttle.h"
#include "base/row_change.h"

struct accounts {
    struct dispatch *dispatch;
    struct hub *hub;
    uv_loop_t *loop;
    const struct settings *settings;
    struct hasher *hasher;
    struct throttle *throttle;
    uv_timer_t used_timer; /* writes when sessions were last used */
    bool is_writing_used;
    char setup_token[RANDOM_TOKEN_SIZE]; /* "": there is an administrator */
    int64_t setup_until_ms;              /* monotonic */
    /* What a wrong name is compared with, so that it takes as long as a wrong password. */
    char dummy_hash[PASSWORD_HASH_SIZE];
};

/* Actions that make or change an account begin with a password to hash or compare. */
struct account_request {
    struct request request;
    struct hash_job hash;
    void (*hashed)(struct request *request); /* what comes when the password is hashed or compared */
    struct user user;
    struct row_change change; /* of the account */
    struct session session;
    char name[NAME_SIZE];
    const char *email;
    char token[RANDOM_TOKEN_SIZE];
    int64_t target_id;
    bool sets_superuser, is_superuser, sets_disabled, is_disabled, has_password, has_signed_in;
};
void account_request_free(struct request *request);

#define SESSION_OVER "your session has ended, sign in again" /* why a connection is closed, with 3507 */

static inline struct account_request *account_request(struct request *request)
{
    return container_of(request, struct account_request, request);
}

/* Read the parameter @name as a new password into the hash job. False: an error was noted. */
bool password_read(struct request *request, const char *name, bool is_new);
/* One try from this address, of @account's if it is not NULL; false: the request was finished with TOO_MANY. */
bool account_may_try(struct request *request, const char *account);
/* Hand the password over; then @hashed goes on on the loop. If it cannot be done, the request is finished instead. */
void account_hash(struct request *request, void (*hashed)(struct request *request));
/* Fill request->session for a new session of user @user_id and make its token. */
void session_prepare(struct account_request *account, int64_t user_id, const char *name);
/* Done: the session is committed: it is alive, and the answer carries it. */
enum status session_begin(struct account_request *account, bool is_superuser);
/* {"id":…,"name":…,"superuser":…} */
void user_print(struct buffer *json, int64_t id, const char *name, bool is_superuser);

/* token_handlers.c has routes of its own. */
extern const struct route token_routes[];
extern const size_t token_routes_count;

/* handlers */
void register_start(struct request *request);
void login_start(struct request *request);
void logout_start(struct request *request);
void password_start(struct request *request);
void setup_detail_start(struct request *request);
void setup_create_start(struct request *request);
void me_start(struct request *request);
void session_list_start(struct request *request);
void session_delete_start(struct request *request);
void user_session_list_start(struct request *request);
void user_session_delete_start(struct request *request);
void user_session_delete_all_start(struct request *request);
void user_create_start(struct request *request);
void user_update_start(struct request *request);
