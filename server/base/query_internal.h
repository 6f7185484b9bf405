/* base/query_internal.h: what the parts of a query share. Private to query*.c. */
#pragma once
#include "base/query.h"

/* By what a long text is sorted: its first characters, so that a cursor stays short. */
#define SORT_CHARACTERS 200

/* May texts of the field be longer than that? */
static inline bool sort_is_cut(const struct field *field)
{
    return field->kind == FIELD_TEXT && (field->length_max < 0 || field->length_max > SORT_CHARACTERS);
}
/* A copy of @text that lives as long as @query. There is room for it: query_read() reserved enough for whatever is
 * made of the parameters, so that no text moves while others are added. */
const char *query_keep(struct query *query, const char *text, size_t length);
/* Read @text into query->after. Sort, filters and search must be known. errors MALFORMED, or a fault */
enum status query_cursor_read(struct request *request, struct query *query, const char *text);
