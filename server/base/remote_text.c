/* base/remote_text.c: a request that travels, and what comes back, as texts. A call is a JSON object that says who asks
 * for what, a line end, and the parameters, which thus may be as deep and long as at any door; an answer is a JSON
 * object, a line end, and the result as it is, so that a large one is not parsed on the way. */
#include "base/remote_text.h"
#include <stdlib.h>
#include <string.h>

static void member_number(struct buffer *json, const char *name, uint64_t value);
static void member_text(struct buffer *json, const char *name, const char *value);
static void persona_read(struct request *request, const cJSON *message);

void remote_call_print(const struct request *request, uint64_t node, uint64_t call, const char *home,
                       struct buffer *json)
{
    char *params = json_print(request->params);
    buffer_char(json, '{');
    member_number(json, "node", node);
    member_number(json, "call", call);
    member_text(json, "home", home);
    member_text(json, "action", request->route->name);
    member_number(json, "user", (uint64_t)request->actor.user_id);
    member_number(json, "session", (uint64_t)request->actor.session_id);
    member_text(json, "name", request->actor.name);
    member_text(json, "credential", request->credential);
    member_text(json, "csrf", request->csrf);
    member_text(json, "client", request->client);
    member_text(json, "peer", request->peer);
    member_text(json, "agent", request->agent);
    member_text(json, "if_match", request->if_match);
    member_text(json, "if_none_match", request->if_none_match);
    member_text(json, "idempotency_key", request->idempotency_key);
    member_text(json, "request", request->id);
    member_text(json, "persona", request->persona);
    if (request->actor.is_person)
        buffer_text(json, "\"is_person\":true,");
    buffer_printf(json, "\"query\":%s}\n", request->is_query ? "true" : "false");
    if (params)
        buffer_text(json, params);
    json->has_failed |= !params;
    free(params);
}

static void member_number(struct buffer *json, const char *name, uint64_t value)
{
    buffer_printf(json, "\"%s\":%llu,", name, (unsigned long long)value);
}

static void member_text(struct buffer *json, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    buffer_json_member(json, name, value);
    buffer_char(json, ',');
}

/* Who somebody is, the sessions here say, not the message: one that names a user without a session is nobody's, one
 * with a session of another user or that has ended is refused. */
void remote_call_read(struct request *request, const cJSON *message)
{
    int64_t user_id = json_get_int(message, "user", 0), session_id = json_get_int(message, "session", 0);
    struct session *session = session_id ? sessions_find_id(request_sessions(request), session_id) : NULL;
    if (session && session->user_id == user_id)
        session_actor(session, &request->actor);
    else if (session_id)
        request->actor.session_id = -1; /* of no session: the dispatcher refuses it */
    else if (!user_id)
        request->actor.is_person = json_get_bool(message, "is_person");
    persona_read(request, message);
    request->is_query = json_get_bool(message, "query");
    remote_copy(request->credential, sizeof request->credential, json_get_text(message, "credential"));
    remote_copy(request->csrf, sizeof request->csrf, json_get_text(message, "csrf"));
    remote_copy(request->client, sizeof request->client, json_get_text(message, "client"));
    remote_copy(request->peer, sizeof request->peer, json_get_text(message, "peer"));
    remote_copy(request->agent, sizeof request->agent, json_get_text(message, "agent"));
    remote_copy(request->if_match, sizeof request->if_match, json_get_text(message, "if_match"));
    remote_copy(request->if_none_match, sizeof request->if_none_match, json_get_text(message, "if_none_match"));
    remote_copy(request->idempotency_key, sizeof request->idempotency_key, json_get_text(message, "idempotency_key"));
    remote_copy(request->id, sizeof request->id, json_get_text(message, "request"));
}

static void persona_read(struct request *request, const cJSON *message)
{
    const char *persona = json_get_text(message, "persona");
    free(request->persona);
    request->persona = persona ? strdup(persona) : NULL;
}

void remote_answer_print(const struct request *request, struct buffer *json)
{
    buffer_char(json, '{');
    member_number(json, "call", request->door_id);
    member_text(json, "detail", request->detail);
    if (request->errors.length)
        member_text(json, "errors", request->errors.bytes);
    if (request->needs.length)
        member_text(json, "needs", request->needs.bytes);
    member_number(json, "user", (uint64_t)request->actor.user_id);
    /* Without a session it has none to tell of. */
    member_number(json, "session", request->actor.session_id > 0 ? (uint64_t)request->actor.session_id : 0);
    member_text(json, "name", request->actor.name);
    if (request->actor.is_token)
        buffer_text(json, "\"is_token\":true,");
    if (request->persona_is_new)
        member_text(json, "persona", request->persona);
    if (request->actor.is_person)
        buffer_text(json, "\"is_person\":true,");
    member_number(json, "created", (uint64_t)request->created_id);
    member_number(json, "version", (uint64_t)request->version);
    if (request->is_replayed)
        buffer_text(json, "\"replayed\":true,");
    member_number(json, "retry", (uint64_t)request->retry_after_s);
    if (request->session_token) {
        buffer_json_member(json, "token", request->session_token);
        buffer_char(json, ',');
    }
    if (request->position.is_positioned) {
        member_text(json, "epoch", request->position.epoch);
        member_number(json, "offset", request->position.offset);
    }
    buffer_printf(json, "\"status\":\"%s\"}\n", status_code(request->status));
    if (request->result.length)
        buffer_append(json, request->result.bytes, request->result.length);
}

void remote_answer_read(struct request *request, const cJSON *answer)
{
    const char *detail = json_get_text(answer, "detail");
    const char *errors = json_get_text(answer, "errors"), *token = json_get_text(answer, "token");
    const char *needs = json_get_text(answer, "needs");
    if (detail)
        request_refuse(request, STATUS_OK, "%s", detail);
    if (errors)
        buffer_text(&request->errors, errors);
    if (needs)
        buffer_text(&request->needs, needs);
    if (token)
        request->session_token = strdup(token);
    request->actor.user_id = json_get_int(answer, "user", 0);
    request->actor.session_id = json_get_int(answer, "session", 0);
    remote_copy(request->actor.name, sizeof request->actor.name, json_get_text(answer, "name"));
    request->actor.is_token = json_get_bool(answer, "is_token");
    request->actor.is_person = json_get_bool(answer, "is_person");
    if (json_get_text(answer, "persona")) {
        persona_read(request, answer);
        request->persona_is_new = true;
    }
    request->created_id = json_get_int(answer, "created", 0);
    request->version = json_get_int(answer, "version", 0);
    request->is_replayed = json_get_bool(answer, "replayed");
    request->retry_after_s = json_get_int(answer, "retry", 0);
    const char *epoch = json_get_text(answer, "epoch");
    if (epoch) {
        request->position.is_positioned = true;
        remote_copy(request->position.epoch, sizeof request->position.epoch, epoch);
        request->position.offset = (uint64_t)json_get_int(answer, "offset", 0);
    }
}

void remote_copy(char *to, size_t size, const char *from)
{
    size_t length = from ? strlen(from) : 0;
    if (length >= size)
        length = size - 1;
    if (length)
        memcpy(to, from, length);
    to[length] = '\0';
}
