/* base/etag.c: lists of entity tags (RFC 9110, 8.8.3), read without copying. */
#include "base/etag.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t"

/* Step over one tag. NULL: there is none here. */
static const char *tag_end(const char *at, bool may_be_weak)
{
    if (may_be_weak && strncmp(at, "W/", 2) == 0)
        at += 2;
    if (*at != '"')
        return NULL;
    for (at++; *at && *at != '"'; at++)
        if ((unsigned char)*at < '!' || *at == 0x7f)
            return NULL;
    return *at ? at + 1 : NULL;
}

/* The tag that follows, behind blanks and commas; NULL at the end. */
static const char *tag_begin(const char *at)
{
    at += strspn(at, BLANKS ",");
    return *at ? at : NULL;
}

bool etag_list_is_fine(const char *list, bool may_be_weak)
{
    if (!list[0] || strcmp(list, "*") == 0)
        return true;
    bool has_any = false;
    for (const char *at = tag_begin(list); at; at = tag_begin(at), has_any = true) {
        at = tag_end(at, may_be_weak);
        if (!at)
            return false;
        at += strspn(at, BLANKS);
        if (*at && *at != ',')
            return false;
    }
    return has_any;
}

bool etag_list_has(const char *list, int64_t version)
{
    char wanted[24];
    int length = snprintf(wanted, sizeof wanted, "\"%lld\"", (long long)version);
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = tag_begin(list); at; at = tag_begin(at)) {
        const char *tag = strncmp(at, "W/", 2) == 0 ? at + 2 : at;
        at = tag_end(at, true);
        if (!at)
            return false;
        if (at - tag == length && memcmp(tag, wanted, (size_t)length) == 0)
            return true;
    }
    return false;
}
