/* base/refusal.c: what a refused request lacks, and up to three people to ask for it. */
#include "base/refusal.h"
#include <stdlib.h>
#include "base/dispatch.h"
#include "lib/clock.h"

#define ASK_MAX 3
/* To find them all rights of all people are looked at: not anew for each of many refusals. */
#define GIVERS_MAX 16
#define PLACES     128
#define KEPT_MS    10000

/* Who may give @right on @model. */
struct givers {
    const char *model; /* the route's own text; NULL: the place is free */
    unsigned right;
    uint64_t acl_version;
    int64_t found_ms;
    size_t count;
    int64_t ids[GIVERS_MAX];
};
struct refusals {
    struct givers places[PLACES];
};

struct person {
    int64_t id;
    const char *name;
};

static size_t people_find(struct request *request, struct person *people);
static const struct givers *givers_find(struct request *request);
static void sentence_write(struct request *request, const struct person *people, size_t count);

struct refusals *refusals_new(void)
{
    return calloc(1, sizeof(struct refusals));
}

void refusals_free(struct refusals *refusals)
{
    free(refusals);
}

enum status request_forbid(struct request *request, unsigned missing)
{
    if (!missing)
        return request_refuse(request, STATUS_FORBIDDEN, "Only an administrator may do this.");
    request->lacks = missing & -missing;
    return request_refuse(request, STATUS_FORBIDDEN, "You may not %s %s. An administrator can grant it.",
                          right_word(request->lacks), request->route->model);
}

void refusal_explain(struct request *request)
{
    struct buffer *json = &request->needs;
    struct person people[ASK_MAX];
    if (!request->lacks || json->length)
        return;
    buffer_text(json, "\"needs\":{");
    buffer_json_member(json, "model", request->route->model);
    buffer_char(json, ',');
    buffer_json_member(json, "right", right_word(request->lacks));
    buffer_char(json, '}');
    /* What its token is not for, nobody can grant. */
    if (!(request->scope & request->lacks)) {
        request_refuse(request, STATUS_FORBIDDEN, "This API token may not %s %s.", right_word(request->lacks),
                       request->route->model);
        return;
    }
    size_t count = people_find(request, people);
    if (!count)
        return;
    buffer_text(json, ",\"ask\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(json, "%s{\"id\":%lld,", i ? "," : "", (long long)people[i].id);
        buffer_json_member(json, "name", people[i].name);
        buffer_char(json, '}');
    }
    buffer_char(json, ']');
    sentence_write(request, people, count);
}

/* Those who have a session, as the others will hardly answer soon; and only for who may see people at all. */
static size_t people_find(struct request *request, struct person *people)
{
    struct permissions *permissions = request_permissions(request);
    size_t count = 0;
    if (!permissions_allow(permissions, &request->actor, "user", RIGHT_READ))
        return 0;
    const struct givers *givers = givers_find(request);
    for (size_t i = 0; givers && i < givers->count && count < ASK_MAX; i++) {
        const char *name = sessions_name(request_sessions(request), givers->ids[i]);
        /* It may have ended since it was found. */
        if (name && permissions_may_give(permissions, givers->ids[i], givers->model, givers->right))
            people[count++] = (struct person){givers->ids[i], name};
    }
    return count;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* From the places, or by a walk. NULL: nobody knows (no memory). */
static const struct givers *givers_find(struct request *request)
{
    struct refusals *refusals = dispatch_refusals(request->dispatch);
    const struct permissions *permissions = request_permissions(request);
    const char *model = request->route->model;
    size_t index = ((uintptr_t)model / 8 + request->lacks) % PLACES;
    struct givers *givers = &refusals->places[index];
    int64_t now_ms = clock_monotonic_ms();
    if (givers->model == model && givers->right == request->lacks && givers->acl_version == request->acl_version &&
        now_ms - givers->found_ms < KEPT_MS)
        return givers;
    *givers = (struct givers){
        .model = model, .right = request->lacks, .acl_version = request->acl_version, .found_ms = now_ms};
    size_t cursor = 0;
    int64_t id;
    while (givers->count < GIVERS_MAX && (id = permissions_giver_next(permissions, model, givers->right, &cursor)))
        givers->ids[givers->count++] = id;
    qsort(givers->ids, givers->count, sizeof givers->ids[0], compare_ids);
    return givers;
}

/* "You may not write news. ann, bob or eve can grant it." */
static void sentence_write(struct request *request, const struct person *people, size_t count)
{
    SCOPED(buffer_free) struct buffer names = {0};
    for (size_t i = 0; i < count; i++)
        buffer_printf(&names, "%s%s", !i ? "" : i == count - 1 ? " or " : ", ", people[i].name);
    if (!names.has_failed)
        request_refuse(request, STATUS_FORBIDDEN, "You may not %s %s. %s can grant it.", right_word(request->lacks),
                       request->route->model, names.bytes);
}
