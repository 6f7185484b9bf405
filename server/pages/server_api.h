/* pages/server_api.h: what back ends ask of the realtime side (POST /api/publish …), as those of a Centrifugo server.
 */
#pragma once
#include <stdbool.h>
#include "net/http.h"
#include "pages/ops.h"

/* Registers the action that does it at the home; @ops must outlive the dispatcher. */
void server_api_add(struct dispatch *dispatch, struct ops *ops);
/* False: @request is for another page, or the setting api.key is empty: then there is no such page. */
bool server_api_answer(struct dispatch *dispatch, struct http *http, const struct http_request *request);
