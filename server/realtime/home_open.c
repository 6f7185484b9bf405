/* realtime/home_open.c: what the home answers to connect and refresh: who somebody is, and until when. Asked by this
 * node's own connections and by edges, through the same actions. Loop thread. */
#include "lib/clock.h"
#include "realtime/internal.h"

bool open_to_everyone(struct request *request)
{
    const struct hub *hub = request->app;
    bool is_open = permissions_have_public(request_permissions(request));
    for (size_t i = 0; i < hub->kinds_count; i++)
        is_open |= hub->kinds[i].kind->is_open;
    return is_open;
}

void open_start(struct request *request)
{
    struct sessions *sessions = request_sessions(request);
    struct session *session = request->actor.session_id ? sessions_find_id(sessions, request->actor.session_id) : NULL;
    /* The cookie goes first; the token that connect brought is the second way: one of our own by its digest, or one
     * that another system made as it is. */
    const char *digest = json_get_text(request->params, "token"), *token = json_get_text(request->params, "jwt");
    if (!session && token) {
        token_open_start(request, token);
        return;
    }
    if (!session && digest) {
        session = sessions_find(sessions, digest, clock_wall_ms());
        if (!session) {
            request_finish(request, STATUS_UNAUTHENTICATED);
            return;
        }
        session_actor(session, &request->actor);
    }
    if (!session && !open_to_everyone(request)) {
        request_finish(request, STATUS_FORBIDDEN);
        return;
    }
    buffer_printf(request_result(request), "{\"expires_at\":%lld}", session ? (long long)session->expires_ms : 0LL);
    request_finish(request, STATUS_OK);
}

void refresh_start(struct request *request)
{
    const char *token = json_get_text(request->params, "jwt");
    if (token) {
        token_refresh_start(request, token);
        return;
    }
    /* The dispatcher resolved the new token; it must be of the same person. */
    int64_t user_id = json_get_int(request->params, "user", 0);
    if (!request->actor.user_id || request->actor.user_id != user_id) {
        request_refuse(request, STATUS_UNAUTHENTICATED, "This token is not valid for this connection.");
        request_finish(request, STATUS_UNAUTHENTICATED);
        return;
    }
    struct session *session = sessions_find_id(request_sessions(request), request->actor.session_id);
    int64_t left_s = session ? (session->expires_ms - clock_wall_ms()) / 1000 : 0;
    struct buffer *json = request_result(request);
    buffer_char(json, '{');
    buffer_json_member(json, "client", request->client);
    buffer_printf(json, ",\"version\":\"" PARLEY_VERSION "\",\"expires\":true,\"ttl\":%lld}", (long long)left_s);
    request_finish(request, STATUS_OK);
}
