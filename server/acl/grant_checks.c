/* acl/grant_checks.c: may somebody give a right, or take it away? Asked inside the transaction that does it, so that a
 * right that is being taken away is not handed on; and by dry runs, which do nothing.
 *
 * Superusers may do everything. Who holds the right to grant on a model gives what he holds himself at that moment, no
 * longer than he holds it, and takes back what he could give. */
#include <stdio.h>
#include <stdlib.h>
#include "acl/state.h"
#include "base/form.h"
#include "lib/clock.h"

static enum status holds_all(struct request *request, const struct grant *grant, const int64_t held_until[RIGHTS_COUNT],
                             const char *verb);

const char *grant_until_read(const cJSON *json, int64_t *until_ms)
{
    const char *text = json_text(json);
    if (!json || cJSON_IsNull(json))
        return NULL;
    if (!text || !time_read(text, until_ms))
        return "This must be a time as in 2027-01-31T12:00:00Z.";
    return *until_ms <= clock_wall_ms() ? "This must be in the future." : NULL;
}

/* "members", "user:3": as it is asked for. */
#define SUBJECT_SIZE 40
static const char *subject_text(const struct grant *grant, char text[SUBJECT_SIZE])
{
    if (grant->subject_id)
        snprintf(text, SUBJECT_SIZE, "%s:%lld", subject_word(grant->subject), (long long)grant->subject_id);
    else
        snprintf(text, SUBJECT_SIZE, "%s", subject_word(grant->subject));
    return text;
}

enum status grant_expect(struct request *request, const struct grant_expected *expected, const struct grant *before)
{
    char subject[SUBJECT_SIZE];
    SCOPED(buffer_free) struct buffer rights = {0};
    /* One that has ended is seen by nobody, though it may not have been removed yet. */
    bool is_over = before->until_ms && before->until_ms <= clock_wall_ms();
    unsigned found = is_over ? 0 : before->rights;
    if (!expected->is_given || expected->rights == found)
        return STATUS_OK;
    rights_print(found, &rights);
    return request_refuse(request, STATUS_PRECONDITION,
                          "Somebody else changed what %s may do on \"%s\" meanwhile: it is %s now.",
                          subject_text(before, subject), before->model, rights.has_failed ? "other" : rights.bytes);
}

enum status grant_judge(struct request *request, struct db *db, const struct grant *grant,
                        const struct grant_expected *expected, struct grant *before)
{
    char subject[SUBJECT_SIZE];
    enum status status = grant_may_change(request, db, grant);
    if (status != STATUS_OK)
        return status;
    status = grant_select(db, grant, before);
    if (status == STATUS_NOT_FOUND) {
        *before = *grant;
        before->id = before->until_ms = 0;
        before->rights = 0;
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = grant_expect(request, expected, before);
    if (status == STATUS_OK && !before->id && !grant->rights)
        return request_refuse(request, STATUS_NOT_FOUND, "There is no grant to %s on \"%s\".",
                              subject_text(grant, subject), grant->model);
    return status == STATUS_OK && before->id ? grant_may_take(request, db, before, grant) : status;
}

enum status grant_may_change(struct request *request, struct db *db, const struct grant *grant)
{
    int64_t held_until[RIGHTS_COUNT];
    if (request->is_privileged)
        return STATUS_OK;
    enum status status = rights_held(db, request->actor.user_id, grant->model, clock_wall_ms(), 0, held_until);
    if (status != STATUS_OK)
        return status;
    if (!held_until[RIGHTS_COUNT - 1])
        return request_refuse(request, STATUS_FORBIDDEN, "You may not grant permissions on \"%s\".", grant->model);
    return holds_all(request, grant, held_until, "grant");
}

/* Nobody takes back what he could not give. What the asker holds through @before alone, as all members hold what
 * members may, is not his to take from the others. One's own rights one may always give up. */
enum status grant_may_take(struct request *request, struct db *db, const struct grant *before,
                           const struct grant *grant)
{
    int64_t held_until[RIGHTS_COUNT];
    struct grant lost = *before;
    bool is_own = before->subject == SUBJECT_USER && before->subject_id == request->actor.user_id;
    bool ends_sooner = grant->until_ms && (!before->until_ms || grant->until_ms < before->until_ms);
    if (!ends_sooner)
        lost.rights &= ~grant->rights;
    if (request->is_privileged || is_own)
        return STATUS_OK;
    enum status status =
        rights_held(db, request->actor.user_id, before->model, clock_wall_ms(), before->id, held_until);
    return status == STATUS_OK ? holds_all(request, &lost, held_until, "take back") : status;
}

/* Does the asker hold the rights of @grant for as long as it lasts, to "grant" or "take back", which is the @verb? */
static enum status holds_all(struct request *request, const struct grant *grant, const int64_t held_until[RIGHTS_COUNT],
                             const char *verb)
{
    char at[CLOCK_TEXT_SIZE];
    int64_t until_ms = grant->until_ms ? grant->until_ms : INT64_MAX;
    for (unsigned i = 0; i < RIGHTS_COUNT; i++) {
        const char *right = right_word(1 << i);
        if (!(grant->rights & 1 << i))
            continue;
        if (!held_until[i])
            return request_refuse(request, STATUS_FORBIDDEN, "You cannot %s \"%s\" on \"%s\": you lack it yourself.",
                                  verb, right, grant->model);
        if (held_until[i] < until_ms)
            return request_refuse(request, STATUS_FORBIDDEN,
                                  "You hold \"%s\" on \"%s\" until %s only: you cannot %s it for longer than that.",
                                  right, grant->model, clock_text(held_until[i], at), verb);
    }
    return STATUS_OK;
}
