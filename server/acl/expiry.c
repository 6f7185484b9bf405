/* acl/expiry.c: grants that end by themselves. From the moment on, memory says no without anything having to happen
 * (base/permission.c); then a timer has the open subscriptions checked again, here and on every node; then the rows are
 * removed and recorded. So a disk that is full or a writer that is busy makes no right last longer. */
#include <stdlib.h>
#include "acl/state.h"
#include "lib/clock.h"

#define GONE_MAX 200   /* removed in one transaction */
#define LOOK_MS  60000 /* at the latest: somebody may have set the clock */
#define AGAIN_MS 10000 /* after a removal that failed */

struct expire_request {
    struct request request;
    struct grant gone[GONE_MAX];
    size_t count;
    int64_t next_until_ms;
};

static void expiry_arm(struct acl *acl);
static void expiry_fire(struct wheel_timer *timer);
static void expire_start(struct request *request);
static enum status expire_work(struct request *request, struct db *db);
static void expire_done(struct request *request);

const struct route expiry_route = {
    .name = "grant.expire", .flags = ROUTE_NODE, .start = expire_start, .size = sizeof(struct expire_request)};

void expiry_init(struct acl *acl)
{
    wheel_timer_init(&acl->expiry_timer, expiry_fire);
}

void expiry_start(struct acl *acl)
{
    if (acl->next_until_ms && acl->next_until_ms <= clock_wall_ms())
        expiry_fire(&acl->expiry_timer);
    else
        expiry_arm(acl);
}

void expiry_note(struct acl *acl, int64_t until_ms)
{
    if (!until_ms || (acl->next_until_ms && acl->next_until_ms <= until_ms))
        return;
    acl->next_until_ms = until_ms;
    expiry_arm(acl);
}

static void expiry_arm(struct acl *acl)
{
    int64_t left_ms = acl->next_until_ms - clock_wall_ms();
    if (acl->next_until_ms && !acl->is_expiring)
        wheel_arm(hub_wheel(acl->hub), &acl->expiry_timer, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

static void expiry_fire(struct wheel_timer *timer)
{
    struct acl *acl = container_of(timer, struct acl, expiry_timer);
    if (acl->next_until_ms > clock_wall_ms()) {
        expiry_arm(acl);
        return;
    }
    hub_recheck(acl->hub, 0);
    struct request *request = dispatch_request(acl->dispatch, expiry_route.name);
    if (!request) {
        wheel_arm(hub_wheel(acl->hub), timer, AGAIN_MS);
        return;
    }
    acl->is_expiring = true;
    request->actor.is_shell = true;
    dispatch_start(request);
}

static void expire_start(struct request *request)
{
    if (request->node) /* the home's own business */
        request_finish(request, STATUS_FORBIDDEN);
    else
        request_write(request, expire_work, expire_done);
}

static enum status expire_work(struct request *request, struct db *db)
{
    struct expire_request *expire = container_of(request, struct expire_request, request);
    struct grant *gone = expire->gone;
    expire->count = 0;
    struct rows *rows = db_query(db, GRANT_SELECT "WHERE g.until <= ?1 ORDER BY g.id LIMIT ?2", "ii", clock_wall_ms(),
                                 (int64_t)GONE_MAX);
    while (rows_next(rows)) {
        struct grant_view view;
        grant_view(rows, &view);
        gone[expire->count++] = view.grant;
    }
    enum status status = rows_end(rows);
    for (size_t i = 0; i < expire->count && status == STATUS_OK; i++) {
        status = grant_delete(db, gone[i].id);
        if (status == STATUS_OK)
            status = grant_audit(db, 0, "expired", &gone[i], NULL, "");
    }
    if (expire->count)
        db_acl_changed(db);
    if (status == STATUS_OK)
        status = db_get_int(db, &expire->next_until_ms, "SELECT ifnull(min(until), 0) FROM \"grant\"", "");
    return status;
}

static void expire_done(struct request *request)
{
    struct expire_request *expire = container_of(request, struct expire_request, request);
    struct acl *acl = request->app;
    acl->is_expiring = false;
    if (request->status != STATUS_OK) {
        wheel_arm(hub_wheel(acl->hub), &acl->expiry_timer, AGAIN_MS);
        request_finish(request, request->status);
        return;
    }
    /* Grants that were made after this commit are put into memory after this. */
    for (size_t i = 0; i < expire->count; i++) {
        const struct grant *gone = &expire->gone[i];
        permissions_set(request_permissions(request), gone->subject, gone->subject_id, gone->model, 0);
        if (gone->subject == SUBJECT_USER)
            acl_announce(request, gone->subject_id);
    }
    /* Behind the last look at what people may listen to, which ends what is still to be sent. */
    for (size_t i = 0; i < expire->count; i++)
        acl_tell_grant(request, &expire->gone[i], NULL);
    acl->next_until_ms = expire->next_until_ms;
    expiry_arm(acl);
    request_finish(request, STATUS_OK);
}
