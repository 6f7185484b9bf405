/* base/remote_text.h: a request that travels between nodes, and what comes back, as texts. Loop thread. */
#pragma once
#include "base/request.h"
#include "base/session.h"

/* Whole, with its parameters. @call is its number on the edge @node, 0: it waits for no answer; @home: whom it is meant
 * for, "": whoever is there. Without memory @json has failed. */
void remote_call_print(const struct request *request, uint64_t node, uint64_t call, const char *home,
                       struct buffer *json);
/* Who asks, and how: all of a call but its action and its parameters. */
void remote_call_read(struct request *request, const cJSON *message);
/* Whole, with its result. */
void remote_answer_print(const struct request *request, struct buffer *json);
/* All of an answer but its status and its result. */
void remote_answer_read(struct request *request, const cJSON *answer);
/* As much of @from (NULL: "") as @size takes. */
void remote_copy(char *to, size_t size, const char *from);
