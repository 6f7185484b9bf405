/* acl/dry_run.h: what the two files of dry runs share. */
#pragma once
#include "acl/state.h"

#define NAMES_SHOWN 20

/* Who would lose something, and who would gain. */
struct outcome {
    int64_t lose, gain;
    struct buffer losing, gaining; /* the first NAMES_SHOWN of them: {"id":3,"name":"ann"}, … */
    unsigned self_lost;            /* what the one who asks would lose himself */
    size_t subscriptions;          /* open ones that would be cut off */
};
struct change {
    struct grant grant;
    const char *name; /* of the subject; points into params */
    const struct model *model;
    struct grant_expected expected;
    enum status status;     /* OK, or why it would be refused */
    char *detail;           /* the same in words; owned */
    struct outcome outcome; /* of this change alone */
};
struct dry_run_request {
    struct request request;
    struct change *changes; /* owned */
    size_t count;
    struct dry_run_request **place;     /* in the application's list; NULL: it has none */
    struct permissions *before, *after; /* owned: as it is, and as it would be */
    struct outcome outcome;             /* of all changes that would not be refused */
    char name[NAME_SIZE];               /* of the person who was compared last; "": nobody was */
    bool are_compared;                  /* all people */
    size_t counted;                     /* changes whose subscriptions have been counted */
};
static inline struct dry_run_request *dry_run_request(struct request *request)
{
    return container_of(request, struct dry_run_request, request);
}

/* A change is not right: noted, with its place. Returns false. */
bool change_wrong(struct request *request, size_t index, const char *field, const char *words);
void outcome_free(struct outcome *outcome); /* what it owns */

/* ---- dry_run_people.c: reader thread, on permissions of its own ---- */
/* First the changes are judged, and then people compared, in pieces, until are_compared. */
request_work dry_run_work, dry_run_people_work;
