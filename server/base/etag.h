/* base/etag.h: versions of rows as entity tags, and the conditions that clients make of them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Is @list what If-Match may be: "*", or one or more quoted texts with commas between them? With @may_be_weak also
 * W/"…", as If-None-Match may have. "" (no condition) is fine. */
bool etag_list_is_fine(const char *list, bool may_be_weak);
/* Does @list, checked before, name @version ("*" names any)? */
bool etag_list_has(const char *list, int64_t version);
