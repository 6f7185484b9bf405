/* base/along.h: what goes along with a row that is deleted: rows of models that refer to it go too, or refer to nothing
 * from then on. It must be known, because those rows get a new version, and their feeds tell of them. */
#pragma once
#include "base/dispatch.h"
#include "base/model.h"

/* Told one by one up to so many: each is judged for each listener, in one turn of the loop. */
#define ALONG_MAX 100

struct along_row {
    struct row *before, *after; /* after: NULL: it went too */
    bool is_emptied;            /* it stays, and refers to nothing */
};
struct along {
    const struct model *model; /* of the row that is deleted */
    int64_t id;
    struct along_row rows[ALONG_MAX];
    size_t count;                            /* 0: nothing, or too much */
    bool is_too_much;                        /* to be told one by one */
    uint64_t models[(MODELS_MAX + 63) / 64]; /* then: bits of the models of those rows */
};

/**
 * Before row @id of @model is deleted: note what refers to it, and empty those references that are to be emptied.
 * Built-in models that refer to it are their applications' business. NULL @model: nothing is noted.
 * thread  writer
 * errors  CONFLICT, in words, if something refers to it that must not lose it
 */
enum status along_follow(struct along *along, struct request *request, struct db *db, const struct model *model,
                         int64_t id);
/* After it was deleted: read what stays, as it is now. thread writer */
enum status along_finish(struct along *along, struct db *db);
/* After the commit. thread loop */
void along_announce(const struct along *along, struct dispatch *dispatch);
/* Forget all. thread any that holds the request */
void along_clear(struct along *along);
