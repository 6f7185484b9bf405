/* node.c: builds a node in the order in which its parts need each other. */
#include "node.h"
#include <stdio.h>
#include <string.h>
#include "acl/models.h"
#include "base/batch.h"
#include "base/model_actions.h"
#include "lib/log.h"
#include "lib/random.h"
#include "operate.h"
#include "pages/server_api.h"

#define LOCK_WAIT_MS 2000 /* more than stop_ms */

struct load {
    struct store_job job;
    struct node *node;
    bool is_done;
};

static void chat_figures(void *context, struct ops_chat *figures);
static bool node_models(struct node *node, char *why, size_t why_size);
static bool node_store(struct node *node, char *why, size_t why_size);
static enum status record_default_grants(struct db *db, const char *model);
static bool node_load(struct node *node);

bool node_open(struct node *node, const struct settings *settings, bool is_edge, char *why, size_t why_size)
{
    if (!node_build(node, settings, is_edge, why, why_size))
        return false;
    if (is_edge)
        return true;
    if (!node_store(node, why, why_size)) {
        node_close(node);
        return false;
    }
    if (!node_load(node)) {
        snprintf(why, why_size, "the data base could not be read: see the lines above");
        node_close_store(node);
        node_close(node);
        return false;
    }
    acl_start(node->acl);
    while (dispatch_in_flight(node->dispatch))
        uv_run(&node->loop, UV_RUN_ONCE);
    chat_start(node->chat);
    return true;
}

bool node_build(struct node *node, const struct settings *settings, bool is_edge, char *why, size_t why_size)
{
    memset(node, 0, sizeof *node);
    node->settings = settings;
    node->is_edge = is_edge;
    random_id(node->id);
    snprintf(why, why_size, "there is not enough memory to start");
    if (uv_loop_init(&node->loop) != 0)
        return false;
    if (!is_edge) {
        node->permissions = permissions_new();
        node->sessions = sessions_new(settings->account_session_idle_s * 1000);
    }
    node->wheel = wheel_open(&node->loop);
    node->dispatch = dispatch_new(settings);
    bool has_state = is_edge || (node->permissions && node->sessions);
    if (!has_state || !node->wheel || !node->dispatch) {
        node_close(node);
        return false;
    }
    if (!is_edge)
        dispatch_set_home(node->dispatch, NULL, node->permissions, node->sessions);
    struct hub_options hub = {.settings = settings, .dispatch = node->dispatch, .wheel = node->wheel, .node = node->id};
    node->hub = hub_open(&hub, &node->loop);
    if (node->hub) {
        node->accounts = accounts_new(node->dispatch, node->hub, &node->loop);
        node->acl = acl_new(node->dispatch, node->hub);
        node->chat = chat_new(node->dispatch, node->hub);
        operate_add(node->dispatch);
        operate_connections_add(node->dispatch, node->hub);
        node->ops = (struct ops){.hub = node->hub, .chat = chat_figures, .context = node};
        ops_add(node->dispatch, &node->ops);
        server_api_add(node->dispatch, &node->ops);
        batch_add(node->dispatch);
    }
    if (!node->hub || !node->accounts || !node->acl || !node->chat || !node_models(node, why, why_size)) {
        node_close(node);
        return false;
    }
    return true;
}

static void chat_figures(void *context, struct ops_chat *figures)
{
    const struct node *node = context;
    chat_stats(node->chat, &figures->rooms, &figures->messages);
}

/* On an edge too: the routes must be there to be forwarded. If its folder is another, the home's answer counts. */
static bool node_models(struct node *node, char *why, size_t why_size)
{
    node->models = models_new();
    if (!node->models)
        return false;
    acl_relations(node->models, node->permissions);
    chat_relations(node->models, node->chat);
    if (!models_read_builtin(node->models, why, why_size) ||
        !models_read_folder(node->models, node->settings->data_schema, why, why_size) ||
        !models_finish(node->models, why, why_size))
        return false;
    dispatch_set_models(node->dispatch, node->models);
    if (!model_actions_add(node->dispatch, node->models))
        return false;
    node->feed = feed_new(node->dispatch, node->hub);
    node->ephemeral = node->feed ? ephemeral_new(node->dispatch, node->hub) : NULL;
    return node->ephemeral != NULL;
}

static bool node_store(struct node *node, char *why, size_t why_size)
{
    SCOPED(model_follow_free) struct model_follow follow = node_follow(node);
    struct store_options options = node_store_options(node->settings);
    options.prepare = model_follow_prepare(&follow);
    /* A server that is stopping says good-bye to its clients for so long. */
    options.lock_wait_ms = node->settings->stop_ms + LOCK_WAIT_MS;
    if (store_open(&options, &node->loop, &node->store, why, why_size) != STATUS_OK)
        return false;
    dispatch_set_home(node->dispatch, node->store, node->permissions, node->sessions);
    return true;
}

struct model_follow node_follow(const struct node *node)
{
    return (struct model_follow){
        .models = node->models, .folder = node->settings->data_schema, .given = record_default_grants};
}

/* They are changes of permissions as others are, made by whoever starts the program. */
static enum status record_default_grants(struct db *db, const char *model)
{
    struct grant given[2]; /* of everyone, and of the members */
    size_t count = 0;
    /* Those of this moment: one that was there before the model stayed as it was. */
    struct rows *rows = db_query(db,
                                 GRANT_SELECT "WHERE g.model = ?1 AND g.reason = 'default' AND g.created_at = (SELECT "
                                              "at FROM model_seen WHERE name = ?1) ORDER BY g.id",
                                 "t", model);
    while (count < ARRAY_LENGTH(given) && rows_next(rows)) {
        struct grant_view view;
        grant_view(rows, &view);
        given[count++] = view.grant;
    }
    enum status status = rows_end(rows);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = grant_audit(db, 0, "grant", NULL, &given[i], "default");
    return status;
}

struct store_options node_store_options(const struct settings *settings)
{
    return (struct store_options){
        .path = settings->data_path,
        .readers = (unsigned)settings->data_readers,
        .queue_jobs_max = (size_t)settings->data_queue_max,
        .group_max = (size_t)settings->data_group_max,
        .free_bytes_min = (uint64_t)settings->data_free_bytes_min,
        .synchronous = strcmp(settings->data_synchronous, "normal") == 0 ? 1 : 2,
    };
}

/* Reader thread, while the loop only waits for it. */
static enum status load_work(struct store_job *job, struct db *db)
{
    struct node *node = container_of(job, struct load, job)->node;
    enum status status = accounts_load(node->accounts, db);
    if (status == STATUS_OK)
        status = acl_load(node->acl, db);
    if (status == STATUS_OK)
        status = chat_load(node->chat, db);
    return status;
}

static void load_done(struct store_job *job)
{
    container_of(job, struct load, job)->is_done = true;
}

static bool node_load(struct node *node)
{
    struct load load = {.job = {.work = load_work, .done = load_done}, .node = node};
    store_read(node->store, &load.job);
    while (!load.is_done)
        uv_run(&node->loop, UV_RUN_ONCE);
    return load.job.status == STATUS_OK;
}

void node_close_store(struct node *node)
{
    store_close(node->store);
    node->store = NULL;
    if (node->dispatch && !node->is_edge)
        dispatch_set_home(node->dispatch, NULL, node->permissions, node->sessions);
    if (node->hub && !node->is_edge)
        hub_settle(node->hub);
}

void node_close(struct node *node)
{
    node_close_store(node);
    accounts_close(node->accounts);
    if (node->hub)
        hub_close(node->hub);
    if (node->wheel)
        wheel_close(node->wheel);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&node->loop) != 0)
        log_error("stop.handles", "the loop ended with open handles");
    chat_free(node->chat);
    acl_free(node->acl);
    accounts_free(node->accounts);
    hub_free(node->hub);
    feed_free(node->feed);
    ephemeral_free(node->ephemeral);
    if (node->dispatch)
        model_actions_free(node->dispatch);
    dispatch_free(node->dispatch);
    models_free(node->models);
    permissions_free(node->permissions);
    sessions_free(node->sessions);
}
