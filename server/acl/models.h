/* acl/models.h: grants in the data base. Store threads, inside work functions. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/model.h"
#include "base/permission.h"
#include "lib/buffer.h"
#include "store/store.h"

#define RIGHTS_COUNT 4 /* bits of RIGHT_… */

/* What a subject may do on a model. */
struct grant {
    int64_t id;
    enum subject subject;
    int64_t subject_id; /* of the user or group; 0 otherwise */
    char model[MODEL_NAME_MAX + 1];
    unsigned rights;
    int64_t until_ms; /* wall clock; 0: for good */
};

/* A grant as it is shown. Texts are borrowed. */
struct grant_view {
    struct grant grant;
    const char *name; /* the user's or group's; NULL: not known here */
    const char *reason;
    int64_t granted_by;
    const char *granter; /* NULL: the shell, or a default */
    int64_t created_ms;
};
/* The columns that grant_view() reads, of `"grant" g` with all that belongs to it. */
#define GRANT_SELECT                                                                                                   \
    "SELECT g.id, g.subject, ifnull(g.user_id, ifnull(g.group_id, 0)), g.model, g.rights, ifnull(g.until, 0), "        \
    "ifnull(u.name, \"group\".name), g.reason, ifnull(g.granted_by, 0), giver.name, g.created_at FROM \"grant\" g "    \
    "LEFT JOIN user u ON u.id = g.user_id LEFT JOIN \"group\" ON \"group\".id = g.group_id "                           \
    "LEFT JOIN user giver ON giver.id = g.granted_by "
void grant_view(struct rows *rows, struct grant_view *view);
/* {"id":…,"subject":"user:3",…} */
void grant_print(const struct grant_view *view, struct buffer *json);
/* The same of the one that is there. NOT_FOUND: there is none. */
enum status grant_print_id(struct db *db, int64_t id, struct buffer *json);
/* {"grant":7,"subject":"user","id":3,…}: as where a right comes from. */
void grant_print_source(const struct grant_view *view, struct buffer *json);
/* "until":"…","granted_by":{…}: the end and the giver, as they are shown everywhere. */
void grant_print_origin(const struct grant_view *view, struct buffer *json);

enum subject subject_of(const char *word);
/* The grant of the same subject on the same model, or by its id. NOT_FOUND: there is none. */
enum status grant_select(struct db *db, const struct grant *like, struct grant *grant);
enum status grant_select_id(struct db *db, int64_t id, struct grant *grant);
/* In place of one of the same subject on the same model; fills in its id. */
enum status grant_insert(struct db *db, struct grant *grant, const char *reason, int64_t granted_by, int64_t now_ms);
enum status grant_delete(struct db *db, int64_t id);
/* The record of a change: NULL: there was, or is, none. */
enum status grant_audit(struct db *db, int64_t actor_id, const char *action, const struct grant *before,
                        const struct grant *after, const char *reason);

/**
 * What @user_id holds on @model at this moment and until when, without grant @except_id (0: with all): one for each
 * right, RIGHT_READ first.
 * units   until_ms: 0: not at all; INT64_MAX: for good
 */
enum status rights_held(struct db *db, int64_t user_id, const char *model, int64_t now_ms, int64_t except_id,
                        int64_t until_ms[RIGHTS_COUNT]);
/* All groups and grants; expired ones are left out. @next_until_ms (may be NULL): when the next one ends or should
 * have; 0: never. */
enum status permissions_select(struct db *db, struct permissions *permissions, int64_t now_ms, int64_t *next_until_ms);
