/* acl/state.h: what the files of this folder share. */
#pragma once
#include "accounts/models.h"
#include "acl/acl.h"

struct acl {
    struct dispatch *dispatch;
    struct hub *hub;
};

/* An action on a grant or a group: what it is about, and what has to follow in memory. */
struct acl_request {
    struct request request;
    enum subject subject;
    int64_t subject_id; /* of the user or group; 0 otherwise */
    const char *subject_name;
    char model[64];
    unsigned rights, rights_before;
    const char *reason;
    int64_t id, group_id, user_id;
    const char *group_name;
};
static inline struct acl_request *acl_request(struct request *request)
{
    return container_of(request, struct acl_request, request);
}

/* Done: rights of @user_id (0: of everybody) changed in memory: bring them into force everywhere before the answer. */
void acl_announce(struct acl *acl, int64_t user_id);

void grant_list_start(struct request *request);
void grant_create_start(struct request *request);
void grant_delete_start(struct request *request);
void group_list_start(struct request *request);
void group_create_start(struct request *request);
void group_delete_start(struct request *request);
void group_member_create_start(struct request *request);
void group_member_delete_start(struct request *request);
void audit_list_start(struct request *request);
